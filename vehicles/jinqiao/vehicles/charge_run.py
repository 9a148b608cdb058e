"""`catalog charge`: one charge from plug to target, as a station's log shows it.

The cars are rows of a `Fleet`, new and with a battery management that knows its charge, so a charge here is what a
fleet's car does. The clock starts when power flows: handshake and precharge (20 s in the simulator) stand before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from jinqiao.base.errors import InputError

from .fleet import Fleet
from .modes import ChargingState
from .vehicle_file import VehicleModel

__all__ = ["AC_MOST_KW", "ChargePoint", "ChargeResult", "simulate_charge", "simulate_charges"]

#: At or below this power of the station the AC side is used, kW (three phases of 32 A at 230 V).
AC_MOST_KW = 22.0
#: The curve holds a point each half percent.
POINT_PERCENT = 0.5
#: No charge takes longer, s; a car that gets no power would charge for ever.
MOST_S = 4 * 86_400
#: Less than this power into the pack for a whole minute is no charge any more, kW.
NOTHING_KW, PATIENCE_S = 0.01, 60
SEED = 1


class ChargePoint(NamedTuple):
    """Shown SoC, %; power into the pack, kW, and its voltage, V; pack temperature, degC."""

    soc: float
    kw: float
    volt: float
    degc: float


@dataclass(frozen=True, slots=True)
class ChargeResult:
    """`kwh_delivered` left the station, `kwh_battery` arrived at the pack's terminals; `peak_kw` is at the pack.

    `stop_reason`: `target` when the target was reached, `no_power` when nothing flowed any more.
    """

    minutes: float
    kwh_delivered: float
    kwh_battery: float
    peak_kw: float
    curve: tuple[ChargePoint, ...]
    stop_reason: str

    def as_dict(self) -> dict[str, Any]:
        """The JSON form of the command."""
        return {
            "minutes": round(self.minutes, 3),
            "kwh_delivered": round(self.kwh_delivered, 4),
            "kwh_battery": round(self.kwh_battery, 4),
            "peak_kw": round(self.peak_kw, 3),
            "curve": [
                [round(point.soc, 3), round(point.kw, 3), round(point.volt, 2), round(point.degc, 2)]
                for point in self.curve
            ],
            "stop_reason": self.stop_reason,
        }


def simulate_charge(
    model: VehicleModel,
    *,
    from_percent: float = 10.0,
    to_percent: float = 80.0,
    power_kw: float = 350.0,
    ambient_degc: float = 25.0,
    pack_degc: float = 30.0,
) -> ChargeResult:
    """One car from one shown percentage to another at a station of `power_kw`; InputError on bad input."""
    return simulate_charges(
        [model],
        from_percent=from_percent,
        to_percent=to_percent,
        power_kw=[power_kw],
        ambient_degc=ambient_degc,
        pack_degc=pack_degc,
    )[0]


def simulate_charges(
    models: Sequence[VehicleModel],
    *,
    from_percent: float = 10.0,
    to_percent: float = 80.0,
    power_kw: Sequence[float],
    ambient_degc: float = 25.0,
    pack_degc: float = 30.0,
) -> list[ChargeResult]:
    """The same for many cars side by side, each at a station of its own; one result per car, in order."""
    _check(models, from_percent, to_percent, power_kw)
    n = len(models)
    fleet = Fleet(
        models,
        np.arange(n, dtype=np.int16),
        seed=SEED,
        initial_soc=np.full(n, from_percent / 100.0),
        ambient_degc=ambient_degc,
        dynamometer=True,
    )
    fleet.state_of_health[:] = 1.0
    fleet.pack_temperature_degc[:] = fleet.coolant_temperature_degc[:] = pack_degc
    offered = np.array(power_kw, dtype=np.float32)
    fleet.begin_charge(slice(None), np.where(offered <= AC_MOST_KW, np.uint8(1), np.uint8(2)))
    fleet.charging_state[:] = ChargingState.CHARGING
    fleet.charge_limit[:] = int(np.ceil(to_percent))
    logs = [_Log(fleet, row, to_percent / 100.0) for row in range(n)]
    for _ in range(MOST_S):
        rows = np.array([log.row for log in logs if not log.stop_reason], dtype=np.intp)
        if not len(rows):
            break
        fleet.charge(rows, offered[rows], ambient_degc)
        shown = fleet.displayed_soc(rows)
        for row, soc in zip(rows.tolist(), shown.tolist(), strict=True):
            logs[row].take(soc)
    return [log.result() for log in logs]


def _check(models: Sequence[VehicleModel], first: float, last: float, power_kw: Sequence[float]) -> None:
    for model in models:
        if model.charging is None:
            raise InputError(f"{model.id}: the vehicle file has no charging block")
    if not 0.0 <= first < last <= 100.0:
        raise InputError(f"from and to: found {first:g} to {last:g}, expected 0 <= from < to <= 100")
    if any(not 0.0 < power < np.inf for power in power_kw):
        raise InputError("power-kw: expected more than 0")


class _Log:
    """What one car's charge has come to; a step across the target counts up to the target."""

    def __init__(self, fleet: Fleet, row: int, target: float) -> None:
        self._fleet, self.row, self._target = fleet, row, target
        self._soc = float(fleet.displayed_soc(slice(row, row + 1))[0])
        self._seconds = self._delivered_kwh = self._battery_kwh = self._peak_kw = 0.0
        self._idle_s = 0
        self._curve: list[ChargePoint] = []
        self._next_percent = 0.0
        self.stop_reason = ""

    def take(self, soc: float) -> None:
        """Take the second that led to this shown SoC (0..1)."""
        fleet, row = self._fleet, self.row
        power_kw = -float(fleet.pack_voltage_v[row]) * float(fleet.pack_current_a[row]) * 1e-3
        gained = soc - self._soc
        reached = soc >= self._target - 1e-7
        part = min(1.0, (self._target - self._soc) / gained) if reached and gained > 0 else 1.0
        self._seconds += part
        self._delivered_kwh += float(fleet.charge_power_kw[row]) * part / 3600.0
        self._battery_kwh += power_kw * part / 3600.0
        self._peak_kw = max(self._peak_kw, power_kw)
        self._soc = soc
        self._idle_s = 0 if power_kw > NOTHING_KW else self._idle_s + 1
        if reached:
            self.stop_reason = "target"
        elif self._idle_s >= PATIENCE_S:
            self.stop_reason = "no_power"
        percent = min(soc, self._target) * 100.0
        if percent >= self._next_percent or self.stop_reason:
            self._next_percent = percent + POINT_PERCENT
            voltage, degc = float(fleet.pack_voltage_v[row]), float(fleet.pack_temperature_degc[row])
            self._curve.append(ChargePoint(percent, power_kw, voltage, degc))

    def result(self) -> ChargeResult:
        return ChargeResult(
            self._seconds / 60.0,
            self._delivered_kwh,
            self._battery_kwh,
            self._peak_kw,
            tuple(self._curve),
            self.stop_reason or "no_power",
        )

"""GB/T 27930 beside a simulation: the session of one plugged-in car, derived second by second from its telemetry.

The simulation decides what happens; the bus says it. So the messages' values are the telemetry's of the same second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ..damage.state import Cause
from ..modes import ChargingState
from ..vehicle_file import VehicleModel
from .car import MOST_A, Car, Station
from .endings import FOUND
from .messages import Side
from .session import BusFrame, Session

__all__ = ["LiveCar", "LiveSession", "Seen"]

_SECOND_US = 1_000_000
#: Length of the insulation test with which the first BCL falls into the last second of the simulation's handshake
#: of 20 s (simulator: `HANDSHAKE_S`); the standard sets no length.
_INSULATION_S = 13.55
#: Where a charge stands that was going on before anybody listened, or goes on without another handshake.
_UNDER_WAY: Mapping[Side, str] = {"charger": "ready", "bms": "ready"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What the telemetry of a second shows: `signals` by name of the signal table, and what the BMS accepts, kW.

    `cause` is why the battery management has ended a charge in `state` FAULT; else it was the charger.
    """

    state: ChargingState
    signals: Mapping[str, float]
    acceptable_kw: float
    at_limit: bool
    cause: Cause = Cause.NONE


class LiveCar(Car):
    """A car whose values somebody else computes; `see` brings those of a second."""

    def __init__(self, model: VehicleModel, vin: bytes, station: Station) -> None:
        super().__init__(model, station, vin)
        self._signals: Mapping[str, float] = {}
        self._wanted_kw = 0.0
        self._counted_from_kwh: float | None = None

    def see(self, seen: Seen) -> None:
        """The values of this second; the first with current is where energy and minutes are counted from."""
        self._signals = seen.signals
        self.said.clear()
        self.soc = seen.signals["soc_displayed"] / 100.0
        self.allowed = seen.state != ChargingState.SUSPENDED
        self._wanted_kw = seen.acceptable_kw if self.allowed else 0.0
        charged_kwh = seen.signals["energy_charged"]
        if self._counted_from_kwh is None:
            self._counted_from_kwh = charged_kwh
        if seen.state == ChargingState.CHARGING:
            self.seconds += 1.0
        self.delivered_kwh = max(0.0, charged_kwh - self._counted_from_kwh)

    def step(self) -> float | None:
        """Nothing: the simulation charges, and says when it is over."""
        return None

    def stop(self) -> None:
        """Nothing, likewise."""

    def signal(self, name: str) -> float:
        return self._signals[name]

    @property
    def voltage_v(self) -> float:
        return self._signals["pack_voltage"]

    @property
    def wire_a(self) -> float:
        return max(-MOST_A, self._signals["pack_current"])

    @property
    def output_a(self) -> float:
        return max(-MOST_A, -self._signals["charge_power"] * 1000.0 / max(self.voltage_v, 1.0))

    def wanted_a(self) -> float:
        return min(self._wanted_kw * 1000.0 / max(self.voltage_v, 1.0), self.station.most_a, self.most_a)


class LiveSession:
    """One session: `second` plays the next second of it.

    A car that is first seen in the handshake goes through all of it; one that charges already begins with BRO and CRO.
    """

    def __init__(self, car: LiveCar, first: Seen, began: datetime) -> None:
        self.car = car
        whole = first.state == ChargingState.HANDSHAKE
        self._session = (
            Session(car, insulation_s=_INSULATION_S, began=began)
            if whole
            else Session(car, start=_UNDER_WAY, began=began)
        )
        self._played_s = 0
        self._full = False

    def second(self, seen: Seen) -> list[BusFrame]:
        """The frames of one second, stamped from its start; `seen` is how the car stands at its end."""
        self.car.see(seen)
        if seen.state == ChargingState.CHARGING:
            self._full = seen.at_limit  # without current the display may fall below it again
        if seen.state in _ENDS:
            finished = seen.state == ChargingState.FINISHED
            why = "target" if finished and self._full else _ENDS[seen.state]
            if seen.state == ChargingState.FAULT:
                why = FOUND.get(seen.cause, why)
            self._session.end(why)
        start_us = self._played_s * _SECOND_US
        self._played_s += 1
        return [
            frame._replace(time_us=frame.time_us - start_us) for frame in self._session.until(start_us + _SECOND_US)
        ]

    @property
    def over(self) -> bool:
        """Whether nothing more will be said."""
        return self._session.over


#: The ending of a session that the simulation has ended, by where its charging stands then.
_ENDS: Mapping[ChargingState, str] = {
    ChargingState.FINISHED: "hand",
    ChargingState.IDLE: "hand",
    ChargingState.FAULT: "charger_fault",
}

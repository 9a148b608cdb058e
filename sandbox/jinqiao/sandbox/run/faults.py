"""Faults of a scenario at work: what each kind does to the run, and the label that tells the truth about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from jinqiao.gateway.house import HouseLink
from jinqiao.gateway.mqtt.encoding import encode
from jinqiao.gateway.mqtt.packets import Publish
from jinqiao.gateway.vehicle_links import VehicleLinks
from jinqiao.simulator.fault_plan import FaultChange, FaultPlan
from jinqiao.simulator.scenario.fault import (
    CanBusOff,
    CanCounterJump,
    CanErrorFrames,
    CanMissingMessage,
    CanStuckSignal,
    CanWrongChecksum,
    FaultSpec,
    OtaFailure,
    TroubleCode,
)
from jinqiao.simulator.world import World
from jinqiao.vehicles.modes import ChargingState

from .can_stream import CanStream
from .summary import Summary

__all__ = ["EFFECTS", "LABEL_TOPIC", "FaultInjector"]

#: By product key and device name.
LABEL_TOPIC = "/{}/{}/user/label"
KIND = "label"
Rows: TypeAlias = NDArray[np.intp]
#: +1 when a fault begins, -1 when it ends.
Turn: TypeAlias = Literal[1, -1]


@dataclass(frozen=True, slots=True)
class Broken:
    """What faults can reach. Rows of `can` faults are places in `CanStream.rows`, all others fleet rows."""

    world: World
    can: CanStream


def _missing(run: Broken, spec: Any, rows: Rows, turn: Turn) -> None:
    assert isinstance(spec, CanMissingMessage)
    run.can.faults.missing[run.can.faults.message_index[spec.message], rows] += turn


def _stuck(run: Broken, spec: Any, rows: Rows, turn: Turn) -> None:
    assert isinstance(spec, CanStuckSignal)
    if turn > 0:
        run.can.faults.freeze(spec.signal, rows)
    else:
        run.can.faults.release(spec.signal, rows)


def _checksum(run: Broken, spec: Any, rows: Rows, turn: Turn) -> None:
    assert isinstance(spec, CanWrongChecksum)
    run.can.faults.wrong_checksum[run.can.faults.message_index[spec.message], rows] += turn


def _jump(run: Broken, spec: Any, rows: Rows, _: Turn) -> None:
    assert isinstance(spec, CanCounterJump)
    run.can.faults.counter_jump[run.can.faults.message_index[spec.message], rows] += spec.by


def _bus_off(run: Broken, spec: Any, rows: Rows, turn: Turn) -> None:
    assert isinstance(spec, CanBusOff)
    run.can.faults.bus_off[run.can.faults.sender_index[spec.node], rows] += turn


def _errors(run: Broken, spec: Any, rows: Rows, turn: Turn) -> None:
    assert isinstance(spec, CanErrorFrames)
    rates = run.can.faults.error_rate
    # Rates add up; what is left of a sum of floats after the last has ended is none.
    rates[rows] = np.where(np.abs(rates[rows] + turn * spec.rate) < 1e-9, 0.0, rates[rows] + turn * spec.rate)


def _ota(run: Broken, spec: Any, rows: Rows, turn: Turn) -> None:
    assert isinstance(spec, OtaFailure)
    run.world.fleet.ota_failure[rows] = spec.step if turn > 0 else 0


def _dtc(run: Broken, spec: Any, rows: Rows, _: Turn) -> None:
    assert isinstance(spec, TroubleCode)
    for row in rows.tolist():
        run.world.store_dtc(row, spec.code)


def _charger(run: Broken, _: Any, rows: Rows, __: Turn) -> None:
    for row in rows.tolist():
        run.world.fail_charger(row)


#: Kind → what its beginning and its end do.
EFFECTS: Mapping[str, Callable[[Broken, Any, Rows, Turn], None]] = {
    "can_missing_message": _missing,
    "can_stuck_signal": _stuck,
    "can_wrong_checksum": _checksum,
    "can_counter_jump": _jump,
    "can_bus_off": _bus_off,
    "can_error_frames": _errors,
    "ota_failure": _ota,
    "dtc": _dtc,
    "charger_fault": _charger,
}


class FaultInjector:
    """Begins and ends the faults of a run at their seconds; `run` before the second is simulated."""

    def __init__(self, world: World, can: CanStream, seed: int, product_key: str, names: NDArray[np.bytes_]) -> None:
        self._plan = FaultPlan([spec for spec in world.scenario.faults if isinstance(spec, FaultSpec)], seed)
        self._broken = Broken(world, can)
        self._product_key, self._names = product_key, names
        self._fleets = {name: rows for name, rows, _ in world.fleets}
        # The vehicles with CAN stand together when only they are counted; each fleet's are a slice of them, too.
        self._can_fleets = {
            name: slice(*np.searchsorted(can.rows, (rows.start, rows.stop)).tolist())
            for name, rows in self._fleets.items()
        }

    def next_s(self) -> int:
        """The second of the next beginning or end."""
        return self._plan.next_s()

    def run(self, second: int) -> list[FaultChange]:
        """Let happen what is due at `second`; what came of it, in the order of time."""
        changes = self._plan.due(second, self._pick)
        for change in changes:
            rows = change.rows
            if _is_can(change.spec):
                rows = np.searchsorted(self._broken.can.rows, rows).astype(np.intp)
            EFFECTS[change.spec.kind](self._broken, change.spec, rows, -1 if change.phase == "end" else 1)
        return changes

    def _pick(self, spec: FaultSpec, purpose: str) -> Rows:
        """The vehicles it strikes: of those that send CAN, if it is a fault of the buses."""
        state, draws = self._broken.world.fleet.vehicle_state, self._broken.world.draws
        if not _is_can(spec):
            rows = spec.on.pick(self._fleets, state, lambda fitting: draws.of(fitting).words(purpose))
            charging = self._broken.world.fleet.charging_state[rows] == ChargingState.CHARGING
            return rows[charging] if spec.kind == "charger_fault" else rows
        rows = self._broken.can.rows
        return rows[spec.on.pick(self._can_fleets, state[rows], lambda fitting: draws.of(rows[fitting]).words(purpose))]

    async def publish(
        self, changes: list[FaultChange], link: HouseLink | None, own: VehicleLinks, summary: Summary
    ) -> None:
        """One label a vehicle and change."""
        for change in changes:
            for row in change.rows.tolist():
                packet = encode(self.label(change, row))
                summary.add(KIND, 1, packet)
                if len(own) and own.owns(np.array([row], np.int32))[0]:
                    if not own.send(row, packet):
                        summary.not_sent += 1
                elif link is not None:
                    await link.send(packet)

    def label(self, change: FaultChange, row: int) -> Publish:
        """What truly happens to one vehicle, as its label message."""
        name = self._names[row].decode()
        world = self._broken.world
        told: dict[str, Any] = {
            "fault": change.spec.kind,
            "phase": change.phase,
            "time": world.scenario.start_ms + change.at_s * 1000,
            "vehicle": world.fleet.vins[row].decode("ascii"),
            "parameters": change.spec.parameters(),
        }
        return Publish(LABEL_TOPIC.format(self._product_key, name), orjson.dumps(told))


def _is_can(spec: FaultSpec) -> bool:
    return spec.kind.startswith("can_")

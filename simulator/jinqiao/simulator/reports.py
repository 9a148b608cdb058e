"""When vehicles report, and what: telemetry batches of those who are due in a second.

The core group goes out at the interval of what the vehicle is doing, the detail group seldom; both at once when that
changes, and with every report of a parked vehicle. Everybody is heard of in the first `FIRST_S` seconds, at a moment of
his own, and then keeps to a moment of his own in his interval, so that a fleet's reports stay spread over time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import GROUPS, SIGNALS
from jinqiao.base.telemetry import Batch
from jinqiao.vehicles.modes import VehicleState

from .clock import NEVER
from .draws import Draws
from .gcj02 import wgs84_to_gcj02
from .town import RESTING, Town

if TYPE_CHECKING:
    from .scenario.fleet import TelemetrySpec

__all__ = ["Reports"]

Rows = NDArray[np.intp]

#: `coordinate_system` of the signal table, by the scenario's word for it.
DATUM = {"wgs84": 1, "gcj02": 2}
#: A fix under an open sky: from eight satellites to twenty, different from car to car and from minute to minute.
FEWEST_SATELLITES, MORE_SATELLITES = 8, 13
#: Outside air at the mirror or bumper: an error of each car's own, and the step in which it is shown (estimate).
MOST_ERROR_DEGC, SENSOR_STEP_DEGC = 1.0, 0.5

#: Everybody's first report comes within this many seconds of the start.
FIRST_S = 10

#: Different sets of intervals that there may be.
MOST_INTERVALS = 4_096

#: Which intervals a word of the scenario's `telemetry` means: group and what the vehicle is doing.
_INTERVALS = {
    "driving": (("core", VehicleState.DRIVING),),
    "charging": (("core", VehicleState.CHARGING), ("core", VehicleState.QUEUEING)),
    "parked": (("core", VehicleState.PARKED), ("detail", VehicleState.PARKED)),
    "detail": tuple(("detail", state) for state in VehicleState if state != VehicleState.PARKED),
}

NAMES = {group: tuple(signal.name for signal in SIGNALS.group(group)) for group in GROUPS}


def _intervals_s(spec: TelemetrySpec) -> dict[str, list[int]]:
    """Whole seconds between reports, by group and VehicleState; a world of one-second steps reports no faster."""
    core = [_whole(spec.parked_s)] * len(VehicleState)
    core[VehicleState.DRIVING] = _whole(spec.driving_s)
    core[VehicleState.CHARGING] = core[VehicleState.QUEUEING] = _whole(spec.charging_s)
    detail = [_whole(spec.detail_s)] * len(VehicleState)
    detail[VehicleState.PARKED] = core[VehicleState.PARKED]
    return {"core": core, "detail": detail}


def _whole(seconds: float) -> int:
    return max(1, round(seconds))


class Reports:
    """The next report of n vehicles: `due_s[group]`, int32, shape (n,), seconds since the start."""

    def __init__(self, town: Town, fleets: Sequence[tuple[slice | Rows, TelemetrySpec]], draws: Draws) -> None:
        self._town = town
        n = town.fleet.n
        self._fleet_of = np.zeros(n, dtype=np.int16)
        self._sky = draws.integers("sky", 0, MORE_SATELLITES).astype(np.uint8)
        self._thermometer_degc = ((2.0 * draws.shares("thermometer") - 1.0) * MOST_ERROR_DEGC).astype(np.float32)
        table = [_intervals_s(spec) for _, spec in fleets]
        self._interval_s = {group: np.array([row[group] for row in table], dtype=np.int32) for group in GROUPS}
        for number, (rows, _) in enumerate(fleets):
            self._fleet_of[rows] = number
        self._datum = np.array([DATUM[spec.coordinates] for _, spec in fleets], dtype=np.uint8)
        self._phase = draws.shares("report").astype(np.float32)
        self.due_s = {}
        for group in GROUPS:
            interval_s = self._interval_s[group][self._fleet_of, VehicleState.PARKED]
            self.due_s[group] = self._own_moment_s(slice(None), np.minimum(interval_s, FIRST_S))

    def next_due_s(self) -> int:
        """The second of the next report of anybody."""
        return int(min(due_s.min() for due_s in self.due_s.values()))

    def begin(self, rows: Rows) -> None:
        """These vehicles are awake from the start: core at once, detail each at his own moment."""
        state = self._town.fleet.vehicle_state[rows]
        detail_s = self._interval_s["detail"][self._fleet_of[rows], state]
        self.due_s["core"][rows] = 1
        self.due_s["detail"][rows] = self._own_moment_s(rows, np.minimum(detail_s, FIRST_S))

    def _own_moment_s(self, rows: Rows | slice, interval_s: NDArray[np.int32]) -> NDArray[np.int32]:
        """The second of these vehicles within an interval of each, from 1."""
        moment_s: NDArray[np.int32] = 1 + (self._phase[rows] * interval_s).astype(np.int32)
        return moment_s

    def change_intervals(self, rows: Rows, intervals_s: Mapping[str, float], now_s: int) -> bool:
        """Other intervals for these vehicles: seconds by `driving`, `charging`, `parked`, `detail`; the rest stays.

        False when there are too many different ones already.
        """
        for row in rows.tolist():
            number = self._changed_from(int(self._fleet_of[row]), intervals_s)
            if number is None:
                return False
            self._fleet_of[row] = number
        state = self._town.fleet.vehicle_state[rows]
        for group, due_s in self.due_s.items():
            interval_s = self._interval_s[group][self._fleet_of[rows], state]
            due_s[rows] = np.minimum(due_s[rows], now_s + interval_s)
        return True

    def _changed_from(self, number: int, intervals_s: Mapping[str, float]) -> int | None:
        """The row of the table of intervals that is row `number` with these changes."""
        rows = {group: table[number].copy() for group, table in self._interval_s.items()}
        for name, seconds in intervals_s.items():
            for group, state in _INTERVALS[name]:
                rows[group][state] = _whole(seconds)
        same = self._datum == self._datum[number]
        for group, row in rows.items():
            same &= (self._interval_s[group] == row).all(axis=1)
        if same.any():
            return int(same.argmax())
        if len(self._datum) >= MOST_INTERVALS:
            return None
        self._datum = np.append(self._datum, self._datum[number])
        for group, row in rows.items():
            self._interval_s[group] = np.vstack([self._interval_s[group], row])
        return len(self._datum) - 1

    def hasten(self, rows: Rows) -> None:
        """Let these vehicles report both groups at the end of this second, the silent ones when they speak again."""
        installing = self._town.software.installing
        if installing:
            rows = rows[~np.isin(rows, list(installing))]
        for due_s in self.due_s.values():
            due_s[rows] = 0

    def silence(self, row: int) -> None:
        """Let a vehicle report nothing until it is hastened."""
        for due_s in self.due_s.values():
            due_s[row] = NEVER

    def look(self, rows: Rows, now_s: int) -> list[Batch]:
        """Both groups of these vehicles now, beside what they report by themselves; `rows` rise strictly."""
        if not len(rows):
            return []
        self._look_at_sleepers(dict.fromkeys(GROUPS, rows))
        return [self._sample(group, rows, now_s) for group in GROUPS]

    def collect(self, now_s: int) -> list[Batch]:
        """The batches of everybody who is due, at most one per group; rows rise strictly."""
        due = {group: np.flatnonzero(due_s <= now_s) for group, due_s in self.due_s.items()}
        self._look_at_sleepers(due)
        batches = []
        for group, rows in due.items():
            if len(rows):
                batches.append(self._sample(group, rows, now_s))
                state = self._town.fleet.vehicle_state[rows]
                interval_s = self._interval_s[group][self._fleet_of[rows], state]
                due_s = now_s + interval_s
                if now_s <= FIRST_S:
                    moment_s = self._own_moment_s(rows, interval_s)
                    due_s = np.where(moment_s > now_s, moment_s, due_s)
                self.due_s[group][rows] = due_s
        return batches

    def _look_at_sleepers(self, due: dict[str, Rows]) -> None:
        mode = self._town.mode
        sleepers = [rows[mode[rows] == RESTING] for rows in due.values()]
        if any(len(rows) for rows in sleepers):
            self._town.catch_up(np.unique(np.concatenate(sleepers)))

    def _sample(self, group: str, rows: Rows, now_s: int) -> Batch:
        """What the car knows and what the world adds, in the order of the signal table."""
        town = self._town
        everyone = len(rows) == town.fleet.n
        where: Rows | slice = slice(None) if everyone else rows
        known = {**town.fleet.sample(where, group), **self.surroundings(where, now_s)}
        time_ms = town.start_ms + now_s * 1000
        return Batch(time_ms, group, rows.astype(np.int32), {name: _own(known[name]) for name in NAMES[group]})

    def surroundings(self, where: Rows | slice, now_s: int) -> dict[str, NDArray[Any]]:
        """What only the world knows of these vehicles: position in their fleet's datum, fix, weather."""
        return {
            **self._positions(where, self._datum[self._fleet_of[where]]),
            "ambient_temperature": self._thermometers(where),
            "satellites": self._satellites(where, now_s),
        }

    def _positions(self, where: Rows | slice, datum: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Positions in the datum of each vehicle's fleet."""
        positions = self._town.movement.positions(where)
        shifted = datum == DATUM["gcj02"]
        if shifted.any():
            longitude, latitude = positions["longitude"], positions["latitude"]
            longitude[shifted], latitude[shifted] = wgs84_to_gcj02(longitude[shifted], latitude[shifted])
        return positions | {"coordinate_system": datum}

    def _thermometers(self, where: Rows | slice) -> NDArray[np.float32]:
        """What the cars measure of the air: each with the error of its sensor and its place, in steps."""
        measured = np.float32(self._town.ambient_degc) + self._thermometer_degc[where]
        return (np.round(measured / SENSOR_STEP_DEGC) * SENSOR_STEP_DEGC).astype(np.float32)

    def _satellites(self, where: Rows | slice, now_s: int) -> NDArray[np.uint8]:
        more: NDArray[np.uint8] = self._sky[where] + np.uint8(now_s // 60 * 5 % MORE_SATELLITES)
        more %= np.uint8(MORE_SATELLITES)
        more += np.uint8(FEWEST_SATELLITES)
        return more


def _own(values: NDArray[Any]) -> NDArray[Any]:
    """A batch must not change with the fleet: what is only a view of a fleet's column is copied."""
    return values if values.flags.owndata else values.copy()

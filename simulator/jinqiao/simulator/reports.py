"""When vehicles report, and what: telemetry batches of those who are due in a second.

The core group goes out at the interval of what the vehicle is doing, the detail group seldom; both at once when that
changes, and with every report of a parked vehicle. Everybody is heard of in the first `FIRST_S` seconds, at a moment of
his own, and then keeps to a moment of his own in his interval, so that a fleet's reports stay spread over time.

`note` looks at who is due in a second, `take` returns what was noted since the last call. Meanwhile the states of few
cars are only kept (`moments`); many cars are sampled at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import GROUPS, SIGNALS
from jinqiao.base.telemetry import Batch
from jinqiao.vehicles.columns import Columns
from jinqiao.vehicles.modes import VehicleState
from jinqiao.vehicles.sampling import WORLD_SIGNALS

from .clock import NEVER
from .draws import Draws
from .gcj02 import wgs84_to_gcj02
from .moments import MANY_ROWS, MOST_ROWS, Moments
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
        #: Nobody is due before this second; 0 where that has to be looked up.
        self._next_s = dict.fromkeys(GROUPS, 0)
        self._moments = Moments(town)
        self._sampled: list[Batch] = []

    def next_due_s(self) -> int:
        """The second of the next report of anybody."""
        return int(min(due_s.min() for due_s in self.due_s.values()))

    def begin(self, rows: Rows) -> None:
        """These vehicles are awake from the start: core at once, detail each at his own moment."""
        state = self._town.fleet.vehicle_state[rows]
        detail_s = self._interval_s["detail"][self._fleet_of[rows], state]
        self.due_s["core"][rows] = 1
        self.due_s["detail"][rows] = self._own_moment_s(rows, np.minimum(detail_s, FIRST_S))
        self._next_s = dict.fromkeys(GROUPS, 0)

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
            self._next_s[group] = 0
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
        if not len(rows):
            return
        installing = self._town.software.installing
        if installing:
            rows = rows[~np.isin(rows, list(installing))]
        for group, due_s in self.due_s.items():
            due_s[rows] = 0
            self._next_s[group] = 0

    def silence(self, row: int) -> None:
        """Let a vehicle report nothing until it is hastened."""
        for due_s in self.due_s.values():
            due_s[row] = NEVER

    def look(self, rows: Rows, now_s: int) -> list[Batch]:
        """Both groups of these vehicles now, beside what they report by themselves; `rows` rise strictly."""
        if not len(rows):
            return []
        self._look_at_sleepers(rows)
        return [self._sample(group, rows, now_s) for group in GROUPS]

    def peek(self, rows: Rows, now_s: int, groups: Collection[str] = GROUPS) -> list[Batch]:
        """As `look`, but nothing changes: a sleeper goes on sleeping as if nobody had looked at it."""
        town = self._town
        sleepers = rows[town.mode[rows] == RESTING]
        damage = town.fleet.damage
        blocks = town.fleet.blocks if damage is None else [*town.fleet.blocks, damage.now]
        before = [block[:, sleepers] for block in blocks]
        rested_s = town.rested_s[sleepers]
        damage = town.fleet.damage
        harm = None if damage is None else damage.now[:, sleepers]
        town.catch_up(sleepers)
        try:
            return [self._sample(group, rows, now_s) for group in groups]
        finally:
            for block, columns in zip(blocks, before, strict=True):
                block[:, sleepers] = columns
            town.rested_s[sleepers] = rested_s
            if damage is not None and harm is not None:
                damage.now[:, sleepers] = harm

    def glance(self, rows: Rows, signal: str, now_s: int) -> NDArray[Any]:
        """One signal of these vehicles now, of their copies: who sleeps sleeps on, and is computed when it is due."""
        if signal in WORLD_SIGNALS:
            return self.surroundings(rows, now_s)[signal]
        town, fleet = self._town, self._town.fleet
        state = Columns(len(rows))
        state.take(fleet, rows, 0)
        late = np.flatnonzero((town.mode[rows] == RESTING) & (town.rested_s[rows] < now_s))
        if len(late):
            rested_s = (now_s - town.rested_s[rows[late]]).astype(np.float32)
            fleet.rest_of(state, late, rows[late], rested_s, town.ambient_degc)
        dark = np.full(len(rows), fleet.dark)
        return fleet.sample_of(state, slice(0, len(rows)), rows, dark, SIGNALS[signal].group)[signal]

    @property
    def full(self) -> bool:
        """Whether so much has been noted that more would gain nothing."""
        return bool(self._sampled) or self._moments.count + MANY_ROWS > MOST_ROWS

    def note(self, now_s: int) -> None:
        """See who is due at this second, and how they are; `now_s` rises from call to call."""
        if all(next_s > now_s for next_s in self._next_s.values()):
            return
        due = {group: due_s <= now_s for group, due_s in self.due_s.items()}
        rows = np.flatnonzero(np.logical_or.reduce(list(due.values())))
        if len(rows):
            self._look_at_sleepers(rows)
            wanted = {group: is_due[rows] for group, is_due in due.items()}
            self._keep(rows, wanted, now_s)
            self._put_off(rows, wanted, now_s)
        self._next_s = {group: int(due_s.min()) for group, due_s in self.due_s.items()}

    def _put_off(self, rows: Rows, wanted: Mapping[str, NDArray[np.bool_]], now_s: int) -> None:
        """When these vehicles report next those groups that they report now."""
        spec, state = self._fleet_of[rows], self._town.fleet.vehicle_state[rows]
        for group, reports in wanted.items():
            some = slice(None) if reports.all() else reports
            reporting = rows[some]
            interval_s = self._interval_s[group][spec[some], state[some]]
            due_s = now_s + interval_s
            if now_s <= FIRST_S:
                moment_s = self._own_moment_s(reporting, interval_s)
                due_s = np.where(moment_s > now_s, moment_s, due_s)
            self.due_s[group][reporting] = due_s

    def take(self) -> list[Batch]:
        """The batches of what was noted, a group's in the order of time; rows rise strictly within an instant."""
        self._sample_kept()
        sampled, self._sampled = self._sampled, []
        return sampled

    def _keep(self, rows: Rows, wanted: Mapping[str, NDArray[np.bool_]], now_s: int) -> None:
        many = len(rows) > MANY_ROWS
        if many or not self._moments.room_for(len(rows)):
            self._sample_kept()
        if not many:
            self._moments.keep(rows, wanted, self._fleet_of[rows], now_s)
            return
        for group, reports in wanted.items():
            if reports.any():
                self._sampled.append(self._sample(group, rows[reports], now_s))

    def _look_at_sleepers(self, rows: Rows) -> None:
        """Compute the rest of those among them who sleep, and with them of those who wake up at this very second."""
        town = self._town
        waking = (town.wake_s <= town.clock.second).nonzero()[0]
        if len(waking):
            rows = _either(rows, waking, town.fleet.n)
        sleepers = rows[town.mode[rows] == RESTING]
        if len(sleepers):
            town.catch_up(sleepers)

    def _sample(self, group: str, rows: Rows, now_s: int) -> Batch:
        """What the car knows and what the world adds, in the order of the signal table."""
        town = self._town
        everyone = len(rows) == town.fleet.n
        where: Rows | slice = slice(None) if everyone else rows
        known = town.fleet.sample(where, group) | self._around_now(NAMES[group], where, now_s)
        columns = _columns(group, known)
        return Batch.at(town.start_ms + now_s * 1000, group, rows.astype(np.int32), columns)

    def _sample_kept(self) -> None:
        """The same of what is kept, which is then forgotten."""
        town, moments, count = self._town, self._moments, self._moments.count
        if not count:
            return
        for group, wanted in moments.wanted.items():
            places = np.flatnonzero(wanted[:count])
            if not len(places):
                continue
            kept: Rows | slice = slice(0, count) if len(places) == count else places
            rows, second = moments.vehicles[kept].copy(), moments.second[kept]
            known = town.fleet.sample_of(moments.state, kept, rows, moments.dark[kept], group)
            columns = _columns(group, known | self._around_kept(group, kept, rows, second))
            self._sampled.append(Batch(town.start_ms + second.astype(np.int64) * 1000, group, rows, columns))
        moments.count = 0

    def _around_kept(
        self, group: str, kept: Rows | slice, rows: NDArray[np.int32], second: NDArray[np.int32]
    ) -> dict[str, NDArray[Any]]:
        movement, moments = self._town.movement, self._moments
        return self._around(
            NAMES[group],
            lambda: movement.positions_at(rows, moments.entry[kept], moments.metres[kept]),
            self._datum[moments.spec[kept]],
            moments.ambient_degc[kept],
            rows,
            second,
        )

    def surroundings(self, where: Rows | slice, now_s: int) -> dict[str, NDArray[Any]]:
        """What only the world knows of these vehicles: position in their fleet's datum, fix, weather."""
        return self._around_now(WORLD_SIGNALS, where, now_s)

    def _around_now(self, names: Collection[str], where: Rows | slice, now_s: int) -> dict[str, NDArray[Any]]:
        town = self._town
        return self._around(
            names,
            lambda: town.movement.positions(where),
            self._datum[self._fleet_of[where]],
            np.float32(town.ambient_degc),
            where,
            now_s,
        )

    def _around(
        self,
        names: Collection[str],
        positions: Callable[[], dict[str, NDArray[Any]]],
        datum: NDArray[np.uint8],
        ambient_degc: np.float32 | NDArray[np.float32],
        where: NDArray[np.integer[Any]] | slice,
        second: int | NDArray[np.int32],
    ) -> dict[str, NDArray[Any]]:
        """Those of `WORLD_SIGNALS` that stand in `names`."""
        around: dict[str, NDArray[Any]] = {}
        if "longitude" in names:
            around |= _in_datum(positions(), datum)
        if "ambient_temperature" in names:
            around["ambient_temperature"] = _shown_degc(ambient_degc + self._thermometer_degc[where])
        if "satellites" in names:
            around["satellites"] = _satellites(self._sky[where], second)
        return around


def _either(rows: Rows, others: Rows, n: int) -> Rows:
    """Who is in one of the two, of n vehicles; much quicker than sorting."""
    among = np.zeros(n, np.bool_)
    among[rows] = among[others] = True
    return among.nonzero()[0]


def _in_datum(positions: dict[str, NDArray[Any]], datum: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Positions, which are WGS-84, in the datum of each vehicle's fleet."""
    shifted = datum == DATUM["gcj02"]
    if shifted.any():
        longitude, latitude = positions["longitude"], positions["latitude"]
        longitude[shifted], latitude[shifted] = wgs84_to_gcj02(longitude[shifted], latitude[shifted])
    return positions | {"coordinate_system": datum}


def _shown_degc(measured: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the cars show of the air, in the steps of their sensors."""
    return (np.round(measured / SENSOR_STEP_DEGC) * SENSOR_STEP_DEGC).astype(np.float32)


def _satellites(sky: NDArray[np.uint8], second: int | NDArray[np.int32]) -> NDArray[np.uint8]:
    more = (sky + second // 60 * 5 % MORE_SATELLITES) % MORE_SATELLITES + FEWEST_SATELLITES
    return np.asarray(more).astype(np.uint8)


def _columns(group: str, known: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The group's signals, in the order of the table."""
    return {name: _own(known[name]) for name in NAMES[group]}


def _own(values: NDArray[Any]) -> NDArray[Any]:
    """A batch must not change with the fleet: what is only a view of a fleet's column is copied."""
    return values if values.flags.owndata else values.copy()

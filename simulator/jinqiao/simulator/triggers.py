"""The steps of a scenario that wait for something; what `when:` asks is looked at when vehicles report.

While a step waits, simulated time goes second by second, so that what a run does depends on no speed. In each second
everything that was sampled, every event, every label and every outcome of a command passes here once; a step that
comes true of a vehicle is planned for it, for the next second at the soonest. Values are true ones, whatever sensors
tell. A condition acts on the vehicle in which it *becomes* true: it acts again when it has been false in between, or,
with `repeat:`, after that pause if it is true then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Batch, Event, Label, Outcome

from .conditions import Latest

if TYPE_CHECKING:
    from .census import TownRows
    from .draws import VehicleDraws
    from .faults.base import FaultSpec
    from .scenario.command import CommandSpec

__all__ = ["Plan", "Triggers", "Watch"]

Rows = NDArray[np.intp]
#: Plans a step: its number in the scenario, the vehicles, the second.
Plan = Callable[[int, Rows, int], None]

#: The code of a command that was executed.
_OK = 200
_NEVER = np.iinfo(np.int32).max
_LONG_AGO = np.iinfo(np.int32).min
#: What a fault's label says of it: the word of `after`.
_PHASES = {"begin": "begins", "once": "begins", "end": "ends"}


class Watch:
    """A fault or a command that waits: its words, its `number` in the scenario, how long it lasts, who plans it.

    `among` (rows, rising) are the vehicles that can have it, None for all. A number of vehicles in `on:` is how many
    may have it in each of `towns`: the first of which it comes true, and by their lots those of one second.
    """

    def __init__(
        self,
        spec: FaultSpec | CommandSpec,
        number: int,
        lasts_s: float | None,
        plan: Plan,
        towns: Sequence[TownRows],
        draws: VehicleDraws,
        purpose: str,
        vins: NDArray[np.bytes_],
        among: Rows | None = None,
    ) -> None:
        assert spec.when is not None
        self.trigger = spec.when
        self._number, self._lasts_s, self._plan = number, lasts_s, plan
        self._draws, self._purpose, self._state = draws, purpose, spec.on.state
        self._repeat_s = spec.repeat_s
        n = len(vins)
        #: For which vehicles it is.
        self._may = np.zeros(n, np.bool_)
        for rows in [spec.on.find_vins(vins)] if spec.on.vins else [spec.on.rows_of(town) for town in towns]:
            self._may[rows] = True
        if among is not None:
            self._may &= np.isin(np.arange(n), among)
        #: The towns in which it is for fewer than there are, each with that number; and who has had it so far.
        self._most: list[tuple[slice, int]] = []
        if spec.on.is_counted:
            here = [(town.rows, int(np.count_nonzero(self._may[town.rows]))) for town in towns]
            self._most = [(rows, spec.on.wanted(there)) for rows, there in here]
        self._chosen = np.zeros(n, np.bool_)
        #: From when each may have it again, and how often; None without a limit.
        self._ready_s = np.zeros(n, np.int32)
        most = spec.most_times
        self._left = None if most is None else np.full(n, most, np.int32)
        #: Whether its condition held when the vehicle reported last, and since when it has.
        self._was = np.zeros(n, np.bool_)
        self._since_s = np.full(n if self.trigger.for_s else 0, _LONG_AGO, np.int32)

    def look(self, latest: Mapping[str, NDArray[np.float64]], rows: Rows, state: NDArray[np.uint8], now_s: int) -> None:
        """See of which of these vehicles, which report at `now_s`, its condition has become true."""
        condition = self.trigger.condition
        assert condition is not None
        values = {name: latest[name][rows] for name in condition.signals}
        holds = condition.holds(values) & self._may[rows]
        for column in values.values():
            holds &= ~np.isnan(column)
        if self._state is not None:
            holds &= state[rows] == self._state
        if self.trigger.for_s:
            since_s = np.where(holds & (self._since_s[rows] == _LONG_AGO), now_s, self._since_s[rows])
            self._since_s[rows] = np.where(holds, since_s, _LONG_AGO)
            holds &= now_s - since_s.astype(np.int64) >= self.trigger.for_s
        new = holds & ~self._was[rows]
        if self._repeat_s is not None:
            new |= holds & (self._ready_s[rows] > 0)
        self._was[rows] = holds
        if new.any():
            self._act(rows[new], now_s)

    def happened(self, rows: Rows, state: NDArray[np.uint8], at_s: int) -> None:
        """What it waits for has happened to these vehicles; it is to come at second `at_s`."""
        rows = rows[self._may[rows]]
        if self._state is not None:
            rows = rows[state[rows] == self._state]
        self._act(rows, at_s)

    def _act(self, rows: Rows, at_s: int) -> None:
        """Plan it for those of these vehicles (rising) that may have it now."""
        rows = rows[self._ready_s[rows] <= at_s]
        if self._left is not None:
            rows = rows[self._left[rows] > 0]
        if self._most and len(rows):
            rows = self._first(rows)
        if not len(rows):
            return
        if self._left is not None:
            self._left[rows] -= 1
        over_s = _NEVER if self._lasts_s is None else at_s + math.ceil(self._lasts_s)
        self._ready_s[rows] = min(_NEVER, max(over_s, at_s + math.ceil(self._repeat_s or 0.0), 1))
        self._plan(self._number, rows, at_s)

    def _first(self, rows: Rows) -> Rows:
        """Those among them that have had it before, and so many more as there is room for."""
        found = []
        for town, most in self._most:
            here = rows[slice(*np.searchsorted(rows, (town.start, town.stop)))]
            had = self._chosen[here]
            room = most - int(np.count_nonzero(self._chosen[town]))
            new = here[~had]
            if len(new) > room:
                lots = self._draws.of(new).words(self._purpose)
                here = np.sort(np.concatenate([here[had], new[np.argsort(lots, kind="stable")[:room]]]))
            found.append(here)
        rows = np.concatenate(found)
        self._chosen[rows] = True
        return rows


class Triggers:
    """What waits in a run; false where nothing does. `vehicle_state`, shape (n,), is the fleet's own column."""

    def __init__(self, vehicle_state: NDArray[np.uint8]) -> None:
        self._state = vehicle_state
        self._latest = Latest(len(vehicle_state))
        #: With the telemetry groups that have the signals.
        self._conditions: list[tuple[Watch, frozenset[str]]] = []
        #: What else is waited for, `ChargingFinished`, `cell_overheat ends`, `Lock done`: who waits for it.
        self._others: dict[str, list[Watch]] = {}
        #: What commands came to since the last look: what is waited for, row.
        self._outcomes: list[tuple[str, int]] = []

    def __bool__(self) -> bool:
        return bool(self._conditions or self._others)

    @property
    def waits(self) -> bool:
        """Whether something has come that the next second has to look at."""
        return bool(self._outcomes)

    def add(self, watch: Watch) -> None:
        """A step of the scenario that waits."""
        trigger = watch.trigger
        if trigger.condition is not None:
            signals = trigger.condition.signals
            self._latest.want(signals)
            self._conditions.append((watch, frozenset(SIGNALS[name].group for name in signals)))
            return
        after = trigger.after
        name = trigger.event if after is None else f"{after.name} {after.outcome}"
        self._others.setdefault(name or "", []).append(watch)

    def told(self, name: str, row: int, outcome: Outcome) -> None:
        """A vehicle has executed or refused a command."""
        what = f"{name} {'done' if outcome.code == _OK else 'refused'}"
        if what in self._others:
            self._outcomes.append((what, row))

    def look(self, batches: Iterable[Batch], events: Iterable[Event], labels: Sequence[Label], now_s: int) -> None:
        """What a second brought; `now_s` is its end, at which the next begins."""
        if self._conditions:
            self._ask(batches, now_s)
        if self._others:
            for name, rows in self._heard((event.identifier, [event.vehicle]) for event in events):
                self._happened(name, rows, now_s, 0)
            # Labels and outcomes are of the second's beginning: what comes 30 s after them comes 29 s from now.
            known = ((f"{label.kind} {_PHASES[label.phase]}", label.vehicles) for label in labels)
            for name, rows in self._heard(known):
                self._happened(name, rows, now_s, 1)
            for name, rows in self._heard((name, [row]) for name, row in self._outcomes):
                self._happened(name, rows, now_s, 1)
        self._outcomes.clear()

    def _ask(self, batches: Iterable[Batch], now_s: int) -> None:
        """Whose condition has come true with this report; first all of it is noted, then looked at."""
        reported: dict[str, Rows] = {}
        for batch in batches:
            rows = self._latest.take(batch).astype(np.intp)
            if len(rows):
                reported[batch.group] = np.union1d(reported[batch.group], rows) if batch.group in reported else rows
        for watch, groups in self._conditions:
            seen = [rows for group, rows in reported.items() if group in groups]
            if seen:
                watch.look(self._latest, seen[0] if len(seen) == 1 else np.union1d(*seen), self._state, now_s)

    def _heard(self, what: Iterable[tuple[str, Sequence[int] | NDArray[np.int32]]]) -> Iterator[tuple[str, Rows]]:
        """Of what has happened that which somebody waits for, with the vehicles, rising."""
        found: dict[str, list[NDArray[np.intp]]] = {}
        for name, rows in what:
            if name in self._others:
                found.setdefault(name, []).append(np.asarray(rows, np.intp))
        yield from ((name, np.unique(np.concatenate(rows))) for name, rows in found.items())

    def _happened(self, name: str, rows: Rows, now_s: int, ago_s: int) -> None:
        for watch in self._others[name]:
            watch.happened(rows, self._state, now_s + max(0, watch.trigger.delay_s - ago_s))

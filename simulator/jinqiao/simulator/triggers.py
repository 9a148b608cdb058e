"""The steps of a scenario that wait for something: what `when:` asks is looked at when vehicles report.

While a step waits, simulated time goes second by second, so that what a run does depends on no speed. In each second
everything that was sampled, every event, every label and every outcome of a command passes here once; a step that
comes true of a vehicle is planned for it, for the next second at the soonest. Values are true ones, whatever sensors
tell. A condition acts on the vehicle in which it *becomes* true: it acts again when it has been false in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Batch, Event, Label, Outcome

from .conditions import Latest
from .conditions.trigger import Trigger
from .language.selection import Selection

if TYPE_CHECKING:
    from .census import TownRows
    from .draws import VehicleDraws
    from .language.timing import Timed

__all__ = ["Plan", "Step", "Triggers", "allowed"]

Rows = NDArray[np.intp]
#: Plans a step: its number in the scenario, the vehicles, the second.
Plan = Callable[[int, Rows, int], None]

#: The code of a command that was executed.
_OK = 200
_NEVER = np.iinfo(np.int32).max
#: What a fault's label says of it: the word of `after`.
_PHASES = {"begin": "begins", "once": "begins", "end": "ends"}


@dataclass(slots=True)
class Step:
    """A fault or a command that waits: its words, its number in the scenario, how long it lasts, who plans it.

    `may` (n,) are the vehicles that it is for, `ready_s` (n,) from when each of them may be struck again, `left` (n,)
    how often; None without a limit. `was` (n,) is whether its condition held when the vehicle reported last.
    """

    spec: Timed
    trigger: Trigger
    number: int
    lasts_s: float | None
    plan: Plan
    may: NDArray[np.bool_]
    state: int | None
    ready_s: NDArray[np.int32] = field(init=False)
    left: NDArray[np.int32] | None = field(init=False)
    was: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        n, most = len(self.may), self.spec.most_times
        self.ready_s = np.zeros(n, np.int32)
        self.left = None if most is None else np.full(n, most, np.int32)
        self.was = np.zeros(n, np.bool_)

    def act(self, rows: Rows, state: NDArray[np.uint8], now_s: int) -> None:
        """It has come true of these vehicles (rising): plan it for those that it is for, and that may have it now."""
        rows = rows[self.may[rows] & (self.ready_s[rows] <= now_s)]
        if self.state is not None:
            rows = rows[state[rows] == self.state]
        if self.left is not None:
            rows = rows[self.left[rows] > 0]
            self.left[rows] -= 1
        if not len(rows):
            return
        at_s = now_s + self.trigger.delay_s
        over_s = _NEVER if self.lasts_s is None else at_s + int(np.ceil(self.lasts_s))
        self.ready_s[rows] = min(_NEVER, max(over_s, at_s + int(np.ceil(self.spec.repeat_s or 0.0))))
        self.plan(self.number, rows, at_s)


class Triggers:
    """`vehicle_state`, shape (n,), is the fleet's own column."""

    def __init__(self, vehicle_state: NDArray[np.uint8]) -> None:
        self._state = vehicle_state
        self._latest = Latest(len(vehicle_state))
        self._conditions: list[Step] = []
        self._others: list[Step] = []
        #: What commands came to since the last look: name, row, outcome.
        self._outcomes: list[tuple[str, int, str]] = []

    def __bool__(self) -> bool:
        return bool(self._conditions or self._others)

    @property
    def waits(self) -> bool:
        """Whether something has come that the next second has to look at."""
        return bool(self._outcomes)

    def add(
        self, spec: Timed, number: int, lasts_s: float | None, plan: Plan, may: NDArray[np.bool_], state: int | None
    ) -> None:
        """A step of the scenario that waits."""
        assert spec.when is not None
        step = Step(spec, spec.when, number, lasts_s, plan, may, state)
        if spec.when.condition is None:
            self._others.append(step)
            return
        self._latest.want(spec.when.condition.signals)
        self._conditions.append(step)

    def told(self, name: str, row: int, outcome: Outcome) -> None:
        """A vehicle has executed or refused a command."""
        self._outcomes.append((name, row, "done" if outcome.code == _OK else "refused"))

    def look(self, batches: Iterable[Batch], events: Iterable[Event], labels: Sequence[Label], now_s: int) -> None:
        """What a second brought; `now_s` is its end, at which the next begins."""
        for batch in batches:
            rows = self._latest.take(batch)
            if len(rows):
                self._ask(np.asarray(rows, np.intp), batch, now_s)
        if self._others:
            self._hear(events, labels, now_s)
        self._outcomes.clear()

    def _ask(self, rows: Rows, batch: Batch, now_s: int) -> None:
        """Whose condition has come true with this report."""
        for step in self._conditions:
            condition = step.trigger.condition
            assert condition is not None
            if not condition.signals & batch.signals.keys():
                continue
            values = {name: self._latest[name][rows] for name in condition.signals}
            holds = condition.holds(values)
            for column in values.values():
                holds &= ~np.isnan(column)
            new = holds & ~step.was[rows]
            step.was[rows] = holds
            if new.any():
                step.act(rows[new], self._state, now_s)

    def _hear(self, events: Iterable[Event], labels: Sequence[Label], now_s: int) -> None:
        happened: dict[str, list[int]] = {}
        for event in events:
            happened.setdefault(event.identifier, []).append(event.vehicle)
        for name, row, outcome in self._outcomes:
            happened.setdefault(f"{name} {outcome}", []).append(row)
        for label in labels:
            happened.setdefault(f"{label.kind} {_PHASES[label.phase]}", []).extend(label.vehicles.tolist())
        for step in self._others:
            after = step.trigger.after
            key = step.trigger.event if after is None else f"{after.name} {after.outcome}"
            rows = happened.get(key or "")
            if rows:
                step.act(np.unique(np.array(rows, np.intp)), self._state, now_s)


def allowed(
    on: Selection, n: int, towns: Sequence[TownRows], draws: VehicleDraws, purpose: str, vins: NDArray[np.bytes_]
) -> NDArray[np.bool_]:
    """The vehicles that a waiting step is for, shape (n,): those of its fleet, or of these as many as it names, drawn
    once. In which state they have to be is asked when it comes true.
    """
    may = np.zeros(n, np.bool_)
    if on.vins:
        may[on.find_vins(vins)] = True
        return may
    anybody = Selection(on.written, on.count, on.share, None, on.fleet)
    state = np.zeros(n, np.uint8)
    for there in towns:
        may[anybody.pick(there.rows, there.fleets, state, lambda rows: draws.of(rows).words(purpose))] = True
    return may

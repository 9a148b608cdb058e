"""The faults of a scenario at work inside the world: each begins and ends at its second, and leaves its labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from jinqiao.base.telemetry import Label

from .base import Breakable, FaultSpec, Rows
from .log import LabelLog
from .plan import FaultChange, FaultPlan

if TYPE_CHECKING:
    from ..census import TownRows

__all__ = ["FaultInjector", "Happened", "Struck"]

#: What the name of a time that a fault happened begins with; its number follows.
_ID = "fault-"
#: Of times that faults happened, how many are remembered.
MOST_HAPPENED = 100_000


@dataclass(slots=True)
class Struck:
    """What became of one fault of the scenario in its `towns`: how many `vehicles` it struck, and when first; None if
    it has begun in none. `running` says how many times it goes on: once in a town, or as often as its `when` came true.
    With `is_outside` it is all faults of that kind that were begun from outside.
    """

    spec: FaultSpec
    towns: int = 1
    at_s: int | None = None
    vehicles: int = 0
    running: int = 0
    is_outside: bool = False

    def as_json(self) -> dict[str, Any]:
        """`asked` is the number that `on` names, for all towns, null where it names none; `when` is what it waits for.

        `on` is null of a fault that strikes a station.
        """
        spec = self.spec
        if self.is_outside:
            what: dict[str, Any] = {"on": "vehicles named from outside"}
        else:
            on = spec.on.written if spec.needs_vehicles else None
            what = {**spec.parameters(), "on": on, **({"when": spec.when.text} if spec.when else {})}
        return {
            "fault": spec.kind,
            "at_s": self.at_s,
            **what,
            "began": self.at_s is not None,
            "asked": None if self.is_outside or spec.on.count is None else spec.on.count * self.towns,
            "struck": self.vehicles,
            "ended": self.at_s is not None and not self.running,
        }


@dataclass(slots=True)
class Happened:
    """One time that a fault happened: of the scenario, or injected. `ended_ms` is None while it goes on; what happens
    once has ended when it began.
    """

    id: str
    spec: FaultSpec
    rows: Rows
    begun_ms: int
    ended_ms: int | None
    number: int | None
    run: int
    town: int = 0
    #: Where it began in several towns at once under one name: the runs of all of them.
    together: tuple[int, ...] = ()

    @property
    def is_active(self) -> bool:
        return self.ended_ms is None

    def as_json(self) -> dict[str, Any]:
        """`vehicles` are rows of the fleet."""
        return {
            "id": self.id,
            "fault": self.spec.kind,
            "parameters": self.spec.parameters(),
            "vehicles": self.rows.tolist(),
            "begun_ms": self.begun_ms,
            "ended_ms": self.ended_ms,
        }


class FaultInjector:
    """Strikes the vehicles of `world`, town by town; `start_ms` is when second 0 was.

    `labels` holds every label of the run.
    """

    def __init__(
        self,
        world: Breakable,
        specs: Sequence[FaultSpec],
        seed: int,
        towns: Sequence[TownRows],
        start_ms: int,
    ) -> None:
        self._world, self._towns, self._start_ms = world, towns, start_ms
        self._plan = FaultPlan(specs, seed, [town.number for town in towns])
        #: What became of each, in the order of the scenario.
        self.of_file = [Struck(spec, len(towns)) for spec in specs]
        #: The same of those from outside, by kind.
        self.from_outside: dict[str, Struck] = {}
        self._asked = 0
        #: How many go on.
        self.active = 0
        self.labels = LabelLog()
        #: Every time that a fault happened, oldest first; those that are over leave when there are too many.
        self.happened: dict[int, Happened] = {}
        #: Labels of what began or ended between two seconds, for the next one.
        self._untold: list[Label] = []

    @property
    def became(self) -> list[Struck]:
        """What became of the scenario's faults, in its order, and of those from outside."""
        return [*self.of_file, *self.from_outside.values()]

    def next_s(self) -> int:
        """The second of the next beginning or end."""
        return 0 if self._untold else self._plan.next_s()

    def plan(self, number: int, rows: Rows, at_s: int) -> None:
        """Fault `number` of the scenario is to begin at this second in these vehicles, as its `when` has come true."""
        spec = self.of_file[number].spec
        if spec.needs_vehicles:
            self._plan.add(at_s, number, spec, rows)
            return
        for place, town in enumerate(self._towns):  # what breaks is in the town of the vehicle
            if ((rows >= town.rows.start) & (rows < town.rows.stop)).any():
                self._plan.add(at_s, number, spec, rows[:0], place)

    def strike(self, now_s: int) -> tuple[Label, ...]:
        """Begin and end what is due by `now_s`, before that second is simulated; the labels, in the order of time.

        What strikes nobody has no label, unless it is no vehicle that breaks.
        """
        labels, self._untold = self._untold, []
        for change in self._plan.due(now_s, self._pick, self._struck):
            label = self._make(change)
            if label is not None:
                labels.append(label)
        return tuple(labels)

    def inject(self, spec: FaultSpec, now_s: int) -> Happened:
        """Let a fault begin at once, in all towns together; one that needs no vehicles, in each of them."""
        self._asked += 1
        purpose = f"fault from outside {self._asked}"
        self.from_outside.setdefault(spec.kind, Struck(spec, len(self._towns), is_outside=True))
        picked = [self._pick(spec, purpose, town) for town in range(len(self._towns))]
        if spec.needs_vehicles:
            picked = [np.concatenate(picked)]
        changes = [self._plan.begin(now_s, spec, rows, town) for town, rows in enumerate(picked)]
        runs = tuple(change.run for change in changes)
        for change in changes:
            self._tell(self._make(change))
            self.happened[change.run].together = runs
            self.happened[change.run].id = f"{_ID}{runs[0]}"
        return replace(self.happened[runs[0]], rows=np.concatenate(picked))

    def end(self, id_: str, now_s: int) -> bool:
        """End one that goes on, at once; whether there was one."""
        run = id_.removeprefix(_ID)
        first = self.happened.get(int(run)) if run.isdecimal() and len(run) < 20 else None
        if first is None or first.id != id_:
            return False
        found = [self.happened[run] for run in first.together or (first.run,) if run in self.happened]
        found = [one for one in found if one.is_active]
        for one in found:
            self._plan.drop(one.run)
            self._tell(self._make(FaultChange(now_s, one.number, one.spec, "end", one.rows, one.run, one.town)))
        return bool(found)

    def told(self, labels: tuple[Label, ...]) -> tuple[Label, ...]:
        """The same labels, which others made, noted like its own."""
        for label in labels:
            self.labels.add(label)
        return labels

    def _tell(self, label: Label | None) -> None:
        if label is not None:
            self._untold.append(label)

    def _make(self, change: FaultChange) -> Label | None:
        """Let it begin or end, and keep the books; its label, unless it strikes nobody that could be struck."""
        turn = change.spec.end_there if change.phase == "end" else change.spec.begin_there
        turn(self._world, change.rows, change.town)
        self._note(change)
        if not len(change.rows) and change.spec.needs_vehicles:
            return None
        label = self._label(change)
        self.labels.add(label)
        return label

    def _note(self, change: FaultChange) -> None:
        this = self.from_outside[change.spec.kind] if change.number is None else self.of_file[change.number]
        at_ms = self._start_ms + change.at_s * 1000
        if change.phase == "end":
            this.running -= 1
            self.active -= 1
            self.happened[change.run].ended_ms = at_ms
            return
        this.at_s = change.at_s if this.at_s is None else this.at_s
        this.vehicles += len(change.rows)
        goes_on = change.phase == "begin" and (len(change.rows) > 0 or not change.spec.needs_vehicles)
        this.running += goes_on
        self.active += goes_on
        ended_ms = None if goes_on else at_ms
        self.happened[change.run] = Happened(
            f"{_ID}{change.run}", change.spec, change.rows, at_ms, ended_ms, change.number, change.run, change.town
        )
        while len(self.happened) > MOST_HAPPENED:
            over = next((run for run, one in self.happened.items() if not one.is_active), None)
            if over is None:
                break
            del self.happened[over]

    def _pick(self, spec: FaultSpec, purpose: str, town: int) -> Rows:
        """The vehicles it strikes in a town, decided when it begins."""
        world, there = self._world, self._towns[town]
        state, among = world.fleet.vehicle_state, spec.candidates(world)
        if among is None or spec.on.vins:
            chosen = spec.on.pick_in(there, world.fleet, lambda rows: world.draws.of(rows).words(purpose))
            return spec.struck(world, chosen if among is None else chosen[np.isin(chosen, among)])

        def places(rows: slice) -> slice:
            """The candidates stand together when only they are counted; those of a fleet, or a town, are a slice."""
            return slice(*np.searchsorted(among, (rows.start, rows.stop)).tolist())

        fleets = {name: places(rows) for name, rows in there.fleets.items()}
        chosen = spec.on.pick(
            places(there.rows), fleets, state[among], lambda rows: world.draws.of(among[rows]).words(purpose)
        )
        return spec.struck(world, among[chosen])

    def _struck(self, spec: FaultSpec, rows: Rows) -> Rows:
        return spec.struck(self._world, rows)

    def _label(self, change: FaultChange) -> Label:
        return Label(
            self._start_ms + change.at_s * 1000,
            change.spec.kind,
            change.phase,
            change.rows.astype(np.int32),
            change.spec.parameters(),
        )

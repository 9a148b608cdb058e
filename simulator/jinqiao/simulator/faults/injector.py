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

#: Of times that faults happened, how many are remembered.
MOST_HAPPENED = 100_000


@dataclass(slots=True)
class Struck:
    """What became of one fault of the scenario in its `towns`: how many `vehicles` it struck, and when first; None if
    it has begun in none. `running` are the towns in which it goes on.
    """

    spec: FaultSpec
    towns: int = 1
    at_s: int | None = None
    vehicles: int = 0
    running: int = 0

    def as_json(self) -> dict[str, Any]:
        """`asked` is the number that `on` names, for all towns; null where it names none, as `on` is for stations."""
        return {
            "fault": self.spec.kind,
            **self.spec.parameters(),
            "at_s": self.at_s,
            "on": self.spec.on.written if self.spec.needs_vehicles else None,
            "began": self.at_s is not None,
            "asked": None if self.spec.on.count is None else self.spec.on.count * self.towns,
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
    number: int
    run: int
    town: int = 0

    @property
    def is_active(self) -> bool:
        return self.ended_ms is None


class FaultInjector:
    """Strikes the vehicles of `world`, town by town; `start_ms` is when second 0 was.

    `vins`, shape (n,), bytes, are for faults that name vehicles. `labels` holds every label of the run. Raises Refused
    for a vehicle that there is not.
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
        for spec in specs:
            spec.on.find_vins(world.fleet.vins)
        #: What became of each, in the order of the scenario; then of those from outside.
        self.of_file = [Struck(spec, len(towns)) for spec in specs]
        self.labels = LabelLog()
        #: Every time that a fault happened, oldest first; those that are over leave when there are too many.
        self.happened: dict[int, Happened] = {}
        #: Labels of what began or ended between two seconds, for the next one.
        self._untold: list[Label] = []

    def next_s(self) -> int:
        """The second of the next beginning or end."""
        return 0 if self._untold else self._plan.next_s()

    def plan(self, number: int, rows: Rows, at_s: int) -> None:
        """Fault `number` of the scenario is to begin at this second in these vehicles, as its `when` has come true."""
        spec = self.of_file[number].spec
        self._plan.add(at_s, number, spec, spec.struck(self._world, rows))

    def strike(self, now_s: int) -> tuple[Label, ...]:
        """Begin and end what is due by `now_s`, before that second is simulated; the labels, in the order of time.

        What strikes nobody has no label, unless it is no vehicle that breaks.
        """
        labels, self._untold = self._untold, []
        for change in self._plan.due(now_s, self._pick):
            label = self._make(change)
            if label is not None:
                labels.append(label)
        return tuple(labels)

    def inject(self, spec: FaultSpec, now_s: int) -> Happened:
        """Let a fault begin at once. Raises Refused for a vehicle that there is not."""
        spec.on.find_vins(self._world.fleet.vins)
        number = len(self.of_file)
        self.of_file.append(Struck(spec, len(self._towns)))
        picked = [self._pick(spec, f"fault {number}", town) for town in range(len(self._towns))]
        if spec.needs_vehicles:
            picked = [np.concatenate(picked)]
        changes = [self._plan.begin(now_s, number, spec, rows, town) for town, rows in enumerate(picked)]
        id_ = f"fault-{changes[0].run}"
        for change in changes:
            self._tell(self._make(change))
            self.happened[change.run].id = id_
        return replace(self.happened[changes[0].run], rows=np.concatenate(picked))

    def end(self, id_: str, now_s: int) -> bool:
        """End one that goes on, at once; whether there was one."""
        found = [one for one in self.happened.values() if one.id == id_ and one.is_active]
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
        this, at_ms = self.of_file[change.number], self._start_ms + change.at_s * 1000
        if change.phase == "end":
            this.running -= 1
            if change.run in self.happened:
                self.happened[change.run].ended_ms = at_ms
            return
        this.at_s = change.at_s if this.at_s is None else this.at_s
        this.vehicles += len(change.rows)
        this.running += change.phase == "begin"
        ended_ms = at_ms if change.phase == "once" else None
        self.happened[change.run] = Happened(
            f"fault-{change.run}", change.spec, change.rows, at_ms, ended_ms, change.number, change.run, change.town
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

    def _label(self, change: FaultChange) -> Label:
        return Label(
            self._start_ms + change.at_s * 1000,
            change.spec.kind,
            change.phase,
            change.rows.astype(np.int32),
            change.spec.parameters(),
        )

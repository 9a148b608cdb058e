"""The faults of a scenario at work inside the world: each begins and ends at its second, and leaves its labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jinqiao.base.telemetry import Label

from .base import Breakable, FaultSpec, Rows
from .plan import FaultChange, FaultPlan

if TYPE_CHECKING:
    from ..census import TownRows

__all__ = ["FaultInjector", "Struck"]


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
        """`asked` is the number that `on` names, for all towns; null where it names none."""
        return {
            "fault": self.spec.kind,
            **self.spec.parameters(),
            "at_s": self.at_s,
            "on": self.spec.on.written,
            "began": self.at_s is not None,
            "asked": None if self.spec.on.count is None else self.spec.on.count * self.towns,
            "struck": self.vehicles,
            "ended": self.at_s is not None and not self.running,
        }


class FaultInjector:
    """Strikes the vehicles of `world`, town by town; `start_ms` is when second 0 was."""

    def __init__(
        self, world: Breakable, specs: Sequence[FaultSpec], seed: int, towns: Sequence[TownRows], start_ms: int
    ) -> None:
        self._world, self._towns, self._start_ms = world, towns, start_ms
        self._plan = FaultPlan(specs, seed, [town.number for town in towns])
        #: What became of each, in the order of the scenario.
        self.of_file = [Struck(spec, len(towns)) for spec in specs]

    def next_s(self) -> int:
        """The second of the next beginning or end."""
        return self._plan.next_s()

    def strike(self, now_s: int) -> tuple[Label, ...]:
        """Begin and end what is due by `now_s`, before that second is simulated; the labels, in the order of time.

        What strikes nobody has no label, unless it is no vehicle that breaks.
        """
        changes = self._plan.due(now_s, self._pick)
        for change in changes:
            turn = change.spec.end_there if change.phase == "end" else change.spec.begin_there
            turn(self._world, change.rows, change.town)
            this = self.of_file[change.number]
            if change.phase == "end":
                this.running -= 1
                continue
            this.at_s = change.at_s if this.at_s is None else this.at_s
            this.vehicles += len(change.rows)
            this.running += change.phase == "begin"
        return tuple(self._label(change) for change in changes if len(change.rows) or not change.spec.needs_vehicles)

    def _pick(self, spec: FaultSpec, purpose: str, town: int) -> Rows:
        """The vehicles it strikes in a town, decided when it begins."""
        world, there = self._world, self._towns[town]
        state, among = world.fleet.vehicle_state, spec.candidates(world)
        if among is None:
            chosen = spec.on.pick(there.rows, there.fleets, state, lambda rows: world.draws.of(rows).words(purpose))
            return spec.struck(world, chosen)

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

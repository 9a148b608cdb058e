"""The faults of a scenario at work inside the world: each begins and ends at its second, and leaves its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jinqiao.base.telemetry import Label

from .base import Breakable, FaultSpec, Rows
from .plan import FaultChange, FaultPlan

__all__ = ["FaultInjector", "Struck"]


@dataclass(slots=True)
class Struck:
    """What became of one fault of the scenario: how many `vehicles` it struck, and when; None if it has not begun."""

    spec: FaultSpec
    at_s: int | None = None
    vehicles: int = 0
    ended: bool = False

    def as_json(self) -> dict[str, Any]:
        """`asked` is the number that `on` names, null where it names none."""
        return {
            "fault": self.spec.kind,
            **self.spec.parameters(),
            "at_s": self.at_s,
            "on": self.spec.on.written,
            "began": self.at_s is not None,
            "asked": self.spec.on.count,
            "struck": self.vehicles,
            "ended": self.ended,
        }


class FaultInjector:
    """Strikes the vehicles of `world`; `fleets` are the rows of each fleet by name, `start_ms` is when second 0 was."""

    def __init__(
        self, world: Breakable, specs: Sequence[FaultSpec], seed: int, fleets: Mapping[str, slice], start_ms: int
    ) -> None:
        self._world, self._fleets, self._start_ms = world, fleets, start_ms
        self._plan = FaultPlan(specs, seed)
        #: What became of each, in the order of the scenario.
        self.of_file = [Struck(spec) for spec in specs]

    def next_s(self) -> int:
        """The second of the next beginning or end."""
        return self._plan.next_s()

    def strike(self, now_s: int) -> tuple[Label, ...]:
        """Begin and end what is due by `now_s`, before that second is simulated; the labels, in the order of time.

        What strikes nobody has no label.
        """
        changes = self._plan.due(now_s, self._pick)
        for change in changes:
            turn = change.spec.end if change.phase == "end" else change.spec.begin
            turn(self._world, change.rows)
            this = self.of_file[change.number]
            if change.phase == "end":
                this.ended = True
            else:
                this.at_s, this.vehicles, this.ended = change.at_s, len(change.rows), change.phase == "once"
        return tuple(self._label(change) for change in changes if len(change.rows))

    def _pick(self, spec: FaultSpec, purpose: str) -> Rows:
        """The vehicles it strikes, decided when it begins."""
        world, fleets = self._world, self._fleets
        state, among = world.fleet.vehicle_state, spec.candidates(world)
        if among is None:
            return spec.struck(world, spec.on.pick(fleets, state, lambda rows: world.draws.of(rows).words(purpose)))
        # The candidates stand together when only they are counted; each fleet's are a slice of them, too.
        fleets = {
            name: slice(*np.searchsorted(among, (rows.start, rows.stop)).tolist()) for name, rows in fleets.items()
        }
        chosen = spec.on.pick(fleets, state[among], lambda places: world.draws.of(among[places]).words(purpose))
        return spec.struck(world, among[chosen])

    def _label(self, change: FaultChange) -> Label:
        return Label(
            self._start_ms + change.at_s * 1000,
            change.spec.kind,
            change.phase,
            change.rows.astype(np.int32),
            change.spec.parameters(),
        )

"""The scenario's commands: given when their second comes, or when something becomes true of a vehicle, to the vehicles
that fit then, counted by outcome.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Command, Outcome

from .activity import RESTING
from .clock import NEVER
from .commands.execute import execute
from .draws import event_dice

if TYPE_CHECKING:
    from .census import TownRows
    from .draws import VehicleDraws
    from .scenario.command import CommandSpec
    from .town import Town

__all__ = ["Given", "ScheduledCommands"]

#: The code of a command that was executed.
_OK = 200

Rows = NDArray[np.intp]


@dataclass(slots=True)
class Given:
    """What became of one command of the scenario: `matched` vehicles were asked, of which `obeyed` executed it.

    It is given in each of `towns`; `at_s` is when it was given first, None if it never was.
    """

    spec: CommandSpec
    towns: int = 1
    at_s: int | None = None
    matched: int = 0
    obeyed: int = 0

    @property
    def name(self) -> str:
        return self.spec.name

    def as_json(self) -> dict[str, Any]:
        """`asked` is the number that `on` names, for all towns; null where it names none. `at_s` is the scenario's, or
        when it was given first where that was open.
        """
        return {
            "command": self.name,
            "at_s": self.spec.at_s if self.spec.at_s is not None else self.at_s,
            "on": self.spec.on.written,
            **({"when": self.spec.when.text} if self.spec.when else {}),
            "given": self.at_s is not None,
            "asked": None if self.spec.on.count is None else self.spec.on.count * self.towns,
            "matched": self.matched,
            "obeyed": self.obeyed,
        }


class _Entry(NamedTuple):
    at_s: int
    order: int
    number: int  # in the scenario's file
    towns: Sequence[TownRows]
    rows: Rows | None = None  # None: who fits is decided then
    time: int = 1  # which time it is


class ScheduledCommands:
    """`outcomes` counts what came of each command to each vehicle, by name and code: `{"Lock": {200: 3}}`.

    `of_file` holds what became of each command, in the order of the scenario. `told` is called with name, row and
    outcome of each that was executed or refused.
    """

    def __init__(
        self,
        town: Town,
        specs: Sequence[CommandSpec],
        towns: Sequence[TownRows],
        draws: VehicleDraws,
        seed: int,
    ) -> None:
        self._town = town
        self._towns = towns
        self._draws = draws
        self._order = count()
        self.told: Callable[[str, int, Outcome], None] | None = None
        self.outcomes: dict[str, Counter[int]] = {}
        self.of_file = [Given(spec, len(towns)) for spec in specs]
        #: Those of one second in the order of the file.
        self._waiting: list[_Entry] = []
        for number, spec in enumerate(specs):
            if spec.at_s is not None:
                self._plan(_Entry(math.ceil(spec.at_s), number, number, towns))
            elif spec.between is not None:
                for there in towns:
                    dice = event_dice(seed, "command", number, there.number)
                    self._plan(_Entry(math.ceil(dice.uniform(*spec.between)), number, number, [there]))
        self._order = count(len(specs))

    def _plan(self, entry: _Entry) -> None:
        heapq.heappush(self._waiting, entry)

    def plan(self, number: int, rows: Rows, at_s: int) -> None:
        """Command `number` of the scenario is to be given to these vehicles, as its `when` has come true."""
        self._plan(_Entry(at_s, next(self._order), number, self._towns, rows))

    def next_s(self) -> int:
        """The second of the next command."""
        return self._waiting[0].at_s if self._waiting else NEVER

    def give(self, now_s: int) -> bool:
        """Give the commands that are due; whether there were any."""
        any_due = self.next_s() <= now_s
        while self.next_s() <= now_s:
            self._give(heapq.heappop(self._waiting))
        return any_due

    def _give(self, entry: _Entry) -> None:
        this = self.of_file[entry.number]
        spec, rows = this.spec, entry.rows
        if rows is None:
            if spec.repeat_s is not None and (spec.times is None or entry.time < spec.times):
                again_s = entry.at_s + max(1, math.ceil(spec.repeat_s))
                self._plan(entry._replace(at_s=again_s, order=next(self._order), time=entry.time + 1))
            # The first time has the purpose of a command that is not repeated.
            purpose = f"command {entry.number}" if entry.time == 1 else f"command {entry.number} time {entry.time}"
            rows = self.picked(spec, purpose, entry.towns)
        codes = Counter(outcome.code for _, outcome in self.to(spec, rows))
        self.outcomes.setdefault(this.name, Counter()).update(codes)
        this.at_s = entry.at_s if this.at_s is None else this.at_s
        this.matched += len(rows)
        this.obeyed += codes[_OK]

    def picked(self, spec: CommandSpec, purpose: str, towns: Sequence[TownRows] | None = None) -> Rows:
        """The vehicles it is for now, in these towns, by default in all; lots are drawn under this purpose."""
        fleet = self._town.fleet
        picked = [
            spec.on.pick_in(there, fleet, lambda fitting: self._draws.of(fitting).words(purpose))
            for there in (self._towns if towns is None else towns)
        ]
        return np.concatenate(picked)

    def to(self, spec: CommandSpec, rows: Rows) -> list[tuple[int, Outcome]]:
        """Let these vehicles execute it; what came of it, vehicle by vehicle."""
        town = self._town
        sleepers = rows[town.mode[rows] == RESTING]
        if len(sleepers):  # together, which is faster than each when it executes its command
            town.catch_up(sleepers)
        outcomes = [(row, execute(town, _command(spec, row))) for row in rows.tolist()]
        if self.told is not None:
            for row, outcome in outcomes:
                for name in [spec.service] if spec.service is not None else spec.set or ():
                    self.told(name, row, outcome)
        return outcomes


def _command(spec: CommandSpec, row: int) -> Command:
    if spec.service is not None:
        return Command(row, "service", spec.service, spec.args)
    return Command(row, "set", "", spec.set or {})

"""The scenario's commands: given when their second comes, to the vehicles of each town that fit then, counted by
outcome.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jinqiao.base.telemetry import Command

from .activity import RESTING
from .clock import NEVER
from .commands.execute import execute

if TYPE_CHECKING:
    from .census import TownRows
    from .draws import VehicleDraws
    from .scenario.command import CommandSpec
    from .town import Town

__all__ = ["Given", "ScheduledCommands"]

#: The code of a command that was executed.
_OK = 200


@dataclass(slots=True)
class Given:
    """What became of one command of the scenario: `matched` vehicles were asked, of which `obeyed` executed it.

    It is given in each of `towns`.
    """

    spec: CommandSpec
    towns: int = 1
    given: bool = False
    matched: int = 0
    obeyed: int = 0

    @property
    def name(self) -> str:
        return self.spec.service or ", ".join(self.spec.set or ())

    def as_json(self) -> dict[str, Any]:
        """`asked` is the number that `on` names, for all towns; null where it names none."""
        return {
            "command": self.name,
            "at_s": self.spec.at_s,
            "on": self.spec.on.written,
            "given": self.given,
            "asked": None if self.spec.on.count is None else self.spec.on.count * self.towns,
            "matched": self.matched,
            "obeyed": self.obeyed,
        }


class ScheduledCommands:
    """`outcomes` counts what came of each command to each vehicle, by name and code: `{"Lock": {200: 3}}`.

    `of_file` holds what became of each command, in the order of the scenario.
    """

    def __init__(
        self,
        town: Town,
        specs: Sequence[CommandSpec],
        towns: Sequence[TownRows],
        draws: VehicleDraws,
    ) -> None:
        self._town = town
        self._towns = towns
        self._draws = draws
        #: The last comes first; those of one second in the order of the file.
        self._waiting = sorted(enumerate(specs), key=lambda item: (item[1].at_s, item[0]), reverse=True)
        self.outcomes: dict[str, Counter[int]] = {}
        self.of_file = [Given(spec, len(towns)) for spec in specs]

    def next_s(self) -> int:
        """The second of the next command."""
        return math.ceil(self._waiting[-1][1].at_s) if self._waiting else NEVER

    def give(self, now_s: int) -> bool:
        """Give the commands that are due; whether there were any."""
        any_due = self.next_s() <= now_s
        while self.next_s() <= now_s:
            self._give(*self._waiting.pop())
        return any_due

    def _give(self, number: int, spec: CommandSpec) -> None:
        town, purpose = self._town, f"command {number}"
        state = town.fleet.vehicle_state
        picked = [
            spec.on.pick(there.rows, there.fleets, state, lambda fitting: self._draws.of(fitting).words(purpose))
            for there in self._towns
        ]
        rows = np.concatenate(picked)
        sleepers = rows[town.mode[rows] == RESTING]
        if len(sleepers):  # together, which is faster than each when it executes its command
            town.catch_up(sleepers)
        this = self.of_file[number]
        codes = Counter(execute(town, _command(spec, row)).code for row in rows.tolist())
        self.outcomes.setdefault(this.name, Counter()).update(codes)
        this.given, this.matched, this.obeyed = True, len(rows), codes[_OK]


def _command(spec: CommandSpec, row: int) -> Command:
    if spec.service is not None:
        return Command(row, "service", spec.service, spec.args)
    return Command(row, "set", "", spec.set or {})

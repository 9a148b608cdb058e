"""What a report is made of: verdicts, and what helps a person to understand them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from jinqiao.simulator.expectations import Verdict, Word

__all__ = ["BAD", "Facts", "Phase", "Spell", "clock", "counted_words"]

#: What is no pass at the end of a run.
BAD = ("failed", "not exercised")


@dataclass(frozen=True, slots=True)
class Phase:
    """A named stretch of the run, s after its start."""

    name: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Spell:
    """A fault in one vehicle, s after the start of the run; `end_s` None: it went on to the end."""

    fault: str
    vin: str
    begin_s: float
    end_s: float | None


@dataclass(frozen=True, slots=True)
class Facts:
    """A run that has ended. `start_ms` is simulated UTC; `reason` says why it ended before its time, if it did.

    `broke` is whether that was because something the run needs broke. `fleets` are the figures of each, by the names of
    the summary.
    """

    scenario: str
    file: str
    start: str
    start_ms: int
    simulated_s: float
    wall_s: float
    seed: int
    vehicles: int
    towns: int
    ended: str
    reason: str
    broke: bool
    sha256: str
    version: str
    verdicts: tuple[Verdict, ...]
    published: Mapping[str, int] = field(default_factory=dict)
    fleets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    phases: tuple[Phase, ...] = ()
    spells: tuple[Spell, ...] = ()

    def count(self, word: str) -> int:
        """How many verdicts are this word."""
        return sum(verdict.verdict == word for verdict in self.verdicts)

    @property
    def bad(self) -> tuple[Verdict, ...]:
        """Those that are no pass."""
        return tuple(verdict for verdict in self.verdicts if verdict.verdict in BAD)

    def words(self) -> str:
        """How many stand how."""
        return counted_words(self.verdicts)

    def seconds_of(self, time_ms: int) -> float:
        """A moment as s after the start."""
        return (time_ms - self.start_ms) / 1000


def counted_words(verdicts: Iterable[Verdict]) -> str:
    """`3 passed, 1 failed`."""
    counts = Counter(verdict.verdict for verdict in verdicts)
    return ", ".join(f"{counts[word]:,} {word}" for word in get_args(Word) if counts[word])


def clock(seconds: float) -> str:
    """Time since the start of the run, as `0:31:20`."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"

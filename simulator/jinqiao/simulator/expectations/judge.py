"""What all judges have in common. A judge follows a run and has a verdict on one expectation at any time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .known import Known
from .series import Trace
from .stretch import Stretch
from .verdict import Failure, Series, Verdict, Word

__all__ = ["KEPT_FAILURES", "Judge", "Now", "Outcome", "Window"]

#: Failures of one expectation that are kept with vehicle, time and value; more are only counted.
KEPT_FAILURES = 5

#: Later than any moment of a run.
FOREVER_MS = 1 << 62


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a run that an expectation is about: from `begin_ms` until before `end_ms`, simulated UTC.

    With `moment` it is what stands at `begin_ms`. `name` is that of a phase.
    """

    begin_ms: int
    end_ms: int = FOREVER_MS
    name: str = ""
    moment: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is the whole run."""
        return not self.name and not self.moment


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a judge found: a verdict without the expectation's text and place."""

    word: Word
    measured: str
    exercised: int = 0
    failures: tuple[Failure, ...] = ()
    series: Series | None = None


@dataclass(frozen=True, slots=True)
class Now:
    """When a verdict is asked for: a moment of the run, simulated UTC, ms, and whether it has ended."""

    time_ms: int
    final: bool


class Judge:
    """Follows a run step by step. `expect` and `line` are where it comes from, `window` is when it looks."""

    #: Whether it looks at steps at all, or only at what others count.
    follows: ClassVar[bool] = True

    expect: str = ""
    line: int | None = None
    window: Window = Window(0)
    trace: Trace | None = None

    def prepare(self, known: Known) -> None:
        """Say which signals somebody must remember for it."""

    def take(self, stretch: Stretch) -> None:
        """Look at the next step."""

    def finish(self, known: Known, now_ms: int) -> None:
        """The run has ended at `now_ms`, with this known; called before the last verdict."""

    def outcome(self, now: Now) -> Outcome:
        """What came of it so far, or at the end."""
        raise NotImplementedError

    def verdict(self, now: Now) -> Verdict:
        """The same, with text and line."""
        found = self.outcome(now)
        series = found.series if self.trace is None else self.trace.series()
        return Verdict(self.expect, found.word, found.measured, self.line, found.exercised, found.failures, series)

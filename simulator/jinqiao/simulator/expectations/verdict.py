"""What came of an expectation: values that reports, the control API and the exit code are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

__all__ = ["Failure", "Series", "Verdict", "Word"]

#: `pending` only before the end of a run; `not exercised` is no pass.
Word: TypeAlias = Literal["passed", "failed", "pending", "not exercised"]


@dataclass(frozen=True, slots=True)
class Failure:
    """One moment at which an expectation did not hold: simulated UTC, ms, the vehicle where it is about one, and what
    was found.
    """

    time_ms: int
    vin: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Series:
    """What an expectation looked at over time, for a plot: `values[i]`, in `unit`, at `times_ms[i]`, rising.

    At most some hundred points; of an expectation about single vehicles it is the value nearest to its bound.
    """

    name: str
    unit: str
    times_ms: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of `expect`, an expectation's text, and what was `measured`, in words with its unit.

    `line` is its line in the scenario, None where it is from elsewhere. `exercised` counts what was looked at (samples,
    replies, faults, instants): with none there is nothing that could pass. `failures` are the first few.
    """

    expect: str
    verdict: Word
    measured: str
    line: int | None = None
    exercised: int = 0
    failures: tuple[Failure, ...] = ()
    series: Series | None = None

    @property
    def ok(self) -> bool:
        """Whether a test may go on: passed, or not decided before the end."""
        return self.verdict in ("passed", "pending")

    def as_json(self) -> dict[str, Any]:
        """As `GET /control/expectations` lists it; `exercised` and `failures` are more than the reference demands."""
        return {
            "expect": self.expect,
            "verdict": self.verdict,
            "measured": self.measured,
            "line": self.line,
            "exercised": self.exercised,
            "failures": [{"time_ms": one.time_ms, "vehicle": one.vin, "text": one.text} for one in self.failures],
        }

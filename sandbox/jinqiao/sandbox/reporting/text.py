"""Verdicts as lines, for the end of a run."""

from __future__ import annotations

from collections.abc import Iterator

from jinqiao.simulator.expectations import Verdict

from ..shown import short
from .facts import BAD, Facts, clock

__all__ = ["lines"]

#: The words stand in a column of this width; the expectations in one no wider than that.
_WORD, _WIDEST = 13, 90
#: Characters of what was measured, and moments that are listed of each.
_MEASURED, _MOMENTS = 160, 3


def lines(facts: Facts) -> list[str]:
    """One line a verdict, the first moments below those that failed; none where nothing is expected."""
    if not facts.verdicts:
        return []
    texts = [short(verdict.expect, _WIDEST) for verdict in facts.verdicts]
    width = max(map(len, texts))
    found = [f"  expected   {facts.words()}"]
    for verdict, text in zip(facts.verdicts, texts, strict=True):
        word = verdict.verdict.upper() if verdict.verdict in BAD else verdict.verdict
        found.append(f"    {word:<{_WORD}}  {text:<{width}}  {short(verdict.measured, _MEASURED)}".rstrip())
        found += _moments(facts, verdict)
    return found


def _moments(facts: Facts, verdict: Verdict) -> Iterator[str]:
    if verdict.verdict not in BAD:
        return
    for one in verdict.failures[:_MOMENTS]:
        who = f"{one.vin}: " if one.vin else ""
        yield f"    {'':<{_WORD}}    at {clock(facts.seconds_of(one.time_ms))}  {short(who + one.text, _MEASURED)}"

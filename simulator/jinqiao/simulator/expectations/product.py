"""Expectations of the product under test: it reacts to a fault in time, its calls are answered in time."""

from __future__ import annotations

from dataclasses import dataclass

from .evidence import Evidence, Reaction
from .judge import KEPT_FAILURES, Judge, Now, Outcome, Window
from .shown import number, share
from .states import Vins
from .verdict import Failure

__all__ = ["Deed", "ReactionJudge", "ReplyJudge"]


@dataclass(frozen=True, slots=True)
class Deed:
    """What the product is to do about a vehicle: call a service, set a property, make a cloud call, publish."""

    kind: Reaction
    name: str


class ReactionJudge(Judge):
    """After each `fault` the product does `deed` about that vehicle within `within_ms`, for a `wanted` share of them.

    A fault whose time is not yet over when the run ends, and that saw no reaction, is not counted.
    """

    follows = False

    def __init__(
        self,
        fault: str,
        deed: Deed,
        within_ms: int,
        wanted: float,
        evidence: Evidence,
        window: Window,
        vins: Vins,
    ) -> None:
        self._fault, self._deed, self._within_ms, self._wanted = fault, deed, within_ms, wanted
        self._evidence, self.window, self._vins = evidence, window, vins

    def outcome(self, now: Now) -> Outcome:
        deed, window = self._deed, self.window
        in_time, late, open_yet = 0, [], 0
        slowest = 0
        for span in self._evidence.of_fault(self._fault):
            if not window.begin_ms <= span.begin_ms < window.end_ms:
                continue
            at_ms = self._evidence.first_reaction_ms(deed.kind, deed.name, span.row, span.begin_ms)
            if at_ms is not None and at_ms - span.begin_ms <= self._within_ms:
                in_time += 1
                slowest = max(slowest, at_ms - span.begin_ms)
            elif span.begin_ms + self._within_ms >= now.time_ms:
                open_yet += 1
            else:
                late.append((span, at_ms))
        counted = in_time + len(late)
        found = in_time / counted if counted else 0.0
        failures = tuple(
            Failure(span.begin_ms, self._vins(span.row), _late(self._fault, at_ms, span.begin_ms))
            for span, at_ms in late[:KEPT_FAILURES]
        )
        measured = f"no {self._fault}" + (f" in {window.name}" if window.name else "")
        if counted:
            measured = f"{in_time:,} of {counted:,} in time ({share(found)})"
            measured += f", the slowest after {number(slowest / 1000, 's', 1)}" if in_time else ""
        measured += f", {open_yet:,} whose time is not over" if open_yet else ""
        if not now.final:
            return Outcome("pending", measured, counted, failures)
        if not counted:
            return Outcome("not exercised", measured)
        return Outcome("passed" if found >= self._wanted else "failed", measured, counted, failures)


def _late(fault: str, at_ms: int | None, begin_ms: int) -> str:
    if at_ms is None:
        return f"{fault}: no reaction"
    return f"{fault}: the first reaction after {number((at_ms - begin_ms) / 1000, 's', 1)}"


class ReplyJudge(Judge):
    """Calls of `service` are answered within `within_s`, a `wanted` share of them. A refusal is an answer."""

    follows = False

    def __init__(self, service: str, within_s: float, wanted: float, evidence: Evidence) -> None:
        self._service, self._within_s, self._wanted, self._evidence = service, within_s, wanted, evidence

    def outcome(self, now: Now) -> Outcome:
        replies = self._evidence.replies(self._service)
        if not replies:
            return Outcome("not exercised" if now.final else "pending", f"{self._service} was never called")
        in_time = sum(after_s <= self._within_s for after_s, _ in replies)
        unanswered = sum(after_s == float("inf") for after_s, _ in replies)
        found = in_time / len(replies)
        measured = f"{in_time:,} of {len(replies):,} in time ({share(found)})"
        measured += f", {unanswered:,} without a reply" if unanswered else ""
        if not now.final:
            return Outcome("pending", measured, len(replies))
        return Outcome("passed" if found >= self._wanted else "failed", measured, len(replies))

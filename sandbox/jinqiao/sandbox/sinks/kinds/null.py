"""`null`: counts and forgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

from jinqiao.base.errors import InputError
from jinqiao.base.telemetry import Step
from jinqiao.simulator.world import World

from ..base import SinkSpec, sink

__all__ = ["NullSink", "NullSpec"]


@sink
class NullSpec(SinkSpec):
    """Counts and forgets: what a run costs without any store."""

    kind = "null"

    @classmethod
    def at(cls, rest: str, asked: str) -> Self:
        """`null`. Raises InputError for anything behind it."""
        if rest:
            raise InputError(f"{asked}: found {rest!r} after it, expected nothing")
        return cls()

    async def open(self, world: World, product_key: str, device_names: Sequence[str]) -> NullSink:  # noqa: ARG002
        """There is nothing to get ready."""
        return NullSink()


class NullSink:
    """Counts what it is given."""

    name = "null"
    each_second = False

    def __init__(self) -> None:
        self._counts = Counter(samples=0, events=0, can=0, labels=0)

    async def take(self, step: Step) -> None:
        """Count samples, events, seconds of a bus, labels."""
        self._counts["samples"] += sum(map(len, step.batches))
        self._counts["events"] += len(step.events)
        self._counts["can"] += sum(map(len, step.can))
        self._counts["labels"] += sum(map(len, step.labels))

    async def close(self) -> dict[str, Any]:
        """The counts."""
        return dict(self._counts)

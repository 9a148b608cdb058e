"""The numbers of devices' posts: each device counts its own, in the order in which they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Batch, Event

__all__ = ["LAST_ID", "PostNumbers"]

#: Numbers go from 1 to this and start again (the platform allows 0 … 4294967295, unique per day).
LAST_ID = 99_999_999
#: Posts of an instant that are numbered by themselves: fewer are quicker sorted among all others.
_MANY_POSTS = 50


class PostNumbers:
    """Counts for n devices; `last` is the number of each one's last post, shape (n,), int32."""

    def __init__(self, n: int) -> None:
        self.last = np.zeros(n, np.int32)

    def next(self, vehicles: NDArray[np.int32]) -> NDArray[np.int32]:
        """One more post of each of these devices, none of which stands here twice; their numbers, shape (m,)."""
        numbers = self.last[vehicles] % LAST_ID + 1
        self.last[vehicles] = numbers
        return numbers

    def next_of(self, vehicle: int) -> int:
        """One more post of one device."""
        number = int(self.last[vehicle]) % LAST_ID + 1
        self.last[vehicle] = number
        return number

    def in_order(self, vehicles: NDArray[np.int32]) -> NDArray[np.int32]:
        """As `next`, for posts in the order in which they are sent; a device may have several."""
        count = len(vehicles)
        order = np.argsort(vehicles, kind="stable")
        grouped = vehicles[order]
        begins = np.ones(count, np.bool_)
        np.not_equal(grouped[1:], grouped[:-1], out=begins[1:])
        first = np.flatnonzero(begins)
        place = np.arange(count) - np.repeat(first, np.diff(first, append=count))
        numbers = np.empty(count, np.int32)
        numbers[order] = (self.last[grouped] + place) % LAST_ID + 1
        self.last[vehicles] = numbers  # where a device stands several times, its last one stays
        return numbers

    def of_step(self, events: Sequence[Event], batches: Sequence[Batch]) -> tuple[list[int], list[NDArray[np.int32]]]:
        """For what is sent in the order of time, at the same moment events first: numbers of events, of each batch."""
        edges = [batch.edges for batch in batches]
        together = sum(map(len, batches)) < _MANY_POSTS * sum(map(len, edges))
        return self._sorted(events, batches) if together else self._by_instant(events, batches, edges)

    def _sorted(self, events: Sequence[Event], batches: Sequence[Batch]) -> tuple[list[int], list[NDArray[np.int32]]]:
        """All at once, which takes sorting."""
        vehicles = np.concatenate(
            [np.array([event.vehicle for event in events], np.int32), *(b.vehicles for b in batches)]
        )
        times = np.concatenate([np.array([event.time_ms for event in events], np.int64), *(b.time_ms for b in batches)])
        order = np.argsort(times, kind="stable")
        numbers = np.empty(len(order), np.int32)
        numbers[order] = self.in_order(vehicles[order])
        own, *parts = np.split(numbers, np.cumsum([len(events), *map(len, batches)])[:-1])
        return own.tolist(), parts

    def _by_instant(
        self, events: Sequence[Event], batches: Sequence[Batch], edges: Sequence[Sequence[int]]
    ) -> tuple[list[int], list[NDArray[np.int32]]]:
        """Instant by instant, in which every device stands but once in a batch."""
        own, parts = [0] * len(events), [np.empty(len(batch), np.int32) for batch in batches]
        pieces = [(event.time_ms, 0, number, 0) for number, event in enumerate(events)]
        for place, (batch, starts) in enumerate(zip(batches, edges, strict=True), 1):
            times = batch.time_ms[starts[:-1]].tolist()
            pieces += [(time_ms, place, *edge) for time_ms, edge in zip(times, pairwise(starts), strict=True)]
        for _, place, start, stop in sorted(pieces):
            if place:
                parts[place - 1][start:stop] = self.next(batches[place - 1].vehicles[start:stop])
            else:
                own[start] = self.next_of(events[start].vehicle)
        return own, parts

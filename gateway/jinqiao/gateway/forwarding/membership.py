"""One consumer in its group: how much it may be sent, and what it has been sent and not acknowledged.

What is delivered at once is one `_Sent`, whatever number of messages it has. Consumers acknowledge in ranges, or one by
one and mostly in order; both cost the same few steps.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .block import Block, Piece
from .bounds import Bounds
from .messages import Messages
from .rate import Rate

__all__ = ["Consumer", "GroupQueue", "Membership"]


class Consumer(Protocol):
    """Who receives messages: a link of an AMQP connection."""

    @property
    def client_id(self) -> str: ...

    @property
    def address(self) -> str:
        """Host and port of the other end."""

    @property
    def joined_ms(self) -> int:
        """When it came, UTC milliseconds."""

    def deliver(self, first: int, messages: Messages, tries: NDArray[np.uint8]) -> None:
        """Messages number `first`, `first + 1` … of this membership. `tries[i]` above 0: delivered before, so often.

        Called from the event loop, never from within a call of the membership.
        """


class GroupQueue(Protocol):
    """What a membership needs of its group."""

    def wake(self) -> None:
        """Somebody may take more: deliver, later in this turn."""

    def settled(self, block: Block, start: int, stop: int, *, rejected: bool = False) -> None:
        """These messages are done with."""

    def give_back(self, pieces: list[Piece], *, tried: bool) -> None:
        """These are to be delivered again, before all others."""

    def left(self, member: Membership) -> None:
        """It is no member any more."""


class _Sent:
    """Messages `start` up to `start + count` of a block, delivered as numbers `first` … and not all settled.

    Those below `done` are settled, counted from `start`; where others are, `gone` has a 1 for each.
    """

    __slots__ = ("at_s", "block", "count", "done", "first", "gone", "open", "start")

    def __init__(self, first: int, block: Block, start: int, count: int, at_s: float) -> None:
        self.first, self.block, self.start, self.count, self.at_s = first, block, start, count, at_s
        self.done = 0
        self.open = count
        self.gone: bytearray | None = None

    def claim(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Settle offsets `low` up to `high`: yields what of it was not settled before, as places in the block."""
        low = max(low, self.done)
        if low >= high:
            return
        if self.gone is None and low == self.done:
            self.done = high
            self.open -= high - low
            yield self.start + low, self.start + high
            return
        if self.gone is None:
            self.gone = bytearray(self.count)
        gone = self.gone
        while (begin := gone.find(0, low, high)) >= 0:
            low = gone.find(1, begin, high)
            if low < 0:
                low = high
            gone[begin:low] = b"\1" * (low - begin)
            self.open -= low - begin
            yield self.start + begin, self.start + low
        while self.done < self.count and gone[self.done]:
            self.done += 1


class Membership:
    """A consumer's place in its group, until `leave`. Numbers are those under which messages were delivered to it."""

    def __init__(self, group: GroupQueue, consumer: Consumer, bounds: Bounds) -> None:
        self.consumer = consumer
        #: What it has settled, of messages as they came and of those that had waited.
        self.realtime, self.backlog = Rate(), Rate()
        self._group, self._bounds = group, bounds
        self._credit = 0
        self._next = 0
        self._sent: deque[_Sent] = deque()
        self._open = self._open_bytes = 0
        self._there = True

    @property
    def unsettled(self) -> int:
        """Messages that were delivered and neither settled nor given back."""
        return self._open

    def credit(self, count: int) -> None:
        """So many more may be delivered from now on; replaces what was said before."""
        self._credit = max(count, 0)
        if self._credit:
            self._group.wake()

    def accept(self, first: int, last: int) -> None:
        """Numbers `first` to `last`, inclusive, have arrived and are gone; what is no longer unsettled is ignored."""
        self._settle(first, last, rejected=False)

    def reject(self, first: int, last: int) -> None:
        """The consumer cannot use them, nor could anybody else: they are gone, too."""
        self._settle(first, last, rejected=True)

    def release(self, first: int, last: int, *, failed: bool = False, undeliverable: bool = False) -> None:
        """These go back to the head of the queue, `failed` ones marked as tried; `undeliverable` ones for others only.

        (AMQP 1.0 § 3.4.4 and 3.4.5, released and modified.)
        """
        avoids = self if undeliverable else None
        pieces = [
            Piece(sent.block, start, stop, avoids, strictly=undeliverable)
            for sent, start, stop in self._claim(first, last)
        ]
        self._group.give_back(pieces, tried=failed)

    def leave(self) -> None:
        """The consumer is gone: what it has not settled goes back, marked as tried. May be called more than once."""
        if self._there:
            self._there = False
            self._credit = 0
            self._return_all(self._next - 1, None)
            self._group.left(self)

    # Called by the group.

    def room(self) -> int:
        """How many messages it may be sent now."""
        if self._open_bytes >= self._bounds.client_bytes:
            return 0
        return min(self._credit, self._bounds.client_messages - self._open)

    def room_bytes(self) -> int:
        """How many bytes of messages it may be sent now; the last message may be larger."""
        return self._bounds.client_bytes - self._open_bytes

    def send(self, piece: Piece, now_s: float) -> int:
        """Deliver these messages; returns their bytes, or 1 if they have none."""
        block, start, stop = piece.block, piece.start, piece.stop
        count = stop - start
        messages = block.messages.cut(start, stop)
        first = self._next
        self._next += count
        self._credit -= count
        self._open += count
        self._open_bytes += len(messages.data)
        self._sent.append(_Sent(first, block, start, count, now_s))
        self.consumer.deliver(first, messages, block.deliver(start, stop))
        return len(messages.data) or 1

    def tick(self, before_s: float) -> None:
        """A second has passed; what was delivered before that time and is not settled goes back, to somebody else if
        there is one."""
        self.realtime.step()
        self.backlog.step()
        last = -1
        for sent in self._sent:
            if sent.at_s > before_s:
                break
            last = sent.first + sent.count - 1
        if last >= 0:
            self._return_all(last, self)

    def _settle(self, first: int, last: int, *, rejected: bool) -> None:
        for sent, start, stop in self._claim(first, last):
            waited_s = sent.at_s - sent.block.since_s
            (self.backlog if waited_s > self._bounds.backlog_after_s else self.realtime).count(stop - start)
            self._group.settled(sent.block, start, stop, rejected=rejected)

    def _return_all(self, last: int, avoids: Membership | None) -> None:
        pieces = [Piece(sent.block, start, stop, avoids) for sent, start, stop in self._claim(0, last)]
        self._group.give_back(pieces, tried=True)

    def _claim(self, first: int, last: int) -> Iterator[tuple[_Sent, int, int]]:
        """Take numbers `first` to `last` out of what is unsettled: yields what they are, as places in their blocks."""
        found = self._sent
        was_full = self.room() <= 0
        index = max(bisect_right(found, first, key=_first_of) - 1, 0)
        while index < len(found) and (sent := found[index]).first <= last:
            messages = sent.block.messages
            for start, stop in sent.claim(max(first - sent.first, 0), min(last + 1 - sent.first, sent.count)):
                self._open -= stop - start
                self._open_bytes -= messages.begin(stop) - messages.begin(start)
                yield sent, start, stop
            if sent.open:
                index += 1
            else:
                del found[index]
        if was_full and self.room() > 0:
            self._group.wake()


def _first_of(sent: _Sent) -> int:
    return sent.first

"""A consumer group's queue: what waits, who takes it, and what comes back.

Theory of operation
-------------------
What comes in one turn of the event loop is joined to one block. Consumers take pieces of blocks in turn, as far as
their credit and the bounds go, so that the members of a group share its messages and each gets its own in order. What
is delivered is noted by its membership; what is accepted or rejected is gone; what is released, or not acknowledged in
time, or was on its way to a consumer that left, goes back and is delivered before all else.

The platform paces its consumers (1,000 messages a second over a connection, 200 of what has accumulated). This queue
does not: a consumer is sent what it has credit for.

Invariants
----------
- A message waits, or is unsettled in one membership, or gone; `Block.left` counts those of a block that are not gone,
  and the group holds the bytes of a block until all are.
- Consumers are called from `_pump` alone, which the event loop calls: a consumer may call its membership at any time.
- A turn delivers no more than `_TURN_BYTES`; then others have theirs.
- No loop over messages, unless they come back one by one.
- What has to outlive the process is written by `_take_fresh`, so before it is delivered; `Keeping` knows when it is on
  the disk. How often it may have been delivered, and that it is gone, is noted in its segment.
"""

from __future__ import annotations

import logging
from collections import deque
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from .block import Block, Piece
from .bounds import Bounds
from .clock import Clock
from .keeping import Keeping
from .log import Log
from .membership import Consumer, Membership
from .messages import Messages, joined
from .rate import Rate
from .segment import CAPACITY, Segment
from .status import ClientStatus, GroupStatus
from .waiting import Waiting

__all__ = ["Group", "GroupFull", "Store"]

_logger = logging.getLogger(__name__)

#: Delivered in one turn of the event loop; and to one consumer before it is another's turn, if there are others.
_TURN_BYTES, _SHARE_BYTES = 4 << 20, 128 << 10


class GroupFull(Exception):
    """The group has as many clients as it may have."""


class Store(NamedTuple):
    """Where a group keeps what is to outlive the process, and who waits for that."""

    log: Log
    keeping: Keeping


class Group:
    """The queue of one consumer group; it begins with what is in its `store`."""

    def __init__(self, group_id: str, clock: Clock, bounds: Bounds | None = None, store: Store | None = None) -> None:
        self.group_id = group_id
        #: Whether anybody has come to consume its messages yet.
        self.attended = False
        self.bounds = bounds or Bounds()
        self._clock = clock
        self._store = store
        #: What came in this turn, and whether it need not outlive the process.
        self._fresh: list[tuple[Messages, bool]] = []
        self._waiting = Waiting()
        self._members: deque[Membership] = deque()
        self._pump_comes = self._overflowing = False
        self._left = 0
        self._received = self._acknowledged = self._rejected = self._redelivered = 0
        self._overflowed = self._expired = 0
        self._last_acknowledged_ms = 0
        #: What members that have left have acknowledged lately.
        self._realtime, self._backlog = Rate(), Rate()
        #: Why something that came could not be written, until that has been reported.
        self._unwritten: OSError | None = None
        if store is not None:
            self._restore(store.log)

    @property
    def held(self) -> int:
        """Bytes that its messages cost, waiting or unacknowledged."""
        return self._waiting.held

    @property
    def accumulated(self) -> int:
        """Messages that wait or are not acknowledged."""
        return self._left

    def put(self, messages: Messages, *, passing: bool = False) -> None:
        """Queue messages behind all others; the oldest that wait are dropped where there is no room.

        `passing` ones need not outlive the process.
        """
        if len(messages):
            self._fresh.append((messages, passing or self._store is None))
            self.wake()
            if self._store is not None and not passing:
                self._store.keeping.expect(self._write)

    def join(self, consumer: Consumer) -> Membership:
        """A consumer comes. It is sent nothing before it gives credit. Raises GroupFull."""
        if len(self._members) >= self.bounds.clients:
            raise GroupFull(f"consumer group {self.group_id} has {self.bounds.clients} clients, which is all it may")
        member = Membership(self, consumer, self.bounds)
        self._members.append(member)
        self.attended = True
        return member

    def clear(self) -> None:
        """Drop all that waits, as when a consumer's position is reset; what is on its way may still be acknowledged."""
        self._take_fresh()
        while (piece := self._waiting.pop_oldest()) is not None:
            self._forget(piece.block, piece.start, piece.stop)

    def status(self) -> GroupStatus:
        """How it stands."""
        self._take_fresh()
        members = sorted(self._members, key=lambda member: member.consumer.joined_ms)
        clients = tuple(_status_of(member) for member in members)
        return GroupStatus(
            accumulated=self._left,
            unsettled=sum(client.unsettled for client in clients),
            held_bytes=self.held,
            received=self._received,
            acknowledged=self._acknowledged,
            rejected=self._rejected,
            redelivered=self._redelivered,
            overflowed=self._overflowed,
            expired=self._expired,
            realtime_per_minute=self._realtime.per_minute + sum(client.realtime_per_minute for client in clients),
            backlog_per_minute=self._backlog.per_minute + sum(client.backlog_per_minute for client in clients),
            last_acknowledged_ms=self._last_acknowledged_ms,
            clients=clients,
        )

    def tick(self) -> None:
        """A second has passed: what was not acknowledged in time comes back, and what is too old goes."""
        self._take_fresh()
        now_s = self._clock.now_s()
        for member in self._members:
            member.tick(now_s - self.bounds.redeliver_after_s)
        self._realtime.step()
        self._backlog.step()
        self._waiting.age(now_s - self.bounds.backlog_after_s)
        before_ms = self._clock.now_ms() - int(self.bounds.kept_s * 1000)
        for piece in self._waiting.pop_older(now_s - self.bounds.kept_s, before_ms):
            self._expired += len(piece)
            self._forget(piece.block, piece.start, piece.stop)
        if self._store is not None:
            self._bound_disk(self._store.log)

    def shrink(self, most_bytes: int) -> int:
        """Drop the oldest that wait until no more is held than this, and count them; returns how many went."""
        before = self._overflowed
        while self.held > most_bytes and (piece := self._waiting.pop_oldest()) is not None:
            self._overflow(piece)
        return self._overflowed - before

    def close(self) -> None:
        """Nothing comes any more: what has to is on the disk when this returns. Raises OSError."""
        if self._store is not None:
            self._write()
            self._store.log.close()

    def remove(self) -> None:
        """The group is defined no more: nothing of it is kept. Raises OSError."""
        self.clear()
        if self._store is not None:
            self._store.log.remove()
            self._store = None

    # Called by its members.

    def wake(self) -> None:
        """Deliver in the next turn."""
        if not self._pump_comes:
            self._pump_comes = True
            self._clock.soon(self._pump)

    def settled(self, block: Block, start: int, stop: int, *, rejected: bool = False) -> None:
        """These messages have arrived, or are not wanted."""
        self._acknowledged += stop - start
        if rejected:
            self._rejected += stop - start
        self._last_acknowledged_ms = self._clock.now_ms()
        self._forget(block, start, stop)

    def give_back(self, pieces: list[Piece], *, tried: bool) -> None:
        """These are delivered again, before all others."""
        if not pieces:
            return
        for piece in pieces:
            self._redelivered += len(piece)
            if tried:
                piece.block.tried(piece.start, piece.stop)
        self._waiting.give_back(pieces)
        self.wake()

    def left(self, member: Membership) -> None:
        """A consumer has gone."""
        self._members.remove(member)
        self._realtime.add(member.realtime)
        self._backlog.add(member.backlog)
        self._waiting.forget_member(member)

    # Within.

    def _take_fresh(self) -> None:
        """Queue what came in this turn, what is to be kept when it is written."""
        if not self._fresh:
            return
        fresh, self._fresh = self._fresh, []
        for passing, came in groupby(fresh, key=itemgetter(1)):
            messages = joined([messages for messages, _ in came])
            self._received += len(messages)
            self._left += len(messages)
            if passing or self._store is None:
                self._waiting.add(messages, self._clock.now_s(), None, 0)
            else:
                self._keep(messages, self._store.log)
        if self.held > self.bounds.group_bytes:
            self.shrink(self.bounds.group_bytes)

    def _keep(self, messages: Messages, log: Log) -> None:
        """Write and queue them; what cannot be written waits all the same, and is not acknowledged to its device."""
        segment: Segment | None
        for start in range(0, len(messages), CAPACITY):
            part = messages.cut(start, min(start + CAPACITY, len(messages)))
            try:
                segment, first = log.append(part)
            except OSError as error:
                self._unwritten, segment, first = error, None, 0
            self._waiting.add(part, self._clock.now_s(), segment, first)

    def _write(self) -> set[Segment]:
        """Write what came; what is to be synced. Raises OSError."""
        self._take_fresh()
        error, self._unwritten = self._unwritten, None
        if error is not None:
            raise error
        return self._store.log.take_unsynced() if self._store is not None else set()

    def _restore(self, log: Log) -> None:
        """Queue what the last process has left."""
        since_s = self._clock.now_s() - self.bounds.backlog_after_s
        for segment, stored in log.read():
            block = Block(stored.messages, since_s, segment, stored.first)
            block.tries = stored.tries if stored.tries.any() else None
            self._left += block.left
            self._waiting.restore(block)
        self.shrink(self.bounds.group_bytes)

    def _bound_disk(self, log: Log) -> None:
        """Give up the oldest files where they take too much room, such as when each holds one that nobody takes."""
        while log.size > self.bounds.disk_bytes and (segment := log.oldest) is not None:
            for piece in self._waiting.pop_of(segment):
                self._overflow(piece)
            if segment.left:  # the rest is on its way to consumers, and outlives the process no more
                segment.give_up()

    def _pump(self) -> None:
        """Deliver what can be, to each consumer in turn."""
        self._pump_comes = False
        self._take_fresh()
        budget, served = _TURN_BYTES, True
        while served and budget > 0:
            sizes = [self._serve(member) for member in tuple(self._members)]
            served = any(sizes)
            budget -= sum(sizes)
        self._members.rotate()
        if served:
            self.wake()

    def _serve(self, member: Membership) -> int:
        """Deliver one piece to this consumer as far as it goes; returns its bytes."""
        room, alone = member.room(), len(self._members) == 1
        if room <= 0:
            return 0
        share_bytes = min(member.room_bytes(), _TURN_BYTES if alone else _SHARE_BYTES)
        piece = self._waiting.take(member, share_bytes, room, alone=alone)
        if piece is None:
            return 0
        try:
            return member.send(piece, self._clock.now_s())
        except Exception:
            _logger.exception("consumer group %s: a consumer failed, and is put out", self.group_id)
            member.leave()
            return 0

    def _overflow(self, piece: Piece) -> None:
        """Drop a piece for want of room."""
        self._overflowed += len(piece)
        self._forget(piece.block, piece.start, piece.stop)
        if not self._overflowing:
            self._overflowing = True
            _logger.warning(
                "consumer group %s: too much waits for its consumers; the oldest messages are dropped", self.group_id
            )

    def _forget(self, block: Block, start: int, stop: int) -> None:
        """These messages are gone."""
        block.forget(start, stop)
        self._left -= stop - start
        if not block.left:
            self._waiting.release(block)
            if not self._left:
                self._overflowing = False


def _status_of(member: Membership) -> ClientStatus:
    consumer = member.consumer
    return ClientStatus(
        consumer.client_id,
        consumer.address,
        consumer.joined_ms,
        member.unsettled,
        member.realtime.per_minute,
        member.backlog.per_minute,
    )

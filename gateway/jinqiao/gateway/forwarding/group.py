"""A consumer group's queue: what waits, who takes it, and what comes back.

Theory of operation
-------------------
What comes in one turn of the event loop is joined to one block. Consumers take pieces of blocks in turn, as far as
their credit and the bounds go, so that the members of a group share its messages and each gets its own in order. What
is delivered is noted by its membership; what is accepted or rejected is gone; what is released, or not acknowledged in
time, or was on its way to a consumer that left, goes back and is delivered before all else.

Three queues, in the order in which they are delivered:

    returned    was delivered before
    recent      came within the last seconds
    backlog     has waited for longer: on the platform, too, what comes now is delivered before what has accumulated

The platform paces both (1,000 messages a second over a connection, 200 of the backlog). This queue does not: a consumer
is sent what it has credit for.

Invariants
----------
- A message is in one queue, or unsettled in one membership, or gone; `Block.left` counts those of a block that are not
  gone, and the group holds the bytes of a block until all are.
- Consumers are called from `_pump` alone, which the event loop calls: a consumer may call its membership at any time.
- A turn delivers no more than `_TURN_BYTES`; then others have theirs.
- No loop over messages, unless they come back one by one.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np

from .block import Block, Piece, size_of
from .bounds import Bounds
from .membership import Consumer, Membership
from .messages import Messages, joined
from .rate import Rate

__all__ = ["ClientStatus", "Clock", "Group", "GroupFull", "GroupStatus"]

_logger = logging.getLogger(__name__)

#: Delivered in one turn of the event loop; and to one consumer before it is another's turn, if there are others.
_TURN_BYTES, _SHARE_BYTES = 4 << 20, 128 << 10
#: A block of less than this takes in what comes next, if that is soon.
_SMALL_BYTES, _SOON_S = 16 << 10, 1.0


class GroupFull(Exception):
    """The group has as many clients as it may have."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What a queue needs of the world: `soon` calls a function in the next turn of the event loop, `now_s` is a time
    that only grows, `now_ms` UTC milliseconds."""

    soon: Callable[[Callable[[], None]], object]
    now_s: Callable[[], float]
    now_ms: Callable[[], int]


@dataclass(frozen=True, slots=True)
class ClientStatus:
    """One consumer; rates are acknowledged messages of the last minute."""

    client_id: str
    address: str
    joined_ms: int
    unsettled: int
    realtime_per_minute: int
    backlog_per_minute: int


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """How a group stands. `accumulated` messages are waiting or unacknowledged, `held_bytes` is what they cost to keep.

    Since the start: `received`, `acknowledged` (of them `rejected`), `redelivered`, `overflowed`, `expired`.
    """

    accumulated: int
    unsettled: int
    held_bytes: int
    received: int
    acknowledged: int
    rejected: int
    redelivered: int
    overflowed: int
    expired: int
    realtime_per_minute: int
    backlog_per_minute: int
    last_acknowledged_ms: int
    clients: tuple[ClientStatus, ...]


class Group:
    """The queue of one consumer group."""

    def __init__(self, group_id: str, clock: Clock, bounds: Bounds | None = None) -> None:
        self.group_id = group_id
        self.bounds = bounds or Bounds()
        #: Bytes of all messages that are not gone.
        self.held = 0
        self._clock = clock
        self._fresh: list[tuple[Messages, bool]] = []
        self._returned: deque[Piece] = deque()
        self._recent: deque[Piece] = deque()
        self._backlog: deque[Piece] = deque()
        self._members: deque[Membership] = deque()
        self._pump_comes = False
        self._overflowing = False
        self._left = 0
        self._received = self._acknowledged = self._rejected = self._redelivered = 0
        self._overflowed = self._expired = 0
        self._last_acknowledged_ms = 0
        #: What members that have left have acknowledged lately.
        self._realtime, self._backlog_rate = Rate(), Rate()

    def put(self, messages: Messages, *, passing: bool = False) -> None:
        """Queue messages behind all others; the oldest that wait are dropped where there is no room.

        `passing` ones need not outlive the process.
        """
        if len(messages):
            self._fresh.append((messages, passing))
            self.wake()

    def join(self, consumer: Consumer) -> Membership:
        """A consumer comes. It is sent nothing before it gives credit. Raises GroupFull."""
        if len(self._members) >= self.bounds.clients:
            raise GroupFull(f"consumer group {self.group_id} has {self.bounds.clients} clients, which is all it may")
        member = Membership(self, consumer, self.bounds)
        self._members.append(member)
        return member

    def clear(self) -> None:
        """Drop all that waits, as when a consumer's position is reset; what is on its way may still be acknowledged."""
        self._take_fresh()
        for queue in (self._returned, self._recent, self._backlog):
            for piece in queue:
                self._forget(piece.block, piece.start, piece.stop)
            queue.clear()

    def status(self) -> GroupStatus:
        """How it stands."""
        self._take_fresh()
        clients = tuple(
            ClientStatus(
                member.consumer.client_id,
                member.consumer.address,
                member.consumer.joined_ms,
                member.unsettled,
                member.realtime.per_minute,
                member.backlog.per_minute,
            )
            for member in sorted(self._members, key=lambda member: member.consumer.joined_ms)
        )
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
            backlog_per_minute=self._backlog_rate.per_minute + sum(client.backlog_per_minute for client in clients),
            last_acknowledged_ms=self._last_acknowledged_ms,
            clients=clients,
        )

    def tick(self) -> None:
        """A second has passed: what was not acknowledged in time comes back, and what is too old goes."""
        self._take_fresh()
        now_s = self._clock.now_s()
        for member in self._members:
            member.expire(now_s - self.bounds.redeliver_after_s)
            member.realtime.step()
            member.backlog.step()
        self._realtime.step()
        self._backlog_rate.step()
        while self._recent and self._recent[0].block.since_s < now_s - self.bounds.backlog_after_s:
            self._backlog.append(self._recent.popleft())
        self._drop_old(self._clock.now_ms() - int(self.bounds.kept_s * 1000))

    def shrink(self, most_bytes: int) -> int:
        """Drop the oldest that wait until no more is held than this, and count them; returns how many went."""
        before = self._overflowed
        while self.held > most_bytes and (piece := self._oldest()) is not None:
            self._overflowed += len(piece)
            self._forget(piece.block, piece.start, piece.stop)
        dropped = self._overflowed - before
        if dropped and not self._overflowing:
            self._overflowing = True
            _logger.warning(
                "consumer group %s: too much waits for its consumers; the oldest messages are dropped", self.group_id
            )
        return dropped

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
        self._returned.extendleft(reversed(pieces))
        self.wake()

    def left(self, member: Membership) -> None:
        """A consumer has gone."""
        self._members.remove(member)
        self._realtime.add(member.realtime)
        self._backlog_rate.add(member.backlog)
        for piece in self._returned:
            if piece.avoids is member:
                piece.avoids = None

    # Within.

    def _take_fresh(self) -> None:
        """Make blocks of what came, or add it to the last one."""
        if not self._fresh:
            return
        fresh, self._fresh = self._fresh, []
        for passing, came in groupby(fresh, key=itemgetter(1)):
            self._append(joined([messages for messages, _ in came]), passing)
        if self.held > self.bounds.group_bytes:
            self.shrink(self.bounds.group_bytes)

    def _append(self, messages: Messages, passing: bool) -> None:
        now_s = self._clock.now_s()
        self._received += len(messages)
        self._left += len(messages)
        if self._is_open(passing, now_s):
            piece = self._recent[-1]
            self._enlarge(piece.block, messages)
            piece.stop += len(messages)
        else:
            block = Block(messages, now_s, passing=passing)
            self.held += block.size
            self._recent.append(Piece(block, 0, len(messages)))

    def _is_open(self, passing: bool, now_s: float) -> bool:
        """Whether the last block takes in what comes: it is small, young, and nobody has had any of it."""
        if not self._recent:
            return False
        last = self._recent[-1]
        block = last.block
        untouched = len(last) == len(block.messages) == block.left and block.tries is None
        young = now_s - block.since_s < _SOON_S
        return untouched and young and block.passing == passing and block.size < _SMALL_BYTES

    def _enlarge(self, block: Block, fresh: Messages) -> None:
        self.held -= block.size
        block.messages = joined((block.messages, fresh))
        block.left += len(fresh)
        block.size = size_of(block.messages)
        self.held += block.size

    def _pump(self) -> None:
        """Deliver what can be, to each consumer in turn."""
        self._pump_comes = False
        self._take_fresh()
        budget, served = _TURN_BYTES, True
        while served and budget > 0:
            served = False
            for member in tuple(self._members):
                size = self._serve(member)
                if size:
                    served = True
                    budget -= size
        self._members.rotate()
        if served:
            self.wake()

    def _serve(self, member: Membership) -> int:
        """Deliver one piece to this consumer as far as it goes; returns its bytes."""
        room = member.room()
        if room <= 0:
            return 0
        queue, index = self._next_for(member)
        if index < 0:
            return 0
        piece = queue[index]
        messages, start = piece.block.messages, piece.start
        share = min(member.room_bytes(), _TURN_BYTES if len(self._members) == 1 else _SHARE_BYTES)
        begin = messages.begin(start)
        fitting = int(np.searchsorted(messages.ends, begin + share, side="right"))
        stop = min(max(fitting, start + 1), start + room, piece.stop)
        if stop == piece.stop:
            del queue[index]
        else:
            piece.start = stop
        try:
            member.send(piece.block, start, stop, self._clock.now_s())
        except Exception:
            _logger.exception("consumer group %s: a consumer failed, and is put out", self.group_id)
            member.leave()
        return messages.begin(stop) - begin

    def _next_for(self, member: Membership) -> tuple[deque[Piece], int]:
        """Where the next piece for this consumer is; -1 if there is none."""
        alone = len(self._members) == 1
        for index, piece in enumerate(self._returned):
            if piece.avoids is not member or (alone and not piece.strictly):
                return self._returned, index
        return (self._recent, 0) if self._recent else (self._backlog, 0 if self._backlog else -1)

    def _oldest(self) -> Piece | None:
        """Take out what has waited longest."""
        for queue in (self._backlog, self._returned, self._recent):
            if queue:
                return queue.popleft()
        return None

    def _drop_old(self, before_ms: int) -> None:
        for queue in (self._returned, self._backlog, self._recent):
            while queue and queue[0].block.messages.generated_ms < before_ms:
                piece = queue.popleft()
                self._expired += len(piece)
                self._forget(piece.block, piece.start, piece.stop)

    def _forget(self, block: Block, start: int, stop: int) -> None:
        """These messages are gone."""
        block.left -= stop - start
        self._left -= stop - start
        if not block.left:
            self.held -= block.size
            if not self._left:
                self._overflowing = False

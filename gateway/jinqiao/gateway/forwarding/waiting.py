"""What waits in a group, in the order in which it is delivered.

returned    was delivered before; by the side of it, for each member, what is for the others
recent      came within the last seconds
backlog     has waited for longer: on the platform, too, what comes now is delivered before what has accumulated
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from .block import Block, Piece, size_of
from .messages import Messages, joined
from .segment import Segment

__all__ = ["Waiting"]

#: A block of less than this takes in what comes next, if that is soon.
_SMALL_BYTES, _SOON_S = 16 << 10, 1.0


class Waiting:
    """Pieces of blocks in three queues. `held` is what the blocks that were added cost, less what was `release`d."""

    def __init__(self) -> None:
        self.held = 0
        self._returned: deque[Piece] = deque()
        self._recent: deque[Piece] = deque()
        self._backlog: deque[Piece] = deque()
        #: By the member they are not for, and whether it never gets them.
        self._avoiding: dict[tuple[object, bool], deque[Piece]] = {}

    def add(self, messages: Messages, now_s: float, segment: Segment | None, first: int) -> None:
        """Messages have come, and may be in a segment from place `first` on: a block of their own, or part of the last.

        Devices send one by one, and a block for each would be dear to keep and to deliver.
        """
        if self._recent and _goes_on(self._recent[-1], now_s, segment, first):
            last = self._recent[-1]
            last.stop += len(messages)
            self._enlarge(last.block, messages)
        else:
            self._add(Block(messages, now_s, segment, first), self._recent)

    def restore(self, block: Block) -> None:
        """A block of another process."""
        self._add(block, self._backlog)

    def give_back(self, pieces: list[Piece]) -> None:
        """These are delivered before all others."""
        for piece in reversed(pieces):
            self._returned_for(piece).appendleft(piece)

    def release(self, block: Block) -> None:
        """All messages of a block are gone."""
        self.held -= block.size

    def age(self, before_s: float) -> None:
        """What came before that has accumulated."""
        while self._recent and self._recent[0].block.since_s < before_s:
            self._backlog.append(self._recent.popleft())

    def take(self, member: object, share_bytes: int, most: int, *, alone: bool) -> Piece | None:
        """Take out what is next for a member: no more than so many bytes and messages, but one at least.

        `alone`: there is no other member. None if nothing waits for it.
        """
        queue = self._next_for(member, alone)
        if not queue:
            return None
        piece = queue[0]
        stop = piece.block.messages.reach(piece.start, min(piece.start + most, piece.stop), share_bytes)
        if stop >= piece.stop:
            del queue[0]
            return piece
        taken = Piece(piece.block, piece.start, stop)
        piece.start = stop
        return taken

    def forget_member(self, member: object) -> None:
        """What was not for it is for everybody."""
        for strictly in (False, True):
            for piece in self._avoiding.pop((member, strictly), ()):
                piece.avoids = None
                self._returned.append(piece)

    def pop_oldest(self) -> Piece | None:
        """Take out what has waited longest."""
        return next((queue.popleft() for queue in self._oldest_first() if queue), None)

    def pop_older(self, before_s: float, before_ms: int) -> Iterator[Piece]:
        """Take out what came before (`Block.is_older`)."""
        for queue in self._oldest_first():
            while queue and queue[0].block.is_older(before_s, before_ms):
                yield queue.popleft()

    def pop_of(self, segment: Segment) -> Iterator[Piece]:
        """Take out what is in a segment."""
        for queue in self._oldest_first():
            pieces = list(queue)
            queue.clear()
            for piece in pieces:
                if piece.block.segment is segment:
                    yield piece
                else:
                    queue.append(piece)

    def _next_for(self, member: object, alone: bool) -> deque[Piece]:
        """The queue that this member is served from, which may be empty. A few steps, whatever waits."""
        if self._returned:
            return self._returned
        for (avoids, strictly), queue in self._avoiding.items():
            if queue and (avoids is not member or (alone and not strictly)):
                return queue
        return self._recent or self._backlog

    def _returned_for(self, piece: Piece) -> deque[Piece]:
        if piece.avoids is None:
            return self._returned
        return self._avoiding.setdefault((piece.avoids, piece.strictly), deque())

    def _oldest_first(self) -> tuple[deque[Piece], ...]:
        return (self._backlog, self._returned, *self._avoiding.values(), self._recent)

    def _add(self, block: Block, queue: deque[Piece]) -> None:
        self.held += block.size
        queue.append(Piece(block, 0, block.left))

    def _enlarge(self, block: Block, messages: Messages) -> None:
        self.held -= block.size
        block.messages = joined((block.messages, messages))
        block.left += len(messages)
        block.size = size_of(block.messages)
        self.held += block.size


def _goes_on(last: Piece, now_s: float, segment: Segment | None, first: int) -> bool:
    """Whether the last block takes in what comes: it is small, young, and nobody has had any of it."""
    block = last.block
    untouched = len(last) == len(block.messages) == block.left and block.tries is None
    follows = block.segment is segment and (segment is None or block.first + len(block.messages) == first)
    return untouched and follows and block.size < _SMALL_BYTES and now_s - block.since_s < _SOON_S

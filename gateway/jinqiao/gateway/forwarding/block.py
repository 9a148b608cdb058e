"""What a queue consists of: blocks of messages, and pieces of them.

A block is what came in one turn of the event loop. It is cut into pieces as consumers take of it, and is gone when each
of its messages is. Pieces hold the block: taking them apart copies nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .messages import Messages
from .segment import Segment

__all__ = ["Block", "Piece"]

#: What a block costs besides its data and the ends of its messages.
_BLOCK_BYTES = 512
#: The tries of messages that have not been delivered.
_NEVER = np.zeros(1_000, dtype=np.uint8)
_NEVER.flags.writeable = False
#: More often than this nobody counts.
_MOST_TRIES = 255


class Block:
    """Messages and what has become of them.

    `left` are those that are not gone; `since_s` is when they came. What outlives the process is in a segment, there
    from place `first` on.
    """

    __slots__ = ("first", "left", "messages", "segment", "since_s", "size", "tries")

    def __init__(self, messages: Messages, since_s: float, segment: Segment | None = None, first: int = 0) -> None:
        self.messages = messages
        self.since_s = since_s
        self.segment, self.first = segment, first
        self.left = len(messages)
        self.size = size_of(messages)
        #: How often each has been delivered in vain; None while none has.
        self.tries: NDArray[np.uint8] | None = None

    def tries_of(self, start: int, stop: int) -> NDArray[np.uint8]:
        """How often messages `start` up to `stop` have been delivered before, shape (stop - start,)."""
        if self.tries is not None:
            return self.tries[start:stop]
        return _NEVER[: stop - start] if stop - start <= len(_NEVER) else np.zeros(stop - start, dtype=np.uint8)

    def is_older(self, before_s: float, before_ms: int) -> bool:
        """Whether it came before that time; what outlives the process by its generate time, UTC milliseconds.

        Of simulated vehicles that one may be any.
        """
        return self.since_s < before_s if self.segment is None else self.messages.generated_ms < before_ms

    def deliver(self, start: int, stop: int) -> NDArray[np.uint8]:
        """They are about to be delivered: returns how often each was before, and notes it for the next process."""
        tries = self.tries_of(start, stop)
        if self.segment is not None:
            self.segment.delivered(self.first + start, tries)
        return tries

    def forget(self, start: int, stop: int) -> None:
        """They are gone."""
        self.left -= stop - start
        if self.segment is not None:
            self.segment.gone(self.first + start, self.first + stop)

    def tried(self, start: int, stop: int) -> None:
        """They have been delivered once more in vain."""
        if self.tries is None:
            self.tries = np.zeros(len(self.messages), dtype=np.uint8)
        part = self.tries[start:stop]
        part += part < _MOST_TRIES


class Piece:
    """Messages `start` up to `stop` of a block, which wait.

    They are not for the member `avoids`: while there is another, or never if `strictly`.
    """

    __slots__ = ("avoids", "block", "start", "stop", "strictly")

    def __init__(self, block: Block, start: int, stop: int, avoids: object = None, *, strictly: bool = False) -> None:
        self.block, self.start, self.stop = block, start, stop
        self.avoids, self.strictly = avoids, strictly

    def __len__(self) -> int:
        return self.stop - self.start


def size_of(messages: Messages) -> int:
    """Bytes that it costs to keep them."""
    return len(messages.data) + messages.ends.nbytes + _BLOCK_BYTES

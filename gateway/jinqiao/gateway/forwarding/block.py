"""What a queue consists of: blocks of messages, and pieces of them.

A block is what came in one turn of the event loop. It is cut into pieces as consumers take of it, and is gone when each
of its messages is. Pieces hold the block: taking them apart copies nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .messages import Messages

__all__ = ["Block", "Piece"]

#: What a block costs besides its data and the ends of its messages.
_BLOCK_BYTES = 512
#: More often than this nobody counts.
_MOST_TRIES = 255


class Block:
    """Messages and what has become of them.

    `left` are those that are not gone; `since_s` is when they came; `passing` ones need not outlive the process.
    """

    __slots__ = ("left", "messages", "passing", "since_s", "size", "tries")

    def __init__(self, messages: Messages, since_s: float, *, passing: bool = True) -> None:
        self.messages = messages
        self.since_s = since_s
        self.passing = passing
        self.left = len(messages)
        self.size = size_of(messages)
        #: How often each has been delivered in vain; None while none has.
        self.tries: NDArray[np.uint8] | None = None

    def tries_of(self, start: int, stop: int) -> NDArray[np.uint8]:
        """How often messages `start` up to `stop` have been delivered before, shape (stop - start,)."""
        return self.tries[start:stop] if self.tries is not None else np.zeros(stop - start, dtype=np.uint8)

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

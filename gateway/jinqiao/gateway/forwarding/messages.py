"""Many messages as one value: a fleet's second is a thousand of them, and none becomes an object of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Messages", "joined"]


@dataclass(frozen=True, slots=True, eq=False)
class Messages:
    """AMQP 1.0 bare messages (properties, application properties, data sections) one behind the other.

    `ends[i]` is the offset in `data` behind message `i`, shape (n,); `generated_ms` the generate time of the oldest,
    UTC milliseconds, from which the time counts for which messages are kept.
    """

    data: bytes
    ends: NDArray[np.int64]
    generated_ms: int

    @classmethod
    def single(cls, message: bytes, generated_ms: int) -> Messages:
        """One message."""
        return cls(message, np.array((len(message),), dtype=np.int64), generated_ms)

    @classmethod
    def of(cls, messages: Sequence[bytes], generated_ms: int) -> Messages:
        """Several messages that come one by one."""
        ends = np.cumsum(np.fromiter(map(len, messages), dtype=np.int64, count=len(messages)), dtype=np.int64)
        return cls(b"".join(messages), ends, generated_ms)

    def __len__(self) -> int:
        return len(self.ends)

    def begin(self, index: int) -> int:
        """Offset of message `index`; of the end, for the number of messages."""
        return int(self.ends[index - 1]) if index else 0

    def reach(self, start: int, stop: int, most_bytes: int) -> int:
        """Behind the last of messages `start` up to `stop` that fits into so many bytes; the first always does."""
        end = self.begin(start) + most_bytes
        if self.begin(stop) <= end:
            return stop
        return max(int(np.searchsorted(self.ends, end, side="right")), start + 1)

    def cut(self, start: int, stop: int) -> Messages:
        """Messages `start` up to `stop`, itself where that is all of them."""
        if start == 0 and stop == len(self.ends):
            return self
        first = self.begin(start)
        return Messages(self.data[first : self.begin(stop)], self.ends[start:stop] - first, self.generated_ms)

    def single_at(self, index: int) -> bytes:
        """The bytes of one message."""
        return self.data[self.begin(index) : self.begin(index + 1)]


def joined(parts: Sequence[Messages]) -> Messages:
    """All messages of `parts`, of which there is at least one, in their order."""
    if len(parts) == 1:
        return parts[0]
    lengths = [len(part.data) for part in parts]
    before = np.cumsum([0, *lengths[:-1]], dtype=np.int64)
    ends = np.concatenate([part.ends + offset for part, offset in zip(parts, before, strict=True)])
    return Messages(b"".join([part.data for part in parts]), ends, min(part.generated_ms for part in parts))

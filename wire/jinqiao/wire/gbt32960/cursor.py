"""Bytes being read, and what is wrong with them where they cannot be."""

from __future__ import annotations

from jinqiao.base.errors import ProtocolError

__all__ = ["Cursor", "Fault"]


class Fault(ProtocolError):
    """Bytes that are no frame, or no such item: at `offset` there is `found` where `expected` should be."""

    def __init__(self, offset: int, what: str, found: str, expected: str) -> None:
        self.offset, self.what, self.found, self.expected = offset, what, found, expected
        super().__init__(f"offset {offset}: {what}: found {found}, expected {expected}")

    def moved(self, by: int) -> Fault:
        """The same fault, its offset counted from `by` bytes further ahead."""
        return Fault(self.offset + by, self.what, self.found, self.expected)


class Cursor:
    """Bytes being read; `at` counts from the start of the frame."""

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data, self.at, self.end = data, at, len(data) if end is None else end

    def take(self, count: int, what: str) -> bytes:
        if self.at + count > self.end:
            left = self.end - self.at
            raise Fault(self.at, what, f"{left} byte{'' if left == 1 else 's'}", f"{count}")
        taken = self.data[self.at : self.at + count]
        self.at += count
        return taken

    def number(self, size: int, what: str) -> int:
        return int.from_bytes(self.take(size, what), "big")

"""The guard of every reader: a place in an input that only goes forward, and never beyond its end.

A length that is wrong can lead a reader back to where it was, and then it never ends. Loops over foreign bytes say
through `Onward.to` where they go next; one that would stand still ends with `Standstill` instead.
"""

from __future__ import annotations

from .errors import ProtocolError

__all__ = ["Onward", "Standstill"]


class Standstill(ProtocolError):
    """A reader was about to read the same place again, or what cannot be there."""


class Onward:
    """Where a reader is. `end`, if known, is where its input ends; the unit is the reader's (bytes, rows)."""

    __slots__ = ("at", "end")

    def __init__(self, at: int = 0, end: int | None = None) -> None:
        self.at, self.end = at, end

    def to(self, place: int) -> int:
        """Go on to `place`. Raises Standstill when that is not further on, or beyond the end."""
        if place <= self.at:
            raise Standstill(f"found a step from {self.at} to {place}, expected one forward")
        if self.end is not None and place > self.end:
            raise Standstill(f"found a step to {place}, expected none beyond {self.end}")
        self.at = place
        return place

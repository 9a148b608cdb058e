"""Length codes of frames (ISO 11898-1, table 5)."""

from __future__ import annotations

__all__ = ["CLASSIC", "FD", "length_code"]

#: Most data bytes of a classic frame, and of a CAN FD frame.
CLASSIC, FD = 8, 64
_BEYOND = (12, 16, 20, 24, 32, 48, 64)


def length_code(length: int) -> int:
    """The smallest code that holds so many bytes."""
    return length if length <= CLASSIC else next(9 + place for place, known in enumerate(_BEYOND) if known >= length)

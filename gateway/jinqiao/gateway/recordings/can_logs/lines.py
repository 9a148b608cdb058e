"""Lines of a text log with the offset of each, however long, broken or cut off they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from jinqiao.base.onward import Onward

__all__ = ["Line", "lines"]

#: Longer ones are no lines of a log: the rest of one is passed over without being kept.
LONGEST = 1 << 16


class Line(NamedTuple):
    """`whole` is false where the file ends before the line does: it may have been cut off there."""

    offset: int
    text: str
    whole: bool


def lines(file: BinaryIO) -> Iterator[Line]:
    """All lines, without their ends and without a byte order mark before the first."""
    place = Onward()
    while raw := file.readline(LONGEST):
        offset = place.at
        place.to(offset + len(raw))
        ended = raw.endswith(b"\n")
        while not ended and (rest := file.readline(LONGEST)):
            place.to(place.at + len(rest))
            ended = rest.endswith(b"\n")
        yield Line(offset, raw.decode(errors="replace").removeprefix("\ufeff").strip(), ended)

"""A stream of frames, as it comes from a socket or a file: what breaks the rules is named, the next frame is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jinqiao.base.onward import Onward

from .commands import EDITIONS
from .cursor import Fault
from .frame import HEAD, Frame, decode_frame, plausible_head

__all__ = ["Found", "StreamReader", "read_file"]

_STARTS = tuple(edition.start for edition in EDITIONS.values())
#: Bytes of the length before each frame of a file (`gbt32960 encode`).
_PREFIX = 4
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Found:
    """A frame, or what stands in its place; `offset` counts from the start of the stream."""

    offset: int
    frame: Frame | None = None
    fault: Fault | None = None


class StreamReader:
    """Give it what comes, take what is whole. Keeps at most one frame (65,560 bytes) of what has not been read."""

    def __init__(self, *, prefixed: bool = False) -> None:
        self._rest = b""
        self._place = Onward()
        self._prefixed = prefixed
        self._lost = False  # between frames, which has been told

    @property
    def waiting(self) -> int:
        """Bytes of a frame that has not come whole."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[Found]:
        """What has become whole by these bytes, in order."""
        self._rest += data
        return list(self._take(last=False))

    def end(self) -> list[Found]:
        """What is left when no more comes."""
        return list(self._take(last=True))

    def _take(self, *, last: bool) -> Iterator[Found]:
        while self._rest:
            # Where the thread was lost a frame is looked for, not its length before it.
            head = _PREFIX if self._prefixed and not self._lost else 0
            if len(self._rest) < head + HEAD and not last:
                if head or _may_begin(self._rest, 0, len(self._rest)):
                    return
                yield from self._skip(*self._what_is_wrong(0))
            elif not plausible_head(self._rest, head):
                yield from self._skip(*self._what_is_wrong(head))
            else:
                end = head + HEAD + int.from_bytes(self._rest[head + HEAD - 2 : head + HEAD], "big") + 1
                if end <= len(self._rest):
                    yield from self._read(head, end)
                elif last:
                    found = f"{end - head - HEAD - 1} where {max(len(self._rest) - head - HEAD - 1, 0)} bytes are left"
                    yield from self._skip("length", head + HEAD - 2, found, "the bytes of data there are")
                else:
                    return

    def _read(self, head: int, end: int) -> Iterator[Found]:
        frame, start, at = self._rest[head:end], self._offset, self._offset + head
        stated = int.from_bytes(self._rest[:head], "big")
        self._lost = False
        if head and stated != end - head and plausible_head(self._rest, head + stated + _PREFIX):
            frame, end = self._rest[head : head + stated], head + stated  # the next record tells which length is right
        elif head and stated != end - head:
            yield Found(start, fault=Fault(start, "record length", str(stated), str(end - head)))
        try:
            decoded = decode_frame(frame)
        except Fault as fault:
            # A wrong length spoils the check code, too, and another frame may begin inside of what it covers.
            self._lost = not (head and plausible_head(self._rest, end + _PREFIX))
            inside = (place for place in range(head + 2, end) if _may_begin(self._rest, place, end))
            self._advance(next(inside, end) if self._lost else end)
            yield Found(at, fault=fault.moved(at))
            return
        self._advance(end)
        faults = tuple(fault.moved(at) for fault in decoded.faults)
        yield Found(at, frame=decoded, fault=faults[0] if faults else None)

    def _what_is_wrong(self, head: int) -> tuple[str, int, str, str]:
        """Name, offset, found, expected of what keeps these bytes from being a frame's head."""
        rest = self._rest[head:]
        if rest[:2] not in _STARTS:
            return "start", head, rest[:2].hex() or "nothing", "2323 or 2424"
        if len(rest) < HEAD:
            return "frame", head, f"{len(rest)} bytes", f"at least {HEAD + 1}"
        vin = rest[4:21]
        if not all(0x20 <= byte < 0x7F for byte in vin.rstrip(b"\0")):
            return "VIN", head + 4, vin.hex(), "17 ASCII characters"
        return "head", head + 2, f"command {rest[2]:02x}, reply {rest[3]:02x}, encryption {rest[21]:02x}", "known ones"

    def _skip(self, what: str, at: int, found: str, expected: str) -> Iterator[Found]:
        """Go on at the next frame, or at what may become one; returns the fault that was here, once for a stretch."""
        if not self._lost:
            yield Found(self._offset, fault=Fault(self._offset + at, what, found, expected))
        self._lost = True
        following = self._next(1)
        if following is None:
            following = max(1, len(self._rest) - HEAD)
        self._advance(following)

    def _next(self, after: int) -> int | None:
        """Where the next frame begins at `after` or later, if its head is there whole."""
        places = (place for start in _STARTS for place in _places(self._rest, start, after))
        return min(places, default=None)

    @property
    def _offset(self) -> int:
        """Where in the stream `_rest` begins."""
        return self._place.at

    def _advance(self, count: int) -> None:
        self._place.to(self._offset + count)
        self._rest = self._rest[count:]


def _may_begin(data: bytes, place: int, end: int) -> bool:
    """Whether what stands from `place` to `end` is a frame's head, or may become one."""
    if not any(start.startswith(data[place : min(place + 2, end)]) for start in _STARTS):
        return False
    return end - place < HEAD or plausible_head(data, place)


def _places(data: bytes, start: bytes, after: int) -> Iterator[int]:
    """First place of a start from which on a head is plausible."""
    place = data.find(start, after)
    while place >= 0:
        if plausible_head(data, place):
            yield place
            return
        place = data.find(start, place + 1)


def read_file(data: bytes) -> Iterator[Found]:
    """Every frame of a file: bare frames one behind the other, or each behind its length (4 bytes)."""
    prefixed = data[:2] not in _STARTS and data[_PREFIX : _PREFIX + 2] in _STARTS
    reader = StreamReader(prefixed=prefixed)
    for at in range(0, len(data), _CHUNK):
        yield from reader.feed(data[at : at + _CHUNK])
    yield from reader.end()

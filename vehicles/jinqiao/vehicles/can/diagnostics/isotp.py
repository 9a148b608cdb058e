"""ISO 15765-2: messages of up to 4,095 bytes over frames of eight, one link of one control unit.

No clock: a message that the tester never finishes is given up when it begins another one, which is what the standard's
time-outs come to for a tester that has gone. Frames are filled up to eight bytes, as ISO 15765-4 asks.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

__all__ = ["MOST_BYTES", "IsoTp", "Received", "segments"]

#: Length in twelve bits; the escape for longer ones is not offered to a peer over the air.
MOST_BYTES = 0xFFF
#: Fill byte (ISO 15765-2, 10.4.2.1: 0xCC keeps stuff bits few).
FILL = 0xCC
_FIRST_CARRIES, _NEXT_CARRIES = 6, 7


class Kind(IntEnum):
    """Upper nibble of the first byte (ISO 15765-2, table 9)."""

    SINGLE = 0
    FIRST = 1
    CONSECUTIVE = 2
    FLOW_CONTROL = 3


class Flow(IntEnum):
    """Flow status of a flow control frame."""

    CONTINUE = 0
    WAIT = 1
    OVERFLOW = 2


class Received(NamedTuple):
    """What a frame brought: frames to send at once, and the message that is now whole, if one is."""

    send: list[bytes]
    message: bytes | None


def _filled(frame: bytes) -> bytes:
    return frame.ljust(8, bytes([FILL]))


def segments(message: bytes) -> list[bytes]:
    """All frames of one message: a single frame, or a first frame and its consecutive ones. ValueError past 4,095."""
    if not 0 < len(message) <= MOST_BYTES:
        raise ValueError(f"found {len(message)} bytes, expected from 1 to {MOST_BYTES}")
    if len(message) <= _NEXT_CARRIES:
        return [_filled(bytes([len(message)]) + message)]
    head = (Kind.FIRST << 12 | len(message)).to_bytes(2, "big")
    frames = [head + message[:_FIRST_CARRIES]]
    for number, start in enumerate(range(_FIRST_CARRIES, len(message), _NEXT_CARRIES), start=1):
        part = message[start : start + _NEXT_CARRIES]
        frames.append(_filled(bytes([Kind.CONSECUTIVE << 4 | number & 0xF]) + part))
    return frames


class IsoTp:
    """One link: `receive` every frame of the tester's, `send` a message of the unit's own."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []  # consecutive frames until flow control lets them go
        self._parts = bytearray()
        self._expected = 0  # bytes of the message that is coming in; 0: none
        self._next = 0  # sequence number of its next frame

    def send(self, message: bytes) -> list[bytes]:
        """The frames that may go at once; the others wait for flow control. What still waited is given up."""
        first, *self._waiting = segments(message)
        return [first]

    def receive(self, frame: bytes) -> Received:
        """Take one frame of up to eight bytes; what the standard calls unexpected or wrong is ignored."""
        if not frame:
            return Received([], None)
        take = _TAKE.get(frame[0] >> 4)
        return take(self, frame) if take else Received([], None)

    def _single(self, frame: bytes) -> Received:
        length = frame[0] & 0xF
        self._expected = 0
        if not 0 < length < len(frame):
            return Received([], None)
        return Received([], frame[1 : 1 + length])

    def _first(self, frame: bytes) -> Received:
        length = int.from_bytes(frame[:2], "big") & MOST_BYTES
        if len(frame) != 8 or length <= _NEXT_CARRIES:
            return Received([], None)
        self._parts, self._expected, self._next = bytearray(frame[2:]), length, 1
        return Received([_filled(bytes([Kind.FLOW_CONTROL << 4 | Flow.CONTINUE, 0, 0]))], None)

    def _consecutive(self, frame: bytes) -> Received:
        if not self._expected:
            return Received([], None)
        if frame[0] & 0xF != self._next:  # a frame was lost: the message is (ISO 15765-2, 9.6.4.4)
            self._expected = 0
            return Received([], None)
        self._next = (self._next + 1) & 0xF
        self._parts += frame[1:]
        if len(self._parts) < self._expected:
            return Received([], None)
        message, self._expected = bytes(self._parts[: self._expected]), 0
        return Received([], message)

    def _flow_control(self, frame: bytes) -> Received:
        status = frame[0] & 0xF
        if status == Flow.WAIT and len(frame) >= 3:
            return Received([], None)
        if status != Flow.CONTINUE or len(frame) < 3:
            self._waiting = []
            return Received([], None)
        block = frame[1] or len(self._waiting)  # block size 0: all of them
        going, self._waiting = self._waiting[:block], self._waiting[block:]
        return Received(going, None)


_TAKE: dict[int, Callable[[IsoTp, bytes], Received]] = {
    Kind.SINGLE: IsoTp._single,
    Kind.FIRST: IsoTp._first,
    Kind.CONSECUTIVE: IsoTp._consecutive,
    Kind.FLOW_CONTROL: IsoTp._flow_control,
}

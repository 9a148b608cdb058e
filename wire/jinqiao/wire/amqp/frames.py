"""Frames: the octets before and around performatives (AMQP 1.0 part 2 § 2.2 and 2.3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from .acknowledgements import accepted_at
from .composite import as_composite, encode_composite
from .decoding import Decoder
from .errors import AmqpError, Condition
from .values import Described

__all__ = [
    "AMQP_HEADER",
    "HEADER_SIZE",
    "LEAST_FRAME",
    "SASL_HEADER",
    "Frame",
    "FrameReader",
    "FrameType",
    "encode_frame",
]

#: What a connection begins with, and the SASL layer: "AMQP", protocol id, version 1.0.0.
AMQP_HEADER: Final = b"AMQP\x00\x01\x00\x00"
SASL_HEADER: Final = b"AMQP\x03\x01\x00\x00"
HEADER_SIZE: Final = 8
#: MIN-MAX-FRAME-SIZE: what every peer has to take (§ 2.8.17).
LEAST_FRAME: Final = 512

_HEAD: Final = struct.Struct(">IBBH")


class FrameType(IntEnum):
    """Second field of a frame's header."""

    AMQP = 0
    SASL = 1


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `performative` None: an empty one, that says only that its sender lives."""

    channel: int
    performative: Any = None
    payload: bytes = b""
    type: FrameType = FrameType.AMQP


def encode_frame(frame: Frame) -> bytes:
    """The octets of a frame."""
    said = b"" if frame.performative is None else encode_composite(frame.performative)
    size = _HEAD.size + len(said) + len(frame.payload)
    return _HEAD.pack(size, 2, frame.type, frame.channel) + said + frame.payload


class FrameReader:
    """Cuts a stream into frames. It keeps no more than one unfinished frame of `longest` octets, which may be changed.

    Whatever comes in, what comes out are frames, or an AmqpError after which nothing more can be read.
    """

    __slots__ = ("_octets", "_position", "longest")

    def __init__(self, longest: int) -> None:
        self._octets = bytearray()
        self._position = 0
        self.longest = longest

    def feed(self, data: bytes) -> None:
        """Octets that came."""
        self._octets += data

    def header(self) -> bytes | None:
        """The next eight octets, where a protocol header has to stand, or None while they are not all there."""
        found = bytes(self._octets[self._position : self._position + HEADER_SIZE])
        # A peer that speaks something else may wait for an answer after fewer octets.
        if len(found) < HEADER_SIZE and AMQP_HEADER.startswith(found[:4]):
            return None
        self._position += HEADER_SIZE
        return found

    def accepted(self, channel: int) -> tuple[int, int] | None:
        """First and last delivery id of the acknowledgements on a channel that come next, as long as they follow one
        another.

        Only where a receiver may send them, and in their usual form; None for all else.
        """
        found = accepted_at(self._octets, self._position, channel)
        if found is None:
            return None
        first, last, self._position = found
        while (found := accepted_at(self._octets, self._position, channel)) is not None and found[0] == last + 1:
            _, last, self._position = found
        return first, last

    def next(self) -> Frame | None:
        """The next whole frame; raises AmqpError."""
        found = self._next()
        if found is None and self._position:
            del self._octets[: self._position]
            self._position = 0
        return found

    def _next(self) -> Frame | None:
        octets, at = self._octets, self._position
        if len(octets) - at < _HEAD.size:
            return None
        size, offset, kind, channel = _HEAD.unpack_from(octets, at)
        if size > self.longest:
            raise AmqpError(f"frame of {size} octets, {self.longest} are allowed", Condition.FRAMING_ERROR)
        if offset < 2 or size < 4 * offset:
            raise AmqpError(f"frame of {size} octets with its body at {4 * offset}", Condition.FRAMING_ERROR)
        if kind not in (FrameType.AMQP, FrameType.SASL):
            raise AmqpError(f"frame of type {kind}", Condition.FRAMING_ERROR)
        if len(octets) - at < size:
            return None
        self._position = at + size
        body = bytes(octets[at + 4 * offset : at + size])
        if not body:
            return Frame(channel, type=FrameType(kind))
        decoder = Decoder(body)
        value = decoder.value()
        performative = as_composite(value) if isinstance(value, Described) else None
        if performative is None:
            raise AmqpError("frame without a performative that is known", position=0)
        return Frame(channel, performative, body[decoder.position :], FrameType(kind))

"""Messages of more than 8 bytes: the connection mode of SAE J1939-21, 5.4.7 and 5.10, as GB/T 27930-2015, 6.5 takes it.

Request to send, clear to send, numbered packets of 7 bytes, end of message acknowledged.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from jinqiao.base.errors import ProtocolError

from .messages import Message, Side, can_id

__all__ = ["CM", "DT", "Assembly", "clear_to_send", "end_of_message", "packets", "request_to_send", "transport_id"]

#: PDU formats of connection management and data, and their priority.
CM, DT, PRIORITY = 0xEC, 0xEB, 7
RTS, CTS, END = 0x10, 0x11, 0x13
_PACKET = 7


def transport_id(group: int, sender: Side) -> int:
    """Identifier of a frame of the transport."""
    return can_id(PRIORITY, group, sender)


def _group(message: Message) -> bytes:
    """The parameter group number that is carried: PDU 1, so its last byte is 0."""
    return (message.group << 8).to_bytes(3, "little")


def request_to_send(message: Message, size: int) -> bytes:
    return bytes((RTS,)) + size.to_bytes(2, "little") + bytes((-(-size // _PACKET), 0xFF)) + _group(message)


def clear_to_send(message: Message, count: int, following: int = 1) -> bytes:
    return bytes((CTS, count, following, 0xFF, 0xFF)) + _group(message)


def end_of_message(message: Message, size: int) -> bytes:
    return bytes((END,)) + size.to_bytes(2, "little") + bytes((-(-size // _PACKET), 0xFF)) + _group(message)


def packets(data: bytes) -> list[bytes]:
    """Numbered from 1, the last one filled up with FF."""
    parts = (data[at : at + _PACKET] for at in range(0, len(data), _PACKET))
    return [bytes((number,)) + part.ljust(_PACKET, b"\xff") for number, part in enumerate(parts, start=1)]


@dataclass(slots=True)
class Assembly:
    """What a receiver has of one long message."""

    group: int
    size: int
    data: bytearray = field(default_factory=bytearray)
    number: int = 0

    @classmethod
    def begun_by(cls, frame: bytes) -> Assembly:
        """Of a request to send; ProtocolError when it contradicts itself."""
        size = int.from_bytes(frame[1:3], "little")
        if frame[0] != RTS or frame[3] != -(-size // _PACKET) or not 9 <= size <= 1785:
            raise ProtocolError(f"request to send: found {frame.hex()}, expected 10, 9 to 1785 bytes and their packets")
        return cls(int.from_bytes(frame[5:8], "little") >> 8, size)

    def take(self, frame: bytes) -> bytes | None:
        """One packet more; the message when it is whole. ProtocolError for a packet out of order."""
        self.number += 1
        if frame[0] != self.number:
            raise ProtocolError(f"packet: found number {frame[0]}, expected {self.number}")
        self.data += frame[1:]
        return bytes(self.data[: self.size]) if len(self.data) >= self.size else None

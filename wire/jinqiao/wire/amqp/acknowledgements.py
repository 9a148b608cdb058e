"""Acknowledgements read at a glance: consumers mostly say nothing else, most of them once for each message.

A disposition with outcome accepted, settled, in the forms that clients write (AMQP 1.0 part 2 § 2.7.6). What has any
other form is left to the decoder, which reads it a dozen times slower.
"""

from __future__ import annotations

import struct

__all__ = ["accepted_at"]

_HEAD = struct.Struct(">IBBH")
_U32, _U32_PAIR = struct.Struct(">I"), struct.Struct(">II")
_DISPOSITION, _ACCEPTED = b"\x00\x53\x15", b"\x00\x53\x24"
#: Of frames that are looked at: the longest has 53 octets.
_SHORTEST, _LONGEST = 20, 64
_TRUE = 0x41
_NULL, _UINT0, _SMALL_UINT, _UINT = 0x40, 0x43, 0x52, 0x70
#: What a list's head is made of, by its code.
_LIST_HEADS = {0xC0: struct.Struct(">BB"), 0xD0: _U32_PAIR}
#: What follows the outcome's descriptor: no fields in the list, and perhaps whether dispositions may be batched. With
#: it, how many fields the disposition has.
_ENDS = {
    empty + batchable: 5 + len(batchable)
    for empty in (b"\x45", b"\xc0\x01\x00", b"\xd0\x00\x00\x00\x04\x00\x00\x00\x00")
    for batchable in (b"", b"\x40", b"\x41", b"\x42")
}


def accepted_at(octets: bytes | bytearray, at: int, channel: int) -> tuple[int, int, int] | None:
    """First and last delivery id, and the octet behind the frame; None for all else, whole or not."""
    if len(octets) - at < _SHORTEST:
        return None
    size, offset, kind, found = _HEAD.unpack_from(octets, at)
    if not _SHORTEST <= size <= _LONGEST or len(octets) - at < size or offset != 2 or kind or found != channel:
        return None
    end = at + size
    if octets[at + 8 : at + 11] != _DISPOSITION:
        return None
    head = _LIST_HEADS.get(octets[at + 11])
    if head is None:
        return None
    length, count = head.unpack_from(octets, at + 12)
    at += 12 + head.size
    if length != end - at + head.size // 2:
        return None
    if at == end or octets[at] != _TRUE:  # the role of a receiver
        return None
    first, at = _uint(octets, at + 1, end)
    if first < 0:
        return None
    if at < end and octets[at] == _NULL:
        last, at = first, at + 1
    else:
        last, at = _uint(octets, at, end)
    if last < 0 or end - at < 5 or octets[at] != _TRUE or octets[at + 1 : at + 4] != _ACCEPTED:
        return None
    if _ENDS.get(bytes(octets[at + 4 : end])) != count:
        return None
    return first, last, end


def _uint(octets: bytes | bytearray, at: int, end: int) -> tuple[int, int]:
    """A number and the octet behind it; -1 for what is none."""
    if at >= end:
        return -1, at
    code = octets[at]
    if code == _SMALL_UINT and at + 2 <= end:
        return octets[at + 1], at + 2
    if code == _UINT and at + 5 <= end:
        return int(_U32.unpack_from(octets, at + 1)[0]), at + 5
    return (0, at + 1) if code == _UINT0 else (-1, at)

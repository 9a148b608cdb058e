"""Vector's BLF: what its objects look like. Little endian throughout.

There is no specification in public; the layouts are those of Toby Lorenz' Vector BLF, which python-can follows.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from enum import IntEnum

__all__ = [
    "BASE",
    "CAN",
    "CONTAINER",
    "ERROR",
    "FD",
    "FD64",
    "FILE",
    "FILE_BYTES",
    "HEADS",
    "MAGIC",
    "NANOSECONDS",
    "OBJECT",
    "TEN_MICROSECONDS",
    "Flag",
    "Type",
    "moment_ns",
    "system_time",
]

MAGIC, OBJECT = b"LOGG", b"LOBJ"
#: Magic, header size, application (id and three numbers), format (four numbers), size, size unpacked, objects, objects
#: read, first and last moment (year, month, day of the week, day, hour, minute, second, ms).
FILE = struct.Struct("<4sLBBBBBBBBQQLL8H8H")
FILE_BYTES = 144
#: Magic, size of the header, its version, size of the object, its type.
BASE = struct.Struct("<4sHHLL")
#: By version: flags, two numbers, time since the file's first moment in units of the flags.
HEADS = {1: struct.Struct("<LHHQ"), 2: struct.Struct("<LBxHQ8x")}
TEN_MICROSECONDS, NANOSECONDS = 1, 2
#: Compression (0 none, 2 zlib), size unpacked.
CONTAINER = struct.Struct("<H6xL4x")
#: Channel, flags, length, identifier, data.
CAN = struct.Struct("<HBBL8s")
#: Channel, flags, length code, identifier, duration, bits, FD flags, valid bytes; data.
FD = struct.Struct("<HBBLLBBB5x64s")
#: Channel, length code, valid bytes, tx count, identifier, duration, flags, four times, bits, way, offset of what
#: follows the data, checksum; data.
FD64 = struct.Struct("<BBBBLLLLLLLHBBL")
#: Channel, length, flags, error code, position, length code, duration, identifier, more flags, data.
ERROR = struct.Struct("<HHLBBBxLLH2x8s")


class Type(IntEnum):
    """Types of objects that are read; all others are counted."""

    CAN_MESSAGE = 1
    CAN_ERROR = 2
    CONTAINER = 10
    CAN_ERROR_EXT = 73
    CAN_MESSAGE2 = 86
    CAN_FD_MESSAGE = 100
    CAN_FD_MESSAGE_64 = 101
    CAN_FD_ERROR_64 = 104


class Flag(IntEnum):
    """Bits of identifiers and flags: `CAN_`, `FD_` and `FD64_` are those of the three kinds of message."""

    EXTENDED = 1 << 31
    CAN_TX, CAN_RTR = 1, 1 << 7
    FD_EDL, FD_BRS, FD_ESI = 1, 2, 4
    FD64_RTR, FD64_EDL, FD64_BRS, FD64_ESI = 1 << 4, 1 << 12, 1 << 13, 1 << 14


def moment_ns(parts: tuple[int, ...]) -> int | None:
    """A SYSTEMTIME, taken as UTC, in ns since 1970; None for an invalid one."""
    year, month, _, day, hour, minute, second, ms = parts
    try:
        return round(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()) * 10**9 + ms * 10**6
    except ValueError:
        return None


def system_time(time_ns: int) -> tuple[int, ...]:
    """The opposite of `moment_ns`."""
    at = datetime.fromtimestamp(time_ns // 10**9, UTC)
    ms = time_ns % 10**9 // 10**6
    return at.year, at.month, at.isoweekday() % 7, at.day, at.hour, at.minute, at.second, ms

"""What a file is, by its first bytes: a format we read, or one that we know by name and do not read.

The content counts, and not the ending: logs are called .log, .txt or .asc by every tool in its own way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from jinqiao.base.errors import EnvironmentFault, InputError

from .can_logs import asc, candump
from .can_logs.blf_format import MAGIC as BLF
from .can_logs.writer import CAN_LOGS
from .mcap_records import MAGIC as MCAP

__all__ = ["PARQUET", "can_log", "refuse_foreign"]

PARQUET = b"PAR1"
_HEAD_BYTES = 1 << 14
_LINES = 40
_UNPACK = "unpack it first"
_AS_LOG = "save it as BLF, ASC or candump log there"


@dataclass(frozen=True, slots=True)
class _Foreign:
    """A format that is not read: how its file begins, what it is called, and what to do."""

    begins: re.Pattern[bytes]
    name: str
    way_out: str


def _bytes(begin: bytes) -> re.Pattern[bytes]:
    return re.compile(re.escape(begin), re.DOTALL)


def _text(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)


_SCREEN = rb"\s*(?:\([^)]*\)\s+)?[\w.-]+\s+(?:(?:RX|TX)\s+[BE-]*\s*-?\s*)?[0-9A-F]{3,8}\s+\[\d+\]"
_FOREIGN = (
    _Foreign(_bytes(b"\x1f\x8b"), "a gzip archive", f"{_UNPACK}: gunzip"),
    _Foreign(_bytes(b"\x28\xb5\x2f\xfd"), "a zstd archive", f"{_UNPACK}: unzstd"),
    _Foreign(_bytes(b"BZh"), "a bzip2 archive", f"{_UNPACK}: bunzip2"),
    _Foreign(_bytes(b"\xfd7zXZ\0"), "an xz archive", f"{_UNPACK}: unxz"),
    _Foreign(_bytes(b"PK\x03\x04"), "a zip archive", f"{_UNPACK}: unzip"),
    _Foreign(_bytes(b"7z\xbc\xaf"), "a 7z archive", _UNPACK),
    _Foreign(_bytes(b"MDF "), "an ASAM MDF measurement (.mf4, .mdf)", "export its CAN frames as BLF or ASC"),
    _Foreign(_bytes(b"UnFinMF "), "an unfinished ASAM MDF measurement", "finish it, and export BLF or ASC"),
    _Foreign(_bytes(b"SQLite format 3\0"), "an SQLite data base", _AS_LOG),
    _Foreign(_bytes(b"#ROSBAG"), "a ROS 1 bag", "convert it with: mcap convert"),
    _Foreign(_bytes(b"\x0a\x0d\x0d\x0a"), "a pcapng capture", "read it with candump or Wireshark, and save a CAN log"),
    _Foreign(re.compile(rb"\xd4\xc3\xb2\xa1|\xa1\xb2\xc3\xd4"), "a pcap capture",
             "read it with candump or Wireshark, and save a CAN log"),
    _Foreign(_bytes(b"\x89HDF"), "an HDF5 file", "write its tables as Parquet"),
    _Foreign(_bytes(b"ARROW1"), "an Arrow file", "write its table as Parquet"),
    _Foreign(_text(rb"\s*;\s*\$FILEVERSION|\s*;\$"), "a PEAK trace (.trc)", "PCAN-View's converter, or python-can's "
             "can_logconvert, makes a BLF or ASC of it"),
    _Foreign(_text(rb"\s*Time Stamp,ID,Extended,"), "SavvyCAN's CSV", "save it there as Vector ASC or candump log"),
    _Foreign(_text(rb"\s*timestamp,arbitration_id,extended,"), "python-can's CSV", "can_logconvert makes a BLF of it"),
    _Foreign(_text(rb"\s*\"?time\"?,\"?(bus|topic|device_name)\"?,"), "a CSV that jinqiao convert wrote",
             "convert from what it was made of"),
    _Foreign(_text(rb"\s*VERSION\s+\"[^\"]*\"\s*NS_\s*:"), "a DBC", "it describes messages, and holds none"),
    _Foreign(_text(rb"\s*\*{3}BUSMASTER"), "a BUSMASTER log", _AS_LOG),
    _Foreign(_text(_SCREEN), "what candump shows on the screen", "record with: candump -l"),
)  # fmt: skip


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be read: {error.strerror}") from error


def can_log(path: Path) -> str | None:
    """Which CAN log a file is (`BLF`, `ASC`, `candump`), None if it is none.

    What says nothing of itself is what its ending says. Raises InputError for a format that is known and not read.
    """
    if path.is_dir():
        return None
    head = _head(path)
    if head.startswith(BLF):
        return "BLF"
    if head.startswith((MCAP, PARQUET)):
        return None
    for line in head.decode(errors="replace").removeprefix("\ufeff").splitlines()[:_LINES]:
        if candump.IS_LINE.match(line.strip()):
            return "candump"
        if asc.IS_HEAD.match(line.strip()):
            return "ASC"
    refuse_foreign(path)
    return CAN_LOGS.get(path.suffix.lower())


def refuse_foreign(path: Path) -> None:
    """Raise InputError naming the format of a file that is known and not read; say nothing of others."""
    head = _head(path)
    if not head:
        raise InputError(f"{path}: found an empty file")
    known = next((kind for kind in _FOREIGN if kind.begins.match(head.removeprefix(b"\xef\xbb\xbf"))), None)
    if known is not None:
        raise InputError(f"{path}: this is {known.name}, which is not read; {known.way_out}")

"""Recordings by the end of their name: FILE.mcap, and NAME.parquet, which is a folder."""

from __future__ import annotations

from pathlib import Path

from jinqiao.base.errors import InputError
from jinqiao.base.words import did_you_mean

from .formats import PARQUET, can_log, refuse_foreign
from .mcap_reader import McapReader
from .mcap_records import MAGIC as MCAP
from .mcap_writer import McapWriter
from .parquet_reader import ParquetReader
from .parquet_writer import INFO, ParquetWriter
from .parts import Info, Recording, Source

__all__ = ["create", "discard", "is_known", "open_recording"]

_ENDINGS = (".mcap", ".parquet")


def is_known(path: Path) -> bool:
    """Whether `create` would know the format."""
    return path.suffix.lower() in _ENDINGS or (not path.suffix and (path.is_dir() or not path.exists()))


def create(path: Path, info: Info) -> Recording:
    """A new recording: MCAP for `.mcap`, a folder of Parquet files for `.parquet` or a name without ending.

    Raises InputError for another ending, a folder that is not there, or a recording that is; EnvironmentFault when it
    cannot be written.
    """
    if not is_known(path):
        near = did_you_mean(path.suffix, _ENDINGS)
        raise InputError(f"{path}: found the ending {path.suffix!r}{near}, expected .mcap, .parquet or a folder's name")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: no folder {str(path.absolute().parent)!r} to write it into")
    return McapWriter(path, info) if path.suffix.lower() == ".mcap" else ParquetWriter(path, info)


def discard(path: Path) -> None:
    """Take a recording away that nothing was written into."""
    if path.is_dir():
        (path / INFO).unlink(missing_ok=True)
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def open_recording(path: Path) -> Source:
    """A recording to read: by its first bytes if it is a file. Raises InputError when there is none."""
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if path.is_dir():
        return ParquetReader(path)
    with path.open("rb") as file:
        start = file.read(len(MCAP))
    if start.startswith(PARQUET):
        return ParquetReader(path)
    if start != MCAP:
        log = can_log(path)
        if log is not None:
            raise InputError(f"{path}: this is a CAN log ({log}), expected a recording; jinqiao convert reads it")
        refuse_foreign(path)
    return ParquetReader(path) if path.suffix.lower() == ".parquet" else McapReader(path)

"""CAN logs of other tools by python-can: Vector BLF and ASC, candump of can-utils. Needs the extra `recordings`."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.telemetry.v1.can_pb2 import CanBatch

from .parts import CanFrame, Info, Messages, Part, missing_extra

__all__ = ["CAN_LOGS", "CanLogReader", "CanLogWriter", "frames_in"]

#: Endings, by what the programs call their format.
CAN_LOGS = {".blf": "BLF", ".asc": "ASC", ".log": "candump"}
_BUNDLE = 4096
_PROBLEMS_KEPT = 20
_CANDUMP_LINE = "(1700000000.000000) can0 1A0#0011223344556677"
#: Topics that carry `CanBatch`es.
_RAW = ("/thing/model/up_raw", "/user/can")
_EXTENDED = 1 << 31


def _can() -> Any:
    try:
        import can
        import can.io
    except ImportError as error:
        raise missing_extra(error) from error
    return can


class CanLogReader:
    """One log. A line or object that cannot be read is named; candump logs are read on behind it."""

    def __init__(self, path: Path) -> None:
        self._can = _can()
        self.path = path
        self.info = Info("", {"source": path.name})
        self.problems: list[str] = []

    def parts(self) -> Iterator[Part]:
        """Frames in the order of the file."""
        self.problems = []
        bundle: list[CanFrame] = []
        for frame in self._frames():
            bundle.append(frame)
            if len(bundle) == _BUNDLE:
                yield bundle
                bundle = []
        if bundle:
            yield bundle

    def _frames(self) -> Iterator[CanFrame]:
        try:
            if self.path.suffix.lower() == ".log":
                yield from self._candump()
            else:
                yield from self._by_library()
        except OSError as error:
            raise EnvironmentFault(f"{self.path} cannot be read: {error.strerror}") from error

    def _candump(self) -> Iterator[CanFrame]:
        """Line by line, so that a broken one costs only itself."""
        with self.path.open("rb") as file:
            lines = _Lines(file)
            while True:
                reader = self._can.CanutilsLogReader(lines)
                try:
                    for message in reader:
                        yield _frame(message)
                    return
                except (ValueError, IndexError, TypeError):
                    self._problem(
                        lines.offset, f"found {lines.last[:60]!r}, expected a candump line such as {_CANDUMP_LINE!r}"
                    )

    def _by_library(self) -> Iterator[CanFrame]:
        kind = CAN_LOGS[self.path.suffix.lower()]
        maker = self._can.BLFReader if kind == "BLF" else self._can.ASCReader
        with self.path.open("rb") as raw:
            opened = raw if kind == "BLF" else _Lines(raw)
            try:
                reader = maker(opened)
                read = 0
                for message in reader:
                    read += 1
                    yield _frame(message)
                promised = int(getattr(reader, "object_count", 0))
                if read < promised:
                    self._problem(self._at(raw), f"found {read:,} of {promised:,} objects: the file was cut off here")
            except (ValueError, IndexError, TypeError, struct.error, zlib.error, self._can.CanError) as error:
                at = opened.offset if isinstance(opened, _Lines) else self._at(raw)
                self._problem(at, f"this is no {kind} any more ({type(error).__name__}: {error}); reading ends here")
            except Exception as error:  # BLFParseError derives from nothing more special
                self._problem(self._at(raw), f"this is no {kind} any more ({error}); reading ends here")

    def _at(self, file: Any) -> int:
        """How far the file was read; to its end when the library has closed it."""
        return self.path.stat().st_size if file.closed else int(file.tell())

    def _problem(self, at: int, what: str) -> None:
        if len(self.problems) < _PROBLEMS_KEPT:
            self.problems.append(f"{self.path}: offset {at}: {what}")


class _Lines:
    """Text lines of a binary file, with the offset of the last one; what a text file is to python-can."""

    mode = "r"
    name = ""
    closed = False

    def __init__(self, file: Any) -> None:
        self._file = file
        self.offset = 0
        self._next = 0
        self.last = ""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._file.readline()
        if not line:
            raise StopIteration
        self.offset, self._next = self._next, self._next + len(line)
        self.last = line.decode(errors="replace").rstrip("\r\n")
        return self.last + "\n"

    def readline(self) -> str:
        return next(self, "")

    def read(self, _: int = -1) -> str:
        return "".join(self)

    def seek(self, at: int) -> int:
        self._file.seek(at)
        self._next = at
        return at

    def tell(self) -> int:
        return self._next

    def close(self) -> None:
        """The file is closed by who opened it."""


def _frame(message: Any) -> CanFrame:
    return CanFrame(
        time_ns=round(message.timestamp * 1e9),
        bus="" if message.channel is None else str(message.channel),
        identifier=message.arbitration_id,
        data=bytes(message.data),
        extended=message.is_extended_id,
        error=message.is_error_frame,
        remote=message.is_remote_frame,
        fd=message.is_fd,
    )


class CanLogWriter:
    """Writes BLF, ASC or candump, by the ending. Each bus of each vehicle is a channel, see `channels`."""

    def __init__(self, path: Path) -> None:
        self._can = _can()
        self.path = path
        self._kind = CAN_LOGS[path.suffix.lower()]
        makers: dict[str, Callable[[Path], Any]] = {
            "BLF": self._can.BLFWriter,
            "ASC": self._can.ASCWriter,
            "candump": self._can.CanutilsLogWriter,
        }
        #: Number of each channel by vehicle and bus.
        self.channels: dict[tuple[str, str], int] = {}
        if path.exists():
            raise InputError(f"{path} exists already; remove it, or choose another name")
        try:
            self._writer = makers[self._kind](path)
        except OSError as error:
            raise EnvironmentFault(f"{path} cannot be written: {error.strerror}") from error

    def write(self, part: Part) -> None:
        """Add the frames of a part; parts without frames are passed over."""
        frames = part if isinstance(part, list) else []
        try:
            for frame in frames:
                self._writer.on_message_received(self._message(frame))
        except OSError as error:
            raise EnvironmentFault(f"{self.path} cannot be written any more: {error.strerror}") from error

    def tick(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Finish the file."""
        self._writer.stop()

    def _message(self, frame: CanFrame) -> Any:
        number = self.channels.setdefault((frame.device_name, frame.bus), len(self.channels))
        named = self._kind == "candump" and frame.bus and not frame.device_name and not frame.bus.isdigit()
        return self._can.Message(
            timestamp=frame.time_ns / 1e9,
            arbitration_id=frame.identifier,
            data=frame.data,
            is_extended_id=frame.extended,
            is_error_frame=frame.error,
            is_remote_frame=frame.remote,
            is_fd=frame.fd,
            channel=frame.bus if named else number,
        )


def frames_in(messages: Messages, seen: set[bytes]) -> Sequence[CanFrame]:
    """The frames of recorded messages' `CanBatch`es, in the order of time; a batch that came on two topics once.

    `seen` is kept between calls. Raises InputError when this installation does not know the schema.
    """
    found: list[CanFrame] = []
    for topic, payload in zip(messages.topics, messages.payloads, strict=True):
        if not topic.endswith(_RAW):
            continue
        mark = hashlib.blake2b(payload, digest_size=16).digest()
        if mark in seen:
            continue
        seen.add(mark)
        try:
            batch = CanBatch.FromString(payload)
        except DecodeError:
            continue
        for index, (later_us, number) in enumerate(zip(batch.offset_us, batch.id, strict=False)):
            length = batch.length[index] if index < len(batch.length) else 0
            data = batch.data[8 * index : 8 * index + length]
            at = batch.start_ms * 1_000_000 + later_us * 1000
            extended = bool(number & _EXTENDED)
            found.append(CanFrame(at, batch.bus, number & ~_EXTENDED, data, extended, device_name=batch.vin))
    return sorted(found, key=lambda frame: frame.time_ns)

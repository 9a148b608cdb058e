"""Reads MCAP recordings from front to back: whole ones, those of a killed run without summary, and damaged ones.

A damaged record or chunk is named with its offset, and reading goes on behind it as long as lengths can be trusted.
Samples of equal length are read as one matrix. Messages of other makers' schemas are counted and left out.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.base.onward import Onward, Standstill
from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Event
from jinqiao.telemetry.v1.mqtt_message_pb2 import MqttMessage
from jinqiao.telemetry.v1.telemetry_pb2 import VehicleEvent, VehicleSample
from jinqiao.wire.render.events import event_output
from jinqiao.wire.render.samples import GROUP_NUMBERS, layout_of, read_samples

from .mcap_records import MAGIC, MESSAGE_HEAD, Op, Text
from .parts import Events, Info, Messages, Part, RecordedEvent, Samples, missing_extra
from .problems import Problems
from .whole import whole_samples

__all__ = ["McapReader"]

#: A record that says it is longer is not read: lengths of damaged files are any number.
_LONGEST_RECORD = 1 << 30
_HEAD = struct.Struct("<BQ")
_OWN = {message.DESCRIPTOR.full_name: message for message in (VehicleSample, VehicleEvent, MqttMessage)}
_DERIVED = "foxglove.LocationFix"  # written beside the samples, which say the same


class McapReader:
    """One file; `parts` reads it anew each time. Raises InputError when it is no MCAP file at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._problems = Problems()
        self.info = Info()
        self._schemas: dict[int, str] = {}
        self._channels: dict[int, tuple[str, str]] = {}  # schema name, topic
        try:
            import zstandard
        except ImportError as error:
            raise missing_extra(error) from error
        self._zstd = zstandard
        with self._open() as file:
            start = file.read(len(MAGIC))
            if start != MAGIC:
                raise InputError(f"{path}: offset 0: found {start!r}, expected {MAGIC!r}: this is not an MCAP file")
            for op, _, content in self._records(file):
                if op == Op.METADATA:
                    with suppress(struct.error, ValueError):  # named when the recording is read
                        self._metadata(content)
                if op in (Op.METADATA, Op.CHUNK):
                    break
        self._problems = Problems()

    @property
    def problems(self) -> list[str]:
        """What could not be read, and what was left out."""
        return self._problems.lines(self.path)

    def parts(self) -> Iterator[Part]:
        """Everything that can be read, in the order of the file."""
        self._problems = Problems()
        with self._open() as file:
            file.seek(len(MAGIC))
            for op, at, content in self._records(file):
                try:
                    if op == Op.SCHEMA:
                        self._schema(content)
                    elif op == Op.CHANNEL:
                        self._channel(content)
                    elif op == Op.METADATA:
                        self._metadata(content)
                    elif op == Op.CHUNK:
                        yield from self._messages(self._chunk(content), at)
                    elif op == Op.MESSAGE:
                        yield from self._messages(_HEAD.pack(op, len(content)) + content, at)
                except (struct.error, ValueError, KeyError, Standstill, self._zstd.ZstdError) as error:
                    self._problem(at, f"a {Op(op).name.lower()} record cannot be read: {error}; it is left out")

    def _open(self) -> BinaryIO:
        try:
            return self.path.open("rb")
        except OSError as error:
            raise EnvironmentFault(f"{self.path} cannot be read: {error.strerror}") from error

    def _problem(self, at: int, what: str) -> None:
        self._problems.add(f"{self.path}: offset {at}: {what}")

    def _metadata(self, content: bytes) -> None:
        fields = Text(content)
        if fields.text() == "jinqiao":
            self.info = Info.of(fields.mapping())

    def _schema(self, content: bytes) -> None:
        fields = Text(content)
        (number,) = fields.numbers("H")
        self._schemas[number] = fields.text()

    def _channel(self, content: bytes) -> None:
        fields = Text(content)
        number, schema = fields.numbers("HH")
        self._channels[number] = (self._schemas.get(schema, ""), fields.text())

    def _records(self, file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
        """Opcode, offset and content of each record, up to the end of the data section."""
        place = Onward(file.tell() - 1)
        while True:
            at = place.to(file.tell())
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                self._problem(at, "the file ends here without its end of data: cut off, or its writer was killed")
                return
            op, length = _HEAD.unpack(head)
            if op in (Op.DATA_END, Op.FOOTER):
                return
            if not 1 <= op < 0x80 or length > _LONGEST_RECORD:
                self._problem(at, f"found a record {op:#04x} of {length} bytes, expected an MCAP record; reading ends")
                return
            content = file.read(length)
            if len(content) < length:
                self._problem(at, f"found {len(content)} of a record's {length} bytes: the file was cut off here")
                return
            yield op, at, content

    def _chunk(self, content: bytes) -> bytes:
        """The records in a chunk. Raises ValueError or ZstdError for a damaged one."""
        fields = Text(content)
        _, _, size, checksum = fields.numbers("QQQI")
        compression = fields.text()
        packed = fields.bytes("Q")
        if size > _LONGEST_RECORD:
            raise ValueError(f"a chunk of {size} bytes")
        if compression == "zstd":
            stated = self._zstd.frame_content_size(packed)
            if stated > size:  # a frame that says its size is unpacked whole, whatever the limit
                raise ValueError(f"it unpacks to {stated:,} bytes, not to {size:,} as it says")
            records = self._zstd.ZstdDecompressor().decompress(packed, max_output_size=size)
        elif compression == "lz4":
            records = _lz4(packed, size)
        elif not compression:
            records = packed
        else:
            raise ValueError(f"compression {compression!r} is not known")
        if checksum and zlib.crc32(records) != checksum:
            raise ValueError("its checksum does not fit")
        return records

    def _messages(self, records: bytes, at: int) -> Iterator[Part]:
        """Runs of messages of one channel and length become parts."""
        place = Onward(-1, len(records))
        view = np.frombuffer(records, np.uint8)
        offset = 0
        while place.to(offset) + _HEAD.size <= len(records):
            op, length = _HEAD.unpack_from(records, offset)
            end = offset + _HEAD.size + length
            if end > len(records):
                raise ValueError(f"a record of {length} bytes at its byte {offset} goes beyond its end")
            if op == Op.MESSAGE and length >= MESSAGE_HEAD.size - _HEAD.size:
                count = _run(view, offset, _HEAD.size + length)
                matrix = view[offset : offset + count * (_HEAD.size + length)].reshape(count, -1)
                try:
                    yield from self._run(matrix, at)
                except (ValueError, KeyError) as error:
                    self._problem(at, f"{count:,} messages in it cannot be read: {error}; they are left out")
                offset += count * (_HEAD.size + length)
                continue
            if op == Op.SCHEMA:
                self._schema(records[offset + _HEAD.size : end])
            elif op == Op.CHANNEL:
                self._channel(records[offset + _HEAD.size : end])
            offset = end

    def _run(self, matrix: NDArray[np.uint8], at: int) -> Iterator[Part]:
        """Messages of one channel and one length, uint8, shape (m, record_bytes)."""
        number = int(matrix[0, 9]) | int(matrix[0, 10]) << 8
        schema, topic = self._channels.get(number, ("", f"channel {number}"))
        if schema == _DERIVED:
            return
        if schema not in _OWN:
            self._problems.count(f"messages of {topic!r} ({schema or 'no schema'}) are left out", len(matrix))
            return
        times = np.ascontiguousarray(matrix[:, 15:23]).view("<u8")[:, 0].astype(np.int64)
        data = matrix[:, MESSAGE_HEAD.size :]
        if schema == VehicleSample.DESCRIPTOR.full_name:
            layout = layout_of(data[0].tobytes())
            rows = None if layout is None else read_samples(data, layout)
            if rows is not None and layout is not None:
                columns = {name: np.ascontiguousarray(rows[name]) for name in layout.signals}
                part = _samples(layout.group, rows["time_ms"], rows["device_name"], rows["sequence"], columns)
                yield from whole_samples(part, self._problems)
                return
        yield from self._each(schema, times, [row.tobytes() for row in data], at)

    def _each(self, schema: str, times: NDArray[np.int64], data: list[bytes], offset: int) -> Iterator[Part]:
        """Messages one by one: the few, and samples that another program wrote."""
        messages: list[tuple[int, MqttMessage]] = []
        events: list[RecordedEvent] = []
        for at, payload in zip(times.tolist(), data, strict=True):
            try:
                message: Any = _OWN[schema].FromString(payload)
            except DecodeError as error:
                self._problem(offset, f"a {schema} cannot be decoded: {error}")
                continue
            if isinstance(message, MqttMessage):
                messages.append((at, message))
            elif isinstance(message, VehicleEvent):
                event = Event(message.time_ms, 0, message.identifier, event_output(message))
                events.append(RecordedEvent(message.device_name, message.sequence, event))
            else:
                yield from whole_samples(_one_sample(message), self._problems)
        if events:
            yield Events(events)
        if messages:
            found = [message for _, message in messages]
            yield Messages(
                np.array([at for at, _ in messages], np.int64),
                [message.topic for message in found],
                [message.payload for message in found],
                [message.qos for message in found],
                [message.retain for message in found],
            )


def _run(view: NDArray[np.uint8], offset: int, width: int) -> int:
    """How many records from here on have this one's opcode, length and channel; looks ever farther while it holds."""
    first = view[offset : offset + 11]
    most = (len(view) - offset) // width
    known, look = 1, 16
    while known < most:
        until = min(known + look, most)
        heads = view[offset + known * width : offset + until * width].reshape(-1, width)[:, :11]
        same = (heads == first).all(axis=1)
        if not same.all():
            return known + int(np.argmin(same))
        known, look = until, look * 4
    return known


def _samples(group: str, time_ms: Any, names: Any, sequence: Any, columns: dict[str, NDArray[Any]]) -> Samples:
    return Samples(group, time_ms.astype(np.int64), np.ascontiguousarray(names), sequence.astype(np.uint32), columns)


def _one_sample(message: VehicleSample) -> Samples:
    group = next((name for name, number in GROUP_NUMBERS.items() if number == message.group), "core")
    columns = {name: np.array([getattr(message, name)]) for name in SIGNALS if message.HasField(name)}
    name = np.array([message.device_name.encode() or b"-"])
    return _samples(group, np.array([message.time_ms]), name, np.array([message.sequence]), columns)


def _lz4(packed: bytes, size: int) -> bytes:
    try:
        import lz4.frame
    except ImportError as error:
        raise ValueError("its compression lz4 needs: pip install lz4") from error
    records: bytes = lz4.frame.LZ4FrameDecompressor().decompress(packed, max_length=size)
    return records

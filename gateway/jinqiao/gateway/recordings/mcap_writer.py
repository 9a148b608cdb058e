"""Writes MCAP: whole batches become runs of Message records in one byte matrix, and zstd chunks of those.

The `mcap` package writes message by message; here a batch of equal samples is a matrix whose rows are finished records.
A chunk goes to the operating system as soon as it is full or a second old, so that after a kill at most that is lost.
Layout: Magic, Header, Metadata, Schemas and Channels, Chunks with their indices, Summary, Footer (https://mcap.dev/spec).
"""

from __future__ import annotations

import struct
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.telemetry.v1.mqtt_message_pb2 import MqttMessage
from jinqiao.wire.render.events import event_message
from jinqiao.wire.render.samples import sample_layout, write_samples

from . import mcap_records as mcap
from .channels import CHANNELS, LOCATION, Channel, descriptor_set, message_topic
from .location import location_rows, on_a_map
from .mcap_records import MESSAGE_HEAD, Op
from .parts import Events, Info, Messages, Part, Samples, by_name_length, missing_extra

__all__ = ["McapWriter"]

#: Uncompressed bytes after which a chunk is closed: large enough for zstd, small enough to seek in.
CHUNK_BYTES = 2 << 20
_CHUNK_AGE_S = 1.0
#: What the messages of a channel are counted as; positions go with their samples.
_KINDS = {"/telemetry/core": "samples", "/telemetry/detail": "samples", "/events": "events"}
_LEVEL = 1  # of zstd: telemetry shrinks to a quarter at 300 MB/s


class McapWriter:
    """One file. Raises InputError if it exists, EnvironmentFault when it cannot be written (any more)."""

    def __init__(self, path: Path, info: Info) -> None:
        try:
            import zstandard
        except ImportError as error:
            raise missing_extra(error) from error
        self.path = path
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self._channels: dict[str, int] = {}
        self._schemas: dict[str, int] = {}
        self._topics: dict[str, int] = {}  # channels of MQTT topics
        self._definitions = b""  # all Schema and Channel records, for the summary
        self._counts: Counter[int] = Counter()
        self._chunk: list[bytes] = []
        self._chunk_bytes = 0
        self._chunk_began = 0.0
        self._index: dict[int, list[NDArray[np.uint64]]] = defaultdict(list)
        self._singles: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._kept: Counter[int] = Counter()
        self._chunk_indices: list[bytes] = []
        self._span = [2**63, 0]
        self._failed: str | None = None
        try:
            self._file = path.open("xb", buffering=0)
        except FileExistsError as error:
            raise InputError(f"{path} exists already; remove it, or choose another name") from error
        except OSError as error:
            raise EnvironmentFault(f"{path} cannot be written: {error.strerror}") from error
        self._offset = 0
        header = mcap.record(Op.HEADER, mcap.text("") + mcap.text("jinqiao"))
        self._metadata = mcap.record(Op.METADATA, mcap.text("jinqiao") + mcap.mapping(info.as_map()))
        self._metadata_at = len(mcap.MAGIC) + len(header)
        self._put(mcap.MAGIC + header + self._metadata)

    def write(self, part: Part) -> None:
        """Add a part; parts come in the order of time."""
        if isinstance(part, Samples):
            for some in by_name_length(part):
                self._samples(some)
        elif isinstance(part, Events):
            self._events(part)
        elif isinstance(part, Messages):
            self._messages(part)
        else:
            raise InputError(f"{self.path}: CAN frames go to .blf, .asc, .log, .csv or .parquet")

    def kept(self) -> Counter[str]:
        """Samples, events and messages of the chunks that are in the file."""
        found: Counter[str] = Counter()
        for topic, number in self._channels.items():
            if topic != LOCATION:
                found[_KINDS.get(topic, "messages")] += self._kept[number]
        return found

    def tick(self) -> None:
        """Let a chunk that has waited for a second reach the operating system."""
        if self._chunk and time.monotonic() - self._chunk_began >= _CHUNK_AGE_S:
            self.flush()

    def _samples(self, part: Samples) -> None:
        number = self._channel(CHANNELS[part.group])
        layout = sample_layout(part.group, tuple(part.columns), part.device_names.dtype.itemsize)
        rows = self._rows(number, len(part), layout.template, part.sequence, part.time_ns)
        fields = rows[:, MESSAGE_HEAD.size :].view(layout.places)[:, 0]
        write_samples(fields, layout, part.time_ms, part.device_names, part.sequence, part.columns)
        self._add(number, rows, part.time_ns)
        part = on_a_map(part)
        if len(part):
            number = self._channel(CHANNELS["location"])
            messages = location_rows(part)
            rows = self._rows(number, len(part), bytes(messages.shape[1]), part.sequence, part.time_ns)
            rows[:, MESSAGE_HEAD.size :] = messages
            self._add(number, rows, part.time_ns)

    def _events(self, part: Events) -> None:
        number = self._channel(CHANNELS["event"])
        for told in part.events:
            data = event_message(told.event, told.device_name, told.sequence)
            self._one(number, told.sequence, told.event.time_ms * 1_000_000, data)

    def _messages(self, part: Messages) -> None:
        rows = zip(part.time_ns.tolist(), part.topics, part.payloads, part.qos, part.retain, strict=True)
        for at, topic, payload, qos, retain in rows:
            number = self._topics.get(topic)
            if number is None:
                number = self._topics[topic] = self._channel(message_topic(topic))
            message = MqttMessage(topic=topic, payload=payload, qos=qos, retain=retain)
            self._one(number, self._counts[number] + 1, at, message.SerializeToString())

    def _one(self, number: int, sequence: int, time_ns: int, data: bytes) -> None:
        sequence &= 0xFFFF_FFFF
        length = len(data) + MESSAGE_HEAD.size - 9
        head = MESSAGE_HEAD.pack(Op.MESSAGE, length, number, sequence, time_ns, time_ns)
        self._begin()
        self._singles[number].append((time_ns, self._chunk_bytes))
        self._chunk.append(head + data)
        self._chunk_bytes += MESSAGE_HEAD.size + len(data)
        self._counts[number] += 1
        if self._chunk_bytes >= CHUNK_BYTES:
            self.flush()

    @staticmethod
    def _rows(
        number: int, count: int, template: bytes, sequence: NDArray[Any], time_ns: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        """Message records with everything but the data, shape (m, record_bytes)."""
        length = len(template) + MESSAGE_HEAD.size - 9
        row = MESSAGE_HEAD.pack(Op.MESSAGE, length, number, 0, 0, 0) + template
        rows = np.empty((count, len(row)), np.uint8)
        rows[:] = np.frombuffer(row, np.uint8)
        places = {"names": ["sequence", "log", "publish"], "formats": ["<u4", "<u8", "<u8"], "offsets": [11, 15, 23]}
        fields = rows.view(np.dtype({**places, "itemsize": len(row)}))[:, 0]  # type: ignore[call-overload]
        fields["sequence"] = sequence
        fields["log"] = fields["publish"] = time_ns
        return rows

    def _add(self, number: int, rows: NDArray[np.uint8], time_ns: NDArray[np.int64]) -> None:
        """Append rows, over as many chunks as they need."""
        width = rows.shape[1]
        start = 0
        while start < len(rows):
            end = start + max(1, (CHUNK_BYTES - self._chunk_bytes) // width)
            times = time_ns[start:end]
            index = np.empty((len(times), 2), np.uint64)
            index[:, 0] = times
            index[:, 1] = self._chunk_bytes + np.arange(len(times), dtype=np.uint64) * np.uint64(width)
            self._append(number, rows[start:end].tobytes(), index, len(times))
            start = end
            if start < len(rows):
                self.flush()

    def _append(self, number: int, records: bytes, index: NDArray[np.uint64], count: int) -> None:
        self._begin()
        self._chunk.append(records)
        self._chunk_bytes += len(records)
        self._index[number].append(index)
        self._counts[number] += count
        if self._chunk_bytes >= CHUNK_BYTES:
            self.flush()

    def _begin(self) -> None:
        if not self._chunk:
            self._chunk_began = time.monotonic()

    def flush(self) -> None:
        """Close the chunk and hand it to the operating system."""
        if not self._chunk:
            return
        for number, singles in self._singles.items():
            self._index[number].append(np.array(singles, np.uint64))
        index = {number: np.concatenate(found) for number, found in self._index.items()}
        span = [min(int(f[:, 0].min()) for f in index.values()), max(int(f[:, 0].max()) for f in index.values())]
        records = b"".join(self._chunk)
        packed = self._compressor.compress(records)
        head = struct.pack("<QQQI", *span, len(records), zlib.crc32(records)) + mcap.text("zstd")
        chunk = mcap.record(Op.CHUNK, head + struct.pack("<Q", len(packed)) + packed)
        chunk_at, offsets, indices = self._offset, {}, b""
        for number, found in index.items():
            offsets[number] = chunk_at + len(chunk) + len(indices)
            entries = found.astype("<u8").tobytes()
            indices += mcap.record(Op.MESSAGE_INDEX, struct.pack("<HI", number, len(entries)) + entries)
        self._put(chunk + indices)
        self._chunk_indices.append(
            mcap.record(
                Op.CHUNK_INDEX,
                struct.pack("<QQQQ", *span, chunk_at, len(chunk))
                + mcap.counted(offsets)
                + struct.pack("<Q", len(indices))
                + mcap.text("zstd")
                + struct.pack("<QQ", len(packed), len(records)),
            )
        )
        self._span = [min(self._span[0], span[0]), max(self._span[1], span[1])]
        self._kept.update({number: len(found) for number, found in index.items()})
        self._chunk, self._chunk_bytes = [], 0
        self._index.clear()
        self._singles.clear()

    def _channel(self, channel: Channel) -> int:
        """The channel's number; written down, with its schema, when it is new."""
        number = self._channels.get(channel.topic)
        if number is None:
            name = channel.schema
            records = b""
            if name not in self._schemas:
                self._schemas[name] = len(self._schemas) + 1
                records = mcap.schema(self._schemas[name], name, descriptor_set(channel.message))
            number = self._channels[channel.topic] = len(self._channels) + 1
            records += mcap.channel(number, self._schemas[name], channel.topic)
            self._definitions += records
            self._put(records)
        return number

    def _put(self, data: bytes) -> None:
        """Write whole or not at all: after a failure the file ends where it was last good."""
        if self._failed is not None:
            raise EnvironmentFault(self._failed)
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            self._failed = f"{self.path} cannot be written any more: {error.strerror}; what is in it can be read"
            self._file.truncate(self._offset)
            raise EnvironmentFault(self._failed) from error
        self._offset += len(data)

    def close(self) -> None:
        """Write the last chunk, the summary and the footer; after a failure only close the file."""
        if self._file.closed:
            return
        try:
            if self._failed is None:
                self.flush()
                self._put(self._ending())
        finally:
            self._file.close()

    def _ending(self) -> bytes:
        data_end = mcap.record(Op.DATA_END, bytes(4))
        groups: list[tuple[Op, bytes]] = [
            *((op, b"".join(found)) for op, found in self._definition_groups()),
            (Op.STATISTICS, self._statistics()),
            (Op.CHUNK_INDEX, b"".join(self._chunk_indices)),
            (
                Op.METADATA_INDEX,
                mcap.record(
                    Op.METADATA_INDEX,
                    struct.pack("<QQ", self._metadata_at, len(self._metadata)) + mcap.text("jinqiao"),
                ),
            ),
        ]
        start = at = self._offset + len(data_end)
        summary, offsets = b"", b""
        for op, records in groups:
            if records:
                offsets += mcap.record(Op.SUMMARY_OFFSET, struct.pack("<BQQ", op, at, len(records)))
            summary += records
            at += len(records)
        covered = summary + offsets + struct.pack("<BQQQ", Op.FOOTER, 20, start, at)
        return data_end + summary + offsets + mcap.footer(start, at, zlib.crc32(covered)) + mcap.MAGIC

    def _definition_groups(self) -> Iterable[tuple[Op, list[bytes]]]:
        """Schemas, then channels: the summary keeps records of one kind together."""
        found: dict[Op, list[bytes]] = {Op.SCHEMA: [], Op.CHANNEL: []}
        at = 0
        while at < len(self._definitions):
            op, length = struct.unpack_from("<BQ", self._definitions, at)
            found[Op(op)].append(self._definitions[at : at + 9 + length])
            at += 9 + length
        return found.items()

    def _statistics(self) -> bytes:
        empty = not self._counts
        counts = {number: self._counts[number] for number in self._channels.values()}
        return mcap.statistics(
            counts,
            schemas=len(self._schemas),
            chunks=len(self._chunk_indices),
            start_ns=0 if empty else self._span[0],
            end_ns=self._span[1],
        )

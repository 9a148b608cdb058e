"""A broker of Kafka's protocol as far as a producer needs it: versions, metadata, records, by the client's codec.

It is a double, not a broker: it has one partition, keeps records in a list, and answers as it is told.
"""

from __future__ import annotations

import asyncio
import io
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka.protocol.admin import ApiVersionRequest_v0
from aiokafka.protocol.metadata import MetadataRequest_v1
from aiokafka.protocol.produce import ProduceRequest_v3
from aiokafka.record.memory_records import MemoryRecords

__all__ = ["KafkaFake", "Record", "kafka_fake"]

_PRODUCE, _METADATA, _VERSIONS = 0, 3, 18
_NODE = 1


@dataclass(frozen=True, slots=True)
class Record:
    topic: str
    key: bytes
    value: bytes
    timestamp: int
    headers: dict[str, bytes]


@dataclass
class KafkaFake:
    """`errors` are answered to produce requests one by one, and nothing is kept then; then everything is taken."""

    port: int = 0
    records: list[Record] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)

    def answer(self, key: int, version: int, body: bytes) -> Any:
        if key == _VERSIONS:
            return ApiVersionRequest_v0.RESPONSE_TYPE(0, [(_PRODUCE, 3, 3), (_METADATA, 1, 1), (_VERSIONS, 0, 0)])
        if key == _METADATA:
            topics = MetadataRequest_v1.decode(io.BytesIO(body)).topics or []
            partitions = [(0, 0, _NODE, [_NODE], [_NODE])]
            known = [(0, topic, False, partitions) for topic in topics]
            return MetadataRequest_v1.RESPONSE_TYPE([(_NODE, "127.0.0.1", self.port, None)], _NODE, known)
        assert (key, version) == (_PRODUCE, 3), (key, version)
        return self._produce(ProduceRequest_v3.decode(io.BytesIO(body)))

    def _produce(self, request: Any) -> Any:
        code = self.errors.pop(0) if self.errors else 0
        assert request.required_acks == -1
        for topic, partitions in request.topics:
            for _, data in partitions:
                if not code:
                    self.records += _read(topic, data)
        answered = [(topic, [(number, code, 0, -1) for number, _ in parts]) for topic, parts in request.topics]
        return ProduceRequest_v3.RESPONSE_TYPE(answered, 0)


def _read(topic: str, data: bytes) -> list[Record]:
    found, batches = [], MemoryRecords(data)
    while (batch := batches.next_batch()) is not None:
        for record in batch:
            found.append(Record(topic, record.key, record.value, record.timestamp, dict(record.headers)))
    return found


@asynccontextmanager
async def kafka_fake() -> AsyncIterator[KafkaFake]:
    fake = KafkaFake()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            while True:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                request = await reader.readexactly(size)
                key, version, number, length = struct.unpack(">hhih", request[:10])
                body = request[10 + max(length, 0) :]
                reply = struct.pack(">i", number) + fake.answer(key, version, body).encode()
                writer.write(struct.pack(">i", len(reply)) + reply)
        except asyncio.IncompleteReadError:
            return

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    async with server:
        yield fake
        for writer in writers:
            writer.close()
            await writer.wait_closed()

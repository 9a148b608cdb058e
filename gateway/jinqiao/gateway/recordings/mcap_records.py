"""Records of the MCAP container format, version 0, as bytes and back. No files, no compression.

Specification: https://mcap.dev/spec. All numbers are little endian; a string is its length in four bytes and UTF-8.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from enum import IntEnum

__all__ = [
    "MAGIC",
    "MESSAGE_HEAD",
    "Op",
    "Text",
    "channel",
    "counted",
    "footer",
    "mapping",
    "record",
    "schema",
    "statistics",
    "text",
]

MAGIC = b"\x89MCAP0\r\n"
#: Opcode, length, channel, sequence, log time, publish time; the data follow.
MESSAGE_HEAD = struct.Struct("<BQHIQQ")


class Op(IntEnum):
    """Opcodes (specification, § Records)."""

    HEADER = 0x01
    FOOTER = 0x02
    SCHEMA = 0x03
    CHANNEL = 0x04
    MESSAGE = 0x05
    CHUNK = 0x06
    MESSAGE_INDEX = 0x07
    CHUNK_INDEX = 0x08
    ATTACHMENT = 0x09
    ATTACHMENT_INDEX = 0x0A
    STATISTICS = 0x0B
    METADATA = 0x0C
    METADATA_INDEX = 0x0D
    SUMMARY_OFFSET = 0x0E
    DATA_END = 0x0F


def record(op: Op, content: bytes) -> bytes:
    """Opcode, length, content."""
    return struct.pack("<BQ", op, len(content)) + content


def text(value: str) -> bytes:
    """A string with its length."""
    encoded = value.encode()
    return len(encoded).to_bytes(4, "little") + encoded


def mapping(values: Mapping[str, str]) -> bytes:
    """Strings by strings."""
    body = b"".join(text(key) + text(value) for key, value in values.items())
    return len(body).to_bytes(4, "little") + body


def counted(values: Mapping[int, int]) -> bytes:
    """64-bit numbers by channel."""
    body = b"".join(struct.pack("<HQ", key, value) for key, value in values.items())
    return len(body).to_bytes(4, "little") + body


def schema(number: int, name: str, definition: bytes) -> bytes:
    """A Schema record with a protobuf FileDescriptorSet."""
    head = number.to_bytes(2, "little") + text(name) + text("protobuf")
    return record(Op.SCHEMA, head + len(definition).to_bytes(4, "little") + definition)


def channel(number: int, schema_number: int, topic: str) -> bytes:
    """A Channel record of protobuf messages."""
    head = struct.pack("<HH", number, schema_number)
    return record(Op.CHANNEL, head + text(topic) + text("protobuf") + mapping({}))


def statistics(counts: Mapping[int, int], *, schemas: int, chunks: int, start_ns: int, end_ns: int) -> bytes:
    """The Statistics record: messages by channel, one Metadata record, no attachments."""
    head = struct.pack("<QHIIIIQQ", sum(counts.values()), schemas, len(counts), 0, 1, chunks, start_ns, end_ns)
    return record(Op.STATISTICS, head + counted(counts))


def footer(summary_start: int, offsets_start: int, crc: int) -> bytes:
    """The Footer record."""
    return record(Op.FOOTER, struct.pack("<QQI", summary_start, offsets_start, crc))


class Text:
    """Reads the fields of a record's content in turn. Raises struct.error or ValueError when they do not fit."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def numbers(self, form: str) -> tuple[int, ...]:
        """Numbers of a struct format."""
        found = struct.unpack_from("<" + form, self.content, self.at)
        self.at += struct.calcsize("<" + form)
        return found

    def bytes(self, form: str = "I") -> bytes:
        """Bytes behind their length."""
        (length,) = self.numbers(form)
        found = self.content[self.at : self.at + length]
        if len(found) != length:
            raise ValueError(f"a field of {length} bytes in the {len(found)} that are left")
        self.at += length
        return found

    def text(self) -> str:
        """A string."""
        return self.bytes().decode()

    def mapping(self) -> dict[str, str]:
        """Strings by strings."""
        inner = Text(self.bytes())
        found = {}
        while inner.at < len(inner.content):
            key = inner.text()
            found[key] = inner.text()
        return found

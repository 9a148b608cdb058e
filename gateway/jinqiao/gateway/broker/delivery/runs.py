"""Runs of PUBLISH packets that are forwarded as slices, and the same for subscribers of another protocol level.

A PUBLISH of MQTT 5 differs from one of 3.1.1 by its properties and their length. All packets of a run are of one QoS (0
or 1), without flags; they have no properties, or such as any subscriber gets as they are, in at most 127 bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

from jinqiao.wire.mqtt.fields import frame, remaining_length

from .message import Message

__all__ = ["AcknowledgedRun", "Run", "messages_of"]

#: Packet identifiers are from 1 to this.
_MOST_IDS = 65_535


class Run:
    """Consecutive QoS 0 PUBLISH packets of one level; what other levels need is made once."""

    __slots__ = ("_acknowledged", "_others", "count", "data", "level")

    def __init__(self, data: bytes, count: int, level: int) -> None:
        self.data = data
        self.count = count
        self.level = level
        self._others: bytes | None = None
        self._acknowledged: AcknowledgedRun | None = None

    def at_level(self, level: int) -> bytes:
        """The same messages as packets of this level."""
        if (level == 5) == (self.level == 5):
            return self.data
        if self._others is None:
            self._others = b"".join(packet for packet, _ in _translated(self.data, self.level))
        return self._others

    def acknowledged(self) -> AcknowledgedRun:
        """The same messages at QoS 1, of this level."""
        if self._acknowledged is None:
            self._acknowledged = _numbered(self.data, self.level)
        return self._acknowledged


class AcknowledgedRun:
    """Consecutive QoS 1 PUBLISH packets (first byte 0x32) in `data`.

    Packet i ends at `ends[i]`, the next one begins there; the first begins at 0. Its identifier `ids[i]` is the two
    bytes at `ids_at[i]`.
    """

    __slots__ = ("_other", "_plain", "data", "ends", "ids", "ids_at", "level")

    def __init__(self, data: bytes, ends: list[int], ids_at: list[int], level: int = 4) -> None:
        self.data = data
        self.ends = ends
        self.ids_at = ids_at
        self.level = level
        self.ids = [data[at] << 8 | data[at + 1] for at in ids_at]
        self._plain: bytes | None = None
        self._other: AcknowledgedRun | None = None

    def __len__(self) -> int:
        return len(self.ends)

    def start(self, index: int) -> int:
        """Where packet `index` begins."""
        return self.ends[index - 1] if index else 0

    def first(self, count: int) -> AcknowledgedRun:
        """Only the first `count` packets, at least one."""
        data, stop = self.data, self.ends[count - 1]
        return AcknowledgedRun(data[:stop], self.ends[:count], self.ids_at[:count], self.level)

    def renamed(self, index: int, packet_id: int) -> bytes:
        """Packet `index` with another identifier."""
        at = self.ids_at[index]
        return self.data[self.start(index) : at] + packet_id.to_bytes(2, "big") + self.data[at + 2 : self.ends[index]]

    def message(self, index: int) -> Message:
        """Packet `index` taken apart."""
        return next(messages_of(self.data[self.start(index) : self.ends[index]], self.level))

    def at_level(self, level: int) -> AcknowledgedRun:
        """The same messages as packets of this level."""
        if (level == 5) == (self.level == 5):
            return self
        if self._other is None:
            packets, ends, ids_at, at = [], [], [], 0
            for packet, id_at in _translated(self.data, self.level):
                packets.append(packet)
                ids_at.append(at + id_at)
                at += len(packet)
                ends.append(at)
            self._other = AcknowledgedRun(b"".join(packets), ends, ids_at, level)
        return self._other

    def plain(self) -> bytes:
        """The same messages at QoS 0: made once for all subscribers that asked for no more."""
        if self._plain is None:
            self._plain = b"".join(self._plain_packets())
        return self._plain

    def _plain_packets(self) -> Iterator[bytes]:
        start = 0
        for end, at in zip(self.ends, self.ids_at, strict=True):
            body = start + 2
            while self.data[body - 1] > 0x7F:
                body += 1
            yield b"\x30" + remaining_length(end - body - 2) + self.data[body:at] + self.data[at + 2 : end]
            start = end


def messages_of(data: bytes, level: int, sender: str = "") -> Iterator[Message]:
    """The packets of a run taken apart."""
    for first, body, name, tail, stop in _packets(data):
        payload = tail + 1 + data[tail] if level == 5 else tail
        yield Message(
            data[body + 2 : name],
            data[payload:stop],
            first >> 1 & 1,
            properties=data[tail + 1 : payload],
            sender=sender,
        )


def _numbered(data: bytes, level: int) -> AcknowledgedRun:
    """QoS 0 packets with identifiers, counted from 1."""
    packets, ends, ids_at, at = bytearray(), [], [], 0
    for number, (_, body, name, _, stop) in enumerate(_packets(data)):
        head = b"\x32" + remaining_length(stop - body + 2) + data[body:name]
        ids_at.append(at + len(head))
        packets += head + (number % _MOST_IDS + 1).to_bytes(2, "big") + data[name:stop]
        at = len(packets)
        ends.append(at)
    return AcknowledgedRun(bytes(packets), ends, ids_at, level)


def _translated(data: bytes, level: int) -> Iterator[tuple[bytes, int]]:
    """Each packet at the other level, with the place of its identifier."""
    for first, body, name, tail, stop in _packets(data):
        rest = data[tail + 1 + data[tail] : stop] if level == 5 else b"\0" + data[tail:stop]
        head = bytes((first,)) + remaining_length(tail - body + len(rest))
        yield head + data[body:tail] + rest, len(head) + name - body


def _packets(data: bytes) -> Iterator[tuple[int, int, int, int, int]]:
    """First byte of each packet, and where its body begins, its topic ends, its identifier ends and the packet ends."""
    position = 0
    while position < len(data):
        bounds = frame(data, position)
        assert bounds is not None
        body, stop = bounds
        name = body + 2 + (data[body] << 8 | data[body + 1])
        first, position = data[position], stop
        yield first, body, name, name + (first & 2), stop

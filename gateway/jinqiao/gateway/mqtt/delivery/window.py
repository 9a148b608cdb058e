"""QoS 1 to one subscriber: what is on its way without PUBACK, and what waits for its turn (MQTT 3.1.1 § 4.3.2, 4.4).

A QoS 1 PUBLISH differs between publisher and subscriber in its packet identifier alone, and any identifier will do that
is not in use there [MQTT-2.3.1-2, 4]. So the publisher's own is kept wherever it is free, and runs of QoS 1 go out in
slices as runs of QoS 0 do. Only where two publishers chose the same identifier a packet gets another one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from jinqiao.gateway.mqtt.fields import remaining_length

__all__ = ["AcknowledgedRun", "Window"]

_MAX_PACKET_ID = 65_535


class AcknowledgedRun:
    """Consecutive QoS 1 PUBLISH packets (first byte 0x32) in `data`.

    Packet i ends at `ends[i]`, the next one begins there; the first begins at 0. Its identifier `ids[i]` is the two
    bytes at `ids_at[i]`.
    """

    __slots__ = ("_plain", "data", "ends", "ids", "ids_at")

    def __init__(self, data: bytes, ends: list[int], ids_at: list[int]) -> None:
        self.data = data
        self.ends = ends
        self.ids_at = ids_at
        self.ids = [data[at] << 8 | data[at + 1] for at in ids_at]
        self._plain: bytes | None = None

    def __len__(self) -> int:
        return len(self.ends)

    def start(self, index: int) -> int:
        """Where packet `index` begins."""
        return self.ends[index - 1] if index else 0

    def renamed(self, index: int, packet_id: int) -> bytes:
        """Packet `index` with another identifier."""
        at = self.ids_at[index]
        return self.data[self.start(index) : at] + packet_id.to_bytes(2, "big") + self.data[at + 2 : self.ends[index]]

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


class Window:
    """At most `size` unacknowledged messages; runs beyond it wait in order."""

    __slots__ = ("_next_id", "in_flight", "size", "waiting")

    def __init__(self, size: int) -> None:
        self.size = size
        self.in_flight: set[int] = set()
        #: Runs not sent yet, each with the index of its first message that waits.
        self.waiting: deque[tuple[AcknowledgedRun, int]] = deque()
        # From above, since publishers count from 1: fewer of theirs are in use.
        self._next_id = _MAX_PACKET_ID

    def acknowledge(self, packet_ids: Iterable[int]) -> bool:
        """PUBACKs came; whether they were for anything on its way."""
        before = len(self.in_flight)
        self.in_flight.difference_update(packet_ids)
        return len(self.in_flight) < before

    def take(self) -> tuple[bytes, int] | None:
        """The next packets that may go and how many they are, entered as unacknowledged; None if none may."""
        free = self.size - len(self.in_flight)
        if free <= 0 or not self.waiting:
            return None
        run, index = self.waiting.popleft()
        stop = min(index + free, len(run))
        if stop < len(run):
            self.waiting.appendleft((run, stop))
        ids = set(run.ids[index:stop])
        if len(ids) == stop - index and ids.isdisjoint(self.in_flight):
            self.in_flight |= ids
            return run.data[run.start(index) : run.ends[stop - 1]], stop - index
        return b"".join(run.renamed(i, self._free_id()) for i in range(index, stop)), stop - index

    def _free_id(self) -> int:
        packet_id = self._next_id
        while packet_id in self.in_flight:
            packet_id = packet_id - 1 or _MAX_PACKET_ID
        self._next_id = packet_id - 1 or _MAX_PACKET_ID
        self.in_flight.add(packet_id)
        return packet_id

"""QoS 1 messages on their way to the broker, by packet identifier (MQTT 3.1.1 § 4.3.2, sender's side)."""

from __future__ import annotations

from collections.abc import Iterator

from jinqiao.wire.mqtt.fields import frame, integer, remaining_length

__all__ = ["Unacknowledged"]

_LAST_ID = 65_535
_QOS_1, _DUPLICATE = 0x32, 0x08


class Unacknowledged:
    """At most `most` messages (fewer than 65,535) of one connection that no PUBACK has come for."""

    __slots__ = ("_most", "_next_id", "_packets")

    def __init__(self, most: int) -> None:
        self._most = most
        self._packets: dict[int, bytes] = {}
        self._next_id = 0

    def __len__(self) -> int:
        return len(self._packets)

    def take(self, packet: bytes) -> bytes | None:
        """The QoS 1 form of a ready QoS 0 PUBLISH, kept until it is acknowledged; None if there are too many."""
        if len(self._packets) >= self._most:
            return None
        packet_id = self._free_id()
        numbered = self._packets[packet_id] = at_qos_1(packet, packet_id)
        return numbered

    def acknowledged(self, packet_id: int) -> None:
        """PUBACK came."""
        self._packets.pop(packet_id, None)

    def again(self) -> Iterator[bytes]:
        """What to send on a new connection, in its order, marked as duplicates [MQTT-3.3.1-1]."""
        return (bytes((packet[0] | _DUPLICATE,)) + packet[1:] for packet in self._packets.values())

    def _free_id(self) -> int:
        while True:
            self._next_id = self._next_id % _LAST_ID + 1
            if self._next_id not in self._packets:
                return self._next_id


def at_qos_1(packet: bytes, packet_id: int) -> bytes:
    """A ready QoS 0 PUBLISH at QoS 1. Raises ValueError for what is no whole packet."""
    edges = frame(packet, 0)
    if edges is None:
        raise ValueError("no whole packet")
    body, end = edges
    payload = body + 2 + (packet[body] << 8 | packet[body + 1])
    head = bytes((_QOS_1,)) + remaining_length(end - body + 2)
    return head + packet[body:payload] + integer(packet_id) + packet[payload:end]

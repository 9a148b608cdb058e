"""Messages of a benchmark: topics of one length, payloads of one length that begin with the time they were sent.

Equal lengths make a stream of them a matrix, which the receiver reads with NumPy at next to no cost.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Publish

__all__ = ["Stamped", "packet_bytes", "topic"]

_STAMP = 8


def topic(prefix: str, number: int, suffix: str = "", joint: str = "/") -> str:
    """A topic of the benchmark."""
    return f"{prefix}{joint}{number:05d}/{suffix or 'telemetry'}"


def packet_bytes(
    prefix: str, payload_bytes: int, qos: int, suffix: str = "", joint: str = "/", level: int = 4
) -> tuple[int, int]:
    """Length of a message on the wire, and where its time stamp begins."""
    size = len(encode(Publish(topic(prefix, 0, suffix, joint), bytes(payload_bytes), qos, packet_id=qos), level))
    return size, size - payload_bytes


class Stamped:
    """`count` ready PUBLISH packets, each to a topic of its own, whose time stamps are set before they go."""

    def __init__(
        self,
        prefix: str,
        count: int,
        payload_bytes: int,
        qos: int = 0,
        first_id: int = 1,
        suffix: str = "",
        joint: str = "/",
        level: int = 4,
        first_topic: int = 0,
    ) -> None:
        self.size, self._stamp_at = packet_bytes(prefix, payload_bytes, qos, suffix, joint, level)
        rows = [
            encode(
                Publish(
                    topic(prefix, first_topic + n, suffix, joint),
                    bytes(payload_bytes),
                    qos,
                    packet_id=first_id + n if qos else 0,
                ),
                level,
            )
            for n in range(count)
        ]
        self.matrix: NDArray[np.uint8] = np.frombuffer(bytearray(b"".join(rows)), np.uint8).reshape(count, self.size)

    def block(self) -> bytes:
        """All packets, stamped with the time now (the system's monotonic clock)."""
        self._stamp(slice(None))
        return self.matrix.tobytes()

    def packet(self, row: int) -> bytes:
        """One packet, stamped."""
        self._stamp(row)
        packet: bytes = self.matrix[row].tobytes()
        return packet

    def _stamp(self, rows: slice | int) -> None:
        now = np.frombuffer(time.monotonic_ns().to_bytes(_STAMP, "little"), np.uint8)
        self.matrix[rows, self._stamp_at : self._stamp_at + _STAMP] = now

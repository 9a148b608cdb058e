"""The CAN frames in recorded MQTT messages: `CanBatch`es (docs/can.md)."""

from __future__ import annotations

import hashlib

from google.protobuf.message import DecodeError

from jinqiao.telemetry.v1.can_pb2 import CanBatch

from ..parts import CanFrame, Messages
from ..problems import Problems

__all__ = ["Batches"]

#: Topics that carry them; the first carries a device's own raw data, too.
_RAW = ("/thing/model/up_raw", "/user/can")
_EXTENDED = 1 << 31
_BYTES = 8


class Batches:
    """A batch that came on two topics counts once; `problems` counts what has no frames."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._seen: set[bytes] = set()

    def frames(self, messages: Messages) -> list[CanFrame]:
        """The frames of these messages, in the order of time."""
        found: list[CanFrame] = []
        for topic, payload in zip(messages.topics, messages.payloads, strict=True):
            if not topic.endswith(_RAW):
                self._problems.count("messages carry no CAN frames and are left out")
                continue
            mark = hashlib.blake2b(payload, digest_size=16).digest()
            if mark not in self._seen:
                self._seen.add(mark)
                found += self._batch(payload)
        return sorted(found, key=lambda frame: frame.time_ns)

    def _batch(self, payload: bytes) -> list[CanFrame]:
        try:
            batch = CanBatch.FromString(payload)
        except DecodeError:
            self._problems.count("messages on CAN topics are not a CanBatch and are left out")
            return []
        count = min(len(batch.offset_us), len(batch.id), len(batch.length), len(batch.data) // _BYTES)
        if count < len(batch.id):
            self._problems.count("frames are in batches whose columns differ in length and are left out",
                                 len(batch.id) - count)  # fmt: skip
        if batch.error_frames:
            self._problems.count("error frames were counted only, and are left out", batch.error_frames)
        return [
            CanFrame(
                batch.start_ms * 1_000_000 + batch.offset_us[row] * 1000,
                batch.bus,
                batch.id[row] & ~_EXTENDED,
                batch.data[_BYTES * row : _BYTES * row + min(batch.length[row], _BYTES)],
                bool(batch.id[row] & _EXTENDED),
                device_name=batch.vin,
            )
            for row in range(count)
        ]

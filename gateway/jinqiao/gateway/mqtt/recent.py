"""The last traffic of trusted connections, kept as the runs of packets that were forwarded and searched on demand.

In-house vehicles' messages are not looked at one by one on their way, so neither is a table of last payloads kept by
topic: a run is one object already, and remembering it is one append. A question searches the runs from the newest, at
the speed of `bytes.rfind`. What is older than the bound is forgotten.
"""

from __future__ import annotations

from collections import deque

from jinqiao.base.errors import ProtocolError
from jinqiao.gateway.mqtt.fields import frame, text

__all__ = ["RecentRuns"]

#: First bytes of PUBLISH at QoS 0 and 1 without flags.
_PUBLISH, _PUBLISH_QOS_1 = 0x30, 0x32


class RecentRuns:
    """Runs of whole PUBLISH packets, `most_bytes` in all."""

    def __init__(self, most_bytes: int) -> None:
        self._runs: deque[bytes] = deque()
        self._most_bytes = most_bytes
        self._held = 0

    def take(self, packets: bytes) -> None:
        """Remember a run."""
        self._runs.append(packets)
        self._held += len(packets)
        while self._held > self._most_bytes:
            self._held -= len(self._runs.popleft())

    def last(self, topic: str) -> bytes | None:
        """The payload of the newest message on this topic that is remembered."""
        wanted = text(topic)
        for run in reversed(self._runs):
            end = len(run)
            while (at := run.rfind(wanted, 0, end)) >= 0:
                payload = _payload(run, at, at + len(wanted))
                if payload is not None:
                    return payload
                end = at + len(wanted) - 1
        return None


def _payload(run: bytes, topic_at: int, after_topic: int) -> bytes | None:
    """What follows the topic, if a PUBLISH packet's variable header begins at `topic_at`."""
    for start in range(max(0, topic_at - 5), topic_at - 1):
        if run[start] not in (_PUBLISH, _PUBLISH_QOS_1):
            continue
        try:
            bounds = frame(run, start)
        except ProtocolError:  # it was no header
            continue
        if bounds is not None and bounds[0] == topic_at and bounds[1] <= len(run):
            return run[after_topic + run[start] - _PUBLISH : bounds[1]]
    return None

"""The last traffic of trusted connections, kept as the runs of packets that were forwarded and searched on demand.

In-house vehicles' messages are not looked at one by one on their way, so neither is a table of last payloads kept by
topic: a run is one object already, and remembering it is one append. A question searches the runs from the newest, at
the speed of `bytes.rfind`. What is older than the bound is forgotten.

A vehicle says different things on one topic: some often, some seldom. Runs stand on shelves by what their first and
last messages speak of, and the fullest shelf forgets first, so what is said seldom is not pushed out by the rest.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Set
from itertools import count

from jinqiao.base.errors import ProtocolError
from jinqiao.wire.mqtt.fields import frame, text

__all__ = ["RecentRuns"]

#: First bytes of PUBLISH at QoS 0 and 1 without flags.
_PUBLISH, _PUBLISH_QOS_1 = 0x30, 0x32
#: What stands before the first property's name in an Alink post: the name is the mark of what a post speaks of.
_BEFORE_MARK = b'"params":{"'
_LONGEST_MARK = 64
#: Bytes at the ends of a run in which its first and last mark are looked for: no post of the house is longer.
_NEAR = 8192
_MOST_SHELVES = 8
#: Different messages of one topic that are looked for.
_MOST_MARKS = 8


class _Shelf:
    """Runs with their numbers, oldest first."""

    __slots__ = ("held", "runs")

    def __init__(self) -> None:
        self.runs: deque[tuple[int, bytes]] = deque()
        self.held = 0


class RecentRuns:
    """Runs of whole PUBLISH packets, `most_bytes` in all."""

    def __init__(self, most_bytes: int) -> None:
        self._shelves: dict[tuple[bytes, bytes], _Shelf] = {}
        self._numbers = count()
        self._most_bytes = most_bytes
        self._held = 0

    def take(self, packets: bytes) -> None:
        """Remember a run."""
        shelf = self._shelf(packets)
        shelf.runs.append((next(self._numbers), packets))
        shelf.held += len(packets)
        self._held += len(packets)
        while self._held > self._most_bytes:
            fullest = max(self._shelves.values(), key=lambda shelf: shelf.held)
            size = len(fullest.runs.popleft()[1])
            fullest.held -= size
            self._held -= size

    def last(self, topic: str) -> bytes | None:
        """The payload of the newest message on this topic that is remembered."""
        return next(self._payloads(topic), None)

    def last_of_each(self, topic: str, enough: Set[bytes]) -> list[bytes]:
        """The newest payload of each mark on this topic, newest first; the mark is the first property's name.

        The search ends early when all marks of `enough` are found. Payloads without a mark count as one kind.
        """
        found: dict[bytes, bytes] = {}
        for payload in self._payloads(topic):
            found.setdefault(_mark(payload, payload.find(_BEFORE_MARK)), payload)
            if len(found) >= _MOST_MARKS or enough <= found.keys():
                break
        return list(found.values())

    def _shelf(self, packets: bytes) -> _Shelf:
        first = _mark(packets, packets.find(_BEFORE_MARK, 0, _NEAR))
        last = _mark(packets, packets.rfind(_BEFORE_MARK, max(0, len(packets) - _NEAR)))
        shelf = self._shelves.get((first, last))
        if shelf is None:
            key = (first, last) if len(self._shelves) < _MOST_SHELVES - 1 else (b"", b"")
            shelf = self._shelves.setdefault(key, _Shelf())
        return shelf

    def _payloads(self, topic: str) -> Iterator[bytes]:
        """The remembered payloads of a topic, newest first."""
        wanted = text(topic)
        shelves = [reversed(shelf.runs) for shelf in self._shelves.values()]
        for _, run in heapq.merge(*shelves, key=lambda numbered: -numbered[0]):
            end = len(run)
            while (at := run.rfind(wanted, 0, end)) >= 0:
                payload = _payload(run, at, at + len(wanted))
                if payload is not None:
                    yield payload
                    end = at
                else:
                    end = at + len(wanted) - 1


def _mark(packets: bytes, before: int) -> bytes:
    """The name that begins behind `_BEFORE_MARK` at `before`; empty if there is none."""
    if before < 0:
        return b""
    start = before + len(_BEFORE_MARK)
    end = packets.find(b'"', start, start + _LONGEST_MARK)
    return packets[start:end] if end >= 0 else b""


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

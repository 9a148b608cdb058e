"""What the broker counts. Plain numbers, added to once per run of messages, read whenever somebody asks."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

__all__ = ["Counters"]

#: Names are chosen by clients: later ones are counted together, so that the table stays small.
_MAX_NAMES = 1_000
_OTHERS = "(others)"


class Counters:
    """Counts since the broker started.

    `received` and `published` count messages per topic kind, from clients and by the house itself. `delivered` counts
    messages written to subscribers' sockets, `dropped` those a subscriber was too slow for (`dropped_by`: per name of
    the connection), `throttled` those beyond a client's rates, by direction. `refused` counts by reason what was turned
    down. `bytes_in` and `bytes_out` count whole packets.
    """

    __slots__ = (
        "bytes_in",
        "bytes_out",
        "connections",
        "connections_total",
        "delivered",
        "dropped",
        "dropped_by",
        "published",
        "received",
        "refused",
        "throttled",
    )

    def __init__(self) -> None:
        self.received: defaultdict[str, int] = defaultdict(int)
        self.published: defaultdict[str, int] = defaultdict(int)
        self.refused: defaultdict[str, int] = defaultdict(int)
        self.throttled: defaultdict[str, int] = defaultdict(int)
        self.dropped_by: dict[str, int] = {}
        self.delivered = 0
        self.dropped = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.connections = 0
        self.connections_total = 0

    def drop(self, name: str, messages: int) -> None:
        """Count messages that the connection `name` was too slow for."""
        self.dropped += messages
        if name not in self.dropped_by and len(self.dropped_by) >= _MAX_NAMES:
            name = _OTHERS
        self.dropped_by[name] = self.dropped_by.get(name, 0) + messages

    def snapshot(self) -> dict[str, Any]:
        """A copy that can be written as JSON."""
        return {
            "received": dict(self.received),
            "received_total": sum(self.received.values()),
            "published": dict(self.published),
            "delivered": self.delivered,
            "dropped": self.dropped,
            "dropped_by": dict(self.dropped_by),
            "throttled": dict(self.throttled),
            "refused": dict(self.refused),
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "connections": self.connections,
            "connections_total": self.connections_total,
        }

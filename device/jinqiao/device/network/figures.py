"""What a network did to messages, and to the connections of vehicles."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jinqiao.wire.render.said import Said

from .delays import Delays
from .link import Arrivals, Queue

__all__ = ["NetworkFigures"]


@dataclass(slots=True)
class NetworkFigures:
    """Messages that vehicles sent, those of them that arrive in a later second than that in which they were made, and
    how late; `lost` were sent and never arrive, by a fault or because a connection ended.
    """

    messages: int = 0
    delayed: int = 0
    delay_us: int = 0
    longest_us: int = 0
    lost: int = 0
    duplicated: int = 0
    #: What offline vehicles did not keep, by their setting or because it was CAN.
    not_kept: int = 0
    history_posts: int = 0
    #: What vehicles said, by kind of topic: all that could have arrived.
    said: Counter[str] = field(default_factory=Counter)
    #: How long every message took; None where nobody asks.
    took: Delays | None = None

    def note(self, said: Said) -> None:
        """Count what vehicles say."""
        for one in said.batches:
            self.said[one.kind] += len(one)
        for packet in (*said.events, *said.labels):
            self.said[packet.kind] += 1
        for second in said.can:
            self.said["can_batch"] += len(second)

    def count(self, queue: Queue, arrivals: Arrivals) -> None:
        """Count messages that were sent."""
        took_us = arrivals.time_us - queue.sent_us
        self.messages += len(took_us)
        self.delayed += int(np.count_nonzero(arrivals.turn_ms > queue.made_ms))
        self.delay_us += int(took_us.sum())
        self.longest_us = max(self.longest_us, int(took_us.max(initial=0)))
        if self.took is not None:
            self.took.add(took_us)

    def as_json(self) -> dict[str, Any]:
        """For the summary."""
        mean_ms = self.delay_us / self.messages / 1000 if self.messages else 0.0
        return {
            "messages": self.messages,
            "delayed": self.delayed,
            "delay_ms": {"mean": round(mean_ms, 1), "max": round(self.longest_us / 1000, 1)},
            "lost": self.lost,
            "duplicated": self.duplicated,
            "history_posts": self.history_posts,
        }

"""What one connection may carry: a value that a policy hands out and a broker, or a client, keeps to."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Rates"]


@dataclass(frozen=True, slots=True)
class Rates:
    """What one connection may carry in a second, and unacknowledged at once; beyond it messages are dropped."""

    up_qos0: int
    up_qos1: int
    down: int
    bytes_per_s: int
    down_unacknowledged: int

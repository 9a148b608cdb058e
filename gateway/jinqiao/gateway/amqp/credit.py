"""Flow control of a link that sends, and of its session: how many messages may go out now.

A receiver counts from the delivery count that it knew when it wrote; what was sent meanwhile is taken off (AMQP 1.0
part 2 § 2.6.7). A session counts frames in the same way (§ 2.5.6). Numbers of both are modulo 2^32.
"""

from __future__ import annotations

__all__ = ["LinkCredit", "SessionWindow"]

_WRAP = 1 << 32


def _ahead(of: int, number: int) -> int:
    """How far `of` is ahead of `number`; behind it for less than nothing (serial numbers, RFC 1982)."""
    return (of - number + _WRAP // 2) % _WRAP - _WRAP // 2


class LinkCredit:
    """`left` messages may be delivered; `delivery_count` have been, as the receiver counts."""

    __slots__ = ("delivery_count", "left")

    def __init__(self) -> None:
        self.delivery_count = 0
        self.left = 0

    def granted(self, delivery_count: int | None, link_credit: int) -> None:
        """The receiver wrote a flow; without a count it has not yet heard of ours, which began at 0."""
        known = 0 if delivery_count is None else delivery_count
        self.left = max(link_credit - _ahead(self.delivery_count, known), 0)

    def sent(self, count: int) -> None:
        """So many messages were delivered."""
        self.delivery_count = (self.delivery_count + count) % _WRAP
        self.left = max(self.left - count, 0)

    def drain(self) -> int:
        """All credit is used up, for want of messages; returns what is left of it, which is skipped."""
        left = self.left
        self.sent(left)
        return left


class SessionWindow:
    """`left` frames with messages may be sent; `next_id` is the number of the next one."""

    __slots__ = ("left", "next_id")

    def __init__(self, incoming_window: int) -> None:
        self.next_id = 0
        self.left = incoming_window

    def opened(self, next_incoming_id: int | None, incoming_window: int) -> None:
        """The peer wrote a flow."""
        known = 0 if next_incoming_id is None else next_incoming_id
        self.left = max(incoming_window - _ahead(self.next_id, known), 0)

    def sent(self, frames: int) -> None:
        self.next_id = (self.next_id + frames) % _WRAP
        self.left -= frames

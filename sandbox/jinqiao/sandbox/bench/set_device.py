"""A device of `jinqiao bench openapi`: acknowledges the properties that are set, and counts them."""

from __future__ import annotations

from .post_device import PostDevice

__all__ = ["SetDevice"]

_PUBLISH_QOS1 = 0x32
_PUBACK = b"\x40\x02"


class SetDevice(PostDevice):
    """One connection that only listens."""

    def __init__(self, login: bytes, topic: str) -> None:
        super().__init__(login, topic)
        self.received = 0

    def _take(self, first: int, body: bytes) -> None:
        if first != _PUBLISH_QOS1:
            super()._take(first, body)
            return
        assert self._transport is not None
        after = 2 + int.from_bytes(body[:2])
        self.received += 1
        self._transport.write(_PUBACK + body[after : after + 2])

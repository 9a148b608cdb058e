"""A broker for a platform that has none: what it was asked to do is noted."""

from __future__ import annotations

from collections.abc import Callable

from jinqiao.gateway.broker.policy import Downlink, Extras
from jinqiao.gateway.platform.events import PlatformEvent
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.storage.kinds import KEPT, row_of
from jinqiao.gateway.storage.sqlite import Row

__all__ = ["NotingCarrier", "noted"]


class NotingCarrier:
    """Notes what a platform publishes, delivers, ends and reconsiders; `published` is called with each message."""

    def __init__(self) -> None:
        self.published: Callable[[Downlink], object] = lambda _: None
        self.sent: list[Downlink] = []
        self.delivered: list[tuple[str, Downlink]] = []
        self.closed: list[str] = []
        self.reconsidered: list[str] = []

    def publish(self, topic: str, payload: bytes, qos: int = 0, extras: Extras | None = None) -> None:
        self.sent.append(Downlink(topic, payload, qos, extras))
        self.published(self.sent[-1])

    def deliver(self, identity: str, downlink: Downlink) -> None:
        self.delivered.append((identity, downlink))

    def takes(self, identity: str, topic: str, size: int) -> bool | None:  # noqa: ARG002
        return None

    def end(self, identity: str, *, for_good: bool = False) -> None:  # noqa: ARG002
        self.closed.append(identity)

    def reconsider(self, identity: str, about: str = "") -> None:  # noqa: ARG002
        self.reconsidered.append(identity)

    def permissions_changed(self) -> None:
        self.reconsidered.append("*")


def noted(platform: Platform) -> list[Row]:
    """The rows that a storage would keep, as they come."""
    rows: list[Row] = []

    def note(event: PlatformEvent) -> None:
        rows.append(row_of(event))

    platform.events.subscribe(tuple(kept.event for kept in KEPT), note, before_ack=True)
    return rows

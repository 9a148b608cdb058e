"""What the broker needs of the clients that are logged in: `session.Session` is one."""

from __future__ import annotations

from typing import Protocol

from jinqiao.gateway.broker.delivery.outbox import Outbox

from .policy import Principal
from .subscriptions import Subscriptions

__all__ = ["Client"]


class Client(Protocol):
    """One connection, from its login until it has left.

    `outbox` is the way to it; its session goes on for `expiry_s` after the connection; `principal` is who it is, or
    None when it has left; `lossless`: what it sends waits for subscribers that are behind.
    """

    outbox: Outbox
    expiry_s: int
    principal: Principal | None
    lossless: bool

    @property
    def name(self) -> str:
        """What the log calls it."""

    @property
    def peer(self) -> str:
        """Address and port of the other end."""

    def subscriptions_of(self) -> Subscriptions:
        """What it is subscribed to; raises ProtocolError before it is known."""

    def takes(self, topic: bytes, size: int) -> bool:
        """Whether a message that it sent by another way is within its rates; counts it."""

    def close(self, reason: int = 0) -> None:
        """Send what is pending, then end the connection; an MQTT 5 client gets the reason."""

    def taken_over(self) -> None:
        """End: another connection has logged in with this identity."""

    def forget_permissions(self) -> None:
        """Ask the policy again about every topic."""

    def reconsider_all(self) -> None:
        """The policy's mind about everything has changed."""

    def reconsider(self, about: str) -> None:
        """The same, and about subscriptions with this text in their filters."""

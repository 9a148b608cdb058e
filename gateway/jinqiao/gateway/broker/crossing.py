"""What an `Intake` may do in the name of a session: count, forward, and in the end wait for who cannot follow."""

from __future__ import annotations

from jinqiao.gateway.broker.delivery.outbox import Outbox

from .router import Route
from .session import Session

__all__ = ["SessionDoor"]


class SessionDoor:
    """The door of a trusted session; see `intake.Door`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._targets: set[Outbox] = set()

    def count(self, route: Route[Outbox], messages: int) -> None:
        self._session.broker.counters.received[route.kind] += messages

    def forward(self, route: Route[Outbox], packets: bytes, messages: int) -> None:
        session = self._session
        session.broker.forward(route, packets, messages, session.level, session.outbox.identity)
        self._targets.update(route.targets)

    def settle(self) -> None:
        """All has been forwarded: a lossless connection waits for subscribers that are behind."""
        if self._session.broker.dispatcher.congested and self._targets:
            self._session.wait_for(tuple(self._targets))

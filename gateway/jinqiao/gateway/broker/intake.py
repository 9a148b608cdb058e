"""The broker's end of a crossing: steps of the simulator that come as columns, for somebody who knows what to do.

The broker knows MQTT, so what is in such a packet is not for it to read. An `Intake` reads it and hands back runs of
finished packets, route by route, through a `TrustedDoor`: the same way, with the same counts and back-pressure, as if
they had come from the connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from jinqiao.gateway.broker.delivery.outbox import Outbox

from .router import Route

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Intake", "TrustedDoor"]


class Intake(Protocol):
    """Who reads the steps."""

    def take(self, payload: bytes, door: TrustedDoor) -> None:
        """Act on one. Raises ProtocolError if it is none; must not keep `door`."""


class TrustedDoor:
    """What may be done in the name of the connection that a step came over."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._targets: set[Outbox] = set()

    def count(self, route: Route[Outbox], messages: int) -> None:
        """So many messages of this route came."""
        self._session.broker.counters.received[route.kind] += messages

    def forward(self, route: Route[Outbox], packets: bytes, messages: int) -> None:
        """Hand QoS 0 packets of MQTT 3.1.1, which are counted already, to the subscribers of their route."""
        session = self._session
        session.broker.forward(route, packets, messages, session.level, session.outbox.identity)
        self._targets.update(route.targets)

    def settle(self) -> None:
        """All has been forwarded: a lossless connection waits for subscribers that are behind."""
        if self._session.broker.dispatcher.congested and self._targets:
            self._session.wait_for(tuple(self._targets))

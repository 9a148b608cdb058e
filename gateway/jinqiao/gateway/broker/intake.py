"""Steps of the simulator that come as columns. The broker knows MQTT: what is in them is not for it to read.

An `Intake` reads it and hands back runs of finished packets, route by route, through a `Door`: the same way, with the
same counts and back-pressure, as if they had come from the connection.
"""

from __future__ import annotations

from typing import Protocol

from jinqiao.gateway.broker.delivery.outbox import Outbox

from .policy import Principal
from .router import Route

__all__ = ["Door", "Intake"]


class Door(Protocol):
    """What may be done in the name of the connection that a step came over."""

    def count(self, route: Route[Outbox], messages: int) -> None:
        """So many messages of this route came."""

    def take_untrusted(self, principal: Principal, packet: bytes) -> bool:
        """Act on a whole PUBLISH of MQTT 3.1.1 at QoS 0 as if this client had sent it over a connection of its own;
        whether it would still have that.
        """

    def forward(self, route: Route[Outbox], packets: bytes, messages: int) -> None:
        """Hand QoS 0 packets of MQTT 3.1.1, which are counted already, to the subscribers of their route."""


class Intake(Protocol):
    """Who reads the steps."""

    def take(self, payload: bytes, door: Door) -> None:
        """Act on one. Raises ProtocolError if it is none; must not keep `door`."""

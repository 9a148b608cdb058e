"""What this room needs of the broker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

__all__ = ["Door", "Route", "Router"]


class Route(Protocol):
    """Where a topic's messages go; compared by identity."""

    @property
    def grants(self) -> Sequence[Any]:
        """Its subscribers."""

    @property
    def groups(self) -> Sequence[Any]:
        """Groups of them that share a subscription."""


R = TypeVar("R", bound=Route)
RouteOut = TypeVar("RouteOut", bound=Route, covariant=True)
RouteIn = TypeVar("RouteIn", bound=Route, contravariant=True)


class Router(Protocol[RouteOut]):
    """Who hears what."""

    def route(self, topic: bytes) -> RouteOut:
        """The route of a topic."""

    def find(self, topic: bytes) -> RouteOut:
        """The same, not remembered by the router."""

    def named(self, before: str, after: str, words: Sequence[str]) -> list[str]:
        """Of topics `before` + word + `after` those whose word a filter names."""

    def common(self, topic: bytes) -> RouteOut | None:
        """The route of all that differ from this topic in a level that no filter names; None if they may differ."""

    def watch(self, changed: Callable[[str], None]) -> None:
        """`changed` will be called with each filter whose topics may have other routes from now on."""


class Door(Protocol[RouteIn]):
    """What may be done in the name of the simulator's connection."""

    def count(self, route: RouteIn, messages: int) -> None:
        """So many messages of this route came."""

    def take_untrusted(self, principal: Any, packet: bytes) -> bool:
        """Act on a whole PUBLISH as if this client had sent it over a connection of its own; whether it would still
        have that.
        """

    def forward(self, route: RouteIn, packets: bytes, messages: int) -> None:
        """Hand QoS 0 packets of MQTT 3.1.1 to its subscribers."""

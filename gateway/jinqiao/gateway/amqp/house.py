"""What connections ask of the platform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from jinqiao.gateway.forwarding.group import Group
from jinqiao.wire.amqp.sasl import Plain

from .bounds import Bounds
from .login import Login

__all__ = ["House"]


class House(Protocol):
    """What a connection asks of the platform."""

    bounds: Bounds

    def admit(self, plain: Plain) -> Login:
        """Who this is; raises BadLogin."""

    def group(self, login: Login) -> Group | None:
        """The consumer group that it may take from; None if that is there no more, or not its own."""

    def connections_of(self, login: Login) -> int:
        """How many connections this client has in its group."""

    def now_ms(self) -> int:
        """UTC milliseconds."""

    def soon(self, call: Callable[[], None]) -> object:
        """Call this in the next turn of the event loop, after what is to be done in it already."""

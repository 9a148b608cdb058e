"""What an `Intake` may do in the name of a session: count, forward, and in the end wait for who cannot follow.

What it does not vouch for comes as a packet with the client who is to have sent it, and is read like any client's.
"""

from __future__ import annotations

from collections.abc import Callable

from jinqiao.base.errors import ProtocolError
from jinqiao.gateway.broker.delivery.outbox import Outbox

from .policy import Principal
from .router import Route
from .session import Session, State

__all__ = ["SessionDoor", "Walk"]

#: Acts on the packets of a session; see `stream.walk`.
Walk = Callable[[Session, bytes], object]


class SessionDoor:
    """The door of a trusted session; see `intake.Door`. `walk` reads what is not vouched for."""

    def __init__(self, session: Session, walk: Walk) -> None:
        self._session, self._walk = session, walk
        self._targets: set[Outbox] = set()

    def count(self, route: Route[Outbox], messages: int) -> None:
        self._session.broker.counters.received[route.kind] += messages

    def take_untrusted(self, principal: Principal, packet: bytes) -> bool:
        """What would end the client's connection is logged as it would be, and the message is lost."""
        broker, nothing = self._session.broker, _Nowhere(self._session.peer)
        guest = Session(broker, nothing, nothing)
        guest.be(principal, 4)
        guest.state = State.CONNECTED
        try:
            self._walk(guest, packet)
        except ProtocolError as error:
            broker.expel(guest, error)
            return False
        return True

    def forward(self, route: Route[Outbox], packets: bytes, messages: int) -> None:
        session = self._session
        session.broker.forward(route, packets, messages, session.level, session.outbox.identity)
        self._targets.update(route.targets)

    def settle(self) -> None:
        """All has been forwarded: a lossless connection waits for subscribers that are behind."""
        if self._session.broker.dispatcher.congested and self._targets:
            self._session.wait_for(tuple(self._targets))


class _Nowhere:
    """The connection and the socket of a client that has none."""

    foreign = False

    def __init__(self, peer: str) -> None:
        self.peer = peer

    def close(self) -> None: ...

    def part(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def write(self, _: bytes, /) -> None: ...

    def writelines(self, _: list[bytes], /) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int) -> None: ...

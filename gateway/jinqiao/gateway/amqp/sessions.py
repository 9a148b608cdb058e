"""Sessions of an open connection and its one link: what a peer says on channels.

A connection has a few sessions, one of which has the link. (The JMS client begins a session before that of its user,
for the connection's own matters.) Other links are refused, and too often ends the connection.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from jinqiao.gateway.forwarding.group import GroupFull
from jinqiao.wire.amqp.errors import AmqpError, Condition
from jinqiao.wire.amqp.frames import Frame, encode_frame
from jinqiao.wire.amqp.performatives import (
    RECEIVER,
    SENDER,
    Attach,
    Begin,
    Detach,
    Disposition,
    End,
    Error,
    Flow,
    Source,
    Transfer,
)

from .house import House
from .link import SenderLink
from .login import Login
from .session import Session

__all__ = ["Sessions"]

_logger = logging.getLogger(__name__)

#: Settle mode of a sender (§ 2.8.2) whose messages are not acknowledged.
_SETTLED = 1


class Sessions:
    """`write` takes whole frames; `largest_frame` is the peer's. Methods raise AmqpError, which ends the connection.

    The link is a member of its group from attach to detach, end, or `leave`.
    """

    def __init__(
        self,
        house: House,
        login: Login,
        address: str,
        *,
        largest_frame: int,
        writable: bool,
        write: Callable[[bytes | memoryview], None],
    ) -> None:
        self._house, self._login, self._address = house, login, address
        self._largest, self._writable, self._write = largest_frame, writable, write
        self._sessions: dict[int, Session] = {}
        self._link: SenderLink | None = None
        self._refused = 0

    @property
    def consumes(self) -> bool:
        """Whether there is a receiver."""
        return self._link is not None

    def take(self, frame: Frame) -> bool:
        """Something that the peer says; False for what is not of a session."""
        handler = _HANDLERS.get(type(frame.performative))
        if handler is None:
            return False
        handler(self, frame)
        return True

    def accepted(self, first: int, last: int) -> None:
        """Delivery ids that the receiver has accepted and settled."""
        if self._link is not None:
            self._link.accepted(first, last)

    def writable(self, writable: bool) -> None:
        """Whether what is written leaves, or waits."""
        self._writable = writable
        if self._link is not None:
            self._link.writable(writable)

    def leave(self) -> None:
        """There is no receiver any more: what is unsettled goes back to its group."""
        link, self._link = self._link, None
        if link is not None:
            link.session.delivery_id = link.next_delivery_id
            link.leave()

    def _begun(self, frame: Frame) -> None:
        channel = frame.channel
        if channel >= self._house.bounds.sessions:  # § 2.7.1, channel-max
            raise AmqpError(f"begin on channel {channel}, beyond channel-max", Condition.FRAMING_ERROR)
        if channel in self._sessions:
            raise AmqpError(f"a second begin on channel {channel}", Condition.NOT_ALLOWED)
        session = self._sessions[channel] = Session(channel, frame.performative)
        self._say(session.begun(), channel)

    def _attached(self, frame: Frame) -> None:
        found: Attach = frame.performative
        session, link = self._session(frame), self._link
        if link is not None and link.session is session and link.handle == found.handle:
            raise AmqpError(f"handle {found.handle} is attached", Condition.HANDLE_IN_USE)
        if found.role == SENDER:
            self._refuse(session, found, Condition.NOT_ALLOWED, "consumers only receive")
        elif link is not None:
            self._refuse(session, found, Condition.RESOURCE_LIMIT_EXCEEDED, "a connection has one receiver")
        else:
            self._attach(found, session)

    def _attach(self, found: Attach, session: Session) -> None:
        login = self._login
        group = self._house.group(login)
        if group is None:
            self._refuse(session, found, Condition.NOT_FOUND, "the consumer group is there no more")
            return
        settled = found.snd_settle_mode == _SETTLED
        link = SenderLink(
            login.client_id,
            self._address,
            self._house.now_ms(),
            session=session,
            name=found.name,
            handle=found.handle,
            largest_frame=self._largest,
            settled=settled,
            as_text=login.base64,
            write=self._write,
            say=lambda performative: self._say(performative, session.channel),
        )
        try:
            link.joins(group.join(link))
        except GroupFull as full:
            self._refuse(session, found, Condition.RESOURCE_LIMIT_EXCEEDED, str(full))
            return
        link.writable(self._writable)
        self._link = link
        self._say(
            Attach(
                found.name,
                0,
                SENDER,
                snd_settle_mode=_SETTLED if settled else found.snd_settle_mode,
                rcv_settle_mode=found.rcv_settle_mode,
                source=found.source if isinstance(found.source, Source) else Source(),
                target=found.target,
                initial_delivery_count=0,
            ),
            session.channel,
        )

    def _refuse(self, session: Session, found: Attach, condition: Condition, why: str) -> None:
        """Answer an attach that cannot be, and detach at once (§ 2.6.3): without the end that would be ours."""
        self._count_refusal(why)
        ours = RECEIVER if found.role == SENDER else SENDER
        number = 1 if self._link is not None else 0
        count = 0 if ours == SENDER else None
        self._say(Attach(found.name, number, ours, initial_delivery_count=count), session.channel)
        self._say(Detach(number, True, Error(condition, why)), session.channel)

    def _count_refusal(self, why: str) -> None:
        if not self._refused:
            _logger.info("AMQP %s: refused: %s", self._address, why)
        self._refused += 1
        if self._refused > self._house.bounds.refused_links:
            raise AmqpError("too many links that are refused", Condition.RESOURCE_LIMIT_EXCEEDED)

    def _flowed(self, frame: Frame) -> None:
        found: Flow = frame.performative
        session, link = self._session(frame), self._link
        session.window.opened(found.next_incoming_id, found.incoming_window)
        if link is None or link.session is not session:
            if found.echo:
                self._say(session.flow(), session.channel)
        elif found.handle == link.handle:
            was_draining = link.drains
            link.flow(found)
            if link.drains and not was_draining:
                self._house.soon(lambda: self._drain(link, -1))
        else:
            link.grant()
            if found.echo:
                link.tell()

    def _transferred(self, _: Frame) -> None:
        raise AmqpError("transfer over a link that is not there", Condition.UNATTACHED_HANDLE)

    def _disposed(self, frame: Frame) -> None:
        session = self._session(frame)
        if self._link is not None and self._link.session is session and frame.performative.role == RECEIVER:
            self._link.disposed(frame.performative)

    def _detached(self, frame: Frame) -> None:
        found: Detach = frame.performative
        session, link = self._session(frame), self._link
        if link is not None and link.session is session and found.handle == link.handle:
            self.leave()
            self._say(Detach(0, found.closed), session.channel)
        # else the answer to our detach of a link that was refused

    def _ended(self, frame: Frame) -> None:
        session = self._session(frame)
        if self._link is not None and self._link.session is session:
            self.leave()
        del self._sessions[session.channel]
        self._say(End(), session.channel)

    def _session(self, frame: Frame) -> Session:
        session = self._sessions.get(frame.channel)
        if session is None:
            raise AmqpError(f"no session on channel {frame.channel}", Condition.NOT_ALLOWED)
        return session

    def _drain(self, link: SenderLink, delivered: int) -> None:
        """A receiver waits for what there is, and to hear that there is no more: when its group has had its turn, and
        had nothing."""
        if link is not self._link or not link.drains:
            return
        found = link.next_delivery_id
        if link.is_open and found != delivered:
            self._house.soon(lambda: self._drain(link, found))
        else:
            link.drained()

    def _say(self, performative: Any, channel: int) -> None:
        self._write(encode_frame(Frame(channel, performative)))


_HANDLERS: Mapping[type, Callable[[Sessions, Frame], None]] = {
    Begin: Sessions._begun,
    Attach: Sessions._attached,
    Flow: Sessions._flowed,
    Transfer: Sessions._transferred,
    Disposition: Sessions._disposed,
    Detach: Sessions._detached,
    End: Sessions._ended,
}

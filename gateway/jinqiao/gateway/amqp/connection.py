"""One AMQP connection of a consumer, sans-I/O: octets and times in, octets out through `write`.

Theory of operation
-------------------
A connection goes through the states of `_HANDLERS` in their order: SASL header, PLAIN, AMQP header, open, and then as
long as it lives sessions, one of which has the one link, that sends. (The JMS client begins a session before that of
its user, for connections' own matters.) What a peer may say in a state is that state's row; all else ends
the connection with a condition of the standard. Acknowledgements, of which there are as many as messages, are read in
runs before anything else (`FrameReader.accepted`).

Invariants
----------
- Who is not logged in makes us keep at most one SASL frame of 512 octets.
- A peer has a few sessions and one link; other links are refused, and too often ends the connection.
- The link is a member of its group from attach to detach, end, close or loss: `_leave` is called in all cases.
- Nothing is written after `closed`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, Protocol

from jinqiao.gateway.forwarding.group import Group, GroupFull
from jinqiao.wire.amqp.errors import AmqpError, Condition
from jinqiao.wire.amqp.frames import AMQP_HEADER, LEAST_FRAME, SASL_HEADER, Frame, FrameReader, FrameType, encode_frame
from jinqiao.wire.amqp.performatives import (
    RECEIVER,
    SENDER,
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Error,
    Flow,
    Open,
    Source,
    Transfer,
)
from jinqiao.wire.amqp.sasl import PLAIN, Outcome, Plain, SaslInit, SaslMechanisms, SaslOutcome

from .bounds import Bounds
from .link import SenderLink
from .login import BadLogin, Login
from .session import Session

__all__ = ["Connection", "House"]

_logger = logging.getLogger(__name__)

_CONTAINER = "jinqiao"
#: Time-outs are multiplied by this before a silent peer is given up: it is to speak after half of its own (§ 2.4.5).
_PATIENCE = 2.0
#: Where a connection speaks for itself.
_CHANNEL = 0
#: Settle modes of a sender (§ 2.8.2).
_SETTLED, _MIXED = 1, 2


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


class State(Enum):
    SASL_HEADER = auto()
    SASL = auto()
    AMQP_HEADER = auto()
    OPEN = auto()
    OPENED = auto()
    CLOSED = auto()


class Connection:
    """`write` takes whole frames; `closed` says that the socket is to be closed once they are gone."""

    def __init__(self, house: House, write: Callable[[bytes | memoryview], None], address: str, now_s: float) -> None:
        self.login: Login | None = None
        self._house, self._bounds, self._out, self.address = house, house.bounds, write, address
        self._state = State.SASL_HEADER
        self._reader = FrameReader(LEAST_FRAME)
        self._sessions: dict[int, Session] = {}
        self._link: SenderLink | None = None
        self._refused = self._frames = self._unread = 0
        self._largest = LEAST_FRAME
        self._idle_s = 0.0
        self._began_s = self._heard_s = self._said_s = self._now_s = now_s
        self._waits_since_s = now_s
        self._writable = True

    @property
    def closed(self) -> bool:
        return self._state is State.CLOSED

    @property
    def consumes(self) -> bool:
        """Whether it has a receiver."""
        return self._link is not None

    @property
    def spent(self) -> bool:
        """Whether it has said so much that it is to be read no more before the next tick."""
        return self._frames >= self._bounds.frames_per_s

    # What its socket tells it.

    def receive(self, data: bytes, now_s: float) -> None:
        """Octets that came."""
        self._now_s = self._heard_s = now_s
        self._reader.feed(data)
        try:
            while not self.closed and self._step():
                pass
        except AmqpError as error:
            self._end(error.condition, str(error))

    def tick(self, now_s: float) -> None:
        """A second has passed."""
        self._now_s, self._frames = now_s, 0
        if self.closed:
            return
        if self._state is not State.OPENED:
            if now_s - self._began_s > self._bounds.login_s:
                self._end(Condition.RESOURCE_LIMIT_EXCEEDED, "no login and open in time")
        elif now_s - self._heard_s > _PATIENCE * self._idle_s:
            self._end(Condition.RESOURCE_LIMIT_EXCEEDED, "local-idle-timeout expired")
        elif self._link is None and now_s - self._waits_since_s > self._bounds.receiver_s:
            self._end(Condition.NOT_ALLOWED, f"no receiver within {self._bounds.receiver_s:g} s")
        elif now_s - self._said_s >= self._idle_s / 2 - 1:
            self._write(encode_frame(Frame(_CHANNEL)))

    def writable(self, writable: bool) -> None:
        """Whether what is written leaves, or waits."""
        self._writable, self._unread = writable, 0
        if self._link is not None:
            self._link.writable(writable)

    def lost(self) -> None:
        """The socket is gone."""
        self._state = State.CLOSED
        self._leave()

    def end(self, condition: Condition, why: str) -> None:
        """The platform ends it."""
        if not self.closed:
            self._end(condition, why)

    # Within.

    def _step(self) -> bool:
        """Read one thing; False where there is nothing whole."""
        if self._state in _HEADERS:
            return self._header()
        link = self._link
        if link is not None and (run := self._reader.accepted(link.session.channel)) is not None:
            link.accepted(*run)
            return True
        frame = self._reader.next()
        if frame is None:
            return False
        self._frames += 1
        self._unread += not self._writable
        if self._unread > self._bounds.unread_frames:
            raise AmqpError("too many frames from a client that reads nothing", Condition.RESOURCE_LIMIT_EXCEEDED)
        if (frame.type is FrameType.SASL) is not (self._state is State.SASL):
            raise AmqpError(f"{frame.type.name} frame where none may be", Condition.FRAMING_ERROR)
        if frame.performative is None:
            return True
        handler = _HANDLERS[self._state].get(type(frame.performative))
        if handler is None:
            name = type(frame.performative).__name__.lower()
            raise AmqpError(f"{name} where it may not be", Condition.NOT_ALLOWED)
        handler(self, frame)
        return True

    def _header(self) -> bool:
        expected, following = _HEADERS[self._state]
        found = self._reader.header()
        if found is None:
            return False
        self._write(expected)
        if found != expected:  # the answer says what would be right (§ 2.2)
            _logger.info("AMQP %s: began with %r, expected %r", self.address, found, expected)
            self._state = State.CLOSED
            return False
        self._state = following
        if following is State.SASL:
            self._write(encode_frame(Frame(0, SaslMechanisms((PLAIN,)), type=FrameType.SASL)))
        return True

    def _init(self, frame: Frame) -> None:
        init: SaslInit = frame.performative
        try:
            if init.mechanism != PLAIN:
                raise BadLogin(f"mechanism {init.mechanism:.40}, expected PLAIN")
            login = self._house.admit(Plain.parse(init.initial_response or b""))
        except (AmqpError, BadLogin) as why:
            _logger.info("AMQP %s: not let in: %s", self.address, why)
            self._write(encode_frame(Frame(0, SaslOutcome(Outcome.AUTH), type=FrameType.SASL)))
            self._state = State.CLOSED
            return
        self.login = login
        self._write(encode_frame(Frame(0, SaslOutcome(Outcome.OK), type=FrameType.SASL)))
        self._reader.longest = self._bounds.frame_bytes
        self._state = State.AMQP_HEADER

    def _opened(self, frame: Frame) -> None:
        found: Open = frame.performative
        assert self.login is not None  # SASL comes first
        bounds = self._bounds
        self._state = State.OPENED
        self._waits_since_s = self._now_s
        self._largest = max(found.max_frame_size, LEAST_FRAME)
        idle_s = 0.0 if found.idle_time_out is None else found.idle_time_out / 1000
        self._idle_s = min(max(idle_s, bounds.least_idle_s), bounds.most_idle_s)
        self._say(
            Open(
                _CONTAINER,
                max_frame_size=bounds.frame_bytes,
                channel_max=bounds.sessions - 1,
                idle_time_out=int(self._idle_s * 1000),
            )
        )
        if idle_s != self._idle_s:
            raise AmqpError(
                f"idle-time-out of {idle_s:g} s, expected {bounds.least_idle_s:g} to {bounds.most_idle_s:g}",
                Condition.NOT_ALLOWED,
            )
        if self._house.connections_of(self.login) > bounds.client_connections:
            raise AmqpError(
                f"more than {bounds.client_connections} connections of one client", Condition.RESOURCE_LIMIT_EXCEEDED
            )

    def _begun(self, frame: Frame) -> None:
        channel = frame.channel
        if channel >= self._bounds.sessions:  # § 2.7.1, channel-max
            raise AmqpError(f"begin on channel {channel}, beyond channel-max", Condition.FRAMING_ERROR)
        if channel in self._sessions:
            raise AmqpError(f"a second begin on channel {channel}", Condition.NOT_ALLOWED)
        session = self._sessions[channel] = Session(channel, frame.performative)
        self._say(session.begun(), channel)

    def _attached(self, frame: Frame) -> None:
        found: Attach = frame.performative
        session, link = self._session(frame), self._link
        assert self.login is not None
        if link is not None and link.session is session and link.handle == found.handle:
            raise AmqpError(f"handle {found.handle} is attached", Condition.HANDLE_IN_USE)
        if found.role == SENDER:
            self._refuse(session, found, Condition.NOT_ALLOWED, "consumers only receive")
        elif link is not None:
            self._refuse(session, found, Condition.RESOURCE_LIMIT_EXCEEDED, "a connection has one receiver")
        else:
            self._attach(found, session, self.login)

    def _attach(self, found: Attach, session: Session, login: Login) -> None:
        group = self._house.group(login)
        if group is None:
            self._refuse(session, found, Condition.NOT_FOUND, "the consumer group is there no more")
            return
        settled = found.snd_settle_mode == _SETTLED
        link = SenderLink(
            login.client_id,
            self.address,
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
            _logger.info("AMQP %s: refused: %s", self.address, why)
        self._refused += 1
        if self._refused > self._bounds.refused_links:
            raise AmqpError("too many links that are refused", Condition.RESOURCE_LIMIT_EXCEEDED)

    def _flowed(self, frame: Frame) -> None:
        found: Flow = frame.performative
        session, link = self._session(frame), self._link
        session.window.opened(found.next_incoming_id, found.incoming_window)
        if link is None or link.session is not session:
            if found.echo:
                self._say(session.flow(), session.channel)
        elif found.handle == link.handle:
            link.flow(found)
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
            self._leave()
            self._say(Detach(0, found.closed), session.channel)
        # else the answer to our detach of a link that was refused

    def _ended(self, frame: Frame) -> None:
        session = self._session(frame)
        if self._link is not None and self._link.session is session:
            self._leave()
        del self._sessions[session.channel]
        self._say(End(), session.channel)

    def _closing(self, frame: Frame) -> None:
        if (error := frame.performative.error) is not None:
            _logger.info("AMQP %s: closed by its client: %.200s", self.address, error)
        self._leave()
        self._say(Close())
        self._state = State.CLOSED

    def _session(self, frame: Frame) -> Session:
        session = self._sessions.get(frame.channel)
        if session is None:
            raise AmqpError(f"no session on channel {frame.channel}", Condition.NOT_ALLOWED)
        return session

    def _leave(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.session.delivery_id = link.next_delivery_id
            self._waits_since_s = self._now_s
            link.leave()

    def _end(self, condition: Condition, why: str) -> None:
        """Close with an error; before there is an open connection just close."""
        _logger.info("AMQP %s: ended: %s: %s", self.address, condition, why)
        if self._state is State.OPEN:
            self._say(Open(_CONTAINER))
        if self._state in (State.OPEN, State.OPENED):
            self._say(Close(Error(condition, why)))
        self._state = State.CLOSED
        self._leave()

    def _say(self, performative: Any, channel: int = _CHANNEL) -> None:
        self._write(encode_frame(Frame(channel, performative)))

    def _write(self, octets: bytes | memoryview) -> None:
        if not self.closed:
            self._said_s = self._now_s
            self._out(octets)


_HEADERS: Mapping[State, tuple[bytes, State]] = {
    State.SASL_HEADER: (SASL_HEADER, State.SASL),
    State.AMQP_HEADER: (AMQP_HEADER, State.OPEN),
}

_HANDLERS: Mapping[State, Mapping[type, Callable[[Connection, Frame], None]]] = {
    State.SASL: {SaslInit: Connection._init},
    State.OPEN: {Open: Connection._opened},
    State.OPENED: {
        Begin: Connection._begun,
        Attach: Connection._attached,
        Flow: Connection._flowed,
        Transfer: Connection._transferred,
        Disposition: Connection._disposed,
        Detach: Connection._detached,
        End: Connection._ended,
        Close: Connection._closing,
    },
}

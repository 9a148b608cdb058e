"""One AMQP connection of a consumer, sans-I/O: octets and times in, octets out through `write`.

Theory of operation
-------------------
A connection goes through the states of `_HANDLERS` in their order: SASL header, PLAIN, AMQP header, open, and from then
on what is not of the connection itself is of its `Sessions`. What a peer may say in a state is that state's row; all
else ends the connection with a condition of the standard. Acknowledgements, of which there are as many as messages, are
read in runs before anything else (`FrameReader.accepted`).

Invariants
----------
- Who is not logged in makes us keep at most one SASL frame of 512 octets.
- However it ends, `_leave` is called, so that no message waits for who is gone.
- Nothing is written after `closed`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any

from jinqiao.wire.amqp.errors import AmqpError, Condition
from jinqiao.wire.amqp.frames import AMQP_HEADER, LEAST_FRAME, SASL_HEADER, Frame, FrameReader, FrameType, encode_frame
from jinqiao.wire.amqp.performatives import Close, Disposition, Error, Flow, Open
from jinqiao.wire.amqp.sasl import PLAIN, Outcome, Plain, SaslInit, SaslMechanisms, SaslOutcome

from .house import House
from .login import BadLogin, Login
from .sessions import Sessions

__all__ = ["Connection"]

_logger = logging.getLogger(__name__)

_CONTAINER = "jinqiao"
#: Time-outs are multiplied by this before a silent peer is given up: it is to speak after half of its own (§ 2.4.5).
_PATIENCE = 2.0
#: Where a connection speaks for itself.
_CHANNEL = 0


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
        #: From open on.
        self._sessions: Sessions | None = None
        self._frames = self._frequent = self._unread = 0
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
        return self._sessions is not None and self._sessions.consumes

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
        self._now_s = now_s
        self._frames = self._frequent = 0
        if self.closed:
            return
        if self.consumes:
            self._waits_since_s = now_s
        if self._state is not State.OPENED:
            if now_s - self._began_s > self._bounds.login_s:
                self._end(Condition.RESOURCE_LIMIT_EXCEEDED, "no login and open in time")
        elif now_s - self._heard_s > _PATIENCE * self._idle_s:
            self._end(Condition.RESOURCE_LIMIT_EXCEEDED, "local-idle-timeout expired")
        elif not self.consumes and now_s - self._waits_since_s > self._bounds.receiver_s:
            self._end(Condition.NOT_ALLOWED, f"no receiver within {self._bounds.receiver_s:g} s")
        elif now_s - self._said_s >= self._idle_s / 2 - 1:
            self._write(encode_frame(Frame(_CHANNEL)))

    def writable(self, writable: bool) -> None:
        """Whether what is written leaves, or waits."""
        self._writable, self._unread = writable, 0
        if self._sessions is not None:
            self._sessions.writable(writable)

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
        sessions = self._sessions
        if sessions is not None and sessions.consumes and (run := self._reader.accepted()) is not None:
            sessions.accepted(*run)
            return True
        frame = self._reader.next()
        if frame is None:
            return False
        if type(frame.performative) in _FREQUENT:
            self._frequent += 1
        else:
            self._frames += 1
        if self._frames > self._bounds.frames_per_s or self._frequent > self._bounds.flows_per_s:
            raise AmqpError("too many frames in a second", Condition.RESOURCE_LIMIT_EXCEEDED)
        self._unread += not self._writable
        if self._unread > self._bounds.unread_frames:
            raise AmqpError("too many frames from a client that reads nothing", Condition.RESOURCE_LIMIT_EXCEEDED)
        if (frame.type is FrameType.SASL) is not (self._state is State.SASL):
            raise AmqpError(f"{frame.type.name} frame where none may be", Condition.FRAMING_ERROR)
        if frame.performative is None:
            return True
        if sessions is not None and sessions.take(frame):
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
        self._sessions = Sessions(
            self._house,
            self.login,
            self.address,
            largest_frame=max(found.max_frame_size, LEAST_FRAME),
            writable=self._writable,
            write=self._write,
        )
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

    def _closing(self, frame: Frame) -> None:
        if (error := frame.performative.error) is not None:
            _logger.info("AMQP %s: closed by its client: %.200s", self.address, error)
        self._leave()
        self._say(Close())
        self._state = State.CLOSED

    def _end(self, condition: Condition, why: str) -> None:
        """Close with an error; before there is an open connection just close."""
        _logger.info("AMQP %s: ended: %s: %s", self.address, condition, why)
        if self._state is State.OPEN:
            self._say(Open(_CONTAINER))
        if self._state in (State.OPEN, State.OPENED):
            self._say(Close(Error(condition, why)))
        self._state = State.CLOSED
        self._leave()

    def _leave(self) -> None:
        if self._sessions is not None:
            self._sessions.leave()

    def _say(self, performative: Any) -> None:
        self._write(encode_frame(Frame(_CHANNEL, performative)))

    def _write(self, octets: bytes | memoryview) -> None:
        if not self.closed:
            self._said_s = self._now_s
            self._out(octets)


#: What consumers say for each few messages, some of them for every one.
_FREQUENT = frozenset((Flow, Disposition))

_HEADERS: Mapping[State, tuple[bytes, State]] = {
    State.SASL_HEADER: (SASL_HEADER, State.SASL),
    State.AMQP_HEADER: (AMQP_HEADER, State.OPEN),
}

_HANDLERS: Mapping[State, Mapping[type, Callable[[Connection, Frame], None]]] = {
    State.SASL: {SaslInit: Connection._init},
    State.OPEN: {Open: Connection._opened},
    State.OPENED: {Close: Connection._closing},  # all else is of its sessions
}

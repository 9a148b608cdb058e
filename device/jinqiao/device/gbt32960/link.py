"""One vehicle's connection to a platform: logs in, sends, keeps what did not arrive, and sends that again.

`STATES` says what moves it on. Waiting and returning is the business of its `Owner`, which looks after all links.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Mapping
from enum import Enum, auto
from typing import Protocol, cast

from jinqiao.wire.gbt32960.commands import COMMANDS
from jinqiao.wire.gbt32960.frame import Frame
from jinqiao.wire.gbt32960.reader import StreamReader

__all__ = ["STATES", "Event", "Owner", "State", "VehicleLink", "as_reissue"]

#: A socket that does not take more than this is as good as lost for what comes next, bytes.
_BUFFER = 128 * 1024
#: Frames on their way for which an answer may still come.
_UNANSWERED = 64
_COMMAND_AT = 2
_REAL_TIME, _REISSUE = COMMANDS["real_time"], COMMANDS["reissue"]


class State(Enum):
    OFF = auto()
    LOGGING_IN = auto()
    ONLINE = auto()
    LEAVING = auto()


class Event(Enum):
    OPENED = auto()
    ACCEPTED = auto()
    REFUSED = auto()
    UNANSWERED = auto()
    LEFT = auto()
    LOST = auto()


#: Everything that changes a link's state.
STATES: Mapping[State, Mapping[Event, State]] = {
    State.OFF: {Event.OPENED: State.LOGGING_IN, Event.LOST: State.OFF},
    State.LOGGING_IN: {
        Event.ACCEPTED: State.ONLINE,
        Event.REFUSED: State.OFF,
        Event.UNANSWERED: State.OFF,
        Event.LOST: State.OFF,
    },
    State.ONLINE: {Event.LEFT: State.LEAVING, Event.LOST: State.OFF},
    State.LEAVING: {Event.LOST: State.OFF},
}


class Owner(Protocol):
    """What a link asks of the fleet it belongs to."""

    counts: Counter[str]

    def login(self, row: int) -> bytes:
        """The login frame of this vehicle."""

    def moved(self, link: VehicleLink, event: Event, before: State) -> None:
        """Something has happened to a link that was in state `before`."""


def as_reissue(frame: bytes) -> bytes:
    """A real-time frame (02) as a re-issued one (03): the command and the check code differ in one bit."""
    changed = bytearray(frame)
    changed[_COMMAND_AT] ^= _REAL_TIME ^ _REISSUE
    changed[-1] ^= _REAL_TIME ^ _REISSUE
    return bytes(changed)


class VehicleLink(asyncio.Protocol):
    """The link of the vehicle in `row`; may be opened again. `kept` holds real-time frames that did not arrive."""

    __slots__ = (
        "_owner", "_reader", "_transport", "_unanswered", "answers_data", "attempts", "due_s", "kept", "row", "said_s",
        "state",
    )  # fmt: skip

    def __init__(self, owner: Owner, row: int, most_kept: int) -> None:
        self._owner, self.row = owner, row
        self._transport: asyncio.Transport | None = None
        self._reader = StreamReader()
        self._unanswered: deque[bytes] = deque(maxlen=_UNANSWERED)
        self.kept: deque[bytes] = deque(maxlen=most_kept)
        self.state = State.OFF
        #: Logins in a row without success, and the loop time at which something is to be done next.
        self.attempts = 0
        self.due_s = 0.0
        self.said_s = 0.0
        #: Whether this platform answers real-time data: not all do.
        self.answers_data = False

    # As asyncio.Protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._reader = StreamReader()
        self._write(self._owner.login(self.row))
        self._move(Event.OPENED)

    def data_received(self, data: bytes) -> None:
        for found in self._reader.feed(data):
            if found.frame is None:
                self._owner.counts["malformed"] += 1
            elif not found.frame.is_command:
                self._take(found.frame)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        if self.answers_data:
            for frame in self._unanswered:
                self._keep(frame)
        self._unanswered.clear()
        self._move(Event.LOST)

    # What the owner asks.

    @property
    def online(self) -> bool:
        return self.state is State.ONLINE

    @property
    def unanswered(self) -> int:
        """Frames of data on their way; 0 while this platform has not answered any."""
        return len(self._unanswered) if self.answers_data and self.online else 0

    def send_data(self, frame: bytes) -> None:
        """Send a frame of data, or keep it for later."""
        if self._has_room():
            self._owner.counts["sent"] += 1
            self._write_data(frame)
        else:
            self._keep(frame)

    def send_again(self) -> None:
        """As much of what was kept as the socket takes, oldest first."""
        while self.kept and self._has_room():
            self._owner.counts["reissued"] += 1
            frame = self.kept.popleft()
            self._write_data(as_reissue(frame) if frame[_COMMAND_AT] == _REAL_TIME else frame)

    def say(self, frame: bytes) -> None:
        """Send anything else, if there is a connection."""
        if self.online:
            self._write(frame)

    def leave(self, logout: bytes) -> None:
        """Log out; the platform's answer ends the connection."""
        if self.online:
            self._write(logout)
            self._move(Event.LEFT)
        else:
            self.abort()

    def give_up(self) -> None:
        """No answer to the login."""
        self._move(Event.UNANSWERED)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _take(self, answer: Frame) -> None:
        good = answer.reply == "ok"
        if answer.command == "login" and self.state is State.LOGGING_IN:
            self._move(Event.ACCEPTED if good else Event.REFUSED)
        elif answer.command in {"real_time", "reissue"}:
            self.answers_data = True
            if self._unanswered:
                self._unanswered.popleft()
            self._owner.counts["acknowledged" if good else "rejected"] += 1
        elif answer.command == "logout" and self._transport is not None:
            self._transport.close()

    def _has_room(self) -> bool:
        transport = self._transport
        return self.online and transport is not None and transport.get_write_buffer_size() < _BUFFER

    def _keep(self, frame: bytes) -> None:
        if len(self.kept) == self.kept.maxlen:
            self._owner.counts["lost"] += 1
        self.kept.append(frame)

    def _write_data(self, frame: bytes) -> None:
        # What left this queue unanswered was long ago: its platform does not answer, or answered out of order.
        self._unanswered.append(frame)
        self._write(frame)

    def _write(self, frame: bytes) -> None:
        if self._transport is not None:
            self._transport.write(frame)
            self.said_s = asyncio.get_running_loop().time()

    def _move(self, event: Event) -> None:
        following = STATES[self.state].get(event)
        if following is None:
            return
        before, self.state = self.state, following
        self._owner.moved(self, event, before)
        if event in {Event.REFUSED, Event.UNANSWERED}:
            self.abort()

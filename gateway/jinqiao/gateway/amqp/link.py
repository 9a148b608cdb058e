"""A link that sends: a consumer of its group on one side, deliveries of an AMQP session on the other.

Numbers of a membership begin at 0 with each link, delivery ids with the session: `_base` is the difference. A delivery
id has 32 bits, the number does not wrap.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.gateway.forwarding.membership import Membership
from jinqiao.gateway.forwarding.messages import Messages
from jinqiao.wire.amqp.message import split_body
from jinqiao.wire.amqp.performatives import SENDER, Accepted, Disposition, Flow, Modified, Rejected, Released
from jinqiao.wire.amqp.transfers import transfers

from .credit import LinkCredit
from .session import Session

__all__ = ["SenderLink"]

_WRAP = 1 << 32


class SenderLink:
    """One receiver's link. `write` takes whole frames, `say` a performative of the session."""

    def __init__(
        self,
        client_id: str,
        address: str,
        joined_ms: int,
        *,
        session: Session,
        name: str,
        handle: int,
        largest_frame: int,
        settled: bool,
        as_text: bool,
        write: Callable[[bytes | memoryview], None],
        say: Callable[[Any], None],
    ) -> None:
        self.client_id, self.address, self.joined_ms = client_id, address, joined_ms
        #: Its name, and the peer's number for it; ours is always 0.
        self.name, self.handle = name, handle
        self.credit = LinkCredit()
        self.session = session
        self._window, self._largest = session.window, largest_frame
        self._settled, self._as_text, self._base = settled, as_text, session.delivery_id
        self._write, self._say = write, say
        self._member: Membership | None = None
        #: The number behind the last one that was delivered.
        self._next = 0
        #: Whether the socket takes more.
        self._writable = True
        #: Frames of messages that take several, for which the session has no room yet.
        self._held: deque[bytes | memoryview] = deque()
        self._draining = False

    @property
    def next_delivery_id(self) -> int:
        return (self._base + self._next) % _WRAP

    def joins(self, member: Membership) -> None:
        """Its place in the group."""
        self._member = member

    def leave(self) -> None:
        """It is gone: what is unsettled goes back."""
        member, self._member = self._member, None
        if member is not None:
            member.leave()

    # What the receiver says.

    def flow(self, flow: Flow) -> None:
        """Credit, a request to use it up, or to say how things stand."""
        self.credit.granted(flow.delivery_count, flow.link_credit or 0)
        self._draining = flow.drain
        self.grant()
        if flow.echo and not flow.drain:
            self.tell()

    def accepted(self, first: int, last: int) -> None:
        """Delivery ids in the usual case: settled by the receiver."""
        if self._member is not None:
            self._member.accept(*self._numbers(first, last))

    def disposed(self, found: Disposition) -> None:
        """Any other disposition of a receiver."""
        last = found.first if found.last is None else found.last
        first_number, last_number = self._numbers(found.first, last)
        state, member = found.state, self._member
        if member is None or (state is None and not found.settled):
            return
        match state:
            case Rejected():
                member.reject(first_number, last_number)
            case Released() | None:  # settled without an outcome: nobody knows whether it arrived
                member.release(first_number, last_number, failed=state is None)
            case Modified(failed, undeliverable):
                member.release(first_number, last_number, failed=failed, undeliverable=undeliverable)
            case Accepted():
                member.accept(first_number, last_number)
            case _:  # received: it is still at it
                return
        if not found.settled:
            self._say(Disposition(SENDER, found.first, found.last, True, state))

    def _numbers(self, first: int, last: int) -> tuple[int, int]:
        """Numbers of the membership for delivery ids; what was never delivered is beyond the last, or below 0."""
        low = self._next + (first - self.next_delivery_id + _WRAP // 2) % _WRAP - _WRAP // 2
        high = low + (last - first) % _WRAP
        return max(low, 0), min(high, self._next - 1)

    # What its group sends.

    def deliver(self, first: int, messages: Messages, tries: NDArray[np.uint8]) -> None:
        """Messages as transfers; see `Consumer`."""
        if self._as_text:
            messages = _as_text(messages)
        pieces, frames = transfers(
            self.session.channel,
            self._base + first,
            messages.data,
            messages.ends,
            tries,
            settled=self._settled,
            most=self._largest,
        )
        count = len(messages)
        self._next = first + count
        self.credit.sent(count)
        if len(pieces) == 1:  # there is room for it, or the group had no credit
            self._window.sent(frames)
            self._write(pieces[0])
        else:
            self._held.extend(pieces)
            self._release_held()
        if self._settled and self._member is not None:
            self._member.accept(first, first + count - 1)

    def _release_held(self) -> None:
        while self._held and self._window.left > 0:
            self._window.sent(1)
            self._write(self._held.popleft())

    def writable(self, writable: bool) -> None:
        """Whether the socket takes more."""
        self._writable = writable
        self.grant()

    def grant(self) -> None:
        """Let the group deliver what may go out now."""
        self._release_held()
        if self._member is not None:
            room = self._window.left if self._writable and not self._held else 0
            self._member.credit(min(self.credit.left, room))

    @property
    def drains(self) -> bool:
        """Whether the receiver waits to hear that its credit is used up."""
        return self._draining

    @property
    def is_open(self) -> bool:
        """Whether its group may deliver to it."""
        return self._writable and not self._held and self.credit.left > 0 and self._window.left > 0

    def drained(self) -> None:
        """What there was has been delivered: the rest of the credit is gone."""
        self.credit.drain()
        self.grant()
        self.tell()  # with the receiver's own `drain` (§ 2.6.7)
        self._draining = False

    def tell(self) -> None:
        """Say how things stand."""
        credit = self.credit
        self._say(self.session.flow(0, credit.delivery_count, credit.left, self._draining))


def _as_text(messages: Messages) -> Messages:
    """The same messages with bodies in base64, for a consumer that asked for that."""
    encoded = []
    for index in range(len(messages)):
        before, body = split_body(messages.single_at(index))
        text = base64.b64encode(body)
        encoded.append(before + len(text).to_bytes(4, "big") + text)
    return Messages.of(encoded, messages.generated_ms)

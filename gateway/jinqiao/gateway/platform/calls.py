"""Calls to devices that wait for an answer: synchronous services and remote calls (RRPC), matched by message id.

A caller opens a `Call` before it sends the request. The device answers on `rrpc/response/{id}`, or on the very topic
of the request when bit 0 of its `ext` is set; whichever comes first counts, and only from the device that was asked.
An answer nobody waits for is ignored: one official SDK answers asynchronous calls on `rrpc/response/undefined`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

__all__ = ["Call", "Calls"]

#: Message ids have 19 digits.
_FIRST_ID = 10**18

#: Requests without a waiting caller whose replies are still recognised; beyond it the oldest are given up.
_MOST_EXPECTED = 10_000


class Call:
    """One question to one device; `answer` is None until it comes."""

    __slots__ = ("_told", "answer", "identity", "message_id")

    def __init__(self, identity: str, message_id: str) -> None:
        self.identity = identity
        self.message_id = message_id
        self.answer: bytes | None = None
        self._told: Callable[[], object] | None = None

    def when_answered(self, tell: Callable[[], object]) -> None:
        """Call `tell` when the answer comes; at once if it has come already."""
        self._told = tell
        if self.answer is not None:
            tell()

    def take(self, payload: bytes) -> None:
        """The device's answer; a second one changes nothing."""
        if self.answer is None:
            self.answer = payload
            if self._told is not None:
                self._told()


class Calls:
    """The calls that are open."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        # Ids begin at the clock so that a restarted platform does not take answers to its former self's calls.
        self._next_id = _FIRST_ID + now_ms() * 1_000
        self._open: dict[str, Call] = {}
        self._expected: OrderedDict[tuple[str, str], str] = OrderedDict()

    def new_id(self) -> str:
        """A message id that was not used before."""
        return str(self.new_ids(1))

    def new_ids(self, count: int) -> int:
        """So many of them, one behind the other: the first."""
        first = self._next_id
        self._next_id += count
        return first

    def open(self, identity: str) -> Call:
        """Expect an answer of the device; `close` it in the end."""
        call = Call(identity, self.new_id())
        self._open[call.message_id] = call
        return call

    def close(self, call: Call) -> None:
        """Nobody waits any longer."""
        self._open.pop(call.message_id, None)

    def answered(self, identity: str, message_id: str, payload: bytes) -> bool:
        """A device's answer has come; whether anybody waited for it."""
        call = self._open.get(message_id)
        if call is None or call.identity != identity:
            return False
        call.take(payload)
        return True

    def expect(self, identity: str, request_id: str, path: str) -> None:
        """A request has gone out that nobody waits for; `path` is the end of its topic, such as `thing/service/x`."""
        self._expected[identity, request_id] = path
        if len(self._expected) > _MOST_EXPECTED:
            self._expected.popitem(last=False)

    def path_of(self, identity: str, request_id: str) -> str | None:
        """Which request of those this device's reply is to; None if to none."""
        return self._expected.get((identity, request_id))

    def settle(self, identity: str, request_id: str) -> None:
        """Its reply has come; another would be to nothing."""
        self._expected.pop((identity, request_id), None)

    def __len__(self) -> int:
        return len(self._open)

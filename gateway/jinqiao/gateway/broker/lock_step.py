"""Listeners that hold the simulator's clock: a step ends when they have taken everything that was sent to them.

They are named by client identifier. What they are granted at QoS 1 or more they get at QoS 1 at least, whatever it was
published with, so that they can say when they are done with it; at QoS 0 a message is taken when their socket has it.
A listener holds the clock until it is connected and has subscribed; after that only by what is on its way to it.

The simulator asks behind the packets of its step, and gets its answer behind everything that a listener said before its
last acknowledgement: commands that it sent in reaction are there first. No other client is looked at or waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from jinqiao.gateway.broker.delivery.dispatcher import TICK_S, Dispatcher
from jinqiao.gateway.broker.delivery.outbox import Outbox
from jinqiao.wire.stepping import Held, report_of

__all__ = ["LockStep"]


class LockStep:
    """Knows the listeners' outboxes, by the name under which each was expected, and whether each has subscribed.

    Several connections may have one name, as clients of different users may. `call_soon` runs a function at the end of
    this turn, when what was pending has been written.
    """

    def __init__(
        self, names: Iterable[str], dispatcher: Dispatcher, call_soon: Callable[[Callable[[], None]], object]
    ) -> None:
        self._listeners: dict[str, dict[Outbox, bool]] = {name: {} for name in names}
        self._dispatcher = dispatcher
        self._call_soon = call_soon
        #: Where the answer goes while a step is held.
        self._answer: Callable[[bytes], object] | None = None
        #: Whether a look, and a report, will come by themselves.
        self._looking = self._reporting = False

    def enter(self, client_id: str, outbox: Outbox, *, subscribed: bool) -> None:
        """A client has logged in; `subscribed`: it need not do so any more. Only those who are named matter.

        Of a device's `<id>|key=value,…|` the part before the first bar is enough.
        """
        listeners = self._listeners
        known = listeners.get(client_id) if client_id in listeners else listeners.get(client_id.partition("|")[0])
        if known is not None:
            known[outbox] = subscribed
            outbox.report_progress(self.look_soon)

    def subscribed(self, outbox: Outbox) -> None:
        """A client has subscribed to something."""
        for known in self._listeners.values():
            if outbox in known:
                known[outbox] = True
                self.look_soon()

    def leave(self, outbox: Outbox) -> None:
        """A client's connection has ended."""
        for known in self._listeners.values():
            known.pop(outbox, None)

    def ask(self, answer: Callable[[bytes], object]) -> None:
        """The simulator ends a step: `answer` is called with packets that report what holds it, then with the last."""
        self._answer = answer
        self.look_soon()
        self._report_later()

    def withdraw(self, answer: Callable[[bytes], object]) -> None:
        """Who asked is gone."""
        if self._answer == answer:
            self._answer = None

    def look_soon(self) -> None:
        """A listener has made progress: answer at the end of this turn, if it was the last one."""
        if self._answer is not None and not self._looking:
            self._looking = True
            self._call_soon(self._look)

    def _look(self) -> None:
        self._looking, answer = False, self._answer
        if answer is not None and not (held := self.held()):
            self._answer = None
            answer(report_of(held))

    def held(self) -> Held:
        """What is in the way of the end of a step at this moment."""
        missing = tuple(name for name, known in self._listeners.items() if not any(known.values()))
        behind = {name: sum(outbox.unfinished for outbox in known) for name, known in self._listeners.items()}
        return Held(missing, tuple((name, count) for name, count in behind.items() if count))

    def _report_later(self) -> None:
        if not self._reporting:
            self._reporting = True
            self._dispatcher.timers.at(self._dispatcher.now + TICK_S, self._report)

    def _report(self) -> None:
        self._reporting = False
        if self._answer is not None and (held := self.held()):
            self._answer(report_of(held))
            self._report_later()

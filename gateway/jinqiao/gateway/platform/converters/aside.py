"""Work that a device's message asks for and that waits for something: done beside the event loop, once there is one.

A product's script may take a fifth of a second for one message. On the event loop that would be everybody's; here it is
the product's alone. Each product has a line of its own with one thread, in which devices take turns and each device's
messages keep their order. What one device may have waiting is bounded, so that it cannot crowd out the others.

A device's other messages wait for those that are worked on (`is_busy`, `after`): what it says counts in the order in
which it came.

Without a loop (`begin`) everything is done at once: a platform without a broker has nobody to keep waiting.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any

from jinqiao.gateway.broker.policy import Downlink

from ..outbound import Outbound
from .base import Converter, ConverterError
from .script_converter import ScriptConverter

__all__ = ["MOST_OF_ONE", "Aside", "Crowded"]

_logger = logging.getLogger(__name__)

#: Messages of one device, and of one product, that may wait.
MOST_OF_ONE, MOST_OF_ALL = 50, 5_000

Later = Callable[..., object]


class Crowded(Exception):
    """Too much waits already."""


class Aside:
    """`do` has work done and goes on with what came of it, on the event loop, where its answers are published."""

    def __init__(self, out: Outbound) -> None:
        self._out = out
        self._later: Later | None = None
        self._lines: dict[str, _Line] = {}
        #: How much of each device is not finished.
        self._unfinished: Counter[str] = Counter()

    def begin(self, later: Later) -> None:
        """From now on work is done in threads; `later` has a function called on the event loop, from any thread."""
        self._later = later

    def end(self) -> None:
        """Work that waits is forgotten; what is being done is waited for."""
        self._later = None
        lines, self._lines = self._lines, {}
        for line in lines.values():
            line.end()
        self._unfinished.clear()

    def is_busy(self, who: str) -> bool:
        """Whether something that this device sent is still worked on."""
        return who in self._unfinished

    def after(self, line: str, who: str, act: Callable[[], Iterable[Downlink]]) -> Iterable[Downlink]:
        """Do this when what is worked on for the device is finished. Raises Crowded."""
        return self.do(line, who, _nothing, lambda _: act())

    def convert(
        self,
        converter: Converter,
        line: str,
        who: str,
        work: Callable[[], Any],
        then: Callable[[Any], Iterable[Downlink]],
    ) -> Iterable[Downlink]:
        """The same as `do` for a converter, which may be quick: only a script works beside the loop.

        Where too much waits already, that is the script's error.
        """
        if not isinstance(converter, ScriptConverter):
            return then(_outcome(work))
        try:
            return self.do(line, who, work, then)
        except Crowded:
            return then(ConverterError(26010, "more raw data than the script can take: this message is dropped"))

    def do(
        self, line: str, who: str, work: Callable[[], Any], then: Callable[[Any], Iterable[Downlink]]
    ) -> Iterable[Downlink]:
        """What `then` makes of `work()`, or of the exception that it raised; () where that comes later.

        `line` is a product key, `who` the device. Raises Crowded.
        """
        if self._later is None:
            return then(_outcome(work))
        found = self._lines.get(line)
        if found is None:
            found = self._lines[line] = _Line(line, self._done)
        found.add(who, work, then)
        self._unfinished[who] += 1
        return ()

    def _done(self, who: str, then: Callable[[Any], Iterable[Downlink]], outcome: Any) -> None:
        later = self._later
        if later is not None:
            later(self._publish, who, then, outcome)

    def _publish(self, who: str, then: Callable[[Any], Iterable[Downlink]], outcome: Any) -> None:
        try:
            for downlink in then(outcome):
                self._out.send(downlink)
        except Exception:
            _logger.exception("the output of a converter could not be used")
        finally:
            self._unfinished[who] -= 1
            if self._unfinished[who] <= 0:
                del self._unfinished[who]


def _nothing() -> None:
    """There is no work, but a place in the line."""


def _outcome(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as error:
        return error


Task = tuple[Callable[[], Any], Callable[[Any], Iterable[Downlink]]]


class _Line:
    """The work of one product and the thread that does it."""

    def __init__(self, name: str, done: Callable[[str, Callable[[Any], Iterable[Downlink]], Any], None]) -> None:
        self._done = done
        #: By device; the one whose turn it is first.
        self._waiting: dict[str, deque[Task]] = {}
        self._count = 0
        self._ending = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"converter {name}", daemon=True)
        self._thread.start()

    def add(self, who: str, work: Callable[[], Any], then: Callable[[Any], Iterable[Downlink]]) -> None:
        with self._changed:
            tasks = self._waiting.setdefault(who, deque())
            if len(tasks) >= MOST_OF_ONE or self._count >= MOST_OF_ALL:
                if not tasks:
                    del self._waiting[who]
                raise Crowded
            tasks.append((work, then))
            self._count += 1
            self._changed.notify()

    def end(self) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._ending:
                    self._changed.wait()
                if self._ending:
                    return
                who = next(iter(self._waiting))
                tasks = self._waiting.pop(who)
                work, then = tasks.popleft()
                self._count -= 1
                if tasks:
                    self._waiting[who] = tasks  # behind the others
            self._done(who, then, _outcome(work))

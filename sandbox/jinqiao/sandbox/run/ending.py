"""How a run ends: by itself, by a signal, or because something that it needs broke."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from types import FrameType

from jinqiao.base.errors import EnvironmentFault

from ..early import ending_signals, imported

__all__ = ["Ending"]

#: Once a run is to end, what was published is waited for no longer than this: a gateway that stands still would hold
#: it. What closes after that has limits of its own, of some five seconds in all.
_PATIENCE_S = 7.0


class Ending:
    """`stop` is set when the run is to end before its time; `how` and `fault` say why."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.how = "finished"
        self.fault: Exception | None = None
        #: The signal that ended the run.
        self.signal: int | None = None

    @property
    def exit_code(self) -> int:
        """What a shell says of a program that a signal ended; 0 without one."""
        return 0 if self.signal is None else 128 + self.signal

    @property
    def reason(self) -> str:
        """Why the run ended before its time, empty if it did not: what broke, or the signal's name."""
        if self.fault is not None:
            return str(self.fault) or type(self.fault).__name__
        return "" if self.signal is None else signal.Signals(self.signal).name

    def interrupt(self) -> None:
        """Somebody asks for the end that Ctrl-C brings."""
        self._ended_by(signal.SIGINT)

    def broke(self, fault: Exception) -> None:
        """Something broke; the first fault is the one that counts."""
        self.fault = self.fault or fault
        self.how = "failed"
        self.stop.set()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Meanwhile a signal ends the run cleanly; a second one interrupts even that."""
        self._listen()
        try:
            yield
        finally:
            _let_go(ending_signals())

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Meanwhile a signal is a KeyboardInterrupt: what runs here gives the event loop no turn for a long time."""

        def interrupt(number: int, _frame: FrameType | None) -> None:
            self._ended_by(number)
            raise KeyboardInterrupt

        _let_go(ending_signals())
        for number in ending_signals():
            signal.signal(number, interrupt)
        try:
            yield
        finally:
            if not self.stop.is_set():
                self._listen()

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in ending_signals():
            loop.add_signal_handler(number, self._ended_by, number)

    @asynccontextmanager
    async def in_time(self, undone: str) -> AsyncIterator[None]:
        """Once the run is to end, what is done here may take `_PATIENCE_S` more.

        After that raises EnvironmentFault, which says what is `undone`.
        """
        loop = asyncio.get_running_loop()

        async def limit_after_stop(limit: asyncio.Timeout) -> None:
            await self.stop.wait()
            limit.reschedule(loop.time() + _PATIENCE_S)

        try:
            async with asyncio.timeout(None) as limit:
                watching = asyncio.create_task(limit_after_stop(limit))
                try:
                    yield
                finally:
                    watching.cancel()
        except TimeoutError as error:
            raise EnvironmentFault(f"{undone} within {_PATIENCE_S:g} s; the run ends without it") from error

    def _ended_by(self, number: int) -> None:
        if self.signal is None:
            self.signal, self.how = number, "interrupted"
        self.stop.set()
        if number == signal.SIGHUP:
            _leave_terminal()  # it may come twice, from the system and from the shell: it stays handled
        else:
            _let_go((signal.SIGINT, signal.SIGTERM))


def _let_go(numbers: tuple[signal.Signals, ...]) -> None:
    """These signals mean what they mean to any command."""
    for number in numbers:
        asyncio.get_running_loop().remove_signal_handler(number)
    imported()


def _leave_terminal() -> None:
    """Let standard streams that go to a terminal that is gone go nowhere: each write would fail."""
    for number in (1, 2):
        try:
            os.write(number, b"")
        except OSError:
            with suppress(OSError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, number)
                os.close(nowhere)

"""The first moments of a program, and its last: descriptors that were closed, and signals that come before or after
anything is there to end cleanly.

Imports nothing that takes time, so that it is in force before everything that does. A signal that ends a program is
SIGINT, SIGTERM or SIGHUP; what it means depends on the moment:

- while modules are imported (`prepare`), and once the outcome is decided (`decided`): leave at once, with a word;
- while a command runs (`imported`): `Signalled`, a KeyboardInterrupt, unless the command handles it otherwise;
- while a run or a server is up: the clean end that it has for it (`run/ending.py`, `serving.py`).
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType

__all__ = [
    "YOUNG_OBJECTS",
    "Signalled",
    "decided",
    "ending_signals",
    "exit_code_of",
    "imported",
    "prepare",
    "word_of",
]


#: Objects after which young garbage is collected. What is imported is none, and to look at it again and again, as by
#: default after every 700 (Python 3.11), costs a tenth of a start.
YOUNG_OBJECTS = 50_000

#: Whether this process is the program `jinqiao`: the signals of another one are its own.
_is_program = False


class Signalled(KeyboardInterrupt):
    """A signal that ends the program came: as Ctrl-C does, with the number of another one."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def ending_signals() -> tuple[signal.Signals, ...]:
    """What is to end a program cleanly: Ctrl-C, what a supervisor sends, and a terminal that is closed.

    Who has asked not to be hung up (`nohup`) is not.
    """
    stays = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM, *(() if stays else (signal.SIGHUP,)))


def exit_code_of(number: int) -> int:
    """What a shell says of a program that a signal ended."""
    return 128 + number


def word_of(number: int) -> str:
    """What to say of it."""
    return "interrupted" if number == signal.SIGINT else f"interrupted by {signal.Signals(number).name}"


def prepare() -> None:
    """Open standard streams that are closed, and let a signal leave at once until `imported` is called."""
    global _is_program
    _is_program = True
    gc.set_threshold(YOUNG_OBJECTS)
    _open_streams()
    decided()


def imported() -> None:
    """The command is about to begin: from here on a signal is a KeyboardInterrupt, or what the command makes of it."""
    for number in _ours():
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else _interrupt)


def decided() -> None:
    """The command has ended, and its exit code is known: a signal leaves at once again."""
    for number in _ours():
        signal.signal(number, _leave)


def _ours() -> Iterator[signal.Signals]:
    """The signals that nobody else has given a meaning."""
    usual = (signal.SIG_DFL, signal.default_int_handler, _leave, _interrupt)
    return (number for number in ending_signals() if _is_program and signal.getsignal(number) in usual)


def _leave(number: int, _frame: FrameType | None) -> None:
    """Nothing has begun, so nothing is left undone. An exception would come out of whichever import is under way, and
    some libraries make an ImportError of it."""
    with suppress(OSError):  # the terminal is gone
        os.write(2, f"jinqiao: {word_of(number)}\n".encode())
    os._exit(exit_code_of(number))


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise Signalled(number)


def _open_streams() -> None:
    """Open /dev/null for each of the descriptors 0 to 2 that is closed: otherwise the next file or socket gets its
    number, and is written to as standard output."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115

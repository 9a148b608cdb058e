"""The first moments of a program: descriptors that were closed, and Ctrl-C while modules are still imported.

Imports nothing that takes time, so that it is in force before everything that does.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

__all__ = ["INTERRUPTED", "imported", "prepare"]

#: What a shell says of a program that Ctrl-C ended: 128 and the number of the signal.
INTERRUPTED = 128 + signal.SIGINT


def prepare() -> None:
    """Open standard streams that are closed, and let Ctrl-C leave at once until `imported` is called."""
    _open_streams()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def imported() -> None:
    """The command is about to begin: from here on Ctrl-C is a KeyboardInterrupt, or what the command makes of it."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Nothing has begun, so nothing is left undone. An exception would come out of whichever import is under way, and
    some libraries make an ImportError of it."""
    os.write(2, b"jinqiao: interrupted\n")
    os._exit(INTERRUPTED)


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

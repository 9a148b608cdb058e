"""One way to run a coroutine to its end: on uvloop where it is installed (3–4× cheaper with many connections)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.system import file_limit, raise_file_limit

__all__ = ["ending_signals", "run_async"]

ResultT = TypeVar("ResultT")


#: An event loop, its listeners, a child and a recording. With fewer files they fail one by one, and oddly.
_FEWEST_FILES = 32


def run_async(main: Coroutine[Any, Any, ResultT]) -> ResultT:
    """The coroutine's result; the event loop is closed afterwards. Raises EnvironmentFault without files for one."""
    raise_file_limit()
    files = file_limit()
    if files is not None and files < _FEWEST_FILES:
        main.close()
        raise EnvironmentFault(
            f"this process may have only {files} open files, which is too few\n  raise the limit with: ulimit -n 1024"
        )
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def ending_signals() -> tuple[signal.Signals, ...]:
    """What is to end a program cleanly: Ctrl-C, what a supervisor sends, and a terminal that is closed.

    Who has asked not to be hung up (`nohup`) is not.
    """
    stays = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM, *(() if stays else (signal.SIGHUP,)))

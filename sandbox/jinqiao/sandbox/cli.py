"""The command line: `jinqiao COMMAND`. Commands are rows of `commands.table`; exit codes are decided here.

Exit codes: 0 ok, 1 an expectation failed, 2 wrong input or usage, 3 the environment failed (port taken, broker gone, no
room on the disk), 130 Ctrl-C, 143 SIGTERM, 129 SIGHUP.
"""

from __future__ import annotations

import errno
import os
import signal
import sys

from jinqiao.base.errors import EnvironmentFault, JinqiaoError

from .commands.rows import app_of
from .commands.table import JINQIAO
from .early import Signalled, decided, exit_code_of, word_of

__all__ = ["app", "main"]

app = app_of(JINQIAO)


def main() -> None:
    """Run the command that the arguments name, and exit."""
    code = _outcome()
    decided()
    try:
        sys.stdout.flush()
    except OSError as error:
        code = code or _failed(error)
        _give_up_stdout()
    sys.exit(code)


def _outcome() -> int:
    """Run the command; returns its exit code."""
    try:
        app()
    except SystemExit as end:
        if interrupt := _behind(end, KeyboardInterrupt):
            return _interrupted(interrupt)
        if _behind(end, BrokenPipeError):
            _give_up_stdout()
            return 0
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except JinqiaoError as error:
        _say(str(error))
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        return _interrupted(interrupt)
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        _give_up_stdout()
    except OSError as error:
        return _failed(error)
    except ImportError as error:
        if not _is_out_of_files(error):
            raise
        return _failed(OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
    return 0


def _interrupted(interrupt: BaseException) -> int:
    number = interrupt.number if isinstance(interrupt, Signalled) else signal.SIGINT
    _say(word_of(number))
    return exit_code_of(number)


def _failed(error: OSError) -> int:
    """The system refused something that no command expects: a full disk behind standard output, no more files."""
    if isinstance(error, BrokenPipeError):
        return 0
    _say(f"{error.filename}: {error.strerror}" if error.filename else f"the system refused: {error.strerror or error}")
    return EnvironmentFault.exit_code


def _behind(end: BaseException, kind: type[BaseException]) -> BaseException | None:
    """The exception of this kind that is behind an exit, if any: the command line's library makes exits of Ctrl-C and
    of a reader that went away, without a word, and code 1 of both."""
    behind: BaseException | None = end
    while behind is not None and not isinstance(behind, kind):
        behind = behind.__cause__ or behind.__context__
    return behind


def _is_out_of_files(error: BaseException | None) -> bool:
    """Whether a module could not be loaded because the process may open no more files."""
    while error is not None:
        if getattr(error, "errno", None) in {errno.EMFILE, errno.ENFILE} or "Too many open files" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _say(message: str) -> None:
    try:
        print(f"jinqiao: {message}", file=sys.stderr, flush=True)
    except OSError:  # there is nowhere to report it
        _give_up(2)


def _give_up_stdout() -> None:
    """What is still buffered goes nowhere: the interpreter would try to write it at its end, and complain."""
    _give_up(1)


def _give_up(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)

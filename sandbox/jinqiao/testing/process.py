"""A run as a child process: started, ready, and ended by its own process id."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from jinqiao.base.errors import InputError

from .errors import SandboxFailed

__all__ = ["RunProcess"]

#: Until the ports listen: a second on a quiet machine, more for fleets of 100,000.
_READY_S = 120.0
#: A run that was told to end has limits of its own, of twelve seconds in all.
_END_S = 15.0
#: Characters of the run's words that an error quotes, and a report of a test shows.
_QUOTED = 4000
_HELD = "from jinqiao.testing.held import main; main()"
_USUAL_PORTS = ("--mqtt-port", "0", "--http-port", "0", "--amqp-port", "0")


class RunProcess:
    """`jinqiao run ARGUMENTS`, paused, on free ports. Raises InputError for arguments that it refuses.

    It has a session of its own: Ctrl-C in the terminal interrupts the test, which ends the run. When this process is
    gone, for whatever reason, the run ends by itself (`held.py`).
    """

    def __init__(self, arguments: Sequence[str], ready_s: float = _READY_S) -> None:
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `end`
        self._said = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _HELD, "run", *arguments, "--paused", "--linger", "--quiet", *_USUAL_PORTS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            bufsize=0,
            start_new_session=True,
        )
        # Open as long as the run is to run; `communicate` would close it.
        self._hold, self.process.stdin = self.process.stdin, None
        try:
            self.ready: dict[str, Any] = self._ready_line(ready_s)
        except BaseException:
            self.end()
            raise

    @property
    def said(self) -> str:
        """What it said on standard error so far; the last of it, when that is much."""
        if not self._words.closed:
            size = os.fstat(self._words.fileno()).st_size
            read = os.pread(self._words.fileno(), _QUOTED, max(0, size - _QUOTED))
            self._said = ("…" if size > _QUOTED else "") + read.decode(errors="replace").strip()
        return self._said

    def has_ended(self) -> int | None:
        """Its exit code; None while it runs."""
        return self.process.poll()

    def end(self) -> None:
        """Let it end as Ctrl-C does; one that does not is killed."""
        if self._words.closed:
            return
        self._signal(signal.SIGINT)
        try:
            self.process.communicate(timeout=_END_S)
        except BaseException as error:  # a second Ctrl-C too: nothing is left behind
            self.process.kill()
            self.process.communicate()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
        finally:
            _ = self.said  # kept: the file goes
            self._words.close()
            if self._hold is not None:
                self._hold.close()

    def _signal(self, number: int) -> None:
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)

    def _ready_line(self, within_s: float) -> dict[str, Any]:
        assert self.process.stdout is not None
        output, line, until = self.process.stdout.fileno(), b"", time.monotonic() + within_s
        poll = select.poll()
        poll.register(output, select.POLLIN)
        while not line.endswith(b"\n"):
            if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
                raise SandboxFailed(f"jinqiao run was not ready within {within_s:g} s{self._quoted()}")
            read = os.read(output, 1)
            if not read:
                raise self._refused()
            line += read
        ready: dict[str, Any] = json.loads(line)["ready"]
        return ready

    def _refused(self) -> Exception:
        """The run ended before it was ready; its own words say why."""
        try:
            code = self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            return SandboxFailed(f"jinqiao run closed its output before it was ready{self._quoted()}")
        if code == InputError.exit_code:
            return InputError(f"jinqiao run refuses it:{self._quoted()}")
        return SandboxFailed(f"jinqiao run ended with {code} before it was ready{self._quoted()}")

    def _quoted(self) -> str:
        return "".join(f"\n  {line}" for line in self.said.splitlines())

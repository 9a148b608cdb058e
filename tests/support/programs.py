"""Programs as a user runs them, on free ports, ended by their own process id."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

JINQIAO = [sys.executable, "-m", "jinqiao.sandbox.entry"]


class Program:
    """A running `jinqiao` whose standard output is read line by line as JSON."""

    def __init__(self, *arguments: str) -> None:
        if arguments[0] in {"run", "serve"} and "--http-port" not in arguments:
            arguments = (*arguments, "--http-port", "0")  # several tests may run at once
        self.process = subprocess.Popen(
            [*JINQIAO, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def line(self) -> dict[str, Any]:
        """The next JSON line; fails with what the program said when there is none."""
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        if not text:
            assert self.process.stderr is not None
            pytest.fail(f"ended with {self.process.wait(20)}: {self.process.stderr.read()}")
        found: dict[str, Any] = json.loads(text)
        return found

    @property
    def ready(self) -> dict[str, Any]:
        found: dict[str, Any] = self.line()["ready"]
        return found

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def finish_text(self, timeout_s: float = 60) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        out, err = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, out, err

    def finish(self, timeout_s: float = 60) -> tuple[int, list[dict[str, Any]], str]:
        """Exit status, remaining JSON lines, and everything on standard error."""
        out, err = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, [json.loads(line) for line in out.splitlines()], err

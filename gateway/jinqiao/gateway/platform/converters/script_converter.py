"""A product's converter as a Python script, run in a process of its own with a time limit for each call.

A call waits for that process, so the platform makes none on its event loop: see `aside`.
A script defines `raw_data_to_protocol(raw: bytes) -> dict` and `protocol_to_raw_data(message: dict) -> bytes`. It is a
guard against mistakes and endless loops, not against malice: run only scripts you would run yourself.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinqiao.wire.alink.codes import TEXT

from .base import ConverterError

__all__ = ["ScriptConverter", "fault_of"]

#: Seconds for a call, for the first call (which starts Python), and of rest after a call that took too long: the
#: platform waits for its scripts, so a slow one may not be asked again at once.
CALL_S, START_S, REST_S = 0.2, 3.0, 5.0

#: Longest answer of a script, bytes.
_LONGEST = 1 << 20
#: Languages of the platform's own scripts that are not run here.
_OTHER_LANGUAGES = {".js": "JavaScript", ".mjs": "JavaScript", ".ts": "TypeScript", ".php": "PHP"}
_CHILD = Path(__file__).with_name("script_child.py")


class ScriptConverter:
    """Calls a script; a process that does not answer in time is ended, and the next call starts another."""

    def __init__(self, path: Path | str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = Path(path)
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        #: Calls come from the thread of the product, and from the event loop of a platform without threads.
        self._lock = threading.RLock()
        self._rests_until = 0.0

    def raw_data_to_protocol(self, raw: bytes) -> dict[str, Any]:
        """A device's bytes as an Alink message; raises ConverterError."""
        message = self._call({"function": "raw_data_to_protocol", "raw": raw.hex()}).get("message")
        if type(message) is not dict:
            raise ConverterError(26007, TEXT[26007])
        return message

    def protocol_to_raw_data(self, message: dict[str, Any]) -> bytes:
        """An Alink message as the device's bytes; raises ConverterError."""
        try:
            return bytes.fromhex(self._call({"function": "protocol_to_raw_data", "message": message})["raw"])
        except (KeyError, TypeError, ValueError):
            raise ConverterError(26007, TEXT[26007]) from None

    def missing(self) -> list[str]:
        """Functions that the script does not have; raises ConverterError where it is no script that can be run."""
        return list(self._call({"function": "missing"})["missing"])

    def close(self) -> None:
        """End the script's process."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def _call(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            return self._call_alone(request)

    def _call_alone(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._clock() < self._rests_until:
            raise ConverterError(26010, "the script took too long a moment ago")
        limit_s = CALL_S if self._process is not None else START_S
        process = self._process or self._start()
        try:
            answer = _exchange(process, json.dumps(request).encode(), self._clock() + limit_s, self._clock)
        except (OSError, ValueError) as error:
            self.close()
            self._rests_until = self._clock() + REST_S
            raise ConverterError(26010, str(error)) from error
        if "code" in answer:
            code = answer["code"] if type(answer["code"]) is int and answer["code"] in TEXT else 26010
            # A script's text may hold what is no text: it goes into logs and answers.
            message = str(answer.get("message")).encode("utf-8", "replace").decode()
            line = answer.get("line")
            raise ConverterError(code, message[:256], line=line if type(line) is int else 0)
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        if not self.path.is_file():
            raise ConverterError(26001, TEXT[26001])
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-B", str(_CHILD), str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            bufsize=0,
            start_new_session=True,
        )
        return self._process


def fault_of(path: Path) -> tuple[int, str] | None:
    """Line and text of what keeps a script from working, None for one that can be called; it is run once for that."""
    if path.suffix.lower() in _OTHER_LANGUAGES:
        return 1, f"a script in {_OTHER_LANGUAGES[path.suffix.lower()]}: write it in Python here"
    script = ScriptConverter(path)
    try:
        missing = script.missing()
    except ConverterError as error:
        return error.line or 1, str(error)
    finally:
        script.close()
    return (1, f"no function {' and none '.join(missing)}") if missing else None


def _exchange(
    process: subprocess.Popen[bytes], request: bytes, deadline: float, clock: Callable[[], float]
) -> dict[str, Any]:
    """One request and its answer; OSError when the process is gone or late, ValueError for an invalid answer."""
    assert process.stdin is not None
    assert process.stdout is not None
    rest = len(request).to_bytes(4) + request
    os.set_blocking(process.stdin.fileno(), False)
    while rest:
        _, ready, _ = select.select([], [process.stdin], [], max(0.0, deadline - clock()))
        if not ready:
            raise TimeoutError("the script took too long")
        rest = rest[os.write(process.stdin.fileno(), rest) :]
    length = int.from_bytes(_read(process, 4, deadline, clock))
    if length > _LONGEST:
        raise ValueError("the script's answer is too long")
    answer = json.loads(_read(process, length, deadline, clock))
    if type(answer) is not dict:
        raise ValueError("the script's answer is not an object")
    return answer


def _read(process: subprocess.Popen[bytes], size: int, deadline: float, clock: Callable[[], float]) -> bytes:
    assert process.stdout is not None
    data = b""
    while len(data) < size:
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - clock()))
        if not ready:
            raise TimeoutError("the script took too long")
        part = os.read(process.stdout.fileno(), size - len(data))
        if not part:
            raise BrokenPipeError("the script has ended")
        data += part
    return data

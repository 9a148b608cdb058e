"""The process a product's script runs in: reads requests from its standard input, calls the script, writes answers.

Started by `script_converter` with nothing but the script's path; it imports nothing of the project. A frame is a length
(4 bytes, big-endian) and JSON. The script may not grow beyond its memory, write files or start processes.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import traceback
from typing import Any, BinaryIO

_MEMORY_BYTES = 512 << 20

#: Names a script may give to its two functions: Python's way, or that of the platform's own scripts.
_NAMES = {
    "raw_data_to_protocol": ("raw_data_to_protocol", "rawDataToProtocol"),
    "protocol_to_raw_data": ("protocol_to_raw_data", "protocolToRawData"),
}


def main(path: str) -> None:
    """Serve until the standard input ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What the script prints must not look like an answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(what, (most, most))
    script: dict[str, Any] = {"__name__": "script"}
    try:
        with open(path, "rb") as file:
            exec(compile(file.read(), path, "exec"), script)
    except BaseException as error:
        refused = {"code": 26002, "message": f"{type(error).__name__}: {error}", "line": _line(error, path)}
        script = {"refused": refused}
    while (head := requests.read(4)) and len(head) == 4:
        request = json.loads(requests.read(int.from_bytes(head)))
        _answer(answers, script.get("refused") or _call(script, request))


def _line(error: BaseException, path: str) -> int:
    """Where in the script it happened, 0 if it cannot be said."""
    if isinstance(error, SyntaxError):
        return error.lineno or 0
    return next(
        (frame.lineno or 0 for frame in reversed(traceback.extract_tb(error.__traceback__)) if frame.filename == path),
        0,
    )


def _missing(script: dict[str, Any]) -> list[str]:
    """Functions that the script does not have."""
    return [function for function, names in _NAMES.items() if not any(callable(script.get(name)) for name in names)]


def _call(script: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    if request["function"] == "missing":
        return {"missing": _missing(script)}
    function = next((script[name] for name in _NAMES[request["function"]] if callable(script.get(name))), None)
    if function is None:
        return {"code": 26006, "message": f"the script has no function {request['function']}"}
    try:
        if request["function"] == "raw_data_to_protocol":
            result = function(bytes.fromhex(request["raw"]))
            return {"message": result} if isinstance(result, dict) else _not_valid("a dict", result)
        result = function(request["message"])
        if isinstance(result, (bytes, bytearray)):
            return {"raw": bytes(result).hex()}
        return _not_valid("bytes", result)
    except BaseException as error:
        return {"code": 26010, "message": f"{type(error).__name__}: {error}"[:256]}


def _not_valid(wanted: str, result: object) -> dict[str, Any]:
    return {"code": 26007, "message": f"expected {wanted}, the script returned {type(result).__name__}"}


def _answer(answers: BinaryIO, body: dict[str, Any]) -> None:
    try:
        encoded = json.dumps(body).encode()
    except (TypeError, ValueError, RecursionError) as error:
        encoded = json.dumps({"code": 26007, "message": str(error)[:256]}).encode()
    answers.write(len(encoded).to_bytes(4) + encoded)
    answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])

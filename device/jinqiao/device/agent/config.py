"""Remote configuration: `thing/config/push` names a file, the vehicle fetches it, acts on what it knows, and replies.

Known is one object, `telemetry`: seconds between reports while `driving`, `charging` and `parked`, and of the `detail`
group. Everything else in the file is somebody else's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from jinqiao.base.telemetry import Outcome
from jinqiao.wire.alink.codes import OK
from jinqiao.wire.alink.json_values import object_of
from jinqiao.wire.alink.limits import CONFIG_BYTES
from jinqiao.wire.alink.requests import parse_request

from .asking import answer, wrong
from .car import Outgoing, VehicleControl
from .files import Files, RemoteFile, Verdict

__all__ = ["Configuration", "intervals_of"]

#: Seconds between reports that are taken: from the world's tick to a day.
SHORTEST_S, LONGEST_S = 1, 86_400
KEYS = frozenset({"driving", "charging", "parked", "detail"})


def intervals_of(content: bytes) -> dict[str, float]:
    """The reporting intervals of a configuration file, seconds; raises ValueError saying what is wrong."""
    document = object_of(content)
    if document is None:
        raise ValueError("the configuration is not a JSON object")
    telemetry = document.get("telemetry", {})
    if type(telemetry) is not dict:
        raise ValueError("telemetry is not an object")
    found = {}
    for key, value in telemetry.items():
        if key not in KEYS:
            raise ValueError(f"telemetry.{key[:32]} is not known, expected {', '.join(sorted(KEYS))}")
        if type(value) not in (int, float) or not SHORTEST_S <= value <= LONGEST_S:
            raise ValueError(f"telemetry.{key} is not a number of seconds from {SHORTEST_S} to {LONGEST_S}")
        found[key] = float(value)
    return found


class Configuration:
    """Takes configurations for all vehicles."""

    def __init__(self, car: VehicleControl, files: Files, identity: Callable[[int], str]) -> None:
        self._car, self._files, self._identity = car, files, identity

    def pushed(self, row: int, payload: bytes) -> Iterable[Outgoing]:
        """A push: fetch what it names, apply it, and reply what came of it."""
        request = parse_request(payload)
        params: Any = request.params

        def reply(outcome: Outcome) -> Iterable[Outgoing]:
            topic = f"/sys/{self._identity(row)}/thing/config/push_reply"
            yield Outgoing(row, topic, answer(request.id[:256], outcome))

        if request.code != OK or type(params) is not dict:
            return reply(wrong(request.code if request.code != OK else 460))
        if params.get("getType") != "file":
            return reply(wrong(460, "getType is not file"))
        try:
            file = RemoteFile.of(params, size="configSize", largest=CONFIG_BYTES, keep=True)
        except ValueError as problem:
            return reply(wrong(460, str(problem)))

        def then(verdict: Verdict, content: bytes) -> Iterable[Outgoing]:
            if verdict != "good":
                return reply(wrong(6287) if verdict == "forged" else wrong(400, "the file cannot be had"))
            try:
                intervals_s = intervals_of(content)
            except ValueError as problem:
                return reply(wrong(460, str(problem)))
            return reply(self._car.report_every(np.array([row]), intervals_s) if intervals_s else Outcome())

        return self._files.want(file, then)

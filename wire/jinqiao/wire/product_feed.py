"""What the product under test does, as our gateway says it to the simulator, and how a product says what it detected.

A detection is `{"fault": "cell_overheat", "time": ms}` on the custom topic `user/detection` of the vehicle; without a
time it is of now. Over the simulator's connection our gateway sends messages on one topic that no client may write
(`TOPIC`), a JSON object each, in the order of the downlinks.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import orjson

from jinqiao.base.errors import ProtocolError

__all__ = [
    "DETECTION",
    "LONGEST_DETECTION",
    "TOPIC",
    "Called",
    "Detected",
    "Published",
    "Told",
    "feed_message",
    "read_detection",
    "read_feed",
]

#: Where the gateway sends; a topic that begins so is nobody's to publish on.
TOPIC = "$jinqiao/product"
#: The custom topic of detections, behind `/{product}/{device}/user/`.
DETECTION = "detection"
#: Bytes of a detection.
LONGEST_DETECTION = 4_096
#: Characters of a fault's name; the latest time, ms: what JavaScript can count to.
_LONGEST_FAULT, _LATEST_MS = 100, 1 << 53


class Detected(NamedTuple):
    """A fault was detected in a device, at `time_ms`, simulated UTC, or now where that is None."""

    device: str
    fault: str
    time_ms: int | None


class Called(NamedTuple):
    """A cloud call that names vehicles has succeeded."""

    action: str
    rows: tuple[int, ...]


class Published(NamedTuple):
    """Something was published on a vehicle's custom topic `user/{topic}`."""

    row: int
    topic: str


Told: TypeAlias = Detected | Called | Published
_KINDS: dict[str, type[Detected] | type[Called] | type[Published]] = {
    "detected": Detected,
    "called": Called,
    "published": Published,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def feed_message(told: Told) -> bytes:
    """The payload that says so."""
    return orjson.dumps({_NAMES[type(told)]: list(told)})


def read_feed(payload: bytes) -> Told:
    """What such a payload says. Raises ProtocolError for what is none."""
    try:
        ((name, values),) = orjson.loads(payload).items()
        if name == "detected":
            return Detected(*values)
        if name == "called":
            action, rows = values
            return Called(action, tuple(rows))
        return Published(*values) if name == "published" else _refuse(name)
    except (AttributeError, TypeError, ValueError) as error:
        raise ProtocolError(f"nothing about the product: {error}") from error


def _refuse(name: str) -> Any:
    raise ValueError(f"unknown {name!r:.40}")


def read_detection(device: str, payload: bytes) -> Detected:
    """What a product says of a device. Raises ProtocolError, which says what is wrong."""
    if len(payload) > LONGEST_DETECTION:
        raise ProtocolError(f"a detection of {len(payload)} bytes, expected {LONGEST_DETECTION} at most")
    try:
        said = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise ProtocolError("a detection that is no JSON") from None
    if type(said) is not dict:
        raise ProtocolError('a detection that is no object, expected {"fault": …, "time": …}')
    if unknown := said.keys() - {"fault", "time"}:
        raise ProtocolError(f"a detection with {sorted(unknown)[0]!r:.40}, expected fault and time")
    fault, time_ms = said.get("fault"), said.get("time")
    if type(fault) is not str or not 0 < len(fault) <= _LONGEST_FAULT:
        raise ProtocolError(f"a detection of the fault {fault!r:.40}, expected its name")
    if time_ms is not None and (type(time_ms) is not int or not 0 <= time_ms <= _LATEST_MS):
        raise ProtocolError(f"a detection at {time_ms!r:.40}, expected UTC milliseconds")
    return Detected(device, fault, time_ms)

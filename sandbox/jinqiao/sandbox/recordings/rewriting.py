"""Messages that were recorded as bytes, made today's and a clone's: only what has to differ is exchanged.

In Alink JSON that is every `"time"` and `"timestamp"` of thirteen digits, the message's `id`, and for a clone its name
and position; protobuf samples and events likewise. All other payloads go out byte for byte.
"""

from __future__ import annotations

import re

import orjson
from google.protobuf.message import DecodeError

from jinqiao.telemetry.v1.telemetry_pb2 import VehicleEvent, VehicleSample
from jinqiao.wire.mqtt.fields import remaining_length
from jinqiao.wire.render.sample_packets import EVENTS, TELEMETRY

__all__ = ["publish", "rewritten"]

_TIMES = re.compile(rb'"(?:time|timestamp)"\s*:\s*[0-9]{13}(?![0-9])')
_FIRST_ID = re.compile(rb'\s*\{\s*"id"\s*:\s*"([0-9]{1,10})"')
_ID = re.compile(rb'"id"\s*:\s*"([0-9]{1,10})"')
_PLACE = re.compile(rb'("(Longitude|Latitude)"\s*:\s*)(-?[0-9]+(?:\.([0-9]+))?)(?![0-9.eE])')


def rewritten(
    topic: str, payload: bytes, *, later_ms: int, number: int, names: tuple[str, str], away: tuple[float, float]
) -> bytes:
    """The payload, later by `later_ms`, with message number `number`, as the second of `names` instead of the first.

    `away` is what is added to longitude and latitude, degrees.
    """
    if topic.endswith(TELEMETRY):
        return _sample(payload, later_ms, number, names[1], away)
    if topic.endswith(EVENTS):
        return _event(payload, later_ms, number, names[1])
    if payload.lstrip()[:1] != b"{":
        return payload
    for old in set(_TIMES.findall(payload)):  # the key with its value: thirteen digits elsewhere are something else
        payload = payload.replace(old, old[:-13] + b"%d" % (int(old[-13:]) + later_ms))
    found = _FIRST_ID.match(payload)
    if found is None:
        found = _ID.search(payload)
        found = found if found is not None and _is_message_id(payload, found[1]) else None
    if found is not None:
        payload = payload[: found.start(1)] + b"%d" % number + payload[found.end(1) :]
    if names[0] != names[1]:
        payload = payload.replace(names[0].encode(), names[1].encode())
        payload = _PLACE.sub(lambda place: _moved(place, away), payload)
    return payload


def _is_message_id(payload: bytes, found: bytes) -> bool:
    try:
        message = orjson.loads(payload)
    except ValueError:
        return False
    return isinstance(message, dict) and message.get("id") == found.decode()


def _moved(place: re.Match[bytes], away: tuple[float, float]) -> bytes:
    decimals = len(place[4] or b"")
    moved = float(place[3]) + away[place[2] == b"Latitude"]
    return place[1] + b"%.*f" % (decimals, moved)


def _sample(payload: bytes, later_ms: int, number: int, name: str, away: tuple[float, float]) -> bytes:
    try:
        sample = VehicleSample.FromString(payload)
    except DecodeError:
        return payload
    sample.time_ms += later_ms
    sample.device_name, sample.sequence = name, number
    if sample.HasField("longitude"):
        sample.longitude = round(sample.longitude + away[0], 6)
        sample.latitude = round(sample.latitude + away[1], 6)
    return sample.SerializeToString()


def _event(payload: bytes, later_ms: int, number: int, name: str) -> bytes:
    try:
        event = VehicleEvent.FromString(payload)
    except DecodeError:
        return payload
    event.time_ms += later_ms
    event.device_name, event.sequence = name, number
    return event.SerializeToString()


def publish(topic: str, payload: bytes) -> bytes:
    """A whole QoS 0 PUBLISH."""
    name = topic.encode()
    return b"\x30" + remaining_length(2 + len(name) + len(payload)) + len(name).to_bytes(2, "big") + name + payload

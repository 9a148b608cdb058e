"""Events: as Alink posts, and as protobuf `VehicleEvent` (proto/jinqiao/telemetry/v1). Few, so one by one."""

from __future__ import annotations

from typing import Any

import orjson

from jinqiao.base.telemetry import Event
from jinqiao.telemetry.v1.telemetry_pb2 import Value, VehicleEvent
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import Publish

from .packets import PostRenderer

__all__ = ["event_message", "event_output", "event_post", "read_event_post"]


def event_post(posts: PostRenderer, event: Event, number: int) -> bytes:
    """The whole packet of one Alink event post (`thing.event.{identifier}.post`), numbered with its device's posts."""
    name = posts.device_names[event.vehicle].decode()
    post = {
        "id": str(number),
        "version": "1.0",
        "sys": {"ack": 0},
        "params": {"value": dict(event.output), "time": event.time_ms},
        "method": f"thing.event.{event.identifier}.post",
    }
    topic = f"/sys/{posts.product_key}/{name}/thing/event/{event.identifier}/post"
    return encode(Publish(topic, orjson.dumps(post)))


def read_event_post(packet: bytes) -> dict[str, Any]:
    """The post that `event_post` made."""
    edges = frame(packet, 0)
    assert edges is not None  # it is whole
    at = edges[0] + 2
    post: dict[str, Any] = orjson.loads(packet[at + int.from_bytes(packet[at - 2 : at], "big") :])
    return post


def event_message(event: Event, device_name: str, sequence: int) -> bytes:
    """One event's bytes; the same event gives the same bytes."""
    message = VehicleEvent(
        time_ms=event.time_ms, device_name=device_name, sequence=sequence, identifier=event.identifier
    )
    for name, value in event.output.items():
        message.output[name].CopyFrom(_value(value))
    return message.SerializeToString(deterministic=True)


def event_output(message: VehicleEvent) -> dict[str, int | float | str]:
    """What an event says, as the simulator gave it."""
    return {name: getattr(value, value.WhichOneof("kind") or "text") for name, value in sorted(message.output.items())}


def _value(value: int | float | str) -> Value:
    if isinstance(value, str):
        return Value(text=value)
    return Value(number=value) if isinstance(value, float) else Value(integer=int(value))

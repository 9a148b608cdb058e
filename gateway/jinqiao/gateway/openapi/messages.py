"""Actions that send something to a device: Pub, PubBroadcast, RRpc."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.platform.calls import Call
from jinqiao.gateway.platform.downlinks import DOWN_RAW, convert_down
from jinqiao.gateway.platform.platform import MAX_PAYLOAD, Platform
from jinqiao.gateway.platform.registry.registry import Device
from jinqiao.wire.alink.routing import find
from jinqiao.wire.alink.topics import Direction
from jinqiao.wire.mqtt.topics import has_wildcard

from .arguments import Arguments
from .errors import ApiError
from .pending import Pending

__all__ = ["ask_device", "publish", "publish_broadcast", "rrpc"]

#: What Pub may not reach: properties and services have actions of their own.
_RESERVED_KINDS = frozenset({"property_set", "property_get", "service", "rrpc", "rrpc_custom", "rrpc_request"})
#: Milliseconds an RRpc may take.
TIMEOUT_MS = (1_000, 8_000)


def publish(args: Arguments) -> dict[str, Any]:
    product, topic = args.product(), _topic(args)
    found = find(topic)
    if (
        found is None
        or found.product_key != product.key
        or Direction.DOWN not in found.row.direction
        or found.row.is_reply
        or found.row.kind in _RESERVED_KINDS
    ):
        raise ApiError("iot.messagebroker.InvalidFormattedTopicName")
    payload = _payload(args, "MessageContent")
    qos = args.number("Qos", 0, high=1)
    args.platform.send(Downlink(topic, payload, qos))
    return {"MessageId": args.platform.calls.new_id()}


def publish_broadcast(args: Arguments) -> dict[str, Any]:
    """To whoever has subscribed the topic, or without one to every device that is online, on a topic of its own."""
    product, message_id = args.product(), args.platform.calls.new_id()
    if args.text("TopicFullName", ""):
        topics = [_topic(args)]
        if not topics[0].startswith(f"/broadcast/{product.key}/"):
            raise ApiError("iot.messagebroker.InvalidFormattedTopicName")
    else:
        online = args.platform.connected_devices(product.key)
        topics = [f"/sys/{identity}/broadcast/request/{message_id}" for identity in online]
    payload = _payload(args, "MessageContent")
    for topic in topics:
        args.platform.send(Downlink(topic, payload))
    return {"MessageId": int(message_id)}


def rrpc(args: Arguments) -> dict[str, Any] | Pending:
    """Waits for the device; `RrpcCode` says how it went. The call itself succeeds even when the device is offline."""
    device, payload = args.device(), _payload(args, "RequestBase64Byte")
    text = args.text("Timeout", "8000")
    low, high = TIMEOUT_MS
    if not (text.isascii() and text.isdigit() and len(text) < 6 and low <= int(text) <= high):
        raise ApiError("iot.messagebroker.InvalidTimeoutValue")
    custom = args.text("Topic", "")
    if custom and (has_wildcard(custom) or not custom.startswith(f"/{device.product.key}/{device.name}/")):
        raise ApiError("iot.messagebroker.InvalidFormattedTopicName")
    if not args.platform.is_online(device):
        return {"RrpcCode": "OFFLINE", "MessageId": int(args.platform.calls.new_id())}
    call = args.platform.calls.open(device.identity)
    topic = f"/ext/rrpc/{call.message_id}{custom}" if custom else request_topic(device, call)
    args.platform.send(Downlink(topic, payload))

    def finish() -> Mapping[str, Any]:
        if call.answer is None:
            return {"RrpcCode": "TIMEOUT", "MessageId": int(call.message_id)}
        answer = base64.b64encode(call.answer).decode()
        return {"RrpcCode": "SUCCESS", "PayloadBase64Byte": answer, "MessageId": int(call.message_id)}

    return Pending(call, int(text) / 1_000, finish)


def request_topic(device: Device, call: Call) -> str:
    """The system's own topic of a remote call."""
    return f"/sys/{device.product.key}/{device.name}/rrpc/request/{call.message_id}"


def ask_device(platform: Platform, device: Device, path: str, payload: bytes, call: Call) -> None:
    """Send a synchronous Alink request, in the form that the device's `ext` asks for.

    `path` is what follows the device's name in the topic, such as `thing/service/Unlock`; for a product that speaks
    bytes of its own the request is converted and `path` is that of raw data. Raises ConverterError.
    """
    converter = device.product.converter
    if converter is not None:
        path, payload = DOWN_RAW, convert_down(converter, payload)
    if platform.takes_custom_rrpc(device):
        topic = f"/ext/rrpc/{call.message_id}/sys/{device.product.key}/{device.name}/{path}"
    else:
        topic = request_topic(device, call)
    platform.send(Downlink(topic, payload))


def _topic(args: Arguments) -> str:
    topic = args.text("TopicFullName", "")
    if not topic:
        raise ApiError("iot.messagebroker.NullTopicName")
    if has_wildcard(topic) or "\0" in topic:
        raise ApiError("iot.messagebroker.InvalidFormattedTopicName")
    return topic


def _payload(args: Arguments, name: str) -> bytes:
    payload = args.base64(name)
    if len(payload) > MAX_PAYLOAD:
        raise ApiError("iot.messagebroker.PublishMessageFailed", f"{len(payload)} bytes, at most {MAX_PAYLOAD}")
    return payload

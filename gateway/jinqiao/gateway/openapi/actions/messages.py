"""Actions that send something to devices: Pub, BatchPub, PubBroadcast, RRpc."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from jinqiao.gateway.platform.operations import OperationError, Reason
from jinqiao.gateway.platform.operations.mqtt5 import Mqtt5
from jinqiao.wire.alink.routing import find

from ..action import action
from ..arguments import Arguments
from ..errors import ApiError
from ..pending import Pending
from .devices import MOST_DEVICES

__all__ = ["publish", "publish_broadcast", "publish_to_many", "rrpc"]

#: Seconds a message may be kept for devices that are away.
LONGEST_EXPIRY_S = 604_800
#: Milliseconds an RRpc may take.
TIMEOUT_MS = (1_000, 8_000)


#: What a message of MQTT 5 can carry; whoever speaks 3.1.1 gets topic and content.
_MQTT5 = "Retained UserProp.N.Key UserProp.N.Value ContentType CorrelationData PayloadFormatIndicator " + (
    "MessageExpiryInterval"
)


@action(
    "Pub",
    f"ProductKey! TopicFullName! MessageContent! Qos ResponseTopic {_MQTT5}",
    "MessageId",
)
def publish(args: Arguments) -> dict[str, Any]:
    product, topic = args.product(), args.text("TopicFullName")
    payload = args.base64("MessageContent")
    qos, more = args.number("Qos", 0, high=1), _more(args, args.text("ResponseTopic", ""))
    message_id = args.operations.messages.publish(args.account, product.key, topic, payload, qos, more)
    found = find(topic)
    if found is not None and found.device_name in product.devices:
        args.device_named(product, found.device_name)  # so it is one that the call names
    return {"MessageId": message_id}


@action(
    "BatchPub",
    "ProductKey! DeviceName.N! TopicShortName TopicTemplateName MessageContent! Qos ResponseTopicTemplateName "
    f"{_MQTT5}",
    "",
)
def publish_to_many(args: Arguments) -> dict[str, Any]:
    """On `/{product}/{device}/user/{TopicShortName}` of each of 100 devices; `TopicTemplateName` is the same with
    `${deviceName}` in it. A response topic cannot be one for all, and is the template as it is written."""
    product, payload = args.product(), args.base64("MessageContent")
    devices = args.devices(MOST_DEVICES)
    ending = args.text("TopicShortName", "") or _ending(product.key, args.text("TopicTemplateName", ""))
    if not ending:
        raise ApiError("iot.messagebroker.NullTopicName")
    qos, more = args.number("Qos", 0, high=1), _more(args, args.text("ResponseTopicTemplateName", ""))
    args.operations.messages.publish_to_all(args.account, devices, ending, payload, qos, more)
    return {}


def _ending(product_key: str, template: str) -> str:
    """What follows `user/` in `/a1carPK0001/${deviceName}/user/get`."""
    root = f"/{product_key}/${{deviceName}}/user/"
    if template and not template.startswith(root):
        raise ApiError("iot.messagebroker.InvalidFormattedTopicName", f"TopicTemplateName must begin with {root}.")
    return template.removeprefix(root)


def _more(args: Arguments, response_topic: str) -> Mqtt5:
    pairs = args.structures("UserProp", "Key", "Value")
    if any("Key" not in pair for pair in pairs):
        raise ApiError("InvalidParameter", "each of UserProp needs a Key.")
    data = args.text("CorrelationData", "")
    return Mqtt5(
        retain=args.flag("Retained"),
        payload_format=args.number("PayloadFormatIndicator", 0, high=1) or None,
        expiry_s=args.number("MessageExpiryInterval", 0, high=LONGEST_EXPIRY_S) or None,
        content_type=args.text("ContentType", ""),
        response_topic=response_topic,
        correlation_data=args.base64("CorrelationData") if data else b"",
        user=tuple((pair["Key"], pair.get("Value", "")) for pair in pairs),
    )


@action(
    "PubBroadcast",
    "ProductKey! TopicFullName MessageContent!",
    "MessageId",
)
def publish_broadcast(args: Arguments) -> dict[str, Any]:
    """To the subscribers of the topic, or without one to every device that is online, on its own topic."""
    product, topic = args.product(), args.text("TopicFullName", "")
    payload = args.base64("MessageContent")
    return {"MessageId": int(args.operations.messages.broadcast(args.account, product, payload, topic))}


@action(
    "RRpc",
    "device! RequestBase64Byte! Timeout Topic",
    "RrpcCode PayloadBase64Byte MessageId",
)
def rrpc(args: Arguments) -> dict[str, Any] | Pending:
    """Waits for the device; `RrpcCode` says how it went. The call itself succeeds even when the device is offline."""
    device, payload = args.device(), args.base64("RequestBase64Byte")
    text = args.text("Timeout", "8000")
    low, high = TIMEOUT_MS
    if not (text.isascii() and text.isdigit() and len(text) < 6 and low <= int(text) <= high):
        raise ApiError("iot.messagebroker.InvalidTimeoutValue")
    messages = args.operations.messages
    try:
        awaited = messages.rrpc(args.account, device, payload, int(text) / 1_000, args.text("Topic", ""))
    except OperationError as error:
        if error.reason is not Reason.OFFLINE:
            raise
        return {"RrpcCode": "OFFLINE", "MessageId": int(messages.new_id())}
    message_id = int(awaited.call.message_id)

    def finish() -> Mapping[str, Any]:
        try:
            answer = base64.b64encode(awaited.finish()).decode()
        except OperationError:
            return {"RrpcCode": "TIMEOUT", "MessageId": message_id}
        return {"RrpcCode": "SUCCESS", "PayloadBase64Byte": answer, "MessageId": message_id}

    return Pending(awaited.call, awaited.timeout_s, finish, awaited.close)

"""Actions that send something to a device: Pub, PubBroadcast, RRpc."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from jinqiao.gateway.platform.operations import OperationError, Reason

from ..action import action
from ..arguments import Arguments
from ..errors import ApiError
from ..pending import Pending

__all__ = ["publish", "publish_broadcast", "rrpc"]

#: Milliseconds an RRpc may take.
TIMEOUT_MS = (1_000, 8_000)


@action(
    "Pub",
    "ProductKey! TopicFullName! MessageContent! Qos",
    "MessageId",
)
def publish(args: Arguments) -> dict[str, Any]:
    product, topic = args.product(), args.text("TopicFullName")
    payload = args.base64("MessageContent")
    qos = args.number("Qos", 0, high=1)
    return {"MessageId": args.operations.messages.publish(args.account, product.key, topic, payload, qos)}


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

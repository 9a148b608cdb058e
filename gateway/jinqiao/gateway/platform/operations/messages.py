"""Messages to devices: on a topic, to all, and a question that waits for the answer."""

from __future__ import annotations

from collections.abc import Sequence

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.wire.alink.routing import find
from jinqiao.wire.alink.topics import Direction
from jinqiao.wire.mqtt.topics import has_wildcard

from ..auth.permission import LONGEST_TOPIC
from ..errands import Errand
from ..parts import Parts
from ..registry.accounts import Account
from ..registry.registry import Device, Product
from .awaited import Awaited
from .errors import OperationError, Reason
from .mqtt5 import PLAIN, Mqtt5
from .reach import Reach

__all__ = ["MAX_PAYLOAD", "Messages"]

#: Bytes of a message, and of one to many.
MAX_PAYLOAD, MAX_BROADCAST = 262_144, 65_536
#: What `publish` may not reach: properties and services have operations of their own.
_RESERVED_KINDS = frozenset({"property_set", "property_get", "service", "rrpc", "rrpc_custom", "rrpc_request"})


class Messages:
    """Raises BAD_TOPIC, TOO_LARGE, OFFLINE."""

    def __init__(self, parts: Parts, reach: Reach) -> None:
        self._parts, self._reach = parts, reach

    def publish(
        self, account: Account, product_key: str, topic: str, payload: bytes, qos: int = 0, more: Mqtt5 = PLAIN
    ) -> str:
        """Publish on a downlink topic of a product; returns the message's id. Retained are custom topics' messages."""
        product = self._reach.product(account, product_key)
        found = find(_sound(topic))
        if (
            found is None
            or found.product_key != product.key
            or Direction.DOWN not in found.row.direction
            or found.row.is_reply
            or found.row.kind in _RESERVED_KINDS
            or (more.retain and found.row.kind != "custom")
        ):
            raise OperationError(Reason.BAD_TOPIC)
        self._parts.out.send(Downlink(topic, _bounded(payload), qos, more.extras(account)))
        self._parts.followed.sent(topic, payload)
        return self._parts.calls.new_id()

    def publish_to_all(
        self,
        account: Account,
        devices: Sequence[Device],
        ending: str,
        payload: bytes,
        qos: int = 0,
        more: Mqtt5 = PLAIN,
    ) -> None:
        """Publish on the custom topic `/{product}/{device}/user/{ending}` of each of these devices: to all or none."""
        for device in devices:
            self._reach.allow(account, device)
        if not ending or ending.startswith("/") or len(ending) > LONGEST_TOPIC:
            raise OperationError(Reason.BAD_TOPIC)
        _sound(ending)
        extras = more.extras(account)
        _bounded(payload)
        for device in devices:
            topic = f"/{device.identity}/user/{ending}"
            self._parts.out.send(Downlink(topic, payload, qos, extras))
            self._parts.followed.sent(topic, payload)

    def broadcast(self, account: Account, product: Product, payload: bytes, topic: str = "") -> str:
        """To the subscribers of the topic, or without one to every device that is online by itself or over its gateway,
        on its own topic: one such message after the other. Simulated vehicles act on none. Raises TOO_OFTEN."""
        self._reach.product(account, product.key)
        message_id = self._parts.calls.new_id()
        _bounded(payload, MAX_BROADCAST)
        if topic:
            root = f"/broadcast/{product.key}/"
            if not _sound(topic).startswith(root) or topic == root:
                raise OperationError(Reason.BAD_TOPIC)
            self._parts.out.send(Downlink(topic, payload))
        else:
            name = f"broadcast to {product.key}"
            if self._parts.errands.is_under_way(name):
                raise OperationError(Reason.TOO_OFTEN, "a message to all is still under way")
            online = self._parts.presence.connected_devices(product.key)
            self._parts.errands.run(self._broadcast(online, message_id, payload), name)
        return message_id

    def _broadcast(self, online: Sequence[str], message_id: str, payload: bytes) -> Errand:
        for identity in online:
            self._parts.out.send(Downlink(f"/sys/{identity}/broadcast/request/{message_id}", payload))
            yield 0

    def rrpc(
        self, account: Account, device: Device, payload: bytes, timeout_s: float, topic: str = ""
    ) -> Awaited[bytes]:
        """Ask a device and wait: on the system's topic, or on a custom one of the device's own.

        Raises OFFLINE at once; the result TIMEOUT.
        """
        self._reach.allow(account, device)
        parts = self._parts
        if topic and (has_wildcard(topic) or not topic.startswith(f"/{device.product.key}/{device.name}/")):
            raise OperationError(Reason.BAD_TOPIC)
        _bounded(payload)
        if not parts.presence.is_online(device):
            raise OperationError(Reason.OFFLINE, code=9201)
        call = parts.calls.open(device.identity)
        system = f"/sys/{device.product.key}/{device.name}/rrpc/request/{call.message_id}"
        parts.out.send(Downlink(f"/ext/rrpc/{call.message_id}{topic}" if topic else system, payload))

        def finish() -> bytes:
            if call.answer is None:
                raise OperationError(Reason.TIMEOUT)
            return call.answer

        return Awaited(call, timeout_s, finish, lambda: parts.calls.close(call))

    def new_id(self) -> str:
        """An id for a message that was not sent."""
        return self._parts.calls.new_id()


def _sound(topic: str) -> str:
    if has_wildcard(topic) or "\0" in topic:
        raise OperationError(Reason.BAD_TOPIC)
    return topic


def _bounded(payload: bytes, most: int = MAX_PAYLOAD) -> bytes:
    if len(payload) > most:
        raise OperationError(Reason.TOO_LARGE, f"{len(payload)} bytes, at most {most}")
    return payload

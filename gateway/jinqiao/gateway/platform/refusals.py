"""Which topics a gateway has beside its own, and what is written down of those that nobody has."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise

from jinqiao.gateway.broker.policy import Principal
from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.routing import find

from .auth import permission
from .auth.identity import DeviceLogin
from .devices.device_log import DeviceLog, LogEntry
from .devices.presence import Sessions
from .registry.registry import Device, Registry
from .uplinks.sub_notices import error_downlink

__all__ = ["Refusals"]

_logger = logging.getLogger(__name__)


class Refusals(Sessions):
    """The device log, and who speaks for whom."""

    def __init__(self, registry: Registry, clock_ms: Callable[[], int]) -> None:
        super().__init__(registry, clock_ms)
        self.log = DeviceLog()

    def record(self, product_key: str, device_name: str, topic: str, code: int, message: str) -> None:
        """Write a refused or failed message into the device log, and tell Python's logging (DEBUG)."""
        entry = self.log.write(LogEntry(self.now_ms(), product_key, device_name, topic, code, message))
        # Quoted, because a client chose these texts.
        _logger.debug("%d %r: %r", code, entry.message, (entry.product_key, entry.device_name, entry.topic))

    def _sub_device(self, principal: Principal, product_key: str, device_name: str) -> Device | None:
        """The sub-device that is logged in over this connection."""
        speaks = self.gateways.speaks_for(f"{product_key}/{device_name}") == principal.identity
        return self.registry.device(product_key, device_name) if speaks else None

    def _speaks_on(self, principal: Principal, topic: str) -> bool:
        found = find(topic) if principal.kind == "device" else None
        if found is None or found.row.gateway_only:
            return False
        identity = f"{found.product_key}/{found.device_name}"
        return self.gateways.speaks_for(identity) == principal.identity and permission.publishes_as(identity, topic)

    def _hears(self, principal: Principal, topic_filter: str) -> bool:
        """A gateway may subscribe its sub-devices' topics, logged in or not."""
        if principal.kind != "device":
            return False
        plain = permission.unshared(topic_filter)
        # Product key and device name stand side by side in every topic of a device.
        return any(
            permission.subscribes_as(device, plain)
            for names in pairwise(plain.split("/"))
            if self.gateways.gateway_of("/".join(names)) == principal.identity
            and (device := self.registry.device(*names)) is not None
        )

    def _record_refusal(self, principal: Principal, topic: str) -> None:
        if not isinstance(principal.subject, DeviceLogin):
            return
        device = principal.subject.device
        code = self._refused_sub_device(device, topic)
        self.record(device.product.key, device.name, topic, code, TEXT[code])

    def _refused_sub_device(self, gateway: Device, topic: str) -> int:
        """Tell a gateway what is wrong with the sub-device it speaks for; 9236 when it is about none."""
        found = find(topic)
        if found is None or not found.device_name or f"{found.product_key}/{found.device_name}" == gateway.identity:
            return 9236
        if gateway.product.node_type != "gateway" and not self.gateways.count(gateway.identity):
            return 9236
        names = (found.product_key, found.device_name)
        identity = "/".join(names)
        code = 6401
        if self.gateways.gateway_of(identity) == gateway.identity:
            code = 522 if self.is_disabled(identity) else 520
        self.send(error_downlink(gateway, names, code, TEXT[code], self.calls.new_id()))
        return code

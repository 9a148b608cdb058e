"""What a client may publish and subscribe, its sub-devices' topics included; refusals go into the device log."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from jinqiao.gateway.broker.policy import Principal
from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.routing import find
from jinqiao.wire.mqtt.topics import has_wildcard

from ..devices.device_log import DeviceLog
from ..devices.topology import Topology
from ..notices import Notices
from ..registry.records import Records
from ..registry.registry import Device, Registry
from . import permission
from .identity import DeviceLogin

__all__ = ["Access"]

#: Codes of the device log and of `/ext/error`: no permission; a sub-device without session, disabled, of another.
_NOT_ALLOWED, _NO_SESSION, _DISABLED, _NOT_BOUND = 9236, 520, 522, 6401


class Access:
    """The rules of `permission`, and who speaks for whom."""

    def __init__(
        self, registry: Registry, records: Records, topology: Topology, log: DeviceLog, notices: Notices
    ) -> None:
        self._registry, self._records, self._topology = registry, records, topology
        self._log, self._notices = log, notices

    def may_publish(self, principal: Principal, topic: str) -> bool:
        """Whether this topic name is the principal's to write; a device's refusal is logged as 9236."""
        allowed = permission.may_publish(self._registry, principal, topic) or self._speaks_on(principal, topic)
        if not allowed:
            self._refuse(principal, topic)
        return allowed

    def may_subscribe(self, principal: Principal, topic_filter: str) -> bool:
        """Whether every topic this filter can match is the principal's to read; refusals are logged as above."""
        allowed = permission.may_subscribe(self._registry, principal, topic_filter)
        allowed = allowed or self._hears(principal, topic_filter)
        if not allowed:
            self._refuse(principal, topic_filter)
        return allowed

    def only_for(self, principal: Principal, topic_filter: str) -> str:
        """Whose topics alone this filter yields; empty for all that it matches.

        A device's own downlinks or those of the sub-device that it names, an application's products.
        """
        if principal.kind == "application":
            return permission.only_for_application(principal.subject, topic_filter)
        plain = permission.unshared(topic_filter)
        if principal.kind != "device" or not has_wildcard(plain):
            return ""
        if permission.subscribes_as(principal.subject.device, plain):
            return principal.identity
        return next((device.identity for device in self._sub_devices_named(principal, plain)), "")

    def sub_device(self, principal: Principal, product_key: str, device_name: str) -> Device | None:
        """The sub-device that is logged in over this connection."""
        speaks = self._topology.speaks_for(f"{product_key}/{device_name}") == principal.identity
        return self._registry.device(product_key, device_name) if speaks else None

    def _speaks_on(self, principal: Principal, topic: str) -> bool:
        found = find(topic) if principal.kind == "device" else None
        if found is None or found.row.gateway_only:
            return False
        device = self.sub_device(principal, found.product_key, found.device_name)
        return device is not None and permission.publishes_as(device, topic)

    def _hears(self, principal: Principal, topic_filter: str) -> bool:
        """A gateway may subscribe its sub-devices' topics, logged in or not."""
        if principal.kind != "device":
            return False
        plain = permission.unshared(topic_filter)
        return any(permission.subscribes_as(device, plain) for device in self._sub_devices_named(principal, plain))

    def _sub_devices_named(self, gateway: Principal, topic_filter: str) -> Iterator[Device]:
        # Product key and device name stand side by side in every topic of a device.
        for names in pairwise(topic_filter.split("/")):
            if self._topology.gateway_of("/".join(names)) == gateway.identity:
                device = self._registry.device(*names)
                if device is not None:
                    yield device

    def _refuse(self, principal: Principal, topic: str) -> None:
        if not isinstance(principal.subject, DeviceLogin):
            return
        device = principal.subject.device
        code = self._tell_of_sub_device(device, topic)
        self._log.record(device.product.key, device.name, topic, code, TEXT[code])

    def _tell_of_sub_device(self, gateway: Device, topic: str) -> int:
        """Tell a gateway what is wrong with the sub-device it speaks for; 9236 when it is about none."""
        found = find(topic)
        if found is None or not found.device_name or f"{found.product_key}/{found.device_name}" == gateway.identity:
            return _NOT_ALLOWED
        if gateway.product.node_type != "gateway" and not self._topology.count(gateway.identity):
            return _NOT_ALLOWED
        names = (found.product_key, found.device_name)
        identity = "/".join(names)
        code = _NOT_BOUND
        if self._topology.gateway_of(identity) == gateway.identity:
            code = _DISABLED if self._records.is_disabled(identity) else _NO_SESSION
        self._notices.error(gateway, names, code)
        return code

"""Gateways and their sub-devices, as a back end sees and changes them."""

from __future__ import annotations

from collections.abc import Sequence

from ..devices.topology import MOST_BOUND
from ..parts import Parts
from ..registry.accounts import Account
from ..registry.registry import Device
from .errors import OperationError, Reason
from .reach import Reach

__all__ = ["Topologies"]


class Topologies:
    """Of the sub-devices of a gateway an account sees those of its products."""

    def __init__(self, parts: Parts, reach: Reach) -> None:
        self._parts, self._reach = parts, reach

    def sub_devices(self, account: Account, gateway: Device) -> Sequence[Device]:
        """Those that are bound to a gateway, at most 2,000."""
        self._reach.allow(account, gateway)
        bound = self._parts.topology.bound_to(gateway.identity)
        return [device for device in bound if account.sees(device.product.key)]

    def gateway_of(self, account: Account, device: Device) -> Device:
        """The gateway that a sub-device is bound to; raises NOT_BOUND, and NO_DEVICE for one that is not seen."""
        self._reach.allow(account, device)
        gateway = self._parts.presence.gateway_of(device)
        if gateway is None:
            raise OperationError(Reason.NOT_BOUND, code=6401)
        self._reach.allow(account, gateway)
        return gateway

    def ask_to_add(self, account: Account, gateway: Device, devices: Sequence[Device]) -> str:
        """`thing.topo.add.notify`: have a gateway bind sub-devices, which it does by itself; the message's id.

        Raises TOPOLOGY_REFUSED where a gateway cannot have them.
        """
        self._reach.allow(account, gateway)
        for device in devices:
            self._reach.allow(account, device)
            if device.identity == gateway.identity:
                raise OperationError(Reason.TOPOLOGY_REFUSED, "a gateway is not its own sub-device", 6402)
        if self._parts.topology.count(gateway.identity) + len(devices) > MOST_BOUND:
            raise OperationError(Reason.TOPOLOGY_REFUSED, f"a gateway has at most {MOST_BOUND:,} sub-devices", 6400)
        return self._parts.notices.add_topology(gateway, devices)

    def remove(self, account: Account, device: Device) -> None:
        """Of a sub-device its relation to its gateway, of a gateway those of all its sub-devices that are seen: all at
        once. The gateway is notified (`thing.topo.change`). Raises NOT_BOUND where there is none."""
        self._reach.allow(account, device)
        bound = self.sub_devices(account, device)
        gateway = device if bound else self.gateway_of(account, device)
        released = bound or [device]
        with self._parts.events.together():
            for one in released:
                self._parts.presence.release(one)
            self._parts.events.make(lambda: self._parts.notices.topology_changed(gateway, released, "delete"))

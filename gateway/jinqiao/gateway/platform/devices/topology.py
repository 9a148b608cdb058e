"""Gateways and their sub-devices: who is bound to whom, and who is logged in over whose connection.

A sub-device is bound to one gateway at most. The binding is part of the sub-device's state and kept with it; sessions
end with the gateway's connection and are kept nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..registry.registry import Device
from .states import DeviceStates

__all__ = ["MOST_BOUND", "Topology"]

#: Sub-devices of one gateway (the limit of mid-2026; 1,500 in 2019).
MOST_BOUND = 2_000


class Topology:
    """Topology and sessions, by identity."""

    def __init__(self, states: DeviceStates) -> None:
        self._states = states
        self._gateway_of: dict[str, str] = {}
        self._bound: dict[str, dict[str, Device]] = {}
        self._sessions: dict[str, str] = {}

    def announce(self, gateway: str, device: Device) -> None:
        """The sub-device is about to belong to this gateway, to nobody where that is '': `put` and `part` make it so.

        Raises what those raise who have to agree.
        """
        with self._states.changing(device, "gateway") as draft:
            draft.gateway = gateway

    def put(self, gateway: str, device: Device) -> None:
        """The sub-device belongs to this gateway from now on, and to no other; nobody is notified."""
        self.part(device)
        self._gateway_of[device.identity] = gateway
        self._bound.setdefault(gateway, {})[device.identity] = device

    def part(self, device: Device) -> None:
        """The sub-device belongs to nobody, and has no session; nobody is notified."""
        gateway = self._gateway_of.pop(device.identity, None)
        if gateway is not None:
            self._bound[gateway].pop(device.identity, None)
            if not self._bound[gateway]:
                del self._bound[gateway]
        self._sessions.pop(device.identity, None)

    def gateway_of(self, identity: str) -> str | None:
        """The gateway a sub-device is bound to."""
        return self._gateway_of.get(identity)

    def bound_to(self, gateway: str) -> Iterable[Device]:
        """The sub-devices of a gateway."""
        return tuple(self._bound.get(gateway, {}).values())

    def count(self, gateway: str) -> int:
        return len(self._bound.get(gateway, ()))

    def log_in(self, device: Device) -> None:
        """A bound sub-device has a session over its gateway."""
        self._sessions[device.identity] = self._gateway_of[device.identity]

    def log_out(self, identity: str) -> bool:
        """Its session ends; whether it had one."""
        return self._sessions.pop(identity, None) is not None

    def speaks_for(self, identity: str) -> str | None:
        """The gateway over whose connection a sub-device is logged in."""
        return self._sessions.get(identity)

    def logged_in(self, gateway: str) -> Iterable[Device]:
        """The sub-devices that are logged in over this gateway."""
        return tuple(d for i, d in self._bound.get(gateway, {}).items() if i in self._sessions)

"""Who is online: devices by their own connection, sub-devices by their gateway's, simulated ones by their simulator's.

A device can be there by two protocols at once (MQTT, GB/T 32960): each end is noted by itself, and none ends the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from jinqiao.gateway.broker.policy import Principal

from ..errands import Errand, Errands
from ..events import FleetPresence, Offline, Online, VehiclesPresence
from ..listeners import Events
from ..notices import Notices
from ..outbound import Outbound
from ..registry.records import Records
from ..registry.registry import Device, Registry
from .away import AwayVehicles
from .states import DeviceStates
from .topology import Topology

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DeviceStatus", "Presence"]

#: Subscriptions that a gateway may have more for each sub-device that is logged in over it.
_SUBSCRIPTIONS_EACH = 100
#: Why a device is offline: another login of its own, its gateway is gone, or its connection just ended.
_LOGGED_IN_ELSEWHERE, _NO_SESSION, _ENDED = 427, 520, 400
#: Whose connection the messages of vehicles that are away go over: nobody's. No device's identity is without a slash.
_NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """Whether a device is connected, and since when (UTC ms; 0 when it has never been)."""

    state: Literal["inactive", "online", "offline", "disabled"]
    since_ms: int = 0


@dataclass(frozen=True, slots=True)
class _Session:
    """The MQTT connection a device has, or None after it ended or while it is logged in over its gateway."""

    principal: Principal | None
    since_ms: int


class Presence:
    """Connections and sessions of all devices, by identity."""

    def __init__(
        self,
        registry: Registry,
        records: Records,
        states: DeviceStates,
        topology: Topology,
        events: Events,
        out: Outbound,
        notices: Notices,
        errands: Errands,
        now_ms: Callable[[], int],
    ) -> None:
        self._registry, self._records, self._states, self._topology = registry, records, states, topology
        self._events, self._out, self._notices, self._errands, self._now_ms = events, out, notices, errands, now_ms
        self._sessions: dict[str, _Session] = {}
        self._simulators: dict[str, int] = {}
        #: Since when a device is connected by another protocol than MQTT.
        self._terminals: dict[str, int] = {}
        #: Why devices are about to be put out, by identity.
        self._reasons: dict[str, int] = {}
        #: The simulator's connection that takes downlinks and answers them.
        self._speaker: str | None = None
        #: Which of the vehicles that it speaks for are not there.
        self.away = AwayVehicles(registry)

    # Coming and going.

    def device_connected(self, principal: Principal) -> None:
        """A device's own connection is there; a session over a gateway was the older login of the two."""
        device: Device = principal.subject.device
        address = principal.subject.peer.rpartition(":")[0]
        self._records.note_online(device, address)  # kept first: if that fails, nobody has come
        self.end_sub_sessions(device)
        gateway = self._topology.speaks_for(device.identity)
        if gateway is not None:
            self._topology.log_out(device.identity)
            self._tell_gateway(gateway, device, _LOGGED_IN_ELSEWHERE)
            self._sub_session_ended(gateway, device, _LOGGED_IN_ELSEWHERE)
        elif self.peer_of(device) is not None:
            self._left(device, _LOGGED_IN_ELSEWHERE)
        self._leave_simulator(device)
        self._sessions[principal.identity] = _Session(principal, self._now_ms())
        self._arrived(device, address)

    def device_disconnected(self, principal: Principal) -> None:
        """Its connection ended; nothing changes if another connection has taken over meanwhile."""
        session = self._sessions.get(principal.identity)
        if session is not None and session.principal is principal:
            device: Device = principal.subject.device
            self._left(device)
            self.end_sub_sessions(device)

    def simulator_connected(self, principal: Principal) -> None:
        """The simulator is there, and with it every simulated vehicle that has no connection of its own."""
        if not self._simulators:
            self._events.emit(FleetPresence, True, self._now_ms())
        self._simulators[principal.identity] = self._now_ms()
        if principal.auto_subscribed:
            self._speaker = principal.identity

    def simulator_disconnected(self, principal: Principal) -> None:
        """Its connection ended."""
        if self._simulators.pop(principal.identity, None) is not None and not self._simulators:
            self._events.emit(FleetPresence, False, self._now_ms())
            self.away.clear()
        if self._speaker == principal.identity:
            self._speaker = None

    def vehicles_changed(
        self, product_key: str, vehicles: NDArray[np.int32], time_ms: int, *, online: bool, reason: int = _ENDED
    ) -> None:
        """Rows of a simulated product, shape (m,), have lost their network or have it again, as their simulator says.

        Who has a connection of its own comes and goes with that.
        """
        marked = self.away.mark(product_key, vehicles, time_ms, online=online)
        if marked is None:
            return
        fresh, names = marked
        self._reconsider_simulated()
        self._events.emit(VehiclesPresence, product_key, fresh, names, online, time_ms, reason)
        if online:
            self._errands.run(self._welcome(product_key, names))

    def _welcome(self, product_key: str, names: Sequence[str]) -> Errand:
        """What devices are sent when they come online."""
        for name in names:
            device = self._registry.device(product_key, name)
            state = self._states.known(device) if device is not None else None
            if device is not None and state is not None and self.is_online(device):
                self._notices.shadow_wishes(device, state.shadow, self._now_ms())
            yield 0

    def _reconsider_simulated(self) -> None:
        """Downlinks of simulated vehicles may go elsewhere now."""
        for connection in (self._speaker, _NOWHERE):
            if connection is not None:
                self._out.reconsider(connection)

    def _leave_simulator(self, device: Device) -> None:
        """A simulated vehicle has a connection of its own from now on: its simulator is no longer notified."""
        if self._speaker is not None and self._simulator_of(device.identity) is not None:
            self._reconsider_simulated()
        if device.product.devices.simulated:
            self.away.speaks_for_itself(device)

    def sub_device_logged_in(self, gateway: Device, device: Device) -> None:
        """A bound sub-device logs in over its gateway's connection; its own connection, if any, was the older login."""
        self._records.note_online(device)
        self._events.make(partial(self._begin_sub_session, gateway, device))

    def _begin_sub_session(self, gateway: Device, device: Device) -> None:
        self._out.end(device.identity)
        self._topology.log_in(device)
        self._sessions[device.identity] = _Session(None, self._now_ms())
        principal = self.peer_of(gateway)
        if principal is not None:
            principal.max_subscriptions += _SUBSCRIPTIONS_EACH
        self._out.reconsider(device.identity)
        self._out.reconsider(gateway.identity)
        self._arrived(device, "")

    def sub_device_logged_out(self, gateway: Device, device: Device, reason: int = _ENDED) -> bool:
        """Its session ends; whether it had one."""
        if not self._topology.log_out(device.identity):
            return False
        self._sub_session_ended(gateway.identity, device, reason)
        return True

    def end_sub_sessions(self, gateway: Device) -> None:
        """A gateway's connection is another, or gone: its sub-devices have no session any more."""
        for device in self._topology.logged_in(gateway.identity):
            self._topology.log_out(device.identity)
            self._sub_session_ended(gateway.identity, device, _NO_SESSION)

    def bind(self, gateway: Device, device: Device) -> None:
        """The sub-device belongs to this gateway from now on; the one that it belonged to is notified."""
        self._topology.announce(gateway.identity, device)
        self._events.make(partial(self._bound, gateway, device))

    def _bound(self, gateway: Device, device: Device) -> None:
        former = self.gateway_of(device)
        self.part(device)
        if former is not None:
            self._notices.topology_changed(former, [device], "delete")
        self._topology.put(gateway.identity, device)

    def release(self, device: Device) -> None:
        """The sub-device belongs to no gateway any more."""
        if self._topology.gateway_of(device.identity) is not None:
            self._topology.announce("", device)
            self._events.make(partial(self.part, device))

    def part(self, device: Device) -> None:
        """The same, where it has been announced: its session ends, and what its gateway may hear of it."""
        gateway, identity = self.gateway_of(device), self._topology.gateway_of(device.identity)
        if identity is None:
            return
        if gateway is not None:
            self.sub_device_logged_out(gateway, device)
        self._topology.part(device)
        self._out.reconsider(identity, device.identity)

    def gateway_of(self, device: Device) -> Device | None:
        """The gateway a sub-device is bound to."""
        identity = self._topology.gateway_of(device.identity)
        return self._registry.device(*identity.split("/", 1)) if identity is not None else None

    def terminal_connected(self, device: Device, address: str) -> None:
        """A device is connected by another protocol (GB/T 32960): online, but nothing can be pushed to it."""
        self._records.note_online(device, address)
        self._terminals[device.identity] = self._now_ms()
        self._events.emit(Online, device, self._now_ms(), address)

    def terminal_disconnected(self, device: Device) -> None:
        """That connection ended; one by MQTT goes on."""
        if self._terminals.pop(device.identity, None) is None:
            return
        if not self.is_online(device):
            principal = self.peer_of(device)
            self._sessions[device.identity] = _Session(principal, self._now_ms())
            self._events.emit(Offline, device, self._now_ms())

    def forget(self, device: Device) -> None:
        """The device is deleted: nobody of this name has ever been there."""
        self._sessions.pop(device.identity, None)
        self._terminals.pop(device.identity, None)
        self._reasons.pop(device.identity, None)

    def _arrived(self, device: Device, address: str) -> None:
        state = self._states.known(device)
        if state is not None:
            self._notices.shadow_wishes(device, state.shadow, self._now_ms())
        self._events.emit(Online, device, self._now_ms(), address)

    def will_leave(self, device: Device, reason: int) -> None:
        """The device, if it has a connection, is about to be put out for this reason (a code of the platform)."""
        if self.peer_of(device) is not None:
            self._reasons[device.identity] = reason

    def _left(self, device: Device, reason: int = _ENDED) -> None:
        self._sessions[device.identity] = _Session(None, self._now_ms())
        reason = self._reasons.pop(device.identity, reason)
        if device.identity not in self._terminals:
            self._events.emit(Offline, device, self._now_ms(), reason)

    def _sub_session_ended(self, gateway: str, device: Device, reason: int) -> None:
        self._left(device, reason)
        session = self._sessions.get(gateway)
        if session is not None and session.principal is not None:
            session.principal.max_subscriptions -= _SUBSCRIPTIONS_EACH
        self._out.reconsider(device.identity)
        self._out.reconsider(gateway)

    def _tell_gateway(self, gateway: str, device: Device, code: int) -> None:
        found = self._registry.device(*gateway.split("/", 1))
        if found is not None:
            self._notices.error(found, (device.product.key, device.name), code)

    # What is asked.

    def status(self, product_key: str, device_name: str) -> DeviceStatus | None:
        """Whether the device is connected; None when there is none. A simulated one is online with its simulator."""
        device = self._registry.device(product_key, device_name)
        return self.status_of(device) if device is not None else None

    def status_of(self, device: Device) -> DeviceStatus:
        """The same of a device that is known."""
        record = self._records.get(device.identity)
        if record is not None and record.disabled:
            return DeviceStatus("disabled", record.online_ms)
        session = self._sessions.get(device.identity)
        online = self._topology.speaks_for(device.identity) is not None
        if session is not None and (session.principal is not None or online):
            return DeviceStatus("online", session.since_ms)
        terminal_ms = self._terminals.get(device.identity)
        if terminal_ms is not None:
            return DeviceStatus("online", terminal_ms)
        if session is not None:
            return DeviceStatus("offline", session.since_ms)
        if device.product.devices.simulated and self._simulators:
            seen = self.away.seen(device)
            if seen is not None:
                return DeviceStatus("offline" if seen.away else "online", seen.since_ms)
            return DeviceStatus("online", min(self._simulators.values()))
        if record is not None and record.activated_ms:
            return DeviceStatus("offline", record.online_ms)
        return DeviceStatus("inactive")

    def is_online(self, device: Device) -> bool:
        """Whether the device is connected, itself or by its gateway."""
        return self.status_of(device).state == "online"

    def count(self, identities: Iterable[str]) -> tuple[int, int]:
        """How many of these devices have ever been online, and how many are: for many, without looking each one up."""
        active = online = 0
        simulated = {
            key for key, product in self._registry.products.items() if product.devices.simulated and self._simulators
        }
        for identity in identities:
            record, session = self._records.get(identity), self._sessions.get(identity)
            by_itself = session is not None and (
                session.principal is not None or self._topology.speaks_for(identity) is not None
            )
            product_key, _, name = identity.partition("/")
            by_simulator = session is None and product_key in simulated
            there = by_simulator and not self.away.is_away(product_key, name)
            is_online = by_itself or there or identity in self._terminals
            active += (
                is_online or by_simulator or session is not None or (record is not None and record.activated_ms > 0)
            )
            online += is_online and not (record is not None and record.disabled)
        return active, online

    def connected_devices(self, product_key: str) -> list[str]:
        """Identities of a product's devices that are online by a connection of their own, or over a gateway's."""
        return [
            identity
            for identity, session in self._sessions.items()
            if identity.partition("/")[0] == product_key
            and (session.principal is not None or self._topology.speaks_for(identity) is not None)
        ]

    def is_connected(self, identity: str) -> bool:
        """Whether a device is online by a connection of its own, its gateway's, or another protocol."""
        session = self._sessions.get(identity)
        own = session is not None and session.principal is not None
        return own or identity in self._terminals or self._topology.speaks_for(identity) is not None

    def simulated_since_ms(self, device: Device) -> tuple[int, int]:
        """Since when a simulated vehicle is known, and when it came online last; 0 while no simulator is there."""
        if not self._simulators:
            return 0, 0
        first_ms, seen = min(self._simulators.values()), self.away.seen(device)
        return first_ms, first_ms if seen is None or seen.away else seen.since_ms

    def speaker(self) -> str | None:
        """The identity of the simulator's connection that takes downlinks."""
        return self._speaker

    def simulator_is_there(self) -> bool:
        """Whether simulated vehicles are online that have no connection of their own."""
        return bool(self._simulators)

    def peer_of(self, device: Device) -> Principal | None:
        """The connection over which the device is online itself, or None."""
        session = self._sessions.get(device.identity)
        return session.principal if session is not None else None

    def connection_of(self, identity: str) -> str:
        """The identity whose connection a device's messages go over: its gateway's, its simulator's, or its own."""
        return self._topology.speaks_for(identity) or self._simulator_of(identity) or identity

    def _simulator_of(self, identity: str) -> str | None:
        """The simulator that speaks for a vehicle; None for one that has had a connection of its own."""
        if self._speaker is None or identity in self._sessions:
            return None
        device = self._registry.device(*identity.split("/", 1))
        if device is None or not device.product.devices.simulated:
            return None
        return _NOWHERE if self.away.is_away(device.product.key, device.name) else self._speaker

    def speaks_ext(self, identity: str) -> bool:
        """Whether synchronous calls reach it on `/ext/rrpc/…`: bit 0 of the `ext` its connection logged in with.

        Simulated vehicles take them.
        """
        connection = self.connection_of(identity)
        if connection == self._speaker:
            return True
        session = self._sessions.get(connection)
        return bool(session and session.principal and session.principal.subject.takes_custom_rrpc)

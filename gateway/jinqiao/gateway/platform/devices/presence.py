"""Who is online: devices by their own connection, sub-devices by their gateway's, simulated ones by their simulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from jinqiao.gateway.broker.policy import Downlink, Principal
from jinqiao.gateway.platform.auth.token import Token
from jinqiao.gateway.platform.calls import Calls
from jinqiao.gateway.platform.registry.records import DeviceRecord, IotIds
from jinqiao.gateway.platform.registry.registry import Device, Registry
from jinqiao.gateway.platform.uplinks.shadow import shadow_wishes
from jinqiao.gateway.platform.uplinks.sub_notices import error_downlink
from jinqiao.wire.alink.codes import TEXT

from .states import Memory

__all__ = ["DeviceStatus", "Sessions"]

#: Subscriptions that a gateway may have more for each sub-device that is logged in over it.
_SUBSCRIPTIONS_EACH = 100


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """Whether a device is connected, and since when (UTC ms; 0 when it has never been)."""

    state: Literal["inactive", "online", "offline", "disabled"]
    since_ms: int = 0


@dataclass(slots=True)
class _Presence:
    """The connection a device is online by, or None after it ended."""

    principal: Principal | None
    since_ms: int


def _nowhere(_: Downlink) -> None:
    """No broker is there to publish it."""


def _to_nobody(_: str, __: Downlink) -> None:
    """No broker is there to deliver it."""


def _no_one(_: str, __: str) -> None:
    """No broker is there to be told."""


def _nobody(_: str) -> None:
    """No broker is there to be told."""


class Sessions(Memory):
    """Presence of devices, and what is noted about them."""

    def __init__(self, registry: Registry, clock_ms: Callable[[], int]) -> None:
        super().__init__(registry)
        self._clock_ms = clock_ms
        self.calls = Calls(clock_ms)
        #: Publishes a message of the platform; whoever runs a broker puts its own here.
        self.send: Callable[[Downlink], None] = _nowhere
        #: The same, to one connection whatever it is subscribed to: identity, message.
        self.deliver: Callable[[str, Downlink], None] = _to_nobody
        #: Ends the connection of an identity; whoever runs a broker puts its own here.
        self.close_session: Callable[[str], None] = _nobody
        #: Told when what an identity may publish and is pushed has changed; and which of its subscriptions to look at
        #: again: those with the second text in their filters, none if that is empty.
        self.reconsider: Callable[[str, str], None] = _no_one
        self.records: dict[str, DeviceRecord] = {}
        self.iot_ids = IotIds(registry)
        #: Tokens of HTTPS pre-authentication, by the user name they are for.
        self.tokens: dict[str, Token] = {}
        self._present: dict[str, _Presence] = {}
        self._simulators: dict[str, int] = {}
        #: Devices that are connected by another protocol than MQTT.
        self._terminals: set[str] = set()
        #: The simulator's connection that takes downlinks and answers them.
        self._speaker: str | None = None

    def now_ms(self) -> int:
        """UTC milliseconds of the platform's clock."""
        return self._clock_ms()

    # Coming and going.

    def came(self, principal: Principal) -> None:
        """A device's own connection is there; a session over a gateway was the older login of the two."""
        device: Device = principal.subject.device
        self.lodgers_go(device)
        gateway = self.gateways.speaks_for(device.identity)
        if gateway is not None:
            self.gateways.log_out(device.identity)
            self._tell_gateway(gateway, device, 427)
            self._lodger_gone(gateway, device)
        self._leave_simulator(device)
        self._present[principal.identity] = _Presence(principal, self.now_ms())
        self.note_online(device, principal.subject.peer.rpartition(":")[0])
        self._greet(device)

    def went(self, principal: Principal) -> None:
        """Its connection ended; nothing changes if another connection has taken over meanwhile."""
        presence = self._present.get(principal.identity)
        if presence is not None and presence.principal is principal:
            self._present[principal.identity] = _Presence(None, self.now_ms())
            self.lodgers_go(principal.subject.device)

    def simulator_came(self, principal: Principal) -> None:
        """The house's simulator is there, and with it every simulated vehicle that has no connection of its own."""
        self._simulators[principal.identity] = self.now_ms()
        if principal.auto_subscribed:
            self._speaker = principal.identity

    def simulator_went(self, principal: Principal) -> None:
        """Its connection ended."""
        self._simulators.pop(principal.identity, None)
        if self._speaker == principal.identity:
            self._speaker = None

    def _leave_simulator(self, device: Device) -> None:
        """A simulated vehicle has a connection of its own from now on: its simulator is not told any more."""
        if self._speaker is not None and self._simulator_of(device.identity) is not None:
            self.reconsider(self._speaker, "")

    def sub_device_came(self, gateway: Device, device: Device) -> None:
        """A sub-device logged in over its gateway's connection."""
        self._present[device.identity] = _Presence(None, self.now_ms())
        principal = self.peer_of(gateway)
        if principal is not None:
            principal.max_subscriptions += _SUBSCRIPTIONS_EACH
        self.note_online(device)
        self.reconsider(device.identity, "")
        self.reconsider(gateway.identity, "")
        self._greet(device)

    def sub_device_went(self, gateway: Device, device: Device) -> None:
        """Its session ended."""
        self._lodger_gone(gateway.identity, device)
        principal = self.peer_of(gateway)
        if principal is not None:
            principal.max_subscriptions -= _SUBSCRIPTIONS_EACH

    def lodgers_go(self, gateway: Device) -> None:
        """A gateway's connection is another, or gone: its sub-devices have no session any more."""
        for device in self.gateways.logged_in(gateway.identity):
            self.gateways.log_out(device.identity)
            self._lodger_gone(gateway.identity, device)

    def terminal_came(self, device: Device, address: str) -> None:
        """A device is connected by another protocol (GB/T 32960): online, but nothing can be pushed to it."""
        self._terminals.add(device.identity)
        self._present[device.identity] = _Presence(None, self.now_ms())
        self.note_online(device, address)

    def terminal_went(self, device: Device) -> None:
        """Its connection ended."""
        self._terminals.discard(device.identity)
        self._present[device.identity] = _Presence(None, self.now_ms())

    def _lodger_gone(self, gateway: str, device: Device) -> None:
        self._present[device.identity] = _Presence(None, self.now_ms())
        self.reconsider(device.identity, "")
        self.reconsider(gateway, "")

    def _greet(self, device: Device) -> None:
        state = self.known_state(device)
        if state is not None:
            for downlink in shadow_wishes(device, state.shadow, self.now_ms()):
                self.send(downlink)

    def _tell_gateway(self, gateway: str, device: Device, code: int) -> None:
        found = self.registry.device(*gateway.split("/", 1))
        if found is not None:
            names = (device.product.key, device.name)
            self.send(error_downlink(found, names, code, TEXT[code], self.calls.new_id()))

    def take_service(self, device: Device, identifier: str, call: str, given: str, output: str) -> None:
        """Remember a call of a service or its answer: input and output as JSON, empty for what is not known."""
        self.history.service(device, identifier, call, given, output, self.now_ms())

    # What the house asks.

    def status(self, product_key: str, device_name: str) -> DeviceStatus | None:
        """Whether the device is connected; None when there is none. A simulated one is online with its simulator."""
        device = self.registry.device(product_key, device_name)
        if device is None:
            return None
        record = self.records.get(device.identity)
        if record is not None and record.disabled:
            return DeviceStatus("disabled", record.online_ms)
        presence = self._present.get(device.identity)
        if presence is not None:
            online = (
                presence.principal is not None
                or device.identity in self._terminals
                or self.gateways.speaks_for(device.identity) is not None
            )
            return DeviceStatus("online" if online else "offline", presence.since_ms)
        if device.product.devices.simulated and self._simulators:
            return DeviceStatus("online", min(self._simulators.values()))
        if record is not None and record.activated_ms:
            return DeviceStatus("offline", record.online_ms)
        return DeviceStatus("inactive")

    def is_online(self, device: Device) -> bool:
        """Whether the device is connected, itself or by its gateway."""
        status = self.status(device.product.key, device.name)
        return status is not None and status.state == "online"

    def connected_devices(self, product_key: str) -> list[str]:
        """Identities of a product's devices that are online by a connection of their own, or over a gateway's."""
        return [
            identity
            for identity, presence in self._present.items()
            if identity.partition("/")[0] == product_key
            and (presence.principal is not None or self.gateways.speaks_for(identity) is not None)
        ]

    def peer_of(self, device: Device) -> Principal | None:
        """The connection over which the device is online itself, or None."""
        presence = self._present.get(device.identity)
        return presence.principal if presence is not None else None

    def connection_of(self, identity: str) -> str:
        """The identity whose connection a device's messages go over: its gateway's, its simulator's, or its own."""
        return self.gateways.speaks_for(identity) or self._simulator_of(identity) or identity

    def _simulator_of(self, identity: str) -> str | None:
        """The simulator that speaks for a vehicle; None for one that has had a connection of its own."""
        if self._speaker is None or identity in self._present:
            return None
        device = self.registry.device(*identity.split("/", 1))
        return self._speaker if device is not None and device.product.devices.simulated else None

    def takes_custom_rrpc(self, device: Device) -> bool:
        """Whether synchronous calls reach it on `/ext/rrpc/…`: bit 0 of the `ext` its connection logged in with."""
        return self.speaks_ext(device.identity)

    def speaks_ext(self, identity: str) -> bool:
        """The same by identity. Simulated vehicles take them."""
        connection = self.connection_of(identity)
        if connection == self._speaker:
            return True
        presence = self._present.get(connection)
        return bool(presence and presence.principal and presence.principal.subject.takes_custom_rrpc)

    def record_of(self, device: Device) -> DeviceRecord:
        """What is noted about a device; an empty record, kept nowhere, when nothing is."""
        return self.records.get(device.identity) or DeviceRecord()

    def is_disabled(self, identity: str) -> bool:
        """Whether this device may not connect."""
        record = self.records.get(identity)
        return record is not None and record.disabled

    def note(self, device: Device, **facts: Any) -> DeviceRecord:
        """Note facts about a device (fields of DeviceRecord), and keep them."""
        record = self.records.setdefault(device.identity, DeviceRecord(created_ms=self.now_ms()))
        for name, value in facts.items():
            setattr(record, name, value)
        self.on_change("record", device.product.key, device.name, record.dump())
        return record

    def note_online(self, device: Device, address: str = "") -> None:
        """The device is online: the first time it is activated, which is kept; later times are only remembered."""
        now_ms = self.now_ms()
        record = self.records.get(device.identity)
        if record is None or not record.activated_ms:
            self.note(device, activated_ms=now_ms, online_ms=now_ms, address=address)
        else:
            record.online_ms, record.address = now_ms, address

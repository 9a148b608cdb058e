"""The platform as a broker sees it: `Platform` answers the questions of `jinqiao.gateway.broker.policy.Policy`.

Theory of operation
-------------------

The platform is the mirror of one instance of a cloud IoT platform, sans-I/O: values in, values out, no socket, no
file, no thread. All of it runs on one thread, the broker's event loop. It has two doors, and everything else is a
neighbour of the same kind:

 * `events` (events/, listeners.py): what happened. Storage, history, forwarding, rules and consoles subscribe.
 * `operations` (operations/): what can be asked of it. Each operation says who asks, an `Account`, and raises
   `OperationError`. Cloud calls, rules and consoles are callers.

Between the doors stand `parts` (parts.py): registry, records, states, topology, presence … each with state and rules
of its own. Uplinks go through one table (uplinks/table.py: topic → handler) and change parts; so do operations.

Invariants:

 1. Announced first, changed after, then acknowledged. A listener that must agree to a change (storage) is asked first;
    a refused change has not happened. There is one way to change a device's state, `DeviceStates.changing`.
 2. Nobody assigns an attribute of a part or of the platform from outside. A broker is named once, by `carried_by`.
 3. Handlers and operations never keep anything between two calls; parts do.
 4. Messages of simulated vehicles are trusted and not parsed; everybody else's are validated. `handles_trusted` names
    those that are read all the same.
 5. What the answer to `may_publish` and `may_subscribe` depends on may change only together with `Outbound.reconsider`,
    because brokers remember the answers.

What was tried and dropped: one object with four layers of parents, whose attributes others assigned (each neighbour
needed a hook of its own); handlers named in the table of topics (the device's end then loaded the whole server).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from jinqiao.base.errors import ProtocolError
from jinqiao.gateway.broker.policy import Carrier, Downlink, Login, Principal
from jinqiao.wire.alink.limits import DEVICE_RATES
from jinqiao.wire.alink.routing import Found, find
from jinqiao.wire.mqtt.reasons import Reason

from .auth import permission
from .auth.identity import (
    BAD_CREDENTIALS,
    KEEP_ALIVE_S,
    UNAVAILABLE,
    ClientId,
    Denied,
    DeviceLogin,
    SimulatorLogin,
    TooOften,
    authenticate,
    device_principal,
    parse_client_id,
)
from .auth.rates import RatesOf
from .auth.registration import REGISTRATIONS, register_by_mqtt
from .auth.token import token_login
from .converters.aside import Crowded
from .devices.past import NO_HISTORY, Past
from .operations import Operations
from .parts import Parts
from .provisioning import PUT_OUT
from .registry.registry import Device, Registry
from .subscriptions.queues import NO_QUEUES, Queues
from .uplinks.custom import forward_custom
from .uplinks.table import HANDLERS
from .uplinks.uplink import Handler, Uplink

__all__ = ["Platform"]

#: Bytes; more is dropped and logged.
MAX_PAYLOAD = 262_144

#: Codes of the device log: above a rate; too large; not allowed.
THROTTLED, TOO_LARGE, NOT_ALLOWED = 9324, 9320, 9236
#: Uplinks of simulated vehicles that nobody reads on their way: a fleet says them every second. Their raw data is CAN,
#: for subscribers; as raw data of a product without a converter each batch would be refused, and fill the device log.
_UNREAD = frozenset({"property_post", "event_post", "raw_up"})
#: Ends of the topics that a converter reads.
_RAW = ("/thing/model/up_raw", "/thing/model/down_raw_reply")


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class Platform:
    """The mirror of one platform instance.

    `clock_ms` gives UTC milliseconds (simulated time where vehicles are simulated); `simulator` are the credentials of
    the simulator's own connection, whose messages are trusted. `rates` says whose rates the platform keeps: those of
    all devices, of real ones only (simulated vehicles at ten times the speed say ten times as much), or of none.
    `cut_off` ends the connection of a device that publishes without permission; else the message is dropped. `past`
    is asked for what devices said, `queues` how those of consumer groups stand.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        clock_ms: Callable[[], int] = _wall_clock_ms,
        simulator: tuple[str, str] | None = None,
        rates: RatesOf = "all",
        cut_off: bool = False,
        past: Past = NO_HISTORY,
        queues: Queues = NO_QUEUES,
    ) -> None:
        self.parts = parts = Parts.assemble(registry, clock_ms, rates)
        self.registry, self.events, self.log = registry, parts.events, parts.log
        self.operations = Operations(parts, past, queues)
        self._simulator = SimulatorLogin(*simulator) if simulator is not None else None
        self._cut_off = cut_off

    def carried_by(self, carrier: Carrier) -> None:
        """Messages of the platform's own go out over this broker from now on."""
        self.parts.out.use(carrier)

    # What a broker asks (Policy).

    def authenticate(self, login: Login) -> Principal:
        """Who this is; raises Refused with a CONNACK code of MQTT 3.1.1."""
        try:
            principal = self._judged(login)
            if isinstance(principal.subject, DeviceLogin):
                self._restrain(principal, principal.subject.device)
            return principal
        except Denied as denied:
            names = denied.product_key, denied.device_name
            self.log.record(*names, "CONNECT", denied.code, str(denied), stranger=True)
            raise

    def _judged(self, login: Login) -> Principal:
        try:
            return self._registration(login) or self._admitted(login)
        except Denied:
            if not self.parts.elsewhere.look():
                raise
        return self._registration(login) or self._admitted(login)

    def _registration(self, login: Login) -> Principal | None:
        client = parse_client_id(login.client_id)
        device_name, _, product_key = (login.username or "").rpartition("&")
        if client is None or not device_name or client.parameters.get("authType") not in REGISTRATIONS:
            return None
        return register_by_mqtt(self.parts, login, client, product_key, device_name)

    def _admitted(self, login: Login) -> Principal:
        parts = self.parts
        principal = token_login(login, parts.tokens, self.registry, parts.now_ms()) or authenticate(
            login, self.registry, self._simulator, lambda device: parts.records.of(device).token
        )
        if principal.kind == "device" and parts.records.is_disabled(principal.identity):
            device = principal.subject.device
            why = "device disabled"
            raise Denied(BAD_CREDENTIALS, 6204, why, product_key=device.product.key, device_name=device.name)
        return principal

    def _restrain(self, principal: Principal, device: Device) -> None:
        """Put the platform's limits on a device that has just proved who it is."""
        principal.cut_off = self._cut_off
        if not self.parts.quotas.is_limited(device):
            return
        if not self.parts.quotas.admits_login(device):
            why = "more logins in a minute than a device may have"
            raise TooOften(UNAVAILABLE, THROTTLED, why, product_key=device.product.key, device_name=device.name)
        principal.rates = DEVICE_RATES

    def renewed(self, principal: Principal) -> Principal | None:
        """A client that is away as it would be admitted now. A device's rights end with the device, or with what
        `Outbound.reconsider` names; an application's change with its products, and with those that there are."""
        if principal.kind == "device":
            device = principal.subject.device
            return principal if self.registry.device(device.product.key, device.name) is not None else None
        if principal.kind == "application":
            application = self.registry.application(principal.subject.username)
            return replace(principal, subject=application) if application is not None else None
        if principal.kind == "anonymous":
            return replace(principal) if self.registry.anonymous else None
        return principal

    def may_publish(self, principal: Principal, topic: str) -> bool:
        """Whether this topic name is the principal's to write; a device's refusal is logged."""
        return self.parts.access.may_publish(principal, topic)

    def may_retain(self, principal: Principal, topic: str) -> bool:
        """A device's messages to the platform are nobody's to find later: it may leave them on custom topics only."""
        return principal.kind != "device" or self.kind(topic) == "custom"

    def may_subscribe(self, principal: Principal, topic_filter: str) -> bool:
        """Whether every topic this filter can match is the principal's to read; a device's refusal is logged."""
        return self.parts.access.may_subscribe(principal, topic_filter)

    def only_for(self, principal: Principal, topic_filter: str) -> str:
        """Whose topics alone a filter yields, for `is_for`; empty for everything it matches."""
        return self.parts.access.only_for(principal, topic_filter)

    def is_for(self, reader: str, topic: str) -> bool:
        """Whether this topic is to be delivered to whom `only_for` has named."""
        return permission.is_for(self.registry, reader, topic)

    def handles(self, topic: str) -> bool:
        """Whether `receive` does anything with this topic."""
        found = find(topic)
        if found is None:
            return False
        if found.row.kind == "custom":
            parts = self.parts
            return parts.forwarded.wants(found.product_key, "device_data") or parts.followed.hears(found, topic)
        return found.row.pattern in HANDLERS

    def handles_trusted(self, topic: str) -> bool:
        """Whether `receive` acts on it also for simulated vehicles: their replies and requests, not their telemetry."""
        found = find(topic)
        return found is not None and found.row.kind not in _UNREAD

    def receive(self, principal: Principal, topic: str, payload: bytes) -> Iterable[Downlink]:
        """Act on a device's uplink and say what to publish in answer; () for what is merely forwarded."""
        found = find(topic)
        if found is not None and found.row.kind == "custom":
            self._follow(principal, found, topic, payload)
        handler = self._handler(found) if found is not None else None
        if found is None or handler is None:
            return ()
        device: Device | None
        if principal.kind == "simulator":
            device = self.registry.device(found.product_key, found.device_name)
            return () if device is None else self._dispatch(device, topic, payload)
        if principal.kind != "device":
            return ()
        device = principal.subject.device
        if f"{found.product_key}/{found.device_name}" != principal.identity:
            device = self.parts.access.sub_device(principal, found.product_key, found.device_name)
        if device is None:
            return ()
        if len(payload) > MAX_PAYLOAD:
            self._note(device, topic, TOO_LARGE, f"{len(payload)} bytes, at most {MAX_PAYLOAD}")
            return ()
        uplink = Uplink(device, topic, found.variables, payload, self.parts, self._dispatch)
        if self.parts.aside.is_busy(device.identity):
            return self._act_in_turn(handler, uplink)
        return handler(uplink)

    def _follow(self, principal: Principal, found: Found, topic: str, payload: bytes) -> None:
        """What the product says to a simulated vehicle, or a vehicle itself detects."""
        if principal.kind == "application":
            self.parts.followed.published(found, topic, payload)
        elif principal.kind == "device" and principal.identity == f"{found.product_key}/{found.device_name}":
            self.parts.followed.published(found, topic, payload, by_device=True)

    def _handler(self, found: Found) -> Handler | None:
        """What acts on a topic; on a custom one only where somebody wants what is published there."""
        if found.row.kind == "custom":
            return forward_custom if self.parts.forwarded.wants(found.product_key, "device_data") else None
        return HANDLERS.get(found.row.pattern)

    def _act_in_turn(self, handler: Handler, uplink: Uplink) -> Iterable[Downlink]:
        """Act on a message behind the raw data that the same device sent before, and a script still works on."""
        device = uplink.device

        def act() -> Iterable[Downlink]:
            known = self.registry.device(device.product.key, device.name)
            return handler(uplink) if known is not None else ()

        if uplink.topic.endswith(_RAW):
            return handler(uplink)  # which waits in the same line
        try:
            return self.parts.aside.after(device.product.key, device.identity, act)
        except Crowded:
            self._note(device, uplink.topic, THROTTLED, "too much waits for the product's script already")
            return ()

    def admits_without_mqtt(self, device: Device, topic: str, payload: bytes) -> bool:
        """Whether such a message is within the device's rates: those of its connection by MQTT, where it has one."""
        size = len(topic) + len(payload)
        within = self.parts.out.takes(device.identity, topic, size)
        return self.parts.quotas.admits_http(device, size) if within is None else within

    def take_without_mqtt(self, device: Device, topic: str, payload: bytes) -> bool:
        """Forward and act on a message that a device sent over another protocol, and proved to have sent.

        False for a topic on which it may not, or on which nothing but a connection makes sense. Replies go nowhere.
        """
        found = find(topic)
        if found is None or found.row.gateway_only or found.row.is_reply:
            return False
        principal = self.client_of(device)
        if not self.may_publish(principal, topic):
            return False
        self.parts.out.send(Downlink(topic, payload))
        tuple(self.receive(principal, topic, payload))
        return True

    def client_of(self, device: Device) -> Principal:
        """The client that this device is when somebody else carries its messages."""
        login = Login("", f"{device.name}&{device.product.key}", None, 4, True, KEEP_ALIVE_S[0])
        return device_principal(login, ClientId("", {}), device)

    def _dispatch(self, device: Device, topic: str, payload: bytes) -> Iterable[Downlink]:
        """Act on a message as if the device had published it on that topic."""
        found = find(topic)
        handler = self._handler(found) if found is not None else None
        if found is None or handler is None:
            return ()
        return handler(Uplink(device, topic, found.variables, payload, self.parts, self._dispatch))

    def kind(self, topic: str) -> str:
        """The topic's kind, under which it is counted; `other` for an ordinary topic."""
        if topic.startswith("$SYS/"):
            return "sys"
        found = find(topic)
        return found.row.kind if found is not None else "other"

    def pushed_to(self, topic: str) -> str | None:
        """Identity of the device that gets this downlink unasked if it is auto-subscribed, or None."""
        found = find(topic)
        if found is None or not (found.row.pushed or found.row.pushed_to_ext):
            return None
        identity, presence = f"{found.product_key}/{found.device_name}", self.parts.presence
        return presence.connection_of(identity) if found.row.pushed or presence.speaks_ext(identity) else None

    def throttled(self, principal: Principal, topic: str) -> None:
        """A device is above its rates: logged as 9324."""
        if isinstance(principal.subject, DeviceLogin):
            self._note(principal.subject.device, topic, THROTTLED, "above the device's rate")

    def refused(self, principal: Principal, topic: str, why: str) -> None:
        """A limit of the broker keeps a device from something: logged as 9236."""
        if isinstance(principal.subject, DeviceLogin):
            self._note(principal.subject.device, topic, NOT_ALLOWED, why)

    def expelled(self, principal: Principal, error: ProtocolError) -> None:
        """A device is put out for what it sent: logged as 9320 where that was too large, else as 400."""
        if isinstance(principal.subject, DeviceLogin):
            code = TOO_LARGE if error.reason == Reason.PACKET_TOO_LARGE else PUT_OUT
            self._note(principal.subject.device, "DISCONNECT", code, str(error))

    def connected(self, principal: Principal) -> None:
        """A login was accepted: its device is online."""
        if principal.kind == "device":
            self.parts.provisioning.log_put_out(principal.subject.device, "another login of the device")
            self.parts.presence.device_connected(principal)
        elif principal.kind == "simulator":
            self.parts.presence.simulator_connected(principal)
        elif principal.kind == "registering":
            self.parts.out.deliver(principal.identity, principal.subject.answer)

    def disconnected(self, principal: Principal) -> None:
        """Its connection ended; nothing changes if another connection has taken over meanwhile."""
        if principal.kind == "device":
            self.parts.presence.device_disconnected(principal)
        else:
            self.parts.presence.simulator_disconnected(principal)

    def _note(self, device: Device, topic: str, code: int, message: str) -> None:
        self.log.record(device.product.key, device.name, topic, code, message)

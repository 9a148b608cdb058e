"""The platform as a broker sees it: `Platform` answers the questions of `jinqiao.gateway.broker.policy.Policy`.

Sans-I/O: logins and messages in, principals and downlinks out. The only state is who is online and the device log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Literal

from jinqiao.base.errors import PlatformError, ProtocolError
from jinqiao.gateway.broker.policy import Downlink, Login, Principal
from jinqiao.wire.alink.limits import DEVICE_RATES
from jinqiao.wire.alink.routing import find
from jinqiao.wire.mqtt.reasons import Reason

from .auth import permission
from .auth.identity import (
    BAD_CREDENTIALS,
    UNAVAILABLE,
    Denied,
    DeviceLogin,
    InHouse,
    TooOften,
    authenticate,
    parse_client_id,
)
from .auth.meters import Logins, ShadowRequests, SubLogins
from .auth.registration import REGISTRATIONS, register_by_mqtt
from .auth.token import token_login
from .devices.ota import Firmware, Upgrade
from .devices.presence import DeviceStatus
from .life_cycle import life_cycle
from .provisioning import register_device
from .refusals import Refusals
from .registry.registry import Device, Product, Registry
from .uplinks.ota import push_ota
from .uplinks.shadow import change_shadow
from .uplinks.table import HANDLERS
from .uplinks.uplink import Uplink

__all__ = ["DeviceStatus", "Platform", "RatesOf"]

#: Devices of one product that devices themselves may have registered.
MOST_DEVICES = 500_000

#: Bytes; more is dropped and logged.
MAX_PAYLOAD = 262_144

#: Code of the device log for what is above a rate.
THROTTLED = 9324

#: Code of the device log for a connection that the platform ended.
PUT_OUT = 400
#: Uplinks of simulated vehicles that nobody reads on their way: a fleet says them every second. Their raw data is CAN,
#: for subscribers; as raw data of a product without a converter each batch would be refused, and fill the device log.
_UNREAD = frozenset({"property_post", "event_post", "raw_up"})

#: Whose rates are kept.
RatesOf = Literal["all", "real", "none"]


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class Platform(Refusals):
    """The mirror of one platform instance.

    `clock_ms` gives UTC milliseconds (simulated time where vehicles are simulated); `in_house` are the credentials of
    the house's own simulator, whose messages are trusted. `rates` says whose rates the platform keeps: those of all
    devices, of real ones only (simulated vehicles at ten times the speed say ten times as much), or of none.
    `cut_off` ends the connection of a device that publishes without permission; else the message is dropped.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        clock_ms: Callable[[], int] = _wall_clock_ms,
        in_house: tuple[str, str] | None = None,
        rates: RatesOf = "all",
        cut_off: bool = False,
    ) -> None:
        super().__init__(registry, clock_ms)
        self._in_house = InHouse(*in_house) if in_house is not None else None
        self._rates = rates
        self._cut_off = cut_off
        self._logins = Logins()
        self._shadow_requests = ShadowRequests()
        self._sub_logins = SubLogins()

    # What a broker asks (Policy).

    def authenticate(self, login: Login) -> Principal:
        """Who this is; raises Refused with a CONNACK code of MQTT 3.1.1."""
        try:
            principal = self._registration(login) or self._admitted(login)
            if isinstance(principal.subject, DeviceLogin):
                self._restrain(principal, principal.subject.device)
            return principal
        except Denied as denied:
            self.record(denied.product_key, denied.device_name, "CONNECT", denied.code, str(denied))
            raise

    def _registration(self, login: Login) -> Principal | None:
        client = parse_client_id(login.client_id)
        device_name, _, product_key = (login.username or "").rpartition("&")
        if client is None or not device_name or client.parameters.get("authType") not in REGISTRATIONS:
            return None
        return register_by_mqtt(self, login, client, product_key, device_name)

    def _admitted(self, login: Login) -> Principal:
        principal = token_login(login, self.tokens, self.registry, self.now_ms()) or authenticate(
            login, self.registry, self._in_house, lambda device: self.record_of(device).token
        )
        if principal.kind == "device" and self.is_disabled(principal.identity):
            device = principal.subject.device
            why = "device disabled"
            raise Denied(BAD_CREDENTIALS, 6204, why, product_key=device.product.key, device_name=device.name)
        return principal

    def may_publish(self, principal: Principal, topic: str) -> bool:
        """Whether this topic name is the principal's to write; a device's refusal is logged as 9236."""
        allowed = permission.may_publish(self.registry, principal, topic) or self._speaks_on(principal, topic)
        if not allowed:
            self._record_refusal(principal, topic)
        return allowed

    def may_subscribe(self, principal: Principal, topic_filter: str) -> bool:
        """Whether every topic this filter can match is the principal's to read; refusals are logged as above."""
        allowed = permission.may_subscribe(self.registry, principal, topic_filter)
        allowed = allowed or self._hears(principal, topic_filter)
        if not allowed:
            self._record_refusal(principal, topic_filter)
        return allowed

    def handles(self, topic: str) -> bool:
        """Whether `receive` does anything with this topic."""
        found = find(topic)
        return found is not None and found.row.pattern in HANDLERS

    def handles_trusted(self, topic: str) -> bool:
        """Whether `receive` acts on it also for simulated vehicles: their replies and requests, not their telemetry."""
        found = find(topic)
        return found is not None and found.row.kind not in _UNREAD

    def receive(self, principal: Principal, topic: str, payload: bytes) -> Iterable[Downlink]:
        """Act on a device's uplink and say what to publish in answer; () for what is merely forwarded."""
        found = find(topic)
        handler = HANDLERS.get(found.row.pattern) if found is not None else None
        if found is None or handler is None:
            return ()
        if principal.kind == "in_house":
            simulated = self.registry.device(found.product_key, found.device_name)
            return () if simulated is None else self.receive_for(simulated, topic, payload)
        if principal.kind != "device":
            return ()
        device = principal.subject.device
        if f"{found.product_key}/{found.device_name}" != principal.identity:
            device = self._sub_device(principal, found.product_key, found.device_name)
            if device is None:
                return ()
        if len(payload) > MAX_PAYLOAD:
            self.record(device.product.key, device.name, topic, 9320, f"{len(payload)} bytes, at most {MAX_PAYLOAD}")
            return ()
        return handler(Uplink(device, topic, found.variables, payload, self))

    def receive_for(self, device: Device, topic: str, payload: bytes) -> Iterable[Downlink]:
        """Act on a message as if the device had published it on that topic."""
        found = find(topic)
        handler = HANDLERS.get(found.row.pattern) if found is not None else None
        if found is None or handler is None:
            return ()
        return handler(Uplink(device, topic, found.variables, payload, self))

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
        identity = f"{found.product_key}/{found.device_name}"
        return self.connection_of(identity) if found.row.pushed or self.speaks_ext(identity) else None

    def throttled(self, principal: Principal, topic: str) -> None:
        """A device is above its rates: logged as 9324."""
        if isinstance(principal.subject, DeviceLogin):
            device = principal.subject.device
            self.record(device.product.key, device.name, topic, THROTTLED, "above the device's rate")

    def expelled(self, principal: Principal, error: ProtocolError) -> None:
        """A device is put out for what it sent: logged as 9320 where that was too large, else as 400."""
        if isinstance(principal.subject, DeviceLogin):
            device = principal.subject.device
            code = 9320 if error.reason == Reason.PACKET_TOO_LARGE else PUT_OUT
            self.record(device.product.key, device.name, "DISCONNECT", code, str(error))

    def connected(self, principal: Principal) -> None:
        """A login was accepted: its device is online."""
        if principal.kind == "device":
            device: Device = principal.subject.device
            self._log_put_out(device, "another login of the device")
            self.came(principal)
        elif principal.kind == "in_house":
            self.simulator_came(principal)
        elif principal.kind == "registering":
            self.deliver(principal.identity, principal.subject.answer)

    def disconnected(self, principal: Principal) -> None:
        """Its connection ended; nothing changes if another connection has taken over meanwhile."""
        if principal.kind == "device":
            self.went(principal)
        else:
            self.simulator_went(principal)

    # What the house asks.

    def update_shadow(self, device: Device, message: bytes) -> dict[str, Any]:
        """A shadow message of the cloud side; returns the reply. The device is told of new wishes if it is online."""
        return change_shadow(self, device, message, from_cloud=True)

    def admits_shadow(self, device: Device) -> bool:
        """Whether a device may ask its shadow once more in this second; counts it if so."""
        return not self._is_limited(device) or self._shadow_requests.admit(device.identity, self.now_ms())

    def admits_sub_logins(self, gateway: Device, count: int) -> bool:
        """Whether so many sub-devices more may log in over a gateway in this second; counts them if so."""
        return not self._is_limited(gateway) or self._sub_logins.admit(gateway.identity, self.now_ms(), count)

    def push_ota(self, device: Device, firmware: Firmware, *, job_id: str = "", task_id: str = "") -> Upgrade:
        """Offer a firmware to a device: at once if it is online, else when it informs its version."""
        return push_ota(self, device, firmware, job_id=job_id, task_id=task_id)

    def register(self, product: Product, device_name: str) -> Device:
        """Register a device that is not there yet; PlatformError if it cannot be."""
        if len(product.devices) >= MOST_DEVICES:
            raise PlatformError(403, f"a product has at most {MOST_DEVICES:,} devices")
        return register_device(self, product, device_name)

    def set_disabled(self, device: Device, disabled: bool) -> None:
        """A disabled device is put out and may not come back; the gateway of a sub-device is told."""
        if disabled:
            self._log_put_out(device, "the device is disabled")
        life_cycle(self, device, "disable" if disabled else "enable")

    def forget_device(self, device: Device) -> None:
        """A device has been deleted: it is put out, leaves its gateway, and nothing is remembered of it."""
        self._log_put_out(device, "the device is deleted")
        life_cycle(self, device, "delete")

    def _restrain(self, principal: Principal, device: Device) -> None:
        """Put the platform's limits on a device that has just proved who it is."""
        principal.cut_off = self._cut_off
        if not self._is_limited(device):
            return
        if not self._logins.admit(device.identity, self.now_ms()):
            why = "more logins in a minute than a device may have"
            raise TooOften(UNAVAILABLE, THROTTLED, why, product_key=device.product.key, device_name=device.name)
        principal.rates = DEVICE_RATES

    def _log_put_out(self, device: Device, why: str) -> None:
        """A device's own connection, if it has one, is about to be ended."""
        if self.peer_of(device) is not None:
            self.record(device.product.key, device.name, "DISCONNECT", PUT_OUT, why)

    def _is_limited(self, device: Device) -> bool:
        return self._rates == "all" or (self._rates == "real" and not device.product.devices.simulated)

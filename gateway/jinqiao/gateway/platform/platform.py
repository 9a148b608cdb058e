"""The platform as a broker sees it: `Platform` answers the questions of `jinqiao.gateway.mqtt.policy.Policy`.

Sans-I/O: logins and messages in, principals and downlinks out. The only state is who is online and the device log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from jinqiao.gateway.mqtt.policy import Downlink, Login, Principal

from . import permission
from .alink import Uplink
from .device_log import DeviceLog, LogEntry
from .identity import UNAVAILABLE, Denied, DeviceLogin, InHouse, TooOften, authenticate
from .limits import DEVICE_RATES, Logins
from .registry import Device, Registry
from .routing import find

__all__ = ["DeviceStatus", "Platform", "RatesOf"]

#: Bytes; more is dropped and logged.
MAX_PAYLOAD = 262_144

#: Code of the device log for what is above a rate.
THROTTLED = 9324

#: Whose rates are kept.
RatesOf = Literal["all", "real", "none"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """Whether a device is connected, and since when (UTC ms; 0 when it has never been)."""

    state: Literal["inactive", "online", "offline"]
    since_ms: int = 0


@dataclass(slots=True)
class _Presence:
    """The connection a device is online by, or None after it ended."""

    principal: Principal | None
    since_ms: int


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class Platform:
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
        self.registry = registry
        self.log = DeviceLog()
        self._clock_ms = clock_ms
        self._in_house = InHouse(*in_house) if in_house is not None else None
        self._present: dict[str, _Presence] = {}
        self._simulators: dict[str, int] = {}
        self._rates = rates
        self._cut_off = cut_off
        self._logins = Logins()

    # What a broker asks (Policy).

    def authenticate(self, login: Login) -> Principal:
        """Who this is; raises Refused with a CONNACK code of MQTT 3.1.1."""
        try:
            principal = authenticate(login, self.registry, self._in_house)
            if isinstance(principal.subject, DeviceLogin):
                self._restrain(principal, principal.subject.device)
            return principal
        except Denied as denied:
            self.record(denied.product_key, denied.device_name, "CONNECT", denied.code, str(denied))
            raise

    def may_publish(self, principal: Principal, topic: str) -> bool:
        """Whether this topic name is the principal's to write; a device's refusal is logged as 9236."""
        allowed = permission.may_publish(self.registry, principal, topic)
        if not allowed:
            self._record_refusal(principal, topic)
        return allowed

    def may_subscribe(self, principal: Principal, topic_filter: str) -> bool:
        """Whether every topic this filter can match is the principal's to read; refusals are logged as above."""
        allowed = permission.may_subscribe(self.registry, principal, topic_filter)
        if not allowed:
            self._record_refusal(principal, topic_filter)
        return allowed

    def handles(self, topic: str) -> bool:
        """Whether `receive` does anything with this topic."""
        found = find(topic)
        return found is not None and found.row.handler is not None

    def receive(self, principal: Principal, topic: str, payload: bytes) -> Iterable[Downlink]:
        """Act on a device's uplink and say what to publish in answer; () for what is merely forwarded."""
        if principal.kind != "device":
            return ()
        found = find(topic)
        if found is None or found.row.handler is None:
            return ()
        device = principal.subject.device
        if len(payload) > MAX_PAYLOAD:
            self.record(device.product.key, device.name, topic, 9320, f"{len(payload)} bytes, at most {MAX_PAYLOAD}")
            return ()
        return found.row.handler(Uplink(device, topic, found.variables, payload, self))

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
        return identity if found.row.pushed or self._takes_custom_rrpc(identity) else None

    def throttled(self, principal: Principal, topic: str) -> None:
        """A device is above its rates: logged as 9324."""
        if isinstance(principal.subject, DeviceLogin):
            device = principal.subject.device
            self.record(device.product.key, device.name, topic, THROTTLED, "above the device's rate")

    def connected(self, principal: Principal) -> None:
        """A login was accepted: its device is online."""
        if principal.kind == "device":
            self._present[principal.identity] = _Presence(principal, self.now_ms())
        elif principal.kind == "in_house":
            self._simulators[principal.identity] = self.now_ms()

    def disconnected(self, principal: Principal) -> None:
        """Its connection ended; nothing changes if another connection has taken over meanwhile."""
        presence = self._present.get(principal.identity)
        if presence is not None and presence.principal is principal:
            self._present[principal.identity] = _Presence(None, self.now_ms())
        self._simulators.pop(principal.identity, None)

    # What the house asks.

    def status(self, product_key: str, device_name: str) -> DeviceStatus | None:
        """Whether the device is connected; None when there is none. A simulated one is online with its simulator."""
        device = self.registry.device(product_key, device_name)
        if device is None:
            return None
        presence = self._present.get(device.identity)
        if presence is not None:
            return DeviceStatus("online" if presence.principal else "offline", presence.since_ms)
        if device.product.devices.simulated and self._simulators:
            return DeviceStatus("online", min(self._simulators.values()))
        return DeviceStatus("inactive")

    def now_ms(self) -> int:
        """UTC milliseconds of the platform's clock."""
        return self._clock_ms()

    def record(self, product_key: str, device_name: str, topic: str, code: int, message: str) -> None:
        """Write a refused or failed message into the device log, and tell Python's logging (DEBUG)."""
        entry = self.log.write(LogEntry(self.now_ms(), product_key, device_name, topic, code, message))
        # Quoted, because a client chose these texts.
        _logger.debug("%d %r: %r", code, entry.message, (entry.product_key, entry.device_name, entry.topic))

    def _restrain(self, principal: Principal, device: Device) -> None:
        """Put the platform's limits on a device that has just proved who it is."""
        principal.cut_off = self._cut_off
        if self._rates == "none" or (self._rates == "real" and device.product.devices.simulated):
            return
        if not self._logins.admit(device.identity, self.now_ms()):
            why = "more logins in a minute than a device may have"
            raise TooOften(UNAVAILABLE, THROTTLED, why, product_key=device.product.key, device_name=device.name)
        principal.rates = DEVICE_RATES

    def _record_refusal(self, principal: Principal, topic: str) -> None:
        if isinstance(principal.subject, DeviceLogin):
            device = principal.subject.device
            self.record(device.product.key, device.name, topic, 9236, "topic authorization failed")

    def _takes_custom_rrpc(self, identity: str) -> bool:
        presence = self._present.get(identity)
        return presence is not None and presence.principal is not None and presence.principal.subject.takes_custom_rrpc

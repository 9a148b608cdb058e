"""Devices that come and go while the platform runs: registered, disabled, enabled, deleted.

Raises PlatformError with the platform's device-side code; each change is announced, and kept, before it is made.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Literal

from jinqiao.base.errors import PlatformError
from jinqiao.wire.alink.codes import TEXT

from .devices.device_log import DeviceLog
from .devices.presence import Presence
from .devices.states import DeviceStates
from .devices.topology import MOST_BOUND, Topology
from .devices.uploads import Uploads
from .events import Deleted, Disabled, Registered
from .listeners import Events
from .notices import Notices
from .outbound import Outbound
from .registry.devices import ListedDevices
from .registry.records import Records
from .registry.registry import Device, Product

__all__ = ["DEVICE_NAME", "PUT_OUT", "Provisioning", "new_secret", "refusal"]

#: The platform's rule for device names.
DEVICE_NAME = re.compile(r"[A-Za-z0-9_.:@-]{1,32}")

#: Devices of one product that devices themselves may have registered.
MOST_DEVICES = 500_000

#: Devices that one gateway may have registered: as many as it may have bound.
MOST_REGISTERED_BY_ONE = MOST_BOUND

#: Code of the device log for a connection that the platform ended.
PUT_OUT = 400

LifeCycle = Literal["disable", "enable", "delete"]

#: Why a device is offline that is disabled or deleted, and what a gateway hears on `/ext/error` of such a sub-device.
_ERRORS: dict[LifeCycle, int] = {"disable": 522, "delete": 521}


def new_secret() -> str:
    """32 hex digits, as the platform's secrets have."""
    return secrets.token_hex(16)


def refusal(code: int) -> PlatformError:
    """The error of a code, in the table's words."""
    return PlatformError(code, TEXT[code])


class Provisioning:
    """The life of a device, from registration to deletion."""

    def __init__(
        self,
        records: Records,
        states: DeviceStates,
        topology: Topology,
        presence: Presence,
        uploads: Uploads,
        log: DeviceLog,
        events: Events,
        out: Outbound,
        notices: Notices,
        now_ms: Callable[[], int],
    ) -> None:
        self._records, self._states, self._topology, self._presence = records, states, topology, presence
        self._uploads, self._log, self._events, self._out = uploads, log, events, out
        self._notices, self._now_ms = notices, now_ms

    def register(self, product: Product, device_name: str, *, secret: str | None = None, **facts: Any) -> Device:
        """Register a device; without a secret it gets one. `facts` are fields of DeviceRecord.

        Raises 6280 for a name that is not allowed or is taken, 403 for a simulated fleet and beyond `MOST_DEVICES`.
        """
        self._judge(product, device_name)
        device = Device(product, device_name, secret or new_secret())
        return self._register([device], **facts)[0]

    def register_sub_devices(self, wanted: Sequence[tuple[Product, str]], gateway: str) -> list[Device]:
        """Register devices for a gateway, all of them or none; those that are registered stay as they are.

        Raises as `register` does, and 6400 beyond what one gateway may have registered.
        """
        known: dict[tuple[str, str], Device] = {}
        for product, name in wanted:
            secret = product.devices.secret(name)
            if secret is None:
                self._judge(product, name)
            known[product.key, name] = Device(product, name, secret or new_secret())
        fresh = [device for device in known.values() if device.product.devices.secret(device.name) is None]
        if self._records.registered_by(gateway) + len(fresh) > MOST_REGISTERED_BY_ONE:
            raise refusal(6400)
        self._register(fresh, registered_by=gateway)
        return [known[product.key, name] for product, name in wanted]

    def register_many(self, product: Product, names: Mapping[str, str], batch: int) -> list[str]:
        """Register devices with their nicknames in one change; returns those that could not be.

        One that this batch has registered before stays as it is.
        """
        refused, fresh = list[str](), list[Device]()
        for name in names:
            secret = product.devices.secret(name)
            if secret is None:
                try:
                    self._judge(product, name)
                except PlatformError:
                    refused.append(name)
                else:
                    fresh.append(Device(product, name, new_secret()))
            elif self._records.of(Device(product, name, secret)).batch != batch:
                refused.append(name)
        self._register(fresh, names, batch=batch)
        return refused

    def reset(self, device: Device) -> None:
        """A device as it was before it came for the first time: it may be given its secret again.

        It is put out, its sub-devices belong to nobody, and what it was given without a secret of its own is worth
        nothing. 403 for a simulated fleet's.
        """
        if not isinstance(device.product.devices, ListedDevices):
            raise refusal(403)
        with self._events.together():
            for sub_device in self._topology.bound_to(device.identity):
                self._presence.release(sub_device)
            self._records.note(device, activated_ms=0, online_ms=0, address="", token="")
            self._events.make(partial(self._reset, device))

    def _reset(self, device: Device) -> None:
        self._put_out(device, "the device is reset", for_good=True)
        self._presence.forget(device)

    def _judge(self, product: Product, device_name: str) -> None:
        """Raises PlatformError where no such device may be registered."""
        if not DEVICE_NAME.fullmatch(device_name) or product.devices.secret(device_name) is not None:
            raise refusal(6280)
        if not isinstance(product.devices, ListedDevices):
            raise refusal(403)
        if len(product.devices) >= MOST_DEVICES:
            raise PlatformError(403, f"a product has at most {MOST_DEVICES:,} devices")

    def _register(
        self, devices: Sequence[Device], nicknames: Mapping[str, str] = MappingProxyType({}), **facts: Any
    ) -> Sequence[Device]:
        with self._events.together():
            for device in devices:
                announced = self._events.change(Registered, device)
                if isinstance(device.product.devices, ListedDevices):
                    self._events.make(partial(device.product.devices.add, device.name, device.secret))
                own = {"nickname": nicknames[device.name]} if device.name in nicknames else {}
                self._records.note(device, created_ms=self._now_ms(), **own, **facts)
                announced.done()
        return devices

    def set_disabled(self, device: Device, disabled: bool) -> None:
        """A disabled device is put out and may not come back; the gateway of a sub-device is notified."""
        with self._events.together():
            announced = self._events.change(Disabled, device, disabled)
            self._records.note(device, disabled=disabled)
            self._events.make(partial(self._set_disabled, device, disabled))
            announced.done()

    def _set_disabled(self, device: Device, disabled: bool) -> None:
        self._tell(device, "disable" if disabled else "enable")
        if disabled:
            self._presence.will_leave(device, _ERRORS["disable"])
            self._put_out(device, "the device is disabled")

    def delete(self, device: Device) -> None:
        """Delete a device and everything known about it; 403 for a simulated fleet's."""
        if not isinstance(device.product.devices, ListedDevices):
            raise refusal(403)
        with self._events.together():
            announced = self._events.change(Deleted, device)
            self.forget(device)
            announced.done()

    def forget(self, device: Device) -> None:
        """A device leaves the registry: it is put out, leaves its gateway, and nothing is remembered of it."""
        with self._events.together():
            for sub_device in self._topology.bound_to(device.identity):
                self._presence.release(sub_device)
            self._events.make(partial(self._forget, device))

    def _forget(self, device: Device) -> None:
        if isinstance(device.product.devices, ListedDevices):
            device.product.devices.remove(device.name)
        self._tell(device, "delete")
        self._presence.part(device)
        self._states.forget(device)
        self._records.forget(device)
        self._uploads.forget(device.identity)
        self._presence.will_leave(device, _ERRORS["delete"])
        self._put_out(device, "the device is deleted", for_good=True)
        self._presence.forget(device)

    def give_secret(self, device: Device, secret: str) -> None:
        """A device has another secret: whoever has logged in with the former one is put out."""
        if isinstance(device.product.devices, ListedDevices):
            device.product.devices.add(device.name, secret)
            self._put_out(device, "the device has another secret", for_good=True)

    def log_put_out(self, device: Device, why: str) -> None:
        """A device's own connection, if it has one, is about to be ended."""
        if self._presence.peer_of(device) is not None:
            self._log.record(device.product.key, device.name, "DISCONNECT", PUT_OUT, why)

    def _put_out(self, device: Device, why: str, *, for_good: bool = False) -> None:
        self.log_put_out(device, why)
        self._out.end(device.identity, for_good=for_good)

    def _tell(self, device: Device, what: LifeCycle) -> None:
        """What the gateway of a sub-device hears; its session ends where the device may not go on."""
        gateway = self._presence.gateway_of(device)
        if gateway is None:
            return
        self._notices.life_cycle(device, what)
        self._notices.topology_changed(gateway, [device], what)
        code = _ERRORS.get(what)
        if code is not None and self._topology.speaks_for(device.identity) is not None:
            self._notices.error(gateway, (device.product.key, device.name), code)
            self._presence.sub_device_logged_out(gateway, device, code)

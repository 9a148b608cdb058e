"""Devices as such: registered, looked at, disabled, deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from jinqiao.base.errors import PlatformError

from ..devices.census import Counted, State
from ..devices.presence import DeviceStatus
from ..parts import Parts
from ..registry.accounts import Account
from ..registry.record import DeviceRecord
from ..registry.registry import Device, Product
from .errors import OperationError, Reason
from .reach import Reach

__all__ = ["LONGEST_NICKNAME", "Devices"]

#: Characters of a device's nickname (BatchUpdateDeviceNickname).
LONGEST_NICKNAME = 64
#: The house's simulator runs on this machine.
_LOOPBACK = "127.0.0.1"


class Devices:
    """Finding raises NO_PRODUCT and NO_DEVICE."""

    def __init__(self, parts: Parts, reach: Reach) -> None:
        self._parts, self._reach = parts, reach

    def product(self, account: Account, product_key: str) -> Product:
        return self._reach.product(account, product_key)

    def products(self, account: Account) -> list[Product]:
        """Those that the account sees."""
        return [product for product in self._parts.registry.products.values() if account.sees(product.key)]

    def find(self, account: Account, product_key: str, device_name: str) -> Device:
        return self._reach.device(account, product_key, device_name)

    def find_by_id(self, account: Account, iot_id: str) -> Device:
        """By the id that the cloud side knows it under."""
        return self._reach.device_of_id(account, iot_id)

    def register(self, account: Account, product: Product, device_name: str, nickname: str = "") -> Device:
        """Raises NAME_TAKEN, BAD_NAME, NOT_REGISTERED."""
        self._reach.product(account, product.key)
        if product.devices.secret(device_name) is not None:
            raise OperationError(Reason.NAME_TAKEN, code=6280)
        try:
            return self._parts.provisioning.register(product, device_name, nickname=nickname)
        except PlatformError as refused:
            reason = Reason.BAD_NAME if refused.code == 6280 else Reason.NOT_REGISTERED
            raise OperationError(reason, code=refused.code) from refused

    def rename(self, account: Account, nicknames: Sequence[tuple[Device, str]]) -> None:
        """Give devices nicknames, all of them or none; an empty one takes it away. Raises BAD_NICKNAME."""
        for device, nickname in nicknames:
            self._reach.allow(account, device)
            if len(nickname) > LONGEST_NICKNAME:
                why = f"{device.name}: a nickname has at most {LONGEST_NICKNAME} characters, found {len(nickname)}"
                raise OperationError(Reason.BAD_NICKNAME, why)
        with self._parts.events.together():
            for device, nickname in {device.identity: (device, nickname) for device, nickname in nicknames}.values():
                self._parts.records.note(device, nickname=nickname)

    def reset(self, account: Account, device: Device) -> None:
        """As it was before it came for the first time; NOT_RESET for a simulated vehicle."""
        self._reach.allow(account, device)
        try:
            self._parts.provisioning.reset(device)
        except PlatformError as refused:
            raise OperationError(Reason.NOT_RESET, code=refused.code) from refused

    def count(self, account: Account, product: Product | None = None) -> Counted:
        """Devices of a product, or of all that the account sees."""
        chosen = self.products(account) if product is None else [self._reach.product(account, product.key)]
        return (
            Counted(*map(sum, zip(*(self._parts.census.count(each) for each in chosen), strict=True)))
            if chosen
            else (Counted(0, 0, 0))
        )

    def in_state(
        self, account: Account, product: Product, state: State, first: int, count: int
    ) -> tuple[int, list[Device]]:
        """How many devices of a product are in this state, and some of them, from this one on."""
        self._reach.product(account, product.key)
        total, names = self._parts.census.in_state(product, state, first, count)
        found = (self._parts.registry.device(product.key, name) for name in names)
        return total, [device for device in found if device is not None]

    def set_disabled(self, account: Account, device: Device, disabled: bool) -> None:
        """A disabled device is put out and may not come back until it is enabled."""
        self._reach.allow(account, device)
        self._parts.provisioning.set_disabled(device, disabled)

    def delete(self, account: Account, device: Device) -> None:
        """Everything known about it is forgotten; NOT_DELETED for a simulated vehicle."""
        self._reach.allow(account, device)
        try:
            self._parts.provisioning.delete(device)
        except PlatformError as refused:
            raise OperationError(Reason.NOT_DELETED, code=refused.code) from refused

    def status(self, account: Account, device: Device) -> DeviceStatus:
        """Whether it is connected, and since when."""
        self._reach.allow(account, device)
        return self._parts.presence.status_of(device)

    def record(self, account: Account, device: Device) -> DeviceRecord:
        """What is noted about it; of a simulated vehicle, what its simulator's connection says."""
        self._reach.allow(account, device)
        record = self._parts.records.of(device)
        if not device.product.devices.simulated:
            return record
        if not record.nickname:
            record = replace(record, nickname=device.product.devices.about(device.name).nickname)
        since_ms, online_ms = self._parts.presence.simulated_since_ms(device)
        if record.activated_ms or not since_ms:
            return record
        return replace(record, created_ms=since_ms, activated_ms=since_ms, online_ms=online_ms, address=_LOOPBACK)

    def versions(self, account: Account, device: Device) -> Mapping[str, str]:
        """Software versions by OTA module."""
        self._reach.allow(account, device)
        return self._parts.states.versions(device)

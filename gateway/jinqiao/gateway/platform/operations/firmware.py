"""Firmware over the air: make one known, offer it to devices."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from functools import partial
from operator import setitem

from ..devices.ota import Firmware, Status, Upgrade
from ..events import FirmwareAdded
from ..notices import upgrade_downlink
from ..parts import Parts
from ..registry.accounts import Account
from ..registry.registry import Device, Product
from .errors import OperationError, Reason
from .reach import Reach

__all__ = ["Firmwares"]


class Firmwares:
    """Raises NO_FIRMWARE."""

    def __init__(self, parts: Parts, reach: Reach) -> None:
        self._parts, self._reach = parts, reach

    def add(self, account: Account, product: Product, firmware: Firmware) -> str:
        """Make a firmware of a product known; returns its id."""
        self._reach.product(account, product.key)
        firmware_id = secrets.token_hex(16)
        announced = self._parts.events.change(FirmwareAdded, product.key, firmware_id, firmware)
        self._parts.events.make(partial(setitem, self._parts.firmwares, (product.key, firmware_id), firmware))
        announced.done()
        return firmware_id

    def find(self, account: Account, product: Product, firmware_id: str) -> Firmware:
        """A firmware of this product."""
        self._reach.product(account, product.key)
        firmware = self._parts.firmwares.get((product.key, firmware_id))
        if firmware is None:
            raise OperationError(Reason.NO_FIRMWARE)
        return firmware

    def offer_all(self, account: Account, devices: Iterable[Device], firmware: Firmware, job_id: str) -> None:
        """Offer a firmware to several devices, each with a task of its own: to all of them or to none."""
        with self._parts.events.together():
            for device in {device.identity: device for device in devices}.values():
                self.offer(account, device, firmware, job_id=job_id, task_id=secrets.token_urlsafe(18))

    def offer(
        self, account: Account, device: Device, firmware: Firmware, *, job_id: str = "", task_id: str = ""
    ) -> Upgrade:
        """Offer a firmware: a device that is online is notified at once, another when it informs its version."""
        self._reach.allow(account, device)
        parts = self._parts
        upgrade = Upgrade(
            firmware, job_id, task_id, source_version=parts.states.versions(device).get(firmware.module, "")
        )
        if parts.presence.is_online(device):
            upgrade.status = Status.NOTIFIED
        with parts.states.changing(device, "ota") as draft:
            draft.ota.offer(upgrade)
        if upgrade.status is Status.NOTIFIED:
            notice = upgrade_downlink(device, upgrade, parts.calls.new_id())
            parts.events.make(partial(parts.out.send, notice))
        return upgrade

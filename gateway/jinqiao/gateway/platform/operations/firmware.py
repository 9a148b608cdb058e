"""Firmware over the air: packages and modules made known, and a firmware offered to devices without a job."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from jinqiao.wire.alink.limits import DEFAULT_MODULE

from ..devices.ota import Firmware, Status, Upgrade
from ..notices import upgrade_downlink
from ..parts import Parts
from ..registry.accounts import Account
from ..registry.registry import Device, Product
from ..upgrades.package import Module, Package
from .errors import OperationError, Reason
from .reach import Reach

__all__ = ["MOST_MODULES", "MOST_PACKAGES", "Firmwares"]

#: Packages that an account may have made known, here of a product; modules of a product beside the default one.
MOST_PACKAGES, MOST_MODULES = 500, 10
_MODULE = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: Characters of a name or alias, and of a description.
_LONGEST_NAME, _LONGEST_DESCRIPTION = 64, 100


class Firmwares:
    """Raises NO_FIRMWARE for a package that is not there, or of a product that the account does not see."""

    def __init__(self, parts: Parts, reach: Reach) -> None:
        self._parts, self._reach = parts, reach

    def add(self, account: Account, product: Product, firmware: Firmware, **about: Any) -> Package:
        """Make an update package of a product known; `about` are fields of Package. Raises BAD_FIRMWARE."""
        self._reach.product(account, product.key)
        if sum(package.product_key == product.key for package in self._parts.catalogue.packages) >= MOST_PACKAGES:
            raise OperationError(Reason.BAD_FIRMWARE, f"a product has at most {MOST_PACKAGES} update packages")
        now_ms = self._parts.now_ms()
        package = Package(secrets.token_hex(16), product.key, firmware, created_ms=now_ms, modified_ms=now_ms, **about)
        _check_about(package)
        self._parts.catalogue.put(package)
        return package

    def find(self, account: Account, package_id: str, product: Product | None = None) -> Package:
        """A package, of this product if one is named."""
        package = self._parts.catalogue.package(package_id)
        if package is None or not account.sees(package.product_key):
            raise OperationError(Reason.NO_FIRMWARE)
        if product is not None and package.product_key != product.key:
            raise OperationError(Reason.NO_FIRMWARE)
        return package

    def all(self, account: Account, product: Product | None = None, version: str = "") -> list[Package]:
        """Packages that the account sees, latest first; of a product, or of a version, if one is named."""
        return [
            package
            for package in reversed(self._parts.catalogue.packages)
            if account.sees(package.product_key)
            and (product is None or package.product_key == product.key)
            and (not version or package.firmware.version == version)
        ]

    def describe(self, account: Account, package_id: str, **about: Any) -> None:
        """A package has another name or description. Raises BAD_FIRMWARE."""
        package = replace(self.find(account, package_id), modified_ms=self._parts.now_ms(), **about)
        _check_about(package)
        self._parts.catalogue.put(package)

    def delete(self, account: Account, package_id: str) -> None:
        """Raises IN_USE while a job with it goes on."""
        package = self.find(account, package_id)
        rollout = self._parts.rollout
        for job in rollout.jobs:
            if job.firmware_id == package_id and rollout.state_of(job) in ("PLANNED", "IN_PROGRESS"):
                raise OperationError(Reason.IN_USE, "a job with this firmware goes on")
        self._parts.catalogue.delete(package)

    def verification_of(self, package: Package) -> int:
        """-1: needs none; 0: not begun, 1: done, 2: goes on, 3: failed."""
        if not package.needs_verification:
            return -1
        if not package.verify_job:
            return 0
        tasks = self._parts.rollout.tasks.of_job(package.verify_job)
        if tasks.counts[Status.SUCCEEDED]:
            return 1
        return 2 if tasks.open else 3

    # Modules.

    def modules(self, account: Account, product: Product) -> list[Module]:
        """Those of a product; the default one is always there."""
        self._reach.product(account, product.key)
        return [Module(product.key, DEFAULT_MODULE, DEFAULT_MODULE), *self._parts.catalogue.modules(product.key)]

    def add_module(self, account: Account, product: Product, name: str, alias: str = "", description: str = "") -> None:
        """Raises BAD_MODULE for one that cannot be, is there already, or is one too many."""
        known = self.modules(account, product)
        if not _MODULE.fullmatch(name):
            raise OperationError(Reason.BAD_MODULE, "a module's name has 1 to 64 letters, digits, '.', '_' and '-'")
        if name in {module.name for module in known}:
            raise OperationError(Reason.BAD_MODULE, f"there is a module {name} already")
        if len(known) > MOST_MODULES:
            raise OperationError(Reason.BAD_MODULE, f"a product has at most {MOST_MODULES} modules")
        now_ms = self._parts.now_ms()
        self._put(Module(product.key, name, alias, description, now_ms, now_ms))

    def describe_module(self, account: Account, product: Product, name: str, **about: Any) -> None:
        """A module has another alias or description. Raises NO_MODULE, BAD_MODULE."""
        self._put(replace(self._module(account, product, name), modified_ms=self._parts.now_ms(), **about))

    def delete_module(self, account: Account, product: Product, name: str) -> None:
        """Raises NO_MODULE, and IN_USE while there is a package of it."""
        module = self._module(account, product, name)
        for package in self._parts.catalogue.packages:
            if (package.product_key, package.firmware.module) == (product.key, name):
                raise OperationError(Reason.IN_USE, "there is an update package of this module")
        self._parts.catalogue.delete_module(module)

    def _module(self, account: Account, product: Product, name: str) -> Module:
        found = next((one for one in self.modules(account, product)[1:] if one.name == name), None)
        if found is None:
            raise OperationError(Reason.NO_MODULE)
        return found

    def _put(self, module: Module) -> None:
        if len(module.alias) > _LONGEST_NAME or len(module.description) > _LONGEST_DESCRIPTION:
            raise OperationError(
                Reason.BAD_MODULE, f"an alias has {_LONGEST_NAME}, a description {_LONGEST_DESCRIPTION} characters"
            )
        self._parts.catalogue.put_module(module)

    # Without a job.

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


def _check_about(package: Package) -> None:
    if len(package.name) > _LONGEST_NAME or len(package.description) > _LONGEST_DESCRIPTION:
        raise OperationError(
            Reason.BAD_FIRMWARE, f"a name has {_LONGEST_NAME}, a description {_LONGEST_DESCRIPTION} characters"
        )

"""What an account defines: groups and jobs of devices, products with their models, packages and upgrades, rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..devices.group import DeviceGroup
from ..devices.remote_config import RemoteConfig
from ..jobs.job import DeviceJob
from ..products.batch import Batch
from ..registry.registry import Product
from ..rules.rule import Rule
from ..upgrades.job import UpgradeJob
from ..upgrades.package import Module, Package
from .base import PlatformEvent

__all__ = [
    "BatchChanged",
    "ConfigChanged",
    "DeviceGroupChanged",
    "DeviceGroupDeleted",
    "DeviceJobChanged",
    "DeviceJobDeleted",
    "FirmwareChanged",
    "FirmwareDeleted",
    "ModelDrafted",
    "ModelVersionChanged",
    "ModuleChanged",
    "ModuleDeleted",
    "ProductChanged",
    "ProductDeleted",
    "RuleChanged",
    "UpgradeJobChanged",
]


@dataclass(frozen=True, slots=True)
class DeviceGroupChanged(PlatformEvent):
    """A group of devices is made, or another than it was."""

    group: DeviceGroup


@dataclass(frozen=True, slots=True)
class DeviceGroupDeleted(PlatformEvent):
    """A group of devices is gone; its devices stay."""

    group_id: str


@dataclass(frozen=True, slots=True)
class DeviceJobChanged(PlatformEvent):
    """A job for devices is made, begins, is cancelled. What becomes of its tasks is `JobUpdated`."""

    job: DeviceJob


@dataclass(frozen=True, slots=True)
class DeviceJobDeleted(PlatformEvent):
    """A job for devices is gone."""

    job_id: str


@dataclass(frozen=True, slots=True)
class ProductChanged(PlatformEvent):
    """A product is made, or has another name, thing model or record: as it is from now on."""

    product: Product


@dataclass(frozen=True, slots=True)
class ProductDeleted(PlatformEvent):
    """A product is deleted, and with it everything that is remembered of it."""

    product_key: str


@dataclass(frozen=True, slots=True)
class ModelDrafted(PlatformEvent):
    """A thing model that is not published yet, as a TSL document; None: it is as the published one."""

    product_key: str
    tsl: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class ModelVersionChanged(PlatformEvent):
    """A version of a thing model is published; `tsl` None: it is not remembered any more."""

    product_key: str
    version: str
    description: str
    created_ms: int
    tsl: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class BatchChanged(PlatformEvent):
    """Devices that are registered together: names were checked, or registering them has begun or ended.

    Without names: it is not remembered any more.
    """

    batch: Batch


@dataclass(frozen=True, slots=True)
class ConfigChanged(PlatformEvent):
    """A product's remote configuration."""

    product_key: str
    config: RemoteConfig


@dataclass(frozen=True, slots=True)
class FirmwareChanged(PlatformEvent):
    """An update package is known from now on, or another than it was."""

    package: Package


@dataclass(frozen=True, slots=True)
class FirmwareDeleted(PlatformEvent):
    """An update package is gone."""

    package: Package


@dataclass(frozen=True, slots=True)
class ModuleChanged(PlatformEvent):
    """A module of a product's devices is known from now on, or another than it was."""

    module: Module


@dataclass(frozen=True, slots=True)
class ModuleDeleted(PlatformEvent):
    """A module is not known any more."""

    module: Module


@dataclass(frozen=True, slots=True)
class UpgradeJobChanged(PlatformEvent):
    """A job that upgrades devices is made, begins, is cancelled. What becomes of its tasks is `OtaProgressed`."""

    job: UpgradeJob


@dataclass(frozen=True, slots=True)
class RuleChanged(PlatformEvent):
    """A rule is made, changed, started, stopped, or `deleted`: then it is as it was, but stopped."""

    rule: Rule
    deleted: bool

"""What is kept, one row a kind: which event says so, under which key, as what, and how it comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from jinqiao.gateway.platform.devices.group import DeviceGroup
from jinqiao.gateway.platform.devices.remote_config import RemoteConfig
from jinqiao.gateway.platform.events import (
    BatchChanged,
    ConfigChanged,
    ConsumerGroupChanged,
    ConsumerGroupDeleted,
    Deleted,
    DeviceGroupChanged,
    DeviceGroupDeleted,
    DeviceJobChanged,
    DeviceJobDeleted,
    FirmwareChanged,
    FirmwareDeleted,
    ModelDrafted,
    ModelVersionChanged,
    ModuleChanged,
    ModuleDeleted,
    PlatformEvent,
    ProductChanged,
    ProductDeleted,
    RecordChanged,
    Registered,
    RuleChanged,
    StateChanged,
    SubscriptionChanged,
    SubscriptionDeleted,
    UpgradeJobChanged,
)
from jinqiao.gateway.platform.jobs.job import DeviceJob
from jinqiao.gateway.platform.parts import Parts
from jinqiao.gateway.platform.products.batch import Batch
from jinqiao.gateway.platform.products.models import ModelVersion
from jinqiao.gateway.platform.registry.record import DeviceRecord
from jinqiao.gateway.platform.rules.rule import Rule
from jinqiao.gateway.platform.subscriptions.definitions import ConsumerGroupDefinition, SubscribeRelation
from jinqiao.gateway.platform.upgrades.job import UpgradeJob
from jinqiao.gateway.platform.upgrades.package import Module, Package

from .products import dump_product
from .sqlite import Row

__all__ = ["KEPT", "RESTORE", "Kept", "row_of"]

Restore = Callable[[Parts, Row], None]


@dataclass(frozen=True, slots=True)
class Kept:
    """`key` and `dump` make a row of an event; `restore` gives the parts what was kept, None for the registry's own."""

    kind: str
    event: type[PlatformEvent]
    key: Callable[[Any], str]
    dump: Callable[[Any], Any]
    restore: Restore | None = None


def _identity(event: Any) -> str:
    return str(event.device.identity)


def _restore_record(parts: Parts, row: Row) -> None:
    parts.records.restore(row.key, DeviceRecord.load(row.value))


def _restore_state(parts: Parts, row: Row) -> None:
    parts.states.restore(row.key, row.kind, row.value)


def _restore_gateway(parts: Parts, row: Row) -> None:
    _restore_state(parts, row)
    device = parts.registry.device(row.product_key, row.device_name)
    if row.value and device is not None:
        parts.topology.put(row.value, device)


def _dump_config(event: ConfigChanged) -> dict[str, Any]:
    content = event.config.content
    text = content.decode("utf-8", "replace") if content is not None else None
    return {"enabled": event.config.enabled, "content": text}


def _restore_config(parts: Parts, row: Row) -> None:
    content = row.value["content"].encode() if row.value["content"] is not None else None
    path = parts.downloads.offer(content, "config") if content is not None else ""
    parts.configs[row.key] = RemoteConfig(row.value["enabled"], content, path)


def _restore_firmware(parts: Parts, row: Row) -> None:
    product_key, _, package_id = row.key.partition("#")
    parts.catalogue.restore(Package.load(product_key, package_id, row.value))


def _package_key(event: Any) -> str:
    return f"{event.package.product_key}#{event.package.id}"


def _module_key(event: Any) -> str:
    return f"{event.module.product_key}#{event.module.name}"


def _group_key(event: Any) -> str:
    return f"&{event.group.key}"


def _relation_key(event: Any) -> str:
    return f"{event.relation.product_key}#{event.relation.owner}"


def _restore_group(parts: Parts, row: Row) -> None:
    parts.subscriptions.restore(ConsumerGroupDefinition.load(row.value))


def _restore_relation(parts: Parts, row: Row) -> None:
    parts.subscriptions.restore_relation(SubscribeRelation.load(row.value))


def _dump_version(event: ModelVersionChanged) -> dict[str, Any] | None:
    if event.tsl is None:
        return None
    return {"description": event.description, "created_ms": event.created_ms, "tsl": event.tsl}


def _restore_version(parts: Parts, row: Row) -> None:
    product_key, _, version = row.key.partition("#")
    parts.thing_models.restore_version(product_key, ModelVersion(version, **row.value))


def _restore_rule(parts: Parts, row: Row) -> None:
    parts.rules.restore(Rule.load(row.value))


KEPT: tuple[Kept, ...] = (
    Kept("product", ProductChanged, lambda event: event.product.key, lambda event: dump_product(event.product)),
    # With a product that is deleted goes everything else that is kept of it: see `Storage.keep_all`.
    Kept("product", ProductDeleted, lambda event: event.product_key, lambda _: {"deleted": True}),
    Kept(
        "model_draft",
        ModelDrafted,
        lambda event: event.product_key,
        lambda event: event.tsl,
        lambda parts, row: parts.thing_models.restore_draft(row.key, row.value),
    ),
    Kept(
        "model_version",
        ModelVersionChanged,
        lambda event: f"{event.product_key}#{event.version}",
        _dump_version,
        _restore_version,
    ),
    Kept(
        "batch",
        BatchChanged,
        lambda event: f"{event.batch.product_key}#{event.batch.id}",
        lambda event: event.batch.dump(),
        lambda parts, row: parts.batches.restore(Batch.load(row.product_key, row.value)),
    ),
    Kept("device", Registered, _identity, lambda event: {"secret": event.device.secret}),
    # With a device that is deleted goes everything else that is kept of it: see `Storage.keep_all`.
    Kept("device", Deleted, _identity, lambda _: {"deleted": True}),
    Kept("record", RecordChanged, _identity, lambda event: event.record.dump(), _restore_record),
    Kept("config", ConfigChanged, lambda event: event.product_key, _dump_config, _restore_config),
    Kept("firmware", FirmwareChanged, _package_key, lambda event: event.package.dump(), _restore_firmware),
    Kept("firmware", FirmwareDeleted, _package_key, lambda _: None),
    Kept(
        "ota_module",
        ModuleChanged,
        _module_key,
        lambda event: event.module.dump(),
        lambda parts, row: parts.catalogue.restore_module(Module(**row.value)),
    ),
    Kept("ota_module", ModuleDeleted, _module_key, lambda _: None),
    Kept(
        "ota_job",
        UpgradeJobChanged,
        lambda event: f"{event.job.product_key}#{event.job.id}",
        lambda event: event.job.dump(),
        lambda parts, row: parts.rollout.restore(UpgradeJob.load(row.value)),
    ),
    Kept(
        "device_group",
        DeviceGroupChanged,
        lambda event: event.group.id,
        lambda event: event.group.dump(),
        lambda parts, row: parts.groups.restore(DeviceGroup(**row.value)),
    ),
    Kept(
        "device_job",
        DeviceJobChanged,
        lambda event: event.job.id,
        lambda event: event.job.dump(),
        lambda parts, row: parts.jobs.restore(DeviceJob.load(row.value)),
    ),
    Kept("device_job", DeviceJobDeleted, lambda event: event.job_id, lambda _: None),
    Kept("device_group", DeviceGroupDeleted, lambda event: event.group_id, lambda _: None),
    Kept("consumer_group", ConsumerGroupChanged, _group_key, lambda event: event.group.dump(), _restore_group),
    Kept("consumer_group", ConsumerGroupDeleted, _group_key, lambda _: None),
    Kept("subscription", SubscriptionChanged, _relation_key, lambda event: event.relation.dump(), _restore_relation),
    Kept("subscription", SubscriptionDeleted, _relation_key, lambda _: None),
    # A rule belongs to an account: it goes neither with a product nor with a simulated fleet.
    Kept(
        "rule",
        RuleChanged,
        lambda event: f"#{event.rule.id}",
        lambda event: None if event.deleted else event.rule.dump(),
        _restore_rule,
    ),
    *(
        Kept(
            change.kind,
            change,
            _identity,
            lambda event: event.dump(),
            _restore_gateway if change.kind == "gateway" else _restore_state,
        )
        for change in StateChanged.__subclasses__()
    ),
)

#: The last values of properties are kept too, but not one by one: see `Keeper`.
RESTORE: Mapping[str, Restore] = MappingProxyType(
    {kept.kind: kept.restore for kept in KEPT if kept.restore is not None} | {"properties": _restore_state}
)

_OF_EVENT = {kept.event: kept for kept in KEPT}


def row_of(event: PlatformEvent) -> Row:
    """What is to be kept of an event."""
    kept = _OF_EVENT[type(event)]
    return Row(kept.kind, kept.key(event), kept.dump(event))

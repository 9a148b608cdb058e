"""A platform that remembers: what is kept in a data folder comes back; a change is kept before it is acknowledged.

A registry file seeds the folder. What the file names is as the file says; what was registered since is added; what was
deleted stays deleted although the file names it. Values of products are kept whole, so that the folder can be served
without the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from jinqiao.base.errors import EnvironmentFault

from .devices import Devices, ListedDevices
from .ota import Firmware
from .platform import Platform
from .records import DeviceRecord
from .registry import Application, ConsumerGroup, Device, Product, Registry
from .storage import Row, Storage
from .thing_model import ThingModel, UnopenedThingModel

__all__ = ["attach", "load_kept", "product_row", "refresh", "restore", "seed"]


def load_kept(storage: Storage, *, unopened: bool = False) -> Registry:
    """The registry of a data folder; `unopened` leaves thing models uncompiled until somebody looks into one."""
    products = [_product(row, UnopenedThingModel if unopened else ThingModel) for row in storage.rows("product")]
    registry = Registry(products)
    for row in storage.rows("device"):
        _apply_device(registry, row)
    for row in storage.rows("house"):
        values = row.value
        registry.access_keys.update(values["access_keys"])
        registry.applications.update({a["username"]: _application(a) for a in values["applications"]})
        registry.consumer_groups.update({g["id"]: _group(g) for g in values["consumer_groups"]})
    return registry


def seed(storage: Storage, file: Registry) -> Registry:
    """The registry of a data folder after a file was read; what is new or different is kept."""
    kept = load_kept(storage)
    known = {row[:3]: row.value for row in storage.rows("product", "device", "house")}
    rows = [_house_row(file)] if file.access_keys or file.applications or file.consumer_groups else []
    for product in file.products.values():
        rows.append(product_row(product))
        for name in product.devices:
            if not known.get(("device", product.key, name), {}).get("deleted"):
                rows.append(Row("device", product.key, name, {"secret": product.devices.secret(name)}))
    changed = [row for row in rows if known.get(row[:3]) != json.loads(json.dumps(row.value))]
    if changed:
        storage.keep_all(changed)
        kept = load_kept(storage)
    for key, product in file.products.items():
        kept.products[key] = replace(product, devices=kept.products[key].devices)
    kept.anonymous, kept.deny_subscribe = file.anonymous, file.deny_subscribe
    return kept


def attach(platform: Platform, storage: Storage) -> None:
    """Give a platform its memory, and keep what changes from now on."""
    restore(platform, storage)

    def keep(kind: str, product_key: str, device_name: str, value: Any) -> None:
        storage.keep(kind, product_key, device_name, value)

    platform.on_change = keep


def restore(platform: Platform, storage: Storage) -> None:
    """Give a platform its memory."""
    states: dict[tuple[str, str], dict[str, Any]] = {}
    for kind, product_key, device_name, value in storage.rows():
        if kind == "record":
            platform.records[f"{product_key}/{device_name}"] = DeviceRecord.load(value)
        elif kind == "firmware":
            platform.firmwares[product_key, device_name] = Firmware(**value)
        elif kind not in _REGISTRY_KINDS:
            states.setdefault((product_key, device_name), {})[kind] = value
    for (product_key, device_name), values in states.items():
        platform.restore(product_key, device_name, values)


def refresh(platform: Platform, storage: Storage) -> None:
    """Take over what another process has changed: products, devices, and who is disabled or deleted."""
    kept, registry = load_kept(storage), platform.registry
    for key, product in list(registry.products.items()):
        if isinstance(product.devices, ListedDevices):
            fresh = kept.products.get(key)
            _take_devices(platform, product, product.devices, fresh.devices if fresh is not None else ())
            if fresh is None:
                del registry.products[key]
    for key, product in kept.products.items():
        registry.products.setdefault(key, product)
    for row in storage.rows("record"):
        _take_record(platform, row)


def _take_devices(platform: Platform, product: Product, known: ListedDevices, fresh: Devices | tuple[()]) -> None:
    secrets = {name: fresh.secret(name) for name in fresh} if fresh else {}
    for name in [name for name in known if name not in secrets]:
        gone = Device(product, name, known.secret(name) or "")
        known.remove(name)
        platform.records.pop(gone.identity, None)
        platform.forget_device(gone)
    for name, secret in secrets.items():
        known.add(name, secret or "")


def _take_record(platform: Platform, row: Row) -> None:
    """Times of this process are later than those on the disk, so only what a person decides is taken over."""
    device = platform.registry.device(row.product_key, row.device_name)
    if device is None:
        return
    record = DeviceRecord.load(row.value)
    known = platform.records.setdefault(device.identity, replace(record, disabled=False))
    if known.disabled != record.disabled:
        platform.set_disabled(device, record.disabled)
    known.nickname = record.nickname


def product_row(product: Product) -> Row:
    """A product as it is kept."""
    value = {
        "name": product.name,
        "secret": product.secret,
        "dynamic_registration": product.dynamic_registration,
        "node_type": product.node_type,
        "validation": product.thing_model.validation,
        "tsl": product.thing_model.tsl,
    }
    return Row("product", product.key, "", value)


_REGISTRY_KINDS = frozenset({"product", "device", "house"})


def _product(row: Row, opened: type[ThingModel]) -> Product:
    value: Mapping[str, Any] = row.value
    try:
        model = opened(value["tsl"], validation=value["validation"])
    except (ValueError, KeyError) as error:  # pydantic's ValidationError is a ValueError
        raise EnvironmentFault(f"the kept thing model of {row.product_key!r} cannot be read: {error}") from error
    return Product(
        row.product_key,
        value["name"],
        model,
        ListedDevices({}),
        value["secret"],
        value["dynamic_registration"],
        value["node_type"],
    )


def _apply_device(registry: Registry, row: Row) -> None:
    product = registry.product(row.product_key)
    if product is not None and isinstance(product.devices, ListedDevices) and "secret" in row.value:
        product.devices.add(row.device_name, row.value["secret"])


def _house_row(registry: Registry) -> Row:
    return Row(
        "house",
        "",
        "",
        {
            "access_keys": registry.access_keys,
            "applications": list(_applications(registry)),
            "consumer_groups": [
                {"id": group.id, "products": sorted(group.products)} for group in registry.consumer_groups.values()
            ],
        },
    )


def _applications(registry: Registry) -> Iterator[dict[str, Any]]:
    for application in registry.applications.values():
        yield {**asdict(application), "products": sorted(application.products)}


def _application(values: Mapping[str, Any]) -> Application:
    return Application(values["username"], values["password"], frozenset(values["products"]))


def _group(values: Mapping[str, Any]) -> ConsumerGroup:
    return ConsumerGroup(values["id"], frozenset(values["products"]))

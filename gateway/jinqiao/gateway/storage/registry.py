"""The registry of a data folder: what is kept comes back, a registry file seeds it, other processes change it.

A registry file seeds the folder. What the file names is as the file says, but for products that cloud calls have
changed since (`products.py`); what was registered since is added; what was deleted stays deleted although the file
names it. Values of products are kept whole, so that the folder can be served without the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import AccessKey
from jinqiao.gateway.platform.registry.devices import Devices, ListedDevices
from jinqiao.gateway.platform.registry.record import DeviceRecord
from jinqiao.gateway.platform.registry.registry import ConsumerGroup, Device, Product, Registry
from jinqiao.wire.alink.thing_model import ThingModel, UnopenedThingModel

from .applications import (
    KIND,
    apply_applications,
    dump_application,
    load_application,
    named_by_file,
    take_applications,
)
from .products import load_product, product_row, rows_of_file
from .sqlite import FILE_KIND, Row, Storage

__all__ = ["REGISTRY_KINDS", "load_kept", "product_row", "seed", "take_over"]


def load_kept(storage: Storage, *, unopened: bool = False) -> Registry:
    """The registry of a data folder; `unopened` leaves thing models uncompiled until somebody looks into one."""
    registry, opened = Registry(), UnopenedThingModel if unopened else ThingModel
    for row in storage.rows("product"):
        with storage.reading(row):
            if "deleted" not in row.value:
                registry.products[row.product_key] = load_product(row, opened)
    for row in storage.rows("device"):
        with storage.reading(row):
            _apply_device(registry, row)
    for row in storage.rows("house"):
        with storage.reading(row):
            _apply_house(registry, row.value)
    apply_applications(registry, storage)
    return registry


def _apply_house(registry: Registry, values: Mapping[str, Any]) -> None:
    registry.access_keys.update({name: _access_key(name, kept) for name, kept in values["access_keys"].items()})
    registry.applications.update({a["username"]: load_application(a) for a in values["applications"]})
    registry.consumer_groups.update({g["id"]: _group(g) for g in values["consumer_groups"]})


def seed(storage: Storage, file: Registry) -> Registry:
    """The registry of a data folder after a file was read; what is new or different is kept."""
    kept = load_kept(storage)
    known = {row[:2]: row.value for row in storage.rows(*REGISTRY_KINDS)}
    rows = [_house_row(file)] if file.access_keys or file.applications or file.consumer_groups else []
    for username in file.applications:
        rows += named_by_file(username, known)
    for product in file.products.values():
        rows += (changed := rows_of_file(product, known))
        if not changed and "deleted" in known["product", product.key]:
            continue
        for name in product.devices:
            key = f"{product.key}/{name}"
            if not known.get(("device", key), {}).get("deleted"):
                rows.append(Row("device", key, {"secret": product.devices.secret(name)}))
    changed = [row for row in rows if known.get(row[:2]) != json.loads(json.dumps(row.value))]
    if changed:
        storage.keep_all(changed)
        kept = load_kept(storage)
    for key, product in file.products.items():
        if key in kept.products:
            kept.products[key] = replace(kept.products[key], converter=product.converter)
    kept.anonymous, kept.deny_subscribe, kept.rules = file.anonymous, file.deny_subscribe, file.rules
    return kept


def take_over(platform: Platform, storage: Storage) -> None:
    """Take over what another process has changed: products, devices, applications, who is disabled or deleted."""
    kept, registry = load_kept(storage, unopened=True), platform.registry
    before = frozenset(registry.products)
    for key, product in list(registry.products.items()):
        if isinstance(product.devices, ListedDevices):
            fresh = kept.products.get(key)
            _take_devices(platform, product, product.devices, fresh.devices if fresh is not None else ())
            if fresh is None:
                platform.parts.products.forget(key)
                platform.parts.thing_models.forget(key)
    for key, product in kept.products.items():
        registry.products.setdefault(key, product)
    if before != registry.products.keys():
        platform.parts.out.products_changed()
    take_applications(platform, storage)
    for row in storage.rows("record"):
        _take_record(platform, row)


def _take_devices(platform: Platform, product: Product, known: ListedDevices, fresh: Devices | tuple[()]) -> None:
    secrets = {name: fresh.secret(name) for name in fresh} if fresh else {}
    for name in [name for name in known if name not in secrets]:
        platform.parts.provisioning.forget(Device(product, name, known.secret(name) or ""))
    for name, secret in secrets.items():
        before = known.secret(name)
        if before is None:
            known.add(name, secret or "")
        elif before != secret:
            platform.parts.provisioning.give_secret(Device(product, name, before), secret or "")


def _take_record(platform: Platform, row: Row) -> None:
    """Times of this process are later than those on the disk, so only what a person decides is taken over."""
    device = platform.registry.device(row.product_key, row.device_name)
    if device is None:
        return
    record = DeviceRecord.load(row.value)
    records = platform.parts.records
    known = records.get(device.identity) or replace(record, disabled=False)
    records.restore(device.identity, replace(known, nickname=record.nickname))
    if known.disabled != record.disabled:
        platform.parts.provisioning.set_disabled(device, record.disabled)


#: Kinds that make the registry; all others are what the platform remembers.
REGISTRY_KINDS = frozenset({"product", FILE_KIND, "device", "house", KIND})


def _apply_device(registry: Registry, row: Row) -> None:
    product = registry.product(row.product_key)
    if product is not None and isinstance(product.devices, ListedDevices) and "secret" in row.value:
        product.devices.add(row.device_name, row.value["secret"])


def _house_row(registry: Registry) -> Row:
    return Row(
        "house",
        "",
        {
            "access_keys": {key.id: _dump_key(key) for key in registry.access_keys.values()},
            "applications": [dump_application(application) for application in registry.applications.values()],
            "consumer_groups": [
                {"id": group.id, "products": sorted(group.products)} for group in registry.consumer_groups.values()
            ],
        },
    )


def _dump_key(key: AccessKey) -> Any:
    """A key of all products is its secret alone, as it was before keys had products."""
    if key.products is None and not key.read_only:
        return key.secret
    products = {} if key.products is None else {"products": sorted(key.products)}
    return {"secret": key.secret, **products, **({"read_only": True} if key.read_only else {})}


def _access_key(name: str, kept: Any) -> AccessKey:
    if type(kept) is str:
        return AccessKey(name, kept)
    products = kept.get("products")
    seen = None if products is None else frozenset(products)
    return AccessKey(name, kept["secret"], seen, kept.get("read_only", False))


def _group(values: Mapping[str, Any]) -> ConsumerGroup:
    return ConsumerGroup(values["id"], frozenset(values["products"]))

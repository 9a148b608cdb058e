"""`jinqiao product`: the products of a data folder."""

from __future__ import annotations

import json
import secrets
import string
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table

from jinqiao.base.errors import InputError
from jinqiao.base.words import counted
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.provisioning import new_secret
from jinqiao.gateway.platform.registry import file as registry_file
from jinqiao.gateway.platform.registry.accounts import OPERATOR
from jinqiao.gateway.platform.registry.devices import ListedDevices
from jinqiao.gateway.platform.registry.product_record import ProductRecord
from jinqiao.gateway.platform.registry.registry import Device, Product
from jinqiao.gateway.storage.registry import product_row
from jinqiao.wire.alink.ev_thing_model import ev_thing_model
from jinqiao.wire.alink.thing_model_file import load_thing_model

from ..shown import cell
from .kept import kept_platform, product_of
from .options import AsJson, Data, ProductKey

__all__ = ["add", "delete", "disable", "enable", "list_", "show"]


class NodeKind(StrEnum):
    """What the devices of a product are in a network."""

    DEVICE = "device"
    GATEWAY = "gateway"
    SUB_DEVICE = "sub_device"


class Validation(StrEnum):
    """How posts are validated: type, range and length, only identifier and type, or not at all."""

    STRONG = "strong"
    WEAK = "weak"
    NONE = "none"


def add(
    data: Data,
    name: Annotated[str, typer.Option(help="Display name.", show_default=False)],
    key: Annotated[str | None, typer.Option(help="Product key; generated if not given.", show_default=False)] = None,
    thing_model: Annotated[
        Path | None, typer.Option(help="TSL file; without one the product is an EV.", show_default=False)
    ] = None,
    node_type: Annotated[NodeKind, typer.Option(help="Kind of its devices.")] = NodeKind.DEVICE,
    validation: Annotated[Validation, typer.Option(help="How posts are validated.")] = Validation.STRONG,
    dynamic_registration: Annotated[
        bool, typer.Option("--dynamic-registration", help="Devices may obtain their secret with the product's.")
    ] = False,
    json_: AsJson = False,
) -> None:
    """Add a product; prints its key and secret.

    \b
    Example:
      jinqiao product add --data my-devices --name T-Box
      jinqiao product add --data my-devices --name Meter --thing-model meter.json --dynamic-registration
    """
    key = key or "a1" + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(9))
    try:
        TypeAdapter(registry_file.ProductKey).validate_python(key)
    except ValidationError:
        raise InputError(
            f"{key!r} is not a product key: expected 1 to 32 letters and digits, but no word that begins system topics"
        ) from None
    model = load_thing_model(thing_model, validation=validation.value) if thing_model else ev_thing_model(key)
    named = (model.tsl.get("profile") or {}).get("productKey")
    if named not in {None, "", key}:
        print(f"{thing_model}: the thing model belongs to product {named!r}; using it for {key!r}", file=sys.stderr)
    with kept_platform(data, make=True) as (platform, storage):
        if platform.registry.product(key) is not None:
            raise InputError(f"product {key!r} exists already")
        secret = new_secret()
        record = ProductRecord(created_ms=platform.parts.now_ms())
        product = Product(
            key, name, model, ListedDevices({}), secret, dynamic_registration, node_type.value, record=record
        )
        storage.keep_all([product_row(product)])
    _tell(_row(product), json_)


def list_(data: Data, json_: AsJson = False) -> None:
    """List the products.

    \b
    Example:
      jinqiao product list --data my-devices
    """
    with kept_platform(data) as (platform, _):
        rows = [_row(product) for product in platform.registry.products.values()]
    if json_:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("product key", "name", "node type", "dynamic registration", "devices", box=None)
    for row in rows:
        table.add_row(
            *(
                cell(str(row[column]))
                for column in ("product_key", "name", "node_type", "dynamic_registration", "devices")
            )
        )
    Console().print(table)


def show(data: Data, product_key: ProductKey, json_: AsJson = False) -> None:
    """Show a product with its secret.

    \b
    Example:
      jinqiao product show a1carPK0001 --data my-devices
    """
    with kept_platform(data) as (platform, _):
        _tell(_row(product_of(platform, product_key)), json_)


def disable(data: Data, product_key: ProductKey) -> None:
    """Disable every device of a product: none can connect.

    \b
    Example:
      jinqiao product disable a1carPK0001 --data my-devices
    """
    _switch(data, product_key, True)


def enable(data: Data, product_key: ProductKey) -> None:
    """Let every device of a product connect again.

    \b
    Example:
      jinqiao product enable a1carPK0001 --data my-devices
    """
    _switch(data, product_key, False)


def delete(data: Data, product_key: ProductKey) -> None:
    """Delete a product with all its devices.

    \b
    Example:
      jinqiao product delete a1carPK0001 --data my-devices
    """
    with kept_platform(data) as (platform, storage):
        product = product_of(platform, product_key)
        for device in _devices(platform, product):
            platform.operations.devices.delete(OPERATOR, device)
        storage.delete_product(product_key)


def _switch(data: Path, product_key: str, disabled: bool) -> None:
    with kept_platform(data) as (platform, _):
        devices = _devices(platform, product_of(platform, product_key))
        for device in devices:
            platform.operations.devices.set_disabled(OPERATOR, device, disabled)
    print(f"{counted(len(devices), 'device')} {'disabled' if disabled else 'enabled'}")


def _devices(platform: Platform, product: Product) -> list[Device]:
    found = (platform.registry.device(product.key, name) for name in list(product.devices))
    return [device for device in found if device is not None]


def _row(product: Product) -> dict[str, Any]:
    return {
        "product_key": product.key,
        "name": product.name,
        "product_secret": product.secret,
        "node_type": product.node_type,
        "dynamic_registration": product.dynamic_registration,
        "properties": len(product.thing_model.properties),
        "events": len(product.thing_model.events),
        "services": len(product.thing_model.services),
        "devices": len(product.devices),
    }


def _tell(row: dict[str, Any], json_: bool) -> None:
    if json_:
        print(json.dumps(row, ensure_ascii=False))
        return
    for name, value in row.items():
        print(f"{name}: {value}")

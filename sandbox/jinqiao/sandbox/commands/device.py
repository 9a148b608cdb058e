"""`jinqiao device`: the devices of a data folder, with credentials ready to paste."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from jinqiao.base.errors import InputError, PlatformError
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import OPERATOR
from jinqiao.gateway.platform.registry.registry import Device
from jinqiao.gateway.storage.online import seen

from ..credentials import login, snippets, sub_device_messages
from ..shown import cell
from .device_state import presence, show_state, shown_presence
from .kept import device_of, kept_platform, product_of
from .options import AsJson, Data, LinesHost, LinesPort, ProductKey

__all__ = ["add", "delete", "disable", "enable", "list_", "show"]


Name = Annotated[str, typer.Argument(help="Device name.", metavar="DEVICE_NAME", show_default=False)]


def add(
    data: Data,
    product_key: ProductKey,
    device_name: Name,
    secret: Annotated[
        str | None, typer.Option(help="Device secret; generated if not given.", show_default=False)
    ] = None,
    nickname: Annotated[str, typer.Option(help="Display name.", show_default=False)] = "",
    mqtt_host: LinesHost = "127.0.0.1",
    mqtt_port: LinesPort = 1883,
    json_: AsJson = False,
) -> None:
    """Register a device; prints its credentials, ready to paste. A running server picks it up at once.

    \b
    Example:
      jinqiao device add a1carPK0001 tbox001 --data my-devices
    """
    with kept_platform(data) as (platform, _):
        product = product_of(platform, product_key)
        try:
            device = platform.parts.provisioning.register(product, device_name, secret=secret, nickname=nickname)
        except PlatformError as refused:
            taken = product.devices.secret(device_name) is not None
            why = "exists already" if taken else "is not valid: 1 to 32 letters, digits and - _ . : @"
            raise InputError(f"device {device_name!r} {why}") from refused
        _tell(platform, device, mqtt_host, mqtt_port, json_)


def list_(data: Data, product_key: ProductKey, json_: AsJson = False) -> None:
    """List a product's devices.

    \b
    Example:
      jinqiao device list a1carPK0001 --data my-devices
    """
    with kept_platform(data) as (platform, storage):
        product, known = product_of(platform, product_key), seen(storage, data)
        devices = [device_of(platform, product_key, name) for name in product.devices]
        rows = [{**_row(platform, device), **presence(known.get(device.identity))} for device in devices]
    if json_:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("device name", "nickname", "state", "online", box=None)
    for row in rows:
        table.add_row(cell(row["device_name"]), cell(row["nickname"]), row["state"], shown_presence(row))
    Console().print(table)


def show(
    data: Data,
    product_key: ProductKey,
    device_name: Name,
    mqtt_host: LinesHost = "127.0.0.1",
    mqtt_port: LinesPort = 1883,
    values: Annotated[
        bool,
        typer.Option(
            "--values",
            help="Show what the platform knows of the device (last values, shadow) instead of its credentials.",
        ),
    ] = False,
    json_: AsJson = False,
) -> None:
    """Show a device with its credentials, ready to paste.

    \b
    Example:
      jinqiao device show a1carPK0001 tbox001 --data my-devices
      jinqiao device show a1carPK0001 tbox001 --data my-devices --values
    """
    with kept_platform(data) as (platform, storage):
        if values:
            device = device_of(platform, product_key, device_name)
            show_state(platform, device, seen(storage, data).get(device.identity), json_)
            return
        _tell(platform, device_of(platform, product_key, device_name), mqtt_host, mqtt_port, json_)


def disable(data: Data, product_key: ProductKey, device_name: Name) -> None:
    """Disable a device: it is disconnected and cannot connect again.

    \b
    Example:
      jinqiao device disable a1carPK0001 tbox001 --data my-devices
    """
    with kept_platform(data) as (platform, _):
        platform.operations.devices.set_disabled(OPERATOR, device_of(platform, product_key, device_name), True)


def enable(data: Data, product_key: ProductKey, device_name: Name) -> None:
    """Let a device connect again.

    \b
    Example:
      jinqiao device enable a1carPK0001 tbox001 --data my-devices
    """
    with kept_platform(data) as (platform, _):
        platform.operations.devices.set_disabled(OPERATOR, device_of(platform, product_key, device_name), False)


def delete(data: Data, product_key: ProductKey, device_name: Name) -> None:
    """Delete a device and everything stored about it.

    \b
    Example:
      jinqiao device delete a1carPK0001 tbox001 --data my-devices
    """
    with kept_platform(data) as (platform, _):
        platform.operations.devices.delete(OPERATOR, device_of(platform, product_key, device_name))


def _row(platform: Platform, device: Device) -> dict[str, Any]:
    record = platform.parts.records.of(device)
    state = "disabled" if record.disabled else "activated" if record.activated_ms else "inactive"
    names = {"product_key": device.product.key, "device_name": device.name, "device_secret": device.secret}
    return {**names, "nickname": record.nickname, "state": state, "activated_ms": record.activated_ms}


def _tell(platform: Platform, device: Device, host: str, port: int, json_: bool) -> None:
    if device.product.node_type == "sub_device":
        _tell_gateway(_row(platform, device), device, json_)
        return
    row = {**_row(platform, device), **login(device)}
    if json_:
        print(json.dumps(row, ensure_ascii=False))
        return
    for name, value in row.items():
        print(f"{name}: {value}")
    for client, text in snippets(device, host, port).items():
        print(f"\n# {client}\n{text}", end="")


def _tell_gateway(row: dict[str, Any], device: Device, json_: bool) -> None:
    """A sub-device connects through its gateway, which binds it once and logs it in over its own connection."""
    messages = sub_device_messages(device)
    if json_:
        print(json.dumps({**row, "gateway_publishes": messages}, ensure_ascii=False))
        return
    for name, value in row.items():
        print(f"{name}: {value}")
    for topic, payload in messages.items():
        print(f"\n# its gateway publishes on {topic}\n{payload}")

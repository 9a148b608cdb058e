"""What the platform knows of a device beside its credentials, for `jinqiao device show --values`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import OPERATOR
from jinqiao.gateway.platform.registry.registry import Device
from jinqiao.gateway.storage.online import Seen

from ..shown import cell

__all__ = ["presence", "show_state", "shown_presence"]


def presence(seen: Seen | None) -> dict[str, Any]:
    """Whether it is online, since when it has been or not (UTC ms, 0: never seen), and from where."""
    known = seen or Seen(False, 0)
    return {"online": known.online, "since_ms": known.since_ms, "address": known.address}


def shown_presence(row: Mapping[str, Any]) -> str:
    """The same in words."""
    if not row["since_ms"]:
        return "never"
    return f"{'since' if row['online'] else 'no, until'} {_moment(row['since_ms'])}"


def show_state(platform: Platform, device: Device, seen: Seen | None, json_: bool) -> None:
    """Print last values, shadow, desired properties, tags and versions, as far as there are any."""
    things, devices = platform.operations.things, platform.operations.devices
    row: dict[str, Any] = {
        "product_key": device.product.key,
        "device_name": device.name,
        **presence(seen),
        "versions": dict(devices.versions(OPERATOR, device)),
        "tags": dict(platform.operations.tags.of(OPERATOR, device)),
        "shadow": _shadow(platform, device),
        "desired": {name: wish._asdict() for name, wish in things.desired(OPERATOR, device).items()},
        "values": {name: last._asdict() for name, last in sorted(things.last_values(OPERATOR, device).items())},
    }
    if json_:
        print(json.dumps(row, ensure_ascii=False))
        return
    print(f"device: {device.identity}")
    address = f", from {row['address']}" if row["online"] and row["address"] else ""
    print(f"online: {shown_presence(row)}{address}")
    for name in ("versions", "tags", "desired", "shadow"):
        print(f"{name}: {json.dumps(row[name], ensure_ascii=False) if row[name] else 'none'}")
    if not row["values"]:
        print("values: none")
        return
    table = Table("property", "value", "time", box=None)
    for name, last in row["values"].items():
        value = json.dumps(last["value"], ensure_ascii=False)
        table.add_row(cell(name), cell(value, 200), _moment(last["time_ms"]))
    Console().print(table)


def _shadow(platform: Platform, device: Device) -> dict[str, Any] | None:
    """Version, and what is reported and desired; None if the device has no shadow."""
    state = platform.parts.states.known(device)
    shadow = None if state is None else state.shadow
    if shadow is None or not (shadow.version or shadow.reported or shadow.desired):
        return None
    return {"version": shadow.version, "reported": shadow.reported, "desired": shadow.desired}


def _moment(time_ms: int) -> str:
    """UTC, with its zone."""
    try:
        return datetime.fromtimestamp(time_ms / 1000, tz=UTC).isoformat(sep=" ", timespec="seconds")
    except (OverflowError, ValueError, OSError):  # a device chose it
        return f"{time_ms} ms"

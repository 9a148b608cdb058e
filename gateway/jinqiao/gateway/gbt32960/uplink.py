"""A frame as the platform's cloud gateway forwards it: `/sys/{pk}/{dn}/device/message/uplink`.

The form of a vehicle login is the platform's documented example; the year counts from 2000 as on the wire. Of the other
commands only the header is documented: there the body is the date and what the frame says, under our own names.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from jinqiao.wire.gbt32960.commands import COMMANDS, REPLIES
from jinqiao.wire.gbt32960.forms import ABNORMAL, INVALID
from jinqiao.wire.gbt32960.frame import Frame

__all__ = ["status_message", "uplink_message"]

_DATE = ("year", "month", "day", "hour", "minute", "second")


def uplink_message(frame: Frame) -> bytes:
    """The payload for the applications."""
    header = {"command": COMMANDS[frame.command], "responseFlag": REPLIES[frame.reply], "vin": frame.vin}
    data = frame.data if isinstance(frame.data, Mapping) else {}
    body = {**_date(data.get("time")), **(_login(data) if frame.command == "login" else _plain(data))}
    return orjson.dumps({"header": header, "body": body}, default=lambda value: bytes(value).hex())


def status_message(status: str) -> bytes:
    """The payload of `/sys/{pk}/{dn}/device/status/notify`."""
    return orjson.dumps({"protocol": "gb32960", "status": status})


def _date(time: datetime | None) -> dict[str, int]:
    if time is None:
        return {}
    return {name: getattr(time, name) - (2000 if name == "year" else 0) for name in _DATE}


def _login(data: Mapping[str, Any]) -> dict[str, Any]:
    """One number for each pack; 2025 lists them by battery management. A count that is a mark has no numbers."""
    listed = [entry for entry in _entries(data["packs"]) if entry not in (ABNORMAL, INVALID)]
    packs = [number for entry in listed for number in ([entry] if isinstance(entry, str) else entry)]
    return {
        "iccid": data["iccid"],
        "serialNo": data["serial"],
        "subSystemNumber": len(_entries(data["packs"])),
        "systemEncodeLength": max((len(number) for number in packs), default=0),
        "systemEncode": packs,
    }


def _entries(packs: Any) -> list[Any]:
    return [] if isinstance(packs, str) else packs


def _plain(told: Mapping[str, Any]) -> dict[str, Any]:
    names = {"serial": "serialNo"}
    return {names.get(name, name): value for name, value in told.items() if name != "time"}

"""The shape of a fleet's messages: where in them stands which column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinqiao.wire.render.shown import properties_of

__all__ = ["DeviceName", "MadeTime", "OfEachRow", "SampleTime", "message_shape"]


@dataclass(frozen=True, slots=True)
class SampleTime:
    """Marks where the time of the values stands in a message."""


@dataclass(frozen=True, slots=True)
class MadeTime:
    """Marks where the time stands at which the message was made."""


@dataclass(frozen=True, slots=True)
class DeviceName:
    """Marks where the device's name stands."""


@dataclass(frozen=True, slots=True)
class OfEachRow:
    """Marks what differs from row to row and is no column."""


@lru_cache(maxsize=64)
def message_shape(names: tuple[str, ...], product_key: str, device_type: str) -> Mapping[str, Any]:
    """A message of a batch of these signals: what is the same in all of them, and marks or signals for the rest."""
    items = {
        identifier: {"value": _value(signals), "time": SampleTime()}
        for identifier, signals in properties_of(names).items()
    }
    return {
        "deviceType": device_type,
        "iotId": OfEachRow(),
        "requestId": OfEachRow(),
        "checkFailedData": {},
        "productKey": product_key,
        "gmtCreate": MadeTime(),
        "deviceName": DeviceName(),
        "items": items,
    }


def _value(signals: Any) -> Any:
    first = signals[0]
    if first.member is not None:
        return {signal.member: signal for signal in signals}
    return list(signals) if first.index is not None else first

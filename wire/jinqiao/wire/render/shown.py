"""What a row of telemetry shows of properties: the values that a post of this row has, without rendering one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from jinqiao.base.signals import SIGNALS, Signal, by_property, property_value

__all__ = ["properties_of", "shown"]


@lru_cache(maxsize=64)
def properties_of(names: tuple[str, ...]) -> Mapping[str, Sequence[Signal]]:
    """The properties that rows with these fields (those of `fixed.row_type`) speak of, each with its signals."""
    return by_property(SIGNALS[name] for name in names if name in SIGNALS)


def shown(row: Any, signals: Sequence[Signal]) -> Any:
    """The value of the property that these signals make, in one row: a number, a struct or an array."""
    return property_value(signals, [int(row[signal.name]) / 10**signal.decimals for signal in signals])

"""Present values of a vehicle's properties, from samples of its signals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from jinqiao.base.signals import GROUPS, SIGNALS, Signal
from jinqiao.base.telemetry import Batch
from jinqiao.wire.render.shape import properties

__all__ = ["property_values"]

Members = Sequence[tuple[str | None, Signal]]


@cache
def _members() -> dict[str, Members]:
    return {name: members for group in GROUPS for name, members in properties(SIGNALS.group(group))}


def property_values(batches: Iterable[Batch], row: int, wanted: Iterable[str]) -> dict[str, Any]:
    """Values by the thing model's address; what no batch tells of this vehicle is left out."""
    sampled: dict[str, Any] = {}
    for batch in batches:
        at = int(batch.vehicles.searchsorted(row))
        if at < len(batch) and batch.vehicles[at] == row:
            sampled |= {name: column[at] for name, column in batch.signals.items()}
    found = {}
    for address in wanted:
        members = _members().get(address, ())
        if members and all(signal.name in sampled for _, signal in members):
            found[address] = _value(members, sampled)
    return found


def _value(members: Members, sampled: dict[str, Any]) -> Any:
    first_member, first = members[0]
    if first_member is not None:
        return {member: _number(signal, sampled) for member, signal in members}
    if first.identifier.endswith("]"):
        return [_number(signal, sampled) for _, signal in members]
    return _number(first, sampled)


def _number(signal: Signal, sampled: dict[str, Any]) -> int | float:
    value = sampled[signal.name]
    return round(float(value), signal.decimals) if signal.decimals else int(value)

"""The row of an action's parameters, read: `ProductKey! DeviceName.N Qos`."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Parameter", "read_row"]


class Parameter(NamedTuple):
    """`listed` ones are sent as `Name.1`, `Name.2` …, or with members as `Name.1.Member`, `Name.2.Member` …"""

    name: str
    mandatory: bool
    listed: bool


#: What `device` stands for; the first wins, and the other two together will do.
_DEVICE = ("IotId", "ProductKey", "DeviceName")


def read_row(row: str) -> dict[str, Parameter]:
    """By name, in the row's order."""
    known: dict[str, Parameter] = {}
    for word in row.split():
        plain = word.removesuffix("!")
        name, dot, _ = plain.partition(".N")
        if name == "device":
            known.update({part: Parameter(part, part == _DEVICE[0], False) for part in _DEVICE})
        else:
            known[name] = Parameter(name, plain != word, dot != "")
    return known

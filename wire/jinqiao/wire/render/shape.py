"""The shape of an Alink property post: which signals stand where in the JSON, taken from the signal table.

`{"id":"…","version":"1.0","sys":{"ack":0},"params":{"VehicleSpeed":{"value":42.5,"time":…},…},"method":"…"}`: the
platform's property post with a time for each value. Members of a struct and elements of an array share one property.
`sys.ack` 0 asks the platform for no `_reply`: a fleet's posts would otherwise double the traffic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jinqiao.base.signals import Signal, by_property

__all__ = ["ID", "NAME", "TIME", "Part", "Slot", "item_parts", "post_parts", "topic_parts"]

METHOD = "thing.event.property.post"


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in the text whose characters differ from row to row; `signal` is None for the slots below."""

    what: str
    signal: Signal | None = None


ID = Slot("id")  # the device's own sequence number
NAME = Slot("device_name")
TIME = Slot("time")  # the same for the whole batch: written once per template

Part = str | Slot


def topic_parts(product_key: str) -> list[Part]:
    """`/sys/{product_key}/{device_name}/thing/event/property/post`."""
    return [f"/sys/{product_key}/", NAME, "/thing/event/property/post"]


def post_parts(signals: Sequence[Signal]) -> list[Part]:
    """Text and slots of the payload, in order; the signals of one property must stand together."""
    opening: list[Part] = ['{"id":', ID, '","version":"1.0","sys":{"ack":0},"params":{']
    return [*opening, *item_parts(signals), f'}},"method":"{METHOD}"}}']


def item_parts(signals: Sequence[Signal]) -> list[Part]:
    """The properties of these signals with their times, in order, as members of a JSON object."""
    parts: list[Part] = []
    for number, (name, members) in enumerate(by_property(signals).items()):
        parts += [f'{"," if number else ""}"{name}":{{"value":', *_value(members), ',"time":', TIME, "}"]
    return parts


def _value(members: list[Signal]) -> list[Part]:
    first = members[0]
    opening, closing = ("[", "]") if first.index is not None else ("{", "}") if first.member is not None else ("", "")
    parts: list[Part] = []
    for number, signal in enumerate(members):
        label = f'"{signal.member}":' if signal.member else ""
        parts += [("," if number else opening) + label, Slot(signal.name, signal)]
    return [*parts, closing]

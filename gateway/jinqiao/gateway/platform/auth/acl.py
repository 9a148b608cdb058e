"""A device's permissions as plain filters, for brokers that take a list at the login instead of asking each time.

The list holds what filters can say exactly. What they cannot (a service's name apart from its reply's, the depth of
custom topics) is left out, to be asked for: `permission` decides both.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from jinqiao.gateway.platform.registry.registry import Device
from jinqiao.wire.alink.topics import TOPICS, Direction, Topic

__all__ = ["Rule", "device_rules"]


class Rule(NamedTuple):
    """One allowed action on the topics of a filter."""

    action: Literal["publish", "subscribe"]
    topic_filter: str


def device_rules(device: Device) -> list[Rule]:
    """What this device may do, as far as filters can say it."""
    rules = []
    for row in TOPICS:
        if not _is_exact(row):
            continue
        topic_filter = _as_filter(row.pattern).format(pk=device.product.key, dn=device.name)
        if Direction.UP in row.direction:
            rules.append(Rule("publish", topic_filter))
        if Direction.DOWN in row.direction:
            rules.append(Rule("subscribe", topic_filter))
    return rules


def _is_exact(row: Topic) -> bool:
    last = row.pattern.rpartition("/")[2]
    own = "{pk}" in row.pattern and "{dn}" in row.pattern
    # `{service}_reply` is no filter, and `{service}` is none either, because `+` would take in the replies.
    named = last.startswith("{") and last != "{dn}"
    ambiguous = named and (not last.endswith("}") or row.replies)
    # Custom topics are limited in depth and length.
    return own and not ambiguous and row.kind != "custom"


def _as_filter(pattern: str) -> str:
    levels = []
    for level in pattern.split("/"):
        if level == "{*}":
            levels += ["+", "#"]  # one level or more
        elif level.startswith("{") and level not in {"{pk}", "{dn}"}:
            levels.append("+")
        else:
            levels.append(level)
    return "/".join(levels)

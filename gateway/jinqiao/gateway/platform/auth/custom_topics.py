"""Custom topics of a device, `/{pk}/{dn}/user/…`: all of them, or those of classes that its product has defined."""

from __future__ import annotations

from itertools import zip_longest

from ..registry.registry import Device

__all__ = ["may_publish", "may_subscribe"]


def may_publish(device: Device, topic: str) -> bool:
    """Whether a class of topics to publish on has this name."""
    topics = device.product.record.topics
    name = _below(device, topic)
    return topics is None or any(known.name == name and known.operation != "SUB" for known in topics)


def may_subscribe(device: Device, topic_filter: str) -> bool:
    """Whether a class of topics to subscribe has everything that this filter matches."""
    topics = device.product.record.topics
    name = _below(device, topic_filter)
    return topics is None or any(_covers(known.name, name) and known.operation != "PUB" for known in topics)


def _below(device: Device, topic: str) -> str:
    return topic.removeprefix(f"/{device.identity}/user/")


def _covers(wide: str, narrow: str) -> bool:
    """Whether all that the filter `narrow` matches is matched by `wide`."""
    for mine, other in zip_longest(wide.split("/"), narrow.split("/")):
        if mine == "#":
            return True
        if other in {None, "#"} or mine is None or (mine != "+" and mine != other):
            return False
    return True

"""Topics of rules as callers give them: whole, or short with a product and a type."""

from __future__ import annotations

from jinqiao.base.errors import ProtocolError
from jinqiao.wire.mqtt.topics import check_filter

__all__ = ["CUSTOM", "STATUS", "SYSTEM", "full_topic", "split_topic"]

#: Types of a topic.
SYSTEM, CUSTOM, STATUS = 0, 1, 2
_STATUS = "as/mqtt/status"


def full_topic(product_key: str, short: str, topic_type: int) -> str:
    """The filter of a short topic, such as `+/thing/event/property/post`. Raises ValueError."""
    short = short.strip("/").replace("${deviceName}", "+")
    return _checked(f"/{_STATUS}/{product_key}/{short}" if topic_type == STATUS else f"/{product_key}/{short}")


def split_topic(topic: str) -> tuple[str, str, str, int]:
    """The whole filter, its product key (empty for a wildcard), its short form and its type. Raises ValueError."""
    whole = _checked("/" + topic.removeprefix("/").removeprefix("sys/"))
    rest = whole[1:]
    if rest.startswith(f"{_STATUS}/"):
        product_key, _, short = rest.removeprefix(f"{_STATUS}/").partition("/")
        return whole, _plain(product_key), short, STATUS
    product_key, _, short = rest.partition("/")
    return whole, _plain(product_key), short, CUSTOM if "/user/" in f"/{short}/" else SYSTEM


def _plain(product_key: str) -> str:
    return "" if product_key in {"+", "#"} else product_key


def _checked(topic: str) -> str:
    if '"' in topic or "\n" in topic or topic.count("/") < 2:
        raise ValueError("a topic is /{ProductKey}/{DeviceName}/…, + and # are wildcards")
    try:
        check_filter(topic)
    except ProtocolError as error:
        raise ValueError(str(error)) from None
    return topic

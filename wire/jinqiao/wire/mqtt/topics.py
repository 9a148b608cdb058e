"""Topic names and topic filters: what is one, and which name a filter matches (MQTT 3.1.1 § 4.7)."""

from __future__ import annotations

from jinqiao.base.errors import ProtocolError

__all__ = ["check_filter", "check_name", "decode_name", "has_wildcard", "matches", "split_share"]

#: A name of 65,535 slashes would cost a tree of as many nodes; general-purpose brokers stop at 200 levels too.
_MAX_LEVELS = 200


def check_name(topic: str) -> None:
    """Raise ProtocolError unless `topic` can be published to."""
    if "+" in topic or "#" in topic:
        raise ProtocolError(f"topic name {_shown(topic)} holds a wildcard [MQTT-3.3.2-2]")
    _check_text(topic)


def check_filter(topic_filter: str) -> None:
    """Raise ProtocolError unless `topic_filter` can be subscribed to."""
    _check_text(topic_filter)
    if topic_filter.startswith("$share/"):
        _, share, *shared = topic_filter.split("/", 2)
        if not share or "+" in share or "#" in share or not "".join(shared):
            raise ProtocolError(f"topic filter {_shown(topic_filter)}: no share name or filter [MQTT5-4.8.2-1, 2]")
    if "+" in topic_filter or "#" in topic_filter:
        levels = topic_filter.split("/")
        if any("+" in level and level != "+" for level in levels):
            raise ProtocolError(f"topic filter {_shown(topic_filter)}: + must fill its level [MQTT-4.7.1-3]")
        if any("#" in level for level in levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
            raise ProtocolError(f"topic filter {_shown(topic_filter)}: # must be the last level [MQTT-4.7.1-2]")


def decode_name(topic: bytes) -> str:
    """The topic name of a PUBLISH as text, checked; raises ProtocolError."""
    try:
        name = topic.decode()
    except UnicodeDecodeError:
        raise ProtocolError("topic name is not UTF-8 [MQTT-1.5.3-1]") from None
    check_name(name)
    return name


def split_share(topic_filter: str) -> tuple[str, str]:
    """The share name of a valid filter, "" if it is not shared, and the filter itself (MQTT 5 § 4.8.2)."""
    if not topic_filter.startswith("$share/"):
        return "", topic_filter
    _, share, shared = topic_filter.split("/", 2)
    return share, shared


def has_wildcard(topic_filter: str) -> bool:
    """Whether a (valid) filter can match more than one name."""
    return "+" in topic_filter or topic_filter.endswith("#")


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a valid filter matches a valid name.

    Wildcards at the start do not match names that begin with `$` [MQTT-4.7.2-1]; `a/#` matches `a` itself (§ 4.7.1.2).
    """
    if topic_filter == topic:
        return True
    if topic.startswith("$") and topic_filter[0] in "+#":
        return False
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted.pop()
        levels = levels[: len(wanted)]
    return len(wanted) == len(levels) and all(w in ("+", level) for w, level in zip(wanted, levels, strict=True))


def _check_text(topic: str) -> None:
    if not topic:
        raise ProtocolError("topic of no characters [MQTT-4.7.3-1]")
    if "\0" in topic:
        raise ProtocolError("topic holds U+0000 [MQTT-4.7.3-2]")
    if topic.count("/") >= _MAX_LEVELS:
        raise ProtocolError(f"topic of more than {_MAX_LEVELS} levels")


def _shown(topic: str) -> str:
    return repr(topic if len(topic) <= 80 else topic[:77] + "...")

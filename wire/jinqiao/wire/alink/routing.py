"""Finding a topic's row: a trie over the levels of the table's patterns, literal levels before named ones.

`find` is asked for each topic that a broker sees for the first time, 100,000 of them when a fleet starts, so the part
behind `/sys/{pk}/{dn}/`, which all devices share, is looked up once for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from .topics import RESERVED_KEYS, TOPICS, Topic

__all__ = ["Found", "find", "rows_covering", "rows_met"]


class Found(NamedTuple):
    """A topic's row, whose it is (empty where the pattern names none), and its other named levels."""

    row: Topic
    product_key: str
    device_name: str
    variables: tuple[str, ...] = ()


class _Node:
    __slots__ = ("literal", "named", "rest", "row")

    def __init__(self) -> None:
        self.literal: dict[str, _Node] = {}
        #: (name, suffix, node): `{service}_reply` has the suffix `_reply`; longest suffix first.
        self.named: list[tuple[str, str, _Node]] = []
        self.rest: Topic | None = None
        self.row: Topic | None = None


def _grow(root: _Node, row: Topic) -> None:
    node = root
    for level in row.pattern.split("/"):
        if level == "{*}":
            node.rest = row
            return
        node = _named(node, level) if level.startswith("{") else node.literal.setdefault(level, _Node())
    node.row = row


def _named(node: _Node, level: str) -> _Node:
    name, _, suffix = level[1:].partition("}")
    for known_name, known_suffix, known in node.named:
        if (known_name, known_suffix) == (name, suffix):
            return known
    fresh = _Node()
    node.named.append((name, suffix, fresh))
    node.named.sort(key=lambda entry: -len(entry[1]))
    return fresh


#: Longer topics are not remembered: they are whatever a client makes up, up to 64 KiB each.
_LONGEST_CACHED = 256

_ROOT = _Node()
for _row in TOPICS:
    _grow(_ROOT, _row)

_Captures = tuple[tuple[str, str], ...]


def _walk(node: _Node, levels: Sequence[str], index: int, captured: _Captures) -> tuple[Topic, _Captures] | None:
    if index == len(levels):
        return (node.row, captured) if node.row is not None else None
    level = levels[index]
    below = node.literal.get(level)
    if below is not None and (hit := _walk(below, levels, index + 1, captured)) is not None:
        return hit
    for name, suffix, inner in node.named:
        value = level.removesuffix(suffix) if suffix else level
        if value and (not suffix or value != level):
            hit = _walk(inner, levels, index + 1, (*captured, (name, value)))
            if hit is not None:
                return hit
    return (node.rest, captured) if node.rest is not None else None


def find(topic: str) -> Found | None:
    """The row of a topic name, or None for an ordinary topic."""
    if topic.startswith("/sys/"):
        parts = topic.split("/", 4)
        if len(parts) < 5 or not parts[2] or not parts[3]:
            return None
        hit = _behind_device(parts[4]) if len(topic) <= _LONGEST_CACHED else _walk_all(f"/sys/-/-/{parts[4]}")
        return Found(hit.row, parts[2], parts[3], hit.variables) if hit is not None else None
    return _search(topic) if len(topic) <= _LONGEST_CACHED else _walk_all(topic)


@lru_cache(maxsize=4_096)
def _behind_device(suffix: str) -> Found | None:
    return _search(f"/sys/-/-/{suffix}")


# A broker asks four questions about a topic that it sees for the first time, one after the other.
@lru_cache(maxsize=16)
def _search(topic: str) -> Found | None:
    return _walk_all(topic)


def _walk_all(topic: str) -> Found | None:
    hit = _walk(_ROOT, topic.split("/"), 0, ())
    if hit is None:
        return None
    row, captured = hit
    names = dict(captured)
    if names.get("pk") in RESERVED_KEYS:
        return None
    others = tuple(value for name, value in captured if name not in {"pk", "dn"})
    return Found(row, names.get("pk", ""), names.get("dn", ""), others)


def rows_covering(topic_filter: str, product_key: str, device_name: str) -> list[Topic]:
    """This device's rows whose topics include every topic the filter can match.

    A wildcard may stand for a named level or inside `{*}`, never for a literal level, a product key or a device name.
    """
    own = {"pk": product_key, "dn": device_name}
    return [row for row in _cover(_ROOT, topic_filter.split("/"), 0, own) if "{pk}" in row.pattern]


def _cover(node: _Node, levels: Sequence[str], index: int, own: dict[str, str]) -> list[Topic]:
    if index == len(levels):
        return [node.row] if node.row is not None else []
    level = levels[index]
    rows = [node.rest] if node.rest is not None else []
    if level == "#":
        return rows
    if level in node.literal:
        rows += _cover(node.literal[level], levels, index + 1, own)
    for name, suffix, inner in node.named:
        if name in own:
            fits = level == own[name]
        elif suffix:  # `+` matches more than this
            fits = level.endswith(suffix) and level != suffix
        else:
            fits = level != ""
        if fits:
            rows += _cover(inner, levels, index + 1, own)
            if suffix:  # as in `find`, `Lock_reply` is a reply and not a service of that name
                break
    return rows


def rows_met(topic_filter: str, product_key: str, device_name: str) -> list[Topic]:
    """This device's rows of which the filter matches at least one topic."""
    levels = topic_filter.split("/")
    own = {"{pk}": product_key, "{dn}": device_name}
    return [
        row
        for row in TOPICS
        if "{dn}" in row.pattern and _meets(levels, [own.get(level, level) for level in row.pattern.split("/")])
    ]


def _meets(levels: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether some topic fits both."""
    for index, wanted in enumerate(levels):
        if wanted == "#":
            return True
        if index >= len(pattern):
            return False
        level = pattern[index]
        if level == "{*}":
            return True
        if wanted in {"+", level}:
            continue
        if not level.startswith("{") or not wanted.endswith(level.partition("}")[2]):
            return False
    # `a/#` matches `a` as well, and `{*}` is one level at least.
    return len(levels) == len(pattern)

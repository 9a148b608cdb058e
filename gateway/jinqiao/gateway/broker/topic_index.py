"""Topic names by their first levels: which of the names we keep can a filter match?

The opposite question to the filter trie's. It may name too many topics, never too few.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["TopicIndex"]

#: `/sys/{product_key}/{device_name}` is four levels: one leaf per device, instead of a dict per level of each topic.
_DEPTH = 4


class TopicIndex:
    """A tree of dicts four levels deep, with lists of topics as leaves; shorter topics are padded with empty levels."""

    def __init__(self) -> None:
        self._root: dict[str, Any] = {}

    def add(self, topic: str, key: bytes) -> None:
        """File `key`, the encoded topic, under its first levels."""
        node = self._root
        *path, last = _levels(topic)
        for level in path:
            node = node.setdefault(level, {})
        leaf: list[bytes] | None = node.get(last)
        if leaf is None:
            node[last] = [key]
        else:
            leaf.append(key)

    def take(self, topic_filter: str) -> list[bytes]:
        """Remove and return every topic that the filter might match."""
        taken: list[bytes] = []
        for leaf in self._leaves(topic_filter):
            taken += leaf
            leaf.clear()
        return taken

    def clear(self) -> None:
        """Forget all topics."""
        self._root.clear()

    def _leaves(self, topic_filter: str) -> Iterator[list[bytes]]:
        nodes: list[Any] = [self._root]
        rest = False
        for level in _levels(topic_filter):
            rest = rest or level == "#"
            if rest or level == "+":
                nodes = [child for node in nodes for child in node.values()]
            else:
                nodes = [node[level] for node in nodes if level in node]
        yield from nodes


def _levels(topic: str) -> list[str]:
    levels = topic.split("/", _DEPTH)[:_DEPTH]
    return levels + [""] * (_DEPTH - len(levels))

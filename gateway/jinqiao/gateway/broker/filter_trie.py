"""All subscriptions of a broker, by filter: which subscribers does a topic reach, and how?"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from jinqiao.wire.mqtt.topics import has_wildcard

__all__ = ["FilterTrie", "filter_cost"]

#: What a level of a filter with wildcards costs, or a whole filter without; and one subscriber there (measured).
_NODE_BYTES, _SUBSCRIBER_BYTES = 300, 200

S = TypeVar("S", bound=Hashable)
V = TypeVar("V")


def filter_cost(topic_filter: str) -> int:
    """Bytes that a subscription takes at most: a filter of many levels takes a node for each."""
    nodes = topic_filter.count("/") + 1 if has_wildcard(topic_filter) else 1
    return nodes * _NODE_BYTES + len(topic_filter) + _SUBSCRIBER_BYTES


class _Node(Generic[S, V]):
    """One level of the filters that share a beginning."""

    __slots__ = ("children", "subscribers")

    def __init__(self) -> None:
        self.children: dict[str, _Node[S, V]] = {}
        self.subscribers: dict[S, V] = {}


class FilterTrie(Generic[S, V]):
    """A tree of dicts, one level of the topic per level of the tree.

    Filters without wildcards, which is most of what devices subscribe to, live in one flat dict instead: a lookup each.
    What a subscriber was granted is a value of any kind; `combine` makes one of two, for filters that overlap. `bytes`
    is what all of it costs.
    """

    def __init__(self, combine: Callable[[V, V], V]) -> None:
        self._combine = combine
        self._exact: dict[str, dict[S, V]] = {}
        self._root: _Node[S, V] = _Node()
        self._nodes = 0
        self.bytes = 0

    def add(self, topic_filter: str, subscriber: S, grant: V) -> None:
        """Subscribe, or change what a subscription there already was granted."""
        subscribers = self._subscribers(topic_filter)
        if subscriber not in subscribers:
            self.bytes += _SUBSCRIBER_BYTES + len(topic_filter)
        subscribers[subscriber] = grant

    def remove(self, topic_filter: str, subscriber: S) -> bool:
        """End a subscription; whether there was one."""
        if has_wildcard(topic_filter):
            found = self._remove_wildcard(topic_filter.split("/"), subscriber)
        else:
            subscribers = self._exact.get(topic_filter)
            found = subscribers is not None and subscribers.pop(subscriber, None) is not None
            if found and not subscribers:
                del self._exact[topic_filter]
                self.bytes -= _NODE_BYTES
        if found:
            self.bytes -= _SUBSCRIBER_BYTES + len(topic_filter)
        return found

    def match(self, topic: str) -> dict[S, V]:
        """Everyone whose filters match, each once, with all it was granted by them combined.

        One delivery at the highest QoS is one of the two ways § 3.3.5 leaves open for overlapping subscriptions.
        """
        found = dict(self._exact.get(topic, ()))
        nodes = [self._root]
        # A leading wildcard does not match `$…` [MQTT-4.7.2-1].
        wildcards = not topic.startswith("$")
        for level in topic.split("/"):
            following: list[_Node[S, V]] = []
            for node in nodes:
                children = node.children
                if wildcards:
                    if (child := children.get("#")) is not None:
                        self._merge(found, child.subscribers)
                    if (child := children.get("+")) is not None:
                        following.append(child)
                if (child := children.get(level)) is not None:
                    following.append(child)
            if not following:
                return found
            nodes, wildcards = following, True
        for node in nodes:
            self._merge(found, node.subscribers)
            # `a/#` matches `a` as well (§ 4.7.1.2).
            if (child := node.children.get("#")) is not None:
                self._merge(found, child.subscribers)
        return found

    def named(self, before: str, after: str, words: Sequence[str]) -> list[str]:
        """Of topics that differ in one level only, `before` + word + `after`, those with filters that name the word."""
        nodes = [self._root]
        wildcards = not before.startswith("$")
        for level in before.split("/")[:-1]:
            wild = [node.children["+"] for node in nodes if wildcards and "+" in node.children]
            nodes, wildcards = wild + [node.children[level] for node in nodes if level in node.children], True
        known = set().union(*(node.children.keys() for node in nodes)) - {"+", "#"}
        exact = self._exact
        if not exact:
            return [word for word in words if word in known]
        return [word for word in words if word in known or before + word + after in exact]

    def __len__(self) -> int:
        """Nodes and filters kept; 0 when nobody is subscribed to anything."""
        return len(self._exact) + self._nodes

    def _subscribers(self, topic_filter: str) -> dict[S, V]:
        if not has_wildcard(topic_filter):
            if topic_filter not in self._exact:
                self._exact[topic_filter] = {}
                self.bytes += _NODE_BYTES
            return self._exact[topic_filter]
        node = self._root
        for level in topic_filter.split("/"):
            child = node.children.get(level)
            if child is None:
                child = node.children[level] = _Node()
                self._nodes += 1
                self.bytes += _NODE_BYTES
            node = child
        return node.subscribers

    def _remove_wildcard(self, levels: list[str], subscriber: S) -> bool:
        path = [self._root]
        for level in levels:
            child = path[-1].children.get(level)
            if child is None:
                return False
            path.append(child)
        if path[-1].subscribers.pop(subscriber, None) is None:
            return False
        for level in reversed(levels):
            node = path.pop()
            if node.children or node.subscribers:
                break
            del path[-1].children[level]
            self._nodes -= 1
            self.bytes -= _NODE_BYTES
        return True

    def _merge(self, found: dict[S, V], subscribers: dict[S, V]) -> None:
        for subscriber, grant in subscribers.items():
            before = found.get(subscriber)
            found[subscriber] = grant if before is None else self._combine(before, grant)

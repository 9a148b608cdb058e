"""Retained messages: the last one of each topic that was published to be kept (MQTT 3.1.1 § 3.3.1.3)."""

from __future__ import annotations

from collections.abc import Iterator

from jinqiao.gateway.broker.delivery.message import Message

from .limits import Limits

__all__ = ["RetainedMessages"]


class _Node:
    __slots__ = ("children", "message")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.message: Message | None = None


class RetainedMessages:
    """A tree of dicts, one level of the topic each. Bounded in messages and bytes: beyond that no more are kept."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._root = _Node()
        self.bytes = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def keep(self, message: Message, now: float) -> bool:
        """Keep this message for its topic, or if it is empty forget the one there; false when there is no room."""
        levels = message.topic.decode().split("/")
        self._remove(levels)
        if not message.payload:
            return True
        if not self._has_room(message):
            self._drop_expired(now)
            if not self._has_room(message):
                return False
        node = self._root
        for level in levels:
            node = node.children.setdefault(level, _Node())
        node.message = message
        self.bytes += message.size
        self._count += 1
        return True

    def _has_room(self, message: Message) -> bool:
        limits = self._limits
        return self._count < limits.retained_messages and self.bytes + message.size <= limits.retained_bytes

    def match(self, topic_filter: str, now: float) -> Iterator[Message]:
        """Those of the topics that the filter matches, less what has expired by `now`."""
        levels = topic_filter.split("/")
        nodes = [self._root]
        for depth, level in enumerate(levels):
            following: list[_Node] = []
            for node in nodes:
                if level in ("+", "#"):
                    # A leading wildcard does not match `$…` [MQTT-4.7.2-1].
                    following += [c for name, c in node.children.items() if depth or not name.startswith("$")]
                elif (child := node.children.get(level)) is not None:
                    following.append(child)
            if level == "#":
                # `a/#` matches `a` as well (§ 4.7.1.2).
                nodes = (nodes if depth else []) + [deep for child in following for deep in _all(child)]
                break
            nodes = following
        for node in nodes:
            if node.message is not None and node.message.expires_at > now:
                yield node.message

    def _drop_expired(self, now: float) -> None:
        """Forget messages whose time has passed (MQTT 5)."""
        expired = [n.message for n in _all(self._root) if n.message is not None and n.message.expires_at <= now]
        for message in expired:
            self._remove(message.topic.decode().split("/"))

    def _remove(self, levels: list[str]) -> None:
        path = [self._root]
        for level in levels:
            child = path[-1].children.get(level)
            if child is None:
                return
            path.append(child)
        message, path[-1].message = path[-1].message, None
        if message is None:
            return
        self.bytes -= message.size
        self._count -= 1
        for level in reversed(levels):
            node = path.pop()
            if node.children or node.message is not None:
                break
            del path[-1].children[level]


def _all(node: _Node) -> Iterator[_Node]:
    nodes = [node]
    while nodes:
        found = nodes.pop()
        yield found
        nodes += found.children.values()

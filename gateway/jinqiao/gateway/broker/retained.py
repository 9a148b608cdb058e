"""Retained messages: the last one of each topic that was published to be kept (MQTT 3.1.1 § 3.3.1.3).

Bounded by what they cost, all together and of each client: a level of a topic costs as much as a short message, so the
tree's nodes count like bytes. What is beyond is refused at once, whatever is kept; what expires goes by a timer each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from math import inf

from jinqiao.gateway.broker.delivery.message import Message
from jinqiao.gateway.broker.delivery.timers import Timer, Timers

from .limits import Limits

__all__ = ["RetainedMessages"]

#: What one level of a topic costs: an object, its dict, its name (measured: 250 to 300 bytes).
_NODE_BYTES = 300


class _Node:
    __slots__ = ("children", "cost", "message", "timer")

    def __init__(self) -> None:
        #: Of the message, with the nodes that were made for it.
        self.cost = 0
        self.children: dict[str, _Node] = {}
        self.message: Message | None = None
        self.timer: Timer | None = None


@dataclass(slots=True)
class _Share:
    """What one client has had kept."""

    messages: int = 0
    bytes: int = 0


class RetainedMessages:
    """A tree of dicts, one level of the topic each. `bytes` is what all of it costs."""

    def __init__(self, limits: Limits, timers: Timers) -> None:
        self._limits = limits
        self._timers = timers
        self._root = _Node()
        self._shares: dict[str, _Share] = {}
        self.bytes = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def keep(self, message: Message, most: int) -> str:
        """Keep this message for its topic, or if it is empty forget the one there; returns why not, or nothing.

        `most` is how many its sender may have kept. What was kept for the topic is gone in any case: it is not the last
        message any more.
        """
        levels = message.topic.decode().split("/")
        self._remove(levels)
        if not message.payload:
            return ""
        cost = message.size + self._missing(levels) * _NODE_BYTES
        why = self._refusal(message, cost, most)
        if why:
            return why
        node = self._root
        for level in levels:
            child = node.children.get(level)
            if child is None:
                child = node.children[level] = _Node()
                self.bytes += _NODE_BYTES
            node = child
        node.message, node.cost = message, cost
        if message.expires_at != inf:
            node.timer = self._timers.at(message.expires_at, partial(self._remove, levels))
        self._count_in(message, cost)
        return ""

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

    def _refusal(self, message: Message, cost: int, most: int) -> str:
        """The house's own messages are few, and always have room."""
        limits = self._limits
        if not message.sender:
            return ""
        share = self._shares.get(message.sender, _Share())
        if share.messages >= most or share.bytes + cost > limits.retained_bytes_per_client:
            return f"{share.messages} retained messages are all that a client may have here"
        if self._count >= limits.retained_messages or self.bytes + cost > limits.retained_bytes:
            return "no room for another retained message"
        return ""

    def _missing(self, levels: list[str]) -> int:
        """How many nodes a topic would add."""
        node: _Node | None = self._root
        for depth, level in enumerate(levels):
            node = node.children.get(level) if node is not None else None
            if node is None:
                return len(levels) - depth
        return 0

    def _count_in(self, message: Message, cost: int) -> None:
        self._count += 1
        self.bytes += message.size
        if message.sender:
            share = self._shares.setdefault(message.sender, _Share())
            share.messages += 1
            share.bytes += cost

    def _count_out(self, message: Message, cost: int) -> None:
        self._count -= 1
        self.bytes -= message.size
        share = self._shares.get(message.sender)
        if share is not None:
            share.messages -= 1
            share.bytes -= cost
            if not share.messages:
                del self._shares[message.sender]

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
        timer, path[-1].timer = path[-1].timer, None
        if timer is not None:
            self._timers.cancel(timer)
        self._count_out(message, path[-1].cost)
        for level in reversed(levels):
            node = path.pop()
            if node.children or node.message is not None:
                break
            del path[-1].children[level]
            self.bytes -= _NODE_BYTES


def _all(node: _Node) -> Iterator[_Node]:
    nodes = [node]
    while nodes:
        found = nodes.pop()
        yield found
        nodes += found.children.values()

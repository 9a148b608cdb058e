"""What a subscriber was granted for a topic, and groups that share one subscription (MQTT 5 § 3.8.3.1, 4.8.2)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, NamedTuple, TypeVar

__all__ = ["Grant", "Group", "combine"]

S = TypeVar("S", bound=Hashable)


class Grant(NamedTuple):
    """The highest QoS, and the options of MQTT 5; `identifiers` are the subscriptions', to be sent with messages.

    `only_for` is whose topics alone the subscription yields, although its filter may match more.
    """

    qos: int
    no_local: bool = False
    retain_as_published: bool = False
    identifiers: tuple[int, ...] = ()
    only_for: str = ""

    @property
    def particular(self) -> bool:
        """Whether packets cannot go to this subscriber as they came."""
        return self.no_local or bool(self.identifiers)


def combine(one: Grant, other: Grant) -> Grant:
    """Of two subscriptions of one client that match a topic: one message, the identifiers of both [MQTT5-3.3.4-4]."""
    return Grant(
        max(one.qos, other.qos),
        one.no_local and other.no_local,
        one.retain_as_published or other.retain_as_published,
        one.identifiers + other.identifiers,
        one.only_for if one.only_for == other.only_for else "",
    )


class Group(Generic[S]):
    """The subscribers of one shared subscription, who take turns."""

    __slots__ = ("members",)

    def __init__(self) -> None:
        self.members: dict[S, Grant] = {}

    def in_turn(self) -> Iterator[tuple[S, Grant]]:
        """All members from the one whose turn it is."""
        yield from self.members.items()

    def served(self, member: S) -> None:
        """This one had its turn: it is the last one now."""
        self.members[member] = self.members.pop(member)

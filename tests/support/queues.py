"""A consumer group's queue without sockets: its clock, its event loop, and consumers that note what they are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from jinqiao.gateway.forwarding.clock import Clock
from jinqiao.gateway.forwarding.group import Group
from jinqiao.gateway.forwarding.membership import Membership
from jinqiao.gateway.forwarding.messages import Messages

__all__ = ["Taker", "World", "messages", "texts"]


class World:
    """Time that a test moves, and what is to be done in the next turn."""

    def __init__(self) -> None:
        self.time_s = 1_000.0
        self._soon: list[Callable[[], None]] = []
        self.clock = Clock(self._soon.append, lambda: self.time_s, lambda: int(self.time_s * 1000))

    def turn(self) -> None:
        """Do what is to be done, until nothing is."""
        while self._soon:
            self._soon.pop(0)()

    def pass_s(self, seconds: float, group: Group) -> None:
        """Let time pass, a second at a time."""
        for _ in range(int(seconds)):
            self.time_s += 1
            group.tick()
            self.turn()


class Taker:
    """A consumer: `got` has number, message and tries of each delivery, in order."""

    joined_ms = 0

    def __init__(self, client_id: str = "c1") -> None:
        self.client_id, self.address = client_id, f"127.0.0.1:{len(client_id)}"
        self.got: list[tuple[int, bytes, int]] = []

    def deliver(self, first: int, messages: Messages, tries: NDArray[np.uint8]) -> None:
        assert len(tries) == len(messages)
        assert first == len(self.got)
        for index in range(len(messages)):
            self.got.append((first + index, messages.single_at(index), int(tries[index])))

    @property
    def texts(self) -> list[bytes]:
        return [message for _, message, _ in self.got]

    def join(self, group: Group, credit: int = 1_000_000) -> Membership:
        member = group.join(self)
        member.credit(credit)
        return member


def messages(*bodies: bytes | str, at_ms: int = 1_000_000) -> Messages:
    """Messages with these bodies."""
    return Messages.of([body.encode() if isinstance(body, str) else body for body in bodies], at_ms)


def texts(numbers: Iterable[int]) -> list[bytes]:
    """m0, m1 …"""
    return [b"m%d" % number for number in numbers]

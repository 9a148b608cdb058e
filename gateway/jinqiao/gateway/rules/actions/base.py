"""A kind of action: how its configuration is checked, and who sends an output.

    @kind("REPUBLISH")
    class Republish(Sender): ...

A sender is made for each action of a running rule. It never blocks the event loop and never raises: what becomes of an
output is reported to `Outcome`, at once or later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import Account
from jinqiao.gateway.platform.rules.judge import ActionFault

from ..output import Output

__all__ = ["KINDS", "Context", "Outcome", "Sender", "kind", "text_of"]


class Outcome(Protocol):
    """Where an action reports; to be called on the event loop."""

    def sent(self, output: Output) -> None:
        """It has arrived."""

    def retried(self, output: Output) -> None:
        """It has not, and is tried again."""

    def failed(self, output: Output, why: str) -> None:
        """It could not be sent."""

    def dropped(self, output: Output) -> None:
        """There was no room for it."""


class Context(Protocol):
    """What a sender may use."""

    platform: Platform
    #: Where files may be written, if anywhere.
    data: Path | None

    def owner(self) -> Account:
        """The account that the rule acts for, as it is now."""


class Sender(Protocol):
    """Sends outputs of one action."""

    def __init__(self, configuration: Mapping[str, Any], context: Context, outcome: Outcome) -> None: ...

    @staticmethod
    def check(configuration: Mapping[str, Any]) -> None:
        """Raises ActionFault for a configuration that it cannot use."""

    def send(self, output: Output) -> None:
        """Send it, soon."""

    def close(self) -> None:
        """Nothing comes any more; what waits is dropped."""


S = TypeVar("S", bound=type[Sender])

#: All kinds, by the `Type` of a rule action.
KINDS: dict[str, type[Sender]] = {}


def kind(name: str) -> Callable[[S], S]:
    """Enter a class as the sender of this type of action."""

    def enter(sender: S) -> S:
        KINDS[name] = sender
        return sender

    return enter


def text_of(configuration: Mapping[str, Any], key: str, known: frozenset[str]) -> str:
    """A text of a configuration that must be there; raises ActionFault, also for keys that are none."""
    if strange := sorted(set(configuration) - known):
        raise ActionFault(f"unknown {strange[0]!r:.40}, expected {', '.join(sorted(known))}", strange[0])
    value = configuration.get(key)
    if type(value) is not str or not value or len(value) > 2048:
        raise ActionFault(f"{key} must be a text, found {value!r:.40}", key)
    return value

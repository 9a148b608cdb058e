"""AMQP: to the consumers of a group, `{"groupId": "…"}`; it waits there for a day as everything does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinqiao.gateway.platform.events import ForGroup

from ..output import Output
from .base import Context, Outcome, kind, text_of

__all__ = ["ToGroup"]

_KEYS = frozenset({"groupId", "groupName"})


@kind("AMQP")
class ToGroup:
    """Announces `ForGroup`."""

    def __init__(self, configuration: Mapping[str, Any], context: Context, outcome: Outcome) -> None:
        self._group_id = str(configuration["groupId"])
        self._context, self._outcome = context, outcome

    @staticmethod
    def check(configuration: Mapping[str, Any]) -> None:
        """A group id; whether the group is there is looked at with each message."""
        text_of(configuration, "groupId", _KEYS)

    def send(self, output: Output) -> None:
        """Put it into the group's queue."""
        platform = self._context.platform
        group = platform.parts.subscriptions.visible(self._context.owner(), self._group_id)
        if group is None:
            self._outcome.failed(output, f"no consumer group {self._group_id!r:.60}")
            return
        try:
            platform.events.emit(ForGroup, group.key, output.topic, output.body, output.message_id, output.generated_ms)
        except Exception as refused:
            self._outcome.failed(output, str(refused))
        else:
            self._outcome.sent(output)

    def close(self) -> None:
        """Nothing waits."""

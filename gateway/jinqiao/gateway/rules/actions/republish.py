"""REPUBLISH: to another topic, `{"topic": "/a1carPK0001/${deviceName()}/user/get", "topicType": 1}`.

A custom topic of a product that the rule's owner sees. What is published this way is for subscribers: the platform
does not look at it, and no rule does, so a rule cannot feed itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinqiao.gateway.platform.operations import OperationError
from jinqiao.gateway.platform.rules.judge import ActionFault
from jinqiao.wire.mqtt.topics import has_wildcard

from ..output import Output
from ..templates import filled, placed
from .base import Context, Outcome, kind, text_of

__all__ = ["Republish"]

_KEYS = frozenset({"topic", "topicType"})


@kind("REPUBLISH")
class Republish:
    """Publishes over the platform's broker."""

    def __init__(self, configuration: Mapping[str, Any], context: Context, outcome: Outcome) -> None:
        self._topic = str(configuration["topic"])
        self._context, self._outcome = context, outcome

    @staticmethod
    def check(configuration: Mapping[str, Any]) -> None:
        """A topic with at least four levels, whose third is `user`."""
        topic = text_of(configuration, "topic", _KEYS)
        try:
            placed(topic)
        except ValueError as error:
            raise ActionFault(f"topic: {error}", "topic") from None
        if not topic.startswith("/") or topic.split("/")[3:4] != ["user"] or has_wildcard(topic):
            raise ActionFault("topic must be /{ProductKey}/{DeviceName}/user/…, without wildcards", "topic")

    def send(self, output: Output) -> None:
        """Publish it now."""
        try:
            topic = filled(self._topic, output)
            if topic.split("/")[3:4] != ["user"]:
                raise ValueError(f"{topic!r:.80} is not a custom topic")
            messages = self._context.platform.operations.messages
            messages.publish(self._context.owner(), topic.split("/")[1], topic, output.body)
        except (ValueError, OperationError) as why:
            self._outcome.failed(output, str(why))
        else:
            self._outcome.sent(output)

    def close(self) -> None:
        """Nothing waits."""

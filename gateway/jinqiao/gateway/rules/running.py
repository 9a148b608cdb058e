"""A rule that runs: its statement, compiled, and its actions, ready to send."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import Account
from jinqiao.gateway.platform.rules.rule import Rule

from .actions import KINDS
from .actions.base import Sender
from .language.message import Message
from .language.statement import parse
from .output import Counts, Output

__all__ = ["RunningRule"]

_logger = logging.getLogger(__name__)


class RunningRule:
    """Sends what its statement makes of messages; `close` it when it is stopped or changed.

    Outcomes of its actions come back to it. What a normal action fails to send goes to its error action; what that
    one fails to send is counted and no more.
    """

    def __init__(self, platform: Platform, rule: Rule, counts: Counts, data: Path | None = None) -> None:
        self.platform, self.rule, self.counts, self.data = platform, rule, counts, data
        self.statement = parse(rule.sql)
        self._senders: list[Sender] = []
        self._error_senders: list[Sender] = []
        self._logged = False
        for action in rule.actions:
            configuration = orjson.loads(action.configuration)
            reports = _Reports(self, last=action.on_error)
            sender = KINDS[action.type](configuration, self, reports)
            (self._error_senders if action.on_error else self._senders).append(sender)

    def owner(self) -> Account:
        """Whom it acts for."""
        return self.platform.parts.rules.owner(self.rule)

    def sees(self, product_key: str) -> bool:
        """Whether it may read this product's messages."""
        return self.owner().sees(product_key)

    def take(self, message: Message) -> None:
        """Evaluate a message whose topic it matches."""
        result = self.statement.evaluate(message)
        if result is not None:
            self.send(result, message)

    def send(self, result: Mapping[str, Any] | bytes, message: Message) -> None:
        """Let its actions have what it made of a message."""
        self.counts.hits += 1
        passes = self.statement.passes_through and bool(message.body)
        output = Output(
            self.rule.id,
            self.rule.name,
            message.body if passes else result,
            message.topic,
            message.product_key,
            message.device_name,
            message.message_id,
            message.generated_ms,
        )
        for sender in self._senders:
            sender.send(output)

    def close(self) -> None:
        """Its actions end."""
        for sender in (*self._senders, *self._error_senders):
            sender.close()

    def gone_wrong(self, output: Output, why: str, *, last: bool) -> None:
        """An action has failed for good."""
        self.counts.failed += 1
        if not self._logged:
            self._logged = True
            _logger.warning("rule %d (%s): %s", self.rule.id, self.rule.name, why)
        if not last:
            for sender in self._error_senders:
                sender.send(output)


class _Reports:
    """Outcomes of one action."""

    def __init__(self, running: RunningRule, *, last: bool) -> None:
        self._running, self._last = running, last

    def sent(self, output: Output) -> None:  # noqa: ARG002
        self._running.counts.sent += 1

    def retried(self, output: Output) -> None:  # noqa: ARG002
        self._running.counts.retried += 1

    def failed(self, output: Output, why: str) -> None:
        self._running.gone_wrong(output, why, last=self._last)

    def dropped(self, output: Output) -> None:
        self._running.counts.dropped += 1
        del output

"""Judges statements and actions before the platform keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinqiao.base.errors import RuleError
from jinqiao.gateway.platform.rules.judge import ActionFault, SqlFault

from .actions import KINDS
from .language.statement import parse

__all__ = ["EngineJudge"]


class EngineJudge:
    """What the engine can run; see `platform.rules.judge.Judge`."""

    def topic_of(self, sql: str) -> str:
        """The topic filter of a statement; raises SqlFault."""
        try:
            return parse(sql).topic
        except RuleError as error:
            message = f"found {error.found}, expected {error.expected}"
            raise SqlFault(message, error.line, error.column) from error

    def check(self, action: str, configuration: Mapping[str, Any]) -> None:
        """Raises ActionFault for an unknown type or a configuration that it cannot use."""
        kind = KINDS.get(action)
        if kind is None:
            raise ActionFault(f"no action {action!r:.40}, expected {', '.join(KINDS)}")
        kind.check(configuration)

"""Who knows the language of rules and their actions: the engine, which the platform does not import but asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from jinqiao.base.errors import JinqiaoError

__all__ = ["ActionFault", "Judge", "SqlFault"]


class SqlFault(JinqiaoError):
    """A statement that is none: what was found and expected, and where, line and column from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


class ActionFault(JinqiaoError):
    """An action that cannot be: `key` is what is wrong of its configuration, empty where its type is unknown."""

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.message, self.key = message, key


class Judge(Protocol):
    """Judges definitions before they are kept."""

    def topic_of(self, sql: str) -> str:
        """The topic filter of a statement; raises SqlFault."""
        ...

    def check(self, action: str, configuration: Mapping[str, Any]) -> None:
        """Raises ActionFault for an unknown type or a configuration that it cannot use."""
        ...

"""All rules, by number. Whoever runs them listens to `RuleChanged` and reads them here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ..events import RuleChanged
from ..listeners import Events
from ..registry.accounts import OPERATOR, Account
from ..registry.registry import Registry
from .judge import Judge
from .rule import FIRST_ID, Rule

__all__ = ["Rules"]


class _Anything:
    """Judges nothing: a platform without an engine keeps what it is given."""

    def topic_of(self, sql: str) -> str:  # noqa: ARG002
        return ""

    def check(self, action: str, configuration: Mapping[str, Any]) -> None:
        pass


class Rules:
    """Definitions; a change is announced, kept, then made."""

    def __init__(self, events: Events, registry: Registry) -> None:
        self._events, self._registry = events, registry
        self._rules: dict[int, Rule] = {rule.id: rule for rule in registry.rules}
        self._last_id = FIRST_ID
        self.judge: Judge = _Anything()

    def judged_by(self, judge: Judge) -> None:
        """Ask this one about statements and actions from now on."""
        self.judge = judge

    def __iter__(self) -> Iterator[Rule]:
        """All, the oldest first."""
        return iter(tuple(self._rules.values()))

    def get(self, number: int) -> Rule | None:
        return self._rules.get(number)

    def new_id(self) -> int:
        """A number for a rule or an action that none of them has."""
        self._last_id += 1
        return self._last_id

    def put(self, rule: Rule) -> None:
        """A new rule, or a changed one. Raises what those raise who have to agree."""
        announced = self._events.change(RuleChanged, rule, False)
        self._events.make(partial(self._rules.__setitem__, rule.id, rule))
        announced.done()

    def remove(self, rule: Rule) -> None:
        announced = self._events.change(RuleChanged, replace(rule, running=False), True)
        self._events.make(partial(self._rules.pop, rule.id, None))
        announced.done()

    def restore(self, rule: Rule) -> None:
        """A rule that was kept."""
        self._rules[rule.id] = rule
        self._last_id = max(self._last_id, rule.id, *(action.id for action in rule.actions))

    def of(self, account: Account) -> Iterable[Rule]:
        """Those that the account sees: its own, or all if it sees all products."""
        return (rule for rule in self if sees(account, rule))

    def owner(self, rule: Rule) -> Account:
        """The account that the rule acts for, as it is now; one that is gone sees nothing."""
        if rule.owner == OPERATOR.name:
            return OPERATOR
        key = self._registry.access_keys.get(rule.owner)
        if key is not None:
            return key.account
        application = self._registry.applications.get(rule.owner)
        return Account(rule.owner, application.products if application is not None else frozenset())


def sees(account: Account, rule: Rule) -> bool:
    return account.products is None or account.name == rule.owner

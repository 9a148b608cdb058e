"""Rules: made, changed, started and stopped. A rule belongs to the account that made it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

import orjson

from ..parts import Parts
from ..registry.accounts import Account
from ..rules.judge import ActionFault, SqlFault
from ..rules.rule import BINARY, JSON, Rule, RuleAction, place_in
from ..rules.rules import sees
from ..rules.topics import SYSTEM, full_topic, split_topic
from .errors import OperationError, Reason
from .reach import Reach

__all__ = ["MOST_ACTIONS", "MOST_RULES", "Rules"]

#: Rules of one account, actions of one rule.
MOST_RULES, MOST_ACTIONS = 1_000, 10
#: Characters of a statement's parts, bytes of an action's configuration.
_LONGEST_SQL, _LONGEST_CONFIGURATION = 16_384, 16_384
_NAME = re.compile(r"[\w-]+")
_LONGEST_NAME, _LONGEST_DESCRIPTION = 30, 100


class Rules:
    """Finding raises NO_RULE, NO_RULE_ACTION."""

    def __init__(self, parts: Parts, reach: Reach) -> None:
        self._parts, self._reach, self._rules = parts, reach, parts.rules

    def list(self, account: Account) -> Sequence[Rule]:
        """Those that the account sees, the oldest first."""
        return list(self._rules.of(account))

    def find(self, account: Account, number: int) -> Rule:
        rule = self._rules.get(number)
        if rule is None or not sees(account, rule):
            raise OperationError(Reason.NO_RULE)
        return rule

    def create(self, account: Account, name: str, wanted: Rule) -> Rule:
        """A stopped rule with what `wanted` says it selects: `select`, `where`, a topic, data type and description.

        Raises NO_PRODUCT, BAD_RULE, BAD_SQL, RULE_NAME_TAKEN, TOO_MANY_RULES.
        """
        own = [rule for rule in self._rules if rule.owner == account.name]
        if len(own) >= MOST_RULES:
            raise OperationError(Reason.TOO_MANY_RULES)
        now_ms = self._parts.now_ms()
        rule = replace(wanted, id=0, name=name, owner=account.name, running=False, actions=(), created_ms=now_ms)
        rule = replace(self._judged(account, rule), id=self._rules.new_id(), modified_ms=now_ms)
        self._rules.put(rule)
        return rule

    def update(self, account: Account, rule: Rule) -> Rule:
        """The rule as `rule` has it from now on. Raises as `create` does, and RULE_OF_FILE."""
        self._changeable(account, rule.id)
        changed = replace(self._judged(account, rule), modified_ms=self._parts.now_ms())
        if changed.running and not changed.sql:
            raise OperationError(Reason.NO_SQL)
        self._rules.put(changed)
        return changed

    def delete(self, account: Account, number: int) -> None:
        """With its actions. Raises RULE_OF_FILE."""
        self._rules.remove(self._changeable(account, number))

    def start(self, account: Account, number: int) -> None:
        """Raises NO_SQL, NO_ACTION, RULE_RUNS, RULE_OF_FILE."""
        rule = self._changeable(account, number)
        if rule.running:
            raise OperationError(Reason.RULE_RUNS)
        if not rule.sql:
            raise OperationError(Reason.NO_SQL)
        if not any(not action.on_error for action in rule.actions):
            raise OperationError(Reason.NO_ACTION)
        self._rules.put(replace(rule, running=True, modified_ms=self._parts.now_ms()))

    def stop(self, account: Account, number: int) -> None:
        """A rule that is stopped stays so. Raises RULE_OF_FILE."""
        rule = self._changeable(account, number)
        if rule.running:
            self._rules.put(replace(rule, running=False, modified_ms=self._parts.now_ms()))

    def find_action(self, account: Account, number: int) -> tuple[Rule, RuleAction]:
        """An action and the rule that it belongs to."""
        for rule in self._rules.of(account):
            for action in rule.actions:
                if action.id == number:
                    return rule, action
        raise OperationError(Reason.NO_RULE_ACTION)

    def add_action(self, account: Account, number: int, kind: str, configuration: str, on_error: bool) -> RuleAction:
        """Raises TOO_MANY_ACTIONS, ACTION_EXISTS, BAD_ACTION_TYPE, BAD_ACTION, RULE_OF_FILE."""
        rule = self._changeable(account, number)
        if len(rule.actions) >= MOST_ACTIONS:
            raise OperationError(Reason.TOO_MANY_ACTIONS)
        action = RuleAction(self._rules.new_id(), kind, configuration, on_error)
        self._put_action(rule, (*rule.actions, action), action)
        return action

    def update_action(self, account: Account, number: int, kind: str, configuration: str) -> None:
        """Raises as `add_action` does."""
        rule, old = self.find_action(account, number)
        self._changeable(account, rule.id)
        action = replace(old, type=kind, configuration=configuration)
        self._put_action(rule, tuple(action if each is old else each for each in rule.actions), action)

    def delete_action(self, account: Account, number: int) -> None:
        """A running rule keeps one action at least: raises NO_ACTION, RULE_OF_FILE."""
        rule, action = self.find_action(account, number)
        self._changeable(account, rule.id)
        left = tuple(each for each in rule.actions if each is not action)
        if rule.running and not any(not each.on_error for each in left):
            raise OperationError(Reason.NO_ACTION)
        self._rules.put(replace(rule, actions=left, modified_ms=self._parts.now_ms()))

    def _put_action(self, rule: Rule, actions: tuple[RuleAction, ...], action: RuleAction) -> None:
        self._judge_action(action)
        alike = [each for each in actions if (each.type, each.configuration) == (action.type, action.configuration)]
        if len(alike) > 1:
            raise OperationError(Reason.ACTION_EXISTS)
        if sum(each.on_error for each in actions) > 1:
            raise OperationError(Reason.BAD_ACTION, "a rule has one error action at most")
        self._rules.put(replace(rule, actions=actions, modified_ms=self._parts.now_ms()))

    def _judge_action(self, action: RuleAction) -> None:
        try:
            configuration = (
                orjson.loads(action.configuration) if len(action.configuration) < _LONGEST_CONFIGURATION else None
            )
        except orjson.JSONDecodeError:
            configuration = None
        if not isinstance(configuration, dict):
            raise OperationError(Reason.ACTION_NOT_JSON)
        try:
            self._rules.judge.check(action.type, configuration)
        except ActionFault as fault:
            reason = Reason.BAD_ACTION if fault.key else Reason.BAD_ACTION_TYPE
            raise OperationError(reason, fault.message) from fault

    def _changeable(self, account: Account, number: int) -> Rule:
        rule = self.find(account, number)
        if rule.of_file:
            raise OperationError(Reason.RULE_OF_FILE)
        return rule

    def _judged(self, account: Account, rule: Rule) -> Rule:
        """The rule with its topic in every form; raises what is wrong with it."""
        _check_words(rule)
        if any(each.name == rule.name and each.id != rule.id and each.owner == rule.owner for each in self._rules):
            raise OperationError(Reason.RULE_NAME_TAKEN)
        rule = self._with_topic(account, rule)
        if rule.data_type == BINARY and rule.topic_type == SYSTEM:
            raise OperationError(
                Reason.BAD_TOPIC_TYPE, "a BINARY rule reads custom topics or status, not system topics"
            )
        # What is only half there is judged with what it lacks: a mistake is not found only when the rule is started.
        if rule.select or rule.where:
            whole = replace(rule, select=rule.select or "*", topic=rule.topic or "/+/+/user/#")
            try:
                self._rules.judge.topic_of(whole.sql)
            except SqlFault as fault:
                where = place_in(whole, fault.line, fault.column)
                raise OperationError(Reason.BAD_SQL, f"{where}: {fault.message}") from fault
        return rule

    def _with_topic(self, account: Account, rule: Rule) -> Rule:
        """With the whole topic of a short one, or the short one of a whole one."""
        product_key = rule.product_key
        if product_key:
            self._reach.product(account, product_key)
        try:
            if rule.topic:
                topic, named, short, kind = split_topic(rule.topic)
                if named and named != product_key:
                    self._reach.product(account, named)
                return replace(rule, topic=topic, product_key=named or product_key, short_topic=short, topic_type=kind)
            if not rule.short_topic:
                return replace(rule, topic_type=-1)
            if not product_key:
                raise OperationError(Reason.BAD_TOPIC, "a short topic needs a ProductKey")
            topic = full_topic(product_key, rule.short_topic, rule.topic_type)
            kind = rule.topic_type if rule.topic_type >= 0 else split_topic(topic)[3]
            return replace(rule, topic=topic, topic_type=kind)
        except ValueError as error:
            raise OperationError(Reason.BAD_TOPIC, str(error)) from error


def _check_words(rule: Rule) -> None:
    width = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in rule.name)
    if not _NAME.fullmatch(rule.name) or width > _LONGEST_NAME:
        why = f"a name has 1 to {_LONGEST_NAME} letters, digits, _ and -; a Chinese character counts twice"
        raise OperationError(Reason.BAD_RULE, why)
    if len(rule.description) > _LONGEST_DESCRIPTION:
        raise OperationError(Reason.BAD_RULE, f"a description has {_LONGEST_DESCRIPTION} characters at most")
    if len(rule.select) + len(rule.where) > _LONGEST_SQL:
        raise OperationError(Reason.BAD_RULE, f"a statement has {_LONGEST_SQL} characters at most")
    if rule.data_type not in {JSON, BINARY}:
        raise OperationError(Reason.BAD_RULE, f"DataType must be {JSON} or {BINARY}")

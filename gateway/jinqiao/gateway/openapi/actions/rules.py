"""Actions of rules: what is selected, and what is done with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from jinqiao.gateway.platform.rules.rule import Rule, RuleAction

from ..action import action
from ..arguments import Arguments, utc_time
from ..errors import ApiError

__all__ = [
    "create_rule",
    "create_rule_action",
    "delete_rule",
    "delete_rule_action",
    "get_rule",
    "get_rule_action",
    "list_rule",
    "list_rule_actions",
    "start_rule",
    "stop_rule",
    "update_rule",
    "update_rule_action",
]

#: Rows of a page, and the last page that may be asked for.
_ROWS, _DEFAULT_ROWS, _LAST_PAGE = 100, 10, 1000
_HIGHEST_ID = 2**63 - 1
_SHANGHAI_S = 8 * 3600
_RULE = (
    "Id Name ProductKey Select ShortTopic Topic Where DataType Status RuleDesc CreateUserId Created Modified "
    "UtcCreated UtcModified"
)
_ACTION = "Id RuleId Type Configuration ErrorActionFlag"


@action("CreateRule", "Name! ProductKey Select ShortTopic TopicType Topic Where DataType RuleDesc", "RuleId")
def create_rule(args: Arguments) -> dict[str, Any]:
    """A rule is stopped until it is started. It runs on the columns of simulated vehicles, too."""
    rule = args.operations.rules.create(args.account, args.text("Name"), _with_words(args, Rule(0, "", "")))
    return {"RuleId": rule.id}


@action("UpdateRule", "RuleId! Name ProductKey Select ShortTopic TopicType Topic Where RuleDesc", "")
def update_rule(args: Arguments) -> dict[str, Any]:
    """What is not given stays as it is."""
    rule = _with_words(args, _rule(args))
    args.operations.rules.update(args.account, replace(rule, name=args.text("Name", rule.name)))
    return {}


@action("GetRule", "RuleId!", f"RuleInfo{{{_RULE} TopicType}}")
def get_rule(args: Arguments) -> dict[str, Any]:
    rule = _rule(args)
    return {"RuleInfo": {**_info(rule), "TopicType": rule.topic_type if rule.sql else -1}}


@action("ListRule", "CurrentPage! PageSize!", f"Page PageSize Total Data{{RuleInfo[{_RULE}]}}")
def list_rule(args: Arguments) -> dict[str, Any]:
    page = args.number("CurrentPage", 1, low=1, high=_LAST_PAGE, code="iot.common.InvalidPageParams")
    size = args.number("PageSize", _DEFAULT_ROWS, low=1, high=_ROWS, code="iot.common.InvalidPageParams")
    rules = args.operations.rules.list(args.account)
    shown = rules[(page - 1) * size : page * size]
    return {"Page": page, "PageSize": size, "Total": len(rules), "Data": {"RuleInfo": [_info(rule) for rule in shown]}}


@action("DeleteRule", "RuleId!", "")
def delete_rule(args: Arguments) -> dict[str, Any]:
    """Its actions go with it."""
    args.operations.rules.delete(args.account, _number(args, "RuleId"))
    return {}


@action("StartRule", "RuleId!", "")
def start_rule(args: Arguments) -> dict[str, Any]:
    """A rule without a statement, or without an action, is refused."""
    args.operations.rules.start(args.account, _number(args, "RuleId"))
    return {}


@action("StopRule", "RuleId!", "")
def stop_rule(args: Arguments) -> dict[str, Any]:
    args.operations.rules.stop(args.account, _number(args, "RuleId"))
    return {}


@action("CreateRuleAction", "RuleId! Type! Configuration! ErrorActionFlag", "ActionId")
def create_rule_action(args: Arguments) -> dict[str, Any]:
    """`Type` is REPUBLISH or AMQP, or one of ours: HTTP (a web hook), INFLUXDB, PARQUET, KAFKA."""
    on_error = args.text("ErrorActionFlag", "false").lower()
    if on_error not in {"true", "false"}:
        raise ApiError("InvalidParameter", "ErrorActionFlag must be true or false.")
    made = args.operations.rules.add_action(
        args.account, _number(args, "RuleId"), args.text("Type"), args.text("Configuration"), on_error == "true"
    )
    return {"ActionId": made.id}


@action("GetRuleAction", "ActionId!", f"RuleActionInfo{{{_ACTION}}}")
def get_rule_action(args: Arguments) -> dict[str, Any]:
    rule, found = args.operations.rules.find_action(args.account, _number(args, "ActionId"))
    return {"RuleActionInfo": _action(rule, found)}


@action("UpdateRuleAction", "ActionId! Type! Configuration!", "")
def update_rule_action(args: Arguments) -> dict[str, Any]:
    number = _number(args, "ActionId")
    args.operations.rules.update_action(args.account, number, args.text("Type"), args.text("Configuration"))
    return {}


@action("ListRuleActions", "RuleId!", f"RuleActionList{{RuleActionInfo[{_ACTION} Status]}}")
def list_rule_actions(args: Arguments) -> dict[str, Any]:
    rule = _rule(args)
    rows = [{**_action(rule, each), "Status": "NORMAL"} for each in rule.actions]
    return {"RuleActionList": {"RuleActionInfo": rows}}


@action("DeleteRuleAction", "ActionId!", "")
def delete_rule_action(args: Arguments) -> dict[str, Any]:
    args.operations.rules.delete_action(args.account, _number(args, "ActionId"))
    return {}


def _number(args: Arguments, name: str) -> int:
    wrong = "iot.rule.IncorrentRuleId" if name == "RuleId" else "iot.rule.IncorrentRuleActionId"
    return args.number(name, 0, high=_HIGHEST_ID, code=wrong)


def _rule(args: Arguments) -> Rule:
    return args.operations.rules.find(args.account, _number(args, "RuleId"))


def _with_words(args: Arguments, rule: Rule) -> Rule:
    """The rule with what the call gives: a whole topic or a short one, the other goes."""
    topic, short = args.text("Topic", ""), args.text("ShortTopic", "")
    changes: dict[str, Any] = {
        "select": args.text("Select", rule.select),
        "where": args.text("Where", rule.where),
        "product_key": args.text("ProductKey", rule.product_key),
        "description": args.text("RuleDesc", rule.description),
        "topic_type": args.number("TopicType", rule.topic_type, high=2, code="iot.ruleng.IncorrectType"),
    }
    if topic:
        changes |= {"topic": topic, "short_topic": ""}
    elif short:
        changes |= {"topic": "", "short_topic": short}
    elif changes["product_key"] != rule.product_key or changes["topic_type"] != rule.topic_type:
        changes["topic"] = ""
    if not rule.id:
        changes["data_type"] = args.text("DataType", rule.data_type).upper()
    return replace(rule, **changes)


def _info(rule: Rule) -> dict[str, Any]:
    return {
        "Id": rule.id,
        "Name": rule.name,
        "ProductKey": rule.product_key,
        "Select": rule.text or rule.select,
        "ShortTopic": rule.short_topic,
        "Topic": rule.topic,
        "Where": rule.where,
        "DataType": rule.data_type,
        "Status": "RUNNING" if rule.running else "STOP",
        "RuleDesc": rule.description,
        "CreateUserId": 0,
        "Created": _long_time(rule.created_ms),
        "Modified": _long_time(rule.modified_ms),
        "UtcCreated": utc_time(rule.created_ms),
        "UtcModified": utc_time(rule.modified_ms),
    }


def _action(rule: Rule, found: RuleAction) -> dict[str, Any]:
    return {
        "Id": found.id,
        "RuleId": rule.id,
        "Type": found.type,
        "Configuration": found.configuration,
        "ErrorActionFlag": found.on_error,
    }


def _long_time(ms: int) -> str:
    """`Thu Feb 28 14:14:33 CST 2019`, as this call has its times."""
    moment = datetime.fromtimestamp(ms // 1000 + _SHANGHAI_S, tz=UTC)
    return f"{moment:%a %b %d %H:%M:%S} CST {moment:%Y}" if ms else ""

"""Actions of the OpenAPI about rules: what they keep, answer and refuse."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from jinqiao.gateway.platform.events import RuleChanged
from jinqiao.gateway.platform.rules.judge import ActionFault, SqlFault
from jinqiao.gateway.platform.rules.rule import Rule, RuleAction, place_in
from jinqiao.gateway.storage.kinds import RESTORE
from support.cloud_world import NOW_MS, PK, CloudWorld

TO_TOPIC = json.dumps({"topic": "/a1carPK0001/tbox001/user/get", "topicType": 1})


class Strict:
    """Takes no statement with a `?` in it, and no action but REPUBLISH with a topic."""

    def topic_of(self, sql: str) -> str:
        for number, line in enumerate(sql.split("\n"), 1):
            if "?" in line:
                raise SqlFault("found '?', expected a name", number, line.index("?") + 1)
        return ""

    def check(self, action: str, configuration: Mapping[str, Any]) -> None:
        if action != "REPUBLISH":
            raise ActionFault(f"no action {action!r}")
        if "topic" not in configuration:
            raise ActionFault("found no topic", "topic")


@pytest.fixture
def world() -> CloudWorld:
    world = CloudWorld()
    world.platform.parts.rules.judged_by(Strict())
    return world


def call(world: CloudWorld, action: str, **parameters: Any) -> dict[str, Any]:
    return world.read(world.dispatch(action, **parameters))


def code(world: CloudWorld, action: str, **parameters: Any) -> str:
    answer = call(world, action, **parameters)
    assert answer.get("Success") is not True
    return str(answer["Code"])


def made(world: CloudWorld, **parameters: Any) -> int:
    named = {"Name": "hot", "ProductKey": PK, "ShortTopic": "+/thing/event/property/post", "Select": "*", **parameters}
    answer = call(world, "CreateRule", **named)
    assert answer["Success"] is True, answer
    return int(answer["RuleId"])


def info(world: CloudWorld, rule: int) -> dict[str, Any]:
    found: dict[str, Any] = call(world, "GetRule", RuleId=rule)["RuleInfo"]
    return found


def test_a_rule_is_made_as_the_call_says_and_stopped(world: CloudWorld) -> None:
    number = made(world, Select="items.a.value as a", Where="a > 3", TopicType=0, RuleDesc="too hot")
    found = info(world, number)
    assert found["Id"] == number
    assert (found["Name"], found["RuleDesc"], found["DataType"], found["Status"]) == ("hot", "too hot", "JSON", "STOP")
    assert (found["Select"], found["Where"]) == ("items.a.value as a", "a > 3")
    assert found["Topic"] == f"/{PK}/+/thing/event/property/post"
    assert (found["ShortTopic"], found["TopicType"]) == ("+/thing/event/property/post", 0)
    assert found["UtcCreated"] == found["UtcModified"] == "2026-11-22T07:45:08.123Z"
    assert found["Created"] == "Sun Nov 22 15:45:08 CST 2026"


@pytest.mark.parametrize(
    ("given", "topic", "kind"),
    [
        ({"ShortTopic": "+/user/#", "TopicType": 1}, f"/{PK}/+/user/#", 1),
        ({"ShortTopic": "tbox001/user/a"}, f"/{PK}/tbox001/user/a", 1),
        ({"ShortTopic": "+", "TopicType": 2}, f"/as/mqtt/status/{PK}/+", 2),
        ({"ShortTopic": "${deviceName}/thing/lifecycle", "TopicType": 0}, f"/{PK}/+/thing/lifecycle", 0),
        ({"ShortTopic": "", "Topic": f"/{PK}/+/thing/event/E/post"}, f"/{PK}/+/thing/event/E/post", 0),
        ({"ShortTopic": "", "Topic": f"/sys/{PK}/+/thing/event/E/post"}, f"/{PK}/+/thing/event/E/post", 0),
        ({"ShortTopic": "", "Topic": f"/as/mqtt/status/{PK}/+"}, f"/as/mqtt/status/{PK}/+", 2),
    ],
)
def test_topics_are_whole_or_short(world: CloudWorld, given: dict[str, Any], topic: str, kind: int) -> None:
    found = info(world, made(world, **given))
    assert (found["Topic"], found["TopicType"]) == (topic, kind)


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"Name": "a b"}, "iot.check.InvalidFormattedParameter"),
        ({"Name": "车" * 16}, "iot.check.InvalidFormattedParameter"),
        ({"Name": ""}, "MissingParameter"),
        ({"RuleDesc": "x" * 101}, "iot.check.InvalidFormattedParameter"),
        ({"DataType": "XML"}, "iot.check.InvalidFormattedParameter"),
        ({"ProductKey": "none"}, "iot.prod.NotExistedProduct"),
        ({"ProductKey": "", "ShortTopic": "", "Topic": "/none/+/user/a"}, "iot.prod.NotExistedProduct"),
        ({"ProductKey": ""}, "iot.messagebroker.InvalidFormattedTopicName"),
        ({"ShortTopic": "+/user/#/a"}, "iot.messagebroker.InvalidFormattedTopicName"),
        ({"ShortTopic": '+/user/"a'}, "iot.messagebroker.InvalidFormattedTopicName"),
        ({"TopicType": 3}, "iot.ruleng.IncorrectType"),
        ({"DataType": "BINARY", "TopicType": 0}, "iot.ruleng.IncorrectType"),
        ({"Select": "a, ?"}, "iot.messagebroker.IncorrectRuleSql"),
        ({"Select": "", "Where": "?"}, "iot.messagebroker.IncorrectRuleSql"),
        ({"Select": "a" * 20_000}, "iot.check.InvalidFormattedParameter"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(world: CloudWorld, given: dict[str, Any], refused: str) -> None:
    named = {"Name": "hot", "ProductKey": PK, "ShortTopic": "+/thing/event/property/post", "Select": "*", **given}
    assert code(world, "CreateRule", **named) == refused
    assert list(world.platform.parts.rules) == []
    assert not world.kept


def test_a_name_is_an_accounts_once(world: CloudWorld) -> None:
    first = made(world)
    assert code(world, "CreateRule", Name="hot") == "iot.rule.RuleNameIsAlreadyExisted"
    second = made(world, Name="车-2_热")
    assert code(world, "UpdateRule", RuleId=second, Name="hot") == "iot.rule.RuleNameIsAlreadyExisted"
    call(world, "DeleteRule", RuleId=first)
    made(world)


def test_an_error_in_a_statement_says_where_in_which_parameter(world: CloudWorld) -> None:
    def where(**given: str) -> str:
        message: str = call(world, "CreateRule", Name="x", ProductKey=PK, ShortTopic="+/user/a", **given)[
            "ErrorMessage"
        ]
        return message.partition(": ")[0]

    assert where(Select="a, ?") == "Select, line 1, column 4"
    assert where(Select="a,\n b, ?") == "Select, line 2, column 5"
    assert where(Select="a,\nb", Where="a > ?") == "Where, line 1, column 5"
    assert where(Select="a", Where="a > 1\nAND ?") == "Where, line 2, column 5"
    assert where(Where="?") == "Where, line 1, column 1"


def test_a_place_in_the_topic_is_said_to_be_there() -> None:
    rule = Rule(1, "x", "o", select="a,\nb", where="c", topic="/pk/+/user/a")
    assert str(place_in(rule, 3, 7)) == "Topic, line 1, column 1"
    assert str(place_in(replace(rule, text="SELECT"), 3, 7)) == "line 3, column 7"


def test_a_changed_rule_keeps_what_is_not_given(world: CloudWorld) -> None:
    number = made(world, Where="a > 1")
    world.now_ms = NOW_MS + 5000
    assert call(world, "UpdateRule", RuleId=number, Select="b")["Success"] is True
    found = info(world, number)
    assert (found["Select"], found["Where"], found["Name"]) == ("b", "a > 1", "hot")
    assert found["Topic"] == f"/{PK}/+/thing/event/property/post"
    assert found["UtcModified"] > found["UtcCreated"]
    call(world, "UpdateRule", RuleId=number, ShortTopic="+/user/#", TopicType=1)
    assert info(world, number)["Topic"] == f"/{PK}/+/user/#"
    call(world, "UpdateRule", RuleId=number, Topic=f"/as/mqtt/status/{PK}/+")
    assert (info(world, number)["ShortTopic"], info(world, number)["TopicType"]) == ("+", 2)


def test_rules_are_listed_by_pages_oldest_first(world: CloudWorld) -> None:
    numbers = [made(world, Name=f"r{n}") for n in range(5)]
    page = call(world, "ListRule", CurrentPage=2, PageSize=2)
    assert (page["Page"], page["PageSize"], page["Total"]) == (2, 2, 5)
    assert [rule["Id"] for rule in page["Data"]["RuleInfo"]] == numbers[2:4]
    assert call(world, "ListRule", CurrentPage=9, PageSize=2)["Data"]["RuleInfo"] == []
    for wrong in ({"CurrentPage": 0, "PageSize": 10}, {"CurrentPage": 1, "PageSize": 101}):
        assert code(world, "ListRule", **wrong) == "iot.common.InvalidPageParams"


def test_a_rule_without_statement_or_action_does_not_start(world: CloudWorld) -> None:
    number = made(world, Select="")
    assert code(world, "StartRule", RuleId=number) == "iot.rule.NullSqlForRule"
    assert info(world, number)["TopicType"] == -1
    call(world, "UpdateRule", RuleId=number, Select="*")
    assert code(world, "StartRule", RuleId=number) == "iot.rule.NullForwardDestForRule"
    call(world, "CreateRuleAction", RuleId=number, Type="REPUBLISH", Configuration=TO_TOPIC, ErrorActionFlag="true")
    assert code(world, "StartRule", RuleId=number) == "iot.rule.NullForwardDestForRule"


def test_a_rule_is_started_and_stopped(world: CloudWorld) -> None:
    number = made(world)
    action = call(world, "CreateRuleAction", RuleId=number, Type="REPUBLISH", Configuration=TO_TOPIC)["ActionId"]
    heard: list[RuleChanged] = []
    world.platform.events.subscribe(RuleChanged, heard.append)
    assert call(world, "StartRule", RuleId=number)["Success"] is True
    assert info(world, number)["Status"] == "RUNNING"
    assert code(world, "StartRule", RuleId=number) == "iot.ruleng.RuleAlreadyIsStarted"
    assert code(world, "DeleteRuleAction", ActionId=action) == "iot.rule.NullForwardDestForRule"
    assert call(world, "StopRule", RuleId=number)["Success"] is True
    assert call(world, "StopRule", RuleId=number)["Success"] is True
    assert [change.rule.running for change in heard] == [True, False]
    assert call(world, "DeleteRuleAction", ActionId=action)["Success"] is True


def test_actions_are_made_changed_listed_and_deleted(world: CloudWorld) -> None:
    number = made(world)
    action = call(world, "CreateRuleAction", RuleId=number, Type="REPUBLISH", Configuration=TO_TOPIC)["ActionId"]
    row = {"Id": action, "RuleId": number, "Type": "REPUBLISH", "Configuration": TO_TOPIC, "ErrorActionFlag": False}
    assert call(world, "GetRuleAction", ActionId=action)["RuleActionInfo"] == row
    listed = call(world, "ListRuleActions", RuleId=number)["RuleActionList"]["RuleActionInfo"]
    assert [{**each, "Status": None} for each in listed] == [{**row, "Status": None}]
    other = json.dumps({"topic": "/a1carPK0001/tbox001/user/other"})
    assert call(world, "UpdateRuleAction", ActionId=action, Type="REPUBLISH", Configuration=other)["Success"] is True
    assert call(world, "GetRuleAction", ActionId=action)["RuleActionInfo"]["Configuration"] == other
    assert call(world, "DeleteRuleAction", ActionId=action)["Success"] is True
    assert code(world, "GetRuleAction", ActionId=action) == "iot.rule.NotFoundRuleAction"


@pytest.mark.parametrize(
    ("kind", "configuration", "refused"),
    [
        ("OTS", "{}", "iot.rule.IncorrentRuleActionType"),
        ("REPUBLISH", "{}", "iot.rule.ParseRuleActionConfigError"),
        ("REPUBLISH", "[]", "iot.ruleng.RuleActionConfigurationIsNotJson"),
        ("REPUBLISH", "{", "iot.ruleng.RuleActionConfigurationIsNotJson"),
        ("REPUBLISH", json.dumps({"topic": "x" * 20_000}), "iot.ruleng.RuleActionConfigurationIsNotJson"),
        ("REPUBLISH", "", "MissingParameter"),
        ("", "{}", "MissingParameter"),
    ],
)
def test_an_action_that_cannot_be_is_refused(world: CloudWorld, kind: str, configuration: str, refused: str) -> None:
    number = made(world)
    assert code(world, "CreateRuleAction", RuleId=number, Type=kind, Configuration=configuration) == refused
    assert world.platform.parts.rules.get(number).actions == ()  # type: ignore[union-attr]


def test_a_rule_has_so_many_actions_and_none_twice(world: CloudWorld) -> None:
    number = made(world)

    def add(n: int) -> dict[str, Any]:
        configuration = json.dumps({"topic": f"/a1carPK0001/tbox001/user/{n}"})
        return call(world, "CreateRuleAction", RuleId=number, Type="REPUBLISH", Configuration=configuration)

    assert add(0)["Success"] is True
    assert add(0)["Code"] == "iot.rule.RuleActionIsAlreadyCreated"
    assert all(add(n)["Success"] for n in range(1, 10))
    assert add(10)["Code"] == "iot.rule.TooManyRuleAction"


def test_rules_of_one_account_do_not_exist_for_another(world: CloudWorld) -> None:
    registry = world.platform.registry
    key = registry.access_keys["testAccessKeyId"]
    registry.access_keys["testAccessKeyId"] = replace(key, products=frozenset({PK}))
    foreign = Rule(200_000, "theirs", "somebody", actions=(RuleAction(200_001, "REPUBLISH", TO_TOPIC),))
    world.platform.parts.rules.restore(foreign)
    mine = made(world)
    assert [r["Id"] for r in call(world, "ListRule", CurrentPage=1, PageSize=9)["Data"]["RuleInfo"]] == [mine]
    for action in ("GetRule", "UpdateRule", "DeleteRule", "StartRule", "StopRule", "ListRuleActions"):
        assert code(world, action, RuleId=200_000) == "iot.rule.NotFoundRule"
    for action in ("GetRuleAction", "DeleteRuleAction"):
        assert code(world, action, ActionId=200_001) == "iot.rule.NotFoundRuleAction"
    assert world.platform.parts.rules.get(200_000) == foreign
    registry.access_keys["testAccessKeyId"] = replace(key, products=None)
    assert info(world, 200_000)["Name"] == "theirs"


@pytest.mark.parametrize("number", ["", "x", "-1", "1" * 30])
def test_a_number_that_is_none_is_refused(world: CloudWorld, number: str) -> None:
    assert code(world, "GetRule", RuleId=number) == "iot.rule.IncorrentRuleId"
    assert code(world, "GetRuleAction", ActionId=number) == "iot.rule.IncorrentRuleActionId"


def test_what_is_kept_of_a_rule_comes_back_whole(world: CloudWorld) -> None:
    number = made(world, Where="a > 1")
    call(world, "CreateRuleAction", RuleId=number, Type="REPUBLISH", Configuration=TO_TOPIC)
    call(world, "StartRule", RuleId=number)
    kept = [row for row in world.kept if row.kind == "rule"][-1]
    later = CloudWorld()
    RESTORE["rule"](later.platform.parts, kept._replace(value=json.loads(json.dumps(kept.value))))
    assert later.platform.parts.rules.get(number) == world.platform.parts.rules.get(number)
    assert made(later, Name="next") > number + 1
    call(world, "DeleteRule", RuleId=number)
    assert world.kept[-1][:3] == ("rule", f"#{number}", None)


def test_a_refused_change_has_not_happened(world: CloudWorld) -> None:
    number = made(world)

    def refuse(event: RuleChanged) -> None:
        raise OSError("the disk is full")

    world.platform.events.subscribe(RuleChanged, refuse, before_ack=True)
    assert code(world, "UpdateRule", RuleId=number, Select="b") == "iot.system.SystemException"
    assert code(world, "DeleteRule", RuleId=number) == "iot.system.SystemException"
    assert info(world, number)["Select"] == "*"


def test_a_rule_of_the_registry_file_is_changed_in_the_file_only(world: CloudWorld) -> None:
    world.platform.parts.rules.restore(
        Rule(1, "of-file", "operator", text='SELECT * FROM "/pk/+/user/a"', running=True)
    )
    for action in ("UpdateRule", "DeleteRule", "StopRule"):
        assert code(world, action, RuleId=1, Name="x") == "iot.rule.UpdateRuleFailed"
    assert info(world, 1)["Select"] == 'SELECT * FROM "/pk/+/user/a"'

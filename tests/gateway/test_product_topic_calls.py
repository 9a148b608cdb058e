"""Classes of custom topics by cloud calls: listed, defined, and what devices may do from then on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jinqiao.gateway.platform.auth.custom_topics import _covers
from jinqiao.gateway.platform.operations.product_topics import MOST_TOPICS
from jinqiao.gateway.platform.registry.accounts import AccessKey
from support.cloud_world import DN, PK, CloudWorld
from support.products import Kept, ask, made

ROOT = f"/{PK}/{DN}/user/"


@pytest.fixture
def world() -> CloudWorld:
    return CloudWorld()


def topics(world: Any, key: str = PK) -> dict[str, dict[str, str]]:
    rows = ask(world, "QueryProductTopic", ProductKey=key)["Data"]["ProductTopicInfo"]
    return {row["TopicShortName"].partition("/user/")[2]: row for row in rows}


def define(world: Any, name: str, operation: str, key: str = PK) -> dict[str, Any]:
    more = {"ProductKey": key, "TopicShortName": name, "Operation": operation, "Desc": "one"}
    return ask(world, "CreateProductTopic", **more)


def test_every_product_has_three(world: CloudWorld) -> None:
    found = topics(world)
    assert {name: row["Operation"] for name, row in found.items()} == {
        "update": "PUB",
        "update/error": "PUB",
        "get": "SUB",
    }
    assert found["get"]["TopicShortName"] == f"/{PK}/${{deviceName}}/user/get"
    assert topics(world) == found
    assert len({row["Id"] for row in [*found.values(), *topics(world, "a1subPK0001").values()]}) == 6


def test_until_some_are_defined_a_device_may_use_all(world: CloudWorld) -> None:
    principal = world.connect()
    assert world.platform.may_publish(principal, f"{ROOT}anything/at/all")
    assert world.platform.may_subscribe(principal, f"{ROOT}#")
    assert define(world, "track", "PUB")["TopicId"]
    assert "*" in world.carrier.reconsidered
    may = {
        name: (world.platform.may_publish(principal, ROOT + name), world.platform.may_subscribe(principal, ROOT + name))
        for name in ("anything", "track", "update", "get")
    }
    assert may == {
        "anything": (False, False),
        "track": (True, False),
        "update": (True, False),
        "get": (False, True),
    }
    assert not world.platform.may_subscribe(principal, f"{ROOT}#")
    assert define(world, "/user/cmd/#", "SUB")["TopicId"]
    assert world.platform.may_subscribe(principal, f"{ROOT}cmd/+/now")
    assert define(world, "both", "ALL")["TopicId"]
    assert world.platform.may_publish(principal, f"{ROOT}both")
    assert world.platform.may_subscribe(principal, f"{ROOT}both")
    assert world.platform.may_publish(principal, f"/sys/{PK}/{DN}/thing/event/property/post")
    assert world.platform.may_subscribe(principal, f"/ext/rrpc/+/{PK}/{DN}/user/get")


def test_one_is_changed_and_taken_away(world: CloudWorld) -> None:
    principal = world.connect()
    topic = define(world, "track", "PUB")["TopicId"]
    assert ask(world, "UpdateProductTopic", TopicId=topic, Operation="SUB", TopicShortName="trace")["Success"]
    row = topics(world)["trace"]
    assert (row["Operation"], row["Desc"]) == ("SUB", "one")
    assert world.platform.may_subscribe(principal, f"{ROOT}trace")
    assert not world.platform.may_publish(principal, f"{ROOT}track")
    assert ask(world, "DeleteProductTopic", TopicId=topic)["Success"]
    assert not world.platform.may_subscribe(principal, f"{ROOT}trace")
    default = topics(world)["update"]["Id"]
    assert ask(world, "DeleteProductTopic", TopicId=default)["Success"]
    assert set(topics(world)) == {"update/error", "get"}
    assert ask(world, "DeleteProductTopic", TopicId=topic)["Code"] == "iot.messagebroker.TopicTemplateIsNotFound"


@pytest.mark.parametrize(
    ("name", "operation", "code"),
    [
        ("track", "WRITE", "iot.messagebroker.InvalidTopicTemplateOperationValue"),
        ("track/+", "PUB", "iot.messagebroker.InvalidFormattedTopicName"),
        ("#/track", "SUB", "iot.messagebroker.InvalidFormattedTopicName"),
        ("a//b", "PUB", "iot.messagebroker.InvalidFormattedTopicName"),
        ("tr-ck", "PUB", "iot.messagebroker.InvalidFormattedTopicName"),
        ("a" * 65, "PUB", "iot.messagebroker.InvalidFormattedTopicName"),
        ("/", "PUB", "iot.messagebroker.InvalidFormattedTopicName"),
        ("update", "ALL", "iot.messagebroker.TopicAlreadyFound"),
    ],
)
def test_what_cannot_be_a_class_of_topics_is_refused(world: CloudWorld, name: str, operation: str, code: str) -> None:
    assert define(world, name, operation)["Code"] == code
    assert not world.kept


def test_a_product_has_fifty_at_most(world: CloudWorld) -> None:
    key = made(world)
    for number in range(MOST_TOPICS - 3):
        assert define(world, f"t{number}", "PUB", key)["TopicId"]
    assert define(world, "more", "PUB", key)["Code"] == "iot.messagebroker.TopicTemplateCountExceedMax"


def test_another_accounts_topics_do_not_exist(world: CloudWorld) -> None:
    topic = define(world, "track", "PUB")["TopicId"]
    world.platform.registry.access_keys["testAccessKeyId"] = AccessKey(
        "testAccessKeyId", "testAccessKeySecret", frozenset({"a1subPK0001"})
    )
    for action in ("UpdateProductTopic", "DeleteProductTopic"):
        answer = ask(world, action, TopicId=topic, Operation="SUB")
        assert answer["Code"] == "iot.messagebroker.TopicTemplateIsNotFound"


def test_they_are_there_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    more = {"TopicShortName": "track", "Operation": "PUB", "Desc": "one"}
    topic = kept.ask("CreateProductTopic", ProductKey=PK, **more)["TopicId"]
    kept = kept.again()
    rows = kept.ask("QueryProductTopic", ProductKey=PK)["Data"]["ProductTopicInfo"]
    assert [row["Id"] for row in rows if row["TopicShortName"].endswith("/user/track")] == [str(topic)]
    assert kept.ask("DeleteProductTopic", TopicId=topic)["Success"]


@pytest.mark.parametrize(
    ("wide", "narrow", "covers"),
    [
        ("a", "a", True),
        ("a", "a/b", False),
        ("a/b", "a", False),
        ("+", "a", True),
        ("+", "+", True),
        ("a", "+", False),
        ("+", "#", False),
        ("#", "#", True),
        ("a/#", "a/+/b", True),
        ("a/#", "a", True),
        ("a/+", "a/#", False),
    ],
)
def test_a_filter_is_granted_where_a_class_covers_it(wide: str, narrow: str, covers: bool) -> None:
    assert _covers(wide, narrow) is covers

"""Tags, desired properties, thing model, configuration and logs as devices use them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jinqiao.gateway.platform.devices.desired import DesiredProperties, VersionConflict
from jinqiao.gateway.platform.registry.accounts import OPERATOR
from jinqiao.gateway.storage.kinds import RESTORE
from jinqiao.gateway.storage.sqlite import Row
from support.alink_house import CAR_TSL, DN, PK, S, World


@pytest.fixture
def world() -> World:
    return World()


# Tags.


def test_tags_as_the_sdks_send_them(world: World) -> None:
    device = world.connect()
    python = (
        '{"id": "3", "version": "1.0", "params": [{"attrKey": "vin", "attrValue": "LSV0000000000001"}], '
        '"method": "thing.deviceinfo.update"}'
    )
    assert world.ask(device, f"{S}/thing/deviceinfo/update", python) == {
        "code": 200,
        "data": {},
        "id": "3",
        "message": "success",
        "method": "thing.deviceinfo.update",
        "version": "1.0",
    }
    c_sdk = (
        '{"id":"1","version":"1.0","params":[{"attrKey":"SYS_LP_SDK_VERSION","attrValue":"3.0.1","domain":"SYSTEM"},'
        '{"attrKey":"SYS_SDK_LANGUAGE","attrValue":"C","domain":"SYSTEM"}],"method":"thing.deviceinfo.update"}'
    )
    assert world.ask(device, f"{S}/thing/deviceinfo/update", c_sdk)["code"] == 200
    assert world.state(PK, DN).tags["vin"] == "LSV0000000000001"
    delete = '{"id": "4", "version": "1.0", "params": [{"attrKey": "vin"}], "method": "thing.deviceinfo.delete"}'
    assert world.ask(device, f"{S}/thing/deviceinfo/delete", delete)["code"] == 200
    assert world.state(PK, DN).tags == {"SYS_LP_SDK_VERSION": "3.0.1", "SYS_SDK_LANGUAGE": "C"}
    assert world.kinds_kept() == ["tags", "tags", "tags"]


@pytest.mark.parametrize(
    "params",
    [
        None,
        {},
        [],
        ["vin"],
        [{"attrKey": "1vin", "attrValue": "x"}],
        [{"attrKey": "v-in", "attrValue": "x"}],
        [{"attrKey": "v" * 101, "attrValue": "x"}],
        [{"attrKey": "", "attrValue": "x"}],
        [{"attrKey": "vin", "attrValue": 5}],
        [{"attrKey": "vin"}],
        [{"attrKey": "good", "attrValue": "x"}, {"attrKey": "vin", "attrValue": "x" * 5_000}],
        [{"attrKey": f"k{n}", "attrValue": "x"} for n in range(201)],
    ],
)
def test_bad_tags_are_460_and_none_is_taken(world: World, params: Any) -> None:
    assert world.request(world.connect(), "thing/deviceinfo/update", params)["code"] == 460
    assert world.state(PK, DN).tags == {}


def test_a_device_has_at_most_200_tags(world: World) -> None:
    device = world.connect()
    tags = [{"attrKey": f"k{n}", "attrValue": "x"} for n in range(200)]
    assert world.request(device, "thing/deviceinfo/update", tags)["code"] == 200
    assert world.request(device, "thing/deviceinfo/update", tags[:5])["code"] == 200
    assert world.request(device, "thing/deviceinfo/update", [{"attrKey": "z", "attrValue": "x"}])["code"] == 460


def test_deleting_a_tag_that_is_not_there_is_no_error(world: World) -> None:
    device = world.connect()
    assert world.request(device, "thing/deviceinfo/delete", [{"attrKey": "none"}])["code"] == 200
    assert world.request(device, "thing/deviceinfo/delete", [{"attrKey": "no ne"}])["code"] == 460
    assert world.request(device, "thing/deviceinfo/delete", {"attrKey": "none"})["code"] == 460


# Desired properties.


def test_desired_properties_as_the_c_sdk_asks(world: World) -> None:
    device = world.connect()
    assert world.state(PK, DN).desired.set({"speed": 30.5}, None, 1) == {"speed": 1}
    get = '{"id":"4","version":"1.0","params":["speed"],"sys":{"ack":1}}'
    assert world.ask(device, f"{S}/thing/property/desired/get", get)["data"] == {"speed": {"value": 30.5, "version": 1}}
    stale = world.request(device, "thing/property/desired/delete", {"speed": {"version": 2}})
    assert (stale["code"], list(world.state().desired.entries)) == (200, ["speed"])
    delete = '{"id":"5","version":"1.0","params":{"speed":{"version":1}},"sys":{"ack":1}}'
    assert world.ask(device, f"{S}/thing/property/desired/delete", delete)["data"] == {}
    assert world.request(device, "thing/property/desired/get", ["speed", "soc"])["data"] == {}
    assert world.kinds_kept() == ["desired"]
    # A deleted value's version does not come again.
    assert world.state().desired.set({"speed": 1.0}, {"speed": 1}, 2) == {"speed": 2}
    world.request(device, "thing/property/desired/delete", {"speed": {}})
    assert world.state().desired.entries == {}


def test_a_conflict_changes_nothing() -> None:
    desired = DesiredProperties()
    desired.set({"a": 1, "b": 1}, None, 0)
    with pytest.raises(VersionConflict, match="a: the stored version is 1"):
        desired.set({"b": 2, "a": 2}, {"a": 0}, 0)
    assert [entry.value for entry in desired.entries.values()] == [1, 1]


@pytest.mark.parametrize(
    ("what", "params", "code"),
    [
        ("get", {"speed": 1}, 460),
        ("get", [1], 460),
        ("get", ["x"] * 201, 6104),
        ("delete", ["speed"], 460),
        ("delete", {"speed": 1}, 460),
        ("delete", {"speed": {"version": "1"}}, 460),
        ("delete", {f"p{n}": {} for n in range(201)}, 6104),
    ],
)
def test_bad_questions_about_desired_properties(world: World, what: str, params: Any, code: int) -> None:
    assert world.request(world.connect(), f"thing/property/desired/{what}", params)["code"] == code


# Thing model.


def test_the_thing_model_comes_as_it_is(world: World) -> None:
    device = world.connect()
    assert world.request(device, "thing/dsltemplate/get", {})["data"] == CAR_TSL
    params = {"nodes": ["type", "identifier"], "addDefault": False}
    assert world.request(device, "thing/dynamicTsl/get", params)["data"] == CAR_TSL


# Configuration, logs, diagnosis.

CONFIG = (
    '{"id":"5","version":"1.0","params":{"configScope":"product","getType":"file"},"method":"thing.config.get"}'  # npm
)


def test_a_configuration_is_asked_for_and_pushed(world: World) -> None:
    device = world.connect()
    topic = f"{S}/thing/config/get"
    assert world.ask(device, topic, CONFIG)["code"] == 6710
    world.platform.operations.configuration.set(OPERATOR, PK, b'{"report":5}')
    data = world.ask(device, topic, CONFIG)["data"]
    path = data["url"].removeprefix("http://127.0.0.1:8080")
    assert world.platform.parts.downloads.get(path) == b'{"report":5}'
    assert (data["configSize"], data["signMethod"], data["getType"]) == (12, "Sha256", "file")
    assert data["sign"] in path
    world.platform.operations.configuration.push(OPERATOR, world.device())
    (pushed,) = world.sent
    body = json.loads(pushed.payload)
    assert (pushed.topic, body["method"], body["params"]) == (f"{S}/thing/config/push", "thing.config.push", data)
    world.platform.operations.configuration.set(OPERATOR, PK, b"x", enabled=False)
    assert world.ask(device, topic, CONFIG)["code"] == 6713
    assert [kind for kind, *_ in world.kept if kind == "config"] == ["config", "config"]


def test_a_configuration_comes_back_after_a_restart(world: World) -> None:
    world.platform.operations.configuration.set(OPERATOR, PK, b"content")
    (row,) = [row for row in world.kept if row.kind == "config"]
    again = World()
    RESTORE["config"](again.platform.parts, Row("config", PK, json.loads(json.dumps(row.value))))
    assert again.ask(again.connect(), f"{S}/thing/config/get", CONFIG)["data"]["configSize"] == 7


def test_a_configuration_has_a_size(world: World) -> None:
    with pytest.raises(ValueError, match="at most 64000"):
        world.platform.operations.configuration.set(OPERATOR, PK, b"x" * 64_001)


@pytest.mark.parametrize("params", [None, {}, {"configScope": "device", "getType": "file"}, {"configScope": "product"}])
def test_a_bad_question_about_configuration(world: World, params: Any) -> None:
    assert world.request(world.connect(), "thing/config/get", params)["code"] == 460


def test_the_log_is_switched_and_posted(world: World) -> None:
    device = world.connect()
    ask = '{"id":"14","version":"1.0","params":{"getType":"content","configScope":"device"}}'  # C Link SDK 4
    topic = f"{S}/thing/config/log/get"
    assert world.ask(device, topic, ask)["data"] == {"getType": "content", "content": {"mode": 0}}
    world.platform.operations.configuration.push_log_mode(OPERATOR, world.device(), 1)
    assert world.ask(device, topic, ask)["data"]["content"] == {"mode": 1}
    assert world.sent[0].topic == f"{S}/thing/config/log/push"
    entry = {"utcTime": "2026-11-22T12:00:00.000Z", "logLevel": "ERROR", "module": "ota", "logContent": "flash failed"}
    assert world.request(device, "thing/log/post", [entry])["code"] == 200
    assert [e.message for e in world.platform.log.of(PK, DN)] == ["ERROR ota: flash failed"]
    for bad in (
        [],
        [entry] * 41,
        {},
        [{"logLevel": "ERROR"}],
        [{**entry, "logLevel": ["ERROR"]}],
        [{**entry, "code": 1}],
    ):
        assert world.request(device, "thing/log/post", bad)["code"] == 460


def test_a_diagnosis_is_taken(world: World) -> None:
    device = world.connect()
    params = {"p": {"wifi": {"rssi": -50, "snr": 20}, "_time": 1}, "model": "format=simple|quantity=single|time=now"}
    assert world.request(device, "_thing/diag/post", params)["code"] == 200
    assert world.request(device, "_thing/diag/post", {"p": 1})["code"] == 460

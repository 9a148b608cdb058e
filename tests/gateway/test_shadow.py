"""The device shadow: captured messages, every error code, versions, wishes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.platform.devices.shadow import SHADOW_TEXT, Shadow
from jinqiao.gateway.platform.devices.state import DeviceState
from jinqiao.gateway.platform.registry.accounts import OPERATOR
from support.alink_house import DN, NOW_MS, PK, World

UPDATE = f"/shadow/update/{PK}/{DN}"
NOW_S = NOW_MS // 1_000


@pytest.fixture
def world() -> World:
    return World()


def error(code: int) -> dict[str, Any]:
    content = {"errorcode": str(code), "errormessage": SHADOW_TEXT[code]}
    return {"method": "reply", "payload": {"status": "error", "content": content}, "timestamp": NOW_S}


def test_the_messages_of_the_python_sdk_as_captured(world: World) -> None:
    device = world.connect()
    said = world.ask(device, UPDATE, '{"state": {"reported": {"speed": 1}}, "method": "update", "version": 1}')
    assert said == {"method": "reply", "payload": {"status": "success", "version": 1}, "timestamp": NOW_S, "version": 1}
    assert world.ask(device, UPDATE, '{"method": "get"}') == {
        "method": "reply",
        "payload": {
            "status": "success",
            "state": {"reported": {"speed": 1}},
            "metadata": {"reported": {"speed": {"timestamp": NOW_S}}},
        },
        "timestamp": NOW_S,
        "version": 1,
    }
    assert world.kinds_kept() == ["shadow"]


def test_the_messages_of_the_node_sdk_as_captured(world: World) -> None:
    device = world.connect()
    world.ask(device, UPDATE, '{"method":"update","state":{"reported":{"speed":1,"x":2}},"version":1795333544023}')
    world.ask(device, UPDATE, '{"method":"delete","state":{"reported":{"speed":"null"}},"version":1795333544024}')
    assert world.state().shadow.reported == {"x": 2}
    world.ask(device, UPDATE, '{"method":"delete","state":{"reported":"null"},"version":1795333544025}')
    assert world.state().shadow.reported == {}
    assert world.state().shadow.version == 1795333544025


def test_the_reply_goes_to_the_shadows_own_topic(world: World) -> None:
    (answer,) = world.say(world.connect(), UPDATE, '{"method":"get"}')
    assert (answer.topic, answer.qos) == (f"/shadow/get/{PK}/{DN}", 1)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", 400),
        ("[]", 400),
        ('{"method":"update","state":{"reported":{"a":NaN}},"version":9}', 400),
        ({"method": "update", "state": {"reported": {"a": {"b": {"c": {"d": {"e": 1}}}}}}, "version": 9}, 400),
        ({"method": "update", "state": {"reported": {"a": "x" * 17_000}}, "version": 9}, 400),
        ("[" * 10_000 + "]" * 10_000, 400),
        ({"state": {"reported": {"a": 1}}, "version": 9}, 401),
        ({"method": "update", "version": 9}, 402),
        ({"method": "update", "state": "reported", "version": 9}, 402),
        ({"method": "update", "state": {"reported": {"a": 1}}}, 403),
        ({"method": "update", "state": {"reported": {"a": 1}}, "version": "9"}, 403),
        ({"method": "update", "state": {"reported": {"a": 1}}, "version": True}, 403),
        ({"method": "update", "state": {}, "version": 9}, 404),
        ({"method": "delete", "state": {"desired": "null"}, "version": 9}, 404),
        ({"method": "update", "state": {"desired": {"a": 1}}, "version": 9}, 404),
        ({"method": "update", "state": {"reported": {}}, "version": 9}, 405),
        ({"method": "delete", "state": {"reported": {}}, "version": 9}, 405),
        ({"method": "control", "state": {"reported": {"a": 1}}, "version": 9}, 406),
        ({"method": 5, "state": {"reported": {"a": 1}}, "version": 9}, 406),
        ("", 407),
        ("  ", 407),
        ({"method": "update", "state": {"reported": {f"a{n}": 1 for n in range(129)}}, "version": 9}, 408),
        ({"method": "update", "state": {"reported": {"a": 1}}, "version": 5}, 409),
        ({"method": "update", "state": {"reported": {"a": 1}}, "version": 4}, 409),
    ],
)
def test_every_refusal_has_its_code_and_changes_nothing(world: World, message: Any, code: int) -> None:
    device = world.connect()
    world.ask(device, UPDATE, {"method": "update", "state": {"reported": {"speed": 1}}, "version": 5})
    before = world.state(PK, DN).shadow.dump()
    world.kept.clear()
    assert world.ask(device, UPDATE, message) == error(code)
    assert world.state(PK, DN).shadow.dump() == before
    assert world.kept == []
    assert [(entry.code, entry.topic) for entry in world.platform.log] == [(code, UPDATE)]


def test_128_attributes_are_enough_also_when_they_come_one_by_one() -> None:
    shadow = Shadow()
    for number in range(128):
        assert shadow.apply(_report({f"a{number}": 1}, number + 1), 0).code == 200
    assert shadow.apply(_report({"a0": 2}, 200), 0).code == 200
    assert shadow.apply(_report({"one more": 1}, 201), 0).code == 408


@pytest.mark.parametrize("version", [0, -1])
def test_a_forced_version_is_taken_and_counting_begins_anew(version: int) -> None:
    shadow = Shadow()
    shadow.apply(_report({"a": 1}, 1_000), 0)
    assert shadow.apply(_report({"a": 2}, version), 0).code == 200
    assert (shadow.version, shadow.reported) == (0, {"a": 2})
    assert shadow.apply(_report({"a": 3}, 1), 0).code == 200


def test_a_wish_reaches_a_device_that_is_online_at_once_and_another_when_it_comes(world: World) -> None:
    wish = json.dumps({"method": "update", "state": {"desired": {"mode": "sport"}}, "version": 2}).encode()
    assert (
        world.platform.operations.things.update_shadow(OPERATOR, world.device(), wish)["payload"]["status"] == "success"
    )
    assert world.sent == []
    device = world.connect()
    (control,) = world.sent
    body = json.loads(control.payload)
    assert control.topic == f"/shadow/get/{PK}/{DN}"
    assert (body["method"], body["version"], body["timestamp"]) == ("control", 2, NOW_S)
    assert body["payload"]["state"] == {"desired": {"mode": "sport"}}
    assert body["payload"]["metadata"] == {"desired": {"mode": {"timestamp": NOW_S}}}
    world.platform.operations.things.update_shadow(OPERATOR, world.device(), wish.replace(b"2}", b"3}"))
    assert len(world.sent) == 2
    # The device has done it: it clears the wish, and is not told again.
    world.ask(device, UPDATE, '{"method":"update","state":{"desired":"null"},"version":4}')
    world.connect()
    assert len(world.sent) == 2


def test_a_shadow_survives_as_plain_values() -> None:
    shadow = Shadow()
    shadow.apply(_report({"a": [1, {"b": None}]}, 3), 77)
    state = DeviceState(shadow=shadow)
    again = DeviceState.load(json.loads(json.dumps(state.dump())))
    assert again.dump() == state.dump()
    assert again.shadow.document(0) == shadow.document(0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.binary(max_size=40)
    | st.fixed_dictionaries(
        {},
        optional={
            "method": st.sampled_from(["update", "delete", "get"]) | JSON,
            "state": st.fixed_dictionaries({}, optional={"reported": JSON, "desired": JSON}) | JSON,
            "version": st.integers(-2, 9) | JSON,
        },
    ).map(lambda document: json.dumps(document).encode()),
    st.booleans(),
)
def test_any_message_is_answered_and_leaves_a_shadow_that_can_be_kept(message: bytes, from_cloud: bool) -> None:
    shadow = Shadow(1, {"a": 1}, {"b": 2}, {"a": 5}, {"b": 5})
    applied = shadow.apply(message, 6, from_cloud=from_cloud)
    assert applied.code == 200 or applied.code in SHADOW_TEXT
    json.dumps([shadow.dump(), shadow.reply(applied, 6), shadow.control(6)])
    assert shadow.reported.keys() == shadow.reported_at.keys()
    assert shadow.desired.keys() == shadow.desired_at.keys()


def _report(values: dict[str, Any], version: int) -> bytes:
    return json.dumps({"method": "update", "state": {"reported": values}, "version": version}).encode()


def test_twenty_requests_a_second_are_answered_and_more_are_refused(world: World) -> None:
    device = world.connect()
    codes = []
    for _ in range(25):
        said = world.ask(device, UPDATE, '{"method": "get"}')
        codes.append(said["payload"].get("content", {}).get("errorcode", "200"))
        world.now_ms += 10
    assert codes == ["200"] * 20 + ["429"] * 5
    assert [entry.code for entry in world.platform.log] == [429] * 5
    world.now_ms += 1_000
    assert world.ask(device, UPDATE, '{"method": "get"}')["payload"]["status"] == "success"


def test_one_device_does_not_use_up_anothers_shadow_requests(world: World) -> None:
    first, second = world.connect(), world.connect(device_name="gw2")
    for _ in range(21):
        said = world.ask(first, UPDATE, '{"method": "get"}')
    assert said["payload"]["status"] == "error"
    assert world.ask(second, f"/shadow/update/{PK}/gw2", '{"method": "get"}')["payload"]["status"] == "success"


def test_a_refused_request_changes_nothing(world: World) -> None:
    device = world.connect()
    for version in range(1, 25):
        message = {"method": "update", "state": {"reported": {"n": version}}, "version": version}
        world.ask(device, UPDATE, json.dumps(message))
    assert world.state(PK, DN).shadow.reported == {"n": 20}

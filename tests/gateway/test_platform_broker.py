"""Broker and platform together, in memory: what really reaches whom when sub-devices come and go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jinqiao.gateway.broker.delivery.message import Message
from jinqiao.gateway.platform.operations.mqtt5 import Mqtt5
from jinqiao.gateway.platform.registry.accounts import OPERATOR
from jinqiao.wire.alink.signature import client_content, registration_content, sign
from jinqiao.wire.mqtt.packets import Connack, Connect, Publish, Suback, Subscribe
from jinqiao.wire.mqtt.properties import Property
from support.alink_house import DN, PK, SUB_DN, SUB_PK, S
from support.mqtt_memory import Client
from support.sandbox import Sandbox

SESSION = f"/ext/session/{PK}/{DN}/combine"
SUB = f"/sys/{SUB_PK}/{SUB_DN}"
NAMES = {"productKey": SUB_PK, "deviceName": SUB_DN}
SET = f"{SUB}/thing/service/property/set"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()


def say(client: Client, topic: str, params: Any) -> list[tuple[str, Any]]:
    """Publish a request; topics and codes of what comes back."""
    client.send(Publish(topic, json.dumps({"id": "1", "params": params}).encode()))
    return heard(client)


def heard(client: Client) -> list[tuple[str, Any]]:
    return [(p.topic, json.loads(p.payload).get("code")) for p in client.received() if isinstance(p, Publish)]


def signed() -> dict[str, Any]:
    signature = sign("hmacsha1", "subsecret", client_content("c", SUB_DN, SUB_PK, "1"))
    return {**NAMES, "clientId": "c", "timestamp": "1", "signMethod": "hmacSha1", "sign": signature}


def test_downlinks_follow_the_sub_device(sandbox: Sandbox) -> None:
    gateway = sandbox.device()
    sandbox.publish(SET)  # remembered as going nowhere
    assert say(gateway, f"{S}/thing/topo/add", [signed()]) == [(f"{S}/thing/topo/add_reply", 200)]
    sandbox.publish(SET)
    assert heard(gateway) == []
    assert say(gateway, f"{SESSION}/login", signed()) == [(f"{SESSION}/login_reply", 200)]
    sandbox.publish(SET)
    assert heard(gateway) == [(SET, None)]
    post = f"{SUB}/thing/event/property/post"
    assert say(gateway, post, {"Temperature": 1.5}) == [(f"{post}_reply", 200)]
    assert say(gateway, f"{SESSION}/logout", NAMES) == [(f"{SESSION}/logout_reply", 200)]
    sandbox.publish(SET)
    assert heard(gateway) == []
    assert say(gateway, post, {"Temperature": 2.5}) == []
    assert sandbox.world.state(SUB_PK, SUB_DN).properties.last["Temperature"].value == 1.5
    # Logged in again, a refusal from before is not remembered.
    say(gateway, f"{SESSION}/login", signed())
    assert say(gateway, post, {"Temperature": 3.5}) == [(f"{post}_reply", 200)]


def test_a_subscription_ends_with_the_binding(sandbox: Sandbox) -> None:
    gateway = sandbox.device(parameters="ext=0")
    gateway.send(Subscribe(1, ((SET, 1),)))
    assert gateway.received() == [Suback(1, (0x80,))]
    say(gateway, f"{S}/thing/topo/add", [signed()])
    say(gateway, f"{SESSION}/login", signed())
    gateway.send(Subscribe(2, ((SET, 1), (f"{S}/thing/topo/delete_reply", 0))))
    assert gateway.received() == [Suback(2, (1, 0))]
    sandbox.publish(SET)
    assert heard(gateway) == [(SET, None)]
    assert say(gateway, f"{S}/thing/topo/delete", [NAMES]) == [(f"{S}/thing/topo/delete_reply", 200)]
    sandbox.publish(SET)
    assert heard(gateway) == []


def test_a_moved_sub_device_is_heard_by_its_new_gateway_alone(sandbox: Sandbox) -> None:
    first, second = sandbox.device(), sandbox.device(PK, "gw2")
    for gateway, name in ((first, DN), (second, "gw2")):
        say(gateway, f"/sys/{PK}/{name}/thing/topo/add", [signed()])
        say(gateway, f"/ext/session/{PK}/{name}/combine/login", signed())
        gateway.send(Subscribe(1, ((SET, 0),)))
        gateway.received()
    assert heard(first) == [(f"{S}/thing/topo/change", None)]
    sandbox.publish(SET)
    assert (heard(first), heard(second)) == ([], [(SET, None)])


def test_a_login_over_the_gateway_closes_the_devices_own_connection(sandbox: Sandbox) -> None:
    gateway, own = sandbox.device(), sandbox.device(SUB_PK, SUB_DN)
    say(gateway, f"{S}/thing/topo/add", [signed()])
    sandbox.publish(SET)
    assert heard(own) == [(SET, None)]
    say(gateway, f"{SESSION}/login", signed())
    assert own.closed
    sandbox.publish(SET)
    assert heard(gateway) == [(SET, None)]
    own = sandbox.device(SUB_PK, SUB_DN)
    sandbox.publish(SET)
    assert (heard(gateway), heard(own)) == ([], [(SET, None)])


def test_sub_devices_go_with_their_gateway(sandbox: Sandbox) -> None:
    gateway = sandbox.device()
    say(gateway, f"{S}/thing/topo/add", [signed()])
    say(gateway, f"{SESSION}/login", signed())
    gateway.connection.connection_lost(None)
    sandbox.turn()
    assert not sandbox.platform.parts.presence.is_online(sandbox.world.device(SUB_PK, SUB_DN))
    again = sandbox.device()
    sandbox.publish(SET)
    assert heard(again) == []


def test_registration_is_told_to_its_own_connection_only(sandbox: Sandbox) -> None:
    listener = sandbox.device()
    listener.send(Subscribe(1, (("/ext/register", 0), ("/ext/#", 0))))
    listener.received()
    password = sign("hmacsha256", "prodsecret", registration_content("gw2", PK, "r"))
    fresh = Client(sandbox, None)
    client_id = f"gw2.{PK}|random=r,authType=register,securemode=2,signmethod=hmacsha256|"
    fresh.send(Connect(client_id, username=f"gw2&{PK}", password=password.encode()))
    connack, told = fresh.received()
    assert connack == Connack(0)
    assert isinstance(told, Publish)
    assert told.topic == "/ext/register"
    assert json.loads(told.payload)["deviceSecret"] == "gateway two"
    assert heard(listener) == []
    fresh.send(Publish(f"/sys/{PK}/gw2/thing/event/property/post", b'{"id":"1","params":{}}'))
    assert fresh.received() == []


def test_a_disabled_device_is_put_out(sandbox: Sandbox) -> None:
    device = sandbox.device()
    sandbox.platform.parts.provisioning.set_disabled(sandbox.world.device(), True)
    assert device.closed
    with pytest.raises(AssertionError):
        sandbox.device()


def test_what_a_back_end_publishes_has_its_properties_for_who_speaks_mqtt_5_and_is_retained(sandbox: Sandbox) -> None:
    topic = f"/{PK}/{DN}/user/get"
    more = Mqtt5(retain=True, user=(("k", "v"),), content_type="text/plain", expiry_s=60)
    for level, expected in ((5, {Property.USER_PROPERTY: (("k", "v"),), Property.CONTENT_TYPE: "text/plain"}), (4, {})):
        device = sandbox.device(level=level)
        device.send(Subscribe(1, ((topic, 0),)))
        device.received()
        sandbox.platform.operations.messages.publish(OPERATOR, PK, topic, b"hi", 0, more)
        sandbox.turn()
        (sent,) = device.messages()
        assert (sent.topic, sent.payload, sent.retain) == (topic, b"hi", False)
        assert {name: sent.properties[name] for name in sent.properties if name in expected} == expected
        device.send(Subscribe(2, ((topic, 0),)))  # which brings what is retained
        assert [message.retain for message in device.messages()] == [True]
        device.lose()
        sandbox.broker.retained.keep(Message(topic.encode(), b"", retain=True), 0)

"""Dynamic registration over MQTT: captured logins, tokens, and each refusal with its CONNACK code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jinqiao.gateway.broker.policy import Login, Principal, Refused
from jinqiao.gateway.platform.auth.identity import Denied
from jinqiao.wire.alink.signature import registration_content, sign
from support.alink_house import DN, PK, VECTORS, World

CAPTURED = [vector for vector in VECTORS if vector["kind"] == "product" and "connect" in vector]


@pytest.fixture
def world() -> World:
    return World()


def login(auth_type: str, device_name: str = DN, product_key: str = PK, **changes: Any) -> Login:
    password = sign("hmacsha256", "prodsecret", registration_content(device_name, product_key, "r"))
    client_id = f"{device_name}.{product_key}|random=r,authType={auth_type},securemode=2,signmethod=hmacsha256|"
    fields = {
        "client_id": client_id,
        "username": f"{device_name}&{product_key}",
        "password": password.encode(),
        "protocol_level": 4,
        "clean_session": True,
        "keep_alive_s": 0,
    }
    return Login(**{**fields, **changes})


def told(world: World, asked: Login) -> tuple[Principal, str, dict[str, Any]]:
    principal = world.platform.authenticate(asked)
    assert world.delivered == []
    world.platform.connected(principal)
    ((identity, downlink),) = world.delivered
    assert identity == principal.identity
    return principal, downlink.topic, json.loads(downlink.payload)


def refused(world: World, asked: Login) -> tuple[int, int]:
    with pytest.raises(Refused) as caught:
        world.platform.authenticate(asked)
    assert isinstance(caught.value, Denied)
    assert [entry.code for entry in world.platform.log][-1] == caught.value.code
    return caught.value.reason, caught.value.code


@pytest.mark.parametrize("vector", CAPTURED, ids=lambda vector: vector["source"])
def test_logins_as_captured(world: World, vector: dict[str, Any]) -> None:
    asked = login("", client_id=vector["connect"], password=vector["signature"].encode())
    _, topic, body = told(world, asked)
    assert (body["productKey"], body["deviceName"]) == (PK, DN)
    if "authType=register" in vector["connect"]:
        assert (topic, body["deviceSecret"]) == ("/ext/register", "secret0123456789abcdef")
    else:
        assert (topic, set(body)) == ("/ext/regnwl", {"productKey", "deviceName", "clientId", "deviceToken"})


def test_a_fresh_device_gets_a_token_and_logs_in_with_it(world: World) -> None:
    _, _, body = told(world, login("regnwl", "fresh"))
    assert [row.kind for row in world.kept if row.device_name == "fresh"] == ["device", "record"]
    again = Login(
        f"{body['clientId']}|authType=connwl,securemode=-2,_ss=1,ext=3,lan=Python,_v=1.2.13|",
        f"fresh&{PK}",
        body["deviceToken"].encode(),
        4,
        True,
        60,
    )
    principal = world.platform.authenticate(again)
    assert (principal.identity, principal.auto_subscribed, principal.subject.ext) == (f"{PK}/fresh", True, 3)
    world.platform.connected(principal)
    # Activated now: nobody else gets its name.
    assert refused(world, login("regnwl", "fresh")) == (3, 6289)


@pytest.mark.parametrize("password", [b"", b"no token", b"00", b"\xff"])
def test_a_wrong_token_is_refused(world: World, password: bytes) -> None:
    client_id = "c|authType=connwl,securemode=-2|"
    assert refused(world, login("", client_id=client_id, password=password, keep_alive_s=60)) == (4, 6287)


def test_a_device_with_a_token_still_needs_its_secret_for_an_ordinary_login(world: World) -> None:
    _, _, body = told(world, login("regnwl", "fresh"))
    ordinary = login("", "fresh", client_id="c|securemode=3|", password=body["deviceToken"].encode(), keep_alive_s=60)
    assert refused(world, ordinary) == (4, 6287)


@pytest.mark.parametrize("auth_type", ["register", "regnwl"])
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"password": b"00"}, (4, 6600)),
        ({"product_key": "closedpk", "device_name": "c1"}, (3, 6288)),
        ({"product_key": "closedpk", "device_name": "c1", "password": b"00"}, (4, 6600)),
        ({"product_key": "nobody"}, (4, 6250)),
        ({"client_id": "x|authType=%s,signmethod=hmacsha256|"}, (2, 460)),
        ({"client_id": "x|authType=%s,random=r,signmethod=rot13|"}, (2, 6292)),
    ],
)
def test_refusals(world: World, auth_type: str, asked: dict[str, Any], expected: tuple[int, int]) -> None:
    changes = {name: value.replace("%s", auth_type) if name == "client_id" else value for name, value in asked.items()}
    assert refused(world, login(auth_type, **changes)) == expected


def test_a_device_that_is_not_on_the_list_is_refused(world: World) -> None:
    assert refused(world, login("register", "nobody")) == (4, 6100)


def test_a_device_that_was_online_is_told_nothing(world: World) -> None:
    world.connect()
    assert refused(world, login("register")) == (3, 6289)


def test_a_name_that_is_none_is_not_registered(world: World) -> None:
    assert refused(world, login("regnwl", "a b"))[1] == 6280


def test_a_registering_session_may_do_nothing_and_puts_nobody_out(world: World) -> None:
    principal, _, _ = told(world, login("register"))
    second = world.platform.authenticate(login("register"))
    assert principal.identity != second.identity
    for topic in (f"/sys/{PK}/{DN}/thing/event/property/post", "/ext/register", "/ext/regnwl", "#"):
        assert not world.platform.may_publish(principal, topic)
        assert not world.platform.may_subscribe(principal, topic)
    status = world.platform.parts.presence.status(PK, DN)
    assert status is not None
    assert status.state == "inactive"
    world.platform.disconnected(principal)

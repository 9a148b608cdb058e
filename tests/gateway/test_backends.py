"""What EMQX, mosquitto-go-auth, NanoMQ and VerneMQ ask over HTTP, in their documented formats, and the answers."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from jinqiao.gateway.broker.policy import Login
from jinqiao.gateway.platform.auth.acl import device_rules
from jinqiao.gateway.platform.auth.identity import named
from jinqiao.gateway.platform.platform import Platform
from jinqiao.wire.alink.topics import TOPICS
from jinqiao.wire.mqtt.topics import matches
from support.gateway import CLIENT_ID, DN, PASSWORD, PK, USERNAME, GatewayThread, S, registry, running_gateway

FORM = {"content_type": "application/x-www-form-urlencoded"}
POST, SET = f"{S}/thing/event/property/post", f"{S}/thing/service/property/set"
OTHERS = f"/sys/{PK}/tbox002/thing/event/property/post"


@pytest.fixture(scope="module")
def gateway() -> Iterator[GatewayThread]:
    with running_gateway(Platform(registry(), rates="none")) as running:
        yield running


def emqx_auth(gateway: GatewayThread, client_id: str, username: str, password: str) -> tuple[int, Any]:
    fields = {"clientid": client_id, "username": username, "password": password}
    status, answer, headers = gateway.post("/mqtt/emqx/auth", fields)
    assert headers["content-type"] == "application/json"
    return status, answer


def test_emqx_logs_a_device_in_and_gets_its_permissions(gateway: GatewayThread) -> None:
    status, answer = emqx_auth(gateway, CLIENT_ID, USERNAME, PASSWORD)
    assert status == 200
    assert answer["result"] == "allow"
    assert answer["is_superuser"] is False
    assert {"permission": "allow", "action": "publish", "topic": POST, "qos": [0, 1], "retain": False} in answer["acl"]
    assert {"permission": "allow", "action": "subscribe", "topic": f"{POST}_reply"} in answer["acl"]
    assert {rule["action"] for rule in answer["acl"]} == {"publish", "subscribe"}


def test_emqx_is_told_deny_with_200_since_other_statuses_mean_ignore(gateway: GatewayThread) -> None:
    assert emqx_auth(gateway, CLIENT_ID, USERNAME, "wrong") == (200, {"result": "deny"})
    assert emqx_auth(gateway, "", "", "") == (200, {"result": "deny"})
    assert emqx_auth(gateway, "any", "app", "pw") == (200, {"result": "allow", "is_superuser": False})
    assert gateway.post("/mqtt/emqx/auth", "not json")[:2] == (200, {"result": "deny"})
    assert gateway.post("/mqtt/emqx/auth", [1])[:2] == (200, {"result": "deny"})


@pytest.mark.parametrize(
    ("username", "action", "topic", "result"),
    [
        (USERNAME, "publish", POST, "allow"),
        (USERNAME, "publish", SET, "deny"),
        (USERNAME, "subscribe", SET, "allow"),
        (USERNAME, "publish", OTHERS, "deny"),
        (USERNAME, "publish", f"{S}/thing/event/+/post", "deny"),
        (USERNAME, "subscribe", f"{S}/thing/service/+", "allow"),
        (USERNAME, "subscribe", f"{S}/thing/service/#", "allow"),
        (USERNAME, "subscribe", f"{S}/thing/#", "allow"),
        (USERNAME, "subscribe", f"{S}/rrpc/request/#", "allow"),
        (USERNAME, "subscribe", "/ext/rrpc/#", "deny"),  # EMQX would deliver everybody's
        (USERNAME, "subscribe", "#", "deny"),
        (USERNAME, "all", POST, "deny"),
        ("app", "subscribe", "/sys/+/+/thing/event/property/post", "allow"),
        ("app", "publish", SET, "allow"),
        ("nobody", "publish", POST, "deny"),
        ("", "publish", POST, "deny"),
    ],
)
def test_emqx_asks_for_a_permission(
    gateway: GatewayThread, username: str, action: str, topic: str, result: str
) -> None:
    fields = {"clientid": CLIENT_ID, "username": username, "peerhost": "10.0.0.1", "action": action, "topic": topic}
    fields |= {"qos": "1", "retain": "false"}
    assert gateway.post("/mqtt/emqx/acl", fields)[:2] == (200, {"result": result})


def test_the_list_for_emqx_never_allows_what_the_platform_refuses() -> None:
    platform = Platform(registry())
    device = platform.registry.device(PK, DN)
    assert device is not None

    principal = named(Login(CLIENT_ID, USERNAME, None, 4, True, 60), platform.registry)
    assert principal is not None
    rules = device_rules(device)
    allowed = 0
    for row in TOPICS:
        for dn in (DN, "tbox002"):
            topic = row.pattern.replace("{pk}", PK).replace("{dn}", dn).replace("{*}", "a/b")
            for name in ("message", "service", "event"):
                topic = topic.replace(f"{{{name}}}", "x1")
            by_list = any(rule.action == "publish" and matches(rule.topic_filter, topic) for rule in rules)
            assert not by_list or platform.may_publish(principal, topic), topic
            allowed += by_list
    assert allowed > 40
    for rule in rules:
        if rule.action == "subscribe":
            assert platform.may_subscribe(principal, rule.topic_filter), rule


@pytest.mark.parametrize("form", [False, True])
def test_goauth_in_json_and_form_mode(gateway: GatewayThread, form: bool) -> None:
    def ask(path: str, fields: dict[str, Any]) -> tuple[int, Any]:
        if form:
            status, answer, _ = gateway.post(f"/mqtt/goauth/{path}", urlencode(fields), **FORM)
        else:
            status, answer, _ = gateway.post(f"/mqtt/goauth/{path}", fields)
        return status, answer

    login = {"username": USERNAME, "password": PASSWORD, "clientid": CLIENT_ID}
    assert ask("user", login) == (200, {"ok": True, "error": ""})
    status, answer = ask("user", login | {"password": "no"})
    assert (status, answer["ok"]) == (403, False)
    assert answer["error"]
    assert ask("superuser", {"username": USERNAME})[0] == 403
    names = {"username": USERNAME, "clientid": CLIENT_ID}
    for acc, topic, status in [
        (1, SET, 200),
        (1, POST, 403),
        (2, POST, 200),
        (2, SET, 403),
        (3, SET, 403),
        (3, f"/{PK}/{DN}/user/x", 200),
        (4, f"{S}/thing/service/+", 200),
        (4, f"{S}/thing/#", 200),
        (4, "/ext/rrpc/#", 200),  # asked again about each topic, with 1
        (1, f"/ext/rrpc/1{S}/thing/service/Lock", 200),
        (1, f"/ext/rrpc/1{S.replace(DN, 'tbox002')}/thing/service/Lock", 403),
        (4, "#", 403),
        (5, POST, 403),
    ]:
        assert ask("acl", names | {"topic": topic, "acc": acc})[0] == status, (acc, topic)


def test_nanomq_asks_by_form_and_looks_at_the_status(gateway: GatewayThread) -> None:
    def ask(path: str, **fields: str) -> int:
        return gateway.post(f"/mqtt/nanomq/{path}", urlencode(fields), **FORM)[0]

    names = {"clientid": CLIENT_ID, "username": USERNAME}
    assert ask("auth", **names, password=PASSWORD) == 200
    assert ask("auth", **names, password="no") == 403
    assert ask("acl", **names, access="2", ipaddr="1.2.3.4", topic=POST, mountpoint="") == 200
    assert ask("acl", **names, access="1", ipaddr="1.2.3.4", topic=POST, mountpoint="") == 403


def vernemq(gateway: GatewayThread, hook: str, fields: dict[str, Any]) -> tuple[Any, str | None]:
    status, answer, headers = gateway.post("/mqtt/vernemq", fields, vernemq_hook=hook)
    assert status == 200
    return answer["result"], headers.get("cache-control")


@pytest.mark.parametrize("version", ["", "_m5"])
def test_vernemq_asks_all_three_hooks_by_one_url(gateway: GatewayThread, version: str) -> None:
    refused = {"error": "not_allowed"}
    who = {"client_id": CLIENT_ID, "mountpoint": "", "username": USERNAME}
    login = who | {"peer_addr": "127.0.0.1", "peer_port": 1, "password": PASSWORD, "clean_session": True}
    assert vernemq(gateway, f"auth_on_register{version}", login) == ("ok", None)
    assert vernemq(gateway, f"auth_on_register{version}", login | {"password": "no"})[0] == refused
    said = who | {"qos": 1, "topic": POST, "payload": base64.b64encode(b"{}").decode(), "retain": False}
    assert vernemq(gateway, f"auth_on_publish{version}", said) == ("ok", "max-age=60")
    assert vernemq(gateway, f"auth_on_publish{version}", said | {"topic": OTHERS}) == (refused, None)
    wanted = [{"topic": SET, "qos": 1}, {"topic": f"{POST}_reply", "qos": 0}]
    assert vernemq(gateway, f"auth_on_subscribe{version}", who | {"topics": wanted})[0] == "ok"
    wanted.append({"topic": "#", "qos": 0})
    assert vernemq(gateway, f"auth_on_subscribe{version}", who | {"topics": wanted})[0] == refused


@pytest.mark.parametrize("fields", [{}, {"topics": []}, {"topics": [1]}, {"topics": "x"}, {"topic": 7}])
@pytest.mark.parametrize("hook", ["auth_on_register", "auth_on_publish", "auth_on_subscribe", "on_unsubscribe", ""])
def test_vernemq_is_refused_what_makes_no_sense(gateway: GatewayThread, hook: str, fields: dict[str, Any]) -> None:
    assert vernemq(gateway, hook, fields) == ({"error": "not_allowed"}, None)


def test_refusals_reach_the_device_log(gateway: GatewayThread) -> None:
    emqx_auth(gateway, CLIENT_ID, USERNAME, "wrong")
    assert gateway.platform.log.of(PK, DN)[-1].code == 6287


def test_only_posts_are_answered(gateway: GatewayThread) -> None:
    assert gateway.get("/mqtt/emqx/auth")[0] == 405

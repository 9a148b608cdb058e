"""Gateways and their sub-devices: captured messages, codes, sessions, permissions and notifications."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from jinqiao.gateway.broker.policy import Principal
from jinqiao.gateway.platform import provisioning
from jinqiao.gateway.platform.registry.record import iot_id
from jinqiao.gateway.storage.kinds import RESTORE
from jinqiao.gateway.storage.sqlite import Row
from jinqiao.wire.alink.signature import sign
from support.alink_house import DN, PK, SUB_DN, SUB_PK, S, World
from support.sub_devices import signed

SESSION = f"/ext/session/{PK}/{DN}/combine"
SUB = f"/sys/{SUB_PK}/{SUB_DN}"
NAMES = {"productKey": SUB_PK, "deviceName": SUB_DN}
POST = f"{SUB}/thing/event/property/post"

# As captured from the official SDKs.
PY_REGISTER = '{"id": "7", "version": "1.0", "params": [{"productKey": "subpk", "deviceName": "subdn"}]}'
PY_TOPO_ADD = (
    '{"id": "8", "version": "1.0", "params": [{"productKey": "subpk", "deviceName": "subdn", '
    '"clientId": "subpk.subdn", "timestamp": "1795333508416", "signmethod": "hmacSha256", '
    '"sign": "eb75abb5adbf0016a89903aa6df94b44183756f6cf9a238f1ce5c74466fe0e62"}]}'
)
NPM_TOPO_ADD = (
    '{"id":"7","version":"1.0","params":[{"productKey":"subpk","deviceName":"subdn","clientId":"subpk&subdn",'
    '"timestamp":1795333544023,"signMethod":"hmacsha1","sign":"fffc932f966f33372a7c2a1e3249b3f3fcfd8f68"}],'
    '"method":"thing.topo.add"}'
)
C4_TOPO_ADD = (
    '{"id":"10","version":"1.0","params":[{"productKey":"subpk","deviceName":"subdn","clientId":"subpk.subdn",'
    '"timestamp":"1795333812578","signmethod":"hmacSha256",'
    '"sign":"FDF6B292444E68B93BAABF23D3E064F0A90C1CBF9E2A4516FE46990A491FC944"}]}'
)
NPM_LOGIN = (
    '{"id":"9","version":"1.0","params":{"productKey":"subpk","deviceName":"subdn","clientId":"subpk&subdn",'
    '"timestamp":1795333544023,"signMethod":"hmacsha1","sign":"fffc932f966f33372a7c2a1e3249b3f3fcfd8f68"},"method":""}'
)
PY_LOGIN = (
    '{"id": "9", "version": "1.0", "params": {"signMethod": "hmacSha256", "deviceList": [{"productKey": "subpk", '
    '"deviceName": "subdn", "clientId": "subpk.subdn|lan=Python,_v=2.2.1,_ss=1|", "timestamp": "1795333508416", '
    '"cleanSession": "false", "sign": "2a426e20210b69d991ea3317a7cb25ac389ba581fc5403cc4e7ce5a32387e295"}]}}'
)
C4_LOGIN = (
    '{"id":"11","version":"1.0","params":{"signMethod":"hmacSha256","deviceList":[{"productKey":"subpk",'
    '"deviceName":"subdn","clientId":"subpk.subdn","timestamp":"1795333812578","cleanSession":"false",'
    '"sign":"FDF6B292444E68B93BAABF23D3E064F0A90C1CBF9E2A4516FE46990A491FC944"}]}}'
)
PY_LOGOUT = '{"id": "10", "version": "1.0", "params": [{"productKey": "subpk", "deviceName": "subdn"}]}'
NPM_LOGOUT = '{"id":"10","version":"1.0","params":{"productKey":"subpk","deviceName":"subdn"},"method":""}'
PY_TOPO_DELETE = '{"id": "11", "version": "1.0", "params": [{"productKey": "subpk", "deviceName": "subdn"}]}'


@pytest.fixture
def world() -> World:
    return World()


def bound(world: World) -> Principal:
    gateway = world.connect()
    assert world.ask(gateway, f"{S}/thing/topo/add", PY_TOPO_ADD)["code"] == 200
    return gateway


def logged_in(world: World) -> Principal:
    gateway = bound(world)
    assert world.ask(gateway, f"{SESSION}/login", NPM_LOGIN)["code"] == 200
    return gateway


def errors(world: World) -> list[tuple[int, dict[str, str]]]:
    told = [json.loads(d.payload) for d in world.sent if d.topic == f"/ext/error/{PK}/{DN}"]
    assert all(set(body) == {"id", "code", "message", "data"} for body in told)
    return [(body["code"], body["data"]) for body in told]


# Registration.


def test_registering_tells_the_secret(world: World) -> None:
    body = world.ask(world.connect(), f"{S}/thing/sub/register", PY_REGISTER)
    assert body == {
        "code": 200,
        "data": [{"iotId": iot_id(SUB_PK, SUB_DN), **NAMES, "deviceSecret": "subsecret"}],
        "id": "7",
        "message": "success",
        "method": "thing.sub.register",
        "version": "1.0",
    }


def test_a_new_sub_device_is_registered_and_kept(world: World) -> None:
    (row,) = world.request(world.connect(), "thing/sub/register", [{**NAMES, "deviceName": "fresh"}])["data"]
    assert world.device(SUB_PK, "fresh").secret == row["deviceSecret"]
    assert ("device", f"{SUB_PK}/fresh", {"secret": row["deviceSecret"]}, "") in world.kept


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, 460),
        ([], 460),
        ([NAMES] * 31, 460),
        ([{"productKey": SUB_PK}], 460),
        ([{"productKey": "nobody", "deviceName": "x"}], 5005),
        ([{"productKey": "closedpk", "deviceName": "x"}], 6288),
        ([{"productKey": PK, "deviceName": DN}], 6402),
        ([{"productKey": SUB_PK, "deviceName": "not a name"}], 6280),
        ([{"productKey": SUB_PK, "deviceName": "x" * 33}], 6280),
    ],
)
def test_what_cannot_be_registered(world: World, params: Any, code: int) -> None:
    assert world.request(world.connect(), "thing/sub/register", params)["code"] == code


def test_a_sub_device_that_is_named_twice_comes_once(world: World) -> None:
    gateway = world.connect()
    alone, sent = gateway.max_subscriptions, len(world.sent)
    assert world.request(gateway, "thing/topo/add", [signed(), signed()])["data"] == [NAMES, NAMES]
    assert len(world.sent) == sent  # the gateway does not hear that it has lost it
    params = {"signMethod": "hmacSha1", "deviceList": [signed(), signed()]}
    assert world.ask(gateway, f"{SESSION}/batch_login", {"id": "1", "params": params})["code"] == 200
    assert gateway.max_subscriptions == alone + 100
    for suffix in ("thing/topo/delete", "thing/topo/delete"):
        world.request(gateway, suffix, [NAMES, NAMES])
    assert gateway.max_subscriptions == alone


def test_another_gateways_sub_device_cannot_be_registered(world: World) -> None:
    bound(world)
    second = world.connect(PK, "gw2")
    assert world.request(second, "thing/sub/register", [NAMES], f"/sys/{PK}/gw2")["code"] == 6619


@pytest.mark.parametrize(
    ("random", "signature"),
    [
        ("nZSLwBsz91M35Qs", "a33833ddd04f464238604742cb0c86bf84bd397a6cbae5a41b380177466f6857"),
        ("21C1D18015F9BCDF79E1", "C83F5DE60178AE08C777D1D656CB9D248F1017DF03CD4AF6CA33DECB732BC7F1"),
    ],
)
def test_product_register_as_captured(world: World, random: str, signature: str) -> None:
    entry = {**NAMES, "random": random, "signMethod": "hmacSha256", "sign": signature}
    bad = [{**entry, "sign": "00"}, {**entry, "signMethod": "rot13"}, {**entry, "productKey": "nobody"}, {}, 5]
    bad += [{**entry, "productKey": "closedpk", "sign": "00"}]  # nothing is said of it to who does not know its secret
    topic = "thing/proxy/provisioning/product_register"
    data = world.request(world.connect(), topic, {"proxieds": [entry, *bad]})["data"]
    assert data["successes"] == [{"iotId": iot_id(SUB_PK, SUB_DN), **NAMES, "deviceSecret": "subsecret"}]
    assert [failure["code"] for failure in data["failures"]] == [6600, 6292, 6600, 460, 460, 6600]


def test_a_secret_is_not_given_to_a_stranger_that_says_it_is_a_gateway(world: World) -> None:
    """Whatever allows dynamic registration: products of devices with connections of their own, and devices in use."""
    intruder, products = world.connect(PK, "gw2"), world.platform.registry.products
    for node_type, code in (("device", 6288), ("gateway", 6288), ("unstated", 200), ("sub_device", 200)):
        products[SUB_PK] = replace(products[SUB_PK], node_type=node_type)  # type: ignore[arg-type]
        params = [{**NAMES, "deviceName": f"new-{node_type}"}]
        assert world.request(intruder, "thing/sub/register", params, f"/sys/{PK}/gw2")["code"] == code
        assert (world.platform.registry.device(SUB_PK, f"new-{node_type}") is None) is (code != 200)
    world.connect(SUB_PK, "other")
    params = [{**NAMES, "deviceName": "other"}]
    assert world.request(intruder, "thing/sub/register", params, f"/sys/{PK}/gw2")["code"] == 6289
    proven = {**NAMES, "deviceName": "other", "random": "r", "signMethod": "hmacSha256"}
    proven["sign"] = sign("hmacSha256", "prodsecret", f"deviceNameotherproductKey{SUB_PK}randomr")
    topic = "thing/proxy/provisioning/product_register"
    data = world.request(intruder, topic, {"proxieds": [proven]}, f"/sys/{PK}/gw2")["data"]
    assert [failure["code"] for failure in data["failures"]] == [6289]


def test_a_gateway_gets_the_secrets_of_its_own_again(world: World) -> None:
    logged_in(world)
    body = world.request(world.connect(), "thing/sub/register", [NAMES])
    assert (body["code"], body["data"][0]["deviceSecret"]) == (200, "subsecret")


def test_one_gateway_registers_so_many_and_all_of_a_message_or_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provisioning, "MOST_REGISTERED_BY_ONE", 3)
    gateway = world.connect()

    def register(*names: str, topic: str = S) -> int:
        params = [{**NAMES, "deviceName": name} for name in names]
        code: int = world.request(gateway, "thing/sub/register", params, topic)["code"]
        return code

    assert register("a", "b", "a") == 200  # the same one twice is one
    assert register("c", "d") == 6400
    assert world.platform.registry.device(SUB_PK, "c") is None
    assert register("c", SUB_DN) == 200
    assert register("a", "b", "c") == 200  # nothing new
    assert register("d") == 6400
    world.platform.parts.provisioning.delete(world.device(SUB_PK, "a"))
    assert register("d") == 200
    gateway = world.connect(PK, "gw2")
    assert register("e", topic=f"/sys/{PK}/gw2") == 200


# Topology.


@pytest.mark.parametrize("message", [PY_TOPO_ADD, NPM_TOPO_ADD, C4_TOPO_ADD], ids=["py", "npm", "c4"])
def test_topology_is_added_asked_for_and_deleted(world: World, message: str) -> None:
    gateway = world.connect()
    for _ in range(2):  # what is bound already is named, too
        body = world.ask(gateway, f"{S}/thing/topo/add", message)
        assert (body["code"], body["data"]) == (200, [NAMES])
    for asked in ('{"id":"8","version":"1.0","params":{},"method":"thing.topo.get"}', '{"id":"10","params":"{}"}'):
        assert world.ask(gateway, f"{S}/thing/topo/get", asked)["data"] == [NAMES]
    assert world.ask(gateway, f"{S}/thing/topo/delete", PY_TOPO_DELETE)["code"] == 200
    assert world.request(gateway, "thing/topo/get", {})["data"] == []
    assert world.request(gateway, "thing/topo/delete", [NAMES])["code"] == 6401
    assert [row.value for row in world.kept if row.kind == "gateway"] == [f"{PK}/{DN}", ""]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, 460),
        ([signed()] * 31, 460),
        ([{k: v for k, v in signed().items() if k != "sign"}], 460),
        ([signed(timestamp=[1])], 460),
        ([signed(sign="00")], 401),
        ([signed(secret="wrong")], 401),
        ([signed(device_name="nobody")], 6100),
        ([signed(PK, DN, "secret0123456789abcdef")], 6402),
        ([signed(signMethod="rot13")], 6292),
        ([signed(), signed(device_name="other")], 401),
    ],
)
def test_what_cannot_be_bound(world: World, params: Any, code: int) -> None:
    gateway = world.connect()
    assert world.request(gateway, "thing/topo/add", params)["code"] == code
    assert world.request(gateway, "thing/topo/get", {})["data"] == []


def test_a_disabled_sub_device_is_not_bound(world: World) -> None:
    world.platform.parts.provisioning.set_disabled(world.device(SUB_PK, SUB_DN), True)
    assert world.ask(world.connect(), f"{S}/thing/topo/add", PY_TOPO_ADD)["code"] == 6204


def test_a_gateway_has_at_most_2000_sub_devices(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jinqiao.gateway.platform.uplinks.sub_devices.MOST_BOUND", 1)
    params = [signed(), signed(device_name="other", secret="othersecret")]
    assert world.request(world.connect(), "thing/topo/add", params)["code"] == 6400


def test_a_sub_device_that_another_gateway_binds_moves_there(world: World) -> None:
    first = logged_in(world)
    second = world.connect(PK, "gw2")
    assert world.ask(second, f"/sys/{PK}/gw2/thing/topo/add", PY_TOPO_ADD)["code"] == 200
    assert not world.platform.may_publish(first, POST)
    assert not world.platform.may_subscribe(first, f"{POST}_reply")
    assert world.platform.may_subscribe(second, f"{POST}_reply")
    assert world.platform.parts.topology.gateway_of(f"{SUB_PK}/{SUB_DN}") == f"{PK}/gw2"
    assert world.sent[-1].topic == f"{S}/thing/topo/change"
    assert json.loads(world.sent[-1].payload)["params"] == {"status": 1, "subList": [NAMES]}
    assert {f"{PK}/{DN}", f"{SUB_PK}/{SUB_DN}"} <= set(world.reconsidered)


def test_topology_outlives_the_process(world: World) -> None:
    bound(world)
    again = World()
    for kind, value in json.loads(json.dumps(world.state(SUB_PK, SUB_DN).dump())).items():
        RESTORE[kind](again.platform.parts, Row(kind, f"{SUB_PK}/{SUB_DN}", value))
    assert again.request(again.connect(), "thing/topo/get", {})["data"] == [NAMES]


def test_lists_of_found_sub_devices(world: World) -> None:
    gateway = world.connect()
    assert world.request(gateway, "thing/list/found", [NAMES])["code"] == 200
    assert world.request(gateway, "thing/list/found", [{"productKey": "no", "deviceName": "x"}])["code"] == 6250
    assert world.request(gateway, "thing/list/found", [{"productKey": SUB_PK}])["code"] == 6280
    assert world.request(gateway, "thing/list/found", {})["code"] == 460
    world.platform.parts.notices.add_topology(world.device(), [world.device(SUB_PK, SUB_DN)])
    body = json.loads(world.sent[-1].payload)
    assert (world.sent[-1].topic, body["params"]) == (f"{S}/thing/topo/add/notify", [NAMES])


# Sessions.


@pytest.mark.parametrize(
    ("login", "suffix", "data"),
    [(NPM_LOGIN, "login", {}), (PY_LOGIN, "batch_login", [NAMES]), (C4_LOGIN, "batch_login", [NAMES])],
    ids=["npm", "py", "c4"],
)
def test_logins_as_captured(world: World, login: str, suffix: str, data: Any) -> None:
    gateway = bound(world)
    body = world.ask(gateway, f"{SESSION}/{suffix}", login)
    assert (body["code"], body["data"], body["method"]) == (200, data, f"combine.{suffix}")
    status = world.platform.parts.presence.status(SUB_PK, SUB_DN)
    assert status is not None
    assert status.state == "online"
    assert world.ask(gateway, f"{SESSION}/{suffix}", login)["code"] == 200


def test_a_batch_that_is_refused_names_the_device_that_it_is_about(world: World) -> None:
    gateway = bound(world)
    other = {**NAMES, "deviceName": "other"}
    params = {"signMethod": "hmacSha1", "deviceList": [signed(), {**signed(), **other}]}
    body = world.request(gateway, "batch_login", params, SESSION)
    assert (body["code"], body["data"]) == (6401, [other])
    assert world.platform.parts.topology.speaks_for(f"{SUB_PK}/{SUB_DN}") is None
    params["deviceList"] = [{"productKey": SUB_PK, "deviceName": ["x"]}]
    body = world.request(gateway, "batch_login", params, SESSION)
    assert (body["code"], body["data"]) == (460, [{"productKey": SUB_PK, "deviceName": None}])
    body = world.request(gateway, "batch_logout", [NAMES], SESSION)
    assert (body["code"], body["data"]) == (520, [NAMES])
    assert world.request(gateway, "logout", NAMES, SESSION)["data"] == {}


@pytest.mark.parametrize(("logout", "suffix"), [(NPM_LOGOUT, "logout"), (PY_LOGOUT, "batch_logout")])
def test_logouts_as_captured(world: World, logout: str, suffix: str) -> None:
    gateway = logged_in(world)
    assert world.ask(gateway, f"{SESSION}/{suffix}", logout)["code"] == 200
    status = world.platform.parts.presence.status(SUB_PK, SUB_DN)
    assert status is not None
    assert status.state == "offline"
    assert world.ask(gateway, f"{SESSION}/{suffix}", logout)["code"] == 520


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ([], 460),
        ({}, 460),
        (signed(sign="00"), 6287),
        (signed(device_name="nobody"), 6100),
        (signed(device_name="other", secret="othersecret"), 6401),
        (signed(signMethod=5), 460),
        ({k: v for k, v in signed().items() if k != "clientId"}, 460),
    ],
)
def test_what_cannot_log_in(world: World, params: Any, code: int) -> None:
    gateway = bound(world)
    request = {"id": "1", "params": params}
    assert world.ask(gateway, f"{SESSION}/login", request)["code"] == code
    batch = {"id": "1", "params": {"signMethod": "hmacSha1", "deviceList": [signed(), params]}}
    if code in (6100, 6401, 6287):
        assert world.ask(gateway, f"{SESSION}/batch_login", batch)["code"] == code
    assert world.platform.parts.topology.speaks_for(f"{SUB_PK}/{SUB_DN}") is None


def test_a_batch_has_at_most_50(world: World) -> None:
    request = {"id": "1", "params": {"signMethod": "hmacSha1", "deviceList": [signed()] * 51}}
    assert world.ask(bound(world), f"{SESSION}/batch_login", request)["code"] == 460


def test_too_many_sub_devices_online(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jinqiao.gateway.platform.uplinks.sub_sessions.MOST_BOUND", 0)
    assert world.ask(bound(world), f"{SESSION}/login", NPM_LOGIN)["code"] == 428


# Messages of sub-devices.


def test_a_sub_device_posts_over_its_gateway_and_is_judged_by_its_own_model(world: World) -> None:
    gateway = logged_in(world)
    message = {"id": "77", "params": {"Temperature": 21.5, "speed": 1}}
    body = world.ask(gateway, POST, message)
    assert (body["code"], body["data"]) == (200, {"speed": "tsl parse: params not exist"})
    assert world.state(SUB_PK, SUB_DN).properties.last["Temperature"].value == 21.5
    assert [entry.device_name for entry in world.platform.log] == [SUB_DN]


def test_its_downlinks_go_to_the_gateway_while_it_is_logged_in(world: World) -> None:
    topic = f"{SUB}/thing/service/property/set"
    assert world.platform.pushed_to(topic) == f"{SUB_PK}/{SUB_DN}"
    gateway = logged_in(world)
    assert world.platform.pushed_to(topic) == f"{PK}/{DN}"
    assert world.platform.pushed_to(f"/ext/rrpc/1{SUB}/thing/service/x") == f"{PK}/{DN}"
    assert world.platform.may_subscribe(gateway, topic)
    assert world.platform.may_subscribe(gateway, f"{SUB}/rrpc/request/+")
    world.platform.disconnected(gateway)
    assert world.platform.pushed_to(topic) == f"{SUB_PK}/{SUB_DN}"
    status = world.platform.parts.presence.status(SUB_PK, SUB_DN)
    assert status is not None
    assert status.state == "offline"


def test_a_new_connection_of_the_gateway_has_no_sessions(world: World) -> None:
    logged_in(world)
    second = world.connect()
    assert not world.platform.may_publish(second, POST)


@pytest.mark.parametrize(
    "topic_filter",
    [
        "/sys/subpk/+/thing/service/property/set",
        "/sys/+/subdn/thing/service/property/set",
        "/sys/subpk/subdn/#",
        "/sys/subpk/other/thing/service/property/set",
        "/sys/subpk/subdn2/thing/service/property/set",
        "$share/g//sys/subpk/other/thing/service/property/set",
        "/subpk/subdn/#",
    ],
)
def test_a_gateway_hears_its_own_sub_devices_and_no_others(world: World, topic_filter: str) -> None:
    assert not world.platform.may_subscribe(logged_in(world), topic_filter)


@pytest.mark.parametrize(
    "topic", [f"{SUB}/thing/topo/add", f"{SUB}/thing/sub/register", f"/ext/session/{SUB_PK}/{SUB_DN}/combine/login"]
)
def test_a_sub_device_is_no_gateway(world: World, topic: str) -> None:
    with pytest.raises(PermissionError):
        world.say(logged_in(world), topic, "{}")


def test_uplinks_without_session_are_told_on_the_error_topic(world: World) -> None:
    gateway = bound(world)
    for topic, code in ((POST, 520), (POST.replace(SUB_DN, "other"), 6401)):
        with pytest.raises(PermissionError):
            world.say(gateway, topic, "{}")
        assert errors(world)[-1][0] == code
    assert errors(world)[0] == (520, NAMES)
    assert [entry.code for entry in world.platform.log] == [520, 6401]


def test_a_device_that_is_no_gateway_is_told_nothing(world: World) -> None:
    with pytest.raises(PermissionError):
        world.say(world.connect(), POST, "{}")
    assert world.sent == []
    assert [entry.code for entry in world.platform.log] == [9236]


# Take-over, disabling, deleting.


def test_a_sub_device_that_connects_itself_takes_over(world: World) -> None:
    gateway = logged_in(world)
    world.connect(SUB_PK, SUB_DN)
    assert errors(world) == [(427, NAMES)]
    assert not world.platform.may_publish(gateway, POST)
    # And the other way round: its gateway's login closes its own connection.
    assert world.ask(gateway, f"{SESSION}/login", NPM_LOGIN)["code"] == 200
    assert world.closed[-1] == f"{SUB_PK}/{SUB_DN}"


def test_disabling_and_enabling_is_told_to_the_gateway(world: World) -> None:
    gateway = logged_in(world)
    device = world.device(SUB_PK, SUB_DN)
    world.platform.parts.provisioning.set_disabled(device, True)
    assert [downlink.topic for downlink in world.sent] == [
        f"{SUB}/thing/disable",
        f"{S}/thing/topo/change",
        f"/ext/error/{PK}/{DN}",
    ]
    assert json.loads(world.sent[1].payload)["params"] == {"status": 8, "subList": [NAMES]}
    assert errors(world) == [(522, NAMES)]
    assert world.ask(gateway, f"{SESSION}/login", NPM_LOGIN)["code"] == 522
    world.sent.clear()
    world.platform.parts.provisioning.set_disabled(device, False)
    assert [downlink.topic for downlink in world.sent] == [f"{SUB}/thing/enable", f"{S}/thing/topo/change"]
    assert json.loads(world.sent[1].payload)["params"]["status"] == 2
    assert world.ask(gateway, f"{SESSION}/login", NPM_LOGIN)["code"] == 200


def test_deleting_is_told_to_the_gateway_and_forgets_everything(world: World) -> None:
    gateway = logged_in(world)
    device = world.device(SUB_PK, SUB_DN)
    world.platform.parts.provisioning.forget(device)
    assert errors(world) == [(521, NAMES)]
    assert world.request(gateway, "thing/topo/get", {})["data"] == []
    assert world.platform.parts.states.known(device) is None


def test_deleting_a_gateway_frees_its_sub_devices(world: World) -> None:
    logged_in(world)
    world.platform.parts.provisioning.forget(world.device())
    assert world.platform.parts.topology.gateway_of(f"{SUB_PK}/{SUB_DN}") is None
    assert world.closed[-1] == f"{PK}/{DN}"


def test_a_gateways_allowance_of_subscriptions_comes_with_a_sub_device_and_goes_with_it(world: World) -> None:
    gateway = bound(world)
    alone = gateway.max_subscriptions
    login, logout = f"/ext/session/{PK}/{DN}/combine/login", f"/ext/session/{PK}/{DN}/combine/logout"
    for _ in range(2):
        assert world.ask(gateway, login, NPM_LOGIN)["code"] == 200
        assert gateway.max_subscriptions == alone + 100
        assert world.ask(gateway, logout, NPM_LOGOUT)["code"] == 200
        assert gateway.max_subscriptions == alone
    assert world.ask(gateway, login, NPM_LOGIN)["code"] == 200
    world.connect(SUB_PK, SUB_DN)  # by itself: the session over the gateway was the older login
    assert gateway.max_subscriptions == alone

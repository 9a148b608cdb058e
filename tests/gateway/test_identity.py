"""CONNECT rules: every published or captured signature, and each way a login is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.broker.policy import Login, Refused
from jinqiao.gateway.platform.auth.identity import Denied, SimulatorLogin, authenticate, parse_client_id
from jinqiao.gateway.platform.registry.devices import ListedDevices
from jinqiao.gateway.platform.registry.registry import Application, Product, Registry
from jinqiao.wire.alink.ev_thing_model import ev_thing_model
from jinqiao.wire.alink.signature import METHODS, client_content, registration_content, same_signature, sign

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "auth_vectors.json").read_text(encoding="utf-8")
)
DIRECT = [vector for vector in VECTORS if vector["kind"] == "direct"]
SECRET = "secret0123456789abcdef"
CLIENT = "a1carPK0001.tbox001"


def registry(product_key: str = "a1carPK0001", device: str = "tbox001", secret: str = SECRET, **more: Any) -> Registry:
    product = Product(product_key, "T-Box", ev_thing_model(product_key), ListedDevices({device: secret}))
    return Registry([product], [Application("app", "pass", frozenset({product_key}))], **more)


def login(parameters: str = "securemode=3,signmethod=hmacsha256", **changes: Any) -> Login:
    """A login of tbox001 that is right unless something is changed; the timestamp, if any, is 789."""
    timestamp = "789" if "timestamp=789" in parameters else None
    method = next((m for m in METHODS if f"signmethod={m}" in parameters), "hmacmd5")
    fields = {
        "client_id": f"{CLIENT}|{parameters}|",
        "username": "tbox001&a1carPK0001",
        "password": sign(method, SECRET, client_content(CLIENT, "tbox001", "a1carPK0001", timestamp)).encode(),
        "protocol_level": 4,
        "clean_session": True,
        "keep_alive_s": 60,
    }
    return Login(**{**fields, **changes})


def refusal(given_login: Login, known: Registry | None = None) -> Denied:
    with pytest.raises(Refused) as caught:
        authenticate(given_login, known or registry(), None)
    assert isinstance(caught.value, Denied)
    return caught.value


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["source"])
def test_signature_vectors(vector: dict[str, Any]) -> None:
    names = (vector["device_name"], vector["product_key"])
    content = (
        registration_content(*names, vector["random"])
        if vector["kind"] == "product"
        else client_content(vector["client_id"], *names, vector["timestamp"])
    )
    signature = sign(vector["method"], vector["key"], content)
    assert same_signature(signature, vector["signature"])
    assert same_signature(signature, vector["signature"].swapcase().encode())
    assert not same_signature(signature, vector["signature"][:-1] + ("0" if signature[-1] != "0" else "1"))


@pytest.mark.parametrize("vector", DIRECT, ids=lambda v: v["source"])
def test_direct_devices_connect_as_their_sdk_does(vector: dict[str, Any]) -> None:
    stamp = f",timestamp={vector['timestamp']}" if vector["timestamp"] else ""
    client_id = vector.get("connect", f"{vector['client_id']}|securemode=3,signmethod={vector['method']}{stamp}|")
    known = registry(vector["product_key"], vector["device_name"], vector["key"])
    given_login = Login(
        client_id,
        f"{vector['device_name']}&{vector['product_key']}",
        vector["signature"].encode(),
        4,
        True,
        vector.get("keep_alive_s", 60),
    )
    principal = authenticate(given_login, known, None)
    assert principal.kind == "device"
    assert principal.identity == f"{vector['product_key']}/{vector['device_name']}"
    assert principal.keep_alive_s == vector.get("keep_alive_s", 60)
    assert principal.auto_subscribed is vector.get("auto_subscribed", False)
    assert principal.subject.ext == vector.get("ext", 0)
    assert (principal.max_qos, principal.max_filters, principal.max_subscriptions) == (1, 8, 100)
    assert not principal.trusted


def test_an_auth_type_that_is_none_is_answered_unavailable() -> None:
    refused = refusal(login(client_id=f"{CLIENT}|authType=id2,securemode=2|"))
    assert (refused.reason, refused.code) == (3, 460)


def test_c_sdk_3_with_upper_case_password() -> None:
    parameters = "timestamp=2524608000000,_v=sdk-c-3.0.1,securemode=3,signmethod=hmacsha256,lan=C,gw=0,ext=0"
    client_id = f"a1RIsMLz2BJ.example1|{parameters}|"
    password = sign(
        "hmacsha256", "s", client_content("a1RIsMLz2BJ.example1", "example1", "a1RIsMLz2BJ", "2524608000000")
    )
    given_login = Login(client_id, "example1&a1RIsMLz2BJ", password.upper().encode(), 4, False, 60)
    principal = authenticate(given_login, registry("a1RIsMLz2BJ", "example1", "s"), None)
    assert not principal.subject.takes_custom_rrpc


@pytest.mark.parametrize("method", [*METHODS, "HmacSha256", "HMACSHA1"])
def test_every_sign_method_in_any_case(method: str) -> None:
    password = sign(method, SECRET, client_content(CLIENT, "tbox001", "a1carPK0001"))
    given_login = login(client_id=f"{CLIENT}|signmethod={method},securemode=3|", password=password.encode())
    assert authenticate(given_login, registry(), None).kind == "device"


def test_md5_is_the_default_method() -> None:
    assert authenticate(login("securemode=3"), registry(), None).kind == "device"


def test_an_empty_id_before_the_first_bar() -> None:
    password = sign("hmacsha256", SECRET, client_content("", "tbox001", "a1carPK0001", "789")).encode()
    given_login = login(client_id="|timestamp=789,securemode=3,signmethod=hmacsha256|", password=password)
    assert authenticate(given_login, registry(), None).subject.client_id == ""


@pytest.mark.parametrize("timestamp", ["0", "2524608000000", "1795333507"])
def test_the_timestamp_is_signed_but_not_judged(timestamp: str) -> None:
    password = sign("hmacsha1", SECRET, client_content(CLIENT, "tbox001", "a1carPK0001", timestamp)).encode()
    client_id = f"{CLIENT}|signmethod=hmacsha1,timestamp={timestamp}|"
    assert authenticate(login(client_id=client_id, password=password), registry(), None).kind == "device"
    without = f"{CLIENT}|signmethod=hmacsha1|"
    assert refusal(login(client_id=without, password=password)).reason == 4


@pytest.mark.parametrize(("asked", "used"), [(30, 30), (60, 60), (1_200, 1_200), (1_201, 1_200), (65_535, 1_200)])
def test_keep_alive_is_cut_to_1200(asked: int, used: int) -> None:
    assert authenticate(login(keep_alive_s=asked), registry(), None).keep_alive_s == used


@pytest.mark.parametrize("asked", [0, 1, 29])
def test_keep_alive_below_30_is_refused(asked: int) -> None:
    assert refusal(login(keep_alive_s=asked)).reason == 2


@pytest.mark.parametrize(
    "client_id",
    [
        "",
        CLIENT,
        f"{CLIENT}|",
        f"{CLIENT}|securemode=3",
        f"{CLIENT}|securemode|",
        f"{CLIENT}|a=1|b=2|",
        f"{CLIENT}|securemode=3|more",
        "x" * 65 + "|securemode=3|",
        f"{CLIENT}|signmethod=rot13|",
    ],
)
def test_malformed_client_ids_are_code_2(client_id: str) -> None:
    assert refusal(login(client_id=client_id)).reason == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"password": b"00"}, 6287),
        ({"password": None}, 6287),
        ({"password": b"\xff\xfe"}, 6287),
        ({"username": "tbox002&a1carPK0001"}, 6100),
        ({"username": "tbox001&a1nonePK001"}, 6250),
        ({"username": "tbox001"}, 401),
        ({"username": None}, 401),
        ({"username": "&"}, 6250),
    ],
)
def test_wrong_triples_are_code_4(changes: dict[str, Any], code: int) -> None:
    refused = refusal(login(**changes))
    assert (refused.reason, refused.code) == (4, code)


def test_an_application_logs_in_with_any_client_id() -> None:
    one, two = (authenticate(Login(client_id, "app", b"pass", 4, True, 0), registry(), None) for client_id in ("", ""))
    assert one.kind == two.kind == "application"
    assert one.identity != two.identity  # clients without an id do not take each other over
    named = authenticate(Login("a1carPK0001/tbox001", "app", b"pass", 4, True, 0), registry(), None)
    assert named.identity != "a1carPK0001/tbox001"  # and nobody takes over a device by its client id
    assert named.max_qos == 2
    assert refusal(Login("x", "app", b"Pass", 4, True, 0)).reason == 4
    assert refusal(Login("x", "app", None, 4, True, 0)).reason == 4


def test_the_house_is_trusted_and_says_whether_it_waits() -> None:
    house = SimulatorLogin("simulator", "pw")
    plain = authenticate(Login("sim", "simulator", b"pw", 4, True, 0), registry(), house)
    waiting = authenticate(Login("sim|lossless=1|", "simulator", b"pw", 4, True, 0), registry(), house)
    assert plain.trusted
    assert (plain.lossless, waiting.lossless) == (False, True)
    assert refusal(Login("sim", "simulator", b"pw", 4, True, 0)).reason == 4  # unknown where there is no house


def test_anonymous_clients_only_where_the_registry_allows_them() -> None:
    guest = Login("guest", None, None, 4, True, 0)
    assert refusal(guest).reason == 4
    principal = authenticate(guest, registry(anonymous=True), None)
    assert (principal.kind, principal.keep_alive_s, principal.max_qos) == ("anonymous", 0, 2)
    assert refusal(Login("guest", "someone", b"", 4, True, 0), registry(anonymous=True)).reason == 4


@given(st.text(max_size=80))
def test_parsing_a_client_id_is_total(client_id: str) -> None:
    parsed = parse_client_id(client_id)
    if parsed is not None:
        assert client_id.startswith(f"{parsed.name}|")
        assert all(key == key.strip() and value == value.strip() for key, value in parsed.parameters.items())


@given(st.text(max_size=40), st.text(max_size=40), st.binary(max_size=80), st.integers(0, 65_535))
def test_nobody_gets_in_by_chance(client_id: str, username: str, password: bytes, keep_alive_s: int) -> None:
    with pytest.raises(Refused):
        authenticate(Login(client_id, username, password, 4, True, keep_alive_s), registry(), None)

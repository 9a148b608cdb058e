"""HTTPS registration and pre-authentication of devices, and logins with the token it gives."""

from __future__ import annotations

from dataclasses import fields, replace
from urllib.parse import urlencode

import pytest

from jinqiao.gateway.broker.policy import Login, Principal, Refused
from jinqiao.wire.alink.signature import client_content, registration_content, sign
from support.cloud_world import DN, PK, CloudWorld

DYN, NAME = "a1dynPK0001", "dyn001"
SECRET, OWN = "dynprodsecret012345678", "dynsecret0123456789001"


@pytest.fixture
def world() -> CloudWorld:
    return CloudWorld()


def registration(**changed: str) -> str:
    form = {"productKey": DYN, "deviceName": NAME, "random": "r", "signMethod": "hmacsha256"} | changed
    content = registration_content(form["deviceName"], form["productKey"], form["random"])
    if form["signMethod"] in {"hmacmd5", "hmacsha1", "hmacsha256"}:
        form.setdefault("sign", sign(form["signMethod"], SECRET, content).upper())
    return urlencode(form)


@pytest.mark.parametrize("method", ["hmacmd5", "hmacsha1", "hmacsha256"])
def test_a_device_is_told_its_secret(world: CloudWorld, method: str) -> None:
    body = world.post("/auth/register/device", registration(signMethod=method))
    data = {"productKey": DYN, "deviceName": NAME, "deviceSecret": OWN}
    assert body == {"code": 200, "data": data, "message": "success"}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"random": ""}, 460),
        ({"deviceName": ""}, 460),
        ({"signMethod": "rot13"}, 6292),
        ({"sign": "00"}, 6600),
        ({"deviceName": "none"}, 6100),
    ],
)
def test_refusals_are_told_by_code_and_logged(world: CloudWorld, changed: dict[str, str], code: int) -> None:
    body = world.post("/auth/register/device", registration(**changed))
    assert (body["code"], body["data"]) == (code, {})
    assert [entry.code for entry in world.platform.log] == [code]


def test_who_has_not_proved_the_products_secret_does_not_learn_which_products_there_are(world: CloudWorld) -> None:
    products = world.platform.registry.products
    products["off"] = replace(products[DYN], key="off", dynamic_registration=False)
    products["none"] = replace(products[DYN], key="none", secret=None)
    asked = [{"productKey": key, "sign": "00"} for key in ("nobody", DYN, "off", "none")]
    bodies = [world.post("/auth/register/device", registration(**changed)) for changed in asked]
    assert [body["code"] for body in bodies] == [6600] * 4
    assert len({str(body) for body in bodies}) == 1
    assert [entry.code for entry in world.platform.log] == [6250, 6600, 6600, 6288]  # for who runs the platform
    assert world.post("/auth/register/device", registration(productKey="off"))["code"] == 6288


def test_an_active_device_is_told_nothing(world: CloudWorld) -> None:
    world.connect(DYN, NAME)
    assert world.post("/auth/register/device", registration())["code"] == 6289


def pre_authenticate(world: CloudWorld, **changed: str) -> dict[str, object]:
    form = {"productKey": PK, "deviceName": DN, "clientId": "c1", "timestamp": "5", "signmethod": "hmacsha1"} | changed
    content = client_content(form["clientId"], form["deviceName"], form["productKey"], form["timestamp"])
    form.setdefault("sign", sign("hmacsha1", "secret0123456789abcdef", content))
    return world.post("/auth/devicename", urlencode({**form, "version": "default", "resources": "mqtt"}))


def log_in(world: CloudWorld, username: str, password: str) -> Principal:
    return world.platform.authenticate(Login("c1|_ss=1,ext=1|", username, password.encode(), 4, True, 60))


def test_a_token_logs_in_for_seven_days(world: CloudWorld) -> None:
    body = pre_authenticate(world)
    assert body["code"] == 200
    data = body["data"]
    assert isinstance(data, dict)
    assert data["resources"] == {"mqtt": {"host": "127.0.0.1", "port": 1883}}
    principal = log_in(world, data["iotId"], data["iotToken"])
    assert (principal.identity, principal.auto_subscribed) == (f"{PK}/{DN}", True)
    assert principal.subject.takes_custom_rrpc
    with pytest.raises(Refused) as refused:
        log_in(world, data["iotId"], "wrong")
    assert refused.value.reason == 3
    world.now_ms += 7 * 24 * 3_600_000
    with pytest.raises(Refused):
        log_in(world, data["iotId"], data["iotToken"])


@pytest.mark.parametrize("protocol_level", [3, 4, 5])
@pytest.mark.parametrize("parameters", ["", "_ss=1", "ext=3", "ext=5,_ss=1", "ext=2", "ext=x"])
def test_a_token_makes_the_same_of_a_device_as_its_secret_does(
    world: CloudWorld, protocol_level: int, parameters: str
) -> None:
    """Will and retained messages over MQTT 5, `ext` as a bit field, keep-alive: nothing depends on how it logged in."""
    data = pre_authenticate(world)["data"]
    assert isinstance(data, dict)
    client_id = f"c1|{parameters}|"
    by_token = Login(client_id, data["iotId"], data["iotToken"].encode(), protocol_level, True, 60)
    password = sign("hmacmd5", world.device().secret, client_content("c1", DN, PK))
    by_secret = Login(client_id, f"{DN}&{PK}", password.encode(), protocol_level, True, 60)
    one, other = (world.platform.authenticate(login) for login in (by_token, by_secret))
    for field in fields(Principal):
        if field.name != "subject":
            assert getattr(one, field.name) == getattr(other, field.name), field.name
    assert (one.subject.ext, one.subject.parameters) == (other.subject.ext, other.subject.parameters)


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"sign": "00"}, 401), ({"deviceName": "none"}, 401), ({"clientId": ""}, 460), ({"signmethod": "rot13"}, 460)],
)
def test_pre_authentication_is_refused(world: CloudWorld, changed: dict[str, str], code: int) -> None:
    assert pre_authenticate(world, **changed)["code"] == code
    assert not world.platform.parts.tokens

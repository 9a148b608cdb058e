"""Devices that speak no MQTT: a token over HTTP, and messages with it, by the rules that hold for every device."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jinqiao.gateway.openapi.channel import LARGEST, DeviceChannel
from jinqiao.gateway.openapi.http import Request
from jinqiao.wire.alink.signature import client_content, sign
from jinqiao.wire.mqtt.packets import Publish, Subscribe
from support.cloud_world import DN, PK, CloudWorld
from support.sandbox import Sandbox

S = f"/sys/{PK}/{DN}"
POST = f"{S}/thing/event/property/post"
PAYLOAD = b'{"id":"1","version":"1.0","params":{"StateOfCharge":80}}'


class Device:
    """A device with nothing but an HTTP client."""

    def __init__(self) -> None:
        self.world = CloudWorld()
        self.channel = DeviceChannel(self.world.platform)
        self.token = ""

    def auth(self, name: str = DN, method: str = "hmacmd5", **changes: Any) -> dict[str, Any]:
        device = self.world.platform.registry.device(PK, name)
        content = client_content("c1", name, PK, "1606000000000")
        fields = {"version": "default", "clientId": "c1", "deviceName": name, "productKey": PK}
        fields |= {"timestamp": "1606000000000", "signmethod": method}
        fields["sign"] = sign(method, device.secret if device else "", content)
        body = json.dumps(fields | changes).encode()
        answer: dict[str, Any] = json.loads(self.channel.authenticate(Request("POST", "/auth", body=body)).body)
        assert set(answer) == {"code", "message", "info"}
        self.token = answer["info"].get("token", "")
        return answer

    def post(self, topic: str = POST, payload: bytes = PAYLOAD, token: str | None = None) -> int:
        headers = {"password": self.token if token is None else token}
        response = self.channel.publish(Request("POST", f"/topic{topic}", "", headers, payload))
        answer: dict[str, Any] = json.loads(response.body)
        assert (response.status, set(answer)) == (200, {"code", "message", "info"})
        code: int = answer["code"]
        assert (type(answer["info"].get("messageId")) is int) is (code == 0)
        return code


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.mark.parametrize("method", ["hmacmd5", "hmacsha1", "hmacsha256", "hmacSHA1"])
def test_a_token_and_a_post_that_applications_see(device: Device, method: str) -> None:
    assert device.auth(method=method)["code"] == 0
    assert device.post() == 0
    assert [(sent.topic, sent.payload) for sent in device.world.sent] == [(POST, PAYLOAD)]
    assert device.world.state().properties.last["StateOfCharge"].value == 80
    assert device.world.call("GetDeviceStatus")["Data"]["Status"] == "OFFLINE"  # activated, without a connection


def test_a_timestamp_may_be_a_number_and_a_method_be_left_out(device: Device) -> None:
    assert device.auth(timestamp=1606000000000)["code"] == 0
    content = client_content("c1", DN, PK)
    body = {"clientId": "c1", "deviceName": DN, "productKey": PK}
    body["sign"] = sign("hmacmd5", device.world.device().secret, content)
    answer = json.loads(device.channel.authenticate(Request("POST", "/auth", body=json.dumps(body).encode())).body)
    assert answer["code"] == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sign": "00"}, 20000),
        ({"sign": ""}, 20000),
        ({"sign": 5}, 20000),
        ({"productKey": "none"}, 20000),
        ({"deviceName": "none"}, 20000),
        ({"clientId": ""}, 10001),
        ({"signmethod": "rot13"}, 10001),
        ({"deviceName": None}, 10001),
        ({"deviceName": ["x"]}, 10001),
    ],
)
def test_who_does_not_know_the_secret_gets_no_token(device: Device, changes: dict[str, Any], code: int) -> None:
    answer = device.auth(**changes)
    assert (answer["code"], answer["info"]) == (code, {})
    assert [entry.topic for entry in device.world.platform.log] == ["/auth"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"x" * 70_000, b'{"sign":"' + b"x" * 70_000 + b'"}'])
def test_a_body_that_is_none_is_a_parameter_error(device: Device, body: bytes) -> None:
    assert json.loads(device.channel.authenticate(Request("POST", "/auth", body=body)).body)["code"] == 10001


def test_a_token_is_its_devices_and_good_for_seven_days(device: Device) -> None:
    assert device.post(token="") == 20002
    assert device.post(token="none") == 20003
    device.auth()
    first = device.token
    assert device.post(token=first[:-1]) == 20003
    device.auth()
    assert device.post(token=first) == 20003  # a new one takes its place
    assert device.post() == 0
    device.world.now_ms += 7 * 24 * 3_600_000
    assert device.post() == 20001
    device.auth()
    device.world.platform.parts.provisioning.set_disabled(device.world.device(), True)
    assert device.post() == 20003
    assert device.auth()["code"] == 20000


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        (f"/{PK}/{DN}/user/update", 0),
        (f"/ota/device/inform/{PK}/{DN}", 0),
        (f"/sys/{PK}/tbox002/thing/event/property/post", 30001),
        (f"/{PK}/tbox002/user/update", 30001),
        (f"{S}/thing/service/property/set", 30001),
        (f"{S}/thing/service/Unlock_reply", 30001),
        (f"{S}/thing/sub/register", 30001),
        (f"/ext/session/{PK}/{DN}/combine/login", 30001),
        ("/anything", 30001),
        ("/$SYS/x", 30001),
        (f"/{PK}/{DN}/user/#", 10001),
        (f"/{PK}/{DN}/user/\0", 10001),
    ],
)
def test_a_device_publishes_on_its_own_topics_alone(device: Device, topic: str, code: int) -> None:
    device.auth()
    assert device.post(topic, b'{"id":"1","params":{}}') == code
    assert len(device.world.sent) == (code == 0)


def test_rates_and_sizes_hold_here_too(device: Device) -> None:
    device.auth()
    assert device.post(payload=b"x" * (LARGEST + 1)) == 10001
    codes = [device.post() for _ in range(40)]
    assert codes == [0] * 29 + [40000] * 11
    assert [device.auth()["code"] for _ in range(6)] == [0] * 4 + [40000] * 2


def test_bytes_count_here_too(device: Device) -> None:
    device.auth()
    codes = [device.post(f"/{PK}/{DN}/user/update", b"x" * LARGEST) for _ in range(10)]
    assert codes == [0] * 7 + [40000] * 3  # 1 MB a second, topics included
    device.world.now_ms += 1_000
    assert device.post() == 0


def test_what_comes_over_http_counts_with_what_comes_over_mqtt() -> None:
    """Two doors are no two rates."""
    sandbox = Sandbox()
    channel, topic = DeviceChannel(sandbox.platform), f"/{PK}/{DN}/user/update"
    secret = sandbox.world.device().secret
    fields = {"clientId": "c1", "deviceName": DN, "productKey": PK, "signmethod": "hmacsha1"}
    body = json.dumps(fields | {"sign": sign("hmacsha1", secret, client_content("c1", DN, PK))}).encode()
    token = json.loads(channel.authenticate(Request("POST", "/auth", body=body)).body)["info"]["token"]

    def post() -> int:
        answer = channel.publish(Request("POST", f"/topic{topic}", "", {"password": token}, b"x"))
        return int(json.loads(answer.body)["code"])

    application, client = sandbox.application(), sandbox.device()
    application.send(Subscribe(1, ((topic, 0),)))
    application.received()
    client.send(*(Publish(topic, b"x") for _ in range(20)))
    assert [post() for _ in range(15)] == [0] * 10 + [40000] * 5
    client.send(*(Publish(topic, b"x") for _ in range(20)))
    assert len(application.messages()) == 30
    assert 9324 in [entry.code for entry in sandbox.platform.log.of(PK, DN)]
    client.lose()
    assert post() == 0  # without a connection it has the rates of its own

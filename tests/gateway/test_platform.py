"""The platform as a broker meets it: logins, uplinks, presence and the device log."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from jinqiao.gateway.broker.policy import Login, Policy, Principal, Refused
from jinqiao.gateway.platform.devices.presence import DeviceStatus
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.devices import ListedDevices
from jinqiao.gateway.platform.registry.fleet_devices import simulated_product
from jinqiao.gateway.platform.registry.registry import Application, Product, Registry
from jinqiao.wire.alink.ev_thing_model import ev_thing_model
from jinqiao.wire.alink.signature import client_content, sign

VINS = np.array([b"LBV00000000000001", b"LBV00000000000002"], dtype="S17")
PK, DN = "a1carPK0001", "tbox001"
S = f"/sys/{PK}/{DN}"


class Clock:
    def __init__(self) -> None:
        self.ms = 1_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def platform(clock: Clock) -> Platform:
    listed = Product(PK, "T-Box", ev_thing_model(PK), ListedDevices({DN: "s1", "tbox002": "s2"}))
    registry = Registry(
        [listed, simulated_product("ev", VINS, fleet_secret="fleet")],
        [Application("app", "pw", frozenset({PK, "ev"}))],
    )
    return Platform(registry, clock_ms=clock, simulator=("house", "key"))


def connect(platform: Platform, device_name: str = DN, product_key: str = PK, parameters: str = "_ss=1") -> Principal:
    device = platform.registry.device(product_key, device_name)
    assert device is not None
    password = sign("hmacmd5", device.secret, client_content("c", device_name, product_key))
    login = Login(f"c|{parameters}|", f"{device_name}&{product_key}", password.encode(), 4, True, 60)
    principal = platform.authenticate(login)
    platform.connected(principal)
    return principal


def test_a_platform_is_a_policy(platform: Platform) -> None:
    policy: Policy = platform
    assert policy.kind("test/topic") == "other"


def test_a_post_is_checked_and_answered(platform: Platform) -> None:
    device = connect(platform)
    payload = b'{"id":"1","params":{"VehicleSpeed":42.5,"battery:PackVoltage":400.1,"Nonsense":1}}'
    (answer,) = platform.receive(device, f"{S}/thing/event/property/post", payload)
    assert answer.topic == f"{S}/thing/event/property/post_reply"
    assert json.loads(answer.payload)["data"] == {"Nonsense": "tsl parse: params not exist"}
    (entry,) = platform.log.of(PK, DN)
    assert (entry.time_ms, entry.code) == (1_000_000, 6320)
    assert platform.log.of(PK, "tbox002") == []


def test_an_event_of_the_ev_is_taken(platform: Platform) -> None:
    device = connect(platform, "LBV00000000000001", "ev")
    topic = "/sys/ev/LBV00000000000001/thing/event/diagnostics:DtcReported/post"
    (answer,) = platform.receive(device, topic, b'{"id":"1","params":{"Code":"P0A80","Status":1}}')
    assert json.loads(answer.payload)["data"] == {}


def test_the_clock_is_the_platforms(platform: Platform, clock: Clock) -> None:
    clock.ms = 77
    (answer,) = platform.receive(connect(platform), f"/ext/ntp/{PK}/{DN}/request", b'{"deviceSendTime":"5"}')
    assert json.loads(answer.payload) == {"deviceSendTime": "5", "serverRecvTime": "77", "serverSendTime": "77"}


@pytest.mark.parametrize(
    ("topic", "handled"),
    [
        (f"{S}/thing/event/property/post", True),
        (f"{S}/thing/event/Collision/post", True),
        (f"/ext/ntp/{PK}/{DN}/request", True),
        (f"{S}/thing/service/property/set_reply", True),
        (f"{S}/thing/topo/change_reply", False),
        (f"{S}/thing/event/property/batch/post", True),
        (f"/{PK}/{DN}/user/update", False),
        (f"/shadow/update/{PK}/{DN}", True),
        ("test/topic", False),
    ],
)
def test_what_is_not_handled_is_merely_forwarded(platform: Platform, topic: str, handled: bool) -> None:
    assert platform.handles(topic) is handled
    if not handled:
        assert platform.receive(connect(platform), topic, b"anything") == ()
        assert len(platform.log) == 0


def test_only_devices_are_answered(platform: Platform) -> None:
    application = platform.authenticate(Login("x", "app", b"pw", 4, True, 0))
    assert platform.receive(application, f"{S}/thing/event/property/post", b"{}") == ()


def test_an_oversized_payload_is_logged_and_dropped(platform: Platform) -> None:
    topic = f"{S}/thing/event/property/post"
    assert platform.receive(connect(platform), topic, b" " * 262_145) == ()
    assert [entry.code for entry in platform.log] == [9320]


def test_kinds(platform: Platform) -> None:
    assert platform.kind(f"{S}/thing/event/property/post") == "property_post"
    assert platform.kind(f"{S}/thing/event/TripFinished/post") == "event_post"
    assert platform.kind(f"/{PK}/{DN}/user/x") == "custom"


def test_downlinks_are_pushed_to_the_device_they_name(platform: Platform) -> None:
    assert platform.pushed_to(f"{S}/thing/service/property/set") == connect(platform).identity
    assert platform.pushed_to(f"{S}/thing/event/property/post_reply") == f"{PK}/{DN}"
    assert platform.pushed_to(f"{S}/thing/event/property/post") is None
    assert platform.pushed_to(f"/{PK}/{DN}/user/get") is None
    assert platform.pushed_to("test/topic") is None


def test_custom_remote_calls_are_pushed_to_those_that_asked_in_ext(platform: Platform) -> None:
    topic = f"/ext/rrpc/17{S}/thing/service/Unlock"
    assert platform.pushed_to(topic) is None
    connect(platform, parameters="ext=2")
    assert platform.pushed_to(topic) is None
    device = connect(platform, parameters="ext=3")
    assert platform.pushed_to(topic) == device.identity
    platform.disconnected(device)
    assert platform.pushed_to(topic) is None


def test_a_device_is_inactive_then_online_then_offline(platform: Platform, clock: Clock) -> None:
    assert platform.parts.presence.status(PK, DN) == DeviceStatus("inactive")
    device = connect(platform)
    assert platform.parts.presence.status(PK, DN) == DeviceStatus("online", 1_000_000)
    clock.ms += 5
    platform.disconnected(device)
    assert platform.parts.presence.status(PK, DN) == DeviceStatus("offline", 1_000_005)
    assert platform.parts.presence.status(PK, "nobody") is None
    assert platform.parts.presence.status("nobody", DN) is None


def test_the_end_of_a_connection_that_was_taken_over_changes_nothing(platform: Platform) -> None:
    first = connect(platform)
    second = connect(platform)
    assert first.identity == second.identity
    platform.disconnected(first)
    assert platform.parts.presence.status(PK, DN) == DeviceStatus("online", 1_000_000)
    platform.disconnected(second)
    assert platform.parts.presence.status(PK, DN) == DeviceStatus("offline", 1_000_000)


def test_simulated_devices_are_online_with_their_simulator(platform: Platform) -> None:
    vin = "LBV00000000000002"
    assert platform.parts.presence.status("ev", vin) == DeviceStatus("inactive")
    house = platform.authenticate(Login("sim", "house", b"key", 4, True, 0))
    platform.connected(house)
    assert platform.parts.presence.status("ev", vin) == DeviceStatus("online", 1_000_000)
    assert platform.parts.presence.status(PK, DN) == DeviceStatus("inactive")
    platform.disconnected(house)
    assert platform.parts.presence.status("ev", vin) == DeviceStatus("inactive")


def test_a_simulated_device_may_log_in_by_itself(platform: Platform) -> None:
    assert connect(platform, "LBV00000000000001", "ev").identity == "ev/LBV00000000000001"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"password": b"00"}, 6287),
        ({"client_id": "c"}, 460),
        ({"username": "tbox009&a1carPK0001"}, 6100),
        ({"username": "x" * 9_999}, 401),
    ],
)
def test_refused_logins_are_logged(platform: Platform, changes: dict[str, Any], code: int) -> None:
    fields = {"client_id": "c|x=1|", "username": f"{DN}&{PK}", "password": b"", "protocol_level": 4}
    with pytest.raises(Refused):
        platform.authenticate(Login(**{**fields, **changes}, clean_session=True, keep_alive_s=60))
    (entry,) = platform.log
    assert (entry.topic, entry.code) == ("CONNECT", code)


def test_refused_topics_are_logged(platform: Platform) -> None:
    device = connect(platform)
    assert not platform.may_publish(device, f"/sys/{PK}/tbox002/thing/event/property/post")
    assert not platform.may_subscribe(device, "#")
    assert platform.may_publish(device, f"{S}/thing/event/property/post")
    assert [(entry.code, entry.topic) for entry in platform.log.of(PK, DN)] == [
        (9236, f"/sys/{PK}/tbox002/thing/event/property/post"),
        (9236, "#"),
    ]


def test_the_log_is_bounded(platform: Platform) -> None:
    device = connect(platform)
    for number in range(1_500):
        platform.may_publish(device, f"{number}/{'x' * 9_999}")
    assert (len(platform.log), platform.log.total) == (1_000, 1_500)
    assert max(len(entry.topic) for entry in platform.log) <= 256

"""The device side of simulated vehicles, without a broker: topics and payloads in, messages out."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.telemetry import Outcome
from jinqiao.device.agent.agent import Agent
from jinqiao.device.agent.car import Outgoing
from jinqiao.device.agent.config import intervals_of
from jinqiao.device.agent.fetching import fetch
from jinqiao.device.agent.files import RemoteFile
from jinqiao.wire.alink.ev_thing_model import ev_thing_model
from jinqiao.wire.alink.topics import TOPICS
from support.fake_car import FakeCar
from support.files import serving_files

KEY = "a1JinqiaoEV"
NAMES = np.array([b"VIN3", b"VIN1", b"VIN2", b"VIN0"], "S17")
MODEL = ev_thing_model(KEY)
IMAGE = bytes(range(256)) * 40_000  # 10.24 MB: 4.1 s at 20 Mbit/s


class World:
    """An agent, its cars, and the files it wants."""

    def __init__(self, **options: Any) -> None:
        self.car = FakeCar()
        self.wanted: list[RemoteFile] = []
        self.agent = Agent(KEY, NAMES, self.car, MODEL, self.wanted.append, **options)
        self.now_s = 0.0

    def tell(self, path: str, message: Any, name: str = "VIN1") -> list[Outgoing]:
        """A downlink on `/sys/{pk}/{name}/{path}`, or on `path` itself where that is a whole topic."""
        topic = path if path.startswith("/") else f"/sys/{KEY}/{name}/{path}"
        payload = message if type(message) is bytes else orjson.dumps(message)
        self.now_s += 1.0
        return list(self.agent.take(topic, payload, self.now_s))

    def pass_s(self, seconds: float) -> list[Outgoing]:
        """Let simulated time go by, in the steps in which vehicles want to do something."""
        end_ms, said = self.car.time_ms + round(seconds * 1000), []
        while (due := self.agent.later.next_ms) is not None and due <= end_ms:
            self.car.time_ms = max(self.car.time_ms, due)
            said += self.agent.tick()
        self.car.time_ms = end_ms
        return said


def body(said: Outgoing) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(said.payload)
    return found


def topics(messages: list[Outgoing]) -> list[str]:
    return [said.topic for said in messages]


def steps(messages: list[Outgoing]) -> list[str]:
    return [body(said)["params"]["step"] for said in messages if "/ota/device/progress/" in said.topic]


def request(params: Any, request_id: Any = "7", **more: Any) -> dict[str, Any]:
    return {"id": request_id, "version": "1.0", "params": params, **more}


# Requests.


def test_a_property_set_is_obeyed_by_the_vehicle_whose_topic_it_is_and_answered() -> None:
    world = World(on_platform=False)
    (reply,) = world.tell("thing/service/property/set", request({"charging:ChargeLimit": 80}))
    (command,) = world.car.commands
    assert (command.vehicle, command.kind, command.arguments) == (1, "set", {"charging:ChargeLimit": 80})
    assert (reply.row, reply.topic) == (1, f"/sys/{KEY}/VIN1/thing/service/property/set_reply")
    assert body(reply) == {"code": 200, "data": {}, "id": "7", "message": "success", "version": "1.0"}
    assert world.agent.asking.touched == {1}


def test_the_cars_refusal_is_the_replys_code_and_message() -> None:
    world = World()
    world.car.refusal = Outcome(1001, "the vehicle is moving")
    (reply,) = world.tell("thing/service/Unlock", request({}))
    assert (body(reply)["code"], body(reply)["message"], body(reply)["data"]) == (1001, "the vehicle is moving", {})
    assert not world.agent.asking.touched


@pytest.mark.parametrize(
    ("path", "message", "code"),
    [
        ("thing/service/property/set", b"not json", 6207),
        ("thing/service/property/set", b"\xff\xfe", 6207),
        ("thing/service/property/set", b"[" * 10_000 + b"]" * 10_000, 6207),
        ("thing/service/property/set", b'{"id":"1","params":{"charging:ChargeLimit":NaN}}', 6207),
        ("thing/service/property/set", [1], 6207),
        ("thing/service/property/set", {"params": {"charging:ChargeLimit": 80}}, 460),
        ("thing/service/property/set", request({"charging:ChargeLimit": 80}, "x" * 1000), 460),
        ("thing/service/property/set", request({"charging:ChargeLimit": 80}, method=5), 6300),
        ("thing/service/property/set", request(None), 460),
        ("thing/service/property/set", request({}), 460),
        ("thing/service/property/set", request([1]), 460),
        ("thing/service/property/set", request({"charging:ChargeLimit": "80"}), 460),
        ("thing/service/property/set", request({"charging:ChargeLimit": 8000}), 460),
        ("thing/service/property/set", request({"charging:ChargeLimit": 80, "NoSuch": 1}), 5159),
        ("thing/service/property/set", request({"VehicleSpeed": 1.0}), 460),
        ("thing/service/property/set", request({f"P{i}": 1 for i in range(201)}), 460),
        ("thing/service/property/get", request({}), 460),
        ("thing/service/property/get", request(["NoSuch"]), 5159),
        ("thing/service/property/get", request([["NoSuch"]]), 5159),
        ("thing/service/Fly", request({}), 5161),
        ("thing/service/StartClimate", request({"Target": "warm"}), 460),
        ("thing/service/StartClimate", request({"Target": 21.0, "Seat": 1}), 460),
        ("thing/service/StartClimate", request("warm"), 460),
    ],
)
def test_what_is_not_understood_is_answered_by_code_and_changes_nothing(path: str, message: Any, code: int) -> None:
    world = World()
    (reply,) = world.tell(path, message)
    assert body(reply)["code"] == code
    assert reply.topic.endswith("_reply")
    assert len(reply.payload) < 1_000
    assert world.car.commands == []


@given(
    st.binary(max_size=300) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(repr).map(str.encode)
)
def test_no_bytes_on_any_topic_do_harm(payload: bytes) -> None:
    world = World()
    for row in TOPICS:
        topic = (
            row.pattern.replace("{pk}", KEY)
            .replace("{dn}", "VIN1")
            .replace("{*}", "x")
            .replace("{", "")
            .replace("}", "")
        )
        for said in world.agent.take(topic, payload, 0.0):
            assert said.row == 1
    assert world.car.commands == []


def test_topics_of_others_and_payloads_beyond_the_platforms_limit_are_passed_over() -> None:
    world = World()
    message = request({"charging:ChargeLimit": 80})
    assert world.tell("thing/service/property/set", message, "VIN9") == []
    assert world.tell("thing/service/property/set", message, "V" * 40) == []
    assert world.tell(f"/sys/another/{NAMES[0].decode()}/thing/service/property/set", message) == []
    assert world.tell("thing/event/property/post", message) == []
    assert world.tell("thing/service/property/set", b" " * 300_000) == []
    assert world.car.commands == []


def test_a_vehicle_works_on_no_more_than_the_platform_sends_a_device_in_a_second() -> None:
    world = World(on_platform=False)
    set_limit = orjson.dumps(request({"charging:ChargeLimit": 80}))
    topic = f"/sys/{KEY}/VIN1/thing/service/property/set"
    answers = [list(world.agent.take(topic, set_limit, 5.0 + i / 1000)) for i in range(200)]
    assert sum(map(len, answers)) == 50
    assert world.agent.budget.dropped == 150
    assert len(list(world.agent.take(topic, set_limit, 6.5))) == 1
    assert len(list(world.agent.take(topic.replace("VIN1", "VIN2"), set_limit, 5.9))) == 1


def test_a_property_get_tells_what_is() -> None:
    world = World()
    world.car.values["charging:ChargeLimit"][1] = 66
    (reply,) = world.tell("thing/service/property/get", request(["charging:ChargeLimit", "climate:TargetTemperature"]))
    assert body(reply)["data"] == {"charging:ChargeLimit": 66, "climate:TargetTemperature": 21.0}


# Synchronous calls.


@pytest.mark.parametrize(
    ("topic", "answered_on"),
    [
        (f"/sys/{KEY}/VIN2/rrpc/request/123", f"/sys/{KEY}/VIN2/rrpc/response/123"),
        (f"/ext/rrpc/123/sys/{KEY}/VIN2/thing/service/ReadDtc", f"/ext/rrpc/123/sys/{KEY}/VIN2/thing/service/ReadDtc"),
    ],
)
def test_a_synchronous_service_is_answered_in_either_form(topic: str, answered_on: str) -> None:
    world = World()
    (reply,) = world.tell(topic, request({}, method="thing.service.ReadDtc"))
    assert reply.topic == answered_on
    assert (body(reply)["code"], body(reply)["data"]) == (200, {"Codes": ["P0A1F"]})


def test_a_remote_call_that_is_no_alink_is_answered_by_code_or_by_who_responds_to_it() -> None:
    topic = f"/sys/{KEY}/VIN2/rrpc/request/9"
    (reply,) = World().tell(topic, b"\x02\x10\x03")
    assert body(reply)["code"] == 6207
    world = World(responders={"rrpc": lambda row, data: bytes([row]) + data})
    (reply,) = world.tell(topic, b"\x02\x10\x03")
    assert reply.payload == b"\x02\x02\x10\x03"
    (reply,) = world.tell(topic, request({}, method="thing.service.ReadDtc"))
    assert body(reply)["code"] == 200


def test_raw_data_and_custom_topics_go_to_who_responds_to_them() -> None:
    world = World(
        responders={
            "down_raw": lambda _, data: data[::-1],
            "user/obd": lambda _, data: None if data == b"-" else b"ok",
        }
    )
    (reply,) = world.tell("thing/model/down_raw", b"abc")
    assert (reply.topic, reply.payload) == (f"/sys/{KEY}/VIN1/thing/model/up_raw", b"cba")
    (reply,) = world.tell(f"/{KEY}/VIN1/user/obd", b"?")
    assert (reply.topic, reply.payload) == (f"/{KEY}/VIN1/user/update", b"ok")
    assert world.tell(f"/{KEY}/VIN1/user/obd", b"-") == []
    (reply,) = world.tell(f"/ext/rrpc/5/{KEY}/VIN1/user/obd", b"?")
    assert (reply.topic, reply.payload) == (f"/ext/rrpc/5/{KEY}/VIN1/user/obd", b"ok")
    (reply,) = world.tell(f"/ext/rrpc/6/sys/{KEY}/VIN1/thing/model/down_raw", b"abc")
    assert (reply.topic, reply.payload) == (f"/ext/rrpc/6/sys/{KEY}/VIN1/thing/model/down_raw", b"cba")
    assert world.tell(f"/{KEY}/VIN1/user/other", b"?") == []
    assert f"/{KEY}/+/user/obd" in world.agent.filters()
    assert not any(topic.startswith("/ext/rrpc") for topic in world.agent.filters())


# DesiredState.


def test_a_set_that_was_a_wish_is_taken_back_by_its_version() -> None:
    world = World()
    reply, ask = world.tell("thing/service/property/set", request({"charging:ChargeLimit": 80}))
    assert ask.topic == f"/sys/{KEY}/VIN1/thing/property/desired/get"
    assert "charging:ChargeLimit" in body(ask)["params"]
    desired = {"code": 200, "data": {"charging:ChargeLimit": {"value": 80, "version": 4}}, "id": body(ask)["id"]}
    (delete,) = world.tell("thing/property/desired/get_reply", desired)
    assert delete.topic == f"/sys/{KEY}/VIN1/thing/property/desired/delete"
    assert body(delete)["params"] == {"charging:ChargeLimit": {"version": 4}}
    assert len(world.car.commands) == 1  # it is so already
    assert body(reply)["code"] == 200


def test_a_wish_that_is_refused_stays_and_is_asked_for_again() -> None:
    world = World()
    inform, ask = world.agent.online(1)
    assert inform.topic == f"/ota/device/inform/{KEY}/VIN1"
    world.car.refusal = Outcome(1001, "the vehicle is moving")
    wish = {"code": 200, "data": {"body:Locked": {"value": 0, "version": 1}}, "id": body(ask)["id"]}
    assert world.tell("thing/property/desired/get_reply", wish) == []
    assert topics(world.pass_s(60)) == [f"/sys/{KEY}/VIN1/thing/property/desired/get"]
    world.car.refusal = None
    (delete,) = world.tell("thing/property/desired/get_reply", wish)
    assert body(delete)["params"] == {"body:Locked": {"version": 1}}
    assert world.pass_s(3_600) == []


def shadow(desired: dict[str, Any], version: int, method: str = "control") -> dict[str, Any]:
    return {"method": method, "payload": {"status": "success", "state": {"desired": desired}}, "version": version}


def test_the_shadows_wishes_are_fulfilled_reported_and_cleared() -> None:
    world = World()
    (report,) = world.tell(f"/shadow/get/{KEY}/VIN1", shadow({"charging:ChargeLimit": 70, "body:Locked": 0}, 5))
    assert report.topic == f"/shadow/update/{KEY}/VIN1"
    assert body(report) == {
        "method": "update",
        "state": {"reported": {"charging:ChargeLimit": 70, "body:Locked": 0}, "desired": "null"},
        "version": 6,
    }
    (report,) = world.tell(f"/shadow/get/{KEY}/VIN1", shadow({"charging:ChargeLimit": 60, "Radio": "loud"}, 6))
    assert body(report)["state"] == {"reported": {"charging:ChargeLimit": 60}}


def test_a_version_conflict_of_the_shadow_is_looked_at_but_not_for_ever() -> None:
    world = World()
    error = {"method": "reply", "payload": {"status": "error", "content": {"errorcode": "409"}}, "timestamp": 1}
    asked = [topics(world.tell(f"/shadow/get/{KEY}/VIN1", error)) for _ in range(6)]
    assert [len(messages) for messages in asked] == [1, 1, 1, 0, 0, 0]
    world.tell(f"/shadow/get/{KEY}/VIN1", {"method": "reply", "payload": {"status": "success", "version": 3}})
    assert len(world.tell(f"/shadow/get/{KEY}/VIN1", error)) == 1


# Configuration.


def pushed(content: bytes, **other: Any) -> dict[str, Any]:
    sign = hashlib.sha256(content).hexdigest()
    params = {"configId": "c", "configSize": len(content), "sign": sign, "signMethod": "Sha256", "url": "http://h/c"}
    return request({**params, "getType": "file", **other}, method="thing.config.push")


def test_a_configuration_is_fetched_once_for_all_and_applied_to_each() -> None:
    world = World()
    content = b'{"telemetry": {"driving": 5, "parked": 60}, "wallpaper": "blue"}'
    for name in ("VIN1", "VIN2"):
        assert world.tell("thing/config/push", pushed(content), name) == []
    (file,) = world.wanted
    replies = list(world.agent.files.fetched(file, "good", content))
    assert [(reply.row, body(reply)["code"]) for reply in replies] == [(1, 200), (2, 200)]
    assert world.car.intervals == [([1], {"driving": 5.0, "parked": 60.0}), ([2], {"driving": 5.0, "parked": 60.0})]
    assert [body(reply)["code"] for reply in world.tell("thing/config/push", pushed(content), "VIN0")] == [200]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"{", 6207),
        (request(None), 460),
        (pushed(b"{}", url="file:///etc/passwd"), 460),
        (pushed(b"{}", configSize=10**6), 460),
        (pushed(b"{}", sign="zz"), 460),
        (pushed(b"{}", getType="content"), 460),
    ],
)
def test_a_push_that_is_none_is_answered_at_once(message: Any, code: int) -> None:
    world = World()
    (reply,) = world.tell("thing/config/push", message)
    assert (reply.topic, body(reply)["code"]) == (f"/sys/{KEY}/VIN1/thing/config/push_reply", code)
    assert not world.wanted


@pytest.mark.parametrize(
    ("verdict", "content", "code"),
    [
        ("forged", b"", 6287),
        ("unreachable", b"", 400),
        ("good", b"[]", 460),
        ("good", b'{"telemetry":{"driving":0}}', 460),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused_with_the_reason(
    verdict: Any, content: bytes, code: int
) -> None:
    world = World()
    world.tell("thing/config/push", pushed(b"{}"))
    (reply,) = world.agent.files.fetched(world.wanted[0], verdict, content)
    assert body(reply)["code"] == code
    assert world.car.intervals == []


@pytest.mark.parametrize(
    "content", [b"", b'{"telemetry":5}', b'{"telemetry":{"often":1}}', b'{"telemetry":{"parked":true}}']
)
def test_intervals_are_judged(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"telemetry|JSON"):
        intervals_of(content)


# Firmware.


def notice(version: str = "2.0.0", **other: Any) -> dict[str, Any]:
    data = {"size": len(IMAGE), "version": version, "url": "http://h/f", "signMethod": "SHA256", "isDiff": 0}
    data |= {"sign": hashlib.sha256(IMAGE).hexdigest(), "module": "default", **other}
    return {"code": "1000", "data": data, "id": 1, "message": "success"}


def offer(world: World, message: Any) -> list[Outgoing]:
    return world.tell(f"/ota/device/upgrade/{KEY}/VIN1", message)


def test_an_upgrade_is_downloaded_in_simulated_time_installed_when_parked_and_informed() -> None:
    world = World()
    (inform,) = offer(world, notice())
    assert body(inform)["params"] == {"version": "1.0.0"}
    assert type(body(inform)["id"]) is int
    (file,) = world.wanted or [None]  # type: ignore[list-item]
    assert file is None  # the car has only begun
    assert steps(world.pass_s(2.1)) == ["10", "20", "30", "40", "50"]
    assert steps(world.pass_s(3)) == ["60", "70", "80", "90"]
    world.car.moving = {1}
    assert steps(list(world.agent.files.fetched(world.wanted[0], "good"))) == ["100"]
    assert world.pass_s(600) == []
    assert world.car.installed == []
    world.car.moving = set()
    assert world.pass_s(60) == []
    ((row, version, seconds),) = world.car.installed
    assert (row, version, seconds) == (1, "2.0.0", 120.0)
    (inform,) = world.pass_s(121)
    assert body(inform)["params"] == {"version": "2.0.0"}
    assert topics(offer(world, notice())) == [f"/ota/device/inform/{KEY}/VIN1"]  # it runs that already
    assert world.agent.later.next_ms is None


@pytest.mark.parametrize(
    ("failure", "last_steps", "installed"),
    [(-2, ["40", "-2"], []), (-3, ["90", "-3"], []), (-4, ["100", "-4"], ["1.0.0"]), (-1, ["100", "-1"], ["1.0.0"])],
)
def test_an_upgrade_fails_at_the_step_it_is_to_fail_at(
    failure: int, last_steps: list[str], installed: list[str]
) -> None:
    world = World()
    world.car.failure = failure
    offer(world, notice())
    said = world.pass_s(5)
    for file in world.wanted:
        said += world.agent.files.fetched(file, "good")
    said += world.pass_s(300)
    assert steps(said)[-2:] == last_steps
    assert [version for _, version, _ in world.car.installed] == installed
    assert world.car.software_version(1) == "1.0.0"
    world.car.failure = 0
    assert len(offer(world, notice())) == 1  # and may be offered again
    assert world.agent.later.next_ms is not None


@pytest.mark.parametrize(("verdict", "step"), [("unreachable", "-2"), ("forged", "-3")])
def test_an_image_that_is_not_what_was_announced_is_not_installed(verdict: Any, step: str) -> None:
    world = World()
    offer(world, notice())
    world.pass_s(5)
    assert steps(list(world.agent.files.fetched(world.wanted[0], verdict))) == [step]
    assert world.pass_s(1_000) == []
    assert world.car.installed == []


def test_a_car_that_is_never_parked_gives_up() -> None:
    world = World()
    world.car.moving = {1}
    offer(world, notice())
    world.pass_s(5)
    list(world.agent.files.fetched(world.wanted[0], "good"))
    assert steps(world.pass_s(4 * 86_400)) == ["-4"]
    assert world.agent.later.next_ms is None


def test_modules_have_versions_of_their_own_and_a_newer_notice_replaces_an_older() -> None:
    world = World()
    offer(world, notice("mcu-2", module="mcu"))
    assert offer(world, notice("mcu-2", module="mcu"))  # twice the same: begun once
    offer(world, notice("mcu-3", module="mcu"))
    said = world.pass_s(5)
    said += world.agent.files.fetched(world.wanted[0], "good")
    said += world.pass_s(130)
    assert body(said[-1])["params"] == {"version": "mcu-3", "module": "mcu"}
    assert world.car.software_version(1) == "1.0.0"
    assert steps(said).count("100") == 1


@pytest.mark.parametrize("message", [b"{", {}, {"data": []}, notice(""), notice("2" * 65), notice(module=["mcu"])])
def test_a_notice_that_is_none_is_passed_over(message: Any) -> None:
    world = World()
    assert offer(world, message) == []
    assert world.agent.upgrades.refused == 1


@pytest.mark.parametrize("wrong", [{"size": -1}, {"size": 2**40}, {"url": "ftp://h/f"}, {"sign": "abc"}, {"url": None}])
def test_a_notice_whose_file_cannot_be_had_is_a_failed_download(wrong: dict[str, Any]) -> None:
    world = World()
    assert steps(offer(world, notice(**wrong))) == ["-2"]


# Fetching.


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving_files({"image": IMAGE}) as url:
        yield url


@pytest.mark.parametrize("path", ["ranges/image", "image"])
@pytest.mark.parametrize(("method", "spelling"), [("sha256", "SHA256"), ("md5", "Md5"), ("md5", "MD5")])
def test_an_image_is_fetched_by_ranges_and_its_digest_judged(
    server: str, path: str, method: str, spelling: str
) -> None:
    sign = hashlib.new(method, IMAGE).hexdigest()
    told = {"url": f"{server}/{path}", "size": len(IMAGE), "signMethod": spelling, "sign": sign.upper()}
    file = RemoteFile.of(told, keep=True)
    assert fetch(file) == ("good", IMAGE)
    assert fetch(RemoteFile.of({**told, "sign": "0" * len(sign)})) == ("forged", b"")
    assert fetch(RemoteFile.of({**told, "size": len(IMAGE) - 1})) == ("forged", b"")


def test_a_file_that_cannot_be_had_is_unreachable(server: str) -> None:
    for url in (f"{server}/missing", "http://127.0.0.1:9/x", "http://[broken/x"):
        assert fetch(RemoteFile.of({"url": url, "size": 10})) == ("unreachable", b"")


def test_a_download_is_given_up_when_nobody_waits_any_longer(server: str) -> None:
    stop = threading.Event()
    stop.set()
    assert fetch(RemoteFile.of({"url": f"{server}/ranges/image", "size": len(IMAGE)}), stop) == ("unreachable", b"")

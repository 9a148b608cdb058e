"""What the cloud asks of a product that speaks bytes of its own, and what becomes of the device's answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.openapi.http import Response
from jinqiao.gateway.platform import platform as platform_module
from jinqiao.gateway.platform.converters.base import Converter
from jinqiao.gateway.platform.converters.layout import Field, Layout
from jinqiao.gateway.platform.converters.script_converter import ScriptConverter
from jinqiao.gateway.platform.uplinks.table import HANDLERS
from jinqiao.wire.alink.codes import TEXT
from support.cloud_world import DN, PK, CloudWorld
from support.examples import examples
from support.loop import Loop

S = f"/sys/{PK}/{DN}"
DOWN_RAW = f"{S}/thing/model/down_raw"
LAYOUT = Layout([Field("VehicleSpeed", "u16", scale=0.1), Field("ChargeLimit", "u8")])

#: One byte of command, four of id, the rest JSON: enough to follow each message, and nothing a platform would guess.
SCRIPT = """
import json
METHODS = {1: "thing.service.property.set", 2: "thing.service.Unlock", 3: "thing.service.StartClimate"}

def protocol_to_raw_data(message):
    command = {method: n for n, method in METHODS.items()}[message["method"]]
    if message["params"].get("DoorLock") == 0:
        return b""
    return bytes([command]) + int(message["id"]).to_bytes(4, "big") + json.dumps(message["params"]).encode()

def raw_data_to_protocol(raw):
    if raw[:1] == b"?":
        raise ValueError("not a frame")
    body = json.loads(raw[5:])
    if raw[0] == 0:
        return {"id": "1", "method": "thing.event.property.post", "params": body}
    return {"id": str(int.from_bytes(raw[1:5], "big")), "version": "1.0", **body}
"""


class RawWorld(CloudWorld):
    """The acceptance T-Box as a product of raw data."""

    def __init__(self, converter: Converter) -> None:
        super().__init__()
        product = self.device().product
        self.platform.registry.products[PK] = replace(product, converter=converter)

    def log(self) -> list[tuple[str, int]]:
        return [(entry.topic.removeprefix(S), entry.code) for entry in self.platform.log]


@pytest.fixture
def script(tmp_path: Path) -> Iterator[ScriptConverter]:
    path = tmp_path / "converter.py"
    path.write_text(SCRIPT, encoding="utf-8")
    converter = ScriptConverter(path)
    yield converter
    converter.close()


def frame(command: int, request_id: str, body: Any) -> bytes:
    return bytes([command]) + int(request_id).to_bytes(4, "big") + json.dumps(body).encode()


def test_a_property_set_goes_out_in_bytes(script: ScriptConverter) -> None:
    world = RawWorld(script)
    world.connect()
    answer = world.call("SetDeviceProperty", Items={"ChargeLimit": 80})
    (sent,) = world.sent
    assert sent == Downlink(DOWN_RAW, frame(1, answer["Data"]["MessageId"], {"ChargeLimit": 80}), 1)


def test_an_asynchronous_service_goes_out_in_bytes(script: ScriptConverter) -> None:
    world = RawWorld(script)
    world.connect()
    answer = world.call("InvokeThingService", Identifier="StartClimate", Args={"Target": 21.5, "Minutes": 5})
    (sent,) = world.sent
    assert (sent.topic, sent.payload[0], sent.qos) == (DOWN_RAW, 3, 1)
    assert answer["Data"]["MessageId"] == str(int.from_bytes(sent.payload[1:5]))


def test_a_wish_reaches_an_online_device_in_bytes(script: ScriptConverter) -> None:
    world = RawWorld(script)
    assert world.call("SetDeviceDesiredProperty", Items={"ChargeLimit": 70})["Success"]
    assert world.sent == []
    world.connect()
    assert world.call("SetDeviceDesiredProperty", Items={"ChargeLimit": 71})["Success"]
    assert [(sent.topic, sent.payload[0]) for sent in world.sent] == [(DOWN_RAW, 1)]


@pytest.mark.parametrize(("ext", "topic"), [(1, "/ext/rrpc/{}" + DOWN_RAW), (0, S + "/rrpc/request/{}")])
def test_a_synchronous_service_asks_and_is_answered_in_bytes(script: ScriptConverter, ext: int, topic: str) -> None:
    world = RawWorld(script)
    device = world.connect(ext=ext)
    waiting = world.wait("InvokeThingService", Identifier="Unlock", Args={"Door": 1})
    (sent,) = world.sent
    assert sent.topic == topic.format(waiting.call.message_id)
    assert (sent.payload[0], json.loads(sent.payload[5:])) == (2, {"Door": 1})
    request_id = str(int.from_bytes(sent.payload[1:5]))
    world.say(
        device,
        sent.topic.replace("/request/", "/response/"),
        frame(2, request_id, {"code": 200, "data": {"Result": 1}}),
    )
    body = world.read(waiting.finish())
    assert body["Data"] == {"Result": '{"Result":1}', "MessageId": request_id}


def test_an_answer_the_script_cannot_read_fails_the_call_and_is_logged(script: ScriptConverter) -> None:
    world = RawWorld(script)
    device = world.connect(ext=1)
    waiting = world.wait("InvokeThingService", Identifier="Unlock", Args={"Door": 1})
    world.say(device, world.sent[0].topic, b"?")
    body = world.read(waiting.finish())
    assert (body["Success"], body["Code"]) == (False, "iot.device.InvokeThingServiceFailed")
    assert "26010 ValueError: not a frame" in body["ErrorMessage"]
    assert world.log() == [("/thing/model/down_raw_reply", 26010)]


@pytest.mark.parametrize("topic", ["/thing/model/down_raw_reply", "/thing/model/up_raw"])
def test_a_reply_is_matched_by_its_id(script: ScriptConverter, topic: str) -> None:
    world = RawWorld(script)
    device = world.connect()
    request_id = world.call("SetDeviceProperty", Items={"ChargeLimit": 80})["Data"]["MessageId"]
    world.say(device, S + topic, frame(1, "4000000000", {"code": 460, "data": {}}))
    assert world.log() == []  # nobody asked
    world.say(device, S + topic, frame(1, request_id, {"code": 460, "data": {}}))
    assert world.log() == [("/thing/service/property/set_reply", 460)]
    world.say(device, S + topic, frame(1, request_id, {"code": 460, "data": {}}))
    assert world.log() == [("/thing/service/property/set_reply", 460)]  # once


def test_a_reply_is_acted_upon_as_one_in_alink(script: ScriptConverter, monkeypatch: pytest.MonkeyPatch) -> None:
    world = RawWorld(script)
    device = world.connect()
    heard: list[tuple[str, bytes]] = []
    pattern = "/sys/{pk}/{dn}/thing/service/property/set_reply"
    handlers = {**HANDLERS, pattern: lambda uplink: heard.append((uplink.topic, uplink.payload)) or ()}
    monkeypatch.setattr(platform_module, "HANDLERS", handlers)
    request_id = world.call("SetDeviceProperty", Items={"ChargeLimit": 80})["Data"]["MessageId"]
    world.say(device, f"{DOWN_RAW}_reply", frame(1, request_id, {"code": 200, "data": {}}))
    ((topic, payload),) = heard
    assert topic == f"{S}/thing/service/property/set_reply"
    assert json.loads(payload) == {"id": request_id, "version": "1.0", "code": 200, "data": {}}


@pytest.mark.parametrize("code", [[1], {"a": 1}, None, "no", 9999])
def test_a_reply_with_any_code_is_logged(script: ScriptConverter, code: Any) -> None:
    world = RawWorld(script)
    device = world.connect()
    request_id = world.call("SetDeviceProperty", Items={"ChargeLimit": 80})["Data"]["MessageId"]
    world.say(device, f"{DOWN_RAW}_reply", frame(1, request_id, {"code": code}))
    assert world.log() == [("/thing/service/property/set_reply", 500)]


@pytest.mark.parametrize(
    ("raw", "code"),
    [(b"?", 26010), (frame(0, "1", {"ChargeLimit": 80}), 26007), (frame(1, "1", {"method": "thing.service.x"}), 26007)],
)
def test_an_answer_that_is_none_is_logged(script: ScriptConverter, raw: bytes, code: int) -> None:
    world = RawWorld(script)
    world.say(world.connect(), f"{DOWN_RAW}_reply", raw)
    assert world.log() == [("/thing/model/down_raw_reply", code)]


def test_a_raw_answer_without_a_converter_is_6200() -> None:
    world = CloudWorld()
    world.say(world.connect(), f"{DOWN_RAW}_reply", b"\1")
    assert [entry.code for entry in world.platform.log] == [6200]


@pytest.mark.parametrize(
    ("action", "arguments", "failed", "code"),
    [
        ("SetDeviceProperty", {"Items": {"DoorLock": 0}}, "iot.device.SetDevicePropertyFailed", 6201),
        ("InvokeThingService", {"Identifier": "StartClimate", "Args": {"Target": 20.0, "Minutes": 5}}, "", 0),
    ],
)
def test_a_script_that_makes_nothing_of_a_request(
    script: ScriptConverter, action: str, arguments: dict[str, Any], failed: str, code: int
) -> None:
    world = RawWorld(script)
    world.connect()
    body = world.call(action, **arguments)
    assert body.get("Code", "") == failed
    assert [entry.code for entry in world.platform.log] == ([code] if code else [])
    assert len(world.sent) == (0 if failed else 1)


def test_a_layout_has_no_frame_for_services() -> None:
    world = RawWorld(LAYOUT)
    world.connect(ext=1)
    for identifier in ("StartClimate", "Unlock"):
        arguments = {"Target": 20.0, "Minutes": 5} if identifier == "StartClimate" else {"Door": 1}
        body = world.call("InvokeThingService", ProductKey=PK, DeviceName=DN, Identifier=identifier, Args=arguments)
        assert body["Code"] == "iot.device.InvokeThingServiceFailed"
    assert [entry.code for entry in world.platform.log] == [26010, 26010]
    assert (world.sent, len(world.platform.parts.calls)) == ([], 0)


def test_a_script_that_says_what_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "odd.py"
    path.write_text(
        "def raw_data_to_protocol(raw):\n"
        "    if raw == b'say': return {'id': '1', 'method': 'thing.event.property.post', 'params': {'a': '\\ud800'}}\n"
        "    raise ValueError('\\ud800')\n",
        encoding="utf-8",
    )
    converter = ScriptConverter(path)
    try:
        world = RawWorld(converter)
        device = world.connect()
        world.say(device, f"{S}/thing/model/up_raw", b"say")
        world.say(device, f"{S}/thing/model/up_raw", b"fail")
        entries = list(world.platform.log)
        assert [entry.code for entry in entries] == [26007, 26010]
        assert entries[1].message == "ValueError: ?"
        assert all(entry.message.encode() for entry in entries)
    finally:
        converter.close()


#: Messages that a script may make, of the members that the platform looks at.
MESSAGES = st.dictionaries(
    st.sampled_from(["id", "method", "code", "params", "version", "data"]),
    st.one_of(
        st.none(),
        st.integers(),
        st.floats(),
        st.text(),
        st.sampled_from(["1", "thing.event.property.post", "thing.event.x.post", "thing.event..post", 200, 460, True]),
        st.lists(st.integers(), max_size=2),
        st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=3),
    ),
)


class Says:
    """A converter that makes of any bytes what it was given."""

    def __init__(self, message: dict[str, Any]) -> None:
        self.message = message

    def raw_data_to_protocol(self, _: bytes) -> dict[str, Any]:
        return self.message

    def protocol_to_raw_data(self, message: dict[str, Any]) -> bytes:
        return json.dumps(message).encode()


@settings(max_examples=examples(100))
@given(MESSAGES, st.sampled_from(["up_raw", "down_raw_reply"]))
def test_whatever_a_script_makes_is_answered_or_logged(message: dict[str, Any], suffix: str) -> None:
    world = RawWorld(Says(message))
    device = world.connect()
    (*answers,) = world.platform.receive(device, f"{S}/thing/model/{suffix}", b"x")
    assert len(answers) <= 1
    assert all(json.loads(answer.payload)["code"] in TEXT for answer in answers)


def test_pub_sends_bytes_as_they_are(script: ScriptConverter) -> None:
    world = RawWorld(script)
    content = base64.b64encode(b"\0\xff\1").decode()
    assert world.call("Pub", ProductKey=PK, TopicFullName=DOWN_RAW, MessageContent=content, Qos="1")["Success"]
    assert world.sent == [Downlink(DOWN_RAW, b"\0\xff\1", 1)]


class Beside:
    """A platform whose scripts work in threads; `turn` lets them say what they made."""

    def __init__(self, script: ScriptConverter) -> None:
        self.world, self.loop = RawWorld(script), Loop()
        self.world.platform.parts.aside.begin(self.loop.later)
        self.device = self.world.connect(ext=1)
        self.turn = self.loop.turn


@pytest.fixture
def beside(script: ScriptConverter) -> Iterator[Beside]:
    made = Beside(script)
    yield made
    made.world.platform.parts.aside.end()


SET_LIMIT = {"Items": {"ChargeLimit": 80}}
CLIMATE = {"Identifier": "StartClimate", "Args": {"Target": 21.5, "Minutes": 5}}


@pytest.mark.parametrize(("action", "arguments"), [("SetDeviceProperty", SET_LIMIT), ("InvokeThingService", CLIMATE)])
def test_a_call_that_a_script_has_to_convert_waits_beside_the_event_loop(
    beside: Beside, action: str, arguments: dict[str, Any]
) -> None:
    waiting = beside.world.wait(action, **arguments)
    assert beside.world.sent == []
    beside.turn()
    (sent,) = beside.world.sent
    body = beside.world.read(waiting.finish())
    assert body["Success"]
    assert body["Data"] == {"MessageId": str(int.from_bytes(sent.payload[1:5]))}
    assert (sent.topic, sent.qos) == (DOWN_RAW, 1)


def test_request_and_answer_of_a_synchronous_service_are_converted_beside_the_event_loop(beside: Beside) -> None:
    world = beside.world
    waiting = world.wait("InvokeThingService", Identifier="Unlock", Args={"Door": 1})
    beside.turn()
    (sent,) = world.sent
    request_id = str(int.from_bytes(sent.payload[1:5]))
    world.say(beside.device, sent.topic, frame(2, request_id, {"code": 200, "data": {"Result": 1}}))
    answered: list[bool] = []
    waiting.call.when_answered(lambda: answered.append(True))
    assert answered == []
    beside.turn()
    assert answered == [True]
    assert world.read(waiting.finish())["Data"] == {"Result": '{"Result":1}', "MessageId": request_id}
    waiting.close()
    assert len(world.platform.parts.calls) == 0


def test_a_script_that_fails_beside_the_event_loop_fails_the_call(beside: Beside) -> None:
    world = beside.world
    for action, arguments in (
        ("SetDeviceProperty", {"Items": {"DoorLock": 0}}),
        ("InvokeThingService", {"Identifier": "Unlock", "Args": {"Door": 1}}),
    ):
        waiting = world.wait(action, **arguments)
        beside.turn()
        if action == "InvokeThingService":
            world.say(beside.device, world.sent[0].topic, b"?")
            beside.turn()
        body = world.read(waiting.finish())
        waiting.close()
        assert (body["Success"], body["Code"].rpartition(".")[2]) == (
            False,
            "SetDevicePropertyFailed" if action == "SetDeviceProperty" else "InvokeThingServiceFailed",
        )
    assert [code for _, code in world.log()] == [6201, 26010]


def test_a_call_that_was_given_up_is_not_sent_later(beside: Beside) -> None:
    world = beside.world
    waiting = world.wait("SetDeviceProperty", **SET_LIMIT)
    assert world.read(waiting.finish())["Code"] == "iot.device.SetDevicePropertyFailed"  # no time is left
    waiting.close()
    beside.turn()
    assert world.sent == []


def test_a_wish_does_not_wait_for_the_script(beside: Beside) -> None:
    assert beside.world.call("SetDeviceDesiredProperty", **SET_LIMIT)["Success"]
    beside.turn()
    assert [sent.topic for sent in beside.world.sent] == [DOWN_RAW]


def test_a_slow_script_holds_nobody_up_for_long(tmp_path: Path) -> None:
    path = tmp_path / "slow.py"
    path.write_text("def protocol_to_raw_data(message):\n    while True: pass\n", encoding="utf-8")
    converter = ScriptConverter(path)
    try:
        world = RawWorld(converter)
        world.connect()
        converter._process = converter._start()  # Python's own start has a longer limit
        for _ in range(3):
            response = world.dispatch("SetDeviceProperty", ProductKey=PK, DeviceName=DN, Items={"ChargeLimit": 80})
            assert isinstance(response, Response)
            assert json.loads(response.body)["Code"] == "iot.device.SetDevicePropertyFailed"
        assert [entry.code for entry in world.platform.log] == [26010] * 3
        assert world.sent == []
    finally:
        converter.close()

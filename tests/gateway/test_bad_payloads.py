"""Property posts that no decent device sends, through broker and platform: a code, a log entry, a count, no more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jinqiao.wire.mqtt.packets import PacketType, Publish, Signal
from support.alink_house import DN, NOW_MS, PK, S
from support.mqtt_memory import Client
from support.sandbox import Sandbox

POST = f"{S}/thing/event/property/post"
DAY_MS = 24 * 3_600_000


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()


def post(params: Any) -> bytes:
    return json.dumps({"id": "1", "version": "1.0", "params": params}).encode()


#: Payload → the code that the reply has, and the one in the log.
REFUSED: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 6207),
    "no JSON": (b'{"id":"1",', 6207),
    "no UTF-8": (b'{"id":"1","params":{"soc":\xff}}', 6207),
    "not a number": (b'{"id":"1","params":{"soc":NaN}}', 6207),
    "infinite": (b'{"id":"1","params":{"soc":Infinity}}', 6207),
    "nested 10,000 deep": (b'{"id":"1","params":' + b"[" * 10_000 + b"]" * 10_000 + b"}", 6207),
    "objects 10,000 deep": (b'{"id":"1","params":' + b'{"soc":' * 10_000 + b"1" + b"}" * 10_001, 6207),
    "a list": (b"[]", 6207),
    "no id": (b'{"params":{"soc":1}}', 460),
    "an id of 70 KB": (json.dumps({"id": "1" * 70_000, "params": {"soc": 1}}).encode(), 460),
    "params of no object": (post([1]), 460),
    "no params": (b'{"id":"1"}', 460),
    "a method of no text": (b'{"id":"1","method":5,"params":{}}', 6300),
    "201 properties": (post({f"p{n}": 1 for n in range(201)}), 6106),
}
#: Payload → the property that is not taken, and why.
NOT_TAKEN: dict[str, tuple[bytes, str, int]] = {
    "text for a number": (post({"soc": "80"}), "soc", 6306),
    "a fraction for a whole number": (post({"soc": 80.5}), "soc", 6306),
    "truth for a number": (post({"soc": True}), "soc", 6306),
    "nothing for a number": (post({"soc": None}), "soc", 6306),
    "an object for a number": (post({"speed": {"a": 1}}), "speed", 6322),
    "a list for a number": (post({"speed": [1]}), "speed", 6322),
    "beyond 64 bits": (b'{"id":"1","params":{"soc":99999999999999999999}}', "soc", 6306),
    "more than a day ahead": (post({"soc": {"value": 80, "time": NOW_MS + DAY_MS + 1}}), "soc", 6326),
    "before 1970": (post({"soc": {"value": 80, "time": -1}}), "soc", 6326),
    "a time of no number": (post({"soc": {"value": 80, "time": "now"}}), "soc", 6326),
    "unknown": (post({"NoSuch": 1}), "NoSuch", 6320),
    "200 deep": (b'{"id":"1","params":{"soc":' + b"[" * 200 + b"]" * 200 + b"}}", "soc", 6306),
}


def say(sandbox: Sandbox, payload: bytes) -> tuple[Client, list[dict[str, Any]]]:
    device = sandbox.device()
    device.send(Publish(POST, payload))
    return device, [json.loads(message.payload) for message in device.messages()]


def nothing_else_happened(sandbox: Sandbox, device: Client) -> None:
    """Nothing is remembered, the connection stands, and the next post is taken."""
    assert not device.closed
    assert sandbox.world.state(PK, DN).properties.last == {}
    assert sandbox.world.kinds_kept() == []
    assert sandbox.broker.counters.refused["policy_fault"] == 0
    device.send(Publish(POST, post({"soc": 80})))
    assert [json.loads(message.payload)["code"] for message in device.messages()] == [200]
    assert sandbox.broker.counters.received["property_post"] == 2


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(sandbox: Sandbox, what: str) -> None:
    payload, code = REFUSED[what]
    device, replies = say(sandbox, payload)
    assert [reply["code"] for reply in replies] == [code]
    assert [entry.code for entry in sandbox.platform.log.of(PK, DN)] == [code]
    assert sandbox.platform.log.total == 1
    nothing_else_happened(sandbox, device)


@pytest.mark.parametrize("what", NOT_TAKEN)
def test_what_is_not_taken(sandbox: Sandbox, what: str) -> None:
    payload, name, code = NOT_TAKEN[what]
    device, replies = say(sandbox, payload)
    assert [(reply["code"], list(reply["data"])) for reply in replies] == [(200, [name])]
    assert [entry.code for entry in sandbox.platform.log.of(PK, DN)] == [code]
    nothing_else_happened(sandbox, device)


def test_of_a_key_that_stands_twice_the_last_counts(sandbox: Sandbox) -> None:
    """As in every JSON parser of the official SDKs; both are read, one is judged."""
    _, replies = say(sandbox, b'{"id":"0","id":"1","params":{"soc":"x"},"params":{"soc":1,"soc":2}}')
    assert [(reply["code"], reply["id"], reply["data"]) for reply in replies] == [(200, "1", {})]
    assert sandbox.world.state(PK, DN).properties.last["soc"].value == 2


def test_a_day_ahead_is_just_in_time(sandbox: Sandbox) -> None:
    _, replies = say(sandbox, post({"soc": {"value": 80, "time": NOW_MS + DAY_MS}}))
    assert [(reply["code"], reply["data"]) for reply in replies] == [(200, {})]


@pytest.mark.parametrize("level", [4, 5])
def test_300_kilobytes_end_the_connection_and_are_logged(sandbox: Sandbox, level: int) -> None:
    """MQTT has no other word for it than to end the connection: before the payload is read, let alone collected."""
    device, other = sandbox.device(level=level), sandbox.device(device_name="gw2")
    device.send(Publish(POST, b'{"id":"1","params":{"soc":1},"x":"' + b"x" * 300_000 + b'"}'))
    told = [packet for packet in device.received() if isinstance(packet, Signal)]
    assert [(packet.type, packet.reason) for packet in told] == ([(PacketType.DISCONNECT, 0x95)] if level == 5 else [])
    assert device.closed
    assert [entry.code for entry in sandbox.platform.log.of(PK, DN)] == [9320]
    assert sandbox.broker.counters.refused["malformed"] == 1
    assert sandbox.world.state(PK, DN).properties.last == {}
    assert not other.closed
    assert not sandbox.platform.parts.presence.is_online(sandbox.world.device())


def test_a_device_that_breaks_the_protocol_finds_it_in_its_log(sandbox: Sandbox) -> None:
    device = sandbox.device()
    device.send(b"\x30\x03\x00\x05a")  # a topic longer than its packet
    assert device.closed
    assert [(entry.topic, entry.code) for entry in sandbox.platform.log.of(PK, DN)] == [("DISCONNECT", 400)]


def test_silence_finds_its_way_into_the_log(sandbox: Sandbox) -> None:
    device = sandbox.device()
    sandbox.at(91.0)  # one and a half times 60 s, and more
    assert device.closed
    found = [(entry.topic, entry.code, entry.message) for entry in sandbox.platform.log.of(PK, DN)]
    assert found == [("DISCONNECT", 400, "silent for too long")]

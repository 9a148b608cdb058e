"""Messages as the official SDKs sent them (captured on the wire), each with the answer that satisfies its sender."""

from __future__ import annotations

from typing import Any

import pytest

from support.alink_house import DN, PK, S, World

POST, COLLISION = f"{S}/thing/event/property/post", f"{S}/thing/event/collision/post"
NPM = "|exp-topic|"

#: sender, topic, payload, id as it has to come back
CAPTURED = [
    (
        "py",
        POST,
        '{"id": "1", "version": "1.0", "params": {"speed": 42.5, "soc": {"value": 80, "time": 1795333508413}}, '
        '"method": "thing.event.property.post"}',
        "1",
    ),
    (
        "npm 1.2.8",
        POST,
        f'{{"id":"1{NPM}{POST}_reply","version":"1.0","params":{{"speed":42.5}},"method":"thing.event.property.post"}}',
        f"1{NPM}{POST}_reply",
    ),
    ("C3", POST, '{"id":"3","version":"1.0","params":{"Counter": 0},"method":"thing.event.property.post"}', "3"),
    ("C4", POST, '{"id":"1","version":"1.0","params":{"speed":42.5},"sys":{"ack":1}}', "1"),
    (
        "py",
        COLLISION,
        '{"id": "2", "version": "1.0", "params": {"value": {"level": 2}}, "method": "thing.event.collision.post"}',
        "2",
    ),
    (
        "npm 1.2.8",
        COLLISION,
        f'{{"id":"2{NPM}{COLLISION}_reply","version":"1.0","params":{{"level":2}},"method":"thing.event.collision.post"}}',
        f"2{NPM}{COLLISION}_reply",
    ),
    (
        "C3",
        f"{S}/thing/event/HardwareError/post",
        '{"id":"4","version":"1.0","params":{"ErrorCode": 0},"method":"thing.event.HardwareError.post"}',
        "4",
    ),
    ("C4", COLLISION, '{"id":"2","version":"1.0","params":{"level":2},"sys":{"ack":1}}', "2"),
    (
        "npm 1.2.8",
        f"{S}/thing/deviceinfo/update",
        '{"id":"3","version":"1.0","params":[{"attrKey":"vin","attrValue":"LSV1"}],"method":"thing.deviceinfo.update"}',
        "3",
    ),
    ("py", f"{S}/thing/ota/firmware/get", '{"id": 6, "params": {"module": "mcu"}}', "6"),
    ("C4", f"{S}/thing/ota/firmware/get", '{"id":7, "params":{}}', "7"),
    ("C4", f"{S}/thing/topo/get", '{"id":"10","version":"1.0","params":"{}"}', "10"),
]


@pytest.mark.parametrize(("sender", "topic", "payload", "identifier"), CAPTURED)
def test_captured_messages_are_answered(sender: str, topic: str, payload: str, identifier: str) -> None:
    world = World()
    body = world.ask(world.connect(), topic, payload)
    expected: dict[str, Any] = {
        "code": 200,
        "data": [] if "topo" in topic else {},
        "id": identifier,
        "message": "success",
        "method": topic.removeprefix(f"{S}/").replace("/", "."),
        "version": "1.0",
    }
    assert body == expected
    assert list(body) == ["code", "data", "id", "message", "method", "version"]
    assert len(world.platform.log) == 0


def test_the_clock_as_c_link_sdk_4_asks_it() -> None:
    world = World()
    topic = f"/ext/ntp/{PK}/{DN}/request"
    (answer,) = world.say(world.connect(), topic, '{"deviceSendTime":"1795333812578"}')
    assert answer.topic == f"/ext/ntp/{PK}/{DN}/response"
    assert answer.payload == (
        b'{"deviceSendTime":"1795333812578","serverRecvTime":"1795333508000","serverSendTime":"1795333508000"}'
    )

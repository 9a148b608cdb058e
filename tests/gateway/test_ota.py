"""Firmware over the air: the notice's form, what a device informs and reports, and how an upgrade goes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jinqiao.gateway.platform.devices.checksums import crc16
from jinqiao.gateway.platform.devices.ota import Firmware, Status, Upgrades
from jinqiao.gateway.platform.registry.accounts import OPERATOR
from jinqiao.gateway.platform.uplinks.files import BLOCK
from support.alink_house import DN, PK, S, World

INFORM, PROGRESS = f"/ota/device/inform/{PK}/{DN}", f"/ota/device/progress/{PK}/{DN}"
UPGRADE, REQUEST = f"/ota/device/upgrade/{PK}/{DN}", f"/ota/device/request/{PK}/{DN}"
FIRMWARE = Firmware("2.0.0", 10, "https://host/x", "ab" * 32)


@pytest.fixture
def world() -> World:
    return World()


def status(world: World, module: str = "default") -> Status:
    return world.state(PK, DN).ota.of_module[module].status


@pytest.mark.parametrize(
    ("payload", "module", "version"),
    [
        ('{"id": 1, "params": {"version": "1.0.0"}}', "default", "1.0.0"),
        ('{"id": 1,"params": {"version":"2.0.0","module": "mcu"}}', "mcu", "2.0.0"),
        ('{"id":"2","params":{"version":"app-1.0.0-20180101.1000"}}', "default", "app-1.0.0-20180101.1000"),
        ('{"id":6, "params":{"version":"1.0.0"}}', "default", "1.0.0"),
    ],
)
def test_versions_as_the_sdks_inform_them(world: World, payload: str, module: str, version: str) -> None:
    device = world.connect()
    assert world.say(device, INFORM, payload) == []
    assert world.state(PK, DN).versions == {module: version}
    world.say(device, INFORM, payload)
    assert world.kinds_kept() == ["versions"]


@pytest.mark.parametrize(
    "payload", ["", "[]", "{}", '{"params":{}}', '{"params":{"version":1}}', '{"params":{"version":"1","module":5}}']
)
def test_a_bad_version_is_logged(world: World, payload: str) -> None:
    assert world.say(world.connect(), INFORM, payload) == []
    assert [entry.code for entry in world.platform.log] == [460]
    assert world.state(PK, DN).versions == {}


def test_the_notice_and_the_whole_way_of_an_upgrade(world: World) -> None:
    device = world.connect()
    world.say(device, INFORM, '{"id": 1, "params": {"version": "1.0.0"}}')
    world.platform.operations.firmware.offer(OPERATOR, world.device(), FIRMWARE, job_id="job")
    (notice,) = world.sent
    body = json.loads(notice.payload)
    assert (notice.topic, notice.qos) == (UPGRADE, 1)
    assert (body["code"], body["message"], type(body["id"])) == ("1000", "success", int)
    assert 0 <= body["id"] < 2**31
    assert body["data"] == {
        "size": 10,
        "version": "2.0.0",
        "isDiff": 0,
        "url": "https://host/x",
        "signMethod": "SHA256",
        "sign": "ab" * 32,
        "module": "default",
    }
    assert status(world) is Status.NOTIFIED
    assert world.state(PK, DN).ota.of_module["default"].source_version == "1.0.0"
    for step in ("10", 100):
        assert world.say(device, PROGRESS, {"id": 2, "params": {"step": step, "desc": "", "module": "default"}}) == []
    assert status(world) is Status.IN_PROGRESS
    assert world.say(device, INFORM, '{"id": 3, "params": {"version": "2.0.0"}}') == []
    assert status(world) is Status.SUCCEEDED
    assert world.state(PK, DN).ota.pending == {}


@pytest.mark.parametrize("step", [-1, "-2", -3, -4])
def test_a_failed_step_ends_the_upgrade_and_is_logged(world: World, step: Any) -> None:
    device = world.connect()
    world.platform.operations.firmware.offer(OPERATOR, world.device(), FIRMWARE)
    world.say(device, PROGRESS, {"id": 2, "params": {"step": step, "desc": "no space"}})
    assert status(world) is Status.FAILED
    assert "no space" in next(entry.message for entry in world.platform.log)
    # A device that runs the version all the same has succeeded.
    world.say(device, INFORM, '{"id": 3, "params": {"version": "2.0.0"}}')
    assert status(world) is Status.SUCCEEDED


@pytest.mark.parametrize("step", [101, -5, "many", "", "--1", 1.5, None, True, "٣"])
def test_a_step_that_is_none_is_460(world: World, step: Any) -> None:
    device = world.connect()
    world.platform.operations.firmware.offer(OPERATOR, world.device(), FIRMWARE)
    world.say(device, PROGRESS, {"id": 2, "params": {"step": step}})
    assert [entry.code for entry in world.platform.log] == [460]
    assert status(world) is Status.NOTIFIED


def test_a_device_that_was_away_is_told_when_it_informs(world: World) -> None:
    world.platform.operations.firmware.offer(OPERATOR, world.device(), FIRMWARE)
    assert (world.sent, status(world)) == ([], Status.QUEUED)
    (notice,) = world.say(world.connect(), INFORM, '{"id": 1, "params": {"version": "1.0.0"}}')
    assert notice.topic == UPGRADE
    assert status(world) is Status.NOTIFIED


def test_firmware_is_asked_for_by_module(world: World) -> None:
    device = world.connect()
    topic = f"{S}/thing/ota/firmware/get"
    assert world.ask(device, topic, '{"id": 5, "params": {}}') == {
        "code": 200,
        "data": {},
        "id": "5",
        "message": "success",
        "method": "thing.ota.firmware.get",
        "version": "1.0",
    }
    world.platform.operations.firmware.offer(
        OPERATOR, world.device(), Firmware("3", 4, "u", "cd" * 16, sign_method="Md5", module="mcu")
    )
    data = world.ask(device, topic, '{"id": 6, "params": {"module": "mcu"}}')["data"]
    assert (data["version"], data["md5"], data["signMethod"]) == ("3", "cd" * 16, "Md5")
    assert world.ask(device, topic, '{"id":7, "params":{}}')["data"] == {}


def test_the_old_request(world: World) -> None:
    device = world.connect()
    (none,) = world.say(device, REQUEST, '{"id":1,"params":{"version":"1.0.0"}}')
    assert none.topic == UPGRADE
    assert json.loads(none.payload) == {"code": 500, "message": "none upgrade operation of the device."}
    world.platform.operations.firmware.offer(OPERATOR, world.device(), FIRMWARE)
    (notice,) = world.say(device, REQUEST, '{"id":1,"params":{"version":"1.0.0"}}')
    assert json.loads(notice.payload)["data"]["version"] == "2.0.0"


def test_upgrades_survive_as_plain_values(world: World) -> None:
    world.platform.operations.firmware.offer(
        OPERATOR, world.device(), Firmware("2", 1, "u", "s", ext_data={"a": [1]}, stream_id=4), job_id="j"
    )
    upgrades = world.state(PK, DN).ota
    again = Upgrades.load(json.loads(json.dumps(upgrades.dump())))
    assert again == upgrades


# By MQTT.


def test_a_firmware_is_fetched_by_mqtt_block_by_block(world: World) -> None:
    image = bytes(range(256)) * 3
    url = world.platform.parts.downloads.base_url + world.platform.parts.downloads.offer(image, "firmware")
    world.platform.operations.firmware.offer(
        OPERATOR, world.device(), Firmware("2", len(image), url, "s", stream_id=77)
    )
    device = world.connect()
    got = b""
    while len(got) < len(image):
        header, block = fetch(world, device, {"streamId": 77, "fileId": 1}, {"size": 500, "offset": len(got)})
        assert header["code"] == 200
        assert header["data"] == {"fileLength": 768, "bSize": len(block), "bOffset": len(got)}
        got += block
    assert got == image


@pytest.mark.parametrize(
    ("info", "block"),
    [
        ({"streamId": 78}, {"size": 500, "offset": 0}),
        ({}, {"size": 500, "offset": 0}),
        (None, {"size": 500, "offset": 0}),
        ({"streamId": 77}, None),
        ({"streamId": 77}, {"size": 0, "offset": 0}),
        ({"streamId": 77}, {"size": BLOCK[1] + 1, "offset": 0}),
        ({"streamId": 77}, {"size": 5, "offset": 768}),
        ({"streamId": 77}, {"size": 5, "offset": -1}),
        ({"streamId": 77}, {"size": "5", "offset": 0}),
    ],
)
def test_what_is_not_there_is_not_fetched(world: World, info: Any, block: Any) -> None:
    url = world.platform.parts.downloads.base_url + world.platform.parts.downloads.offer(bytes(768))
    world.platform.operations.firmware.offer(OPERATOR, world.device(), Firmware("2", 768, url, "s", stream_id=77))
    header, data = fetch(world, world.connect(), info, block)
    assert (header["code"], data) == (460, b"")


@pytest.mark.parametrize("request_id", ["1" * 70_000, "金" * 30_000, "9" * 257])
def test_a_request_with_an_id_without_end_is_refused(world: World, request_id: str) -> None:
    header, data = fetch(world, world.connect(), {"streamId": 77}, {"size": 5, "offset": 0}, request_id)
    assert (header["code"], header["id"], data) == (460, "", b"")


def fetch(world: World, device: Any, info: Any, block: Any, request_id: str = "1") -> tuple[dict[str, Any], bytes]:
    params = {"fileInfo": info, "fileBlock": block}
    (answer,) = world.say(device, f"{S}/thing/file/download", {"id": request_id, "version": "1.0", "params": params})
    assert answer.topic == f"{S}/thing/file/download_reply"
    length = int.from_bytes(answer.payload[:2])
    data = answer.payload[2 + length : -2]
    assert crc16(data) == int.from_bytes(answer.payload[-2:], "little")
    return json.loads(answer.payload[2 : 2 + length]), data

"""Jobs, and files sent by MQTT."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.gateway.platform.devices import uploads as uploads_module
from jinqiao.gateway.platform.devices.checksums import crc16, crc64
from jinqiao.gateway.platform.devices.jobs import Jobs, Task
from jinqiao.gateway.platform.devices.uploads import MAX_FILE, Uploads
from jinqiao.gateway.platform.listeners import Events
from jinqiao.gateway.platform.registry.accounts import OPERATOR
from support.alink_house import DN, PK, S, World
from support.examples import examples


@pytest.fixture
def world() -> World:
    return World()


# Jobs.


def test_a_job_is_notified_asked_for_and_reported(world: World) -> None:
    device = world.connect()
    file = {"sign": "ab", "signMethod": "SHA256", "fileUrl": "https://host/f"}
    world.platform.operations.tasks.notify(OPERATOR, world.device(), Task("t1", {"do": "reboot"}, file))
    (notice,) = world.sent
    task = {"taskId": "t1", "status": "SENT", "jobDocument": {"do": "reboot"}, "jobFile": file}
    assert notice.topic == f"{S}/thing/job/notify"
    assert json.loads(notice.payload)["params"] == {"task": task}
    # As C Link SDK 4 asks.
    body = world.ask(device, f"{S}/thing/job/get", '{"id":"15","version":"1.0.0","params":{"taskId":"$list"}}')
    assert body["data"] == {"taskId": "$list", "tasks": [{"taskId": "t1", "status": "SENT"}]}
    for wanted in ("$next", "t1"):
        assert world.request(device, "thing/job/get", {"taskId": wanted})["data"] == {"taskId": "t1", "task": task}
    update = {"taskId": "t1", "status": "IN_PROGRESS", "progress": 40, "statusDetails": {"k": "v"}}
    assert world.request(device, "thing/job/update", update)["data"] == {"taskId": "t1"}
    assert world.request(device, "thing/job/update", {"taskId": "t1", "status": "SUCCEEDED"})["code"] == 200
    assert world.state(PK, DN).jobs.tasks["t1"].status == "SUCCEEDED"
    assert world.request(device, "thing/job/update", {"taskId": "t1", "status": "FAILED"})["code"] == 460
    assert world.request(device, "thing/job/get", {"taskId": "$next"})["data"] == {"taskId": "$next"}


def test_a_device_that_was_away_asks(world: World) -> None:
    world.platform.operations.tasks.notify(OPERATOR, world.device(), Task("t1", {}))
    assert world.sent == []
    assert world.request(world.connect(), "thing/job/get", {"taskId": "$next"})["data"]["task"]["status"] == "SENT"
    assert world.state(PK, DN).jobs.tasks["t1"].status == "SENT"


@pytest.mark.parametrize(
    "change",
    [
        {"taskId": "nobody"},
        {"taskId": 1},
        {"status": "SENT"},
        {"status": ["FAILED"]},
        {"progress": 101},
        {"progress": "1"},
        {"statusDetails": []},
        {"statusDetails": {"a": "x" * 5_000}},
    ],
)
def test_bad_reports_are_460(world: World, change: dict[str, Any]) -> None:
    device = world.connect()
    world.platform.operations.tasks.notify(OPERATOR, world.device(), Task("t1", {}))
    params = {"taskId": "t1", "status": "FAILED", **change}
    assert world.request(device, "thing/job/update", params)["code"] == 460
    assert world.state(PK, DN).jobs.tasks["t1"].status == "SENT"


def test_jobs_are_bounded_and_survive_as_plain_values() -> None:
    jobs = Jobs()
    for number in range(100):
        jobs.add(Task(f"t{number}", {"n": number}))
    with pytest.raises(ValueError, match="100 open tasks"):
        jobs.add(Task("more", {}))
    assert not jobs.has_room
    jobs.update("t5", "FAILED", 0, {})
    assert jobs.has_room
    jobs.add(Task("more", {}))
    assert "t5" not in jobs.tasks
    assert len(jobs.listed()) == 10
    assert Jobs.load(json.loads(json.dumps(jobs.dump()))) == jobs


# Files.

INIT = {"fileName": "log.txt", "fileSize": 600, "conflictStrategy": "overwrite", "initUid": "u1"}
CONTENT = bytes(range(200)) * 3


def begin(world: World, device: Any, **changes: Any) -> dict[str, Any]:
    return world.request(device, "thing/file/upload/mqtt/init", {**INIT, **changes})


def send(world: World, device: Any, upload_id: str, at: Any, block: bytes, **changes: Any) -> dict[str, Any]:
    params = {"uploadId": upload_id, "offset": at, "bSize": len(block), "isComplete": False, **changes}
    header = json.dumps({"id": "8", "params": params}).encode()
    payload = len(header).to_bytes(2) + header + block + crc16(block).to_bytes(2, "little")
    return world.ask(device, f"{S}/thing/file/upload/mqtt/send", payload)


def files(world: World) -> dict[str, bytes]:
    return world.platform.parts.uploads.files.get(f"{PK}/{DN}", {})


def test_a_file_in_blocks(world: World) -> None:
    device = world.connect()
    data = begin(world, device, ficMode="crc64", ficValue=str(crc64(CONTENT)))["data"]
    assert (data["fileName"], data["offset"]) == ("log.txt", 0)
    upload_id = data["uploadId"]
    first = send(world, device, upload_id, 0, CONTENT[:400])
    assert first["data"] == {"uploadId": upload_id, "offset": 0, "bSize": 400, "complete": False}
    # Asked for again with the device's own id, the same upload tells how far it is.
    assert begin(world, device)["data"] | {"offset": 400} == begin(world, device)["data"]
    assert send(world, device, upload_id, 400, CONTENT[400:], isComplete=True)["data"]["complete"] is True
    assert files(world) == {"log.txt": CONTENT}
    assert world.platform.parts.uploads.open == {}


def test_a_file_of_unknown_size_appended_to_another(world: World) -> None:
    device = world.connect()
    for text, strategy in ((b"one ", "reject"), (b"two", "append")):
        data = begin(world, device, fileSize=-1, conflictStrategy=strategy, initUid="")["data"]
        assert data["offset"] == 0
        assert send(world, device, data["uploadId"], 0, text, isComplete=True)["code"] == 200
    assert files(world) == {"log.txt": b"one two"}
    assert begin(world, device, conflictStrategy="reject")["code"] == 460


@pytest.mark.parametrize(
    "change",
    [
        {"fileName": "../../etc/passwd"},
        {"fileName": ".hidden"},
        {"fileName": "a/b"},
        {"fileName": ""},
        {"fileName": "x" * 101},
        {"fileName": 5},
        {"fileSize": (16 << 20) + 1},
        {"fileSize": -2},
        {"fileSize": "5"},
        {"conflictStrategy": "merge"},
        {"conflictStrategy": ["append"]},
        {"ficMode": "md5", "ficValue": "1"},
        {"ficMode": "crc64"},
        {"initUid": 5},
    ],
)
def test_files_that_are_not_begun(world: World, change: dict[str, Any]) -> None:
    assert begin(world, world.connect(), **change)["code"] == 460
    assert world.platform.parts.uploads.open == {}


def test_blocks_that_are_refused_write_nothing(world: World) -> None:
    device = world.connect()
    upload_id = begin(world, device)["data"]["uploadId"]
    block = CONTENT[:400]
    refused: tuple[tuple[Any, bytes, dict[str, Any]], ...] = (
        (1, block, {}),  # a gap
        (0, block, {"bSize": 399}),
        (0, block[:255], {}),  # too short
        (0, bytes(601), {}),  # more than announced
        (0, block, {"uploadId": "nobody"}),
        (True, block, {}),
        (-1, block, {}),
        ("0", block, {}),
    )
    for at, data, changes in refused:
        assert send(world, device, upload_id, at, data, **changes)["code"] == 460
    header = json.dumps({"id": "8", "params": {"uploadId": upload_id, "offset": 0, "bSize": 400}}).encode()
    wrong = len(header).to_bytes(2) + header + block + b"\0\0"
    assert world.ask(device, f"{S}/thing/file/upload/mqtt/send", wrong)["code"] == 460
    assert world.say(device, f"{S}/thing/file/upload/mqtt/send", b"\xff\xff{}") == []
    assert world.platform.parts.uploads.open[upload_id].content == b""


def test_a_file_that_is_not_what_was_announced_is_thrown_away(world: World) -> None:
    device = world.connect()
    for change in ({"ficMode": "crc64", "ficValue": "1"}, {"fileSize": 601}):
        upload_id = begin(world, device, initUid="", **change)["data"]["uploadId"]
        assert send(world, device, upload_id, 0, CONTENT, isComplete=True)["code"] == 460
    assert files(world) == {}


@pytest.mark.parametrize(
    "blocks",
    [
        [(0, 400), (400, 600)],
        [(0, 400), (0, 400), (400, 600)],  # the answer was lost
        [(0, 300), (100, 500), (500, 600)],  # what is sent again reaches further
        [(0, 600), (100, 400)],
    ],
)
def test_a_files_checksum_is_that_of_its_last_content(world: World, blocks: list[tuple[int, int]]) -> None:
    device = world.connect()
    upload_id = begin(world, device, ficMode="crc64", ficValue=str(crc64(CONTENT)))["data"]["uploadId"]
    for start, stop in blocks:
        done = (start, stop) == blocks[-1]
        assert send(world, device, upload_id, start, CONTENT[start:stop], isComplete=done)["code"] == 200
    assert files(world) == {"log.txt": CONTENT}


def test_a_corrected_block_counts_as_corrected(world: World) -> None:
    device = world.connect()
    upload_id = begin(world, device, ficMode="crc64", ficValue=str(crc64(CONTENT)))["data"]["uploadId"]
    assert send(world, device, upload_id, 0, b"x" * 400)["code"] == 200
    assert send(world, device, upload_id, 0, CONTENT[:400])["code"] == 200
    assert send(world, device, upload_id, 400, CONTENT[400:], isComplete=True)["code"] == 200
    assert files(world) == {"log.txt": CONTENT}


def test_an_upload_is_cancelled_by_its_own_device_only(world: World) -> None:
    device, other = world.connect(), world.connect(PK, "gw2")
    upload_id = begin(world, device)["data"]["uploadId"]
    suffix = "thing/file/upload/mqtt/cancel"
    assert world.request(other, suffix, {"uploadId": upload_id}, f"/sys/{PK}/gw2")["code"] == 460
    assert world.request(device, suffix, {"uploadId": upload_id})["data"] == {"uploadId": upload_id}
    assert world.request(device, suffix, {"uploadId": upload_id})["code"] == 460


def test_a_device_has_a_quota(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jinqiao.gateway.platform.devices.uploads.DEVICE_QUOTA", 599)
    assert begin(world, world.connect())["code"] == 6760


def test_an_oldest_upload_makes_room(world: World) -> None:
    device = world.connect()
    ids = [begin(world, device, initUid=f"u{n}")["data"]["uploadId"] for n in range(6)]
    assert list(world.platform.parts.uploads.open) == ids[2:]


@given(st.lists(st.tuples(st.integers(0, 40), st.binary(max_size=20), st.booleans()), max_size=12))
def test_what_is_held_is_what_is_counted(steps: list[tuple[int, bytes, bool]]) -> None:
    uploads = Uploads(Events())
    upload = uploads.begin("a/b", "f", -1, "overwrite", None, "")
    for offset, block, done in steps:
        uploads.write(upload, offset, block)
        if done:
            uploads.complete(upload)
            upload = uploads.begin("a/b", "f", -1, "append", None, "")
    held = sum(len(u.content) for u in uploads.open.values()) + sum(
        len(f) for f in uploads.files.get("a/b", {}).values()
    )
    assert uploads._held == held
    uploads.forget("a/b")
    assert uploads._held == 0


def test_checksums_by_their_published_check_values() -> None:
    assert crc16(b"123456789") == 0xBB3D  # CRC-16/ARC
    assert crc64(b"123456789") == 0x995DC9BBDF1939FA  # CRC-64/XZ


def bit_by_bit(data: bytes, polynomial: int, register: int) -> int:
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ polynomial if register & 1 else register >> 1
    return register


@settings(max_examples=examples(20), deadline=None)
@given(
    st.sampled_from([0, 1, 63, 4_095, 4_096, 4_097, 8_192, 10_000, 131_072, 131_073]),
    st.binary(min_size=1, max_size=300),
    st.integers(0, 5_000),
)
def test_checksums_of_any_length_are_those_of_the_polynomial(size: int, seed: bytes, cut: int) -> None:
    data = (seed * (size // len(seed) + 1))[:size]
    ones = 0xFFFFFFFFFFFFFFFF
    assert crc16(data) == bit_by_bit(data, 0xA001, 0)
    assert crc64(data) == crc64(data[cut:], crc64(data[:cut])) == bit_by_bit(data, 0xC96C5795D7870F42, ones) ^ ones


@pytest.mark.parametrize("size", [-1, 1])
def test_a_file_that_is_appended_to_stays_within_the_size_of_a_file(world: World, size: int) -> None:
    uploads = Uploads(world.platform.events)
    first = uploads.begin("pk/d", "log", MAX_FILE, "overwrite", None, "")
    assert uploads.write(first, 0, bytes(MAX_FILE))
    assert uploads.complete(first)
    if size >= 0:
        with pytest.raises(OverflowError):
            uploads.begin("pk/d", "log", size, "append", None, "")
    else:
        more = uploads.begin("pk/d", "log", size, "append", None, "")
        assert not uploads.write(more, 0, b"x")
    assert len(uploads.files["pk/d"]["log"]) == MAX_FILE


def test_files_of_unknown_size_stay_within_a_devices_quota(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads_module, "DEVICE_QUOTA", 1_000)
    uploads = Uploads(world.platform.events)
    one, two = (uploads.begin("pk/d", name, -1, "overwrite", None, "") for name in ("one", "two"))
    assert uploads.write(one, 0, bytes(600))
    assert not uploads.write(two, 0, bytes(401))
    assert uploads.write(two, 0, bytes(400))
    assert not uploads.write(two, 400, b"x")
    assert uploads.write(uploads.begin("pk/other", "one", -1, "overwrite", None, ""), 0, bytes(1_000))
    assert uploads.complete(one)
    assert not uploads.write(two, 400, b"x")

"""Files that devices have sent, by cloud calls."""

from __future__ import annotations

import pytest

from jinqiao.gateway.openapi.actions.files import _ROWS
from support.cloud_world import DN, NOW_MS, PK, CloudWorld

PAGE = {"CurrentPage": 1, "PageSize": 10}


@pytest.fixture
def world() -> CloudWorld:
    world = CloudWorld()
    for name, content in (("b.log", b"second"), ("a.log", b"first")):
        uploads = world.platform.parts.uploads
        upload = uploads.begin(f"{PK}/{DN}", name, len(content), "overwrite", None, "")
        assert uploads.write(upload, 0, content)
        assert uploads.complete(upload)
    return world


def test_files_are_listed_offered_and_deleted(world: CloudWorld) -> None:
    answer = world.call("QueryDeviceFileList", **PAGE)
    rows = answer["Data"]["FileSummary"]
    assert [(row["Name"], row["Size"]) for row in rows] == [("a.log", "5"), ("b.log", "6")]
    assert rows[0]["UtcCreatedOn"].startswith("2026-11-22T")
    assert (answer["Total"], NOW_MS) == (2, 1_795_333_508_123)
    found = world.call("QueryDeviceFile", FileId=rows[0]["FileId"])["Data"]
    downloads = world.platform.parts.downloads
    assert downloads.get(found["DownloadUrl"].removeprefix(downloads.base_url)) == b"first"
    assert world.call("DeleteDeviceFile", FileId=rows[0]["FileId"])["Success"] is True
    assert world.call("QueryDeviceFileList", **PAGE)["Total"] == 1
    for action in ("QueryDeviceFile", "DeleteDeviceFile"):
        assert world.call(action, FileId=rows[0]["FileId"])["Code"] == "iot.file.FileNotFound"


def test_a_file_is_its_devices_own(world: CloudWorld) -> None:
    file_id = world.call("QueryDeviceFileList", **PAGE)["Data"]["FileSummary"][0]["FileId"]
    other = world.call("QueryDeviceFile", ProductKey=PK, DeviceName="tbox002", FileId=file_id)
    assert other["Code"] == "iot.file.FileNotFound"
    world.call("DeleteDevice")
    world.call("RegisterDevice", ProductKey=PK, DeviceName=DN)
    assert world.call("QueryDeviceFileList", **PAGE)["Total"] == 0
    assert world.platform.parts.uploads.received_ms == {}


def test_pages_have_a_limit(world: CloudWorld) -> None:
    assert (
        world.call("QueryDeviceFileList", CurrentPage=1, PageSize=_ROWS + 1)["Code"] == "iot.common.InvalidPageParams"
    )

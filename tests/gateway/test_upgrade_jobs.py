"""Jobs that upgrade devices, by cloud calls: whom they reach, what becomes of their tasks, and what is kept of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jinqiao.gateway.openapi.cloud import Cloud
from jinqiao.gateway.openapi.http import Request, Response
from jinqiao.gateway.platform.devices.job_tasks import JobTasks
from jinqiao.gateway.platform.devices.ota import Firmware, Status, Upgrade, Upgrades
from jinqiao.gateway.platform.events import OtaProgressed
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import AccessKey
from jinqiao.gateway.platform.registry.fleet_devices import simulated_product
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.gateway.storage.keeper import attach
from jinqiao.gateway.storage.sqlite import Storage
from support.carrier import NotingCarrier
from support.cloud_world import DN, PK, CloudWorld
from support.openapi import ACCESS_KEY, signed_query

OTHER, THIRD = "tbox002", "tbox003"
ALL = (DN, OTHER, THIRD)
PAGE = {"CurrentPage": 1, "PageSize": 100}


class World(CloudWorld):
    """What is asked for is asked without a device."""

    def ask(self, action: str, **arguments: Any) -> dict[str, Any]:
        return self.read(self.dispatch(action, **arguments))

    def done(self, action: str, **arguments: Any) -> dict[str, Any]:
        answer = self.ask(action, **arguments)
        assert answer.get("Success") is True, answer
        return answer

    def firmware(self, **more: Any) -> str:
        about = {"DestVersion": "2.0", "FirmwareUrl": "http://host/x", "FirmwareSign": "a" * 32, "FirmwareSize": 3}
        made: str = self.done("CreateOTAFirmware", ProductKey=PK, **{**about, **more})["Data"]["FirmwareId"]
        return made

    def job(self, action: str = "CreateOTAStaticUpgradeJob", **more: Any) -> str:
        about = {"TargetSelection": "ALL"} if action == "CreateOTAStaticUpgradeJob" else {}
        made: str = self.done(action, ProductKey=PK, **{**about, **more})["Data"]["JobId"]
        return made

    def tasks(self, job_id: str, **more: Any) -> dict[str, str]:
        rows = self.done("ListOTATaskByJob", JobId=job_id, **PAGE, **more)["Data"]["SimpleOTATaskInfo"]
        return {row["DeviceName"]: row["TaskStatus"] for row in rows}

    def task_id(self, job_id: str, name: str) -> str:
        rows = self.done("ListOTATaskByJob", JobId=job_id, **PAGE)["Data"]["SimpleOTATaskInfo"]
        found: str = next(row["TaskId"] for row in rows if row["DeviceName"] == name)
        return found

    def state_of(self, job_id: str) -> str:
        found: str = self.done("QueryOTAJob", JobId=job_id)["Data"]["JobStatus"]
        return found

    def inform(self, principal: Any, name: str, version: str, module: str = "default") -> None:
        body = json.dumps({"id": 1, "params": {"version": version, "module": module}})
        tuple(self.platform.receive(principal, f"/ota/device/inform/{PK}/{name}", body.encode()))

    def progress(self, principal: Any, name: str, step: int) -> None:
        body = json.dumps({"id": 1, "params": {"step": step, "desc": "so far", "module": "default"}})
        tuple(self.platform.receive(principal, f"/ota/device/progress/{PK}/{name}", body.encode()))

    @property
    def notified(self) -> list[str]:
        return [sent.topic.rpartition("/")[2] for sent in self.sent if sent.topic.startswith("/ota/device/upgrade")]


@pytest.fixture
def world() -> World:
    return World()


def code(answer: dict[str, Any]) -> str:
    found: str = answer["Code"]
    return found


# Packages and modules.


def test_a_package_is_made_known_listed_described_and_deleted(world: World) -> None:
    first = world.firmware(FirmwareName="one", FirmwareDesc="first", SrcVersion="1.0", Udi='{"k":"v"}', Type=1)
    second = world.firmware(DestVersion="3.0")
    listed = world.done("ListOTAFirmware", ProductKey=PK, **PAGE)
    assert [row["FirmwareId"] for row in listed["FirmwareInfo"]["SimpleFirmwareInfo"]] == [second, first]
    assert world.done("ListOTAFirmware", DestVersion="3.0", **PAGE)["Total"] == 1
    info = world.done("QueryOTAFirmware", FirmwareId=first)["FirmwareInfo"]
    assert (info["FirmwareName"], info["FirmwareDesc"], info["SrcVersion"], info["Type"]) == ("one", "first", "1.0", 1)
    assert (info["Udi"], info["FirmwareUrl"], info["Status"]) == ('{"k":"v"}', "http://host/x", -1)
    world.done("ModifyOTAFirmware", FirmwareId=first, FirmwareDesc="other")
    info = world.done("QueryOTAFirmware", FirmwareId=first)["FirmwareInfo"]
    assert (info["FirmwareName"], info["FirmwareDesc"]) == ("one", "other")
    world.done("DeleteOTAFirmware", FirmwareId=first)
    assert code(world.ask("QueryOTAFirmware", FirmwareId=first)) == "iot.ota.FirmwareNotFound"
    assert (
        code(world.ask("ModifyOTAFirmware", FirmwareId=second, FirmwareDesc="x" * 101))
        == "iot.ota.CreateFirmwareFailed"
    )


def test_a_package_stays_while_a_job_goes_on_with_it(world: World) -> None:
    firmware = world.firmware()
    job = world.job(FirmwareId=firmware)
    assert code(world.ask("DeleteOTAFirmware", FirmwareId=firmware)) == "iot.ota.InUse"
    world.done("CancelOTATaskByJob", JobId=job, CancelQueuedTask="true")
    world.done("DeleteOTAFirmware", FirmwareId=firmware)
    assert world.done("QueryOTAJob", JobId=job)["Data"]["JobStatus"] == "CANCELED"


def test_modules_of_a_product(world: World) -> None:
    def names() -> list[str]:
        return [row["ModuleName"] for row in world.done("ListOTAModuleByProduct", ProductKey=PK)["Data"]]

    assert names() == ["default"]
    world.done("CreateOTAModule", ProductKey=PK, ModuleName="mcu", AliasName="Controller")
    world.done("UpdateOTAModule", ProductKey=PK, ModuleName="mcu", Desc="of the battery")
    (module,) = world.done("ListOTAModuleByProduct", ProductKey=PK)["Data"][1:]
    assert (module["AliasName"], module["Desc"]) == ("Controller", "of the battery")
    for wrong in ("mcu", "default", "a b", "x" * 65):
        assert code(world.ask("CreateOTAModule", ProductKey=PK, ModuleName=wrong)) == "iot.ota.InvalidModule"
    firmware = world.firmware(ModuleName="mcu")
    assert code(world.ask("DeleteOTAModule", ProductKey=PK, ModuleName="mcu")) == "iot.ota.InUse"
    world.done("DeleteOTAFirmware", FirmwareId=firmware)
    world.done("DeleteOTAModule", ProductKey=PK, ModuleName="mcu")
    for action in ("DeleteOTAModule", "UpdateOTAModule"):
        assert code(world.ask(action, ProductKey=PK, ModuleName="default")) == "iot.ota.ModuleNotFound"
    for number in range(10):
        world.done("CreateOTAModule", ProductKey=PK, ModuleName=f"m{number}")
    assert code(world.ask("CreateOTAModule", ProductKey=PK, ModuleName="more")) == "iot.ota.InvalidModule"


def test_versions_of_a_devices_modules(world: World) -> None:
    device = world.connect()
    for module, version in (("mcu", "7"), ("default", "1.0")):
        world.inform(device, DN, version, module)
    answer = world.done("ListOTAModuleVersionsByDevice", ProductKey=PK, DeviceName=DN, **PAGE)
    rows = answer["Data"]["SimpleOTAModuleInfo"]
    assert [(row["ModuleName"], row["ModuleVersion"]) for row in rows] == [("default", "1.0"), ("mcu", "7")]


# Static jobs.


def test_a_job_for_all_and_what_becomes_of_its_tasks(world: World) -> None:
    device = world.connect()
    world.inform(device, DN, "1.0")
    job = world.job(FirmwareId=world.firmware())
    assert world.tasks(job) == {DN: "NOTIFIED", OTHER: "QUEUED", THIRD: "QUEUED"}
    assert world.notified == [DN]
    assert world.state_of(job) == "IN_PROGRESS"
    world.progress(device, DN, 40)
    (row,) = world.done("ListOTATaskByJob", JobId=job, TaskStatus="IN_PROGRESS", **PAGE)["Data"]["SimpleOTATaskInfo"]
    assert (row["Progress"], row["TaskDesc"], row["SrcVersion"], row["DestVersion"]) == ("40", "so far", "1.0", "2.0")
    world.inform(device, DN, "2.0")
    other = world.connect(device_name=OTHER)
    world.inform(other, OTHER, "1.0")
    world.progress(other, OTHER, -2)
    assert world.tasks(job) == {DN: "SUCCEEDED", OTHER: "FAILED", THIRD: "QUEUED"}
    assert world.tasks(job, **{"DeviceNames.1": THIRD}) == {THIRD: "QUEUED"}
    world.done("CancelOTATaskByDevice", ProductKey=PK, FirmwareId=world_firmware(world, job), **{"DeviceName.1": THIRD})
    assert world.tasks(job)[THIRD] == "CANCELED"
    data = world.done("QueryOTAJob", JobId=job)["Data"]
    assert (data["JobStatus"], data["SelectionType"], data["JobType"]) == ("COMPLETED", "STATIC", "UPGRADE_FIRMWARE")
    assert data["UtcEndTime"]
    assert "DynamicMode" not in data


def world_firmware(world: World, job_id: str) -> str:
    found: str = world.done("QueryOTAJob", JobId=job_id)["Data"]["FirmwareId"]
    return found


def test_devices_that_run_the_version_or_another_source_are_passed_over(world: World) -> None:
    for name, version in zip(ALL, ("1.0", "2.0", "0.9"), strict=True):
        world.inform(world.connect(device_name=name), name, version)
    assert world.tasks(world.job(FirmwareId=world.firmware(), **{"SrcVersion.1": "1.0"})) == {DN: "NOTIFIED"}
    assert world.tasks(world.job(FirmwareId=world.firmware(SrcVersion="0.9"))) == {THIRD: "NOTIFIED"}


def test_of_two_jobs_for_one_module_the_first_goes_on_unless_the_second_overwrites_it(world: World) -> None:
    first = world.job(FirmwareId=world.firmware(DestVersion="2.0"))
    second = world.job(FirmwareId=world.firmware(DestVersion="3.0"))
    assert set(world.tasks(first).values()) == {"QUEUED"}
    assert set(world.tasks(second).values()) == {"FAILED"}
    third = world.job(FirmwareId=world.firmware(DestVersion="4.0"), OverwriteMode=2)
    assert set(world.tasks(first).values()) == {"CANCELED"}
    assert set(world.tasks(third).values()) == {"QUEUED"}
    jobs = world.done("ListOTAJobByDevice", ProductKey=PK, DeviceName=DN, **PAGE)["Data"]["SimpleOTAJobInfo"]
    assert {row["JobId"] for row in jobs} == {first, second, third}


def test_a_gray_job_is_for_a_part_and_at_least_one(world: World) -> None:
    firmware = world.firmware()
    assert (
        len(world.tasks(world.job(FirmwareId=firmware, TargetSelection="GRAY", GrayPercent="67", OverwriteMode=2))) == 2
    )
    assert (
        len(world.tasks(world.job(FirmwareId=firmware, TargetSelection="GRAY", GrayPercent="1", OverwriteMode=2))) == 1
    )


def test_a_job_for_a_group(world: World) -> None:
    group = world.done("CreateDeviceGroup", GroupName="taxis")["Data"]["GroupId"]
    inside = {"Device.1.ProductKey": PK, "Device.1.DeviceName": OTHER}
    inside |= {"Device.2.ProductKey": "a1subPK0001", "Device.2.DeviceName": "subdev001"}
    world.done("BatchAddDeviceGroupRelations", GroupId=group, **inside)
    job = world.job(FirmwareId=world.firmware(), TargetSelection="GROUP", GroupId=group)
    assert world.tasks(job) == {OTHER: "QUEUED"}
    data = world.done("QueryOTAJob", JobId=job)["Data"]
    assert (data["GroupId"], data["GroupName"], data["TargetSelection"]) == (group, "taxis", "GROUP")
    no_group = {"ProductKey": PK, "FirmwareId": world.firmware(), "TargetSelection": "GROUP", "GroupId": "none"}
    assert code(world.ask("CreateOTAStaticUpgradeJob", **no_group)) == "iot.group.NotExistedGroup"


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"TargetSelection": "SOME"}, "InvalidParameter"),
        ({"TargetSelection": "SPECIFIC"}, "iot.device.NoneDeviceNameElement"),
        ({"TargetSelection": "SPECIFIC", "TargetDeviceName.1": "none"}, "iot.device.NotExistedDevice"),
        ({"TargetSelection": "GRAY", "GrayPercent": "0"}, "InvalidParameter"),
        ({"TargetSelection": "GRAY", "GrayPercent": "x"}, "InvalidParameter"),
        ({"TargetSelection": "GRAY"}, "MissingParameter"),
        ({"MaximumPerMinute": 9}, "InvalidParameter"),
        ({"TimeoutInMinutes": 1441}, "InvalidParameter"),
        ({"RetryInterval": 7, "RetryCount": 1}, "InvalidParameter"),
        ({"RetryInterval": 10, "RetryCount": 3}, "InvalidParameter"),
        ({"DownloadProtocol": "FTP"}, "InvalidParameter"),
        ({"DownloadProtocol": "MQTT"}, "iot.ota.InvalidJob"),
        ({"NeedPush": "perhaps"}, "InvalidParameter"),
        ({"Tag.1.Key": "a b", "Tag.1.Value": "x"}, "InvalidParameter"),
        ({"Tag.1.Key": "a"}, "InvalidParameter"),
        ({"FirmwareId": "none"}, "iot.ota.FirmwareNotFound"),
    ],
)
def test_jobs_that_cannot_be_are_refused(world: World, wrong: dict[str, Any], expected: str) -> None:
    about = {"ProductKey": PK, "FirmwareId": world.firmware(), "TargetSelection": "ALL", **wrong}
    assert code(world.ask("CreateOTAStaticUpgradeJob", **about)) == expected
    assert [row.kind for row in world.kept] == ["firmware"]


def test_a_firmware_of_another_product_is_none(world: World) -> None:
    about = {"ProductKey": "a1subPK0001", "FirmwareId": world.firmware(), "TargetSelection": "ALL"}
    assert code(world.ask("CreateOTAStaticUpgradeJob", **about)) == "iot.ota.FirmwareNotFound"


def test_a_job_on_few_devices_is_kept_with_all_its_tasks_or_has_not_happened(world: World) -> None:
    def refuse(event: OtaProgressed) -> None:
        if event.device.name == THIRD:
            raise OSError

    firmware = world.firmware()
    world.connect()
    world.platform.events.subscribe(OtaProgressed, refuse, before_ack=True)
    about = {"ProductKey": PK, "FirmwareId": firmware, "TargetSelection": "ALL"}
    assert code(world.ask("CreateOTAStaticUpgradeJob", **about)) == "iot.system.SystemException"
    assert world.notified == []
    assert world.done("ListOTAJobByFirmware", FirmwareId=firmware, **PAGE)["Total"] == 0
    assert world.done("ListOTAUnfinishedTaskByDevice", ProductKey=PK, DeviceName=DN)["Data"]["SimpleOTATaskInfo"] == []


def test_a_job_without_push_waits_to_be_asked_for(world: World) -> None:
    device = world.connect()
    job = world.job(FirmwareId=world.firmware(), NeedPush="false")
    world.inform(device, DN, "1.0")
    assert world.notified == []
    topic = f"/sys/{PK}/{DN}/thing/ota/firmware/get"
    (reply,) = world.platform.receive(device, topic, b'{"id":1,"params":{}}')
    assert json.loads(reply.payload)["data"]["version"] == "2.0"
    assert world.tasks(job)[DN] == "NOTIFIED"


def test_a_job_that_is_to_be_confirmed_waits_for_that(world: World) -> None:
    device = world.connect()
    job = world.job(FirmwareId=world.firmware(), NeedConfirm="true")
    assert set(world.tasks(job).values()) == {"CONFIRM"}
    topic = f"/sys/{PK}/{DN}/thing/ota/firmware/get"
    (reply,) = world.platform.receive(device, topic, b'{"id":1,"params":{}}')
    assert json.loads(reply.payload)["data"] == {}
    world.progress(device, DN, 10)
    assert world.tasks(job)[DN] == "CONFIRM"
    ids = {"TaskId.1": world.task_id(job, DN), "TaskId.2": world.task_id(job, OTHER)}
    world.done("ConfirmOTATask", **ids)
    assert world.tasks(job) == {DN: "NOTIFIED", OTHER: "QUEUED", THIRD: "CONFIRM"}
    assert code(world.ask("ConfirmOTATask", **ids)) == "iot.ota.InvalidJob"
    assert code(world.ask("ConfirmOTATask", **{"TaskId.1": "none"})) == "iot.ota.TaskNotFound"


def test_what_failed_or_was_cancelled_begins_anew(world: World) -> None:
    device = world.connect()
    job = world.job(FirmwareId=world.firmware())
    world.progress(device, DN, -1)
    ids = {"TaskId.1": world.task_id(job, DN)}
    assert (
        code(world.ask("ReupgradeOTATask", JobId=job, **{"TaskId.1": world.task_id(job, OTHER)}))
        == "iot.ota.InvalidJob"
    )
    world.done("ReupgradeOTATask", JobId=job, **ids)
    assert world.tasks(job)[DN] == "NOTIFIED"
    assert world.notified == [DN, DN]
    other = world.job(FirmwareId=world.firmware(DestVersion="3.0"), OverwriteMode=2)
    assert code(world.ask("ReupgradeOTATask", JobId=job, **ids)) == "iot.ota.InvalidJob"
    assert code(world.ask("ReupgradeOTATask", JobId=other, **ids)) == "iot.ota.TaskNotFound"


def test_tasks_of_a_job_are_cancelled_by_their_status(world: World) -> None:
    world.connect()
    job = world.job(FirmwareId=world.firmware())
    assert code(world.ask("CancelOTATaskByJob", JobId=job)) == "MissingParameter"
    world.done("CancelOTATaskByJob", JobId=job, CancelQueuedTask="true", CancelInProgressTask="true")
    assert world.tasks(job) == {DN: "NOTIFIED", OTHER: "CANCELED", THIRD: "CANCELED"}
    assert world.state_of(job) == "IN_PROGRESS"
    world.done("CancelOTATaskByJob", JobId=job, CancelNotifiedTask="true")
    assert world.state_of(job) == "CANCELED"


def test_tags_of_a_job_are_sent_with_its_notices(world: World) -> None:
    world.connect()
    job = world.job(FirmwareId=world.firmware(Udi='{"a":"b"}'), **{"Tag.1.Key": "k", "Tag.1.Value": "v"})
    (notice,) = world.sent
    assert json.loads(notice.payload)["data"]["extData"] == {"a": "b", "k": "v"}
    assert world.done("QueryOTAJob", JobId=job)["Data"]["Tags"] == {"OtaTagDTO": [{"Key": "k", "Value": "v"}]}


def test_what_is_served_here_can_be_sent_by_mqtt(world: World) -> None:
    device, downloads = world.connect(), world.platform.parts.downloads
    url = downloads.base_url + downloads.offer(b"x" * 300, "firmware")
    world.job(FirmwareId=world.firmware(FirmwareUrl=url, FirmwareSize=300), DownloadProtocol="MQTT")
    data = json.loads(world.sent[0].payload)["data"]
    assert (data["dProtocol"], data["streamFileId"]) == ("mqtt", 1)
    params = {"fileInfo": {"streamId": data["streamId"], "fileId": 1}, "fileBlock": {"size": 300, "offset": 0}}
    body = json.dumps({"id": "1", "params": params}).encode()
    (block,) = world.platform.receive(device, f"/sys/{PK}/{DN}/thing/file/download", body)
    assert block.payload.endswith(b"x" * 300 + block.payload[-2:])


# With time.


def test_a_planned_job_begins_when_it_is_time(world: World) -> None:
    world.connect()
    job = world.job(FirmwareId=world.firmware(), ScheduleTime=world.now_ms + 600_000)
    other = world.job(FirmwareId=world.firmware(DestVersion="3"), ScheduleTime=world.now_ms + 600_000)
    world.platform.parts.errands.tick()
    assert (world.state_of(job), world.tasks(job)) == ("PLANNED", {})
    world.done("CancelOTATaskByJob", JobId=other, CancelScheduledTask="true")
    world.now_ms += 600_000
    world.platform.parts.errands.tick()
    assert world.tasks(job) == {DN: "NOTIFIED", OTHER: "QUEUED", THIRD: "QUEUED"}
    assert (world.state_of(other), world.tasks(other)) == ("CANCELED", {})


def test_a_job_that_ends_at_a_time_cancels_what_has_not_begun(world: World) -> None:
    device = world.connect()
    job = world.job(FirmwareId=world.firmware(), ScheduleFinishTime=world.now_ms + 60_000)
    world.progress(device, DN, 5)
    world.now_ms += 60_000
    world.platform.parts.errands.tick()
    assert world.tasks(job) == {DN: "IN_PROGRESS", OTHER: "CANCELED", THIRD: "CANCELED"}


def test_a_device_that_takes_too_long_has_failed_for_good(world: World) -> None:
    device = world.connect()
    job = world.job(FirmwareId=world.firmware(), TimeoutInMinutes=5, RetryInterval=0, RetryCount=2)
    world.progress(device, DN, 5)
    world.now_ms += 299_000
    world.progress(device, DN, 6)  # counted from the first step
    world.platform.parts.errands.tick()
    assert world.tasks(job)[DN] == "IN_PROGRESS"
    world.now_ms += 31_000
    world.platform.parts.errands.tick()
    assert world.tasks(job)[DN] == "FAILED"
    world.now_ms += 31_000
    world.platform.parts.errands.tick()
    assert world.tasks(job)[DN] == "FAILED"


def test_what_failed_is_tried_again_after_a_while(world: World) -> None:
    device = world.connect()
    job = world.job(FirmwareId=world.firmware(), RetryInterval=10, RetryCount=1)
    for expected in ("NOTIFIED", "FAILED"):
        world.progress(device, DN, -1)
        world.now_ms += 599_000
        world.platform.parts.errands.tick()
        assert world.tasks(job)[DN] == "FAILED"
        world.now_ms += 31_000
        world.platform.parts.errands.tick()
        assert world.tasks(job)[DN] == expected
    assert world.notified == [DN, DN]


# Verification.


def test_a_firmware_that_is_to_be_verified_is_offered_to_a_few_first(world: World) -> None:
    device = world.connect()
    firmware = world.firmware(NeedToVerify="true")
    static = {"ProductKey": PK, "FirmwareId": firmware, "TargetSelection": "ALL"}

    def status() -> int:
        found: int = world.done("QueryOTAFirmware", FirmwareId=firmware)["FirmwareInfo"]["Status"]
        return found

    assert status() == 0
    assert code(world.ask("CreateOTAStaticUpgradeJob", **static)) == "iot.ota.FirmwareNotVerified"
    verify = {"ProductKey": PK, "FirmwareId": firmware, "TargetDeviceName.1": DN}
    job = world.job("CreateOTAVerifyJob", FirmwareId=firmware, **{"TargetDeviceName.1": DN})
    assert (status(), world.done("QueryOTAJob", JobId=job)["Data"]["JobType"]) == (2, "VERIFY_FIRMWARE")
    assert code(world.ask("CreateOTAVerifyJob", **verify)) == "iot.ota.InvalidJob"
    world.progress(device, DN, -1)
    assert status() == 3
    world.job("CreateOTAVerifyJob", FirmwareId=firmware, **{"TargetDeviceName.1": DN})
    world.inform(device, DN, "2.0")
    assert status() == 1
    assert code(world.ask("CreateOTAVerifyJob", **verify)) == "iot.ota.InvalidJob"
    assert world.tasks(world.job(FirmwareId=firmware)) == {OTHER: "QUEUED", THIRD: "QUEUED"}


# Dynamic jobs.


def test_a_dynamic_job_takes_up_who_reports_the_source_version_later(world: World) -> None:
    device = world.connect()
    world.inform(device, DN, "1.0")
    job = world.job("CreateOTADynamicUpgradeJob", FirmwareId=world.firmware(), **{"SrcVersion.1": "1.0"})
    assert world.tasks(job) == {DN: "NOTIFIED"}
    other = world.connect(device_name=OTHER)
    world.inform(other, OTHER, "0.9")
    assert world.tasks(job) == {DN: "NOTIFIED"}
    world.inform(other, OTHER, "1.0")
    assert world.tasks(job) == {DN: "NOTIFIED", OTHER: "NOTIFIED"}
    assert world.notified == [DN, OTHER]
    world.inform(other, OTHER, "2.0")
    assert world.tasks(job)[OTHER] == "SUCCEEDED"
    assert world.state_of(job) == "IN_PROGRESS"
    world.inform(other, OTHER, "1.0")  # it went back
    assert world.tasks(job)[OTHER] == "NOTIFIED"
    world.done("CancelOTAStrategyByJob", JobId=job)
    assert world.state_of(job) == "CANCELED"
    world.inform(world.connect(device_name=THIRD), THIRD, "1.0")
    assert THIRD not in world.tasks(job)


def test_a_dynamic_job_of_mode_2_is_for_later_reports_alone(world: World) -> None:
    device = world.connect()
    world.inform(device, DN, "1.0")
    about = {"FirmwareId": world.firmware(), "DynamicMode": 2, "SrcVersion.1": "1.0"}
    job = world.job("CreateOTADynamicUpgradeJob", **about)
    assert world.tasks(job) == {}
    world.inform(device, DN, "1.0")
    assert world.tasks(job) == {DN: "NOTIFIED"}


def test_the_latest_dynamic_job_counts_and_one_device_ten_times_at_most(world: World) -> None:
    device = world.connect()
    world.job("CreateOTADynamicUpgradeJob", FirmwareId=world.firmware(DestVersion="2"), **{"SrcVersion.1": "1"})
    latest = world.job(
        "CreateOTADynamicUpgradeJob", FirmwareId=world.firmware(DestVersion="3"), **{"SrcVersion.1": "1"}
    )
    for _ in range(12):
        world.inform(device, DN, "1")
        world.inform(device, DN, "3")
    assert world.tasks(latest) == {DN: "SUCCEEDED"}
    assert len(world.notified) == 10


def test_a_dynamic_job_for_a_group(world: World) -> None:
    group = world.done("CreateDeviceGroup", GroupName="taxis")["Data"]["GroupId"]
    world.done(
        "BatchAddDeviceGroupRelations", GroupId=group, **{"Device.1.ProductKey": PK, "Device.1.DeviceName": OTHER}
    )
    job = world.job("CreateOTADynamicUpgradeJob", FirmwareId=world.firmware(), GroupId=group, DynamicMode=2)
    for name in (DN, OTHER):
        world.inform(world.connect(device_name=name), name, "1.0")
    assert world.tasks(job) == {OTHER: "NOTIFIED"}


def test_dynamic_jobs_that_cannot_be_are_refused(world: World) -> None:
    firmware = world.firmware()
    about = {"ProductKey": PK, "FirmwareId": firmware}
    assert code(world.ask("CreateOTADynamicUpgradeJob", **about)) == "iot.ota.InvalidJob"
    job = world.job("CreateOTADynamicUpgradeJob", FirmwareId=firmware, **{"SrcVersion.1": "1"})
    assert code(world.ask("CreateOTADynamicUpgradeJob", **about, **{"SrcVersion.1": "1"})) == "iot.ota.InvalidJob"
    world.done("CancelOTAStrategyByJob", JobId=job)
    world.job("CreateOTADynamicUpgradeJob", FirmwareId=firmware, **{"SrcVersion.1": "1"})
    static = world.job(FirmwareId=firmware)
    assert code(world.ask("CancelOTAStrategyByJob", JobId=static)) == "iot.ota.InvalidJob"


def test_a_job_that_goes_on_can_be_changed(world: World) -> None:
    firmware = world.firmware()
    job = world.job(
        "CreateOTADynamicUpgradeJob", FirmwareId=firmware, **{"SrcVersion.1": "1", "Tag.1.Key": "k", "Tag.1.Value": "v"}
    )
    more = {"SrcVersionList.1": "7", "Tags.1.Key": "a", "Tags.1.Value": "b"}
    world.done("UpdateOTAJob", JobId=job, MaximumPerMinute=50, TimeoutInMinutes=9, **more)
    data = world.done("QueryOTAJob", JobId=job)["Data"]
    assert (data["MaximumPerMinute"], data["TimeoutInMinutes"], data["SrcVersions"]) == (50, 9, {"SrcVersion": ["7"]})
    assert data["Tags"] == {"OtaTagDTO": [{"Key": "a", "Value": "b"}]}
    world.inform(world.connect(), DN, "7")
    assert json.loads(world.sent[-1].payload)["data"]["extData"] == {"a": "b"}
    world.done("CancelOTAStrategyByJob", JobId=job)
    assert code(world.ask("UpdateOTAJob", JobId=job, MaximumPerMinute=50)) == "iot.ota.InvalidJob"
    assert code(world.ask("UpdateOTAJob", JobId="none", MaximumPerMinute=50)) == "iot.ota.JobNotFound"


# Accounts, and what is kept.


def test_jobs_and_tasks_of_products_that_a_key_does_not_see_are_not_there(world: World) -> None:
    job = world.job(FirmwareId=world.firmware(), NeedConfirm="true")
    task = world.task_id(job, DN)
    keys = world.platform.registry.access_keys
    keys["testAccessKeyId"] = replace(keys["testAccessKeyId"], products=frozenset({"a1subPK0001"}))
    for action in (
        "QueryOTAJob",
        "ListOTATaskByJob",
        "CancelOTATaskByJob",
        "CancelOTAStrategyByJob",
        "ReupgradeOTATask",
    ):
        assert code(world.ask(action, JobId=job, **{"TaskId.1": task}, **PAGE)) == "iot.ota.JobNotFound"
    assert code(world.ask("ConfirmOTATask", **{"TaskId.1": task})) == "iot.ota.TaskNotFound"
    assert world.done("ListOTAFirmware", **PAGE)["Total"] == 0


def test_packages_modules_jobs_and_tasks_are_kept(tmp_path: Path) -> None:
    job = firmware = ""
    for round_ in range(2):
        world, storage = World(), Storage(tmp_path)
        attach(world.platform, storage)
        if not round_:
            firmware = world.firmware(FirmwareName="one")
            gone = world.firmware(DestVersion="9")
            world.done("DeleteOTAFirmware", FirmwareId=gone)
            world.done("CreateOTAModule", ProductKey=PK, ModuleName="mcu")
            first = world.job(FirmwareId=firmware, **{"SrcVersion.1": ""})
            job = world.job(
                FirmwareId=firmware, OverwriteMode=2, TimeoutInMinutes=7, **{"Tag.1.Key": "k", "Tag.1.Value": "v"}
            )
        assert world.tasks(job) == dict.fromkeys(ALL, "QUEUED")
        assert world.tasks(first) == dict.fromkeys(ALL, "CANCELED")
        data = world.done("QueryOTAJob", JobId=job)["Data"]
        assert (data["TimeoutInMinutes"], data["Name"], data["JobStatus"]) == (7, "one", "IN_PROGRESS")
        assert world.done("ListOTAFirmware", **PAGE)["Total"] == 1
        assert len(world.done("ListOTAModuleByProduct", ProductKey=PK)["Data"]) == 2
        storage.close()


def test_tasks_of_a_deleted_device_are_gone(world: World) -> None:
    job = world.job(FirmwareId=world.firmware())
    world.call("DeleteDevice")
    assert world.tasks(job) == {OTHER: "QUEUED", THIRD: "QUEUED"}


def test_upgrades_survive_as_plain_values() -> None:
    upgrades = Upgrades()
    for number in range(30):
        upgrades.offer(Upgrade(Firmware(str(number), 1, "u", "s"), f"job{number}", f"task{number}", Status.SUCCEEDED))
    again = Upgrades.load(json.loads(json.dumps(upgrades.dump())))
    assert again == upgrades
    assert [upgrade.job_id for upgrade in again.all()] == [f"job{number}" for number in range(9, 30)]
    one, two = (Upgrades.load(upgrades.dump()).of_module["default"].firmware for _ in range(2))
    assert one is two  # 100,000 devices share the image


def test_counts_of_a_job_follow_its_tasks() -> None:
    tasks: JobTasks[Upgrade] = JobTasks()
    for status in Status:
        upgrade = Upgrade(Firmware("2", 1, "u", "s"), "job", "task", status)
        tasks.put("p/d", Upgrades({"default": upgrade}))
        assert +tasks.of_job("job").counts == {status: 1}
        assert (tasks.of_job("job").open == 0) is status.is_over
        assert tasks.device_of("task") == "p/d"
    tasks.put("p/d", None)
    assert +tasks.of_job("job").counts == {}
    assert (tasks.of_device("p/d"), tasks.device_of("task")) == ({}, None)


# Fleets.


class FleetWorld:
    """A simulated fleet with its simulator connected, on a loop by hand."""

    def __init__(self, cars: int) -> None:
        names = np.array([b"LBV%014d" % number for number in range(cars)], "S17")
        product = simulated_product(PK, names, fleet_secret="s", factory_versions={"default": "1.0"})
        key = AccessKey(*ACCESS_KEY)
        self.platform = Platform(Registry([product], access_keys=[key]), simulator=("house", "pw"))
        self.carrier = NotingCarrier()
        self.platform.carried_by(self.carrier)
        self.cloud = Cloud(self.platform)
        self.calls: list[tuple[float, Any]] = []
        self.now_s = 0.0
        self.platform.parts.errands.begin(lambda delay_s, call: self.calls.append((self.now_s + delay_s, call)))
        from jinqiao.gateway.broker.policy import Login

        login = Login("house|_ss=1|", "house", b"pw", 4, True, 60, "127.0.0.1:5555")
        self.platform.connected(self.platform.authenticate(login))

    def done(self, action: str, **arguments: Any) -> dict[str, Any]:
        response = self.cloud.dispatch(Request("POST", "/", signed_query(action, arguments)))
        assert isinstance(response, Response)
        body: dict[str, Any] = json.loads(response.body)
        assert body.get("Success") is True, body
        return body

    def go(self, until_s: float) -> None:
        while True:
            self.calls.sort(key=lambda one: one[0])
            if not self.calls or self.calls[0][0] > until_s:
                self.now_s = until_s
                return
            self.now_s, call = self.calls.pop(0)
            call()


def test_a_job_on_a_fleet_is_spread_a_slice_at_a_time_and_notifies_so_many_a_minute() -> None:
    world = FleetWorld(1_000)
    about = {"DestVersion": "2.0", "FirmwareUrl": "http://host/x", "FirmwareSign": "a" * 32}
    firmware = world.done("CreateOTAFirmware", ProductKey=PK, **about)["Data"]["FirmwareId"]
    job = world.done(
        "CreateOTAStaticUpgradeJob", ProductKey=PK, FirmwareId=firmware, TargetSelection="ALL", MaximumPerMinute=400
    )["Data"]["JobId"]

    def total() -> int:
        found: int = world.done("ListOTATaskByJob", JobId=job, **PAGE)["Total"]
        return found

    assert (total(), len(world.carrier.sent)) == (0, 0)  # the call has answered
    world.go(59)
    assert (total(), len(world.carrier.sent)) == (1_000, 400)
    world.go(119)
    assert len(world.carrier.sent) == 800
    world.done("CancelOTATaskByJob", JobId=job, CancelQueuedTask="true")
    world.go(200)
    assert len(world.carrier.sent) == 800
    counts = {
        s: world.done("ListOTATaskByJob", JobId=job, TaskStatus=s, **PAGE)["Total"] for s in ("NOTIFIED", "CANCELED")
    }
    assert counts == {"NOTIFIED": 800, "CANCELED": 200}


def test_a_job_that_was_not_spread_when_the_process_ended_is_spread_by_the_next(tmp_path: Path) -> None:
    names = [f"d{number:03d}" for number in range(300)]
    job = ""
    for round_ in range(2):
        world, storage = World(), Storage(tmp_path)
        for name in names:
            world.platform.registry.products[PK].devices.add(name, "s")  # type: ignore[attr-defined]
        attach(world.platform, storage)
        if not round_:
            firmware = world.firmware()
            world.platform.parts.errands.begin(lambda *_: None)  # a loop that never comes to it
            job = world.job(FirmwareId=firmware)
            assert world.tasks(job) == {}
        else:
            world.platform.parts.errands.tick()
            assert world.done("ListOTATaskByJob", JobId=job, **PAGE)["Total"] == 303
            assert world.platform.parts.rollout.job(job).spread  # type: ignore[union-attr]
        storage.close()


def test_of_many_jobs_on_many_devices_a_few_are_spread_at_a_time() -> None:
    world = FleetWorld(300)
    jobs = []
    for number in range(6):
        about = {"DestVersion": f"2.{number}", "FirmwareUrl": "http://host/x", "FirmwareSign": "a" * 32}
        firmware = world.done("CreateOTAFirmware", ProductKey=PK, **about, ModuleName=f"m{number}")["Data"][
            "FirmwareId"
        ]
        job = {"ProductKey": PK, "FirmwareId": firmware, "TargetSelection": "ALL"}
        jobs.append(world.done("CreateOTAStaticUpgradeJob", **job)["Data"]["JobId"])
    assert len(world.platform.parts.errands) == 4
    world.go(30)
    totals = [world.done("ListOTATaskByJob", JobId=job, **PAGE)["Total"] for job in jobs]
    assert totals == [300] * 6

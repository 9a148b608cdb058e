"""Jobs for many devices by cloud calls: what devices get, what becomes of their tasks, and what is kept."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jinqiao.gateway.openapi.http import Request, Response
from jinqiao.gateway.platform.devices.jobs import Task
from jinqiao.gateway.platform.events import JobUpdated
from jinqiao.gateway.platform.registry.accounts import AccessKey
from jinqiao.gateway.storage.keeper import attach
from jinqiao.gateway.storage.sqlite import Storage
from support.cloud_world import DN, PK, CloudWorld
from support.openapi import signed_query

OTHER, THIRD = "tbox002", "tbox003"
LIST = {"targetType": "DEVICE_LIST", "targetDevices": [{"productKey": PK, "deviceName": n} for n in (DN, OTHER)]}
PRODUCT = {"targetType": "PRODUCT_KEY", "targetProduct": PK}
SET = {"params": {"DoorLock": 1}}


class World(CloudWorld):
    """What is asked for is asked without a device."""

    def ask(self, action: str, key: tuple[str, str] | None = None, **arguments: Any) -> dict[str, Any]:
        more = {} if key is None else {"key": key}
        response = self.cloud.dispatch(Request("POST", "/", signed_query(action, arguments, **more)))
        assert isinstance(response, Response)
        body: dict[str, Any] = json.loads(response.body)
        return body

    def done(self, action: str, **arguments: Any) -> dict[str, Any]:
        answer = self.ask(action, **arguments)
        assert answer.get("Success") is True, answer
        return answer

    def job(self, kind: str = "CUSTOM_JOB", document: Any = None, target: Any = None, **more: Any) -> str:
        about = {"JobName": "a_job", "Type": kind, "JobDocument": document or {"do": "it"}, **more}
        made: str = self.done("CreateJob", TargetConfig=target or LIST, **about)["JobId"]
        return made

    def tasks(self, job_id: str, **more: Any) -> dict[str, str]:
        rows = self.done("ListTask", JobId=job_id, Limit=50, **more)["Data"]["data"]
        return {row["DeviceName"]: row["Status"] for row in rows}

    def state_of(self, job_id: str) -> str:
        found: str = self.done("QueryJob", JobId=job_id)["Data"]["Status"]
        return found

    def request(self, principal: Any, path: str, params: Any, name: str = DN) -> dict[str, Any]:
        body = json.dumps({"id": "9", "params": params}).encode()
        (reply,) = self.platform.receive(principal, f"/sys/{PK}/{name}/{path}", body)
        answer: dict[str, Any] = json.loads(reply.payload)
        return answer

    def reply(self, principal: Any, path: str, sent: bytes, code: int, name: str = DN) -> None:
        body = json.dumps({"id": json.loads(sent)["id"], "code": code, "data": {}, "message": "so"}).encode()
        tuple(self.platform.receive(principal, f"/sys/{PK}/{name}/{path}_reply", body))


@pytest.fixture
def world() -> World:
    return World()


def code(answer: dict[str, Any]) -> str:
    found: str = answer["Code"]
    return found


def test_a_custom_job_from_beginning_to_end(world: World) -> None:
    device = world.connect()
    file = {"fileUrl": "https://host/f", "sign": "ab", "signMethod": "SHA256"}
    job = world.job(JobFile=file, Description="what it is")
    (notice,) = world.sent
    task = json.loads(notice.payload)["params"]["task"]
    assert notice.topic == f"/sys/{PK}/{DN}/thing/job/notify"
    assert (task["status"], task["jobDocument"], task["jobFile"]) == ("SENT", {"do": "it"}, file)
    assert world.tasks(job) == {DN: "SENT", OTHER: "QUEUED"}
    assert world.request(device, "thing/job/get", {"taskId": "$next"})["data"]["task"] == task
    update = {"taskId": task["taskId"], "status": "IN_PROGRESS", "progress": 40, "statusDetails": {"k": "v"}}
    assert world.request(device, "thing/job/update", update)["code"] == 200
    row = world.done("QueryTask", TaskId=task["taskId"])["Data"]
    assert (row["Status"], row["Progress"], row["StatusDetail"], row["JobName"]) == (
        "IN_PROGRESS",
        "40",
        '{"k":"v"}',
        "a_job",
    )
    counts = world.done("QueryJobStatistics", JobId=job)["Data"]
    assert (counts["Total"], counts["InProgress"], counts["Queued"], counts["TimeOut"]) == (2, 1, 1, 0)
    world.request(device, "thing/job/update", {"taskId": task["taskId"], "status": "SUCCEEDED", "progress": 100})
    assert world.state_of(job) == "IN_PROGRESS"
    world.sent.clear()
    other = world.connect(device_name=OTHER)  # which gets what has waited for it
    other_task = json.loads(world.sent[0].payload)["params"]["task"]["taskId"]
    world.request(other, "thing/job/update", {"taskId": other_task, "status": "REJECTED"}, OTHER)
    assert world.tasks(job) == {DN: "SUCCEEDED", OTHER: "REJECTED"}
    data = world.done("QueryJob", JobId=job)["Data"]
    assert (data["Status"], data["JobDocument"], data["Description"]) == ("COMPLETED", '{"do":"it"}', "what it is")
    assert data["JobFile"] == {"FileUrl": "https://host/f", "Sign": "ab", "SignMethod": "SHA256"}
    assert [d["DeviceName"] for d in data["TargetConfig"]["TargetDevices"]["targetDevices"]] == [DN, OTHER]


@pytest.mark.parametrize(("answer", "expected"), [(200, "SUCCEEDED"), (460, "FAILED")])
@pytest.mark.parametrize(
    ("kind", "document", "path", "params"),
    [
        ("SET_PROPERTY", SET, "thing/service/property/set", {"DoorLock": 1}),
        ("INVOKE_SERVICE", {"serviceIdentifier": "Unlock", "params": {"Door": 1}}, "thing/service/Unlock", {"Door": 1}),
    ],
)
def test_what_is_asked_of_the_thing_model_ends_with_the_reply(
    world: World, kind: str, document: Any, path: str, params: Any, answer: int, expected: str
) -> None:
    device = world.connect()
    job = world.job(kind, document)
    (sent,) = world.sent
    assert (sent.topic, json.loads(sent.payload)["params"]) == (f"/sys/{PK}/{DN}/{path}", params)
    assert world.tasks(job) == {DN: "SENT", OTHER: "QUEUED"}
    assert world.request(device, "thing/job/get", {"taskId": "$next"})["data"] == {"taskId": "$next"}
    world.reply(device, path, sent.payload, answer)
    assert world.tasks(job)[DN] == expected
    assert world.tasks(job, Status="QUEUED") == {OTHER: "QUEUED"}
    (row,) = world.done("ListTask", Device={"productKey": PK, "deviceName": DN}, Limit=10)["Data"]["data"]
    assert row["JobId"] == job


def test_what_a_device_cannot_be_asked_has_failed_and_says_why(world: World) -> None:
    world.connect()
    job = world.job("SET_PROPERTY", {"params": {"nothing": 1}})
    assert world.tasks(job)[DN] == "FAILED"
    (row,) = world.done("ListTask", JobId=job, Status="FAILED", Limit=10)["Data"]["data"]
    assert "nothing" in world.done("QueryTask", TaskId=row["TaskId"])["Data"]["Message"]
    assert world.sent == []


def test_a_message_is_published_on_a_custom_topic(world: World) -> None:
    world.connect()
    document = {"topicShortName": "get", "messageContent": base64.b64encode(b"hi").decode()}
    job = world.job("PUB", document, RolloutConfig={"messageQos": "Qos0"})
    (sent,) = world.sent
    assert (sent.topic, sent.payload, sent.qos) == (f"/{PK}/{DN}/user/get", b"hi", 0)
    assert world.tasks(job) == {DN: "SUCCEEDED", OTHER: "QUEUED"}


def test_a_job_for_a_product_and_for_a_group(world: World) -> None:
    assert set(world.tasks(world.job(target=PRODUCT))) == {DN, OTHER, THIRD}
    group = world.done("CreateDeviceGroup", GroupName="taxis")["Data"]["GroupId"]
    world.done(
        "BatchAddDeviceGroupRelations", GroupId=group, **{"Device.1.ProductKey": PK, "Device.1.DeviceName": OTHER}
    )
    job = world.job(target={"TargetType": "GROUP_ID", "TargetGroup": group} | {"targetType": "GROUP_ID"})
    assert world.tasks(job) == {OTHER: "QUEUED"}


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"JobName": "x"}, "iot.job.InvalidJob"),
        ({"Description": "x" * 101}, "iot.job.InvalidJob"),
        ({"Type": "OTHER"}, "InvalidParameter"),
        ({"JobDocument": "{"}, "iot.check.InvalidFormattedParameter"),
        ({"JobDocument": json.dumps({"a": "x" * 65_536})}, "InvalidParameter"),
        ({"Type": "SET_PROPERTY"}, "iot.job.InvalidJob"),
        ({"Type": "INVOKE_SERVICE"}, "iot.job.InvalidJob"),
        ({"Type": "PUB", "JobDocument": {"topicShortName": "a", "messageContent": "%"}}, "iot.job.InvalidJob"),
        ({"TargetConfig": {}}, "InvalidParameter"),
        ({"TargetConfig": {"targetType": "DEVICE_LIST", "targetDevices": []}}, "InvalidParameter"),
        ({"TargetConfig": {"targetType": "DEVICE_LIST", "targetDevices": [{"productKey": PK}]}}, "InvalidParameter"),
        ({"TargetConfig": {"targetType": "GROUP_ID", "targetGroup": "no"}}, "iot.group.NotExistedGroup"),
        ({"TargetConfig": {"targetType": "PRODUCT_KEY", "targetProduct": "no"}}, "iot.prod.NotExistedProduct"),
        ({"TargetConfig": {"targetType": "PRODUCT_KEY"}}, "InvalidParameter"),
        ({"RolloutConfig": {"maximumPerMinute": 49}}, "InvalidParameter"),
        ({"RolloutConfig": {"messageQoS": "QoS2"}}, "InvalidParameter"),
        ({"TimeoutConfig": {"inProgressTimeoutInMinutes": "x"}}, "InvalidParameter"),
        ({"JobFile": {"fileUrl": "x"}}, "InvalidParameter"),
    ],
)
def test_jobs_that_cannot_be_are_refused(world: World, wrong: dict[str, Any], expected: str) -> None:
    about = {"JobName": "a_job", "Type": "CUSTOM_JOB", "JobDocument": {}, "TargetConfig": LIST, **wrong}
    assert code(world.ask("CreateJob", **about)) == expected
    assert world.kept == []


def test_a_device_that_is_not_there_refuses_the_list(world: World) -> None:
    target = {**LIST, "targetDevices": [*LIST["targetDevices"], {"productKey": PK, "deviceName": "none"}]}
    about = {"JobName": "a_job", "Type": "CUSTOM_JOB", "JobDocument": {}, "TargetConfig": target}
    assert code(world.ask("CreateJob", **about)) == "iot.device.NotExistedDevice"


def test_a_job_on_few_devices_is_kept_with_all_its_tasks_or_has_not_happened(world: World) -> None:
    def refuse(event: JobUpdated) -> None:
        if event.device.name == OTHER:
            raise OSError

    world.connect()
    world.platform.events.subscribe(JobUpdated, refuse, before_ack=True)
    about = {"JobName": "a_job", "Type": "CUSTOM_JOB", "JobDocument": {}, "TargetConfig": LIST}
    assert code(world.ask("CreateJob", **about)) == "iot.system.SystemException"
    assert world.sent == []
    assert world.done("ListJob", CurrentPage=1, PageSize=10)["Total"] == 0


def test_a_cancelled_job_ends_what_is_open_and_tells_who_knows_of_it(world: World) -> None:
    device = world.connect()
    job = world.job(target=PRODUCT)
    task = json.loads(world.sent[0].payload)["params"]["task"]["taskId"]
    world.sent.clear()
    world.done("CancelJob", JobId=job)
    assert world.state_of(job) == "CANCELLED"
    assert set(world.tasks(job).values()) == {"CANCELLED"}
    (notice,) = world.sent
    assert json.loads(notice.payload)["params"]["task"] == {
        "taskId": task,
        "status": "CANCELLED",
        "jobDocument": {"do": "it"},
    }
    assert world.request(device, "thing/job/update", {"taskId": task, "status": "SUCCEEDED"})["code"] == 460
    assert code(world.ask("CancelJob", JobId=job)) == "iot.job.InvalidJob"
    world.sent.clear()
    world.connect(device_name=OTHER)
    assert world.sent == []


def test_what_did_not_succeed_runs_again(world: World) -> None:
    device = world.connect()
    job = world.job("SET_PROPERTY", SET)
    world.reply(device, "thing/service/property/set", world.sent[0].payload, 500)
    assert code(world.ask("RerunJob", JobId=job)) == "iot.job.InvalidJob"
    world.done("CancelJob", JobId=job)
    world.done("RerunJob", JobId=job)
    assert world.tasks(job) == {DN: "SENT", OTHER: "QUEUED"}
    assert world.state_of(job) == "IN_PROGRESS"
    assert len(world.sent) == 2
    world.reply(device, "thing/service/property/set", world.sent[1].payload, 200)
    assert world.tasks(job)[DN] == "SUCCEEDED"


def test_a_deleted_job_is_gone_with_its_tasks(world: World) -> None:
    device = world.connect()
    job = world.job()
    task = json.loads(world.sent[0].payload)["params"]["task"]["taskId"]
    assert code(world.ask("DeleteJob", JobId=job)) == "iot.job.InvalidJob"
    world.done("CancelJob", JobId=job)
    world.done("DeleteJob", JobId=job)
    assert code(world.ask("QueryJob", JobId=job)) == "iot.job.JobNotFound"
    assert code(world.ask("QueryTask", TaskId=task)) == "iot.job.TaskNotFound"
    assert world.request(device, "thing/job/get", {"taskId": "$list"})["data"]["tasks"] == []


def test_a_planned_job_waits_for_its_time(world: World) -> None:
    world.connect()
    job = world.job(ScheduledTime=world.now_ms + 600_000)
    world.platform.parts.errands.tick()
    assert (world.state_of(job), world.tasks(job)) == ("WAITING", {})
    world.now_ms += 600_000
    world.platform.parts.errands.tick()
    assert world.tasks(job) == {DN: "SENT", OTHER: "QUEUED"}


def test_a_task_that_takes_too_long_is_given_up(world: World) -> None:
    device = world.connect()
    job = world.job(TimeoutConfig={"inProgressTimeoutInMinutes": 5})
    task = json.loads(world.sent[0].payload)["params"]["task"]["taskId"]
    for seconds in (0, 290):
        world.now_ms += seconds * 1_000
        world.request(device, "thing/job/update", {"taskId": task, "status": "IN_PROGRESS", "progress": seconds // 10})
        world.platform.parts.errands.tick()
        assert world.tasks(job)[DN] == "IN_PROGRESS"
    world.now_ms += 40_000
    world.platform.parts.errands.tick()
    assert world.tasks(job)[DN] == "TIMED_OUT"
    assert world.done("QueryJobStatistics", JobId=job)["Data"]["TimeOut"] == 1


def test_a_job_can_be_described_anew(world: World) -> None:
    job = world.job(RolloutConfig={"maximumPerMinute": 100})
    world.done("UpdateJob", JobId=job, Description="other", RolloutConfig={"maximumPerMinute": 50})
    data = world.done("QueryJob", JobId=job)["Data"]
    assert (data["Description"], data["RolloutConfig"]) == ("other", {"MaximumPerMinute": 50, "MessageQoS": "QoS1"})
    assert code(world.ask("UpdateJob", JobId=job, Description="x" * 101)) == "iot.job.InvalidJob"


def test_lists_come_page_by_page(world: World) -> None:
    jobs = [world.job(target=PRODUCT, JobName=f"job_{n}") for n in range(3)]
    world.done("CancelJob", JobId=jobs[0])
    answer = world.done("ListJob", CurrentPage=1, PageSize=2)
    assert ([row["JobId"] for row in answer["Data"]["data"]], answer["Total"]) == ([jobs[2], jobs[1]], 3)
    assert world.done("ListJob", CurrentPage=1, PageSize=2, Status="CANCELLED")["Total"] == 1
    assert code(world.ask("ListJob", CurrentPage=1, PageSize=2, Status="x")) == "InvalidParameter"
    first = world.done("ListTask", JobId=jobs[1], Limit=2)
    rest = world.done("ListTask", JobId=jobs[1], Limit=2, NextToken=first["NextToken"])
    assert [row["DeviceName"] for row in first["Data"]["data"] + rest["Data"]["data"]] == [DN, OTHER, THIRD]
    assert "NextToken" not in rest
    for wrong in ({"Limit": 51}, {"NextToken": "x"}):
        assert code(world.ask("ListTask", **{"JobId": jobs[1], "Limit": 2, **wrong})) == "iot.common.InvalidPageParams"
    assert code(world.ask("ListTask", Limit=2)) == "MissingParameter"


def test_a_job_is_its_owners_and_reaches_what_its_owner_sees(world: World) -> None:
    keys = world.platform.registry.access_keys
    for name in ("one", "two"):
        keys[name] = AccessKey(name, "s", frozenset({PK}))
    about = {"JobName": "a_job", "Type": "CUSTOM_JOB", "JobDocument": {}, "TargetConfig": PRODUCT}
    job = world.ask("CreateJob", ("one", "s"), **about)["JobId"]
    task = world.done("ListTask", JobId=job, Limit=1)["Data"]["data"][0]["TaskId"]
    for action in ("QueryJob", "CancelJob", "DeleteJob", "RerunJob", "UpdateJob", "QueryJobStatistics", "ListTask"):
        assert code(world.ask(action, ("two", "s"), JobId=job, Limit=1)) == "iot.job.JobNotFound"
    assert code(world.ask("QueryTask", ("two", "s"), TaskId=task)) == "iot.job.TaskNotFound"
    assert world.ask("ListJob", ("two", "s"), CurrentPage=1, PageSize=10)["Total"] == 0
    assert (
        world.ask("ListTask", ("two", "s"), Device={"productKey": PK, "deviceName": DN}, Limit=9)["Data"]["data"] == []
    )
    group = world.ask("CreateDeviceGroup", ("one", "s"), GroupName="taxis")["Data"]["GroupId"]
    inside = {"Device.1.ProductKey": "a1subPK0001", "Device.1.DeviceName": "subdev001"}
    world.done("BatchAddDeviceGroupRelations", GroupId=group, **inside)
    about["TargetConfig"] = {"targetType": "GROUP_ID", "targetGroup": group}
    of_group = world.ask("CreateJob", ("one", "s"), **about)["JobId"]
    assert world.tasks(of_group) == {}
    keys["one"] = replace(keys["one"], products=frozenset())
    assert code(world.ask("CreateJob", ("one", "s"), **{**about, "TargetConfig": LIST})) == "iot.prod.NotExistedProduct"


def test_jobs_and_tasks_are_kept(tmp_path: Path) -> None:
    job = ""
    for round_ in range(2):
        world, storage = World(), Storage(tmp_path)
        attach(world.platform, storage)
        if not round_:
            gone = world.job()
            world.done("CancelJob", JobId=gone)
            world.done("DeleteJob", JobId=gone)
            job = world.job(document={"do": "that"}, target=PRODUCT)
        assert world.tasks(job) == dict.fromkeys((DN, OTHER, THIRD), "QUEUED")
        assert world.done("ListJob", CurrentPage=1, PageSize=10)["Total"] == 1
        if round_:
            world.connect()
            assert json.loads(world.sent[0].payload)["params"]["task"]["jobDocument"] == {"do": "that"}
        storage.close()


def test_a_job_on_many_devices_is_spread_and_sends_so_many_a_minute(world: World) -> None:
    for number in range(300):
        world.platform.registry.products[PK].devices.add(f"d{number:03d}", "s")  # type: ignore[attr-defined]
    calls: list[tuple[float, Any]] = []
    now_s = 0.0
    with world.platform.parts.states.changing(world.device(device_name=THIRD), "jobs") as draft:
        for number in range(100):  # one that has as many as it can have is passed over
            draft.jobs.add(Task(str(number), {}))
    world.platform.parts.errands.begin(lambda delay_s, call: calls.append((now_s + delay_s, call)))
    for number in range(300):
        world.connect(device_name=f"d{number:03d}")
    job = world.job(target=PRODUCT, RolloutConfig={"maximumPerMinute": 100})
    assert world.sent == []
    for until_s, expected in ((59, 100), (119, 200)):
        while calls and min(calls, key=lambda one: one[0])[0] <= until_s:
            calls.sort(key=lambda one: one[0])
            now_s, call = calls.pop(0)
            call()
        now_s = until_s
        assert len(world.sent) == pytest.approx(expected, abs=3)  # three of the product's devices are away
    counts = world.done("QueryJobStatistics", JobId=job)["Data"]
    assert (counts["Total"], counts["Sent"]) == (302, len(world.sent))

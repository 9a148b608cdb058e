"""Actions of jobs for many devices, and of their tasks.

The SDKs send what is structured (TargetConfig, RolloutConfig …) as JSON; its members begin with a lower-case or an
upper-case letter, as callers like.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinqiao.gateway.platform.jobs.job import DeviceJob
from jinqiao.gateway.platform.operations.jobs import AT_ONCE, DeviceTask
from jinqiao.gateway.platform.operations.things import as_text
from jinqiao.gateway.platform.registry.registry import Device
from jinqiao.wire.alink.json_values import is_deeper

from ..action import action
from ..arguments import Arguments, utc_time
from ..errors import ApiError
from ..pages import Page
from .devices import device_names

__all__ = [
    "cancel_job",
    "create_job",
    "delete_job",
    "list_job",
    "list_task",
    "query_job",
    "query_job_statistics",
    "query_task",
    "rerun_job",
    "update_job",
]

_KINDS = ("INVOKE_SERVICE", "SET_PROPERTY", "PUB", "CUSTOM_JOB")
_TARGETS = ("DEVICE_LIST", "GROUP_ID", "PRODUCT_KEY")
_STATUSES = ("QUEUED", "SENT", "IN_PROGRESS", "FAILED", "REJECTED", "TIMED_OUT", "SUCCEEDED", "CANCELLED")
_STATES = ("INITIALIZING", "WAITING", "IN_PROGRESS", "COMPLETED", "CANCELLING", "CANCELLED", "REMOVING", "TIMED_OUT")
#: Characters and levels of a document; tasks sent in a minute; minutes that a task may take; rows of a page.
_LONGEST_DOCUMENT, _DEEPEST, _PER_MINUTE, _TIMEOUT, _ROWS, _TASKS = 65_536, 16, (50, 1_000), (1, 10_080), 100, 50

_JOB = "JobId JobName Type Status Description ScheduledTime UtcCreate UtcModified"
_TASK = "TaskId JobId JobName IotId ProductKey DeviceName Status Progress UtcQueueTime UtcModified"


@action(
    "CreateJob",
    "JobName! Type! JobDocument! TargetConfig! Description JobFile RolloutConfig TimeoutConfig ScheduledTime",
    "JobId",
)
def create_job(args: Arguments) -> dict[str, Any]:
    """Documents: `{"params": {…}}` of SET_PROPERTY, `{"serviceIdentifier": …, "params": {…}}` of INVOKE_SERVICE,
    `{"topicShortName": …, "messageContent": base64}` of PUB, anything of CUSTOM_JOB."""
    kind, text = args.text("Type"), args.text("JobDocument")
    if kind not in _KINDS:
        raise ApiError("InvalidParameter", f"Type must be one of {', '.join(_KINDS)}.")
    document = args.object("JobDocument")
    if len(text) > _LONGEST_DOCUMENT or is_deeper(document, _DEEPEST):
        raise ApiError("InvalidParameter", f"JobDocument has at most {_LONGEST_DOCUMENT} characters.")
    about = {
        **_target(args),
        **_configured(args),
        "description": args.text("Description", ""),
        "file": _file(args) if kind == "CUSTOM_JOB" else {},
        "scheduled_ms": args.time_ms("ScheduledTime"),
    }
    return {"JobId": args.operations.jobs.create(args.account, args.text("JobName"), kind, document, **about).id}


@action(
    "UpdateJob",
    "JobId! Description RolloutConfig TimeoutConfig",
    "",
)
def update_job(args: Arguments) -> dict[str, Any]:
    job = args.operations.jobs.find(args.account, args.text("JobId"))
    about = _configured(args)
    if description := args.text("Description", ""):
        about["description"] = description
    args.operations.jobs.change(args.account, job.id, **about)
    return {}


@action(
    "QueryJob",
    "JobId!",
    f"Data{{{_JOB} JobDocument JobFile{{FileUrl Sign SignMethod}} RolloutConfig{{MaximumPerMinute MessageQoS}} "
    "TargetConfig{TargetType TargetProduct TargetGroup TargetDevices{targetDevices[ProductKey DeviceName]}} "
    "TimeoutConfig{InProgressTimeoutInMinutes}}",
)
def query_job(args: Arguments) -> dict[str, Any]:
    """`Status` is WAITING, IN_PROGRESS, COMPLETED or CANCELLED."""
    job = args.operations.jobs.find(args.account, args.text("JobId"))
    devices = [identity.split("/", 1) for identity in job.devices]
    data = {
        **_job(args, job),
        "JobDocument": as_text(job.document),
        "RolloutConfig": {"MaximumPerMinute": job.per_minute or _PER_MINUTE[1], "MessageQoS": f"QoS{job.qos}"},
        "TargetConfig": {
            "TargetType": job.target,
            "TargetProduct": job.product_key,
            "TargetGroup": job.group_id,
            "TargetDevices": {"targetDevices": [{"ProductKey": key, "DeviceName": name} for key, name in devices]},
        },
    }
    if job.timeout_minutes:
        data["TimeoutConfig"] = {"InProgressTimeoutInMinutes": job.timeout_minutes}
    if job.file:
        spelled = {"fileUrl": "FileUrl", "sign": "Sign", "signMethod": "SignMethod"}
        data["JobFile"] = {spelled[name]: value for name, value in job.file.items()}
    return {"Data": data}


@action(
    "ListJob",
    "Status CurrentPage! PageSize!",
    f"Total Page PageSize Data{{data[{_JOB}]}}",
)
def list_job(args: Arguments) -> dict[str, Any]:
    """Latest first."""
    page, state = Page.of(args, _ROWS), args.text("Status", "")
    if state and state not in _STATES:
        raise ApiError("InvalidParameter", f"Status must be one of {', '.join(_STATES)}.")
    jobs = args.operations.jobs.all(args.account, state)
    members = page.members(len(jobs), "Page")
    del members["PageCount"]
    return {**members, "Data": {"data": [_job(args, job) for job in page.rows(jobs)]}}


@action(
    "CancelJob",
    "JobId!",
    "",
)
def cancel_job(args: Arguments) -> dict[str, Any]:
    args.operations.jobs.cancel(args.account, args.text("JobId"))
    return {}


@action(
    "RerunJob",
    "JobId!",
    "",
)
def rerun_job(args: Arguments) -> dict[str, Any]:
    """What did not succeed begins anew."""
    args.operations.jobs.run_again(args.account, args.text("JobId"))
    return {}


@action(
    "DeleteJob",
    "JobId!",
    "",
)
def delete_job(args: Arguments) -> dict[str, Any]:
    args.operations.jobs.delete(args.account, args.text("JobId"))
    return {}


@action(
    "QueryJobStatistics",
    "JobId!",
    "Data{Total Queued Sent InProgress Succeeded Failed Rejected TimeOut Cancelled}",
)
def query_job_statistics(args: Arguments) -> dict[str, Any]:
    total, counts = args.operations.jobs.counts(args.operations.jobs.find(args.account, args.text("JobId")))
    named = {"TIMED_OUT": "TimeOut", "IN_PROGRESS": "InProgress"}
    rows = {named.get(status, status.capitalize()): counts.get(status, 0) for status in _STATUSES}
    return {"Data": {"Total": total, **rows}}


@action(
    "ListTask",
    "JobId Device Status Limit! NextToken",
    f"NextToken Data{{data[{_TASK}]}}",
)
def list_task(args: Arguments) -> dict[str, Any]:
    """Tasks of a job, or of a device; `NextToken` where there are more."""
    jobs, status, job_id = args.operations.jobs, args.text("Status", ""), args.text("JobId", "")
    job, device = (jobs.find(args.account, job_id), None) if job_id else (None, _device(args))
    most = args.number("Limit", 10, low=1, high=_TASKS, code="iot.common.InvalidPageParams")
    first = args.number("NextToken", 0, code="iot.common.InvalidPageParams")
    if status and status not in _STATUSES:
        raise ApiError("InvalidParameter", f"Status must be one of {', '.join(_STATUSES)}.")
    if job is not None:
        tasks = jobs.tasks(args.account, job, status, first, most)
    elif device is not None:
        tasks = jobs.of_device(args.account, device, status)[first : first + most + 1]
    rows = [_task(task) for task in tasks[:most]]
    return {**({"NextToken": str(first + most)} if len(tasks) > most else {}), "Data": {"data": rows}}


@action(
    "QueryTask",
    "TaskId!",
    f"Data{{{_TASK} StatusDetail Message}}",
)
def query_task(args: Arguments) -> dict[str, Any]:
    found = args.operations.jobs.task(args.account, args.text("TaskId"))
    more = {"StatusDetail": as_text(dict(found.task.details)), "Message": found.task.message}
    return {"Data": {**_task(found), **more}}


# What is sent as JSON.


def _member(values: Mapping[str, Any], name: str) -> Any:
    """A member that is written either way."""
    return values.get(name, values.get(name[0].upper() + name[1:]))


def _target(args: Arguments) -> dict[str, Any]:
    target = args.object("TargetConfig")
    kind = _member(target, "targetType")
    if kind not in _TARGETS:
        raise ApiError("InvalidParameter", f"targetType must be one of {', '.join(_TARGETS)}.")
    if kind == "DEVICE_LIST":
        devices = _member(target, "targetDevices")
        if type(devices) is not list or not 0 < len(devices) <= AT_ONCE:
            raise ApiError("InvalidParameter", f"targetDevices must be a list of 1 to {AT_ONCE} devices.")
        return {"target": kind, "devices": tuple(dict.fromkeys(_identity(device) for device in devices))}
    member, field = ("targetGroup", "group_id") if kind == "GROUP_ID" else ("targetProduct", "product_key")
    value = _member(target, member)
    if type(value) is not str or not value:
        raise ApiError("InvalidParameter", f"{member} is missing in TargetConfig.")
    return {"target": kind, field: value}


def _identity(device: Any) -> str:
    known = device if type(device) is dict else {}
    key, name = _member(known, "productKey"), _member(known, "deviceName")
    if type(key) is not str or type(name) is not str or not key or not name or "/" in key:
        raise ApiError("InvalidParameter", "a device of targetDevices has productKey and deviceName.")
    return f"{key}/{name}"


def _configured(args: Arguments) -> dict[str, Any]:
    """What RolloutConfig and TimeoutConfig say, as far as they are given."""
    about: dict[str, Any] = {}
    rollout, timeout = args.object("RolloutConfig", "{}"), args.object("TimeoutConfig", "{}")
    about |= _number(rollout, "maximumPerMinute", "per_minute", *_PER_MINUTE)
    about |= _number(timeout, "inProgressTimeoutInMinutes", "timeout_minutes", *_TIMEOUT)
    qos = _member(rollout, "messageQoS") or _member(rollout, "messageQos")
    if qos is not None:
        if type(qos) is not str or qos.upper() not in {"QOS0", "QOS1"}:
            raise ApiError("InvalidParameter", "messageQoS must be QoS0 or QoS1.")
        about["qos"] = int(qos[-1])
    return about


def _number(values: Mapping[str, Any], name: str, field: str, low: int, high: int) -> dict[str, int]:
    value = _member(values, name)
    if value is None:
        return {}
    if type(value) is not int or not low <= value <= high:
        raise ApiError("InvalidParameter", f"{name} must be a whole number from {low} to {high}.")
    return {field: value}


def _file(args: Arguments) -> dict[str, str]:
    """A file that is served somewhere: there is no store to which it could have been uploaded."""
    given = args.object("JobFile", "{}")
    found = {name: _member(given, name) for name in ("fileUrl", "sign", "signMethod")} if given else {}
    if not all(type(value) is str and value for value in found.values()):
        raise ApiError("InvalidParameter", "JobFile needs fileUrl, sign and signMethod.")
    return found


def _device(args: Arguments) -> Device:
    named = args.object("Device", "{}")
    if own_id := _member(named, "iotId"):
        return args.device_of_id(str(own_id))
    key, name = _member(named, "productKey"), _member(named, "deviceName")
    if not key or not name:
        raise ApiError("MissingParameter", "JobId or Device is mandatory for this action.")
    return args.operations.devices.find(args.account, str(key), str(name))


def _job(args: Arguments, job: DeviceJob) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "JobId": job.id,
        "JobName": job.name,
        "Type": job.kind,
        "Status": args.operations.jobs.state_of(job),
        "Description": job.description,
        "UtcCreate": utc_time(job.created_ms),
        "UtcModified": utc_time(job.modified_ms),
    }
    return {**shown, "ScheduledTime": job.scheduled_ms} if job.scheduled_ms else shown


def _task(found: DeviceTask) -> dict[str, Any]:
    task = found.task
    return {
        "TaskId": task.id,
        "JobId": found.job.id,
        "JobName": found.job.name,
        **device_names(found.device),
        "Status": task.status,
        "Progress": str(task.progress),
        "UtcQueueTime": utc_time(task.created_ms),
        "UtcModified": utc_time(task.modified_ms),
    }

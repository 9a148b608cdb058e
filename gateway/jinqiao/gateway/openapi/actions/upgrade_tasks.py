"""Actions of the tasks of jobs that upgrade devices."""

from __future__ import annotations

from typing import Any

from jinqiao.gateway.platform.devices.ota import Status
from jinqiao.gateway.platform.operations.upgrades import Task

from ..action import action
from ..arguments import Arguments, utc_time
from ..errors import ApiError
from ..pages import Page
from .devices import device_names
from .upgrades import product_and_package

__all__ = [
    "cancel_ota_task_by_device",
    "cancel_ota_task_by_job",
    "confirm_ota_task",
    "list_ota_task_by_job",
    "list_ota_unfinished_task_by_device",
    "reupgrade_ota_task",
]

#: Rows of a page; devices and tasks in one call.
_ROWS, _AT_ONCE = 100, 200

_TASK = (
    "TaskId JobId FirmwareId IotId ProductKey ProductName DeviceName SrcVersion DestVersion TaskStatus UtcCreate "
    "UtcModified"
)


@action(
    "ListOTATaskByJob",
    "JobId! TaskStatus DeviceNames.N CurrentPage! PageSize!",
    f"Total PageCount CurrentPage PageSize Data{{SimpleOTATaskInfo[{_TASK} Progress TaskDesc Timeout]}}",
)
def list_ota_task_by_job(args: Arguments) -> dict[str, Any]:
    upgrades, page = args.operations.upgrades, Page.of(args, _ROWS)
    job = upgrades.find(args.account, args.text("JobId"))
    status, names = _status(args.text("TaskStatus", "")), frozenset(args.list("DeviceNames"))
    total, tasks = upgrades.tasks(job, status, names, page.first, page.size)
    rows = [
        {
            **_task(task),
            "Progress": str(task.upgrade.step),
            "TaskDesc": task.upgrade.description,
            "Timeout": str(job.timeout_minutes or ""),
        }
        for task in tasks
    ]
    return {**page.members(total), "Data": {"SimpleOTATaskInfo": rows}}


@action(
    "ListOTAUnfinishedTaskByDevice",
    "device! ModuleName TaskStatus TaskStatusList.N",
    f"Data{{SimpleOTATaskInfo[{_TASK} ModuleName]}}",
)
def list_ota_unfinished_task_by_device(args: Arguments) -> dict[str, Any]:
    device, module = args.device(), args.text("ModuleName", "")
    named = [text for text in (args.text("TaskStatus", ""), *args.list("TaskStatusList")) if text]
    wanted = {_status(text) for text in named}
    rows = [
        {**_task(task), "ModuleName": task.upgrade.firmware.module}
        for task in args.operations.upgrades.unfinished(args.account, device)
        if (not module or task.upgrade.firmware.module == module) and (not wanted or task.upgrade.status in wanted)
    ]
    return {"Data": {"SimpleOTATaskInfo": rows}}


@action(
    "CancelOTATaskByJob",
    "JobId! CancelScheduledTask CancelUnconfirmedTask CancelQueuedTask CancelNotifiedTask CancelInProgressTask",
    "",
)
def cancel_ota_task_by_job(args: Arguments) -> dict[str, Any]:
    """At least one of the flags says which; of more than 200 tasks they are cancelled one after the other."""
    job = args.operations.upgrades.find(args.account, args.text("JobId"))
    flags = {
        "CancelUnconfirmedTask": Status.CONFIRM,
        "CancelQueuedTask": Status.QUEUED,
        "CancelNotifiedTask": Status.NOTIFIED,
        "CancelInProgressTask": Status.IN_PROGRESS,
    }
    statuses = frozenset(status for flag, status in flags.items() if args.flag(flag))
    planned = args.flag("CancelScheduledTask")
    if not statuses and not planned:
        raise ApiError("MissingParameter", f"one of CancelScheduledTask, {', '.join(flags)} must be true.")
    args.operations.upgrades.cancel(args.account, job.id, statuses, planned=planned)
    return {}


@action(
    "CancelOTATaskByDevice",
    "ProductKey! FirmwareId! JobId DeviceName.N!",
    "",
)
def cancel_ota_task_by_device(args: Arguments) -> dict[str, Any]:
    _, package = product_and_package(args)
    devices = args.devices(_AT_ONCE)
    args.operations.upgrades.cancel_of_devices(args.account, package, devices, args.text("JobId", ""))
    return {}


@action(
    "ConfirmOTATask",
    "TaskId.N!",
    "",
)
def confirm_ota_task(args: Arguments) -> dict[str, Any]:
    """What `NeedConfirm` keeps back may begin."""
    args.operations.upgrades.confirm(args.account, _task_ids(args))
    return {}


@action(
    "ReupgradeOTATask",
    "JobId! TaskId.N!",
    "",
)
def reupgrade_ota_task(args: Arguments) -> dict[str, Any]:
    job = args.operations.upgrades.find(args.account, args.text("JobId"))
    args.operations.upgrades.again(args.account, job.id, _task_ids(args))
    return {}


def _task_ids(args: Arguments) -> list[str]:
    task_ids = args.list("TaskId")
    if not task_ids:
        raise ApiError("MissingParameter", "TaskId.N is mandatory for this action.")
    if len(task_ids) > _AT_ONCE:
        raise ApiError("InvalidParameter", f"at most {_AT_ONCE} tasks in one call.")
    return task_ids


def _status(text: str) -> Status | None:
    if text and text.upper() not in tuple(Status):
        raise ApiError("InvalidParameter", f"a task's status is one of {', '.join(Status)}.")
    return Status(text.upper()) if text else None


def _task(task: Task) -> dict[str, Any]:
    upgrade = task.upgrade
    return {
        "TaskId": upgrade.task_id,
        "JobId": upgrade.job_id,
        "FirmwareId": upgrade.firmware_id,
        **device_names(task.device),
        "ProductName": task.device.product.name,
        "SrcVersion": upgrade.source_version,
        "DestVersion": upgrade.firmware.version,
        "TaskStatus": upgrade.status.value,
        "UtcCreate": utc_time(upgrade.created_ms),
        "UtcModified": utc_time(upgrade.modified_ms),
    }

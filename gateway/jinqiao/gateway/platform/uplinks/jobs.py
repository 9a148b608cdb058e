"""The topics of jobs: a device is notified of a task, asks for tasks and reports how they go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.platform.devices.jobs import REPORTABLE, Task
from jinqiao.wire.alink.json_values import as_name, compact, is_deeper

from .uplink import House, Outcome, Uplink, answered

if TYPE_CHECKING:
    from jinqiao.gateway.platform.registry.registry import Device

__all__ = ["get_job", "notify_job", "update_job"]

#: Bytes and levels of what a device may say about a task.
LONGEST_DETAILS, DEEPEST_DETAILS = 4_096, 8


def notify_job(house: House, device: Device, task: Task) -> None:
    """Give a device a task; it is told at once if it is online, else it asks. ValueError when it has too many."""
    state = house.state(device.product.key, device.name)
    state.jobs.add(task)
    if house.is_online(device):
        task.status = "SENT"
    house.keep(device, "jobs")
    if task.status == "SENT":
        request = {
            "id": house.calls.new_id(),
            "version": "1.0",
            "params": {"task": task.wire()},
            "method": "thing.job.notify",
        }
        house.send(Downlink(f"/sys/{device.identity}/thing/job/notify", compact(request)))


@answered
def get_job(uplink: Uplink, params: Any) -> Outcome:
    """`thing.job.get`: `$next`, `$list`, or a task by its id."""
    wanted = as_name(params.get("taskId")) if type(params) is dict else None
    if wanted is None:
        return Outcome(460)
    jobs = uplink.state.jobs
    if wanted == "$list":
        tasks = [{"taskId": task.id, "status": task.status} for task in jobs.listed()]
        return Outcome(data={"taskId": wanted, "tasks": tasks})
    task = jobs.next() if wanted == "$next" else jobs.tasks.get(wanted)
    if task is None:
        return Outcome(data={"taskId": wanted})
    if task.status == "QUEUED":
        task.status = "SENT"
        uplink.keep("jobs")
    return Outcome(data={"taskId": task.id, "task": task.wire()})


@answered
def update_job(uplink: Uplink, params: Any) -> Outcome:
    """`thing.job.update`: status and progress of a task."""
    if type(params) is not dict:
        return Outcome(460)
    task_id, status = as_name(params.get("taskId")), params.get("status")
    progress, details = params.get("progress", 0), params.get("statusDetails", {})
    if task_id is None or type(status) is not str or status not in REPORTABLE:
        return Outcome(460)
    if type(progress) is not int or not 0 <= progress <= 100 or type(details) is not dict:
        return Outcome(460)
    if is_deeper(details, DEEPEST_DETAILS) or len(compact(details)) > LONGEST_DETAILS:
        return Outcome(460)
    if not uplink.state.jobs.update(task_id, status, progress, details):
        return Outcome(460)
    uplink.keep("jobs")
    return Outcome(data={"taskId": task_id})

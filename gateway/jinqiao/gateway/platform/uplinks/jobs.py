"""The topics of jobs: a device is notified of a task, asks for tasks and reports how they go."""

from __future__ import annotations

from typing import Any

from jinqiao.gateway.platform.devices.jobs import REPORTABLE
from jinqiao.wire.alink.json_values import as_name, compact, is_deeper

from .uplink import Outcome, Uplink, answered

__all__ = ["get_job", "update_job"]

#: Bytes and levels of what a device may say about a task.
LONGEST_DETAILS, DEEPEST_DETAILS = 4_096, 8


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
    task = jobs.next() if wanted == "$next" else jobs.known(wanted)
    if task is None:
        return Outcome(data={"taskId": wanted})
    with uplink.changing("jobs") as draft:
        task = draft.jobs.tasks[task.id]
        if task.status == "QUEUED":
            task.status, task.modified_ms = "SENT", uplink.parts.now_ms()
    return Outcome(data={"taskId": task.id, "task": uplink.parts.jobs.wire(task)})


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
    with uplink.changing("jobs") as draft:
        if not draft.jobs.update(task_id, status, progress, details, uplink.parts.now_ms()):
            return Outcome(460)
    return Outcome(data={"taskId": task_id})

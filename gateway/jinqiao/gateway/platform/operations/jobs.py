"""Jobs for many devices: made, looked at, cancelled, run again; and their tasks."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..devices.jobs import Task
from ..jobs.job import DeviceJob
from ..parts import Parts
from ..registry.accounts import Account
from ..registry.registry import Device
from .errors import OperationError, Reason
from .groups import Groups
from .job_runner import JobRunner
from .messages import Messages
from .reach import Reach
from .things import Things

__all__ = ["AT_ONCE", "MOST_JOBS", "DeviceJobs", "DeviceTask"]

#: Jobs of an account that are remembered, devices of a list.
MOST_JOBS, AT_ONCE = 1_000, 200
#: Characters of a description.
_LONGEST_DESCRIPTION = 100
_NAME = re.compile(r"[A-Za-z0-9_\u4e00-\u9fff]{4,30}")
#: Tasks that another run takes up.
_AGAIN = frozenset({"FAILED", "REJECTED", "CANCELLED", "TIMED_OUT"})


@dataclass(frozen=True, slots=True)
class DeviceTask:
    """A device's share in a job."""

    device: Device
    task: Task
    job: DeviceJob


class DeviceJobs:
    """Raises NO_DEVICE_JOB and NO_JOB_TASK for what is not there, or is another account's; an account that sees all
    products sees all jobs."""

    def __init__(self, parts: Parts, reach: Reach, groups: Groups, things: Things, messages: Messages) -> None:
        self._parts, self._reach, self._groups = parts, reach, groups
        self._runner = JobRunner(parts, things, messages)

    def create(self, account: Account, name: str, kind: Any, document: dict[str, Any], **about: Any) -> DeviceJob:
        """Begin a job, or plan it; `about` are fields of DeviceJob. Of a list of devices all have their tasks when this
        returns, or nothing has happened. Raises BAD_DEVICE_JOB, NO_PRODUCT, NO_DEVICE, NO_GROUP."""
        parts, now_ms = self._parts, self._parts.now_ms()
        products = tuple(sorted(account.products)) if account.products is not None else None
        job = DeviceJob(
            secrets.token_urlsafe(18),
            name,
            kind,
            document,
            account.name,
            products,
            created_ms=now_ms,
            modified_ms=now_ms,
            **about,
        )
        if sum(known.owner == account.name for known in parts.jobs.all) >= MOST_JOBS:
            raise OperationError(Reason.BAD_DEVICE_JOB, f"an account has at most {MOST_JOBS:,} jobs")
        if not _NAME.fullmatch(name) or len(job.description) > _LONGEST_DESCRIPTION:
            raise OperationError(
                Reason.BAD_DEVICE_JOB,
                f"a name has 4 to 30 letters, digits and underscores, a description {_LONGEST_DESCRIPTION} characters",
            )
        self._check_target(account, job)
        self._runner.check(job)
        self._runner.start(replace(job, state="WAITING") if job.scheduled_ms > now_ms else job)
        return job

    def _check_target(self, account: Account, job: DeviceJob) -> None:
        if job.target == "PRODUCT_KEY":
            self._reach.product(account, job.product_key)
        elif job.target == "GROUP_ID":
            self._groups.find(account, job.group_id)
        elif not 0 < len(job.devices) <= AT_ONCE:
            raise OperationError(Reason.BAD_DEVICE_JOB, f"a list has 1 to {AT_ONCE} devices")
        for identity in job.devices:
            self._reach.device(account, *identity.split("/", 1))

    def find(self, account: Account, job_id: str) -> DeviceJob:
        job = self._parts.jobs.get(job_id)
        if job is None or not _sees(account, job):
            raise OperationError(Reason.NO_DEVICE_JOB)
        return job

    def all(self, account: Account, state: str = "") -> list[DeviceJob]:
        """Those that the account sees, latest first; in this state, if one is named."""
        jobs = (job for job in reversed(self._parts.jobs.all) if _sees(account, job))
        return [job for job in jobs if not state or self.state_of(job) == state]

    def state_of(self, job: DeviceJob) -> str:
        """Where it stands, by its tasks."""
        return self._parts.jobs.state_of(job)

    def change(self, account: Account, job_id: str, **about: Any) -> None:
        """A job has another description, rate or time-out. Raises BAD_DEVICE_JOB."""
        job = replace(self.find(account, job_id), modified_ms=self._parts.now_ms(), **about)
        if len(job.description) > _LONGEST_DESCRIPTION:
            raise OperationError(Reason.BAD_DEVICE_JOB, f"a description has {_LONGEST_DESCRIPTION} characters")
        self._parts.jobs.put(job)

    def cancel(self, account: Account, job_id: str) -> None:
        """A job goes no further: its tasks that are not over are cancelled, and devices that know of one are notified.
        Raises BAD_DEVICE_JOB for one that is over."""
        job = self.find(account, job_id)
        if self.state_of(job) not in ("WAITING", "IN_PROGRESS"):
            raise OperationError(Reason.BAD_DEVICE_JOB, "the job is over")
        self._runner.cancel(job)

    def run_again(self, account: Account, job_id: str) -> None:
        """What did not succeed begins anew. Raises BAD_DEVICE_JOB while the job goes on."""
        job = self.find(account, job_id)
        if self.state_of(job) in ("WAITING", "IN_PROGRESS"):
            raise OperationError(Reason.BAD_DEVICE_JOB, "the job goes on")
        self._runner.again(job, _AGAIN)

    def delete(self, account: Account, job_id: str) -> None:
        """A job and its tasks are forgotten. Raises BAD_DEVICE_JOB while it goes on."""
        job = self.find(account, job_id)
        if self.state_of(job) in ("WAITING", "IN_PROGRESS"):
            raise OperationError(Reason.BAD_DEVICE_JOB, "the job goes on")
        self._parts.jobs.delete(job)

    # Tasks.

    def counts(self, job: DeviceJob) -> tuple[int, dict[str, int]]:
        """How many tasks a job has, and how many of each status."""
        of_job = self._parts.jobs.tasks.of_job(job.id)
        return len(of_job.by_device), dict(of_job.counts)

    def tasks(self, account: Account, job: DeviceJob, status: str, first: int, count: int) -> list[DeviceTask]:
        """Some of a job's tasks from this one on, of this status if one is named, with devices that the account sees;
        one more than `count` where there are more."""
        seen = {key for key in self._parts.registry.products if account.sees(key)}
        by_device = self._parts.jobs.tasks.of_job(job.id).by_device
        identities: Sequence[str] = [
            identity
            for identity, task in by_device.items()
            if (not status or task.status == status) and identity.partition("/")[0] in seen
        ]
        return [
            DeviceTask(device, by_device[identity], job)
            for identity in identities[first : first + count + 1]
            if (device := self._parts.registry.device(*identity.split("/", 1))) is not None
        ]

    def of_device(self, account: Account, device: Device, status: str) -> list[DeviceTask]:
        """A device's tasks of the jobs that the account sees."""
        self._reach.allow(account, device)
        tasks = self._parts.jobs.tasks.of_device(device.identity)
        return [
            DeviceTask(device, task, job)
            for job_id, task in tasks.items()
            if (job := self._parts.jobs.get(job_id)) is not None
            and _sees(account, job)
            and (not status or task.status == status)
        ]

    def task(self, account: Account, task_id: str) -> DeviceTask:
        """A task by its id."""
        identity = self._parts.jobs.tasks.device_of(task_id)
        device = self._parts.registry.device(*identity.split("/", 1)) if identity is not None else None
        if device is not None and account.sees(device.product.key):
            for one in self.of_device(account, device, ""):
                if one.task.id == task_id:
                    return one
        raise OperationError(Reason.NO_JOB_TASK)


def _sees(account: Account, job: DeviceJob) -> bool:
    return account.products is None or job.owner == account.name

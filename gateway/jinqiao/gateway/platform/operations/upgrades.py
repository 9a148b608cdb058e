"""Jobs that upgrade devices: begun, looked at, cancelled, and their tasks."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..devices.ota import Status, Upgrade
from ..parts import Parts
from ..registry.accounts import Account
from ..registry.registry import Device, Product
from ..upgrades.clock import Clock
from ..upgrades.job import UpgradeJob
from ..upgrades.package import Package
from ..upgrades.rollout import AT_ONCE
from .errors import OperationError, Reason
from .firmware import Firmwares
from .groups import Groups
from .reach import Reach

__all__ = ["Task", "UpgradeJobs"]

#: Jobs of a product that are remembered.
MOST_JOBS = 5_000
#: Devices of a verification.
_MOST_VERIFYING = 10
_UNFINISHED = frozenset({Status.CONFIRM, Status.QUEUED, Status.NOTIFIED, Status.IN_PROGRESS})


@dataclass(frozen=True, slots=True)
class Task:
    """A device's share in a job."""

    device: Device
    upgrade: Upgrade


class UpgradeJobs:
    """Raises NO_JOB and NO_TASK; what belongs to a product that the account does not see is not there."""

    def __init__(self, parts: Parts, reach: Reach, firmwares: Firmwares, groups: Groups) -> None:
        self._parts, self._reach, self._firmwares, self._groups = parts, reach, firmwares, groups
        self._clock = Clock(parts.rollout, parts.states, parts.errands, parts.now_ms)

    def create(self, account: Account, product: Product, package: Package, **about: Any) -> UpgradeJob:
        """Begin a job, or plan it; `about` are fields of UpgradeJob.

        Of at most 200 devices all have their tasks when this returns, or nothing has happened. Raises BAD_JOB,
        NO_DEVICE, NO_GROUP, NOT_VERIFIED.
        """
        self._reach.product(account, product.key)
        rollout, now_ms = self._parts.rollout, self._parts.now_ms()
        job = UpgradeJob(secrets.token_urlsafe(18), product.key, package.id, created_ms=now_ms, **about)
        self._check(account, product, package, job)
        waits = job.scheduled_ms > now_ms
        job = replace(
            job,
            state="PLANNED" if waits else "IN_PROGRESS",
            started_ms=0 if waits else now_ms,
            modified_ms=now_ms,
        )
        with self._parts.events.together():
            if job.is_verification:
                self._parts.catalogue.put(replace(package, verify_job=job.id, modified_ms=now_ms))
            rollout.start(job)
        return job

    def _check(self, account: Account, product: Product, package: Package, job: UpgradeJob) -> None:
        rollout = self._parts.rollout
        if sum(known.product_key == product.key for known in rollout.jobs) >= MOST_JOBS:
            raise OperationError(Reason.BAD_JOB, f"a product has at most {MOST_JOBS:,} jobs")
        verification = self._firmwares.verification_of(package)
        if job.is_verification:
            if verification in (1, 2):
                raise OperationError(Reason.BAD_JOB, "the firmware is verified, or is being verified")
            if len(job.names) > _MOST_VERIFYING:
                raise OperationError(Reason.BAD_JOB, f"a verification has at most {_MOST_VERIFYING} devices")
        elif verification not in (-1, 1):
            raise OperationError(Reason.NOT_VERIFIED)
        for name in job.names:
            self._reach.device(account, product.key, name)
        if len(job.names) > AT_ONCE:
            raise OperationError(Reason.BAD_JOB, f"at most {AT_ONCE} devices can be named")
        if job.target == "GROUP":
            self._groups.find(account, job.group_id)
        if job.protocol == "MQTT" and not package.firmware.url.startswith(self._parts.downloads.base_url):
            raise OperationError(Reason.BAD_JOB, "only what is downloaded from here can be sent by MQTT")
        if job.is_dynamic:
            if not job.sources and job.target != "GROUP":
                raise OperationError(Reason.BAD_JOB, "a dynamic job has source versions, or a group")
            going = (known for known in rollout.jobs if known.is_dynamic and known.firmware_id == package.id)
            if any(known.state == "IN_PROGRESS" for known in going):
                raise OperationError(Reason.BAD_JOB, "a dynamic job with this firmware goes on")

    def find(self, account: Account, job_id: str) -> UpgradeJob:
        job = self._parts.rollout.job(job_id)
        if job is None or not account.sees(job.product_key):
            raise OperationError(Reason.NO_JOB)
        return job

    def change(self, account: Account, job_id: str, **about: Any) -> None:
        """A job goes on otherwise; `about` are fields of UpgradeJob. Raises BAD_JOB for one that is over."""
        job = self.find(account, job_id)
        if self.state_of(job) not in ("PLANNED", "IN_PROGRESS"):
            raise OperationError(Reason.BAD_JOB, "the job is over")
        self._parts.rollout.put(replace(job, modified_ms=self._parts.now_ms(), **about))

    def of_package(self, package: Package) -> list[UpgradeJob]:
        """Jobs with a package, latest first."""
        return [job for job in reversed(list(self._parts.rollout.jobs)) if job.firmware_id == package.id]

    def of_device(self, account: Account, device: Device) -> list[UpgradeJob]:
        """Jobs that a device has tasks of, latest first."""
        self._reach.allow(account, device)
        jobs = (self._parts.rollout.job(job_id) for job_id in self._parts.rollout.tasks.of_device(device.identity))
        return sorted((job for job in jobs if job is not None), key=lambda job: -job.created_ms)

    def state_of(self, job: UpgradeJob) -> str:
        """Where it stands, by its tasks."""
        return self._parts.rollout.state_of(job)

    def ended_ms(self, job: UpgradeJob) -> int:
        """When its last task was over; 0 while it goes on."""
        if self.state_of(job) in ("PLANNED", "IN_PROGRESS"):
            return 0
        return max(self._parts.rollout.tasks.of_job(job.id).modified_ms, job.modified_ms)

    # Tasks.

    def tasks(
        self, job: UpgradeJob, status: Status | None, names: frozenset[str], first: int, count: int
    ) -> tuple[int, list[Task]]:
        """How many of a job's tasks there are, of this status and of these devices if such are named, and some of them
        from this one on."""
        of_job = self._parts.rollout.tasks.of_job(job.id)
        identities: Sequence[str] = list(of_job.by_device)
        if names:
            identities = [one for one in identities if one.partition("/")[2] in names]
        if status is not None:
            identities = [one for one in identities if of_job.by_device[one].status is status]
        return len(identities), [
            Task(device, of_job.by_device[identity])
            for identity in identities[first : first + count]
            if (device := self._parts.registry.device(*identity.split("/", 1))) is not None
        ]

    def unfinished(self, account: Account, device: Device) -> list[Task]:
        """A device's tasks that are not over."""
        self._reach.allow(account, device)
        state = self._parts.states.known(device)
        return [] if state is None else [Task(device, one) for one in state.ota.pending.values() if one.job_id]

    def task(self, account: Account, task_id: str) -> Task:
        """A task by its id."""
        tasks = self._parts.rollout.tasks
        identity = tasks.device_of(task_id)
        device = self._parts.registry.device(*identity.split("/", 1)) if identity is not None else None
        if identity is None or device is None or not account.sees(device.product.key):
            raise OperationError(Reason.NO_TASK)
        return Task(device, next(one for one in tasks.of_device(identity).values() if one.task_id == task_id))

    def confirm(self, account: Account, task_ids: Sequence[str]) -> None:
        """Tasks that wait for it may begin, all of them or none. Raises BAD_JOB for one that does not wait."""
        tasks = [self.task(account, task_id) for task_id in task_ids]
        if any(task.upgrade.status is not Status.CONFIRM for task in tasks):
            raise OperationError(Reason.BAD_JOB, "a task does not wait to be confirmed")
        self._again(tasks)

    def again(self, account: Account, job_id: str, task_ids: Sequence[str]) -> None:
        """Tasks that failed or were cancelled begin anew, all of them or none. Raises BAD_JOB for another one."""
        job, tasks = self.find(account, job_id), [self.task(account, task_id) for task_id in task_ids]
        for device, upgrade in ((task.device, task.upgrade) for task in tasks):
            if upgrade.job_id != job.id:
                raise OperationError(Reason.NO_TASK)
            ota = self._parts.states.of(device).ota
            if upgrade.status not in (Status.FAILED, Status.CANCELED) or ota.task(upgrade.task_id) is None:
                raise OperationError(
                    Reason.BAD_JOB, "a task has neither failed nor been cancelled, or another followed"
                )
        self._again(tasks)

    def _again(self, tasks: Sequence[Task]) -> None:
        with self._parts.events.together():
            for task in {task.upgrade.task_id: task for task in tasks}.values():
                self._parts.rollout.again(task.device, task.upgrade)

    def cancel(self, account: Account, job_id: str, statuses: frozenset[Status], *, planned: bool) -> None:
        """Cancel the tasks of a job that are in one of these, and with `planned` a job that has not begun."""
        job = self.find(account, job_id)
        if planned and job.state == "PLANNED":
            self._end(job)
        self._parts.rollout.end_all(job, statuses)

    def cancel_strategy(self, account: Account, job_id: str) -> None:
        """A dynamic job takes up no more devices. Raises BAD_JOB for a static one."""
        job = self.find(account, job_id)
        if not job.is_dynamic:
            raise OperationError(Reason.BAD_JOB, "the job is not dynamic")
        self._end(job)

    def _end(self, job: UpgradeJob) -> None:
        self._parts.rollout.put(replace(job, state="CANCELED", modified_ms=self._parts.now_ms()))

    def cancel_of_devices(self, account: Account, package: Package, devices: Sequence[Device], job_id: str) -> None:
        """Cancel the tasks of devices with this package, of one job if it is named; all together."""
        jobs = [self.find(account, job_id)] if job_id else self.of_package(package)
        identities = [device.identity for device in devices]
        with self._parts.events.together():
            for job in jobs:
                if job.firmware_id == package.id:
                    self._parts.rollout.end(job.id, identities, _UNFINISHED)

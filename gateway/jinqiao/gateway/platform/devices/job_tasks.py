"""The tasks of all jobs, found by job: an index of what the devices' states say of theirs.

There are two kinds of jobs, with tasks in two stores of a device: upgrades (`ota`), and all others (`jobs`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Generic, Protocol, TypeVar

__all__ = ["JobTasks", "OfJob", "TaskOfJob"]


class TaskOfJob(Protocol):
    """What both kinds of tasks have."""

    @property
    def job_id(self) -> str: ...
    @property
    def task_id(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def is_over(self) -> bool: ...
    @property
    def modified_ms(self) -> int: ...


T = TypeVar("T", bound=TaskOfJob)


class OfJob(Generic[T]):
    """Tasks of a job by the device's identity, how many there are of each status, how many are open, and when one
    changed last."""

    def __init__(self) -> None:
        self.by_device: dict[str, T] = {}
        self.counts: Counter[str] = Counter()
        self.open = self.modified_ms = 0


class JobTasks(Generic[T]):
    """Follows one store of the devices."""

    def __init__(self) -> None:
        self._of_job: dict[str, OfJob[T]] = {}
        self._of_device: dict[str, dict[str, T]] = {}
        self._device_of: dict[str, str] = {}

    def put(self, identity: str, value: Any) -> None:
        """This is what a device's store has now."""
        tasks = value.all() if value is not None else ()
        fresh: dict[str, T] = {task.job_id: task for task in tasks if task.job_id}
        known = self._of_device.get(identity, {})
        for job_id, task in known.items():
            of_job = self._of_job[job_id]
            of_job.counts[task.status] -= 1
            of_job.open -= not task.is_over
            self._device_of.pop(task.task_id, None)
            if job_id not in fresh:
                del of_job.by_device[identity]
        for job_id, task in fresh.items():
            of_job = self._of_job.setdefault(job_id, OfJob())
            of_job.by_device[identity] = task
            of_job.counts[task.status] += 1
            of_job.open += not task.is_over
            of_job.modified_ms = max(of_job.modified_ms, task.modified_ms)
            self._device_of[task.task_id] = identity
        if fresh:
            self._of_device[identity] = fresh
        else:
            self._of_device.pop(identity, None)

    def of_job(self, job_id: str) -> OfJob[T]:
        return self._of_job.get(job_id) or OfJob()

    def of_device(self, identity: str) -> Mapping[str, T]:
        """A device's tasks by job."""
        return self._of_device.get(identity, {})

    def device_of(self, task_id: str) -> str | None:
        """The identity of the device whose task this is."""
        return self._device_of.get(task_id)

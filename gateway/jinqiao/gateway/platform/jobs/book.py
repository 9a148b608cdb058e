"""The jobs that there are, and what becomes of their tasks. Announced, and kept, before it is so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..devices.job_tasks import JobTasks
from ..devices.jobs import Task
from ..devices.states import DeviceStates
from ..events import DeviceJobChanged, DeviceJobDeleted
from ..listeners import Events
from ..registry.registry import Device
from .job import DeviceJob, State

__all__ = ["JobBook"]


#: ms between looks at all of a job's tasks.
_LOOK_MS = 30_000


class JobBook:
    """Jobs by id, in the order in which they came; `spreading` are those whose tasks are being made."""

    def __init__(self, states: DeviceStates, tasks: JobTasks[Task], events: Events, now_ms: Callable[[], int]) -> None:
        self._states, self.tasks, self._events, self._now_ms = states, tasks, events, now_ms
        self._jobs: dict[str, DeviceJob] = {}
        self.spreading: set[str] = set()
        #: When all of a job's tasks were last looked at.
        self._looked_ms: dict[str, int] = {}

    @property
    def all(self) -> Sequence[DeviceJob]:
        return tuple(self._jobs.values())

    def get(self, job_id: str) -> DeviceJob | None:
        return self._jobs.get(job_id)

    def put(self, job: DeviceJob) -> None:
        """A job is known, or another than it was."""
        announced = self._events.change(DeviceJobChanged, job)
        self._events.make(partial(self.restore, job))
        announced.done()

    def restore(self, job: DeviceJob) -> None:
        """Take over what was kept; nobody is notified."""
        self._jobs[job.id] = job

    def delete(self, job: DeviceJob) -> None:
        """The job is gone; what is left of its tasks with the devices means nothing."""
        announced = self._events.change(DeviceJobDeleted, job.id)
        self._events.make(partial(self._jobs.pop, job.id, None))
        announced.done()

    def state_of(self, job: DeviceJob) -> State:
        """COMPLETED once all tasks are over."""
        if job.state == "IN_PROGRESS" and job.spread and not self.tasks.of_job(job.id).open:
            return "COMPLETED"
        return job.state

    def is_due(self, job: DeviceJob, now_ms: int) -> bool:
        """Whether all of a job's tasks are to be looked at, because some are under way and that is a while ago."""
        if not self.tasks.of_job(job.id).counts["IN_PROGRESS"] or now_ms - self._looked_ms.get(job.id, 0) < _LOOK_MS:
            return False
        self._looked_ms[job.id] = now_ms
        return True

    def wire(self, task: Task) -> dict[str, Any]:
        """A task as its device gets it."""
        job = self._jobs.get(task.job_id)
        return task.wire() if job is None else task.wire(job.document, job.file)

    def change(self, device: Device, task_id: str, status: str, **facts: Any) -> Task | None:
        """A task has another status, for other reasons than that its device has reported it; the task as it is then.
        `facts` are fields of Task."""
        with self._states.changing(device, "jobs") as draft:
            task: Task | None = draft.jobs.tasks.get(task_id)
            if task is not None:
                task.status, task.modified_ms = status, self._now_ms()
                for name, value in facts.items():
                    setattr(task, name, value)
        return task

    def replied(self, device: Device, message_id: str, code: Any, message: str) -> None:
        """A device has answered a request, which may have been a task's."""
        for task in self.tasks.of_device(device.identity).values():
            if task.message_id == message_id and task.is_open:
                status = "SUCCEEDED" if code == 200 else "FAILED"
                self.change(device, task.id, status, progress=100 if code == 200 else 0, message=message[:256])
                return

"""What becomes of jobs with time: planned ones begin, tasks are given up or tried again, jobs end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..devices.ota import Status, Upgrade
from ..devices.states import DeviceStates
from ..errands import Errand, Errands
from ..registry.registry import Device
from .job import UpgradeJob
from .rollout import Rollout

__all__ = ["Clock"]

#: Seconds between looks at the jobs' clocks, ms between looks at all of a job's tasks.
_TICK_S, _LOOK_MS = 1.0, 30_000


class Clock:
    """Looks at the jobs once a second, where there is a loop."""

    def __init__(self, rollout: Rollout, states: DeviceStates, errands: Errands, now_ms: Callable[[], int]) -> None:
        self._rollout, self._states, self._errands, self._now_ms = rollout, states, errands, now_ms
        #: When all of a job's tasks were last looked at.
        self._looked_ms: dict[str, int] = {}
        errands.every(_TICK_S, self.tick)

    def tick(self) -> None:
        """Begin what is due, spread what was left, end what has had its time; called once a second."""
        now_ms = self._now_ms()
        for job in list(self._rollout.jobs):
            if job.state == "PLANNED" and job.scheduled_ms <= now_ms:
                self._rollout.start(replace(job, state="IN_PROGRESS", started_ms=now_ms, modified_ms=now_ms))
            elif job.state == "IN_PROGRESS" and not job.spread:
                self._rollout.spread(job)
            elif job.state == "IN_PROGRESS" and (job.timeout_minutes or job.retries or job.finish_ms):
                self._look_after(job, now_ms)

    def _look_after(self, job: UpgradeJob, now_ms: int) -> None:
        if job.finish_ms and job.finish_ms <= now_ms:
            self._rollout.put(replace(job, finish_ms=0, modified_ms=now_ms))
            self._rollout.end_all(job, frozenset({Status.CONFIRM, Status.QUEUED, Status.NOTIFIED}))
        elif now_ms - self._looked_ms.get(job.id, 0) >= _LOOK_MS:
            self._looked_ms[job.id] = now_ms
            counts = self._rollout.tasks.of_job(job.id).counts
            if counts[Status.IN_PROGRESS] or (job.retries and counts[Status.FAILED]):
                self._errands.run(self._looks_after(job, now_ms), f"look after {job.id}")

    def _looks_after(self, job: UpgradeJob, now_ms: int) -> Errand:
        """Time-outs, which are not tried again, and failures that are."""
        limit_ms, retry_ms = job.timeout_minutes * 60_000, job.retry_minutes * 60_000
        for device, task in self._rollout.tasks_of(job.id, list(self._rollout.tasks.of_job(job.id).by_device)):
            age_ms = now_ms - task.modified_ms
            if task.status is Status.IN_PROGRESS and limit_ms and age_ms >= limit_ms:
                self._time_out(device, task)
            elif task.status is Status.FAILED and task.retries and age_ms >= retry_ms:
                self._try_again(device, task)
            yield 0

    def _time_out(self, device: Device, task: Upgrade) -> None:
        with self._states.changing(device, "ota") as draft:
            found = draft.ota.task(task.task_id)
            if found is not None:
                found.status, found.description, found.retries = Status.FAILED, "the device took too long", 0
                found.modified_ms = self._now_ms()

    def _try_again(self, device: Device, task: Upgrade) -> None:
        with self._states.changing(device, "ota") as draft:
            found = draft.ota.task(task.task_id)
            if found is not None and task.firmware.module not in draft.ota.pending:
                found.retries -= 1
                found.status, found.step, found.description = Status.QUEUED, 0, ""
        known = self._rollout.tasks.of_device(device.identity).get(task.job_id)
        if known is not None:
            self._rollout.push(device, known)

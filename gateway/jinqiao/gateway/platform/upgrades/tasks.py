"""The tasks of all jobs, found by job: an index of what the devices' states say of their upgrades."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..devices.ota import Status, Upgrade

__all__ = ["OfJob", "Tasks"]


@dataclass(slots=True)
class OfJob:
    """Tasks of a job by the device's identity, how many there are of each status, and when one changed last."""

    upgrades: dict[str, Upgrade] = field(default_factory=dict)
    counts: Counter[Status] = field(default_factory=Counter)
    modified_ms: int = 0

    @property
    def is_over(self) -> bool:
        """Whether none is under way."""
        return sum(n for status, n in self.counts.items() if not status.is_over) == 0


_NONE = OfJob()


class Tasks:
    """Follows the devices' upgrades."""

    def __init__(self) -> None:
        self._of_job: dict[str, OfJob] = {}
        self._of_device: dict[str, dict[str, Upgrade]] = {}
        self._device_of: dict[str, str] = {}

    def put(self, identity: str, value: Any) -> None:
        """These are a device's upgrades now."""
        upgrades = value.all() if value is not None else ()
        fresh = {upgrade.job_id: upgrade for upgrade in upgrades if upgrade.job_id}
        known = self._of_device.get(identity, {})
        for job_id, upgrade in known.items():
            of_job = self._of_job[job_id]
            of_job.counts[upgrade.status] -= 1
            self._device_of.pop(upgrade.task_id, None)
            if job_id not in fresh:
                del of_job.upgrades[identity]
        for job_id, upgrade in fresh.items():
            of_job = self._of_job.setdefault(job_id, OfJob())
            of_job.upgrades[identity] = upgrade
            of_job.counts[upgrade.status] += 1
            of_job.modified_ms = max(of_job.modified_ms, upgrade.modified_ms)
            self._device_of[upgrade.task_id] = identity
        if fresh:
            self._of_device[identity] = fresh
        else:
            self._of_device.pop(identity, None)

    def of_job(self, job_id: str) -> OfJob:
        return self._of_job.get(job_id, _NONE)

    def of_device(self, identity: str) -> Mapping[str, Upgrade]:
        """A device's tasks by job."""
        return self._of_device.get(identity, {})

    def device_of(self, task_id: str) -> str | None:
        """The identity of the device whose task this is."""
        return self._device_of.get(task_id)

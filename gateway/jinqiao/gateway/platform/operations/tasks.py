"""Jobs: tasks that devices fetch, work on and report about."""

from __future__ import annotations

from ..devices.jobs import Task
from ..parts import Parts
from ..registry.accounts import Account
from ..registry.registry import Device
from .reach import Reach

__all__ = ["Tasks"]


class Tasks:
    """One method: giving a device a task."""

    def __init__(self, parts: Parts, reach: Reach) -> None:
        self._parts, self._reach = parts, reach

    def notify(self, account: Account, device: Device, task: Task) -> None:
        """Give a device a task; it is notified at once if online, else it asks. ValueError when it has too many."""
        self._reach.allow(account, device)
        parts = self._parts
        if parts.presence.is_online(device):
            task.status = "SENT"
        with parts.states.changing(device, "jobs") as draft:
            draft.jobs.add(task)
        if task.status == "SENT":
            parts.notices.ask(device, "thing/job/notify", {"task": task.wire()})

"""Jobs of a device: tasks with a document, that the device fetches, works on and reports about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["REPORTABLE", "Jobs", "Task"]

#: Tasks kept per device, and those that one list answers.
MOST_TASKS, MOST_LISTED = 100, 10

#: What a device may say of a task …
REPORTABLE = frozenset({"IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"})
#: … and of which tasks: the others are over.
_OPEN = frozenset({"QUEUED", "SENT", "IN_PROGRESS"})


@dataclass(slots=True)
class Task:
    """One task. `file` holds `sign`, `signMethod` and `fileUrl` of a job file, or nothing."""

    id: str
    document: Mapping[str, Any]
    file: Mapping[str, Any] = field(default_factory=dict)
    status: str = "QUEUED"
    progress: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.status in _OPEN

    def wire(self) -> dict[str, Any]:
        """As a notice or the answer to `$next` shows it."""
        shown: dict[str, Any] = {"taskId": self.id, "status": self.status, "jobDocument": dict(self.document)}
        if self.file:
            shown["jobFile"] = dict(self.file)
        return shown


@dataclass(slots=True)
class Jobs:
    """Tasks by id, oldest first."""

    tasks: dict[str, Task] = field(default_factory=dict)

    def add(self, task: Task) -> None:
        """Queue a task; the oldest finished ones make room. Raises ValueError when all are open."""
        if len(self.tasks) >= MOST_TASKS:
            over = next((old.id for old in self.tasks.values() if not old.is_open), None)
            if over is None:
                raise ValueError(f"the device has {MOST_TASKS} open tasks")
            del self.tasks[over]
        self.tasks[task.id] = task

    def next(self) -> Task | None:
        """The oldest task that is not over."""
        return next((task for task in self.tasks.values() if task.is_open), None)

    def listed(self) -> list[Task]:
        """The first open tasks."""
        return [task for task in self.tasks.values() if task.is_open][:MOST_LISTED]

    def update(self, task_id: str, status: str, progress: int, details: Mapping[str, Any]) -> bool:
        """The device reports; false for a task that is not there or over."""
        task = self.tasks.get(task_id)
        if task is None or not task.is_open:
            return False
        task.status, task.progress, task.details = status, progress, dict(details)
        return True

    def dump(self) -> list[Any]:
        """As plain JSON values."""
        return [asdict(task) for task in self.tasks.values()]

    @classmethod
    def load(cls, values: list[Any]) -> Jobs:
        return cls({value["id"]: Task(**value) for value in values})

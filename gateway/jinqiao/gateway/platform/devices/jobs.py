"""Jobs of a device: tasks with a document, that the device fetches, works on and reports about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    """One task. `file` holds `sign`, `signMethod` and `fileUrl` of a job file, or nothing.

    A task of a job (`job_id`) has its document there, once for all devices. The device knows of it as a task unless it
    is `hidden`: then it is a property to set, a service or a message, whose reply (to `message_id`) ends it. Times in
    UTC ms.
    """

    id: str
    document: Mapping[str, Any]
    file: Mapping[str, Any] = field(default_factory=dict)
    status: str = "QUEUED"
    progress: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)
    job_id: str = ""
    hidden: bool = False
    message_id: str = ""
    message: str = ""
    created_ms: int = 0
    modified_ms: int = 0

    @property
    def task_id(self) -> str:
        return self.id

    @property
    def is_over(self) -> bool:
        return not self.is_open

    @property
    def is_open(self) -> bool:
        return self.status in _OPEN

    def wire(self, document: Mapping[str, Any] | None = None, file: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """As a notice or the answer to `$next` shows it, with document and file of its job if it has one."""
        own = dict(self.document if document is None else document)
        shown: dict[str, Any] = {"taskId": self.id, "status": self.status, "jobDocument": own}
        if attached := self.file if file is None else file:
            shown["jobFile"] = dict(attached)
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

    @property
    def has_room(self) -> bool:
        """Whether another task can be queued."""
        return len(self.tasks) < MOST_TASKS or any(not task.is_open for task in self.tasks.values())

    def next(self) -> Task | None:
        """The oldest task that is not over."""
        return next(iter(self.listed()), None)

    def listed(self) -> list[Task]:
        """The first open tasks that the device knows of."""
        return [task for task in self.tasks.values() if task.is_open and not task.hidden][:MOST_LISTED]

    def known(self, task_id: str) -> Task | None:
        """A task that the device knows of."""
        task = self.tasks.get(task_id)
        return None if task is None or task.hidden else task

    def all(self) -> Iterable[Task]:
        return self.tasks.values()

    def update(self, task_id: str, status: str, progress: int, details: Mapping[str, Any], now_ms: int = 0) -> bool:
        """The device reports; false for a task that is not there or over."""
        task = self.known(task_id)
        if task is None or not task.is_open:
            return False
        if task.status != status:
            task.modified_ms = now_ms  # a time-out counts from the first report
        task.status, task.progress, task.details = status, progress, dict(details)
        return True

    def dump(self) -> list[Any]:
        """As plain JSON values."""
        return [asdict(task) for task in self.tasks.values()]

    @classmethod
    def load(cls, values: list[Any]) -> Jobs:
        return cls({value["id"]: Task(**value) for value in values})

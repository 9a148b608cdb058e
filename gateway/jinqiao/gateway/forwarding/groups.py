"""The queues of all consumer groups: one for each group that is defined, and bounds that they share."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from jinqiao.base.errors import EnvironmentFault

from .bounds import Bounds
from .clock import Clock
from .disk_thread import DiskThread
from .group import Group, Store
from .keeping import Keeping
from .log import Log, folder_of
from .messages import Messages

__all__ = ["Groups"]

_logger = logging.getLogger(__name__)


class Groups:
    """All consumer groups by id. `create` and `delete` follow the definitions; `tick` is called once a second."""

    def __init__(
        self, clock: Clock, bounds: Bounds | None = None, folder: Path | None = None, disk: DiskThread | None = None
    ) -> None:
        self._clock = clock
        self._bounds = bounds or Bounds()
        self._folder = folder
        self._disk = disk or DiskThread()
        #: When what came is on the disk; never behind where there is no folder.
        self.keeping = Keeping(clock.soon, self._disk.work)
        self._groups: dict[str, Group] = {}

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups.values())

    def create(self, group_id: str) -> Group:
        """A group is defined from now on; nothing changes if it is already. Raises EnvironmentFault."""
        group = self._groups.get(group_id)
        if group is None:
            try:
                store = self._store(group_id)
                group = self._groups[group_id] = Group(group_id, self._clock, self._bounds, store)
            except OSError as error:
                raise EnvironmentFault(f"cannot keep messages in {self._folder}: {error}") from error
        return group

    def _store(self, group_id: str) -> Store | None:
        if self._folder is None:
            return None
        folder = folder_of(self._folder, group_id)
        return Store(Log(folder, self._bounds.segment_bytes, self._disk.aside), self.keeping)

    def delete(self, group_id: str) -> None:
        """A group is defined no more: what waits is dropped, and its consumers are sent nothing."""
        group = self._groups.pop(group_id, None)
        if group is not None:
            try:
                group.remove()
            except OSError as error:
                _logger.error("consumer group %s: its messages cannot be removed: %s", group_id, error)

    def close(self) -> None:
        """Nothing comes any more: what has to is on the disk when this returns, or reported."""
        self._disk.close()
        for group in self._groups.values():
            try:
                group.close()
            except OSError as error:
                _logger.error("consumer group %s: its messages cannot be kept: %s", group.group_id, error)

    def group(self, group_id: str) -> Group | None:
        """The queue of a group, or None if it is not defined."""
        return self._groups.get(group_id)

    def put(self, group_id: str, messages: Messages, *, passing: bool = False) -> None:
        """Queue messages for a group; for one that is not defined, nothing happens.

        `passing` is for what simulated vehicles say: it does not outlive the process. All else is on the disk, where
        there is a data folder, before the device's message is acknowledged.
        """
        group = self._groups.get(group_id)
        if group is not None:
            group.put(messages, passing=passing)

    def tick(self) -> None:
        """A second has passed."""
        for group in self._groups.values():
            group.tick()
        held = sum(group.held for group in self._groups.values())
        while held > self._bounds.total_bytes:
            largest = max(self._groups.values(), key=lambda group: group.held)
            before = largest.held
            if not largest.shrink(before - (held - self._bounds.total_bytes)):
                return
            held -= before - largest.held

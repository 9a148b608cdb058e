"""The queues of all consumer groups: one for each group that is defined, and bounds that they share."""

from __future__ import annotations

from collections.abc import Iterator

from .bounds import Bounds
from .group import Clock, Group
from .messages import Messages

__all__ = ["Groups"]


class Groups:
    """All consumer groups by id. `create` and `delete` follow the definitions; `tick` is called once a second."""

    def __init__(self, clock: Clock, bounds: Bounds | None = None) -> None:
        self._clock = clock
        self._bounds = bounds or Bounds()
        self._groups: dict[str, Group] = {}

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups.values())

    def create(self, group_id: str) -> Group:
        """A group is defined from now on; nothing changes if it is already."""
        group = self._groups.get(group_id)
        if group is None:
            group = self._groups[group_id] = Group(group_id, self._clock, self._bounds)
        return group

    def delete(self, group_id: str) -> None:
        """A group is defined no more: what waits is dropped, and its consumers are sent nothing."""
        group = self._groups.pop(group_id, None)
        if group is not None:
            group.clear()

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

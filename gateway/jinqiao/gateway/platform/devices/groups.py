"""Groups of devices: what is said of each, and who is in it.

A group belongs to the account that made it. Which groups a device is in is part of the device's state and kept with it,
so that it leaves them when it is deleted; a group that is deleted leaves its id there, which means nothing any more.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from ..events import DeviceGroupChanged, DeviceGroupDeleted
from ..listeners import Events
from .group import DeviceGroup

__all__ = ["DeviceGroups", "Members"]


class Members:
    """Identities of devices by group, in the order in which they came."""

    def __init__(self) -> None:
        self._of_group: dict[str, dict[str, None]] = {}
        self._of_device: dict[str, tuple[str, ...]] = {}

    def put(self, identity: str, value: Any) -> None:
        """A device is in these groups now."""
        fresh, known = tuple(value or ()), self._of_device.get(identity, ())
        for group_id in known:
            if group_id not in fresh and identity in self._of_group.get(group_id, ()):
                del self._of_group[group_id][identity]
        for group_id in fresh:
            self._of_group.setdefault(group_id, {})[identity] = None
        if fresh:
            self._of_device[identity] = fresh
        else:
            self._of_device.pop(identity, None)

    def of(self, group_id: str) -> Collection[str]:
        return self._of_group.get(group_id, {})

    def forget(self, group_id: str) -> None:
        """The group is gone."""
        self._of_group.pop(group_id, None)


class DeviceGroups:
    """Groups by id. A change is announced, and kept, before it is made."""

    def __init__(self, events: Events, members: Members) -> None:
        self._events, self.members = events, members
        self._groups: dict[str, DeviceGroup] = {}

    @property
    def all(self) -> Collection[DeviceGroup]:
        """In the order in which they were made."""
        return self._groups.values()

    def get(self, group_id: str) -> DeviceGroup | None:
        return self._groups.get(group_id)

    def below(self, group_id: str) -> int:
        """How many groups are directly in this one."""
        return sum(group.super_id == group_id for group in self._groups.values())

    def put(self, group: DeviceGroup) -> None:
        """A group is made, or another than it was."""
        announced = self._events.change(DeviceGroupChanged, group)
        self._events.make(partial(self.restore, group))
        announced.done()

    def restore(self, group: DeviceGroup) -> None:
        """Take over what was kept; nobody is notified."""
        self._groups[group.id] = group

    def delete(self, group: DeviceGroup) -> None:
        """The group is gone; its devices stay."""
        announced = self._events.change(DeviceGroupDeleted, group.id)
        self._events.make(partial(self._delete, group.id))
        announced.done()

    def _delete(self, group_id: str) -> None:
        self._groups.pop(group_id, None)
        self.members.forget(group_id)

"""What is remembered of a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..registry.registry import Device
from .base import PlatformEvent

__all__ = [
    "DesiredChanged",
    "GroupsChanged",
    "JobUpdated",
    "LogModeChanged",
    "OtaProgressed",
    "ShadowChanged",
    "StateChanged",
    "TagsChanged",
    "TopologyChanged",
    "VersionsChanged",
]


@dataclass(frozen=True, slots=True)
class StateChanged(PlatformEvent):
    """One store of a device's state has another content. `kind` is the store's name in `DeviceState`."""

    kind: ClassVar[str]

    device: Device
    value: Any

    def dump(self) -> Any:
        """The content as plain JSON values."""
        value = self.value
        return value.dump() if hasattr(value, "dump") else dict(value) if isinstance(value, dict) else value


class ShadowChanged(StateChanged):
    __slots__ = ()
    kind = "shadow"


class DesiredChanged(StateChanged):
    __slots__ = ()
    kind = "desired"


class TagsChanged(StateChanged):
    __slots__ = ()
    kind = "tags"


class VersionsChanged(StateChanged):
    """The device has informed of another software version."""

    __slots__ = ()
    kind = "versions"


class OtaProgressed(StateChanged):
    __slots__ = ()
    kind = "ota"


class JobUpdated(StateChanged):
    __slots__ = ()
    kind = "jobs"


class TopologyChanged(StateChanged):
    """The value is the identity of the gateway that the sub-device is bound to now, or ''."""

    __slots__ = ()
    kind = "gateway"


class GroupsChanged(StateChanged):
    """The value is the ids of the groups that the device is in; such of groups that are gone mean nothing."""

    __slots__ = ()
    kind = "groups"


class LogModeChanged(StateChanged):
    __slots__ = ()
    kind = "log_mode"

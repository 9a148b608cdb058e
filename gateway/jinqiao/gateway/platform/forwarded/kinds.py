"""What is forwarded, one row a kind of event: the event, and the messages that its body function makes of it.

`KINDS` are the kinds under which messages are subscribed, by the flag of a subscribe relation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ..events import (
    BatchAccepted,
    CustomMessage,
    Deleted,
    Disabled,
    DownlinkAnswered,
    EventAccepted,
    Offline,
    Online,
    OtaProgressed,
    PlatformEvent,
    PropertiesAccepted,
    Registered,
    SubDevicesFound,
    TagsChanged,
    TopologyChanged,
    UpgradeJobChanged,
    VersionsChanged,
)
from . import changes, life, posts, status
from .message import Message, Sources

__all__ = ["KINDS", "ROWS", "Row"]

#: Kind → the flag that subscribes it (request class `CreateSubscribeRelation` of the vendor's SDK).
KINDS: Mapping[str, str] = MappingProxyType(
    {
        "device_data": "DeviceDataFlag",
        "status": "DeviceStatusChangeFlag",
        "lifecycle": "DeviceLifeCycleFlag",
        "topo": "DeviceTopoLifeCycleFlag",
        "found": "FoundDeviceListFlag",
        "ota": "OtaEventFlag",
        "version": "OtaVersionFlag",
        "ota_job": "OtaJobFlag",
        "history": "ThingHistoryFlag",
        "tags": "DeviceTagFlag",
    }
)


class Row(NamedTuple):
    """What an event becomes. `kinds` are those that its messages may be of, all about the event's own `device`; none
    where they may be about another, or there are few of them: then each is made before it is asked for."""

    messages: Callable[[Sources, Any], Iterator[Message]]
    kinds: tuple[str, ...] = ()


_POSTS = ("device_data", "history")

ROWS: Mapping[type[PlatformEvent], Row] = MappingProxyType(
    {
        PropertiesAccepted: Row(posts.properties, _POSTS),
        EventAccepted: Row(posts.event, _POSTS),
        BatchAccepted: Row(posts.batch, ("device_data",)),
        CustomMessage: Row(posts.custom, ("device_data",)),
        DownlinkAnswered: Row(posts.answered, ("device_data",)),
        Online: Row(status.online, ("status",)),
        Offline: Row(status.offline, ("status",)),
        Registered: Row(life.registered, ("lifecycle",)),
        Disabled: Row(life.disabled),
        Deleted: Row(life.deleted),
        TopologyChanged: Row(life.topology),
        SubDevicesFound: Row(life.found),
        VersionsChanged: Row(changes.versions, ("version",)),
        OtaProgressed: Row(changes.upgrades, ("ota", "ota_job")),
        UpgradeJobChanged: Row(changes.job),
        TagsChanged: Row(changes.tags, ("tags",)),
    }
)

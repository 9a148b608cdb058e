"""What devices say, and what is asked of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..registry.registry import Device
from .base import PlatformEvent

if TYPE_CHECKING:
    from jinqiao.wire.render.said import SaidBatch

__all__ = [
    "BatchAccepted",
    "CustomMessage",
    "DownlinkAnswered",
    "EventAccepted",
    "FileReceived",
    "PropertiesAccepted",
    "Refused",
    "ServiceCalled",
    "ServiceReplied",
    "SimulatedEvent",
    "Source",
    "SubDevicesFound",
    "TelemetryBatch",
]

#: What a post came as: by itself (a gateway's pack is many such), as a record of the past, or in a batch.
Source = Literal["post", "history", "batch"]


@dataclass(frozen=True, slots=True)
class PropertiesAccepted(PlatformEvent):
    """A checked post. `params` is as the device sent it, bare values or `{"value", "time"}`; those that are named in
    `refused` (address → code) are not part of what was accepted."""

    device: Device
    params: Mapping[str, Any]
    refused: Mapping[str, int]
    now_ms: int
    #: Id of the message.
    request_id: str = ""
    source: Source = "post"


@dataclass(frozen=True, slots=True)
class TelemetryBatch(PlatformEvent):
    """What simulated vehicles of a product say, as columns: `said.batch.vehicles` are rows of `FleetDevices`.

    They may be many, and it comes often: a listener works on columns.
    """

    product_key: str
    said: SaidBatch


@dataclass(frozen=True, slots=True)
class SimulatedEvent(PlatformEvent):
    """An event of a simulated vehicle, row `vehicle` of `FleetDevices`, as the whole packet that is forwarded."""

    product_key: str
    vehicle: int
    time_ms: int
    packet: bytes

    def read(self) -> tuple[str, Mapping[str, Any]]:
        """Identifier and output. It costs something, so only who needs to know asks."""
        post = self.post()
        return post["method"].removeprefix("thing.event.").removesuffix(".post"), post["params"]["value"]

    def post(self) -> Mapping[str, Any]:
        """The same as the whole post: id, params with value and time, method."""
        from jinqiao.wire.render.events import read_event_post  # brings NumPy, which few need

        return read_event_post(self.packet)


@dataclass(frozen=True, slots=True)
class EventAccepted(PlatformEvent):
    """A checked event; `output` has what the thing model allows, `time_ms` is the event's own time. What it does not
    allow is in `refused`: output → value and code."""

    device: Device
    identifier: str
    output: Mapping[str, Any]
    time_ms: int
    now_ms: int
    refused: Mapping[str, tuple[Any, int]] = field(default_factory=dict)
    #: Id of the message.
    request_id: str = ""
    source: Source = "post"


@dataclass(frozen=True, slots=True)
class BatchAccepted(PlatformEvent):
    """A checked batch as it came, beside the events of its single values: of each property and event its values over
    time. Those whose code is in `refused` are of what the thing model does not allow."""

    device: Device
    properties: Mapping[str, Sequence[Any]]
    events: Mapping[str, Sequence[Any]]
    refused: Mapping[str, int]
    request_id: str
    now_ms: int


@dataclass(frozen=True, slots=True)
class CustomMessage(PlatformEvent):
    """A device has published on a custom topic. Reported of the products for which `Forwarded.wants` it."""

    device: Device
    topic: str
    payload: bytes
    now_ms: int


@dataclass(frozen=True, slots=True)
class ServiceCalled(PlatformEvent):
    """A service is called; `input` is JSON, `call` the message's id."""

    device: Device
    identifier: str
    call: str
    input: str
    now_ms: int


@dataclass(frozen=True, slots=True)
class ServiceReplied(PlatformEvent):
    """The device has answered; `output` is JSON."""

    device: Device
    identifier: str
    call: str
    output: str
    now_ms: int


@dataclass(frozen=True, slots=True)
class DownlinkAnswered(PlatformEvent):
    """What became of a request that nobody waits for: the device's answer, or the platform's code (9201: offline).

    `topic` is that of the request, `data` any JSON value.
    """

    device: Device
    topic: str
    request_id: str
    code: int
    message: str
    data: Any
    now_ms: int


@dataclass(frozen=True, slots=True)
class SubDevicesFound(PlatformEvent):
    """A gateway has found sub-devices: product key and device name of each. They may be registered, or not."""

    gateway: Device
    found: Sequence[tuple[str, str]]
    now_ms: int


@dataclass(frozen=True, slots=True)
class FileReceived(PlatformEvent):
    """A device has sent a file, whole and checked; `identity` is `product_key/device_name`."""

    identity: str
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Refused(PlatformEvent):
    """A message, a login or a delivery was refused or failed; names are empty where nobody is known.

    A device's own log entries come under code 200. Texts may be a stranger's; and where `stranger` is set, nobody has
    proved to be whom the names say.
    """

    time_ms: int
    product_key: str
    device_name: str
    topic: str
    code: int
    message: str
    stranger: bool = False

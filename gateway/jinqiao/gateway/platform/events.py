"""What the platform reports: one frozen value for each thing that happened.

With `listeners`, which says when each listener is called, this is the whole contract between the platform and its
neighbours. Storage, history, forwarding, rules, a console and metrics are listeners of the same kind, which do not know
each other; a new one needs no new hook.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .devices.group import DeviceGroup
from .devices.remote_config import RemoteConfig
from .jobs.job import DeviceJob
from .products.batch import Batch
from .registry.record import DeviceRecord
from .registry.registry import Device, Product
from .rules.rule import Rule
from .subscriptions.definitions import ConsumerGroupDefinition, SubscribeRelation
from .upgrades.job import UpgradeJob
from .upgrades.package import Module, Package

if TYPE_CHECKING:
    from jinqiao.wire.render.said import SaidBatch

__all__ = [
    "BatchAccepted",
    "BatchChanged",
    "ConfigChanged",
    "ConsumerGroupChanged",
    "ConsumerGroupDeleted",
    "CustomMessage",
    "Deleted",
    "DesiredChanged",
    "DeviceGroupChanged",
    "DeviceGroupDeleted",
    "DeviceJobChanged",
    "DeviceJobDeleted",
    "Disabled",
    "DownlinkAnswered",
    "EventAccepted",
    "FileReceived",
    "FirmwareChanged",
    "FirmwareDeleted",
    "FleetPresence",
    "ForGroup",
    "GroupsChanged",
    "JobUpdated",
    "LogModeChanged",
    "MessageForwarded",
    "ModelDrafted",
    "ModelVersionChanged",
    "ModuleChanged",
    "ModuleDeleted",
    "Offline",
    "Online",
    "OtaProgressed",
    "PlatformEvent",
    "ProductChanged",
    "ProductDeleted",
    "PropertiesAccepted",
    "RecordChanged",
    "Refused",
    "Registered",
    "RuleChanged",
    "ServiceCalled",
    "ServiceReplied",
    "ShadowChanged",
    "SimulatedEvent",
    "StateChanged",
    "SubDevicesFound",
    "SubscriptionChanged",
    "SubscriptionDeleted",
    "TagsChanged",
    "TelemetryBatch",
    "TopologyChanged",
    "UpgradeJobChanged",
    "VersionsChanged",
]

#: What a post came as: by itself (a gateway's pack is many such), as a record of the past, or in a batch.
Source = Literal["post", "history", "batch"]


class PlatformEvent:
    """Anything that happened. Times are UTC milliseconds of the platform's clock."""

    __slots__ = ()


# Devices come and go.


@dataclass(frozen=True, slots=True)
class Registered(PlatformEvent):
    """A device is registered."""

    device: Device


@dataclass(frozen=True, slots=True)
class Deleted(PlatformEvent):
    """A device is deleted, and with it everything that is remembered of it."""

    device: Device


@dataclass(frozen=True, slots=True)
class Disabled(PlatformEvent):
    """A device may not connect any more (`disabled`), or may again."""

    device: Device
    disabled: bool


@dataclass(frozen=True, slots=True)
class RecordChanged(PlatformEvent):
    """What is noted about a device has changed: nickname, activation, token, whether it is disabled."""

    device: Device
    record: DeviceRecord


@dataclass(frozen=True, slots=True)
class Online(PlatformEvent):
    """A device is connected, by a connection of its own, its gateway's, or another protocol."""

    device: Device
    time_ms: int
    address: str = ""


@dataclass(frozen=True, slots=True)
class Offline(PlatformEvent):
    """It is not any more. `reason` is the platform's code for that: 427 for another login of the device, 521 for one
    that is deleted, 522 for one that is disabled, 520 for a sub-device without its gateway, else 400.
    """

    device: Device
    time_ms: int
    reason: int = 400


@dataclass(frozen=True, slots=True)
class FleetPresence(PlatformEvent):
    """The simulator has come or gone, and with it all vehicles of its products that have no connection of their own."""

    online: bool
    time_ms: int


# What devices say, and what is asked of them.


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


# What is remembered of a device.


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


# What belongs to an account.


@dataclass(frozen=True, slots=True)
class DeviceGroupChanged(PlatformEvent):
    """A group of devices is made, or another than it was."""

    group: DeviceGroup


@dataclass(frozen=True, slots=True)
class DeviceGroupDeleted(PlatformEvent):
    """A group of devices is gone; its devices stay."""

    group_id: str


@dataclass(frozen=True, slots=True)
class DeviceJobChanged(PlatformEvent):
    """A job for devices is made, begins, is cancelled. What becomes of its tasks is `JobUpdated`."""

    job: DeviceJob


@dataclass(frozen=True, slots=True)
class DeviceJobDeleted(PlatformEvent):
    """A job for devices is gone."""

    job_id: str


# What belongs to a product.


@dataclass(frozen=True, slots=True)
class ProductChanged(PlatformEvent):
    """A product is made, or has another name, thing model or record: as it is from now on."""

    product: Product


@dataclass(frozen=True, slots=True)
class ProductDeleted(PlatformEvent):
    """A product is deleted, and with it everything that is remembered of it."""

    product_key: str


@dataclass(frozen=True, slots=True)
class ModelDrafted(PlatformEvent):
    """A thing model that is not published yet, as a TSL document; None: it is as the published one."""

    product_key: str
    tsl: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class ModelVersionChanged(PlatformEvent):
    """A version of a thing model is published; `tsl` None: it is not remembered any more."""

    product_key: str
    version: str
    description: str
    created_ms: int
    tsl: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class BatchChanged(PlatformEvent):
    """Devices that are registered together: names were checked, or registering them has begun or ended.

    Without names: it is not remembered any more.
    """

    batch: Batch


@dataclass(frozen=True, slots=True)
class ConfigChanged(PlatformEvent):
    """A product's remote configuration."""

    product_key: str
    config: RemoteConfig


@dataclass(frozen=True, slots=True)
class FirmwareChanged(PlatformEvent):
    """An update package is known from now on, or another than it was."""

    package: Package


@dataclass(frozen=True, slots=True)
class FirmwareDeleted(PlatformEvent):
    """An update package is gone."""

    package: Package


@dataclass(frozen=True, slots=True)
class ModuleChanged(PlatformEvent):
    """A module of a product's devices is known from now on, or another than it was."""

    module: Module


@dataclass(frozen=True, slots=True)
class ModuleDeleted(PlatformEvent):
    """A module is not known any more."""

    module: Module


@dataclass(frozen=True, slots=True)
class UpgradeJobChanged(PlatformEvent):
    """A job that upgrades devices is made, begins, is cancelled. What becomes of its tasks is `OtaProgressed`."""

    job: UpgradeJob


# What goes to a customer's back end.


@dataclass(frozen=True, slots=True)
class MessageForwarded(PlatformEvent):
    """A message to who subscribes to it: server-side subscription, rules.

    It is announced before what it reports is changed and acknowledged, so that a listener of `before_ack` can keep it
    first. Of devices that speak for themselves, and only where somebody wants their product and kind
    (`Forwarded.wanted_by`); what simulated vehicles say is a `TelemetryBatch`, `SimulatedEvent` or `FleetPresence`.

    `kind` is what subscribes it (`platform.forwarded.kinds`), `topic` is without `/sys`. Of a topology `device` is the
    gateway. `body` is compact JSON, and `values` the same before it was encoded; None for a payload that is passed on
    untouched. `message_id` has 19 digits.
    """

    kind: str
    topic: str
    device: Device
    body: bytes
    values: Mapping[str, Any] | None
    message_id: str
    generated_ms: int


@dataclass(frozen=True, slots=True)
class ConsumerGroupChanged(PlatformEvent):
    """There is a consumer group, or it has another name."""

    group: ConsumerGroupDefinition


@dataclass(frozen=True, slots=True)
class ConsumerGroupDeleted(PlatformEvent):
    """There is no such group any more, and what waits for it is nobody's."""

    group: ConsumerGroupDefinition


@dataclass(frozen=True, slots=True)
class SubscriptionChanged(PlatformEvent):
    """A product's messages go to other groups, or others of them do."""

    relation: SubscribeRelation


@dataclass(frozen=True, slots=True)
class SubscriptionDeleted(PlatformEvent):
    """A product's messages go to nobody any more, as far as this owner's relation goes."""

    relation: SubscribeRelation


@dataclass(frozen=True, slots=True)
class ForGroup(PlatformEvent):
    """A message for one consumer group, whatever that is subscribed to: what a rule has made of another."""

    group_id: str
    topic: str
    body: bytes
    message_id: str
    generated_ms: int


# Rules.


@dataclass(frozen=True, slots=True)
class RuleChanged(PlatformEvent):
    """A rule is made, changed, started, stopped, or `deleted`: then it is as it was, but stopped."""

    rule: Rule
    deleted: bool

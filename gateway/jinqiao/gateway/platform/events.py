"""What the platform reports: one frozen value for each thing that happened, and who listens.

This file is the whole contract between the platform and its neighbours. Storage, history, forwarding, rules, a console
and metrics are listeners of the same kind, which do not know each other; a new one needs no new hook.

Rule 1: a listener that subscribed with `before_ack` is called before the change is made and before it is acknowledged.
If it raises, the change has not happened, and the request is refused. This is what an acknowledgement means:
it is kept.
Rule 2: all other listeners are called after the change, in the order in which they subscribed. What they raise is
logged and costs nobody anything: the change has happened.
Rule 3: listeners are called on the platform's own thread and must be quick; work goes into a queue of theirs.
Rule 4: a value is built only where somebody listens. A fleet posts 100,000 times a second.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, ParamSpec, TypeVar

from .devices.ota import Firmware
from .devices.remote_config import RemoteConfig
from .registry.record import DeviceRecord
from .registry.registry import Device

__all__ = [
    "ConfigChanged",
    "Deleted",
    "DesiredChanged",
    "Disabled",
    "EventAccepted",
    "Events",
    "FileReceived",
    "FirmwareAdded",
    "JobUpdated",
    "LogModeChanged",
    "Offline",
    "Online",
    "OtaProgressed",
    "PlatformEvent",
    "PropertiesAccepted",
    "RecordChanged",
    "Refused",
    "Registered",
    "ServiceCalled",
    "ServiceReplied",
    "ShadowChanged",
    "StateChanged",
    "TagsChanged",
    "TopologyChanged",
    "VersionsChanged",
]

_logger = logging.getLogger(__name__)


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
    """It is not any more."""

    device: Device
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


@dataclass(frozen=True, slots=True)
class EventAccepted(PlatformEvent):
    """A checked event; `output` has what the thing model allows, `time_ms` is the event's own time."""

    device: Device
    identifier: str
    output: Mapping[str, Any]
    time_ms: int
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


class LogModeChanged(StateChanged):
    __slots__ = ()
    kind = "log_mode"


# What belongs to a product.


@dataclass(frozen=True, slots=True)
class ConfigChanged(PlatformEvent):
    """A product's remote configuration."""

    product_key: str
    config: RemoteConfig


@dataclass(frozen=True, slots=True)
class FirmwareAdded(PlatformEvent):
    """A firmware is known from now on."""

    product_key: str
    firmware_id: str
    firmware: Firmware


P = ParamSpec("P")
E = TypeVar("E", bound=PlatformEvent)
Listener = Callable[[Any], object]


class Events:
    """Who listens to what. Kinds are classes; a listener of a class hears its subclasses, too."""

    def __init__(self) -> None:
        self._subscribed: list[tuple[type[PlatformEvent], Listener, bool]] = []
        self._listeners: dict[type[PlatformEvent], tuple[tuple[Listener, ...], tuple[Listener, ...]]] = {}
        self._brackets: list[Callable[[], AbstractContextManager[object]]] = []

    def subscribe(
        self, kinds: type[E] | tuple[type[E], ...], listener: Callable[[E], object], *, before_ack: bool = False
    ) -> None:
        """Call `listener` with each event of these kinds: before the change if `before_ack`, else after it."""
        for kind in kinds if isinstance(kinds, tuple) else (kinds,):
            self._subscribed.append((kind, listener, before_ack))
        self._listeners.clear()

    def bracket(self, around: Callable[[], AbstractContextManager[object]]) -> None:
        """Put this around changes that belong together, such as a transaction of the store."""
        self._brackets.append(around)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Changes announced in this block are all agreed to when it ends, or none is and it raises.

        So they are made behind it.
        """
        with ExitStack() as stack:
            for around in self._brackets:
                stack.enter_context(around())
            yield

    def heard(self, kind: type[PlatformEvent]) -> bool:
        """Whether anybody listens to this kind."""
        return any(self._of(kind))

    def change(self, kind: Callable[P, E], *args: P.args, **kwargs: P.kwargs) -> Change:
        """Announce a change that is about to be made; `done` of what comes back says that it has been.

        Raises what a listener of `before_ack` raises; then the change must not be made.
        """
        before, after = self._of(kind)  # type: ignore[arg-type]
        if not before and not after:
            return _UNHEARD
        event = kind(*args, **kwargs)
        for listener in before:
            listener(event)
        return Change(event, after)

    def emit(self, kind: Callable[P, E], *args: P.args, **kwargs: P.kwargs) -> None:
        """Something has happened that nobody can refuse."""
        before, after = self._of(kind)  # type: ignore[arg-type]
        if before or after:
            event = kind(*args, **kwargs)
            for listener in before:
                listener(event)
            _call(after, event)

    def _of(self, kind: type[PlatformEvent]) -> tuple[tuple[Listener, ...], tuple[Listener, ...]]:
        found = self._listeners.get(kind)
        if found is None:
            fitting = [entry for entry in self._subscribed if issubclass(kind, entry[0])]
            found = self._listeners[kind] = (
                tuple(listener for _, listener, before in fitting if before),
                tuple(listener for _, listener, before in fitting if not before),
            )
        return found


class Change:
    """A change that everybody who had to agree has agreed to."""

    __slots__ = ("_after", "_event")

    def __init__(self, event: PlatformEvent | None, after: tuple[Listener, ...]) -> None:
        self._event, self._after = event, after

    def done(self) -> None:
        """It has been made."""
        _call(self._after, self._event)


_UNHEARD = Change(None, ())


def _call(listeners: tuple[Listener, ...], event: PlatformEvent | None) -> None:
    for listener in listeners:
        try:
            listener(event)
        except Exception:
            _logger.exception("a listener failed at %s", type(event).__name__)

"""What the platform remembers of one device beside its secret: one store per kind, plain JSON values to outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from .desired import DesiredProperties
from .jobs import Jobs
from .ota import Upgrades
from .shadow import Shadow

__all__ = ["KINDS", "DeviceState", "Properties", "Timed", "loaded"]


class Timed(NamedTuple):
    """A value with the UTC millisecond it is of."""

    value: Any
    time_ms: int


@dataclass(slots=True)
class Properties:
    """The last accepted value of each property, by address."""

    last: dict[str, Timed] = field(default_factory=dict)

    def take(self, address: str, value: Any, time_ms: int) -> None:
        """Keep a value unless a later one is there: history may come late."""
        known = self.last.get(address)
        if known is None or time_ms >= known.time_ms:
            self.last[address] = Timed(value, time_ms)

    def dump(self) -> dict[str, Any]:
        return {address: list(timed) for address, timed in self.last.items()}


@dataclass(slots=True)
class DeviceState:
    """`versions` is by OTA module; `gateway` is the identity of the gateway this sub-device is bound to, or ''."""

    shadow: Shadow = field(default_factory=Shadow)
    desired: DesiredProperties = field(default_factory=DesiredProperties)
    properties: Properties = field(default_factory=Properties)
    tags: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    ota: Upgrades = field(default_factory=Upgrades)
    jobs: Jobs = field(default_factory=Jobs)
    gateway: str = ""
    #: Ids of the groups that the device is in.
    groups: tuple[str, ...] = ()
    #: Whether the device is to send its log: 1, or 0.
    log_mode: int = 0

    def dump_of(self, kind: str) -> Any:
        """One store as plain JSON values."""
        value = getattr(self, kind)
        return value.dump() if hasattr(value, "dump") else dict(value) if isinstance(value, dict) else value

    def dump(self) -> dict[str, Any]:
        """All stores as plain JSON values, by kind."""
        return {kind: self.dump_of(kind) for kind in KINDS}

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> DeviceState:
        """What `dump` made; kinds that are missing begin empty."""
        return cls(**{kind: _LOADERS[kind](value) for kind, value in values.items() if kind in _LOADERS})


_LOADERS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "shadow": lambda values: Shadow(**values),
        "desired": DesiredProperties.load,
        "properties": lambda values: Properties({address: Timed(*timed) for address, timed in values.items()}),
        "tags": dict,
        "versions": dict,
        "ota": Upgrades.load,
        "jobs": Jobs.load,
        "gateway": str,
        "groups": tuple,
        "log_mode": int,
    }
)

#: The stores of a device, by the name under which each is kept.
KINDS = tuple(_LOADERS)


def loaded(kind: str, dumped: Any) -> Any:
    """A store from what `dump_of` gave."""
    return _LOADERS[kind](dumped)

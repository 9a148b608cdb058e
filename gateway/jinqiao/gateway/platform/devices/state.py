"""What the platform remembers of one device beside its secret: one store per kind, plain JSON values to outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

from .desired import DesiredProperties
from .jobs import Jobs
from .ota import Upgrades
from .shadow import Shadow

__all__ = ["KINDS", "DeviceState", "Properties", "Timed", "loaded"]


T = TypeVar("T")


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


class _Store(Generic[T]):
    """One store of a device, made when it is first looked at: of 100,000 devices most have most stores empty."""

    __slots__ = ("_empty", "_slot")

    def __init__(self, empty: Callable[[], T]) -> None:
        self._empty = empty

    def __set_name__(self, owner: type, name: str) -> None:
        self._slot = f"_{name}"

    def __get__(self, state: DeviceState, owner: type | None = None) -> T:
        value: T | None = getattr(state, self._slot)
        if value is None:
            value = self._empty()
            setattr(state, self._slot, value)
        return value

    def __set__(self, state: DeviceState, value: T) -> None:
        setattr(state, self._slot, value)


class DeviceState:
    """`versions` is by OTA module; `gateway` is the identity of the gateway this sub-device is bound to, or '';
    `groups` are ids of the groups that the device is in; `log_mode` says whether it is to send its log: 1, or 0."""

    __slots__ = (
        "_desired",
        "_gateway",
        "_groups",
        "_jobs",
        "_log_mode",
        "_ota",
        "_properties",
        "_shadow",
        "_tags",
        "_versions",
    )

    shadow = _Store(Shadow)
    desired = _Store(DesiredProperties)
    properties = _Store(Properties)
    tags = _Store(dict[str, str])
    versions = _Store(dict[str, str])
    ota = _Store(Upgrades)
    jobs = _Store(Jobs)
    gateway = _Store(str)
    groups = _Store(tuple[str, ...])
    log_mode = _Store(int)

    def __init__(self, **stores: Any) -> None:
        for slot in self.__slots__:
            setattr(self, slot, stores.get(slot[1:]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DeviceState) and self.dump() == other.dump()

    __hash__ = None  # type: ignore[assignment]

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

"""What the control API answers, read by attribute or by key: `car.soc`, `car["soc"]`.

A record holds all that the run answered. What its class declares is what is always there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from jinqiao.base.words import did_you_mean

__all__ = ["Address", "Fault", "Key", "Label", "Outcome", "Record", "State", "Station", "Vehicle", "Verdict", "each"]


class Record(Mapping[str, Any]):
    """A JSON object; objects in it are records too."""

    __slots__ = ("_found",)

    def __init__(self, found: Mapping[str, Any]) -> None:
        self._found = found

    def __getitem__(self, name: str) -> Any:
        if name not in self._found:
            raise KeyError(f"no {name!r}{did_you_mean(str(name), self._found)}")
        return _read(self._found[name])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._found:
            near = "" if name.startswith("_") else did_you_mean(name, self._found)
            raise AttributeError(f"{type(self).__name__} has no {name!r}{near}")
        return _read(self._found[name])

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name for name in self._found if name.isidentifier())]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._found!r})"

    def get(self, name: str, default: Any = None) -> Any:
        """The value of this name, or the default."""
        return _read(self._found[name]) if name in self._found else default


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        return Record(value)
    return [_read(one) for one in value] if isinstance(value, list) else value


Of = TypeVar("Of", bound=Record)


def each(kind: type[Of], found: list[dict[str, Any]]) -> list[Of]:
    """A record of this kind for each object of a list."""
    return [kind(one) for one in found]


class Address(Record):
    """Where to connect, and as whom where that is asked."""

    __slots__ = ()
    host: str
    port: int
    username: str
    password: str


class Key(Record):
    """The access key of an application's cloud calls."""

    __slots__ = ()
    id: str
    secret: str


class State(Record):
    """How the run stands: `time` is simulated, ISO 8601 with zone, `time_ms` the same as simulated UTC in ms.

    `vehicles` counts them: total, parked, driving, charging, queueing, offline. `published` counts messages by kind.
    """

    __slots__ = ()
    state: Literal["running", "paused", "finished"]
    time: str
    time_ms: int
    elapsed_s: float
    speed: float | Literal["max"]
    scenario: str
    seed: int
    towns: int
    vehicles: Record
    published: Record


class Vehicle(Record):
    """A vehicle: state of charge in %, speed in km/h, position in WGS-84 degrees.

    `signals` (thing-model identifier: value) and `time_ms` are there when it was asked for alone.
    """

    __slots__ = ()
    vin: str
    fleet: str
    model: str
    town: str
    state: str
    online: bool
    soc: float
    speed: float
    longitude: float
    latitude: float
    signals: Record
    time_ms: int


class Station(Record):
    """A charging station with its connectors; power in kW, `queue` is how many vehicles wait."""

    __slots__ = ()
    name: str
    town: str
    longitude: float
    latitude: float
    power_kw: float
    site_limit_kw: float | None
    queue: int
    connectors: list[Record]


class Outcome(Record):
    """What became of a command to one vehicle: 200, or the code of its refusal."""

    __slots__ = ()
    vin: str
    code: int
    message: str


class Label(Record):
    """Ground truth: a fault began or ended in a vehicle. Labels are numbered from 1."""

    __slots__ = ()
    number: int
    fault: str
    phase: Literal["begin", "end"]
    time: int
    vehicle: str
    parameters: Record


class Verdict(Record):
    """What came of an expectation, and what was measured, in words with its unit."""

    __slots__ = ()
    expect: str
    verdict: Literal["passed", "failed", "pending", "not exercised"]
    measured: str
    line: int | None


class Fault(Record):
    """A fault that was injected; `with` a fault it ends with the block."""

    __slots__ = ("_end",)
    id: str
    vehicles: list[str]

    def __init__(self, found: Mapping[str, Any], end: Callable[[str], object]) -> None:
        super().__init__(found)
        self._end = end

    def end(self) -> None:
        """End it now; one that has ended by itself is left as it is."""
        self._end(self.id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

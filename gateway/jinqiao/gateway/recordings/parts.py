"""What a recording consists of, whatever its format: samples by column, events, MQTT messages and CAN frames."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import InputError
from jinqiao.base.extras import how_to_install
from jinqiao.base.telemetry import Event

__all__ = [
    "CanFrame",
    "Events",
    "Info",
    "Messages",
    "Part",
    "RecordedEvent",
    "Recording",
    "Samples",
    "Sink",
    "Source",
    "by_name_length",
    "by_time",
    "merged",
    "missing_extra",
    "times_ns",
]

MS = 1_000_000  # ns


@dataclass(frozen=True, slots=True)
class Samples:
    """m samples of one telemetry group, in the order of time.

    `time_ms` int64, `device_names` bytes, `sequence` uint32, each of shape (m,); `columns` maps signals to arrays of
    shape (m,) in the signal's unit and at its decimals.
    """

    group: str
    time_ms: NDArray[np.int64]
    device_names: NDArray[np.bytes_]
    sequence: NDArray[np.uint32]
    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.time_ms)

    @property
    def time_ns(self) -> NDArray[np.int64]:
        return self.time_ms * MS

    def rows(self, chosen: slice | NDArray[Any]) -> Samples:
        """Some of them."""
        columns = {name: column[chosen] for name, column in self.columns.items()}
        return Samples(self.group, self.time_ms[chosen], self.device_names[chosen], self.sequence[chosen], columns)


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """One event with the name of its device; `event.vehicle` means nothing here."""

    device_name: str
    sequence: int
    event: Event


@dataclass(frozen=True, slots=True)
class Events:
    """Events in the order of time."""

    events: Sequence[RecordedEvent]

    def __len__(self) -> int:
        return len(self.events)

    @property
    def time_ns(self) -> NDArray[np.int64]:
        return np.array([told.event.time_ms for told in self.events], np.int64) * MS

    def rows(self, chosen: slice) -> Events:
        """Some of them."""
        return Events(self.events[chosen])


@dataclass(frozen=True, slots=True)
class Messages:
    """MQTT messages as they were received; `time_ns` int64, shape (m,), is when, UTC."""

    time_ns: NDArray[np.int64]
    topics: Sequence[str]
    payloads: Sequence[bytes]
    qos: Sequence[int]
    retain: Sequence[bool]

    def __len__(self) -> int:
        return len(self.topics)

    def rows(self, chosen: slice) -> Messages:
        """Some of them."""
        return Messages(
            self.time_ns[chosen], self.topics[chosen], self.payloads[chosen], self.qos[chosen], self.retain[chosen]
        )


class CanFrame(NamedTuple):
    """One frame on one bus.

    `extended` marks a 29-bit identifier, `error` an error frame, whose identifier is its class (linux/can/error.h; 0:
    not known). `fd` is CAN FD with its `bitrate_switch` and `error_state`; `remote_length` is how many bytes a remote
    frame asks for, which has none. `direction` is `rx`, `tx`, or empty where the log does not say.
    """

    time_ns: int
    bus: str
    identifier: int
    data: bytes
    extended: bool = False
    error: bool = False
    remote: bool = False
    fd: bool = False
    device_name: str = ""
    bitrate_switch: bool = False
    error_state: bool = False
    remote_length: int = 0
    direction: str = ""


Part = Samples | Events | Messages | Sequence[CanFrame]


@dataclass(slots=True)
class Info:
    """What is known of a recording as a whole; `more` is whatever else its maker wrote down."""

    product_key: str = ""
    more: dict[str, str] = field(default_factory=dict)

    def as_map(self) -> dict[str, str]:
        return {"product_key": self.product_key, **self.more}

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Info:
        rest = {key: str(value) for key, value in values.items() if key != "product_key"}
        return cls(str(values.get("product_key", "")), rest)


class Sink(Protocol):
    """A recording that is being written. Every method raises EnvironmentFault when it cannot be; see `close`."""

    def write(self, part: Part) -> None:
        """Add a part; parts come in the order of time."""

    def tick(self) -> None:
        """Called every second or so: let what has waited long enough reach the disk."""

    def close(self) -> None:
        """Finish. After a failure too: what was written before it is left readable."""


class Recording(Sink, Protocol):
    """A sink that knows what of it is safe."""

    def kept(self) -> Counter[str]:
        """How many samples, events and messages are on the disk: what can be read if nothing more can be written."""


class Source(Protocol):
    """A recording that can be read, as often as one likes. `problems` are those of the last reading."""

    info: Info

    @property
    def problems(self) -> list[str]:
        """What of it could not be read, or was left out."""

    def parts(self) -> Iterator[Part]:
        """All parts that can be read, in the order of time."""


def missing_extra(error: ImportError) -> InputError:
    """The way out where the packages that recordings need are not installed."""
    return InputError(f"{error.name} is not installed: recordings need the extra: {how_to_install('recordings')}")


def by_name_length(part: Samples) -> Iterator[Samples]:
    """The samples apart by the length of their devices' names, each with names of exactly that many bytes."""
    lengths = np.char.str_len(part.device_names)
    for length in np.unique(lengths).tolist():
        chosen = np.flatnonzero(lengths == length)
        some = part if len(chosen) == len(part) else part.rows(chosen)
        yield replace(some, device_names=some.device_names.astype(f"S{length}"))


def by_time(part: Part) -> Iterable[tuple[int, Part]]:
    """A part cut where its time changes: (time_ns, what was then)."""
    if isinstance(part, (Samples, Events, Messages)):
        times = part.time_ns
        edges = [0, *(np.flatnonzero(times[1:] != times[:-1]) + 1).tolist(), len(times)]
        for start, end in itertools.pairwise(edges):
            yield int(times[start]), part.rows(slice(start, end))
    else:
        for frame in part:
            yield frame.time_ns, [frame]


def merged(streams: list[Iterator[Part]]) -> Iterator[Part]:
    """Parts of several streams, each in the order of time, cut so that none reaches beyond the next part of another.

    Of equal times, samples of the stream named first come first.
    """
    waiting: list[tuple[int, int, Any, Iterator[Part]]] = []
    for number, stream in enumerate(streams):
        first = next(stream, None)
        if first is not None:
            waiting.append((_start_ns(first), number, first, stream))
    heapq.heapify(waiting)
    while waiting:
        _, number, part, stream = heapq.heappop(waiting)
        if waiting:
            until, rival = waiting[0][0], waiting[0][1]
            times = times_ns(part)
            cut = int(np.searchsorted(times, until, side="right" if number < rival else "left"))
            if 0 < cut < len(times):
                rest = part.rows(slice(cut, None)) if not isinstance(part, list) else part[cut:]
                heapq.heappush(waiting, (int(times[cut]), number, rest, stream))
                yield part.rows(slice(0, cut)) if not isinstance(part, list) else part[:cut]
                continue
        yield part
        following = next(stream, None)
        if following is not None:
            heapq.heappush(waiting, (_start_ns(following), number, following, stream))


def times_ns(part: Any) -> NDArray[np.int64]:
    """The times of a part's rows, ns since 1970, shape (m,)."""
    return np.array([frame.time_ns for frame in part], np.int64) if isinstance(part, list) else part.time_ns


def _start_ns(part: Any) -> int:
    return int(times_ns(part)[0])

"""Steps of a recording become packets: re-dated to now, as the devices and clones that `Identities` names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Batch, Event
from jinqiao.gateway.recordings.parts import Events, Messages, Samples
from jinqiao.gateway.recordings.whole import whole_arrays
from jinqiao.wire.render import Packets, PostRenderer, SampleRenderer
from jinqiao.wire.render.events import event_post

from .identities import Identities
from .rewriting import publish, rewritten
from .timeline import Step
from .topics import device_in

__all__ = ["Renderer", "Replayed"]


@dataclass(frozen=True, slots=True)
class Replayed:
    """Finished packets of `width` bytes, one after the other in `data`: a block for `Outbound` that may be kept.

    `vehicles` are their senders, shape (m,), -1 for none we know.
    """

    data: bytes
    vehicles: NDArray[np.int32]
    width: int

    def __len__(self) -> int:
        return len(self.vehicles)

    def packet(self, row: int) -> bytes:
        return self.data[row * self.width : (row + 1) * self.width]

    def some(self, chosen: NDArray[np.bool_]) -> bytes:
        """The packets of these rows, one after the other."""
        return b"".join(self.packet(row) for row in np.flatnonzero(chosen).tolist())


@dataclass(frozen=True, slots=True)
class _Fleet:
    """Devices whose names have one length, which is what the renderers ask for; `local` are rows in theirs."""

    posts: PostRenderer
    samples: SampleRenderer


class Renderer:
    """`stamp_ms` says what a step's moment (ns, `Step.time_ns`) is called today."""

    def __init__(
        self, identities: Identities, product_key: str, *, protobuf: bool, stamp_ms: Callable[[int], int]
    ) -> None:
        self._ids = identities
        self._protobuf = protobuf
        self._stamp_ms = stamp_ms
        lengths = np.char.str_len(identities.names)
        self._length = lengths
        self._local = np.zeros(len(identities), np.int32)
        # Messages that were recorded as bytes come one by one: plain lists are quicker there.
        self._device_of = {name.decode(): number for number, name in enumerate(identities.recorded.tolist())}
        self._names = [name.decode() for name in identities.names.tolist()]
        self._clones = [clones.tolist() for clones in identities.in_slot]
        self._away = list(zip(identities.east.tolist(), identities.north.tolist(), strict=True))
        self._fleets: dict[int, _Fleet] = {}
        for length in np.unique(lengths).tolist():
            own = np.flatnonzero(lengths == length)
            self._local[own] = np.arange(len(own))
            posts = PostRenderer(product_key, identities.names[own].astype(f"S{length}"))
            self._fleets[length] = _Fleet(posts, SampleRenderer(posts))

    def render(self, step: Step) -> Iterator[Replayed]:
        """The packets of one step."""
        if isinstance(step.part, Samples):
            for some in _once_each(step.part, self._ids):
                yield from self._samples(step, *some)
        elif isinstance(step.part, Events):
            yield from self._events(step, step.part)
        elif isinstance(step.part, Messages):
            yield from self._messages(step, step.part)

    def _samples(self, step: Step, part: Samples, devices: NDArray[np.intp]) -> Iterator[Replayed]:
        rows = self._ids.rows(devices, step.slot)
        clones = self._ids.in_slot[step.slot]
        columns = dict(part.columns) if self._protobuf else whole_arrays(part.columns)
        if not columns:
            return
        if self._ids.clones > 1:
            columns = {name: np.repeat(column, len(clones)) for name, column in columns.items()}
            for name, away in (("longitude", self._ids.east), ("latitude", self._ids.north)):
                if name in columns:
                    columns[name] = columns[name] + np.tile(away[clones], len(part))
        at = self._stamp_ms(step.time_ns)
        lengths = self._length[rows]
        for length, fleet in self._fleets.items():
            chosen = slice(None) if len(self._fleets) == 1 else np.flatnonzero(lengths == length)
            own = rows[chosen]
            if not len(own):
                continue
            batch = Batch.at(at, part.group, self._local[own], {name: c[chosen] for name, c in columns.items()})
            start = 0
            for block in (fleet.samples if self._protobuf else fleet.posts).blocks(batch):
                yield _kept(block, own[start : start + len(block)])
                start += len(block)

    def _events(self, step: Step, part: Events) -> Iterator[Replayed]:
        for told in part.events:
            device = self._ids.devices(np.array([told.device_name.encode()]))
            for row in self._ids.rows(device, step.slot).tolist():
                fleet, local = self._fleets[int(self._length[row])], int(self._local[row])
                event = replace(told.event, time_ms=self._stamp_ms(step.time_ns), vehicle=local)
                packet = _event(fleet, event, protobuf=self._protobuf)
                yield _single(packet, row)

    def _messages(self, step: Step, part: Messages) -> Iterator[Replayed]:
        later_ms = self._stamp_ms(step.time_ns) - step.recorded_ns // 1_000_000
        for topic, payload in zip(part.topics, part.payloads, strict=True):
            where = device_in(topic)[1]
            if where is None:
                if step.slot == 0:
                    yield _single(publish(topic, payload), -1)
                continue
            old = topic[where]
            first = self._device_of[old] * self._ids.clones
            for clone in self._clones[step.slot]:
                row = first + clone
                new = self._names[row]
                number = self._number(row)
                away = self._away[clone]
                data = rewritten(topic, payload, later_ms=later_ms, number=number, names=(old, new), away=away)
                yield _single(publish(topic[: where.start] + new + topic[where.stop :], data), row)

    def _number(self, row: int) -> int:
        """The next number of one device, counted together with its posts."""
        return self._fleets[int(self._length[row])].posts.numbers.next_of(int(self._local[row]))


def _event(fleet: _Fleet, event: Event, *, protobuf: bool) -> bytes:
    number = fleet.posts.numbers.next_of(event.vehicle)
    return fleet.samples.event(event, number) if protobuf else event_post(fleet.posts, event, number)


def _single(packet: bytes, row: int) -> Replayed:
    return Replayed(packet, np.array([row], np.int32), len(packet))


def _kept(block: Packets, rows: NDArray[np.int32]) -> Replayed:
    return Replayed(bytes(block.data), rows, block.matrix.shape[1])  # the block's memory is used again for the next


def _once_each(part: Samples, identities: Identities) -> Iterator[tuple[Samples, Any]]:
    """The samples of one moment in the order of the devices, so that none has a device twice."""
    devices = identities.devices(part.device_names)
    while len(devices) > 1 and (np.diff(devices) <= 0).any():
        unique, first = np.unique(devices, return_index=True)
        yield part.rows(first), unique
        rest = np.setdiff1d(np.arange(len(devices)), first)
        part, devices = part.rows(rest), devices[rest]
    if len(devices):
        yield part, devices

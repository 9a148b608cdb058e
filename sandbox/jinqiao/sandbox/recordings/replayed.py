"""Steps of a recording become packets: re-dated to now, as the devices and clones that `Identities` names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Batch, Event
from jinqiao.base.telemetry import Step as BaseStep
from jinqiao.gateway.recordings.parts import Events, Messages, Samples
from jinqiao.gateway.recordings.whole import whole_arrays
from jinqiao.wire.render import Packets, StepRenderer

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
    """Devices whose names have one length, which is what the renderer asks for: `rows` are theirs among all."""

    renderer: StepRenderer
    rows: NDArray[np.int32]


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
            names = identities.names[own].astype(f"S{length}")
            speaks = np.full(len(own), protobuf)
            self._fleets[length] = _Fleet(StepRenderer(product_key, names, names, speaks), own.astype(np.int32))

    def render(self, step: Step) -> Iterator[Replayed]:
        """The packets of one step."""
        return self.render_together([step])

    def render_together(self, several: Iterable[Step]) -> Iterator[Replayed]:
        """The packets of several, in the order of time for each device; what is telemetry is rendered together."""
        waiting: list[Step] = []
        for step in several:
            if isinstance(step.part, Messages):
                yield from self._telemetry(waiting)
                waiting = []
                yield from self._messages(step, step.part)
            else:
                waiting.append(step)
        yield from self._telemetry(waiting)

    def _telemetry(self, several: Sequence[Step]) -> Iterator[Replayed]:
        """Samples and events."""
        for length, fleet in self._fleets.items():
            batches: dict[tuple[str, ...], list[Batch]] = {}
            events: list[Event] = []
            for step in several:
                if isinstance(step.part, Samples):
                    batch = self._batch(step, step.part, length)
                    if batch is not None:
                        batches.setdefault((batch.group, *batch.signals), []).append(batch)
                elif isinstance(step.part, Events):
                    events += self._events(step, step.part, length)
            together = tuple(map(_joined, batches.values()))
            said = fleet.renderer.say(BaseStep(0, together, tuple(events)), repeats=True)
            yield from (_kept(block, fleet.rows) for _, block in fleet.renderer.render(said))

    def _batch(self, step: Step, part: Samples, length: int) -> Batch | None:
        """The samples of a step that devices with names of this length send; None where they say nothing."""
        rows = self._ids.rows(self._ids.devices(part.device_names), step.slot)
        clones = self._ids.in_slot[step.slot]
        columns = dict(part.columns) if self._protobuf else whole_arrays(part.columns)
        if not columns:
            return None
        if self._ids.clones > 1:
            columns = {name: np.repeat(column, len(clones)) for name, column in columns.items()}
            for name, away in (("longitude", self._ids.east), ("latitude", self._ids.north)):
                if name in columns:
                    columns[name] = columns[name] + np.tile(away[clones], len(part))
        if len(self._fleets) > 1:
            chosen = np.flatnonzero(self._length[rows] == length)
            rows, columns = rows[chosen], {name: column[chosen] for name, column in columns.items()}
        if not len(rows):
            return None
        return Batch.at(self._stamp_ms(step.time_ns), part.group, self._local[rows], columns)

    def _events(self, step: Step, part: Events, length: int) -> Iterator[Event]:
        for told in part.events:
            device = self._ids.devices(np.array([told.device_name.encode()]))
            for row in self._ids.rows(device, step.slot).tolist():
                if self._length[row] == length:
                    vehicle = int(self._local[row])
                    yield replace(told.event, time_ms=self._stamp_ms(step.time_ns), vehicle=vehicle)

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
        return self._fleets[int(self._length[row])].renderer.numbers.next_of(int(self._local[row]))


def _single(packet: bytes, row: int) -> Replayed:
    return Replayed(packet, np.array([row], np.int32), len(packet))


def _joined(several: list[Batch]) -> Batch:
    """Batches of the same signals as one."""
    if len(several) == 1:
        return several[0]
    columns = {name: np.concatenate([one.signals[name] for one in several]) for name in several[0].signals}
    times = np.concatenate([one.time_ms for one in several])
    return Batch(times, several[0].group, np.concatenate([one.vehicles for one in several]), columns)


def _kept(block: Packets, rows: NDArray[np.int32]) -> Replayed:
    """In memory of its own: the block's is used again for the next."""
    return Replayed(bytes(block.data), rows[block.vehicles], block.matrix.shape[1])

"""What offline vehicles keep until they are back: at most so many messages each, of which the oldest go first.

Telemetry is kept as the columns in which it came, in chunks of which rows are crossed out; a chunk that is half empty
is copied. What is crossed out in the end does not depend on when somebody looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jinqiao.wire.render.fixed import as_items
from jinqiao.wire.render.said import SaidBatch, SaidPacket

__all__ = ["Backlog", "Kept"]

I8s = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(slots=True)
class _Chunk:
    """Rows of a batch, or packets; `place` orders what is of one moment."""

    place: int
    vehicles: NDArray[np.int32]
    made_ms: I8s
    alive: Flags
    batch: SaidBatch | None = None
    packets: Sequence[SaidPacket] = ()

    def some(self, chosen: Flags) -> _Chunk:
        batch = None if self.batch is None else _copied(self.batch, np.flatnonzero(chosen))
        packets = [packet for packet, yes in zip(self.packets, chosen.tolist(), strict=False) if yes]
        return _Chunk(self.place, self.vehicles[chosen], self.made_ms[chosen], self.alive[chosen], batch, packets)


@dataclass(frozen=True, slots=True)
class Kept:
    """What some vehicles had kept: batches and packets, each in the order of time."""

    batches: list[SaidBatch]
    packets: list[SaidPacket]


class Backlog:
    """Of n vehicles, each of which keeps at most `most` (n,) messages."""

    def __init__(self, most: I8s) -> None:
        self._most = most
        self._count = np.zeros(len(most), np.int64)
        self._chunks: list[_Chunk] = []
        self.buffered = self.dropped = 0

    def __len__(self) -> int:
        return int(self._count.sum())

    def keep(self, said: SaidBatch, chosen: Flags, place: int) -> None:
        """These rows, shape (m,), of a batch."""
        batch = _copied(said, np.flatnonzero(chosen))
        vehicles = batch.batch.vehicles
        self._add(_Chunk(place, vehicles, batch.batch.time_ms, np.ones(len(vehicles), np.bool_), batch))

    def keep_packets(self, packets: Sequence[SaidPacket]) -> None:
        """Events, which come before what is sampled at their moment."""
        vehicles = np.array([packet.vehicle for packet in packets], np.int32)
        times = np.array([packet.time_ms for packet in packets], np.int64)
        self._add(_Chunk(0, vehicles, times, np.ones(len(packets), np.bool_), packets=packets))

    def take(self, rows: NDArray[np.intp]) -> Kept:
        """What these vehicles keep, which is then theirs no more."""
        wanted = np.zeros(len(self._most), np.bool_)
        wanted[rows] = True
        self._trim(wanted)
        batches: list[SaidBatch] = []
        packets: list[SaidPacket] = []
        rest: list[_Chunk] = []
        for chunk in self._chunks:
            mine = chunk.alive & wanted[chunk.vehicles]
            if mine.any():
                taken = chunk.some(mine)
                if taken.batch is not None:
                    batches.append(taken.batch)
                packets += taken.packets
                chunk.alive &= ~mine
            if chunk.alive.any():
                rest.append(chunk)
        self._chunks = rest
        self._count[rows] = 0
        return Kept(batches, packets)

    def _add(self, chunk: _Chunk) -> None:
        if not len(chunk.vehicles):
            return
        self.buffered += len(chunk.vehicles)
        self._chunks.append(chunk)
        np.add.at(self._count, chunk.vehicles, 1)
        # Not before somebody has half as many again; then of all, so that there is nothing to do for a while.
        if (self._count[chunk.vehicles] > self._most[chunk.vehicles] * 3 // 2).any():
            self._trim(np.ones(len(self._most), np.bool_))
            self._chunks = [_compact(one) for one in self._chunks if one.alive.any()]

    def _trim(self, wanted: Flags) -> None:
        """Cross out what is too much of these vehicles, shape (n,)."""
        wanted = wanted & (self._count > self._most)
        if not wanted.any():
            return
        found = [(chunk, np.flatnonzero(chunk.alive & wanted[chunk.vehicles])) for chunk in self._chunks]
        found = [(chunk, places) for chunk, places in found if len(places)]
        vehicles = np.concatenate([chunk.vehicles[places] for chunk, places in found])
        made_ms = np.concatenate([chunk.made_ms[places] for chunk, places in found])
        place = np.repeat([chunk.place for chunk, _ in found], [len(places) for _, places in found])
        order = np.lexsort((place, made_ms, vehicles))
        ordered = vehicles[order]
        ends = np.searchsorted(ordered, ordered, side="right")
        behind = ends - np.arange(len(order))  # 1 for the newest
        old = np.zeros(len(order), np.bool_)
        old[order] = behind > self._most[ordered]
        start = 0
        for chunk, places in found:
            gone = places[old[start : start + len(places)]]
            chunk.alive[gone] = False
            start += len(places)
        np.subtract.at(self._count, vehicles[old], 1)
        self.dropped += int(np.count_nonzero(old))


def _compact(chunk: _Chunk) -> _Chunk:
    return chunk.some(chunk.alive) if np.count_nonzero(chunk.alive) * 2 < len(chunk.alive) else chunk


def _copied(said: SaidBatch, places: NDArray[np.intp]) -> SaidBatch:
    """These rows in memory of their own, as whole records."""
    rows = said.records(said.batch.vehicles)
    own = as_items(rows)[places].view(rows.dtype)
    return SaidBatch.of_records(said.kind, said.batch.group, said.batch.vehicles[places], own)

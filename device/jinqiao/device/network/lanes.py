"""What is on its way: for each form of what vehicles say the messages that have not arrived.

A lane takes messages with the turns in which they arrive, and gives those back whose turn has come, in the order of
turns. What arrives in the second in which it was made passes through untouched. Telemetry is kept as columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import CanSecond
from jinqiao.wire.render.fixed import as_items
from jinqiao.wire.render.said import SaidBatch, SaidPacket

__all__ = ["CanLane", "Coming", "PacketLane", "RowLane", "some_of_can"]

I8s = NDArray[np.int64]
_NONE: I8s = np.zeros(0, np.int64)

#: A batch, its turns (ms) and its arrivals (us), shape (m,).
Coming: TypeAlias = tuple[SaidBatch, I8s, I8s]


class RowLane:
    """Telemetry of one kind, group and set of signals. `start_ms` is when the run's clock stood at 0."""

    def __init__(self, start_ms: int, like: SaidBatch) -> None:
        self._start_ms, self._kind, self._group = start_ms, like.kind, like.batch.group
        self._rows: NDArray[Any] | None = None
        self._vehicles = np.zeros(0, np.int32)
        self._turn_ms = self._time_us = _NONE

    def __len__(self) -> int:
        return len(self._turn_ms)

    def take(self, came: Sequence[Coming]) -> None:
        """Messages with their turns and arrivals."""
        if not came:
            return
        parts = [said.records(said.batch.vehicles) for said, _, _ in came]
        if self._rows is not None and len(self):
            parts = [self._rows, *parts]
        kind = parts[0].dtype
        self._rows = np.concatenate([as_items(rows) for rows in parts]).view(kind)
        self._vehicles = np.concatenate([self._vehicles, *(said.batch.vehicles for said, _, _ in came)])
        self._turn_ms = np.concatenate([self._turn_ms, *(turn_ms for _, turn_ms, _ in came)])
        self._time_us = np.concatenate([self._time_us, *(time_us for _, _, time_us in came)])

    def pass_on(self, came: Sequence[Coming], until_ms: int) -> Sequence[tuple[SaidBatch, I8s]]:
        """`take` and `give` in one, which leaves untouched what arrives when it was made."""
        if not len(self) and all(self._arrives_at_once(said, turn_ms, until_ms) for said, turn_ms, _ in came):
            return [(said, time_us) for said, _, time_us in came]
        self.take(came)
        given = self.give(until_ms)
        return [] if given is None else [given]

    def _arrives_at_once(self, said: SaidBatch, turn_ms: I8s, until_ms: int) -> bool:
        on_time = turn_ms == said.turns_ms - self._start_ms
        return bool(on_time.all()) and int(turn_ms[-1]) < until_ms

    def lose(self, gone: NDArray[np.bool_], from_ms: int) -> int:
        """The connections of these vehicles, shape (n,), have ended: what has its turn from then on never comes."""
        if self._rows is None or not len(self):
            return 0
        stays = ~(gone[self._vehicles] & (self._turn_ms >= from_ms))
        if stays.all():
            return 0
        lost = len(stays) - int(np.count_nonzero(stays))
        kept = np.flatnonzero(stays)
        self._rows, self._vehicles = as_items(self._rows)[kept].view(self._rows.dtype), self._vehicles[kept]
        self._turn_ms, self._time_us = self._turn_ms[kept], self._time_us[kept]
        return lost

    def give(self, until_ms: int) -> tuple[SaidBatch, I8s] | None:
        """What has its turn before `until_ms`, with its arrivals; None for nothing."""
        rows, turn_ms = self._rows, self._turn_ms
        if rows is None or not len(turn_ms) or not (due := turn_ms < until_ms).any():
            return None
        places = np.flatnonzero(due)
        places = places[np.lexsort((self._vehicles[places], rows["time_ms"][places], turn_ms[places]))]
        raw = as_items(rows)
        vehicles, turns, times = self._vehicles[places], turn_ms[places], self._time_us[places]
        given = raw[places].view(rows.dtype)
        rest = np.flatnonzero(~due)
        self._rows, self._vehicles = raw[rest].view(rows.dtype), self._vehicles[rest]
        self._turn_ms, self._time_us = turn_ms[rest], self._time_us[rest]
        return SaidBatch.of_records(self._kind, self._group, vehicles, given, self._start_ms + turns), times


class PacketLane:
    """Single packets, of which there are few: events."""

    def __init__(self, start_ms: int) -> None:
        self._start_ms = start_ms
        self._waiting: list[tuple[int, int, int, SaidPacket, int]] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, packets: Sequence[SaidPacket], turn_ms: I8s, time_us: I8s) -> None:
        """Packets with their turns and arrivals, shape (m,)."""
        for packet, turn, time in zip(packets, turn_ms.tolist(), time_us.tolist(), strict=True):
            self._number += 1
            self._waiting.append((turn, packet.time_ms, self._number, packet, time))

    def lose(self, gone: NDArray[np.bool_], from_ms: int) -> int:
        """As of telemetry."""
        before = len(self._waiting)
        self._waiting = [one for one in self._waiting if not (gone[one[3].vehicle] and one[0] >= from_ms)]
        return before - len(self._waiting)

    def give(self, until_ms: int) -> tuple[list[SaidPacket], I8s]:
        """What has its turn before `until_ms`, with its arrivals."""
        if not self._waiting:
            return [], _NONE
        self._waiting.sort(key=lambda one: one[:3])
        due = sum(one[0] < until_ms for one in self._waiting)
        given, self._waiting = self._waiting[:due], self._waiting[due:]
        packets = [packet._replace(arrives_ms=self._start_ms + turn) for turn, _, _, packet, _ in given]
        return packets, np.array([one[4] for one in given], np.int64)


class CanLane:
    """Seconds of CAN, of which few vehicles send any."""

    def __init__(self) -> None:
        self._waiting: list[tuple[CanSecond, I8s, I8s]] = []

    def __len__(self) -> int:
        return sum(len(second) for second, _, _ in self._waiting)

    def take(self, second: CanSecond, turn_ms: I8s, time_us: I8s) -> None:
        """A bus's second with the turns and arrivals of its vehicles, shape (m,)."""
        self._waiting.append((second, turn_ms, time_us))

    def lose(self, gone: NDArray[np.bool_], from_ms: int) -> int:
        """As of telemetry."""
        before = len(self)
        waiting, self._waiting = self._waiting, []
        for second, turn_ms, time_us in waiting:
            stays = ~(gone[second.vehicles] & (turn_ms >= from_ms))
            if stays.any():
                self._waiting.append((some_of_can(second, stays), turn_ms[stays], time_us[stays]))
        return before - len(self)

    def give(self, until_ms: int) -> list[tuple[CanSecond, I8s]]:
        """What has its turn before `until_ms`, with its arrivals."""
        given, rest = [], []
        for second, turn_ms, time_us in self._waiting:
            due = turn_ms < until_ms
            if due.all():
                given.append((second, time_us))
            elif not due.any():
                rest.append((second, turn_ms, time_us))
            else:
                given.append((some_of_can(second, due), time_us[due]))
                rest.append((some_of_can(second, ~due), turn_ms[~due], time_us[~due]))
        self._waiting = rest
        return given


def some_of_can(second: CanSecond, chosen: NDArray[np.bool_]) -> CanSecond:
    """The same second of some of its vehicles; `chosen` has shape (m,)."""
    frames = np.repeat(chosen, second.counts)
    return replace(
        second,
        vehicles=second.vehicles[chosen],
        counts=second.counts[chosen],
        offset_us=second.offset_us[frames],
        id=second.id[frames],
        length=second.length[frames],
        data=second.data[frames],
        errors=None if second.errors is None else second.errors[chosen],
        load=None if second.load is None else second.load[chosen],
    )

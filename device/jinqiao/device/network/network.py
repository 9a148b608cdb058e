"""The one stage between what vehicles say and the way out: when does it arrive, and does it?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import GROUPS
from jinqiao.wire.render.said import Said, SaidBatch

from .lanes import CanLane, Coming, PacketLane, RowLane
from .link import Arrivals, Link, Queue

__all__ = ["Network", "NetworkFigures", "Passed"]

I8s = NDArray[np.int64]
#: Bytes of a CAN frame in a message: offset, identifier, length and data; and what stands around them.
_FRAME_BYTES, _CAN_BYTES = 17, 100
#: Beside a message itself: the headers of IP and TCP, and of a TLS record.
_HEADERS = 40 + 29
#: Kind, group and signals of telemetry.
_Form: TypeAlias = tuple[str, str, tuple[str, ...]]
_GROUP_PLACE = {group: place for place, group in enumerate(GROUPS)}


@dataclass(slots=True)
class NetworkFigures:
    """What the network did to messages."""

    messages: int = 0
    #: Those that arrived in a later second than the one in which they were made.
    delayed: int = 0
    delay_us: int = 0
    longest_us: int = 0

    def count(self, made_us: I8s, arrivals: Arrivals) -> None:
        """Count messages that will arrive."""
        took = arrivals.time_us - made_us
        self.messages += len(took)
        self.delayed += int(np.count_nonzero(arrivals.turn_ms > made_us // 1000))
        self.delay_us += int(took.sum())
        self.longest_us = max(self.longest_us, int(took.max(initial=0)))

    def as_json(self) -> dict[str, Any]:
        """For the summary."""
        mean_ms = self.delay_us / self.messages / 1000 if self.messages else 0.0
        return {
            "messages": self.messages,
            "delayed": self.delayed,
            "delay_ms": {"mean": round(mean_ms, 1), "max": round(self.longest_us / 1000, 1)},
        }


@dataclass(slots=True)
class Passed:
    """What has arrived, in the order of turns; and when exactly each message did, us since the start."""

    said: Said
    events_us: I8s
    batches_us: list[I8s] = field(default_factory=list)
    can_us: list[I8s] = field(default_factory=list)

    def __bool__(self) -> bool:
        said = self.said
        return bool(said.labels or said.events or said.batches or said.can)

    def moments_us(self) -> I8s:
        """All arrivals, in no order."""
        return np.concatenate([self.events_us, *self.batches_us, *self.can_us])


class Network:
    """Passes on what vehicles say, each message when it arrives. `packet_bytes` is the size of a batch's messages.

    Time is that of the run: `start_ms` is when its clock stood at 0. Everything that arrives before the next second
    begins is given back with the step that ends now: nothing that is said later can arrive before that.
    """

    def __init__(self, link: Link, start_ms: int, packet_bytes: Callable[[SaidBatch], int]) -> None:
        self.figures = NetworkFigures()
        self._link, self._start_ms, self._packet_bytes = link, start_ms, packet_bytes
        self._rows: dict[_Form, RowLane] = {}
        self._events, self._can = PacketLane(start_ms), CanLane()

    def on_the_way(self) -> int:
        """How many messages have not arrived."""
        return len(self._events) + len(self._can) + sum(map(len, self._rows.values()))

    def report(self) -> dict[str, Any]:
        """For the summary: what became of the messages so far."""
        return {**self.figures.as_json(), "on_the_way": self.on_the_way()}

    def pass_on(self, said: Said, until_ms: int) -> Passed:
        """What arrives in the seconds up to the one that begins at `until_ms`, and in that one; labels at once."""
        before_ms = until_ms - self._start_ms + 1000
        batches = [one for one in said.batches if len(one)]
        sources: list[tuple[NDArray[np.int32], I8s, I8s]] = []
        if said.events:
            vehicles = np.array([event.vehicle for event in said.events], np.int32)
            times = np.array([event.time_ms for event in said.events], np.int64)
            sizes = np.array([len(event.data) for event in said.events], np.int64)
            sources.append((vehicles, times, sizes))
        for one in batches:
            size = np.full(len(one), self._packet_bytes(one), np.int64)
            sources.append((one.batch.vehicles, one.batch.time_ms, size))
        for second in said.can:
            times = np.full(len(second), second.start_ms + 1000, np.int64)
            sources.append((second.vehicles, times, second.counts * _FRAME_BYTES + _CAN_BYTES))
        parts = self._arrivals(sources)
        if said.events:
            arrivals = parts.pop(0)
            self._events.take(said.events, arrivals.turn_ms, arrivals.time_us)
        events, events_us = self._events.give(before_ms)
        passed = Passed(Said(said.labels, events, [], ()), events_us)
        self._pass_rows(batches, parts[: len(batches)], before_ms, passed)
        for second, arrivals in zip(said.can, parts[len(batches) :], strict=True):
            self._can.take(second, arrivals.turn_ms, arrivals.time_us)
        if len(self._can):
            given = self._can.give(before_ms)
            passed.said = Said(said.labels, events, passed.said.batches, tuple(second for second, _ in given))
            passed.can_us = [times for _, times in given]
        return passed

    def _pass_rows(
        self, batches: Sequence[SaidBatch], parts: Sequence[Arrivals], before_ms: int, passed: Passed
    ) -> None:
        came: dict[_Form, list[Coming]] = {}
        for one, arrivals in zip(batches, parts, strict=True):
            form = (one.kind, one.batch.group, tuple(one.batch.signals))
            if form not in self._rows:
                self._rows[form] = RowLane(self._start_ms, one)
                # In one turn those of a vehicle come group by group, as in a step.
                self._rows = dict(sorted(self._rows.items(), key=lambda item: _GROUP_PLACE[item[0][1]]))
            came.setdefault(form, []).append((one, arrivals.turn_ms, arrivals.time_us))
        for form, lane in self._rows.items():
            if form in came or len(lane):
                for given, times in lane.pass_on(came.get(form, ()), before_ms):
                    passed.said.batches.append(given)
                    passed.batches_us.append(times)

    def _arrivals(self, sources: Sequence[tuple[NDArray[np.int32], I8s, I8s]]) -> list[Arrivals]:
        """When everything arrives, for each of these (whose, when, how large) that follow one another in an instant."""
        if not sources:
            return []
        vehicles = np.concatenate([whose for whose, _, _ in sources])
        made_ms = np.concatenate([times for _, times, _ in sources]) - self._start_ms
        sizes = np.concatenate([bytes_ for _, _, bytes_ in sources]) + _HEADERS
        order = None
        if len(sources) > 1 or made_ms[0] != made_ms[-1]:
            # Of a vehicle in the order of time, and at one time in that of the sources.
            place = np.repeat(np.arange(len(sources)), [len(whose) for whose, _, _ in sources])
            order = np.argsort(_key(vehicles, made_ms, place), kind="stable")
            vehicles, made_ms, sizes = vehicles[order], made_ms[order], sizes[order]
        sent_us = made_ms * 1000
        arrivals = self._link.pass_on(Queue(vehicles, sent_us, made_ms, sizes))
        self.figures.count(sent_us, arrivals)
        time_us, turn_ms = arrivals
        if order is not None:
            time_us, turn_ms = np.empty_like(time_us), np.empty_like(turn_ms)
            time_us[order], turn_ms[order] = arrivals
        edges = np.cumsum([len(whose) for whose, _, _ in sources])[:-1]
        return [Arrivals(*both) for both in zip(np.split(time_us, edges), np.split(turn_ms, edges), strict=True)]


def _key(vehicles: NDArray[np.int32], made_ms: I8s, place: NDArray[np.intp]) -> I8s:
    """One number to sort by: vehicle, then time, then place; a million vehicles, four years and 64 places fit."""
    return vehicles.astype(np.int64) << 43 | (made_ms - int(made_ms.min())) << 6 | np.minimum(place, 63)

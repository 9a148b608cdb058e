"""The one stage between what vehicles say and the way out: when does it arrive, and does it?

What is said in a step passes four stations: who is offline keeps it (`backlog`), who has come back sends what was kept
(`absences`), everything takes its time (`link`), and some of it is spoilt on the way (`faulty`). What has not arrived
waits in lanes. All of it is columns, and nothing depends on how many seconds are taken together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import GROUPS
from jinqiao.base.telemetry import CanSecond
from jinqiao.wire.render.history import HistoryRenderer
from jinqiao.wire.render.said import Said, SaidBatch, SaidPacket

from .absences import Absences, Presence
from .answers import Answers
from .backlog import Backlog
from .faulty import MessageColumns, spoil
from .figures import NetworkFigures
from .lanes import CanLane, Coming, PacketLane, RowLane, some_of_can
from .link import Arrivals, Link, Queue

__all__ = ["DROPPED", "HISTORY", "LATE", "Network", "Passed"]

I8s = NDArray[np.int64]
Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]

#: What becomes of what is kept.
DROPPED, LATE, HISTORY = 0, 1, 2
#: Bytes of a CAN frame in a message: offset, identifier, length and data; and what stands around them.
_FRAME_BYTES, _CAN_BYTES = 17, 100
#: Beside a message itself: the headers of IP and TCP, and of a TLS record.
_HEADERS = 40 + 29

#: Kind, group and signals of telemetry.
_Form: TypeAlias = tuple[str, str, tuple[str, ...]]
_GROUP_PLACE = {group: place for place, group in enumerate(GROUPS)}


@dataclass(slots=True)
class Passed:
    """What has arrived, in the order of turns; and when exactly each message did, us since the start.

    `presence` is what has become of connections meanwhile, in the order of time, before what `said` says.
    """

    said: Said
    events_us: I8s
    posts_us: I8s
    batches_us: list[I8s] = field(default_factory=list)
    can_us: list[I8s] = field(default_factory=list)
    presence: list[Presence] = field(default_factory=list)

    def __bool__(self) -> bool:
        said = self.said
        return bool(said.labels or said.events or said.posts or said.batches or said.can)

    def moments_us(self) -> I8s:
        """All arrivals, in no order."""
        return np.concatenate([self.events_us, self.posts_us, *self.batches_us, *self.can_us])


@dataclass(slots=True)
class _Part:
    """Messages of one form: whose, of when (ms since the start), of how many bytes; shape (m,)."""

    what: SaidBatch | CanSecond | list[SaidPacket]
    vehicles: NDArray[np.int32]
    made_ms: I8s
    sizes: I8s
    is_post: bool = False
    is_kept: bool = False


class Network:
    """Passes on what vehicles say, each message when it arrives. `packet_bytes` is the size of a batch's messages.

    `start_ms` is when the run's clock stood at 0. Everything that arrives before the next second begins is given back
    with the step that ends now: nothing that is said later can arrive before that. `backlog` (n,), uint8, says what
    becomes of what each vehicle keeps: DROPPED, LATE or HISTORY.
    """

    def __init__(
        self,
        link: Link,
        start_ms: int,
        packet_bytes: Callable[[SaidBatch], int],
        *,
        absences: Absences,
        kept: Backlog,
        backlog: NDArray[np.uint8],
        history: HistoryRenderer,
    ) -> None:
        self.figures = NetworkFigures()
        self.absences = absences
        self._link, self._start_ms, self._packet_bytes = link, start_ms, packet_bytes
        self._kept, self._backlog, self._history = kept, backlog, history
        self._rows: dict[_Form, RowLane] = {}
        self._events, self._posts, self._can = PacketLane(start_ms), PacketLane(start_ms), CanLane()
        self._now_ms = 0
        self.answers = Answers(link.paths, absences)
        #: Downlinks that found their vehicle offline.
        self.unreached = 0
        self._came: dict[_Form, list[Coming]] = {}

    def on_the_way(self) -> int:
        """How many messages have not arrived."""
        return sum(len(lane) for lane in self._lanes())

    def report(self) -> dict[str, Any]:
        """For the summary: what became of messages and connections so far."""
        absences, kept = self.absences, self._kept
        return {
            **self.figures.as_json(),
            "buffered": kept.buffered,
            "dropped": kept.dropped + self.figures.not_kept,
            "kept": len(kept),
            "on_the_way": self.on_the_way(),
            "reconnects": absences.reconnects,
            "unreached": self.unreached,
            "offline": absences.offline(),
            "offline_vehicle_s": round(absences.offline_s(self._now_ms * 1000), 1),
        }

    def online(self, rows: Rows) -> Flags:
        """Which of these vehicles are online, shape (m,)."""
        return np.asarray(self.absences.online_us[rows] <= self._now_ms * 1000, np.bool_)

    def reaches(self, row: int) -> bool:
        """Whether a downlink comes to this vehicle; one that does not is counted, and lost: its connection is dead."""
        online = int(self.absences.online_us[row]) <= self._now_ms * 1000
        self.unreached += not online
        return online

    def pass_on(
        self,
        said: Said,
        until_ms: int,
        changes: Sequence[tuple[bool, Rows]] = (),
        faults: MessageColumns | None = None,
    ) -> Passed:
        """What arrives in the seconds up to the one that begins at `until_ms`, and in that one; labels at once.

        `changes` says who loses the network, or has it again, as the last second before that begins.
        """
        self._now_ms = until_ms - self._start_ms
        presence = self._change(changes) if changes else []
        parts = self._parts(said)
        if self.absences:
            parts = self._keep(parts)
            found = self.absences.pass_time(self._now_ms * 1000)
            for one in found:
                if one.what == "back":
                    parts = self._sent_afterwards(one.rows) + parts
            presence += found
        if parts:
            self._send(parts, faults)
        passed = self._arrived(said.labels)
        passed.presence = presence
        return passed

    def _change(self, changes: Sequence[tuple[bool, Rows]]) -> list[Presence]:
        begun_ms = self._now_ms - 1000
        lost = []
        for is_lost, rows in changes:
            if not is_lost:
                self.absences.regain(rows, begun_ms * 1000)
                for row in rows.tolist() if len(self.answers) else ():
                    self.answers.back(row)
                continue
            self.absences.lose(rows, begun_ms * 1000)
            self._link.cut(rows, begun_ms * 1000)
            gone = np.zeros(len(self._backlog), np.bool_)
            gone[rows] = True
            # What arrives within this second is beyond the radio already.
            for lane in self._lanes():
                self.figures.lost += lane.lose(gone, begun_ms + 1000)
            lost.append(Presence(self._start_ms + begun_ms, "lost", rows))
        return lost

    def _lanes(self) -> list[RowLane | PacketLane | CanLane]:
        return [self._events, self._posts, self._can, *self._rows.values()]

    def _parts(self, said: Said) -> list[_Part]:
        """What is said, in the order in which a vehicle sends what is of one moment."""
        parts = [self._packets(said.events)] if said.events else []
        parts += [self._batch(one) for one in said.batches if len(one)]
        for second in said.can:
            made_ms = np.full(len(second), second.start_ms + 1000 - self._start_ms, np.int64)
            sizes = second.counts * _FRAME_BYTES + _CAN_BYTES
            parts.append(_Part(second, second.vehicles, made_ms, sizes))
        return parts

    def _packets(self, packets: list[SaidPacket], **more: bool) -> _Part:
        vehicles = np.array([packet.vehicle for packet in packets], np.int32)
        made_ms = np.array([packet.turn_ms for packet in packets], np.int64) - self._start_ms
        sizes = np.array([len(packet.data) for packet in packets], np.int64)
        return _Part(packets, vehicles, made_ms, sizes, **more)

    def _batch(self, one: SaidBatch, **more: bool) -> _Part:
        sizes = np.full(len(one), self._packet_bytes(one), np.int64)
        return _Part(one, one.batch.vehicles, one.turns_ms - self._start_ms, sizes, **more)

    def _keep(self, parts: Sequence[_Part]) -> list[_Part]:
        """Put aside what cannot be sent; the rest."""
        rest = []
        for part in parts:
            away = part.made_ms * 1000 < self.absences.online_us[part.vehicles]
            if not away.any():
                rest.append(part)
                continue
            keeps = away & (self._backlog[part.vehicles] != DROPPED)
            if isinstance(part.what, CanSecond):
                keeps[:] = False  # nobody's memory is large enough
            elif isinstance(part.what, SaidBatch):
                if keeps.any():
                    self._kept.keep(part.what, keeps, 1 + _GROUP_PLACE[part.what.batch.group])
            elif keeps.any():
                self._kept.keep_packets([one for one, yes in zip(part.what, keeps.tolist(), strict=True) if yes])
            self.figures.not_kept += int(np.count_nonzero(away & ~keeps))
            if not away.all():
                rest.append(_some(part, ~away))
        return rest

    def _sent_afterwards(self, rows: Rows) -> list[_Part]:
        """What these vehicles kept and send now that they are back."""
        kept = self._kept.take(rows)
        as_history = self._backlog == HISTORY
        batches: list[SaidBatch] = []
        late: list[_Part] = []
        for one in kept.batches:
            alink = as_history[one.batch.vehicles] & (one.kind == "property_post")
            if alink.any():
                batches.append(one if alink.all() else one.some(alink))
            if not alink.all():
                late.append(self._batch(one.some(~alink), is_kept=True))
        events = [one for one in kept.packets if as_history[one.vehicle] and one.kind == "event_post"]
        others = [one for one in kept.packets if not (as_history[one.vehicle] and one.kind == "event_post")]
        if others:
            late.insert(0, self._packets(others, is_kept=True))
        posts = self._history.packets(batches, events)
        self.figures.history_posts += len(posts)
        return late + ([self._packets(posts, is_kept=True, is_post=True)] if posts else [])

    def _send(self, parts: Sequence[_Part], faults: MessageColumns | None) -> None:
        """Let everything take its time, and put it into its lane."""
        spoilt = faults is not None and faults.any
        came: dict[_Form, list[Coming]] = {}
        for part, arrivals in zip(parts, self._arrivals(parts), strict=True):
            if not spoilt or faults is None:
                self._put(part, arrivals, came)
                continue
            found = spoil(faults, self._link.paths, part.vehicles, arrivals)
            stays = ~found.lost
            self.figures.lost += int(np.count_nonzero(found.lost))
            if stays.all():
                self._put(part, found.arrivals, came)
            elif stays.any():
                self._put(_some(part, stays), _of(found.arrivals, stays), came)
            again = stays & found.twice
            if again.any() and not isinstance(part.what, CanSecond):
                self.figures.duplicated += int(np.count_nonzero(again))
                self._put(_some(part, again), _of(found.again, again), came)
        self._came = came

    def _put(self, part: _Part, arrivals: Arrivals, came: dict[_Form, list[Coming]]) -> None:
        what = part.what
        if isinstance(what, CanSecond):
            self._can.take(what, arrivals.turn_ms, arrivals.time_us)
        elif isinstance(what, SaidBatch):
            form = (what.kind, what.batch.group, tuple(what.batch.signals))
            came.setdefault(form, []).append((what, arrivals.turn_ms, arrivals.time_us))
        else:
            (self._posts if part.is_post else self._events).take(what, arrivals.turn_ms, arrivals.time_us)

    def _arrived(self, labels: list[SaidPacket]) -> Passed:
        before_ms = self._now_ms + 1000
        came, self._came = self._came, {}
        for form, (first, *_) in came.items():
            if form not in self._rows:
                self._rows[form] = RowLane(self._start_ms, first[0])
                # In one turn those of a vehicle come group by group, as in a step.
                self._rows = dict(sorted(self._rows.items(), key=lambda item: _GROUP_PLACE[item[0][1]]))
        events, events_us = self._events.give(before_ms)
        posts, posts_us = self._posts.give(before_ms)
        rows = [
            given
            for form, lane in self._rows.items()
            if form in came or len(lane)
            for given in lane.pass_on(came.get(form, ()), before_ms)
        ]
        can = self._can.give(before_ms) if len(self._can) else []
        return Passed(
            Said(labels, events, [batch for batch, _ in rows], tuple(second for second, _ in can), posts),
            events_us,
            posts_us,
            [times for _, times in rows],
            [times for _, times in can],
        )

    def _arrivals(self, parts: Sequence[_Part]) -> list[Arrivals]:
        """When everything arrives; of one vehicle and moment in the order of the parts."""
        vehicles = np.concatenate([part.vehicles for part in parts])
        made_ms = np.concatenate([part.made_ms for part in parts])
        sizes = np.concatenate([part.sizes for part in parts]) + _HEADERS
        sent_us = made_ms * 1000
        if any(part.is_kept for part in parts):
            kept = np.repeat([part.is_kept for part in parts], [len(part.vehicles) for part in parts])
            sent_us = np.where(kept, self.absences.online_us[vehicles], sent_us)
        order = None
        if len(parts) > 1 or made_ms[0] != made_ms[-1] or parts[0].is_kept or not isinstance(parts[0].what, SaidBatch):
            place = np.repeat(np.arange(len(parts)), [len(part.vehicles) for part in parts])
            order = np.argsort(_key(vehicles, made_ms, place), kind="stable")
            vehicles, sent_us, made_ms, sizes = vehicles[order], sent_us[order], made_ms[order], sizes[order]
        queue = Queue(vehicles, sent_us, made_ms, sizes)
        arrivals = self._link.pass_on(queue)
        self.figures.count(queue, arrivals)
        if order is not None:
            arrivals = Arrivals(*(_put_back(column, order) for column in arrivals))
        edges = np.cumsum([len(part.vehicles) for part in parts])[:-1]
        columns = [np.split(column, edges) for column in arrivals]
        return [Arrivals(*those) for those in zip(*columns, strict=True)]


def _some(part: _Part, chosen: Flags) -> _Part:
    what = part.what
    if isinstance(what, CanSecond):
        what = some_of_can(what, chosen)
    elif isinstance(what, SaidBatch):
        what = what.some(chosen)
    else:
        what = [one for one, yes in zip(what, chosen.tolist(), strict=True) if yes]
    return replace(
        part, what=what, vehicles=part.vehicles[chosen], made_ms=part.made_ms[chosen], sizes=part.sizes[chosen]
    )


def _of(arrivals: Arrivals, chosen: Flags) -> Arrivals:
    time_us, turn_ms, numbers, gap_ms = arrivals
    return Arrivals(time_us[chosen], turn_ms[chosen], numbers[chosen], gap_ms[chosen])


def _put_back(column: NDArray[Any], order: NDArray[np.intp]) -> NDArray[Any]:
    found = np.empty_like(column)
    found[order] = column
    return found


def _key(vehicles: NDArray[np.int32], made_ms: I8s, place: NDArray[np.intp]) -> I8s:
    """One number to sort by: vehicle, then time, then place; a million vehicles, four years and 64 places fit."""
    return vehicles.astype(np.int64) << 43 | (made_ms - int(made_ms.min())) << 6 | np.minimum(place, 63)

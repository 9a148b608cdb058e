"""The stage between what vehicles say and the way out: order, outages, backlogs, faults of messages."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np
import pytest

from jinqiao.base.keyed import Draws
from jinqiao.base.telemetry import Batch, Event, Step
from jinqiao.device.agent.car import Outgoing
from jinqiao.device.network.absences import Absences
from jinqiao.device.network.backlog import Backlog
from jinqiao.device.network.link import Link
from jinqiao.device.network.network import DROPPED, HISTORY, LATE, Network, Passed
from jinqiao.device.network.paths import Paths, grid
from jinqiao.wire.mqtt.decoding import decode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import Publish
from jinqiao.wire.render import StepRenderer
from jinqiao.wire.render.history import HistoryRenderer
from jinqiao.wire.render.said import SaidPacket
from support.telemetry import batch

KEY = "a1JinqiaoEV"
N = 5
NAMES = np.array([b"LBV%014d" % i for i in range(N)], "S17")
#: 2026-11-23T07:00+08:00.
START_MS = 1_795_388_400_000


@dataclass
class Faults:
    """What is wrong with messages."""

    any: bool = True
    late: np.ndarray = field(default_factory=lambda: np.zeros(N))
    late_s: np.ndarray = field(default_factory=lambda: np.zeros(N))
    duplicate: np.ndarray = field(default_factory=lambda: np.zeros(N))
    out_of_order: np.ndarray = field(default_factory=lambda: np.zeros(N))
    lost: np.ndarray = field(default_factory=lambda: np.zeros(N))


class Stage:
    """A network with a renderer, fed with seconds."""

    def __init__(
        self,
        *,
        latency_ms: float = 0.0,
        spread_ms: float = 0.0,
        backlog: int = HISTORY,
        keep: int = 600,
        keep_alive_s: float = 300.0,
        protobuf: bool = False,
    ) -> None:
        quantiles = (latency_ms + spread_ms * (2 * grid() - 1)) * 1000
        paths = Paths(
            Draws.of(7, [("cars", N)]).keys,
            np.rint(quantiles)[None, :].astype(np.int64),
            np.zeros(N, np.intp),
            np.zeros(N, np.int64),
            np.zeros(N),
            np.full(N, np.inf),
        )
        self.renderer = StepRenderer(KEY, NAMES, NAMES, np.full(N, protobuf))
        self.network = Network(
            Link(paths),
            START_MS,
            self.renderer.packet_bytes,
            absences=Absences(paths, np.full(N, round(keep_alive_s * 1e6), np.int64), START_MS),
            kept=Backlog(np.full(N, keep, np.int64)),
            backlog=np.full(N, backlog, np.uint8),
            history=HistoryRenderer(KEY, NAMES),
        )

    def second(
        self,
        until_s: int,
        *,
        lose: tuple[int, ...] = (),
        regain: tuple[int, ...] = (),
        faults: Faults | None = None,
        events: tuple[Event, ...] = (),
        since_s: int | None = None,
    ) -> Passed:
        """Everybody's samples of a second, or of all since another one."""
        changes = [(True, _rows(lose))] * bool(lose) + [(False, _rows(regain))] * bool(regain)
        seconds = range(until_s if since_s is None else since_s, until_s + 1)
        batches = [_sample(second) for second in seconds]
        step = Step(START_MS + until_s * 1000, (_joined(batches),), events)
        return self.network.pass_on(self.renderer.say(step), step.until_ms, changes, faults)


def _rows(rows: tuple[int, ...]) -> np.ndarray:
    return np.array(rows, np.intp)


def _sample(second: int) -> Batch:
    made = batch(N, second)
    return Batch.at(START_MS + second * 1000, made.group, made.vehicles, made.signals)


def _joined(batches: list[Batch]) -> Batch:
    first = batches[0]
    return Batch(
        np.concatenate([one.time_ms for one in batches]),
        first.group,
        np.concatenate([one.vehicles for one in batches]),
        {name: np.concatenate([one.signals[name] for one in batches]) for name in first.signals},
    )


def came(passed: Passed) -> list[tuple[int, int]]:
    """Vehicle and second of each sample, in the order of turns."""
    found: list[tuple[int, int, int]] = []
    for one in passed.said.batches:
        seconds = (one.batch.time_ms - START_MS) // 1000
        found += zip(one.turns_ms.tolist(), one.batch.vehicles.tolist(), seconds.tolist(), strict=True)
    found.sort(key=lambda one: one[0])
    return [(vehicle, second) for _, vehicle, second in found]


def read(packet: SaidPacket) -> tuple[str, dict]:
    edges = frame(packet.data, 0)
    assert edges is not None
    publish = decode(packet.data[0], packet.data[edges[0] : edges[1]])
    assert isinstance(publish, Publish)
    return publish.topic, json.loads(publish.payload)


EVERYBODY = tuple(range(N))


def test_what_arrives_within_its_second_is_left_as_it_is() -> None:
    stage = Stage(latency_ms=80)
    passed = stage.second(1)
    (one,) = passed.said.batches
    assert one.arrives_ms is None
    assert passed.batches_us[0].tolist() == [1_080_000] * N


def test_what_takes_longer_comes_with_a_later_second() -> None:
    stage = Stage(latency_ms=2500)
    assert came(stage.second(1)) == []
    assert came(stage.second(2)) == []
    assert came(stage.second(3)) == [(vehicle, 1) for vehicle in EVERYBODY]
    assert stage.network.on_the_way() == 2 * N


@pytest.mark.parametrize("stretch", [2, 7, 30])
def test_a_stretch_gives_what_its_seconds_give(stretch: int) -> None:
    one, other = (Stage(latency_ms=1500, spread_ms=1400) for _ in range(2))
    single = [came(one.second(second)) for second in range(1, 61)]
    together = [came(other.second(last + stretch, since_s=last + 1)) for last in range(0, 60 - stretch + 1, stretch)]
    flat = [pair for part in together for pair in part]
    assert flat == [pair for part in single for pair in part][: len(flat)]
    assert len(flat) > 100


def test_offline_vehicles_say_nothing_and_others_do() -> None:
    stage = Stage()
    stage.second(1)
    assert came(stage.second(2, lose=(1, 2))) == [(0, 2), (3, 2), (4, 2)]
    assert stage.network.absences.offline() == 2


def test_who_comes_back_sends_what_it_kept_as_history() -> None:
    stage = Stage()
    stage.second(1)
    for second in range(2, 31):
        stage.second(second, lose=(1,) if second == 2 else ())
    posts: list[SaidPacket] = []
    live: list[int] = []
    for second in range(31, 120):
        passed = stage.second(second, regain=(1,) if second == 31 else ())
        assert not (posts and passed.said.posts)
        posts += passed.said.posts
        live += [when for vehicle, when in came(passed) if vehicle == 1]
    records = []
    for post in posts:
        topic, payload = read(post)
        assert topic == f"/sys/{KEY}/{NAMES[1].decode()}/thing/event/property/history/post"
        assert payload["method"] == "thing.event.property.history.post"
        (entry,) = payload["params"]
        assert entry["identity"] == {"productKey": KEY, "deviceName": NAMES[1].decode()}
        records += [next(iter(record.values()))["time"] for record in entry["properties"]]
    seconds = [(time_ms - START_MS) // 1000 for time_ms in records]
    assert seconds == list(range(2, live[0]))
    assert live == list(range(live[0], 120))
    assert stage.network.report()["reconnects"] == 1


def test_a_backlog_may_be_sent_as_late_posts() -> None:
    stage = Stage(backlog=LATE)
    stage.second(1)
    heard = [
        pair
        for second in range(2, 200)
        for pair in came(stage.second(second, lose=(1,) if second == 2 else (), regain=(1,) if second == 31 else ()))
    ]
    assert [when for vehicle, when in heard if vehicle == 1] == list(range(2, 200))
    assert [when for vehicle, when in heard if vehicle == 0] == list(range(2, 200))


def test_a_backlog_may_be_dropped() -> None:
    stage = Stage(backlog=DROPPED)
    stage.second(1)
    for second in range(2, 200):
        passed = stage.second(second, lose=(1,) if second == 2 else (), regain=(1,) if second == 31 else ())
        assert not passed.said.posts
    report = stage.network.report()
    assert report["dropped"] >= 29
    assert report["buffered"] == 0


def test_of_a_full_backlog_the_oldest_go_first() -> None:
    stage = Stage(backlog=LATE, keep=10)
    stage.second(1)
    heard = [
        pair
        for second in range(2, 400)
        for pair in came(stage.second(second, lose=(1,) if second == 2 else (), regain=(1,) if second == 301 else ()))
    ]
    mine = [when for vehicle, when in heard if vehicle == 1]
    assert mine == list(range(mine[0], 400))
    assert mine[10] - 301 <= 61  # the last pause before an attempt is a minute at most
    report = stage.network.report()
    assert report["buffered"] == report["dropped"] + 10


def test_events_are_part_of_the_history() -> None:
    stage = Stage()
    stage.second(1)
    event = Event(START_MS + 3000, 1, "TripStarted", {"Odometer": 12.5})
    stage.second(2, lose=(1,))
    stage.second(3, events=(event,))
    posts = [
        post for second in range(4, 90) for post in stage.second(second, regain=(1,) if second == 4 else ()).said.posts
    ]
    (entry,) = read(posts[0])[1]["params"]
    assert entry["events"] == [{"TripStarted": {"value": {"Odometer": 12.5}, "time": START_MS + 3000}}]


def test_protobuf_has_no_history_and_is_late() -> None:
    stage = Stage(protobuf=True)
    stage.second(1)
    heard = []
    for second in range(2, 120):
        passed = stage.second(second, lose=(1,) if second == 2 else (), regain=(1,) if second == 9 else ())
        assert not passed.said.posts
        heard += [when for vehicle, when in came(passed) if vehicle == 1]
    assert heard == list(range(2, 120))


def test_the_platform_notices_after_one_and_a_half_keep_alives() -> None:
    stage = Stage(keep_alive_s=30)
    stage.second(1)
    told = [
        (one.what, (one.time_ms - START_MS) // 1000, one.rows.tolist(), one.known.tolist())
        for second in range(2, 300)
        for one in stage.second(
            second, lose=(1, 3) if second == 2 else (), regain=(1,) if second == 100 else ()
        ).presence
    ]
    assert told[0] == ("lost", 1, [1, 3], [])
    assert told[1] == ("noticed", 46, [1, 3], [])
    what, when, rows, known = told[2]
    assert (what, rows, known) == ("back", [1], [1])
    assert 99 <= when <= 160
    assert len(told) == 3


def test_a_short_absence_is_never_noticed() -> None:
    stage = Stage(keep_alive_s=300)
    stage.second(1)
    told = [
        one
        for second in range(2, 120)
        for one in stage.second(second, lose=(1,) if second == 2 else (), regain=(1,) if second == 20 else ()).presence
    ]
    assert [one.what for one in told] == ["lost", "back"]
    assert not len(told[1].known)


def test_what_is_on_its_way_is_lost_with_the_connection() -> None:
    stage = Stage(latency_ms=3000)
    for second in range(1, 6):
        stage.second(second)
    before = stage.network.on_the_way()
    heard = [pair for second in range(6, 20) for pair in came(stage.second(second, lose=(1,) if second == 6 else ()))]
    assert not [when for vehicle, when in heard if vehicle == 1 and when > 3]
    assert [when for vehicle, when in heard if vehicle == 2][:3] == [3, 4, 5]
    assert 0 < stage.network.report()["lost"] < before


def test_cars_of_an_area_come_back_one_after_the_other() -> None:
    n = 400
    paths = Paths(
        Draws.of(7, [("cars", n)]).keys, np.zeros((1, 4097), np.int64), np.zeros(n, np.intp), np.zeros(n, np.int64),
        np.zeros(n), np.full(n, np.inf),
    )  # fmt: skip
    absences = Absences(paths, np.full(n, 300_000_000), START_MS)
    absences.lose(np.arange(n), 0)
    absences.regain(np.arange(n), 600_000_000)
    back_s = absences.online_us / 1e6
    assert 600 <= back_s.min() < 602
    assert 640 < back_s.max() <= 660
    assert np.histogram(back_s, 30, (600, 660))[0].max() < n // 6


def test_lost_messages_never_come() -> None:
    faults = Faults(lost=np.array([0.0, 1.0, 0.5, 0.0, 0.0]))
    stage = Stage()
    heard = [pair for second in range(1, 401) for pair in came(stage.second(second, faults=faults))]
    counts = np.bincount([vehicle for vehicle, _ in heard], minlength=N)
    assert counts[[0, 1, 3]].tolist() == [400, 0, 400]
    assert counts[2] == pytest.approx(200, abs=40)
    assert stage.network.report()["lost"] == 5 * 400 - counts.sum()


def test_duplicates_come_twice() -> None:
    faults = Faults(duplicate=np.array([0.0, 1.0, 0.0, 0.0, 0.0]))
    stage = Stage()
    heard = [pair for second in range(1, 21) for pair in came(stage.second(second, faults=faults))]
    assert sorted(when for vehicle, when in heard if vehicle == 1) == sorted(list(range(1, 21)) * 2)
    assert [when for vehicle, when in heard if vehicle == 2] == list(range(1, 21))


def test_late_messages_are_overtaken() -> None:
    faults = Faults(late=np.array([0.0, 0.3, 0.0, 0.0, 0.0]), late_s=np.full(N, 5.0))
    stage = Stage()
    heard = [pair for second in range(1, 101) for pair in came(stage.second(second, faults=faults))]
    mine = [when for vehicle, when in heard if vehicle == 1]
    assert mine != sorted(mine)
    assert set(range(1, 95)) <= set(mine)
    for place, when in enumerate(mine):
        assert max(mine[: place + 1]) - when <= 5


def test_out_of_order_is_behind_the_next_one() -> None:
    faults = Faults(out_of_order=np.array([0.0, 0.2, 0.0, 0.0, 0.0]))
    stage = Stage()
    heard = [pair for second in range(1, 101) for pair in came(stage.second(second, faults=faults))]
    mine = [when for vehicle, when in heard if vehicle == 1]
    behind = [when for place, when in enumerate(mine) if place and mine[place - 1] > when]
    assert 8 <= len(behind) <= 35
    assert all(max(mine[: mine.index(when)]) - when <= 2 for when in behind)


def test_a_fault_of_one_changes_nothing_for_another() -> None:
    faults = Faults(lost=np.array([0.0, 0.5, 0.0, 0.0, 0.0]))
    spoilt, whole = Stage(latency_ms=700, spread_ms=600), Stage(latency_ms=700, spread_ms=600)
    for second in range(1, 60):
        with_fault = spoilt.second(second, faults=faults)
        without = whole.second(second)
        assert [one for one in came(with_fault) if one[0] != 1] == [one for one in came(without) if one[0] != 1]


def test_answers_take_both_ways_and_wait_for_the_network() -> None:
    stage = Stage(latency_ms=100)
    answers = stage.network.answers
    answers.take(Outgoing(0, "a", b""), 5_000_000)
    assert answers.give(5_200_000) == []
    assert [one.topic for one in answers.give(5_200_001)] == ["a"]
    stage.second(1)
    stage.second(2, lose=(1,))
    for number in range(25):
        answers.take(Outgoing(1, str(number), b""), 2_000_000)
    assert answers.next_us is None
    assert answers.dropped == 5
    stage.second(3, regain=(1,))
    online_us = int(stage.network.absences.online_us[1])
    assert answers.give(online_us) == []
    assert [one.topic for one in answers.give(online_us + 100_001)] == [str(number) for number in range(5, 25)]


def test_a_downlink_does_not_reach_who_is_offline() -> None:
    stage = Stage()
    stage.second(1)
    assert stage.network.reaches(1)
    stage.second(2, lose=(1,))
    assert not stage.network.reaches(1)
    assert stage.network.reaches(2)
    assert stage.network.report()["unreached"] == 1
    assert stage.network.online(np.arange(3)).tolist() == [True, False, True]

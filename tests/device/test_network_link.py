"""When messages arrive: one link a vehicle, in the order in which it sends, whatever is taken together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.keyed import Draws
from jinqiao.device.network.link import Arrivals, Link, Queue
from jinqiao.device.network.paths import Paths, grid

N = 6
MS = 1000


def paths(
    *, latency_ms: float = 0.0, spread_ms: float = 0.0, jitter_ms: float = 0.0, loss: float = 0.0, bps: float = np.inf
) -> Paths:
    """Vehicles with a latency that is uniform in `latency_ms` ± `spread_ms`."""
    quantiles = (latency_ms + spread_ms * (2 * grid() - 1)) * MS
    return Paths(
        Draws.of(7, [("cars", N)]).keys,
        np.rint(quantiles)[None, :].astype(np.int64),
        np.zeros(N, np.intp),
        np.full(N, round(jitter_ms * MS), np.int64),
        np.full(N, loss),
        np.full(N, bps),
    )


def queue(*messages: tuple[int, int], size: int = 1000) -> Queue:
    """Messages (vehicle, ms)."""
    vehicles, times = np.array(sorted(messages), np.int64).T
    return Queue(vehicles.astype(np.int32), times * MS, times, np.full(len(times), size, np.int64))


def each_second(seconds: int, vehicle: int = 0) -> Queue:
    return queue(*((vehicle, second * 1000) for second in range(1, seconds + 1)))


def test_a_constant_latency_is_added_to_every_message() -> None:
    arrivals = Link(paths(latency_ms=80)).pass_on(queue((0, 1000), (0, 2000), (3, 1000)))
    assert arrivals.time_us.tolist() == [1_080_000, 2_080_000, 1_080_000]
    assert arrivals.turn_ms.tolist() == [1000, 2000, 1000]


def test_a_message_waits_for_the_one_before_on_a_narrow_link() -> None:
    link = Link(paths(bps=8000))  # a thousand bytes a second
    arrivals = link.pass_on(queue((0, 1000), (0, 1500), (0, 9000)))
    assert arrivals.time_us.tolist() == [2_000_000, 3_000_000, 10_000_000]
    assert link.pass_on(queue((0, 9500))).time_us.tolist() == [11_000_000]


def test_one_vehicle_never_waits_for_another() -> None:
    link = Link(paths(bps=8000))
    assert link.pass_on(queue((0, 1000), (1, 1000), (2, 1000))).time_us.tolist() == [2_000_000] * 3


def test_no_message_overtakes_the_one_before() -> None:
    took = Link(paths(latency_ms=2000, spread_ms=1900)).pass_on(each_second(500)).time_us
    assert (np.diff(took) >= 0).all()
    assert (np.diff(took) == 0).any()


def test_jitter_spreads_to_either_side_and_no_farther() -> None:
    took = Link(paths(latency_ms=100, jitter_ms=40)).pass_on(each_second(2000))
    delay_ms = (took.time_us - np.arange(1, 2001) * 1_000_000) / MS
    assert 60 <= delay_ms.min() < 65
    assert 135 < delay_ms.max() <= 140
    assert delay_ms.mean() == pytest.approx(100, abs=3)


def test_a_lost_packet_makes_its_message_late_by_a_retransmission_timeout() -> None:
    took = Link(paths(latency_ms=50, loss=0.1)).pass_on(each_second(4000))
    delay_ms = (took.time_us - np.arange(1, 4001) * 1_000_000) // MS
    # RFC 6298 with Linux's least wait: a round trip of 100 ms and 200 ms; twice as long after each further loss.
    once, twice = 50 + 300, 50 + 300 + 600
    assert set(np.unique(delay_ms).tolist()) >= {50, once, twice}
    assert (delay_ms == 50).mean() == pytest.approx(0.9, abs=0.02)
    assert (delay_ms == once).mean() == pytest.approx(0.09, abs=0.02)


def test_nothing_is_lost_by_loss() -> None:
    assert len(Link(paths(loss=0.5)).pass_on(each_second(1000)).time_us) == 1000


def test_a_large_message_is_more_likely_to_lose_a_packet() -> None:
    def late(size: int) -> float:
        vehicles, sent, made, _ = each_second(2000)
        took = Link(paths(loss=0.02)).pass_on(Queue(vehicles, sent, made, np.full(2000, size, np.int64)))
        return float((took.time_us - sent > 100 * MS).mean())

    assert late(500) == pytest.approx(0.02, abs=0.01)
    assert late(14_000) == pytest.approx(0.2, abs=0.04)


messages = st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, 40_000)), min_size=1, max_size=60, unique=True)


@given(messages, st.integers(0, 41_000), st.sampled_from([np.inf, 20_000.0]))
def test_it_is_all_one_what_is_taken_together(sent: list[tuple[int, int]], cut_ms: int, bps: float) -> None:
    def link() -> Link:
        return Link(paths(latency_ms=700, spread_ms=650, jitter_ms=30, loss=0.2, bps=bps))

    whole = _of(queue(*sent), link().pass_on(queue(*sent)))
    parted, one = {}, link()
    for part in ([m for m in sent if m[1] < cut_ms], [m for m in sent if m[1] >= cut_ms]):
        if part:
            parted |= _of(queue(*part), one.pass_on(queue(*part)))
    assert parted == whole


@given(messages)
def test_a_turn_has_one_moment_of_a_vehicle_and_never_falls(sent: list[tuple[int, int]]) -> None:
    given_ = queue(*sent)
    arrivals = Link(paths(latency_ms=3000, spread_ms=2900)).pass_on(given_)
    for vehicle in range(N):
        mine = given_.vehicles == vehicle
        turns = arrivals.turn_ms[mine]
        assert (np.diff(turns) > 0).all()
        assert (turns >= arrivals.time_us[mine] // 1_000_000 * 1000).all()


def test_draws_belong_to_a_vehicle() -> None:
    alone = Link(paths(latency_ms=500, spread_ms=400)).pass_on(each_second(50, vehicle=2))
    crowd = [(vehicle, second * 1000) for vehicle in range(N) for second in range(1, 51)]
    among = Link(paths(latency_ms=500, spread_ms=400)).pass_on(queue(*crowd))
    mine = queue(*crowd).vehicles == 2
    assert among.time_us[mine].tolist() == alone.time_us.tolist()


def _of(given_: Queue, arrivals: Arrivals) -> dict[tuple[int, int], tuple[int, int]]:
    keys = zip(given_.vehicles.tolist(), given_.made_ms.tolist(), strict=True)
    return dict(zip(keys, zip(arrivals.time_us.tolist(), arrivals.turn_ms.tolist(), strict=True), strict=True))

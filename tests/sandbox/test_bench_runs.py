"""`bench small-run` and `bench backdated`, small: what they count is what a run of that length says."""

from __future__ import annotations

import asyncio

import pytest

from jinqiao.sandbox.bench.backdated import DAY_S, TIMES, bench_backdated
from jinqiao.sandbox.bench.small_run import bench_small_run

pytestmark = pytest.mark.program


def test_a_small_run_is_heard_whole_and_counted_by_all_its_processes() -> None:
    found = asyncio.run(bench_small_run(vehicles=10, seconds=60))
    assert (found["vehicles"], found["simulated_s"], found["all_delivered"]) == (10, 60.0, True)
    cpu_s = sum(found["cpu_s"].values())
    assert set(found["cpu_s"]) == {"simulator", "gateway", "subscriber"}
    assert found["simulated_s_per_cpu_s"] == pytest.approx(60 / cpu_s, rel=0.01)


def test_every_part_of_the_past_is_written_whole() -> None:
    found = bench_backdated(vehicles=20, seconds=30)
    rates = []
    for part in TIMES:
        one = found[part]
        assert (one["simulated_s"], one["dropped"]) == (30.0, 0)
        assert one["written"] >= 3 * 20  # core rows alone; who stands sends detail, too
        assert one["program_s"] > one["wall_s"] > 0
        rates.append(one["wall_s"] / 30)
    assert found["day_wall_s"] == pytest.approx(DAY_S * sum(rates) / 3, abs=0.1)

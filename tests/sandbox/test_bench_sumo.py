"""`bench sumo`: both sides write one record per car and second, and SUMO's cars drive closed tours."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest

from jinqiao.sandbox.bench.peers import SUMO, SUMO_HOW
from jinqiao.sandbox.bench.sumo import CROSSINGS, _tour, bench_sumo
from support.peers import require


def test_a_tour_is_closed_and_stays_on_the_grid() -> None:
    draws = random.Random(3)
    for _ in range(200):
        edges = _tour(draws)
        assert len(edges) >= 4
        assert len(set(edges)) == len(edges)
        for edge, following in pairwise([*edges, edges[0]]):
            begin, end = edge[:2], edge[2:]
            assert following[:2] == end
            steps = abs(ord(begin[0]) - ord(end[0])) + abs(int(begin[1]) - int(end[1]))
            assert steps == 1
            assert ord(end[0]) - ord("A") < CROSSINGS
            assert int(end[1]) < CROSSINGS


@pytest.mark.program
def test_without_sumo_ours_is_measured_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JQ_CACHE", str(tmp_path))
    figures = bench_sumo(5, 20, 1)
    assert SUMO_HOW in figures["sumo"]["missing"]
    assert "ratio_cpu" not in figures
    assert figures["jinqiao"]["records"] == 5 * 20
    assert figures["jinqiao"]["cpu_s"] > 0


@pytest.mark.program
def test_beside_sumo_both_write_a_record_per_car_and_second() -> None:
    require(SUMO, SUMO_HOW)
    figures = bench_sumo(5, 20, 1)
    assert figures["sumo"]["records"] == figures["jinqiao"]["records"] == 5 * 20

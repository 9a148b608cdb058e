"""`bench physics`: what it times is a whole fleet, and its probe is the car of `catalog simulate`."""

from __future__ import annotations

from pathlib import Path

import pytest

from jinqiao.sandbox.bench.physics import PROBE, bench_physics, measure_fleet
from jinqiao.vehicles.catalogue import find_vehicle
from jinqiao.vehicles.cycle_run import simulate_cycle
from jinqiao.vehicles.cycles import load_cycle


@pytest.mark.parametrize("vehicles", [1, 9_000])
def test_the_probe_consumes_what_a_car_alone_does(vehicles: int) -> None:
    cycle = load_cycle("US06")
    figures = measure_fleet(vehicles, cycle)
    alone = simulate_cycle(find_vehicle(PROBE), cycle)
    assert figures["battery_kwh_per_100km"] == pytest.approx(alone.battery_kwh_per_100km, rel=1e-4)
    assert (figures["vehicles"], figures["steps"], figures["cycle"]) == (vehicles, cycle.duration_s, "US06")
    assert figures["vehicle_steps_per_s"] == pytest.approx(vehicles * cycle.duration_s / figures["wall_s"], rel=0.05)


def test_without_fastsim_there_is_no_ratio(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JQ_CACHE", str(tmp_path))
    figures = bench_physics(10, "US06")
    assert "ratio_to_fastsim" not in figures
    assert "jinqiao bench install-fastsim" in figures["fastsim"]["missing"]
    assert figures["machine"]["cores"] >= 1

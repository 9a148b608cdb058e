"""`bench judged`, small: the two runs differ in what judges them and in nothing else."""

from __future__ import annotations

import json

import pytest

from jinqiao.sandbox.bench.judged import bench_judged, scenario
from jinqiao.simulator.scenario import parse_scenario


def test_the_judged_run_is_the_plain_one_and_what_judges_it() -> None:
    plain, judged = (json.loads(scenario(50, 60, judged=which)) for which in (False, True))
    assert judged.keys() - plain.keys() == {"network", "faults", "expect"}
    assert {**judged, "name": plain["name"]}.items() >= plain.items()
    found = parse_scenario(scenario(50, 60, judged=True))
    assert len(found.expect) == 20
    assert sum(fault.on.share or 0.0 for fault in found.faults) == pytest.approx(0.05)
    assert not found.warnings


@pytest.mark.program
@pytest.mark.long
def test_it_counts_whole_runs_advances_and_the_first_telemetry() -> None:
    found = bench_judged(vehicles=20, seconds=5, rounds=1, advances=3)
    assert set(found["cpu_s"]) == set(found["vehicle_s_per_cpu_s"]) == {"plain", "judged"}
    assert 0.0 < found["advance_ms"]["p50"] <= found["advance_ms"]["p99"]
    assert 0.1 < found["first_telemetry_s"] < 30.0
    assert found["plugin_ms"]["pytest"] > 0.0

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from jinqiao.base.errors import InputError
from jinqiao.vehicles.cycles import CYCLES, load_cycle

GOLDEN = list(csv.DictReader((Path(__file__).parents[1] / "golden" / "cycles.csv").read_text("utf-8").splitlines()))


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row["name"])
def test_figures_of_the_regulation(row: dict[str, str]) -> None:
    cycle = load_cycle(row["name"])
    assert cycle.duration_s == int(row["duration_s"])
    assert cycle.distance_m / 1000 == pytest.approx(float(row["distance_km"]), abs=0.001)
    assert cycle.speed_kmh.max() == pytest.approx(float(row["max_kmh"]), abs=0.06)
    driven = 596 if row["name"] == "US06" else cycle.duration_s
    assert cycle.distance_m / driven * 3.6 == pytest.approx(float(row["mean_kmh"]), abs=0.6)


def test_every_cycle_is_tested_and_starts_and_ends_at_rest() -> None:
    assert {row["name"] for row in GOLDEN} == set(CYCLES)
    for name in CYCLES:
        speed = load_cycle(name).speed_kmh
        assert speed.dtype == np.float32
        assert speed[0] == speed[-1] == 0.0
        assert speed.min() >= 0.0


def test_phases_of_wltc_and_cltc() -> None:
    for name, ends in (("WLTC", (589, 1022, 1477, 1800)), ("CLTC-P", (674, 1367, 1800))):
        assert [load_cycle(name).speed_kmh[end] for end in ends] == [0.0] * len(ends)


def test_cltc_acceleration_by_central_difference() -> None:
    speed = load_cycle("CLTC-P").speed_kmh.astype(float) / 3.6
    central = (speed[2:] - speed[:-2]) / 2
    assert central.max() == pytest.approx(1.47, abs=0.01)
    assert central.min() == pytest.approx(-1.47, abs=0.01)


def test_names_in_any_case_and_a_wrong_one_with_the_nearest() -> None:
    assert load_cycle("cltc-p").name == "CLTC-P"
    with pytest.raises(InputError, match=r"no drive cycle 'WLTP' \(did you mean 'WLTC'\?\).*HWFET"):
        load_cycle("WLTP")


def test_traces_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        load_cycle("UDDS").speed_kmh[0] = 1.0

"""`catalog verify`: what counts as met, the table, the page, and the exit code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from jinqiao.sandbox.cli import app
from jinqiao.sandbox.verify.anchors import ANCHORS
from jinqiao.sandbox.verify.checks import difference_pct
from jinqiao.sandbox.verify.svg import Line, line_chart, nice_ticks
from jinqiao.vehicles.catalogue import catalogue_ids
from jinqiao.vehicles.vehicle_file import PublishedFigure

CAR = """\
id: some-car-2024
make: BMW
model: Car <X>
model_year: 2024
market: EU
mass_kg: 1800
road_load:
  physical: {cd: 0.25, frontal_area_m2: 2.3, rolling_resistance: 0.0085}
drivetrain: {peak_kw: 150, driven_axle: front}
battery: {chemistry: nmc, gross_kwh: 60, net_kwh: 57.5}
charging: {ac_kw: 11, dc_curve: [[0, 100], [50, 100], [80, 60], [100, 10]]}
published:
  epa_hwfet_wall_kwh_per_100km: {value: HWFET, source: "a & b", confidence: high, tolerance_pct: 5}
  epa_udds_wall_kwh_per_100km: {range: [5, 40], source: somebody, confidence: medium, tolerance_pct: 1}
  dc_peak_kw: {value: 10, source: a rumour, confidence: low, tolerance_pct: 5}
"""


def figure(**fields: object) -> PublishedFigure:
    return PublishedFigure.model_validate({"source": "x", "confidence": "high", **fields})


def test_a_difference_is_from_the_value_or_from_the_nearer_end_of_the_range() -> None:
    assert difference_pct(11.0, figure(value=10.0)) == pytest.approx(10)
    assert difference_pct(11.0, figure(value=10.0, range=(10.0, 12.0))) == pytest.approx(10)
    assert difference_pct(11.0, figure(range=(10.0, 12.0))) == 0
    assert difference_pct(9.0, figure(range=(10.0, 12.0))) == pytest.approx(-10)
    assert difference_pct(15.0, figure(range=(10.0, 12.0))) == pytest.approx(25)


@pytest.mark.long
@pytest.mark.parametrize(("hwfet", "code"), [("12.7", 0), ("10", 1)])
def test_a_car_of_ones_own_is_checked_and_shown(tmp_path: Path, hwfet: str, code: int) -> None:
    car, html = tmp_path / "car.yaml", tmp_path / "car.html"
    car.write_text(CAR.replace("HWFET", hwfet))
    done = CliRunner().invoke(app, ["catalog", "verify", "--vehicle", str(car), "--html", str(html), "--json"])
    assert done.exit_code == code
    report = json.loads(done.stdout)
    assert report["passed"] is (code == 0)
    status = {item["figure"]: item["status"] for item in report["checks"]}
    assert status == {
        "epa_hwfet_wall_kwh_per_100km": "pass" if code == 0 else "fail",
        "epa_udds_wall_kwh_per_100km": "pass",
        "dc_peak_kw": "shown",  # low confidence is never a test
    }
    page = html.read_text("utf-8")
    assert "http" not in re.sub(r'href="#[^"]*"', "", page)  # needs nothing from elsewhere
    assert "a &amp; b" in page
    assert "Car &lt;X&gt;" in page
    charts = re.findall(r"<svg .*?</svg>", page, flags=re.DOTALL)
    for chart in charts:
        ElementTree.fromstring(chart)
    titles = [re.search(r'aria-label="([^",]*)', chart).group(1) for chart in charts]  # type: ignore[union-attr]
    cycle = ["Speed", "Power at the pack", "State of charge", "Pack voltage", "Pack temperature"]
    assert titles == [*cycle, *cycle, "DC power", "Pack voltage", "Pack temperature"]


def test_the_table_names_figure_difference_and_source(tmp_path: Path) -> None:
    car = tmp_path / "car.yaml"
    car.write_text(CAR.replace("HWFET", "12.7"))
    done = CliRunner().invoke(app, ["catalog", "verify", "--vehicle", str(car)])
    assert done.exit_code == 0
    for part in (
        "HWFET kWh/100 km",
        "12.7",
        "somebody",
        "5–40",
        "pass",
        "shown",
        "2 tested figures: 2 passed, 0 failed",
    ):
        assert part in done.stdout
    assert "3/3" in done.stderr  # progress: two cycles and a charge


@pytest.mark.long
def test_the_whole_catalogue_holds_its_tested_figures() -> None:
    done = CliRunner().invoke(app, ["catalog", "verify", "--json"])
    report = json.loads(done.stdout)
    assert [item for item in report["checks"] if item["status"] == "fail"] == []
    assert done.exit_code == 0
    assert {item["vehicle"] for item in report["checks"]} == set(catalogue_ids())


def test_anchors_belong_to_cars_of_the_catalogue() -> None:
    assert set(ANCHORS) <= set(catalogue_ids())


def test_ticks_are_round_and_enclose() -> None:
    assert nice_ticks(0, 100) == [0, 20, 40, 60, 80, 100]
    assert nice_ticks(-3.2, 7.9) == [-4, -2, 0, 2, 4, 6, 8]
    assert nice_ticks(5, 5) == pytest.approx([5, 5.2, 5.4, 5.6, 5.8, 6])
    assert nice_ticks(23.0, 23.13)[0] <= 23.0


def test_a_chart_thins_out_long_lines_and_leaves_out_empty_ones() -> None:
    many = [float(number) for number in range(5000)]
    chart = line_chart("A < B", [Line("n", many, many), Line("none", [], [])], x_label="s")
    points = ElementTree.fromstring(chart).find("polyline")
    assert points is not None
    assert len(points.attrib["points"].split()) <= 400
    assert line_chart("nothing", [Line("none", [], [])], x_label="s") == ""

"""`jinqiao catalog …` as somebody with a new car meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from jinqiao.base.errors import InputError
from jinqiao.sandbox.cli import app
from jinqiao.vehicles.catalogue import catalogue_ids

#: A new car with nothing but what is needed: no charging, no climate, nothing published.
BARE = """\
id: some-car-2024
make: Some
model: Car
model_year: 2024
market: EU
mass_kg: 1800
road_load:
  physical: {cd: 0.25, frontal_area_m2: 2.3, rolling_resistance: 0.009}
drivetrain: {peak_kw: 150, driven_axle: front}
battery: {chemistry: lfp, gross_kwh: 60, net_kwh: 57.5}
"""
LIST_KEYS = ["id", "make", "model", "model_year", "market", "chemistry", "gross_kwh", "net_kwh", "published"]
SIMULATE_KEYS = [
    "vehicle",
    "cycle",
    "ambient_degc",
    "distance_km",
    "duration_s",
    "battery_kwh_per_100km",
    "wall_kwh_per_100km",
    "regen_share",
    "soc_start",
    "soc_end",
    "max_speed_error_kmh",
]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["catalog", *arguments])


def exit_code(result: Result) -> int:
    """What the program would end with: `main` turns an input error into its code."""
    return result.exception.exit_code if isinstance(result.exception, InputError) else result.exit_code


@pytest.fixture
def bare(tmp_path: Path) -> str:
    path = tmp_path / "bare.yaml"
    path.write_text(BARE)
    return str(path)


def test_list_and_show_are_json_on_request(bare: str) -> None:
    listed = json.loads(run("list", "--json").stdout)
    assert [row["id"] for row in listed] == list(catalogue_ids())
    assert list(listed[0]) == LIST_KEYS
    assert json.loads(run("show", bare, "--json").stdout)["mass_kg"] == 1800


def test_simulate_says_what_the_file_format_promises() -> None:
    result = run("simulate", "--vehicle", "bmw-i4-edrive40-2022", "--cycle", "UDDS", "--json")
    figures = json.loads(result.stdout)
    assert list(figures) == SIMULATE_KEYS
    assert figures["vehicle"] == "bmw-i4-edrive40-2022"
    assert figures["cycle"] == "UDDS"
    assert figures["ambient_degc"] == 23
    assert figures["duration_s"] == 1369
    assert figures["distance_km"] == pytest.approx(11.990, abs=0.005)
    assert figures["soc_start"] == pytest.approx(90)
    assert figures["soc_end"] < 90
    assert figures["wall_kwh_per_100km"] == pytest.approx(figures["battery_kwh_per_100km"] / 0.93)


def test_simulate_takes_a_file_weather_and_a_state_of_charge(bare: str) -> None:
    def wall(*more: str) -> float:
        done = run("simulate", "--vehicle", bare, "--cycle", "hwfet", "--json", *more)
        return float(json.loads(done.stdout)["wall_kwh_per_100km"])

    assert 10 < wall() < 20
    cold = run("simulate", "--vehicle", "bmw-ix3-2021", "--cycle", "UDDS", "--ambient", "-7", "--soc", "60")
    assert "wall_kwh_per_100km" in cold.stdout
    assert exit_code(cold) == 0


def test_charge_says_what_the_file_format_promises() -> None:
    asked = ("--vehicle", "bmw-ix3-2021", "--from", "20", "--to", "40", "--power-kw", "100", "--json")
    figures = json.loads(run("charge", *asked).stdout)
    assert list(figures) == ["minutes", "kwh_delivered", "kwh_battery", "peak_kw", "curve"]
    assert figures["kwh_delivered"] > figures["kwh_battery"] > 0
    assert figures["peak_kw"] <= 100
    assert figures["curve"][0][0] == pytest.approx(20, abs=1)
    assert figures["curve"][-1][0] == pytest.approx(40, abs=1)
    assert {len(point) for point in figures["curve"]} == {4}
    table = run("charge", "--vehicle", "bmw-ix3-2021", "--from", "20", "--to", "30").stdout
    assert "peak_kw" in table
    assert "degC" in table


def test_cell_gives_one_value_per_row(tmp_path: Path) -> None:
    path = tmp_path / "current.csv"
    path.write_text("time_s,current_a\n" + "".join(f"{second},{2.5 if second > 2 else 0}\n" for second in range(60)))
    for chemistry, capacity in (("nmc", 5.0), ("lfp", 2.3)):
        done = run("cell", "--chemistry", chemistry, "--current-csv", str(path), "--soc", "90", "--json")
        figures = json.loads(done.stdout)
        assert list(figures) == ["chemistry", "capacity_ah", "time_s", "voltage_v", "soc", "temperature_degc"]
        assert (figures["chemistry"], figures["capacity_ah"]) == (chemistry, capacity)
        assert {len(figures[name]) for name in ("time_s", "voltage_v", "soc", "temperature_degc")} == {60}
        assert figures["voltage_v"][-1] < figures["voltage_v"][0]
    lines = run("cell", "--chemistry", "nmc", "--current-csv", str(path)).stdout.splitlines()
    assert lines[0] == "time_s,voltage_v,soc,temperature_degc"
    assert len(lines) == 61


WRONG = [
    ("simulate", "--vehicle", "absent.yaml", "--cycle", "WLTC"),
    ("simulate", "--vehicle", "bmw-i9", "--cycle", "WLTC"),
    ("simulate", "--vehicle", "bmw-ix3-2021", "--cycle", "WLTP"),
    ("simulate", "--vehicle", "bmw-ix3-2021", "--cycle", "WLTC", "--soc", "101"),
    ("simulate", "--vehicle", "bmw-ix3-2021", "--cycle", "WLTC", "--ambient", "nan"),
    ("simulate", "--vehicle", "bmw-ix3-2021", "--cycle", "WLTC", "--climate", "warm"),
    ("simulate", "--vehicle", "bmw-ix3-2021"),
    ("charge", "--vehicle", "bmw-ix3-2021", "--from", "80", "--to", "10"),
    ("charge", "--vehicle", "bmw-ix3-2021", "--power-kw", "0"),
    ("charge", "--vehicle", "bmw-ix3-2021", "--power-kw", "inf"),
    ("charge", "--vehicle", "absent.yaml"),
    ("charge", "--vehicle", "BARE"),
    ("cell", "--chemistry", "nca", "--current-csv", "x.csv"),
    ("cell", "--chemistry", "nmc", "--current-csv", "absent.csv"),
    ("show", "absent.yaml"),
    ("verify", "--vehicle", "absent.yaml"),
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_input_ends_with_two(arguments: tuple[str, ...], bare: str) -> None:
    assert exit_code(run(*(bare if word == "BARE" else word for word in arguments))) == 2

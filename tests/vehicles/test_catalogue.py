from __future__ import annotations

import re
from pathlib import Path

import pytest

from jinqiao.base.errors import CatalogError
from jinqiao.vehicles.catalogue import (
    VehicleModel,
    catalogue_ids,
    find_vehicle,
    load_catalogue,
    load_vehicle,
    open_vehicle,
)

#: The example of the file format.
I4 = """\
id: bmw-i4-edrive40-2022
make: BMW
model: i4 eDrive40
model_year: 2022
market: EU
mass_kg: 2050
test_mass_kg: 2268
road_load:
  coast_down: {a_n: 150.8, b_n_per_kmh: 0.094, c_n_per_kmh2: 0.02865}
drivetrain:
  peak_kw: 250
  driven_axle: rear
  regen: {max_kw: 120, max_decel_ms2: 2.0, min_speed_kmh: 5}
battery: {chemistry: nmc, gross_kwh: 83.9, net_kwh: 80.7, series: 108, parallel: 1, nominal_v: 398.5, cell_ah: 210}
charging:
  ac_kw: 11
  dc_curve: [[0, 180], [10, 205], [40, 150], [80, 75], [100, 15]]
climate: {hvac_kw: 6.0, heat_pump: true}
aux_w: 250
published:
  wltp_kwh_per_100km: {value: 16.1, range: [16.1, 19.1], source: BMW press 2021, confidence: high, tolerance_pct: 3}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "car.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def minimal(tmp_path: Path, *, make: str = "BMW", chemistry: str = "nmc", more: str = "") -> VehicleModel:
    return load_vehicle(
        write(
            tmp_path,
            f"id: some-car-2024\nmake: {make}\nmodel: Some\nmodel_year: 2024\nmarket: EU\nmass_kg: 1800\n"
            "road_load:\n  physical: {cd: 0.25, frontal_area_m2: 2.3, rolling_resistance: 0.009}\n"
            "drivetrain: {peak_kw: 150, driven_axle: front}\n"
            f"battery: {{chemistry: {chemistry}, gross_kwh: 60, net_kwh: 57.5}}\n{more}",
        )
    )


#: Sixteen or more that were promised.
PROMISED = {
    "bmw-i3-edrive35l-2022",
    "bmw-i3-edrive40l-2023",
    "bmw-ix3-2021",
    "bmw-ix3-50-2025",
    "bmw-i4-edrive40-2022",
    "bmw-i4-m50-2022",
    "bmw-ix1-xdrive30-2023",
    "bmw-ix-xdrive40-2022",
    "bmw-ix-xdrive50-2022",
    "bmw-i5-edrive35l-2024",
    "bmw-i7-xdrive60-2023",
    "mini-cooper-se-2022",
    "nio-et5-100-2023",
    "xpeng-p7-rwd-2020",
    "byd-han-awd-2022",
    "byd-seal-rwd-2022",
    "tesla-model-3-rwd-2022",
    "tesla-model-y-lr-2022",
}


def test_the_promised_cars_are_there_and_named_after_their_files() -> None:
    assert set(catalogue_ids()) >= PROMISED
    assert tuple(load_catalogue()) == catalogue_ids()
    assert {car.battery.chemistry for car in load_catalogue().values()} == {"nmc", "lfp"}


def test_low_confidence_is_never_a_test() -> None:
    for car in load_catalogue().values():
        for name, figure in car.published:
            if figure is not None and figure.confidence == "low":
                assert figure.tolerance_pct is None, (car.id, name)


def test_eight_cars_are_tested_on_their_charge_and_seven_on_measured_energy() -> None:
    published = [car.published for car in load_catalogue().values()]
    tested = {
        name: sum(1 for p in published for n, f in p if n == name and f and f.tolerance_pct) for name, _ in published[0]
    }
    assert tested["dc_10_80_min"] >= 8
    assert tested["dc_peak_kw"] >= 8
    assert tested["epa_udds_wall_kwh_per_100km"] == tested["epa_hwfet_wall_kwh_per_100km"] == 7


@pytest.mark.parametrize("vehicle_id", catalogue_ids())
def test_every_shipped_car_is_whole_and_plausible(vehicle_id: str) -> None:
    car = find_vehicle(vehicle_id)
    assert car.charging is not None
    assert car.climate is not None
    layout = car.layout
    assert layout.series * layout.parallel * layout.cell_ah * layout.nominal_v / layout.series == pytest.approx(
        car.battery.gross_kwh * 1000, rel=0.02
    )
    assert 2.5 < layout.nominal_v / layout.series < 4.0
    assert 0 <= car.hidden_fraction < 0.15
    given = [figure for _, figure in car.published if figure is not None]
    assert given
    assert all(figure.source for figure in given)
    peak = car.published.dc_peak_kw
    if peak is not None:
        most = peak.value or (peak.range[1] if peak.range else 0.0)
        assert max(kw for _, kw in car.charging.dc_curve) == pytest.approx(most, rel=0.05)


def test_i4_is_the_cars_own_epa_row(i4: VehicleModel) -> None:
    # US EPA test-car list 2022: 33.9 lbf, 0.034 lbf/mph, 0.01668 lbf/mph², 5000 lb
    down = i4.road_load.coast_down
    assert down is not None
    assert down.a_n == pytest.approx(33.9 * 4.4482216, rel=1e-3)
    assert down.b_n_per_kmh == pytest.approx(0.034 * 4.4482216 / 1.609344, rel=1e-3)
    assert down.c_n_per_kmh2 == pytest.approx(0.01668 * 4.4482216 / 1.609344**2, rel=1e-3)
    assert i4.test_mass_kg == pytest.approx(5000 * 0.45359237, rel=1e-3)


def test_a_minimal_file_gets_everything_else_derived(tmp_path: Path) -> None:
    car = minimal(tmp_path)
    assert car.dynamometer_mass_kg == 1900
    assert car.aux_w == 250
    assert car.layout.series == 109  # 400 V / 3.68 V
    assert car.layout.parallel == 1
    assert car.layout.cell_ah * car.layout.nominal_v == pytest.approx(60_000)
    assert minimal(tmp_path, chemistry="lfp").layout.series == 125  # 400 V / 3.2 V
    assert car.charging is None
    assert car.climate is None


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        ("BMW", (0.80, 0.942, 165, 0.93, 1.03)),
        ("bmw", (0.80, 0.942, 165, 0.93, 1.03)),
        ("MINI", (0.80, 0.942, 165, 0.93, 1.03)),
        ("Tesla", (0.86, 0.99, 100, 0.93, 1.03)),
        ("BYD", (0.78, 0.99, 100, 0.88, 1.03)),
    ],
)
def test_effective_parameters_come_from_the_maker(tmp_path: Path, make: str, expected: tuple[float, ...]) -> None:
    assert tuple(minimal(tmp_path, make=make).effective.model_dump().values()) == expected


def test_effective_parameters_of_the_file_win(tmp_path: Path) -> None:
    block = "effective: {regen_share: 0.7, transmission: 0.9, aux_w: 200, charge: 0.9, map_scale: 1.0}"
    own = I4.replace("driven_axle: rear", f"driven_axle: rear\n  {block}")
    assert load_vehicle(write(tmp_path, own)).effective.aux_w == 200


REFUSALS = [
    ("mass_kg: 2050", "mass_kgs: 2050", r":6:1: mass_kgs: unknown key 'mass_kgs' \(did you mean 'mass_kg'\?\)"),
    ("peak_kw: 250", 'peak_kw: "250"', r":\d+:12: drivetrain.peak_kw: found '250', expected a number"),
    ("peak_kw: 250", "peak_kw: -1", r"drivetrain.peak_kw: found -1, expected more than 0"),
    ("peak_kw: 250", "peak_kw: .inf", r"drivetrain.peak_kw: found inf, expected a finite number"),
    ("coast_down", "coastdown", r"unknown key 'coastdown' \(did you mean 'coast_down'\?\)"),
    ("[40, 150]", "[5, 150]", r"charging.dc_curve: percent must rise from point to point, found 5 after 10"),
    ("[100, 15]", "[101, 15]", r"found 101, expected at most 100"),
    ("chemistry: nmc", "chemistry: nca", r"battery.chemistry: found 'nca', expected .*'nmc' or 'lfp'"),
    ("net_kwh: 80.7", "net_kwh: 90", r"battery: net_kwh 90 is more than gross_kwh 83.9"),
    ("id: bmw-i4-edrive40-2022", "id: BMW i4", r":1:5: id: found 'BMW i4'"),
    ("market: EU", "market: JP", r"market: found 'JP', expected .*'EU', 'CN' or 'US'"),
    ("heat_pump: true", "heat_pump: 1", r"climate.heat_pump: found 1"),
    ("value: 16.1, range: [16.1, 19.1]", "range: [19.1, 16.1]", r"range 19.1 to 16.1 runs backwards"),
    ("value: 16.1, range: [16.1, 19.1], ", "", r"published.wltp_kwh_per_100km: expected value or range"),
]


@pytest.mark.parametrize(("good", "bad", "message"), REFUSALS)
def test_a_wrong_file_is_refused_by_line_and_column(tmp_path: Path, good: str, bad: str, message: str) -> None:
    assert good in I4
    with pytest.raises(CatalogError, match=message) as refusal:
        load_vehicle(write(tmp_path, I4.replace(good, bad, 1)))
    assert refusal.value.exit_code == 2
    assert all(re.match(r".*car\.yaml:\d+:\d+: ", str(problem)) for problem in refusal.value.problems)


@pytest.mark.parametrize(
    ("form", "found"),
    [
        ("{}", "neither"),
        (
            "{coast_down: {a_n: 1, b_n_per_kmh: 0, c_n_per_kmh2: 1}, "
            "physical: {cd: 0.2, frontal_area_m2: 2, rolling_resistance: 0.01}}",
            "coast_down and physical",
        ),
    ],
)
def test_exactly_one_form_of_road_load(tmp_path: Path, form: str, found: str) -> None:
    text = re.sub(r"road_load:.*\n.*\n", f"road_load: {form}\n", I4)
    with pytest.raises(
        CatalogError, match=f"road_load: expected exactly one of coast_down and physical, found {found}"
    ):
        load_vehicle(write(tmp_path, text))


def test_all_problems_at_once_and_an_absent_file(tmp_path: Path) -> None:
    text = I4.replace("peak_kw: 250", "peak_kw: x").replace("gross_kwh: 83.9, ", "").replace("make:", "maker:")
    with pytest.raises(CatalogError) as refusal:
        load_vehicle(write(tmp_path, text))
    said = str(refusal.value)
    assert all(part in said for part in ("drivetrain.peak_kw", "battery.gross_kwh", "'maker'", "'make' is missing"))
    with pytest.raises(CatalogError, match="no such file"):
        load_vehicle(tmp_path / "nowhere.yaml")


def test_an_id_and_a_file_are_told_apart(tmp_path: Path) -> None:
    assert open_vehicle("bmw-i4-edrive40-2022") is find_vehicle("bmw-i4-edrive40-2022")
    assert open_vehicle(str(write(tmp_path, I4.replace("2050", "2051")))).mass_kg == 2051
    with pytest.raises(CatalogError, match=r"absent\.yaml: no such file"):
        open_vehicle("absent.yaml")
    with pytest.raises(CatalogError, match="no vehicle 'absent' in the catalogue"):
        open_vehicle("absent")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("BMW iX3", "did you mean 'bmw-ix3-2021'"),
        ("bmw i4", "did you mean 'bmw-i4-edrive40-2022' or 'bmw-i4-m50-2022'"),
        ("BMW", "… and "),
    ],
)
def test_a_car_as_people_call_it_is_understood(said: str, meant: str) -> None:
    with pytest.raises(CatalogError) as caught:
        find_vehicle(said)
    assert meant in str(caught.value)


def test_an_unknown_id_names_the_nearest() -> None:
    with pytest.raises(CatalogError, match=r"'bmw-i4-edrive-40'.*did you mean 'bmw-i4-edrive40-2022'"):
        find_vehicle("bmw-i4-edrive-40")

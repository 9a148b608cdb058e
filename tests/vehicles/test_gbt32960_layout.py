"""Frames of many vehicles at once: byte for byte those of single vehicles, and the relations between their items."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jinqiao.base.errors import InputError
from jinqiao.vehicles.catalogue import find_vehicle, load_catalogue
from jinqiao.vehicles.fleet import Fleet
from jinqiao.vehicles.gbt32960.columns import VehicleReader
from jinqiao.vehicles.gbt32960.cycle import START, Drive, report_cycle
from jinqiao.vehicles.gbt32960.layout import FrameLayout, beijing_time
from jinqiao.vehicles.gbt32960.writer import FrameWriter
from jinqiao.wire.gbt32960.commands import EDITIONS
from jinqiao.wire.gbt32960.forms import Number, Time
from jinqiao.wire.gbt32960.frame import decode_frame, encode_frame
from jinqiao.wire.gbt32960.signing import Signer, is_signed_by

I4 = "bmw-i4-edrive40-2022"
NOW_MS = 1_795_333_508_000


@pytest.mark.parametrize("edition", EDITIONS)
def test_rows_are_the_frames_of_the_single_encoder(edition: str) -> None:
    """5,000 rows of random values over every field's whole range: what is decoded encodes to the same bytes."""
    items = [item.name for item in EDITIONS[edition].items.values() if item.form is not None]
    counts = {"motors": 2, "cells": 2, "cells.cells_v": (7, 3), "probes": 1, "probes.probes_degc": 4}
    layout = FrameLayout(edition, items, counts)
    random = np.random.default_rng(1)
    n = 5_000
    columns: dict[str, Any] = {}
    for slot in layout.slots:
        shape = (n, slot.count) if slot.count else (n,)
        if isinstance(slot.form, Number):
            raw = random.integers(0, slot.form.most, shape, endpoint=True)
            columns[slot.path] = raw / slot.form.per + slot.form.offset
        else:
            columns[slot.path] = random.integers(1, 4, shape)
    vins = np.array([b"LBV%014d" % i for i in range(n)], "S17")
    times = NOW_MS + 1000 * np.arange(n)
    rows = layout.encode(vins, times, columns)
    assert rows.shape == (n, layout.size)
    for row in range(0, n, 50):
        frame = decode_frame(rows[row].tobytes())
        assert frame.faults == ()
        assert encode_frame(frame) == rows[row].tobytes()
        assert not isinstance(frame.data, bytes)
        assert frame.data["time"] == Time.at_ms(int(times[row]))
        assert frame.data["vehicle"]["odometer_km"] == pytest.approx(columns["vehicle.odometer_km"][row])
        assert frame.data["cells"][1]["cells_v"] == pytest.approx(columns["cells[1].cells_v"][row])


def test_what_is_out_of_range_or_unknown_is_not_wrapped() -> None:
    layout = FrameLayout("2016", ("engine",), {})
    columns = {"engine.state": 1, "engine.crank_rpm": np.array([-5.0, 1e9, np.nan]), "engine.litre_per_100km": 5.0}
    rows = layout.encode(np.array([b"L" * 17] * 3), NOW_MS, columns)
    found = [decode_frame(row.tobytes()).data["engine"]["crank_rpm"] for row in rows]  # type: ignore[call-overload, index]
    assert found == [0, 65_533, "invalid"]


def test_beijing_time_over_new_year_and_leap_days() -> None:
    moments = [1_772_208_000_000 + 86_400_000 * day + 3_599_000 for day in range(0, 1500, 7)]
    expected = [Time().encode(Time.at_ms(moment), "time") for moment in moments]
    assert [row.tobytes() for row in beijing_time(moments)] == expected


def _drive(edition: str, **more: Any) -> list[dict[str, Any]]:
    frames = report_cycle(Drive(find_vehicle(I4), "CLTC-P", 300, **more), edition)
    decoded = [decode_frame(frame) for frame in frames]
    assert all(frame.faults == () for frame in decoded)
    assert [frame.command for frame in decoded] == ["login", *["real_time"] * (len(decoded) - 2), "logout"]
    return [dict(frame.data) for frame in decoded]  # type: ignore[arg-type]


@pytest.mark.parametrize("edition", EDITIONS)
def test_items_of_one_frame_belong_together(edition: str) -> None:
    login, *drive, logout = _drive(edition, every=10)
    assert len(drive) == 31
    assert [data["time"] for data in drive] == [
        Time.at_ms(int(START.timestamp() * 1000) + 10_000 * i) for i in range(31)
    ]
    assert login["time"] == START
    assert logout["time"] == drive[-1]["time"]
    assert logout["serial"] == login["serial"]
    for data in drive:
        assert sum(len(part["cells_v"]) for part in data["cells"]) == 108
        cells = [volt for part in data["cells"] for volt in part["cells_v"]]
        assert sum(cells) == pytest.approx(data["vehicle"]["voltage_v"], rel=0.002)
        assert data["cells"][0]["voltage_v"] == data["vehicle"]["voltage_v"]
        assert data["cells"][0]["current_a"] == data["vehicle"]["current_a"]
        probes = data["probes"][0]["probes_degc"]
        if edition == "2016":
            extremes = data["extremes"]
            assert (extremes["highest_v"], extremes["lowest_v"]) == (max(cells), min(cells))
            assert cells[extremes["highest_cell"] - 1] == max(cells)
            assert cells[extremes["lowest_cell"] - 1] == min(cells)
            assert (extremes["hottest_degc"], extremes["coldest_degc"]) == (max(probes), min(probes))
            assert probes[extremes["hottest_probe"] - 1] == max(probes)


def test_the_odometer_moves_as_the_speed_says() -> None:
    _, *drive, _ = _drive("2016", every=1)
    speed = np.array([data["vehicle"]["speed_kmh"] for data in drive])
    odometer = np.array([data["vehicle"]["odometer_km"] for data in drive])
    integral = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2) / 3600.0])
    assert np.abs(odometer - odometer[0] - integral).max() <= 0.11
    assert speed.max() > 30
    motor = np.array([data["motors"][0]["torque_nm"] for data in drive])
    states = [data["motors"][0]["state"] for data in drive]
    assert {"consuming", "generating", "idle"} == set(states)
    assert all((state == "generating") == (torque < 0) for state, torque in zip(states, motor, strict=True))


def test_a_pack_of_many_cells_is_split_in_2016() -> None:
    series = 420
    battery = find_vehicle(I4).battery.model_copy(update={"series": series, "nominal_v": 800.0, "cell_ah": None})
    model = find_vehicle(I4).model_copy(update={"battery": battery})
    fleet = Fleet([model], np.zeros(3, np.int16), seed=1, initial_soc=np.full(3, 0.5), ambient_degc=10.0)
    rows = np.arange(3)
    frame = decode_frame(FrameWriter("2016").write(fleet.vins, NOW_MS, VehicleReader(fleet).read(rows))[1])
    data = frame.data
    assert not isinstance(data, bytes)
    assert [(part["first_cell"], len(part["cells_v"]), part["cells_in_all"]) for part in data["cells"]] == [
        (1, 200, 420), (201, 200, 420), (401, 20, 420),
    ]  # fmt: skip
    cells = [volt for part in data["cells"] for volt in part["cells_v"]]
    assert cells == pytest.approx(fleet.cell_voltages(rows)[1].tolist(), abs=0.0006)


def test_every_car_of_the_catalogue_has_a_frame_in_both_editions() -> None:
    for model in load_catalogue().values():
        fleet = Fleet([model], np.zeros(2, np.int16), seed=1, initial_soc=np.full(2, 0.5), ambient_degc=10.0)
        for edition in EDITIONS:
            frames = FrameWriter(edition).write(fleet.vins, NOW_MS, VehicleReader(fleet).read(np.arange(2)))
            assert all(decode_frame(frame).faults == () for frame in frames)


@pytest.mark.parametrize("edition", EDITIONS)
def test_alarms_follow_from_what_the_frame_says(edition: str) -> None:
    fleet = Fleet(
        [find_vehicle(I4)],
        np.zeros(4, np.int16),
        seed=1,
        initial_soc=np.array([0.5, 0.02, 0.5, 0.02]),
        ambient_degc=20.0,
    )
    fleet.pack_temperature_degc[2:] = fleet.coolant_temperature_degc[2:] = 61.0
    fleet.insulation_kohm[3] = 100.0
    frames = FrameWriter(edition, Signer()).write(fleet.vins, NOW_MS, VehicleReader(fleet).read(np.arange(4)))
    alarms = [decode_frame(frame).data["alarms"] for frame in frames]  # type: ignore[call-overload, index]
    assert [(found["level"], found["flags"]) for found in alarms] == [
        (0, []), (1, ["soc_low"]), (2, ["battery_hot"]), (2, ["battery_hot", "soc_low", "insulation"]),
    ]  # fmt: skip
    if edition == "2025":
        assert [found["levels"] for found in alarms] == [
            [],
            [{"alarm": 4, "level": 1}],
            [{"alarm": 1, "level": 2}],
            [{"alarm": number, "level": 2} for number in (1, 4, 11)],
        ]


def test_signatures_verify_with_the_public_key_and_cover_the_data() -> None:
    signer = Signer()
    frames = list(report_cycle(Drive(find_vehicle(I4), "CLTC-P", 20), "2025", signer))
    for wire in frames[1:-1]:
        data = decode_frame(wire).data
        assert not isinstance(data, bytes)
        signature = data["signature"]
        assert (signature["algorithm"], signature["s"], len(signature["r"])) == ("rsa", b"", 256)
        signed = wire[24 : wire.index(b"\xff\x02\x01\x00", 24)]
        assert is_signed_by(signer.public_pem(), signed, signature["r"])
        assert not is_signed_by(signer.public_pem(), signed[:-1], signature["r"])


def test_a_vin_that_is_none_is_named() -> None:
    with pytest.raises(InputError, match="16 characters, expected 17"):
        list(report_cycle(Drive(find_vehicle(I4), "CLTC-P", 20, vin="LBV1Z3102JMK1234"), "2016"))
    with pytest.raises(InputError, match="the characters I O"):
        list(report_cycle(Drive(find_vehicle(I4), "CLTC-P", 20, vin="LBV1Z3102JMKIO345"), "2016"))

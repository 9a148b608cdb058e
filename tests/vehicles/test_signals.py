"""The signal table keeps its own promises."""

from __future__ import annotations

import re

import numpy as np
import pytest

from jinqiao.base.signals import GROUPS, SIGNALS, Signal, SignalTable

ROWS = list(SIGNALS.values())


def test_there_are_at_least_sixty() -> None:
    assert len(SIGNALS) >= 60


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_sound(row: Signal) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", row.name)
    assert row.group in GROUPS
    assert row.low < row.high
    assert not row.meaning[0].islower()
    assert not row.meaning.endswith(".")
    assert row.identifier == "" or re.fullmatch(r"(\w{1,50}:)?\w{1,50}(\.\w+|\[\d\])?", row.identifier)
    assert row.vss == "" or re.fullmatch(r"Vehicle(\.[A-Z]\w+)+", row.vss)
    assert row.gbt32960 == "" or re.fullmatch(r"\w+\.\w+", row.gbt32960)
    if row.values:
        assert (min(row.values), max(row.values)) == row.range


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_type_holds_every_value_at_its_decimals(row: Signal) -> None:
    kind = np.dtype(row.dtype)
    if kind.kind == "f":
        step = 10.0**-row.decimals
        worst = max(abs(row.low), abs(row.high))
        if row.dtype == "f8":  # counters and positions: exact far beyond the last decimal
            assert np.spacing(worst) < step / 1000
        else:
            assert np.spacing(np.float32(worst)) < step
    else:
        limits = np.iinfo(kind)
        assert row.decimals == 0
        assert limits.min <= row.low
        assert row.high <= limits.max


def test_no_two_signals_share_an_address() -> None:
    addresses = [row.identifier for row in ROWS if row.identifier]
    assert len(addresses) == len(set(addresses))


def test_members_of_one_property_stand_together_in_one_group() -> None:
    for group in GROUPS:
        properties = [re.split(r"[.\[]", row.identifier)[0] for row in SIGNALS.group(group)]
        runs = [name for at, name in enumerate(properties) if at == 0 or properties[at - 1] != name]
        assert len(runs) == len(set(runs)), group


def test_the_core_group_is_one_self_consistent_message() -> None:
    addresses = {row.identifier.split(".")[0] for row in SIGNALS.group("core")}
    assert addresses == {
        *("VehicleState", "VehicleSpeed", "Odometer", "GearPosition", "StateOfCharge", "RemainingRange", "GeoLocation"),
        *("Heading", "AmbientTemperature", "AlarmLevel", "battery:PackVoltage", "battery:PackCurrent"),
        *("battery:PackPower", "battery:CellTemperatureMax", "charging:ChargingState", "charging:ChargePower"),
    }


def test_what_a_real_car_cannot_know_is_not_sent() -> None:
    assert "soc_true" not in {row.name for group in GROUPS for row in SIGNALS.group(group)}


def test_a_name_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        SignalTable(ROWS[0], ROWS[0])

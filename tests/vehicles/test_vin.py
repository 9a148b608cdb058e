from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.vehicles.vin import (
    LETTERED_PER_PLANT,
    PLANTS,
    SERIALS_PER_PLANT,
    VIN_ALPHABET,
    check_digit,
    is_valid_vin,
    make_vins,
    serial_of,
    vin_prefix,
    year_letter,
)

PREFIXES = st.text(VIN_ALPHABET, min_size=8, max_size=8)


@pytest.mark.parametrize(
    "vin",
    [
        "1M8GDM9AXKP042788",  # the worked example that circulates with 49 CFR 565: check digit X
        "11111111111111111",  # all ones check to one, by the arithmetic of the table
        "5GZCZ43D13S812715",  # a published example of a valid North American VIN
    ],
)
def test_known_vins_are_valid(vin: str) -> None:
    assert is_valid_vin(vin)
    assert check_digit(vin) == vin[8]


@pytest.mark.parametrize("vin", ["", "1M8GDM9A1KP042788", "1M8GDM9AXKP04278", "1M8GDM9AXKPO42788", "1m8gdm9axkp042788"])
def test_invalid_vins(vin: str) -> None:
    assert not is_valid_vin(vin)


@given(
    PREFIXES,
    st.integers(1996, 2055),
    st.lists(st.integers(0, 31_999_999), min_size=1, max_size=20, unique=True),
)
def test_every_vin_is_legal_and_unique(prefix: str, year: int, serials: list[int]) -> None:
    vins = [vin.decode() for vin in make_vins(prefix, year, serials)]
    assert all(is_valid_vin(vin) for vin in vins)
    assert len(set(vins)) == len(serials)
    assert all(vin.startswith(prefix) and vin[9] == year_letter(year) for vin in vins)
    assert [vin[11:] for vin in vins] == [f"{serial % 1_000_000:06d}" for serial in serials]


@given(st.text(VIN_ALPHABET, min_size=17, max_size=17), st.integers(0, 16), st.sampled_from(VIN_ALPHABET))
def test_a_slip_of_one_digit_is_found(vin: str, place: int, other: str) -> None:
    """The sum is modulo 11, so a single changed digit never goes unseen (letters share values and may)."""
    vin = vin[:8] + check_digit(vin) + vin[9:]
    if place != 8 and vin[place].isdigit() and other.isdigit() and other != vin[place]:
        assert not is_valid_vin(vin[:place] + other + vin[place + 1 :])


@pytest.mark.parametrize(
    ("year", "letter"), [(1996, "T"), (2009, "9"), (2010, "A"), (2022, "N"), (2023, "P"), (2026, "T")]
)
def test_year_letters(year: int, letter: str) -> None:
    assert year_letter(year) == letter


def test_prefix_names_maker_and_model() -> None:
    assert vin_prefix("BMW", "CN", "bmw-i3-edrive35l-2022").startswith("LBV")
    assert vin_prefix("bmw", "EU", "bmw-ix3-2021").startswith("WBY")
    assert vin_prefix("Nobody", "CN", "x")[:3] == "LS9"
    assert vin_prefix("BMW", "EU", "bmw-ix3-2021") != vin_prefix("BMW", "EU", "bmw-i4-edrive40-2022")
    assert vin_prefix("BMW", "EU", "bmw-ix3-2021")[6].isalpha()


def test_a_whole_fleet_at_once() -> None:
    vins = make_vins("LBV11111", 2022, np.arange(100_000))
    assert vins.dtype == np.dtype("S17")
    assert len(np.unique(vins)) == 100_000


def test_serials_beyond_a_million_a_plant_have_letters_before_the_last_four() -> None:
    """ISO 3779 and GB 16735 ask for digits in the last four places only."""
    first, end = PLANTS * SERIALS_PER_PLANT, PLANTS * (SERIALS_PER_PLANT + LETTERED_PER_PLANT)
    few = np.array([0, first - 1, first, first + LETTERED_PER_PLANT - 1, first + LETTERED_PER_PLANT, end - 1])
    found = [vin.decode() for vin in make_vins("LBV11111", 2022, few)]
    assert [vin[10:] for vin in found] == ["1000000", "Z999999", "10A0000", "1ZZ9999", "20A0000", "ZZZ9999"]
    assert all(map(is_valid_vin, found))
    many = make_vins("LBV11111", 2022, np.arange(first, end, 9_973))
    assert len(np.unique(many)) == len(many)
    numbers = [serial_of(vin) for vin in found]
    assert numbers[:2] == [0, 999_999]
    assert min(numbers[2:]) > 999_999
    with pytest.raises(ValueError, match="serials run from 0"):
        make_vins("LBV11111", 2022, [end])


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="eight characters"):
        make_vins("LBVI1111", 2022, [1])
    with pytest.raises(ValueError, match="serials run from 0"):
        make_vins("LBV11111", 2022, [-1])
    with pytest.raises(ValueError, match="not 17 characters"):
        check_digit("ABC")

"""Quantities carry their unit; what does not is refused with the units that fit."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import InputError
from jinqiao.base.quantity import (
    DIMENSIONS,
    SHARE_PATTERN,
    TIME_OF_DAY_PATTERN,
    QuantityError,
    parse_contact_mohm,
    parse_duration_s,
    parse_energy_kwh,
    parse_force_n,
    parse_heating_k_per_min,
    parse_insulation_kohm,
    parse_leak_kpa_per_min,
    parse_length_m,
    parse_power_kw,
    parse_quantity,
    parse_share,
    parse_temperature_degc,
    parse_time_of_day_s,
    parse_voltage_mv_per_min,
    parse_voltage_v,
)

Parser = Callable[[object], float]
PARSERS: tuple[Parser, ...] = (
    parse_contact_mohm,
    parse_force_n,
    parse_heating_k_per_min,
    parse_insulation_kohm,
    parse_leak_kpa_per_min,
    parse_voltage_mv_per_min,
    parse_voltage_v,
    parse_duration_s,
    parse_energy_kwh,
    parse_length_m,
    parse_power_kw,
    parse_share,
    parse_temperature_degc,
    parse_time_of_day_s,
)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_duration_s, "30 min", 1800),
        (parse_duration_s, "30s", 30),
        (parse_duration_s, "2 h", 7200),
        (parse_duration_s, "1.5 d", 129_600),
        (parse_duration_s, "0 s", 0),
        (parse_power_kw, "7.2 kW", 7.2),
        (parse_power_kw, "800 W", 0.8),
        (parse_energy_kwh, "60 kWh", 60),
        (parse_temperature_degc, "-5 degC", -5),
        (parse_temperature_degc, "+5.5degC", 5.5),
        (parse_heating_k_per_min, "1.5 degC/min", 1.5),
        (parse_heating_k_per_min, "0.5 degC/s", 30),
        (parse_heating_k_per_min, "90 degC/h", 1.5),
        (parse_leak_kpa_per_min, "5 kPa/min", 5),
        (parse_leak_kpa_per_min, "0.2bar/min", 20),
        (parse_voltage_v, "300 mV", 0.3),
        (parse_voltage_mv_per_min, "10 mV/min", 10),
        (parse_insulation_kohm, "1.2 MOhm", 1200),
        (parse_insulation_kohm, "500 Ohm", 0.5),
        (parse_contact_mohm, "2 mOhm", 2),
        (parse_force_n, "0.2 kN", 200),
        (parse_length_m, "12 km", 12_000),
        (parse_length_m, "400 m", 400),
        (parse_share, 0.55, 0.55),
        (parse_share, 1, 1),
        (parse_share, "0.55", 0.55),
        (parse_share, "55 %", 0.55),
        (parse_share, "100%", 1),
        (parse_time_of_day_s, "07:45", 27_900),
        (parse_time_of_day_s, "7:45", 27_900),
        (parse_time_of_day_s, "23:59:59", 86_399),
    ],
)
def test_quantities_in_the_unit_of_their_door(parse: Parser, text: object, value: float) -> None:
    assert parse(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("parse", "found", "message"),
    [
        (parse_duration_s, 30, "found 30 without a unit, expected a duration in s, min, h or d, like '30 min'"),
        (parse_duration_s, "30", "found '30' without a unit, expected a duration in s, min, h or d, like '30 min'"),
        (parse_duration_s, "soon", "found 'soon', expected a duration in s, min, h or d, like '30 min'"),
        (parse_duration_s, True, "found true, expected a duration in s, min, h or d, like '30 min'"),
        (parse_duration_s, None, "found nothing, expected a duration in s, min, h or d, like '30 min'"),
        (parse_duration_s, "30 mins",
         "found '30 mins', expected a duration in s, min, h or d (did you mean '30 min'?)"),
        (parse_duration_s, "5 m", "found '5 m', expected a duration in s, min, h or d (did you mean '5 min'?)"),
        (parse_duration_s, "2 Hours", "found '2 Hours', expected a duration in s, min, h or d (did you mean '2 h'?)"),
        (parse_duration_s, "2 huors", "found '2 huors', expected a duration in s, min, h or d (did you mean '2 h'?)"),
        (parse_duration_s, "10 kW", "found '10 kW', expected a duration in s, min, h or d, like '30 min'"),
        (parse_duration_s, "1 h 30 min", "found '1 h 30 min', expected a duration in s, min, h or d, like '30 min'"),
        (parse_power_kw, "7 kwh", "found '7 kwh', expected a power in kW or W (did you mean '7 kW'?)"),
        (parse_power_kw, "7 kWh", "found '7 kWh', expected a power in kW or W, like '7.2 kW'"),
        (parse_power_kw, "7 KW", "found '7 KW', expected a power in kW or W (did you mean '7 kW'?)"),
        (parse_power_kw, "3 MW", "found '3 MW', expected a power in kW or W, like '7.2 kW'"),
        (parse_energy_kwh, 60, "found 60 without a unit, expected an energy in kWh, like '60 kWh'"),
        (parse_temperature_degc, "5 °C", "found '5 °C', expected a temperature in degC (did you mean '5 degC'?)"),
        (parse_temperature_degc, "5 C", "found '5 C', expected a temperature in degC (did you mean '5 degC'?)"),
        (parse_length_m, "3 miles", "found '3 miles', expected a length in km or m, like '12 km'"),
        (parse_share, 55, "found 55, expected a share from 0 to 1, or a percentage (did you mean '55 %'?)"),
        (parse_share, -1, "found -1, expected a share from 0 to 1, or a percentage"),
        (parse_share, float("nan"), "found nan, expected a share from 0 to 1, or a percentage"),
        (parse_share, "120 %", "found '120 %', expected a share from 0 % to 100 %"),
        (parse_share, [1], "found a list of 1, expected a share from 0 to 1, or a percentage, like 0.55 or '55 %'"),
        (parse_time_of_day_s, "24:00", "found '24:00', expected a time of day from 00:00 to 23:59, like '07:45'"),
        (parse_time_of_day_s, 7.45, "found 7.45, expected a time of day from 00:00 to 23:59, like '07:45'"),
    ],
)  # fmt: skip
def test_what_is_no_quantity_is_told_what_fits(parse: Parser, found: object, message: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse(found)
    assert str(caught.value) == message


def test_the_error_is_wrong_input_for_the_command_line_and_a_value_error_for_pydantic() -> None:
    assert issubclass(QuantityError, InputError)
    assert issubclass(QuantityError, ValueError)
    assert QuantityError("x").exit_code == 2


def test_a_number_too_large_to_reckon_with_is_refused() -> None:
    with pytest.raises(QuantityError, match="reckoned with"):
        parse_duration_s("9" * 400 + " s")


YAML_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.text(alphabet="0123456789.:-+ %sminhdkWCegc", max_size=12),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
)


@pytest.mark.parametrize("parse", PARSERS)
@given(value=YAML_VALUES)
def test_every_value_is_a_number_or_our_error(parse: Parser, value: object) -> None:
    try:
        number = parse(value)
    except QuantityError:
        return
    assert number == number
    assert abs(number) != float("inf")


@pytest.mark.parametrize("name", DIMENSIONS)
@given(data=st.data())
def test_the_editor_accepts_what_the_parser_accepts(name: str, data: st.DataObject) -> None:
    dimension = DIMENSIONS[name]
    text = data.draw(st.from_regex(dimension.pattern.replace("[0-9]+", "[0-9]{1,6}"), fullmatch=True))
    assert parse_quantity(text.strip("\n"), dimension) >= 0 or dimension.signed
    number = data.draw(st.floats(-1e6 if dimension.signed else 0, 1e6).map(lambda x: f"{x:.3f}"))
    unit = data.draw(st.sampled_from(list(dimension.units)))
    assert re.search(dimension.pattern, f"{number} {unit}")


@given(st.from_regex(SHARE_PATTERN, fullmatch=True), st.from_regex(TIME_OF_DAY_PATTERN, fullmatch=True))
def test_patterns_of_shares_and_times_are_parsed(share: str, time: str) -> None:
    assert 0 <= parse_share(share.strip("\n")) <= 1
    assert 0 <= parse_time_of_day_s(time.strip("\n")) < 86_400

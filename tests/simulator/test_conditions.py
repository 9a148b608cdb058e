"""The language of conditions: what it reads, what it refuses and where, and what it finds in columns."""

import operator
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Batch
from jinqiao.base.units import UNITS
from jinqiao.base.words import Refused
from jinqiao.simulator.conditions import Latest, parse_condition

COMPARES = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def holds(text, **columns):
    return parse_condition(text).holds({name: np.array(values) for name, values in columns.items()}).tolist()


def test_a_comparison_is_made_in_the_unit_of_the_signal():
    assert holds("charging:ChargePower > 60 kW", charge_power=[59.9, 60.0, 60.1]) == [False, False, True]
    assert holds("charging:ChargePower > 60000 W", charge_power=[59.9, 60.0, 60.1]) == [False, False, True]
    assert holds("VehicleSpeed >= 10 m/s", speed=[35.9, 36.0]) == [False, True]
    assert holds("body:TirePressure[0] < 2.2 bar", tire_pressure_fl=[219.0, 220.0]) == [True, False]
    assert holds("AmbientTemperature < -5 degC", ambient_temperature=[-6.0, -5.0]) == [True, False]


def test_states_and_enumerations_are_words():
    states = [0, 1, 2, 3]
    assert holds("charging", vehicle_state=states) == [False, False, True, False]
    assert holds("not charging", vehicle_state=states) == [True, True, False, True]
    assert holds("VehicleState == queueing", vehicle_state=states) == [False, False, False, True]
    assert holds("VehicleState == 3", vehicle_state=states) == [False, False, False, True]
    assert holds('charging:PlugState == "plugged DC"', plug_state=[0, 1, 2]) == [False, False, True]
    assert holds("GearPosition != D", gear=[0, 3]) == [True, False]


def test_and_binds_closer_than_or():
    columns = {"soc_displayed": [5.0, 95.0, 95.0], "vehicle_state": [1, 0, 1]}
    assert holds("StateOfCharge < 20 % or StateOfCharge > 90 % and parked", **columns) == [True, True, False]
    assert holds("(StateOfCharge < 20 % or StateOfCharge > 90 %) and parked", **columns) == [False, True, False]


def test_a_range_has_both_its_ends():
    assert holds(
        "StateOfCharge between 10 % and 20 % and not parked", soc_displayed=[9, 10, 20, 20], vehicle_state=[1, 1, 1, 0]
    ) == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("StateOfCharg < 20 %", 0, "(did you mean 'StateOfCharge'?)"),
        ("ChargePower > 5 kW", 0, "(did you mean 'charging:ChargePower'?)"),
        ("StateOfCharge = 20 %", 14, "expected a comparison"),
        ("StateOfCharge < 20", 16, "found 20 without a unit, expected StateOfCharge in %"),
        ("parked and VehicleSpeed < 20 kW", 26, "expected VehicleSpeed in km/h or m/s"),
        ("AlarmLevel >= 2 kW", 14, "AlarmLevel has no unit"),
        ("body:TirePressure < 2 bar", 0, "expected one of them: body:TirePressure[0]"),
        ("StateOfCharge <", 15, "found the end, expected a number with its unit"),
        ("StateOfCharge < 20 % foo", 21, "found 'foo', expected 'and', 'or' or the end"),
        ("GearPosition == Z", 16, "expected P, R, N or D"),
        ("VehicleSpeed < fast", 15, "expected a number in km/h"),
        ("StateOfCharge between 20 % and 10 %", 22, "whose end is below its beginning"),
        ("(parked", 7, "found the end"),
        ("parked)", 6, "found ')', expected 'and', 'or' or the end"),
        ("(" * 21 + "parked" + ")" * 21, None, "open parentheses"),
        ("parked or " * 200 + "parked", None, "at most 1,000"),
        ("   ", None, "expected a condition"),
        (7, None, "found 7, expected a condition"),
    ],
)
def test_a_mistake_is_told_with_its_place(text, at, message):
    with pytest.raises(Refused) as refused:
        parse_condition(text)
    assert message in str(refused.value)
    assert refused.value.at == at


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("battery:CellTemperatureMax > 400 degC", True),
        ("battery:CellTemperatureMax > 60 degC", False),
        ("StateOfCharge > 100 %", True),
        ("StateOfCharge >= 100 %", False),
        ("StateOfCharge == 101 %", True),
        ("StateOfCharge > 100 % or parked", False),
        ("StateOfCharge > 100 % and parked", True),
        ("not StateOfCharge <= 100 %", True),
        ("StateOfCharge between 110 % and 120 %", True),
    ],
)
def test_what_no_value_in_range_makes_true_is_known(text, never):
    assert parse_condition(text).never is never


def test_every_signal_of_the_thing_model_can_be_compared_in_each_of_its_units():
    for signal in SIGNALS.values():
        if signal.identifier:
            for unit in UNITS.get(signal.unit, {signal.unit: 1.0}):
                assert parse_condition(f"{signal.identifier} > 1 {unit}").signals == {signal.name}


@given(st.text(max_size=200) | st.text("StateOfCharge <>=!()0123456789.%andornotbetween '\"-:[]", max_size=60))
def test_no_text_breaks_the_reader(text):
    with suppress(Refused):
        parse_condition(text)


#: Comparisons of two signals: their text, and the same by hand on one vehicle's values.
leaves = st.builds(
    lambda address, compares, number: (
        f"{address[0]} {compares} {number} {address[2]}",
        lambda car: COMPARES[compares](car[address[1]], number),
    ),
    st.sampled_from([("StateOfCharge", "soc_displayed", "%"), ("VehicleSpeed", "speed", "km/h")]),
    st.sampled_from(sorted(COMPARES)),
    st.integers(0, 100),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda one: (f"not ({one[0]})", lambda car: not one[1](car)), inner),
        st.builds(lambda a, b: (f"({a[0]}) and ({b[0]})", lambda car: a[1](car) and b[1](car)), inner, inner),
        st.builds(lambda a, b: (f"({a[0]}) or ({b[0]})", lambda car: a[1](car) or b[1](car)), inner, inner),
    ),
    max_leaves=6,
)


@given(trees, st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=8))
def test_columns_find_what_each_vehicle_would(tree, cars):
    text, by_hand = tree
    soc, speed = (np.array(column, np.float64) for column in zip(*cars, strict=True))
    found = parse_condition(text).holds({"soc_displayed": soc, "speed": speed})
    assert found.tolist() == [by_hand({"soc_displayed": a, "speed": b}) for a, b in cars]


def test_the_latest_value_of_each_vehicle_is_kept():
    latest = Latest(4)
    latest.want(["speed", "motor_speed"])
    core = Batch(
        np.array([1_000, 1_000, 2_000]), "core", np.array([0, 2, 2], np.int32), {"speed": np.array([1.0, 2.0, 3.0])}
    )
    assert latest.take(core).tolist() == [0, 2, 2]
    assert latest["speed"][[0, 2]].tolist() == [1.0, 3.0]
    assert latest.known(["speed"]).tolist() == [True, False, True, False]
    assert not latest.known(["speed", "motor_speed"]).any()

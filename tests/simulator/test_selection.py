"""`on:` of a scenario: which vehicles a command or a fault is for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.keyed import Draws
from jinqiao.base.words import Refused
from jinqiao.simulator.language.selection import parse_selection, unknown_fleets
from jinqiao.vehicles.modes import VehicleState

FLEETS = {"commuters": slice(0, 6), "night shift": slice(6, 10)}
#: Of the commuters 0, 2 and 5 are parked, of the night shift 6; 9 charges.
STATE = np.array([0, 1, 0, 1, 3, 0, 0, 1, 1, 2], dtype=np.uint8)


def picked(text, seed=1):
    draws = Draws.of(seed, [(name, rows.stop - rows.start) for name, rows in FLEETS.items()])
    return (
        parse_selection(text)
        .pick(slice(0, len(STATE)), FLEETS, STATE, lambda rows: draws.take(rows).words("test"))
        .tolist()
    )


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("all", [*range(10)]),
        ("commuters", [*range(6)]),
        ("all commuters", [*range(6)]),
        ("all of night shift", [*range(6, 10)]),
        ("parked", [0, 2, 5, 6]),
        ("parked commuters", [0, 2, 5]),
        ("charging night shift", [9]),
        ("charging commuters", []),
        ("100 %", [*range(10)]),
        ("9 of parked commuters", [0, 2, 5]),
        ("  parked   commuters ", [0, 2, 5]),
    ],
)
def test_whom_the_words_mean(text, rows):
    assert picked(text) == rows


@pytest.mark.parametrize(
    ("text", "many", "among"),
    [
        ("any", 1, range(10)),
        ("any of commuters", 1, range(6)),
        ("any parked commuters", 1, (0, 2, 5)),
        ("3 of commuters", 3, range(6)),
        ("2 of parked", 2, (0, 2, 5, 6)),
        ("2 of all", 2, range(10)),
        ("50 %", 5, range(10)),
        ("50% of night shift", 2, range(6, 10)),
        ("0.1 % parked", 1, (0, 2, 5, 6)),
    ],
)
def test_a_number_of_them_is_drawn(text, many, among):
    draws = [picked(text, seed) for seed in range(20)]
    assert all(len(set(rows)) == many and set(rows) <= set(among) and rows == sorted(rows) for rows in draws)
    assert len({tuple(rows) for rows in draws}) > 1
    assert draws[3] == picked(text, 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        None,
        3,
        ["commuters"],
        "3",
        "3 of",
        "0 of commuters",
        "12345678 of commuters",
        "0 %",
        "101 %",
        "3 commuters",
    ],
)
def test_words_that_mean_nobody_are_refused(text):
    with pytest.raises(Refused, match="expected"):
        parse_selection(text)


def test_an_unknown_fleet_is_named_with_its_nearest():
    data = {
        "fleets": [{"name": "commuters"}, 3, {"name": None}],
        "commands": [{"on": "parked comuters"}, {"on": "any"}, {"on": "3"}, None, {"on": "parkd"}],
    }
    found = list(unknown_fleets(data, "commands"))
    assert [finding.path for finding in found] == [("commands", 0, "on"), ("commands", 4, "on")]
    assert "no fleet 'comuters'" in found[0].message
    assert "did you mean 'commuters'?" in found[0].message
    assert "did you mean 'parked'?" in found[1].message
    assert list(unknown_fleets([], "commands")) == []


@given(st.text(max_size=40))
def test_no_text_breaks_the_parser(text):
    try:
        selection = parse_selection(text)
    except Refused:
        return
    assert selection.count is None or selection.share is None
    assert selection.state is None or selection.state in VehicleState

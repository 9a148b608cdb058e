"""Distributions are read strictly and drawn as their textbooks say."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.keyed import Draws
from jinqiao.base.quantity import QuantityError
from jinqiao.simulator.distribution import (
    INITIAL_SHARE,
    TIME_OF_DAY,
    Distribution,
    Domain,
    distribution_pattern,
    parse_distribution,
)

N = 200_000


def _draw(text: object, domain: Domain = INITIAL_SHARE) -> np.ndarray:
    return parse_distribution(text, domain).draw(Draws.of(1, [("cars", N)]), "test")


@pytest.mark.parametrize(
    ("text", "mean", "sd"),
    [
        ("normal(0.5, 0.05)", 0.5, 0.05),
        ("normal(50 %, 5 %)", 0.5, 0.05),
        ("lognormal(0.4, 0.05)", 0.4, 0.05),  # of the values, not of their logarithms
        ("uniform(0.2, 0.8)", 0.5, 0.6 / math.sqrt(12)),
        ("choice(0.2, 0.4)", 0.3, 0.1),
        ("triangular(0.2, 0.3, 0.7)", 0.4, math.sqrt((0.04 + 0.09 + 0.49 - 0.06 - 0.14 - 0.21) / 18)),
        ("55 %", 0.55, 0.0),
        (0.55, 0.55, 0.0),
    ],
)
def test_draws_have_the_mean_and_deviation_that_were_written(text: object, mean: float, sd: float) -> None:
    values = _draw(text)
    assert values.shape == (N,)
    assert values.dtype == np.float64
    assert values.mean() == pytest.approx(mean, abs=0.002)
    assert values.std() == pytest.approx(sd, abs=0.002)


def test_times_of_day_are_seconds_since_midnight() -> None:
    assert parse_distribution("normal(07:45, 40 min)", TIME_OF_DAY) == Distribution(
        "normal", (27_900.0, 2_400.0), 0.0, 86_399.0
    )
    values = _draw("normal(07:45, 40 min)", TIME_OF_DAY)
    assert values.mean() == pytest.approx(27_900, abs=30)
    assert values.std() == pytest.approx(2_400, abs=30)


def test_draws_are_clipped_to_what_they_stand_for() -> None:
    charge = _draw("normal(0.5, 0.9)")
    assert (charge.min(), charge.max()) == (0.05, 1.0)
    assert set(_draw("choice(0, 0.5)")) == {0.05, 0.5}
    morning = _draw("normal(00:10, 1 h)", TIME_OF_DAY)
    assert morning.min() == 0.0


def test_the_same_seed_draws_the_same() -> None:
    assert np.array_equal(_draw("uniform(0.2, 0.9)"), _draw("uniform(0.2, 0.9)"))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ("norml(0.5, 0.1)",
         "found 'norml(0.5, 0.1)', expected normal(mean, sd), lognormal(mean, sd), uniform(a, b), choice(a, b, …), "
         "triangular(low, mode, high) or a constant (did you mean 'normal'?)"),
        ("normal(0.5)", "found 'normal(0.5)', expected normal(mean, sd)"),
        ("normal(0.5, 0.1, 3)", "found 'normal(0.5, 0.1, 3)', expected normal(mean, sd)"),
        ("normal(55, 15)", "in 'normal(55, 15)': found '55', expected a share from 0 to 1, or a percentage"
                           " (did you mean '55 %'?)"),
        ("normal(0.5, -0.1)", "in 'normal(0.5, -0.1)': found '-0.1', expected a share from 0 to 1, or a percentage"),
        ("uniform(0.9, 0.2)", "found 'uniform(0.9, 0.2)', expected uniform(a, b) with the lower bound first"),
        ("lognormal(0, 0.2)",
         "found 'lognormal(0, 0.2)', expected lognormal(mean, sd) with a mean above 0, and no millionth of sd"),
        ("triangular(0.2, 0.1, 0.9)",
         "found 'triangular(0.2, 0.1, 0.9)', expected triangular(low, mode, high) with low, then mode, then high"),
        ("choice()", "found 'choice()', expected choice(a, b, …)"),
        ("uniform(0.1,)", "found 'uniform(0.1,)', expected uniform(a, b)"),
        ("normal(0.5", "found 'normal(0.5', expected a closing ')' (between { } or [ ] a comma ends the value:"
                       " put it in quotes)"),
        ("constant(0.5)",
         "found 'constant(0.5)', expected normal(mean, sd), lognormal(mean, sd), uniform(a, b), choice(a, b, …), "
         "triangular(low, mode, high) or a constant"),
        (5, "found 5, expected a share from 0 to 1, or a percentage (did you mean '5 %'?);"
            " or a distribution like 'normal(0.55, 0.15)'"),
    ],
)  # fmt: skip
def test_what_is_no_distribution_is_told_why(found: object, message: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse_distribution(found, INITIAL_SHARE)
    assert str(caught.value) == message


def test_a_spread_of_times_is_a_duration() -> None:
    with pytest.raises(QuantityError, match="found '40' without a unit, expected a duration"):
        parse_distribution("normal(07:45, 40)", TIME_OF_DAY)


CALLS = st.builds(
    "{}({})".format,
    st.sampled_from(["normal", "lognormal", "uniform", "choice", "triangular", "other"]),
    st.lists(
        st.sampled_from(["0", "0." + "0" * 300 + "1", "0.1", "0.9", "50 %", "1", "2", "07:45", "x", "", "(", "1 h"]),
        max_size=4,
    ).map(", ".join),
)


@pytest.mark.parametrize("domain", [INITIAL_SHARE, TIME_OF_DAY], ids=["share", "time"])
@given(value=st.one_of(CALLS, st.text(), st.none(), st.floats(), st.lists(st.integers(), max_size=1)))
def test_every_value_draws_or_is_our_error(domain: Domain, value: object) -> None:
    try:
        distribution = parse_distribution(value, domain)
    except QuantityError:
        return
    values = distribution.draw(Draws.of(0, [("cars", 50)]), "test")
    assert np.all((values >= domain.low) & (values <= domain.high))


@pytest.mark.parametrize("domain", [INITIAL_SHARE, TIME_OF_DAY], ids=["share", "time"])
@given(value=CALLS)
def test_the_editor_accepts_what_is_accepted(domain: Domain, value: str) -> None:
    try:
        parse_distribution(value, domain)
    except QuantityError:
        return
    assert re.search(distribution_pattern(domain), value)

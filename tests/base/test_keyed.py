"""Random numbers by key: known values, the quality of the bits, and what is drawn of them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.keyed import GAMMA, MASK, Draws, fleet_key, fold, folded, key_of, mix, mixed, purpose_number

N = 200_000
WORDS = st.integers(0, MASK)


def cars(n: int = N, seed: int = 1) -> Draws:
    return Draws.of(seed, [("cars", n)])


def test_the_mixing_function_is_that_of_splitmix64() -> None:
    """The first outputs of the reference implementation (prng.di.unimi.it/splitmix64.c) for the seed 1234567."""
    words = [mix((1234567 + number * GAMMA) & MASK) for number in range(1, 6)]
    assert words == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@given(key=WORDS, part=WORDS)
def test_arrays_and_plain_numbers_are_the_same_bits(key: int, part: int) -> None:
    assert mixed(np.array([key], dtype=np.uint64)).tolist() == [mix(key)]
    assert folded(key, np.array([part], dtype=np.uint64)).tolist() == [fold(key, part)]
    word = Draws(np.array([key], dtype=np.uint64)).words("purpose", 3)
    assert word.tolist() == [mix(key ^ ((purpose_number("purpose") + 3) * GAMMA & MASK))]


def test_a_vehicle_has_the_key_of_its_fleet_and_number() -> None:
    draws = Draws.of(5, [("cars", 3), ("vans", 2)])
    assert draws.keys.tolist() == [fold(fleet_key(5, "cars"), i) for i in range(3)] + [
        key_of(5, "fleet", "vans", 0),
        key_of(5, "fleet", "vans", 1),
    ]
    assert draws.take(slice(3, 5)).words("x").tolist() == Draws.of(5, [("vans", 7)]).words("x")[:2].tolist()
    assert len(Draws.of(5, [])) == 0


# Quality. Bounds are five standard deviations or more of what true random numbers would show; the numbers are fixed.


def sequences() -> dict[str, np.ndarray]:
    """Words that differ in one part of the key only: neighbours in each are what a simulation lays side by side."""
    one = Draws(np.array([key_of(3)], dtype=np.uint64))
    return {
        "vehicles": cars().words("x"),
        "counts": np.concatenate([one.words("x", number) for number in range(20_000)]),
        "purposes": np.concatenate([one.words(f"purpose {number}") for number in range(20_000)]),
        "seeds": np.array([mix(key_of(seed)) for seed in range(20_000)], dtype=np.uint64),
        "fleets": np.array([mix(fleet_key(1, f"fleet {number}")) for number in range(20_000)], dtype=np.uint64),
        "vehicles of two fleets": cars().words("x") ^ Draws.of(1, [("vans", N)]).words("x"),
        "two purposes": cars().words("x") ^ cars().words("y"),
        "two counts": cars().words("x") ^ cars().words("x", 1),
    }


@pytest.mark.parametrize("name", sequences())
def test_all_values_are_equally_likely_in_every_byte(name: str) -> None:
    words = sequences()[name]
    assert len(np.unique(words)) == len(words)
    for byte in words.astype("<u8").view(np.uint8).reshape(-1, 8).T:
        expected = len(words) / 256
        chi_square = ((np.bincount(byte, minlength=256) - expected) ** 2 / expected).sum()
        assert abs(chi_square - 255) < 5 * math.sqrt(2 * 255)


@pytest.mark.parametrize("name", sequences())
def test_neighbours_have_nothing_in_common(name: str) -> None:
    words = sequences()[name]
    shares = (words >> np.uint64(11)) * 2.0**-53
    for lag in (1, 2, 3, 7, 64, 1000):
        assert abs(np.corrcoef(shares[:-lag], shares[lag:])[0, 1]) < 5 / math.sqrt(len(shares))
    # Pairs of neighbours fill the square evenly: 32 by 32 fields.
    fields = np.bincount((shares[:-1] * 32).astype(int) * 32 + (shares[1:] * 32).astype(int), minlength=1024)
    expected = len(shares) / 1024
    assert abs(((fields - expected) ** 2 / expected).sum() - 1023) < 6 * math.sqrt(2 * 1023)
    # Of two neighbours half of the bits differ, each bit as often as any other.
    flips = np.unpackbits((words[1:] ^ words[:-1]).view(np.uint8).reshape(-1, 8), axis=1).mean(axis=0)
    assert np.abs(flips - 0.5).max() < 5 * 0.5 / math.sqrt(len(words))


def test_one_bit_of_any_part_decides_half_of_all_bits() -> None:
    keys = cars(2_000).keys
    for bit in range(64):
        changed = folded(0, keys) ^ folded(0, keys ^ np.uint64(1 << bit))
        share = np.unpackbits(changed.view(np.uint8)).mean()
        assert share == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(64 * len(keys)))


def test_purposes_lie_further_apart_than_anybody_counts() -> None:
    numbers = sorted(purpose_number(f"purpose {number}") for number in range(1_000))
    assert min(b - a for a, b in pairwise(numbers)) > 1 << 32


# What is drawn.


@pytest.mark.parametrize(
    ("values", "mean", "sd"),
    [
        (cars().shares("x"), 0.5, 1 / math.sqrt(12)),
        (cars().uniform("x", -2.0, 4.0), 1.0, 6 / math.sqrt(12)),
        (cars().normal("x", 3.0, 2.0), 3.0, 2.0),
        (cars().exponential("x", 150.0) / 150.0, 1.0, 1.0),
        (cars().triangular("x", 0.0, 1.0, 4.0), 5 / 3, math.sqrt(13 / 18)),
        (cars().triangular("x", 1.0, 1.0, 4.0), 2.0, math.sqrt(0.5)),
        (np.log(cars().lognormal("x", 1.0, 0.5)), 1.0, 0.5),
        (cars().integers("x", 3, 9).astype(float), 5.5, math.sqrt(35 / 12)),
        (cars().choice("x", [1.0, 5.0]), 3.0, 2.0),
        (cars(500).rows_of_shares("x", 7, 400).ravel(), 0.5, 1 / math.sqrt(12)),
    ],
)
def test_moments_are_the_textbooks(values: np.ndarray, mean: float, sd: float) -> None:
    assert values.shape == (N,)
    assert values.mean() == pytest.approx(mean, abs=5 * sd / math.sqrt(N))
    assert values.std() == pytest.approx(sd, rel=0.015)


def test_normal_numbers_have_the_tails_and_shape_of_the_normal_distribution() -> None:
    values = cars().normal("x")
    for bound in (-3.0, -2.0, -1.0, 0.0, 0.5, 1.5, 2.5, 3.5):
        below = 0.5 * (1.0 + math.erf(bound / math.sqrt(2.0)))
        assert (values < bound).mean() == pytest.approx(below, abs=5 * math.sqrt(below * (1 - below) / N))
    assert np.isfinite(values).all()


def test_bounds_hold_and_every_value_of_a_choice_comes() -> None:
    draws = cars(20_000)
    assert set(draws.integers("x", 0, 13).tolist()) == set(range(13))
    highs = np.arange(1, 20_001)
    assert (draws.integers("x", 0, highs) < highs).all()
    assert set(draws.choice("x", ["a", "b", "c"]).tolist()) == {"a", "b", "c"}
    inside = draws.triangular("x", 1.0, 2.0, 3.0)
    assert 1.0 <= inside.min() < 1.05 < 2.95 < inside.max() <= 3.0
    assert (draws.rows_of_shares("x", 0, 2)[:, 1] == draws.shares("x", 1)).all()


def test_the_order_of_draws_does_not_matter_and_nothing_is_used_up() -> None:
    draws = cars(100)
    first = draws.normal("a"), draws.shares("b")
    again = draws.shares("b"), draws.normal("a")
    assert (first[0] == again[1]).all()
    assert (first[1] == again[0]).all()

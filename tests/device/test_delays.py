"""Durations in a histogram of bounded size: percentiles to a thousandth, the rest exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.device.network.delays import Delays


@given(
    st.lists(st.lists(st.integers(1, 10**9), max_size=30), min_size=1, max_size=4).filter(any),
    st.sampled_from([1, 50, 90, 99, 100]),
)
def test_percentiles_are_those_of_the_values(parts: list[list[int]], percent: int) -> None:
    delays = Delays()
    for part in parts:
        delays.add(np.array(part, np.int64))
    ordered = sorted(value for part in parts for value in part)
    assert len(delays) == len(ordered)
    assert (delays.min(), delays.max()) == (ordered[0] / 1000, ordered[-1] / 1000)
    assert delays.mean() == pytest.approx(sum(ordered) / len(ordered) / 1000)
    exact = ordered[max(1, math.ceil(percent * len(ordered) / 100)) - 1] / 1000
    assert exact <= delays.percentile(percent) <= exact * (1 + 1 / 1024) + 1e-9


def test_nothing_is_too_short_or_too_long() -> None:
    delays = Delays()
    delays.add(np.array([0, 1, 2**45], np.int64))
    assert delays.percentile(1) <= 0.0011
    assert delays.max() == 2**45 / 1000

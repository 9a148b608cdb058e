"""DC charging curves for cars of which no whole curve is published: one rule for all of them.

A maker publishes the peak and the minutes from 10 to 80 %, which is the mean power between them, 0.7 × net energy /
time. The rule is the falling curve with that peak and that mean,

    P(s) = peak − (peak − END · mean) · ((s − 10 %) / 70 %)^γ,

with the one γ that gives the mean: a car whose mean lies near its peak keeps it long, and one whose peak is a moment
drops at once, as measured curves do. Published points of the beginning replace its head. What the two figures say about
the time is thereby an input of the catalogue and no prediction; cells, cold, heat and station can only make a charge
longer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["curve_by_rule", "mean_kw"]

#: Power left at 80 % over the mean from 10 to 80 %: public curves of the iX xDrive50, iX3, Model 3 and Model Y have
#: 0.48 to 0.86 (rounded down, as the last part of a charge is the part that owners find slow: estimate).
END = 0.6
#: Power left at 100 % and that of an empty pack, over the peak (estimates).
FULL, EMPTY = 0.06, 0.9
#: A curve is never flatter than this: no pack takes its peak at 75 %.
GAMMA = (0.02, 8.0)
FIRST, LAST = 10.0, 80.0
#: Where the curve is written down, percent; close together where it may be steep.
KNOTS = (10.0, 12.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0)

Point = tuple[float, float]


def curve_by_rule(peak_kw: float, mean: float, head: Sequence[Point] = ()) -> tuple[Point, ...]:
    """(percent, kW) points with this peak and this mean power in kW from 10 to 80 %.

    `head` holds published points of the beginning, rising percent; the rule then goes on from the last of them. Where
    no curve can have both figures, the nearest is returned.
    """
    low, high = GAMMA
    for _ in range(60):  # the mean rises with γ: halve the interval
        gamma = (low + high) / 2.0
        if mean_kw(_curve(peak_kw, mean, gamma, head)) < mean:
            low = gamma
        else:
            high = gamma
    return tuple((percent, float(round(kw))) for percent, kw in _curve(peak_kw, mean, high, head))


def mean_kw(curve: Sequence[Point], first: float = FIRST, last: float = LAST) -> float:
    """Mean power over the time from one percent to another, kW, along a broken line of (percent, kW)."""
    time = 0.0
    for (a, kw_a), (b, kw_b) in pairwise(curve):
        left, right = max(a, first), min(b, last)
        if right > left:
            slope = (kw_b - kw_a) / (b - a)
            kw_left, kw_right = kw_a + slope * (left - a), kw_a + slope * (right - a)
            step = kw_right - kw_left
            logarithmic = step / math.log(kw_right / kw_left) if abs(step) > 1e-9 * kw_left else kw_left
            time += (right - left) / logarithmic
    return (last - first) / time


def _curve(peak_kw: float, mean: float, gamma: float, head: Sequence[Point]) -> list[Point]:
    points = list(head) or [(0.0, EMPTY * peak_kw)]
    begin, top_kw = points[-1] if points[-1][0] >= FIRST else (FIRST, peak_kw)
    end_kw = min(END * mean, top_kw)
    for percent in KNOTS:
        if percent > points[-1][0]:
            fall = ((percent - begin) / (LAST - begin)) ** gamma if percent > begin else 0.0
            points.append((percent, top_kw - (top_kw - end_kw) * fall))
    return [*points, (100.0, FULL * peak_kw)]

"""How signals run inside a second, of which the physics knows only the two ends.

Speed is linear, as the drive cycles of the regulations are. What the physics gives as the mean of a second (torque,
power, current) runs from the old mean to the new one by a parabola whose own mean is the new one. On top of torque and
current lies ripple: sines of whole numbers of periods a second, so that the mean stays, and zero at every full second,
so that nothing jumps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .message import Course

__all__ = ["course_values"]

#: Periods a second of the three sines. None divides a sending rate, or its samples would all fall on one phase.
RIPPLE_HZ = (3.0, 7.0, 23.0)
RIPPLE_WEIGHT = (0.5, 0.3, 0.2)
_RIPPLE_RADS, _RIPPLE_WEIGHTS = 2.0 * np.pi * np.array(RIPPLE_HZ), np.array(RIPPLE_WEIGHT)
#: Amplitude over the mean of the second: driveline and inverter together (estimate).
RIPPLE_SHARE = 0.03


def course_values(
    course: Course,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    fraction: NDArray[np.float64],
    second: int,
    seeds: NDArray[np.uint32],
) -> NDArray[np.float64]:
    """Values of n vehicles at `fraction` (k,) of a second, shape (k, n), from its two ends, shape (n,).

    `second` and the vehicles' `seeds` (n,) settle the ripple.
    """
    u = fraction[:, None]
    if course == "hold":
        return np.broadcast_to(before, (len(fraction), len(before)))
    if course == "last":
        return np.broadcast_to(after, (len(fraction), len(after)))
    step: NDArray[np.float64] = after - before
    if course == "linear":
        return before + step * u
    values: NDArray[np.float64] = np.asarray(step * (u + 3.0 * u * (1.0 - u)), dtype=np.float64)
    values += before
    if course == "ripple":
        strength = np.asarray(np.abs(after) * (RIPPLE_SHARE * _draw(seeds, second)), dtype=np.float64)
        values += strength * (np.sin(u * _RIPPLE_RADS) @ _RIPPLE_WEIGHTS)[:, None]
    return values


def _draw(seeds: NDArray[np.uint32], second: int) -> NDArray[np.float64]:
    """A number from 0.4 to 1 for each vehicle and second; multiplicative hash (Knuth, TAOCP 3, 6.4)."""
    mixed = (seeds + np.uint32(second * 40503 & 0xFFFFFFFF)) * np.uint32(2654435761)
    return np.asarray(0.4 + 0.6 * (mixed >> np.uint32(8)) / float(1 << 24), dtype=np.float64)

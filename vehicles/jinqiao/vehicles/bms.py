"""What the battery management knows: the state of charge it shows, which is not the true one.

Its coulomb counter drifts with the charge moved (offset and gain of the current sensor). A rest shows the open-circuit
voltage and with it the charge, well where the voltage is steep and hardly on the plateaus of LFP; near full and near
empty every chemistry is steep, so there the shown value comes right by itself, and a full charge sets the counter.
A display that turns out to show too much is let down at once; one that shows too little never rises by itself: it is
*owed* the difference, and gets it by falling more slowly while the car uses energy (no driver finds more in a parked
car than was left there). Errors stay within 3 % for NMC and 5 % for LFP (what makers allow: estimate).
"""

from __future__ import annotations

import numpy as np

from jinqiao.base.keyed import Draws

from .arrays import ONE, ONE8, ZERO8, EvenTable, F4s, F8s, Rows, clip, f4
from .battery import Pack, displayed_fraction, true_soc
from .cell_data import CELLS, KNOTS
from .columns import Columns

__all__ = [
    "MOST_ERROR",
    "draw_errors",
    "full",
    "learn_at_rest",
    "shown_fraction",
    "shown_of",
    "soc_error",
    "soc_shown_as",
]

#: Largest error, and how far fresh cars' counters lie off, SoC; in the order of the chemistries of `CELLS`.
MOST_ERROR = np.array([{"nmc": 0.03, "lfp": 0.05}[name] for name in CELLS], dtype=np.float32)
FIRST_SIGMA = np.array([{"nmc": 0.006, "lfp": 0.015}[name] for name in CELLS])
#: Drift over the discharge of one full pack, SoC (a sensor of half a percent: estimate).
DRIFT_SIGMA = 0.005
#: The error fades over this share of the display at either end. Longer than the error, so shown and true rise together.
FADE = 0.15
#: A rest is read with this time constant, s: cells must relax first.
REST_S = 3600.0
_PER_FADE, _FADE, _TO_FADE, _FADE4 = np.array(1.0 / FADE), np.array(FADE), np.array(1.0 - FADE), f4(FADE)
#: Slope of the open-circuit voltage that halves an error, V per unit of SoC.
READABLE_V = 0.3

#: Share of the charge used that an owed difference may hold the display up by (estimate).
RELEASE = 0.5

_SLOPE = [np.gradient(CELLS[name].ocv_v, KNOTS) for name in CELLS]
#: How much of an error a long rest takes away, over SoC.
_READABLE = EvenTable(0.0, 1.0, [slope**2 / (slope**2 + READABLE_V**2) for slope in _SLOPE])


def draw_errors(cars: Columns, pack: Pack, draws: Draws) -> None:
    """Give every car its sensor and its counter's error; `pack` holds one row per car."""
    most = MOST_ERROR.take(pack.chemistry)
    drift = draws.normal("current sensor", 0.0, DRIFT_SIGMA)
    cars.bms_drift_per_kwh[:] = drift / pack.gross_kwh
    cars.bms_release_per_kwh[:] = RELEASE / pack.gross_kwh
    first = np.abs(draws.normal("coulomb counter", 0.0, FIRST_SIGMA.take(pack.chemistry)))
    cars.bms_error[:] = clip(np.sign(drift) * first, -most, most)
    cars.bms_from_kwh[:] = cars.energy_discharged_kwh


def soc_error(cars: Columns, pack: Pack, rows: Rows) -> F4s:
    """How far the counter is above the truth away from the ends, SoC, shape (rows,)."""
    moved_kwh = (cars.energy_discharged_kwh[rows] - cars.bms_from_kwh[rows]).astype(np.float32)
    most = MOST_ERROR.take(pack.chemistry)
    error: F4s = cars.bms_drift_per_kwh[rows] * moved_kwh
    error += cars.bms_error[rows]
    error += np.minimum(cars.bms_owed[rows], cars.bms_release_per_kwh[rows] * moved_kwh)
    return clip(error, -most, most)


def shown_fraction(pack: Pack, soc: F8s, error: F4s) -> F8s:
    """What the display shows, 0..1, for a true SoC and the counter's error."""
    right = displayed_fraction(pack, soc)
    faded = np.minimum(right, ONE8 - right)
    faded *= _PER_FADE
    faded = clip(faded, ZERO8, ONE8)
    faded *= error
    faded += right
    return faded


def shown_of(cars: Columns, row: int, right: float, most: float) -> float:
    """`shown_fraction` of one car without arrays; `right` is the share of its display that is true, 0..1."""
    moved_kwh = float(cars.energy_discharged_kwh[row]) - float(cars.bms_from_kwh[row])
    error = float(cars.bms_error[row]) + float(cars.bms_drift_per_kwh[row]) * moved_kwh
    error += min(float(cars.bms_owed[row]), float(cars.bms_release_per_kwh[row]) * moved_kwh)
    right = min(max(right, 0.0), 1.0)
    return right + min(max(error, -most), most) * min(min(right, 1.0 - right) / FADE, 1.0)


def soc_shown_as(pack: Pack, shown: F8s, error: F4s) -> F8s:
    """The true SoC at which the display shows `shown` (0..1): the inverse of `shown_fraction`."""
    share = error / _FADE4
    low, high = shown / (ONE + share), (shown - share) / (ONE - share)
    middle = clip(shown - error, _FADE, _TO_FADE)
    right = np.where(low < _FADE, low, np.where(high > _TO_FADE, high, middle))
    return true_soc(pack, clip(right, ZERO8, ONE8))


def _owed(cars: Columns, rows: Rows) -> F4s:
    """By how much the display is held below what the battery management knows, SoC, shape (rows,)."""
    moved_kwh = (cars.energy_discharged_kwh[rows] - cars.bms_from_kwh[rows]).astype(np.float32)
    left: F4s = np.maximum(cars.bms_owed[rows] - cars.bms_release_per_kwh[rows] * moved_kwh, np.float32(0.0))
    return left


def _set(cars: Columns, rows: Rows, error: F4s, owed: F4s) -> None:
    cars.bms_error[rows] = error
    cars.bms_owed[rows] = owed
    cars.bms_from_kwh[rows] = cars.energy_discharged_kwh[rows]


def learn_at_rest(cars: Columns, pack: Pack, rows: Rows, seconds: F4s) -> None:
    """A rest of `seconds` corrects the counter by what the open-circuit voltage shows; the display never rises."""
    readable = _READABLE(cars.soc[rows].astype(np.float32), pack.first_knot)
    rest: F4s = 1.0 - np.exp(seconds * np.float32(-1.0 / REST_S))
    shown, owed = soc_error(cars, pack, rows), _owed(cars, rows)
    known: F4s = (shown + owed) * (1.0 - readable * rest)
    shown = np.minimum(shown, known)
    _set(cars, rows, shown, known - shown)


def full(cars: Columns, pack: Pack, rows: Rows) -> None:
    """Where the display is full the counter is set right."""
    error, owed = soc_error(cars, pack, rows), _owed(cars, rows)
    below = displayed_fraction(pack, cars.soc[rows]) <= 1.0 - 1e-6
    _set(cars, rows, error * below, owed * below)

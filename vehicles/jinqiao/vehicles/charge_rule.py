"""DC charging curves for cars of which only the peak power is published: one envelope for all of them.

Cells take less the fuller they are, and about the same per energy in every 400 V car. So a car charges at its peak
until the envelope, in kW per net kWh, falls below it:

    P(s) = min(peak, net · (C_20 + (C_80 − C_20) · (s − 20 %) / 60 %)).

Below 20 % a car that peaks above the envelope drops from its peak at 10 % onto it. `C_20` is the robust least-squares
fit to the 10-80 % times of nine cars that are not BMW's, rounded (`tools/fit_charge_rule.py`).

How far that is a prediction: no BMW time is in the fit, but the form, `C_80` (a little under measured curves, which
have 0.57 to 1.1 there) and leaving out the 800 V class were chosen among eight variants whose errors for BMW were in
sight. So BMW's times are held out of the fit and not of the choice. The nine cars themselves it misses by up to 24 %.
It does not hold for the 800 V class.
"""

from __future__ import annotations

__all__ = ["C_20", "C_80", "curve_by_envelope"]

#: The envelope in kW per net kWh at 20 and at 80 %.
C_20, C_80 = 3.0, 0.5
#: Power at 100 %, kW per net kWh, and that of an empty pack over the peak (estimates).
C_FULL, EMPTY = 0.1, 0.9

Point = tuple[float, float]


def curve_by_envelope(peak_kw: float, net_kwh: float, c_20: float = C_20) -> tuple[Point, ...]:
    """Corners of the curve as (percent, kW), rising percent, for `dc_curve` of a vehicle file."""

    def envelope_kw(percent: float) -> float:
        return net_kwh * (c_20 + (C_80 - c_20) * (percent - 20.0) / 60.0)

    knee = 20.0 + 60.0 * (c_20 - peak_kw / net_kwh) / (c_20 - C_80)
    points: list[Point] = [(0.0, EMPTY * peak_kw), (10.0, peak_kw)]
    if knee > 20.0:
        points.append((min(knee, 79.0), peak_kw))
    else:
        points.append((20.0, envelope_kw(20.0)))
    points += [(80.0, min(peak_kw, envelope_kw(80.0))), (100.0, C_FULL * net_kwh)]
    return tuple((round(percent, 1), round(kw, 1)) for percent, kw in points)

"""Effective powertrain parameters per maker: five lumps that carry a road load to the wall socket.

Fitted by least squares of the relative error to coast-down target coefficients and measured AC energy of the US EPA
test-car list 2022 (UDDS and HWFET together, charge-depleting, unadjusted). Transmission, charge and map trade off
against each other, so the five belong together and are not physics one by one.

The values are what `tools/fit_powertrain.py` finds from `fit_data/epa_2022_train.csv`, rounded; a test holds them so.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from .part import Fraction, Part, Positive

__all__ = ["ALL_ROWS", "BY_MAKER", "Effective", "effective_for"]


class Effective(Part):
    """`regen_share` of braking returned, `transmission` efficiency, `aux_w` on a cycle, `charge` wall to battery,
    `map_scale` on the motor map."""

    regen_share: Fraction
    transmission: Positive = Field(le=1)
    aux_w: float = Field(ge=0)
    charge: Positive = Field(le=1)
    map_scale: Positive = Field(le=1.2)


_BMW = Effective(regen_share=0.80, transmission=0.942, aux_w=165.0, charge=0.93, map_scale=1.03)

#: By maker in lower case: BMW from six rows (four cars, MINI Cooper SE among them), Tesla from seven.
BY_MAKER: Mapping[str, Effective] = {
    "bmw": _BMW,
    "mini": _BMW,
    "tesla": Effective(regen_share=0.86, transmission=0.99, aux_w=100.0, charge=0.93, map_scale=1.03),
}

#: From all 30 rows: what an unknown maker gets. It misses single cars by up to 25 %.
ALL_ROWS = Effective(regen_share=0.78, transmission=0.99, aux_w=100.0, charge=0.88, map_scale=1.03)


def effective_for(make: str) -> Effective:
    """The maker's values, or those over all rows; makers are compared without case."""
    return BY_MAKER.get(make.strip().lower(), ALL_ROWS)

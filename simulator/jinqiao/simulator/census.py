"""Who lives where: a scenario's counts and weights in whole vehicles, town by town, as rows of one fleet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import InputError
from jinqiao.vehicles.birth import MOST_IN_TOWNS, MOST_TOWNS

from .cities import Place, place_of

if TYPE_CHECKING:
    from .scenario.fleet import FleetSpec

__all__ = ["TownRows", "census", "rescaled", "rows_together", "share_out", "total_of"]


@dataclass(frozen=True, slots=True)
class TownRows:
    """The vehicles of one town: all of its `rows`, and those of each fleet by its name, in the scenario's order.

    `growth` is how many times the scenario's own number of vehicles it has, for its stations, which never shrink: 1
    where it has fewer.
    """

    number: int
    place: Place
    rows: slice
    fleets: Mapping[str, slice]
    growth: Fraction = Fraction(1)

    def __len__(self) -> int:
        return int(self.rows.stop - self.rows.start)


def census(
    fleets: Sequence[FleetSpec], vehicles: int | None, towns: int, only: Sequence[int] | None = None
) -> tuple[TownRows, ...]:
    """The towns that run, one behind the other: `towns` of them, or of these the ones with the numbers `only`.

    `vehicles` are shared equally among all `towns`; None: each has as many as the scenario says. Raises InputError
    where there are fewer vehicles than towns, or more than there may be.
    """
    own = [spec.count for spec in fleets]
    total = total_of(fleets, vehicles, towns)
    found, start = [], 0
    for number in range(towns) if only is None else only:
        size = total // towns + (number < total % towns)
        stops = (start + np.cumsum(rescaled(own, None if size == sum(own) else size))).tolist()
        rows = {
            spec.name: slice(begin, stop) for spec, begin, stop in zip(fleets, [start, *stops], stops, strict=False)
        }
        growth = max(Fraction(1), Fraction(size, sum(own)))
        found.append(TownRows(number, place_of(number), slice(start, start + size), rows, growth))
        start += size
    return tuple(found)


def total_of(fleets: Sequence[FleetSpec], vehicles: int | None, towns: int) -> int:
    """How many vehicles there are in all towns. Raises InputError as `census` does."""
    if vehicles is None:
        vehicles = sum(spec.count for spec in fleets) * towns
    if not 1 <= towns <= MOST_TOWNS:
        raise InputError(f"found {towns} towns, expected from 1 to {MOST_TOWNS:,}")
    if vehicles < towns:
        raise InputError(f"found {vehicles} vehicles in {towns} towns, expected at least one in each")
    if towns > 1 and vehicles > MOST_IN_TOWNS:
        raise InputError(f"found {vehicles:,} vehicles in {towns} towns, expected at most {MOST_IN_TOWNS:,} in all")
    return vehicles


def rows_together(parts: Sequence[slice]) -> slice | NDArray[np.intp]:
    """The rows of several parts, which rise, as one index; a slice where there is but one part."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([np.arange(part.start, part.stop, dtype=np.intp) for part in parts])


def share_out(weights: Mapping[str, float], number: Mapping[str, int], count: int) -> NDArray[np.int16]:
    """The model of each vehicle: shares as near to the weights as whole vehicles allow.

    Cars of one model stand together, because the fleet's steps are fastest on such blocks.
    """
    share = np.array(list(weights.values())) / sum(weights.values())
    index = np.searchsorted(np.cumsum(share), (np.arange(count) + 0.5) / count, side="left")
    return np.array([number[model] for model in weights], dtype=np.int16)[np.minimum(index, len(share) - 1)]


def rescaled(counts: list[int], total: int | None) -> list[int]:
    """Counts in the same proportion that add up to `total`; every fleet keeps a vehicle if there are enough."""
    if total is None:
        return counts
    ends = np.round(np.cumsum(counts) / sum(counts) * total).astype(int)
    shares = np.diff(ends, prepend=0)
    while total >= len(counts) and shares.min() < 1:
        shares[shares.argmin()] += 1
        shares[shares.argmax()] -= 1
    return [int(share) for share in shares]

"""Draws per vehicle: what happens to one car changes nothing for another that it does not meet.

Rule 1: a draw depends on (seed, fleet, number in the fleet, purpose, count) and on nothing else: not on how many other
vehicles there are, not on what happened to them, not on the order in which rows are visited. Hence keys and counters
(`base/keyed.py`), not a stream.
Rule 2: the count is part of a vehicle's state: `outings` (uint32, four bytes a car) counts the outings that it has
begun. Inside an outing the car's `Dice` counts on. An outing that comes later than planned, because software was
installed or a command came between, still draws the same numbers.
Rule 3: what is drawn once for a vehicle (what it is like, where it lives, when it reports) has a purpose instead of a
count. A new draw gets a new purpose and changes no other.
Rule 4: a choice among vehicles (`on: 3 of parked commuters`) lets each of them draw a lot, and the lowest win:
a vehicle more or less among them moves one place of the choice at most.

A vehicle's key is made of its fleet's *name* and its number in that fleet, not of its row: fleets may come, go, grow
and change places, and nobody else's draws move. (VINs count fleets instead, because no two may be equal: `birth.py`.)
A town is one more part of the key, before the name; town 0 adds nothing to it.

What does not fit: what vehicles share. The draws of a fleet in a town, such as the depot of all its vans, have the key
of both. A station draws nothing: what takes a driver long there is drawn by his car. At a station, and nowhere else,
one car may hinder another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.keyed import GAMMA, MASK, SHARE, Draws, FleetPart, fleet_key, folded, purpose_number, town_key

__all__ = ["Dice", "Draws", "VehicleDraws", "event_dice"]

T = TypeVar("T")
Rows = NDArray[np.intp]

_MIX_1, _MIX_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


class Dice:
    """The draws of one key, one after the other, as plain numbers: word n is word n of `Draws` under that purpose."""

    __slots__ = ("_at", "_key")

    def __init__(self, key: int, purpose: str | None = None) -> None:
        self._key = key
        #: (purpose + count) * GAMMA, so that counting on is a sum.
        self._at = 0 if purpose is None else purpose_number(purpose) * GAMMA & MASK

    def share(self) -> float:
        """A number from 0 up to but not including 1."""
        # `mix` in place: this is called for every leg of every trip, and a call would cost a third more.
        at = self._at
        self._at = (at + GAMMA) & MASK
        z = at ^ self._key
        z = ((z ^ (z >> 30)) * _MIX_1) & MASK
        z = ((z ^ (z >> 27)) * _MIX_2) & MASK
        return ((z ^ (z >> 31)) >> 11) * SHARE

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.share()

    def integer(self, low: int, high: int) -> int:
        """A whole number from `low` to `high` - 1."""
        return low + int((high - low) * self.share())

    def choice(self, values: Sequence[T]) -> T:
        return values[int(len(values) * self.share())]

    def exponential(self, mean: float) -> float:
        """A waiting time for something that comes once in `mean` on average."""
        return -mean * float(np.log1p(-self.share()))  # and not math's, whose last bit may be another

    def alone(self) -> Draws:
        """The same key for what is drawn by purpose, as of one vehicle: for the scenario's distributions."""
        return Draws(np.array([self._key], dtype=np.uint64))


def event_dice(seed: int, kind: str, number: int, town: int = 0) -> Dice:
    """What the scenario's own event draws in a town, a command or a fault, by its place in the file."""
    return Dice(town_key(seed, town, "event", kind, number))


class VehicleDraws:
    """The draws of all vehicles of a scenario: `fleets` in the order of rows, a pair (name, size) is one of town 0."""

    def __init__(self, seed: int, fleets: Sequence[FleetPart | tuple[str, int]]) -> None:
        parts = [FleetPart(*fleet) for fleet in fleets]
        sizes = [part.size for part in parts]
        self._fleet_keys = np.array([fleet_key(seed, part.name, part.town) for part in parts], dtype=np.uint64)
        self._first_rows = np.cumsum([0, *sizes[:-1]])
        #: How many outings each vehicle has begun.
        self.outings = np.zeros(sum(sizes), dtype=np.uint32)

    def of(self, rows: slice | Rows) -> Draws:
        """What these vehicles draw by purpose; keys are made when they are asked for, none are kept."""
        return Draws(self._keys(np.arange(*rows.indices(len(self.outings))) if isinstance(rows, slice) else rows))

    def of_fleet(self, number: int, purpose: str) -> Dice:
        """What a fleet draws for all its vehicles together."""
        return Dice(int(self._fleet_keys[number]), purpose)

    def begin_outings(self, rows: Rows) -> list[Dice]:
        """Count one more outing for each of these vehicles, and what each will draw on it."""
        outings = self.outings[rows]
        self.outings[rows] = outings + np.uint32(1)
        keys = self._keys(rows)
        number = outings.astype(np.uint64)
        number += np.uint64(_OUTING)
        return [Dice(key) for key in folded(keys, number).tolist()]

    def _keys(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.uint64]:
        fleet = np.searchsorted(self._first_rows, rows, side="right") - 1
        return folded(self._fleet_keys[fleet], rows - self._first_rows[fleet])


_OUTING = purpose_number("outing")

"""What physical faults have in common: the car itself is damaged, and whatever it reports follows.

A kind says which quantities of `vehicles/damage/state.py` it changes; an end is a repair, from then on the car is sound
again.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from jinqiao.vehicles.damage.state import AT_ONCE, Quantity

from ..activity import RESTING
from .base import Breakable, LastingFault, Rows

if TYPE_CHECKING:
    from jinqiao.vehicles.arrays import F4s
    from jinqiao.vehicles.fleet import Fleet

__all__ = ["Change", "PhysicalFault"]


class Change(NamedTuple):
    """A quantity heads for `goal` (of each car where it is a function) at `rate`, and back at the rate `back`, 1/s."""

    quantity: Quantity
    goal: float | Callable[[Fleet, Rows], F4s]
    rate: float = AT_ONCE
    back: float = AT_ONCE


class PhysicalFault(LastingFault):
    """A fault of the car. What it did before is computed first: a resting car is a little behind."""

    #: Rules of the physics self-check (`check/rules.py`) that know nothing of such damage.
    bends: ClassVar[frozenset[str]] = frozenset()

    @property
    @abstractmethod
    def changes(self) -> tuple[Change, ...]:
        """What breaks."""

    def prepare(self, fleet: Fleet, rows: Rows) -> None:
        """What else is done to these cars before."""

    def restore(self, fleet: Fleet, rows: Rows) -> None:
        """And what is undone after."""

    def begin(self, world: Breakable, rows: Rows) -> None:
        if not len(rows):
            return
        _bring_up(world, rows)
        fleet = world.fleet
        self.prepare(fleet, rows)
        for quantity, goal, rate, _ in self.changes:
            fleet.harmed().harm(quantity, rows, goal(fleet, rows) if callable(goal) else goal, rate)

    def end(self, world: Breakable, rows: Rows) -> None:
        if not len(rows):
            return
        _bring_up(world, rows)
        for quantity, _, _, back in self.changes:
            world.fleet.harmed().mend(quantity, rows, back)
        self.restore(world.fleet, rows)
        world.town.diagnosis.mended()


def _bring_up(world: Breakable, rows: Rows) -> None:
    town = world.town
    town.catch_up(rows[town.mode[rows] == RESTING])

"""What all agendas share: their rows of the fleet, and the town they drive in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..clock import NEVER
from ..roads import PlaceKind
from ..town import DAY_S
from .spec import AgendaSpec

if TYPE_CHECKING:
    import simpy

    from ..car import Car
    from ..draws import Dice, Draws
    from ..town import Town

__all__ = ["AGENDAS", "DAY_S", "Agenda", "Outing", "agenda"]

Outing = Generator["simpy.Event", Any, int]


class Agenda(ABC):
    """One fleet's day. Vehicle `row` of the fleet is element `row - rows.start` of an agenda's own arrays."""

    #: How it is written in a scenario; `kind` is its name there.
    language: ClassVar[type[AgendaSpec]]
    spec: Any

    def __init__(self, town: Town, rows: slice, spec: Any) -> None:
        self.town = town
        self.rows = rows
        self.spec = spec
        self.count = rows.stop - rows.start
        #: Local time of day at the scenario's start, s.
        self.day_second = town.day_second

    @abstractmethod
    def settle(self, draws: Draws, shared: Dice) -> None:
        """Put the fleet where it is when the scenario starts, and say when each vehicle wakes.

        `draws` are its vehicles', each thing with a purpose of its own; `shared` is for what they all have in common.
        """

    @abstractmethod
    def outing(self, car: Car) -> Outing:
        """From one waking to the next; whatever is decided on the way is drawn with the car's own dice."""

    def displayed_soc(self) -> NDArray[np.float64]:
        """What the displays of this fleet show, 0 … 1, shape (count,)."""
        return self.town.fleet.displayed_soc(self.rows)

    def index(self, car: Car) -> int:
        """A vehicle's place in the agenda's own arrays."""
        first: int = self.rows.start
        return car.row - first

    def pick(self, draws: Draws, purpose: str, *kinds: PlaceKind) -> NDArray[np.int16]:
        """A random node of these kinds for every vehicle, shape (count,)."""
        return draws.choice(purpose, self.town.graph.places(*kinds)).astype(np.int16)

    def stand(self, nodes: NDArray[np.int16], wake_s: NDArray[np.float64]) -> None:
        """Place the fleet at `nodes`, to wake at `wake_s` seconds after the start (at once where that is past)."""
        self.town.node[self.rows] = nodes
        self.town.movement.stand(self.rows, nodes)
        self.town.wake_s[self.rows] = np.clip(np.ceil(wake_s), 0, NEVER - 1).astype(np.int32)


#: The table: the scenario's word for an agenda → its class. Filled by `@agenda`.
AGENDAS: dict[str, type[Agenda]] = {}
_Kind = TypeVar("_Kind", bound=type[Agenda])


def agenda(kind: _Kind) -> _Kind:
    """Put an agenda into the table, under the name of its language. Raises ValueError for a second one."""
    name = kind.language.kind
    if name in AGENDAS:
        raise ValueError(f"two agendas are called {name!r}")
    AGENDAS[name] = kind
    return kind

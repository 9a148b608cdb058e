"""`cycle`: one drive cycle, again and again, as on a chassis dynamometer, on a closed tour of the road graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from jinqiao.base.variants import Short

from ..language.fields import Share, optional
from ..roads import PlaceKind
from .base import Agenda, Outing, agenda
from .spec import AgendaSpec

if TYPE_CHECKING:
    from ..car import Car
    from ..draws import Dice, Draws

__all__ = ["CycleAgenda", "CycleDriving", "CycleName"]

#: The charger of the test bench.
BENCH_CHARGER_KW = 120.0


#: The drive cycles that are shipped; regulations in jinqiao.vehicles.cycles.
CycleName = Literal["WLTC", "NEDC", "CLTC-P", "UDDS", "HWFET", "US06", "FTP-75"]


class CycleAgenda(AgendaSpec):
    """One drive cycle, again and again, as on a chassis dynamometer."""

    kind = "cycle"
    story = (
        "Each car begins somewhere in the cycle, at speed, and never stops but to charge: on the spot, on a DC charger "
        f"of {BENCH_CHARGER_KW:g} kW."
    )
    short = Short("name", "its drive cycle", "WLTC")

    name: CycleName = Field(description="Name of the drive cycle.")
    charge_below: Share = optional(0.15, "State of charge below which the car goes charging.")


@agenda
class CycleDriving(Agenda):
    """The outing never ends: between two cycles there is nothing to sleep for."""

    language = CycleAgenda
    spec: CycleAgenda

    def settle(self, draws: Draws, shared: Dice) -> None:
        del shared
        self.legs = self.town.microtrips.cycle_legs[self.spec.name]
        self.stand(self.pick(draws, "place", PlaceKind.HOME, PlaceKind.WORK), np.zeros(self.count))

    def outing(self, car: Car) -> Outing:
        """Cycle after cycle; a charge on the spot when the battery is low.

        Each vehicle begins somewhere in the cycle, under way: a fleet in step would be one vehicle only.
        """
        begin = car.dice.integer(0, len(self.legs))
        yield from car.follow_cycle(self.legs[begin:], since_s=car.dice.integer(0, self.legs[begin].seconds))
        while True:
            if car.state_of_charge < self.spec.charge_below:
                yield from car.charge_here(BENCH_CHARGER_KW, until=self.spec.charge_to)
            yield from car.follow_cycle(self.legs)

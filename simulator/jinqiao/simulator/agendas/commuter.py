"""`commuter`: home, work, home; charges at home when the battery is below the driver's comfort."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..car import CONDITIONING_S, MILD_DEGC
from ..language.fields import Power, Share, TimeOfDay, optional
from ..roads import PlaceKind
from ..routes import beeline_m
from .base import DAY_S, Agenda, Outing, agenda
from .spec import AgendaSpec

if TYPE_CHECKING:
    from ..car import Car
    from ..distribution import Distribution
    from ..draws import Dice, Draws

__all__ = ["Commuter", "CommuterAgenda"]

F8 = NDArray[np.float64]

#: A street network is about this much longer than the beeline, and this fast all in all: good enough to say who is on
#: the way when the scenario starts.
DETOUR, TRAVEL_MPS = 1.3, 9.0


class CommuterAgenda(AgendaSpec):
    """Home, work, home; charges at home overnight when the battery is below the driver's comfort."""

    kind = "commuter"
    story = (
        "Home and work are drawn for each car and stay. The times of leaving are drawn anew every day. The car charges "
        "at home only, on AC, and stays on the cable until it leaves; when it is not mild outside "
        f"({MILD_DEGC[0]:g} to {MILD_DEGC[1]:g} degC) its cabin is conditioned from the cable for the last "
        f"{CONDITIONING_S // 60} minutes."
    )

    leaves_home: TimeOfDay = optional("normal(07:45, 40 min)", "Local time of leaving home.")
    leaves_work: TimeOfDay = optional("normal(17:45, 50 min)", "Local time of leaving work.")
    charge_below: Share = optional(0.5, "State of charge below which the car is plugged in at home.")
    charge_to: Share = optional(0.9, "State of charge at which charging ends.")
    home_charger_kw: Power = optional("7 kW", "AC charger at home.", alias="home_charger")


@agenda
class Commuter(Agenda):
    """Every day is a working day; the times of leaving are drawn anew for each."""

    language = CommuterAgenda
    spec: CommuterAgenda

    def settle(self, draws: Draws, shared: Dice) -> None:
        del shared
        self.home = self.pick(draws, "home", PlaceKind.HOME)
        self.work = self.pick(draws, "work", PlaceKind.WORK, PlaceKind.SHOPS)
        #: Where the next outing leads.
        self.bound = self.work.copy()
        leaves_home = self.spec.leaves_home.draw(draws, "leaves home") - self.day_second
        leaves_work = self.spec.leaves_work.draw(draws, "leaves work") - self.day_second
        travel_s = DETOUR * beeline_m(self.town.graph, self.home, self.work) / TRAVEL_MPS
        soc = self.displayed_soc()

        at_work = (leaves_home <= 0) & (leaves_work > 0)
        back = leaves_work <= 0
        tomorrow = self.spec.leaves_home.draw(draws, "leaves home tomorrow") - self.day_second + DAY_S
        wake_s = np.select([at_work, back], [leaves_work, tomorrow], leaves_home)
        standing = np.where(at_work, self.work, self.home)
        self.bound[at_work] = self.home[at_work]

        #: The departure from home that is already drawn, s; 0 when the next one is to be drawn.
        self.leaves_s = np.where(at_work, 0.0, wake_s).astype(np.int32)

        # A car that came home low yesterday hangs on its charger: an outing that leads home, from home.
        charging = ~at_work & (soc < self.spec.charge_below)
        self.bound[charging] = self.home[charging]
        wake_s[charging] = 0.0
        self.stand(standing, wake_s)

        self._set_out(at_work, -leaves_home / travel_s, self.home, self.work)
        self._set_out(back, -leaves_work / travel_s, self.work, self.home)

    def outing(self, car: Car) -> Outing:
        """One way, and what belongs to its end; a car on its charger is made comfortable first."""
        i = self.index(car)
        yield from car.get_ready(until_s=int(self.leaves_s[i]))
        bound = int(self.bound[i])
        yield from car.drive(to=bound)
        if bound == self.work[i]:
            self.bound[i] = self.home[i]
            return self._next(self.spec.leaves_work, car, at_least_s=30 * 60)
        self.bound[i] = self.work[i]
        leaves_s = int(self.leaves_s[i])
        if leaves_s <= car.now_s:
            leaves_s = self._next(self.spec.leaves_home, car, at_least_s=0)
        if car.state_of_charge < self.spec.charge_below:
            yield from car.charge_here(self.spec.home_charger_kw, until=self.spec.charge_to, kind="ac", by_s=leaves_s)
            self.leaves_s[i] = leaves_s
            return max(car.now_s, leaves_s - CONDITIONING_S)
        return leaves_s

    def _next(self, leaves: Distribution, car: Car, at_least_s: int) -> int:
        """The next time of leaving, by the scenario's distribution, that lies `at_least_s` ahead."""
        today_s = (car.now_s + self.day_second) % DAY_S
        ahead_s = float(leaves.draw(car.dice.alone(), "leaves next")[0]) - today_s
        return car.now_s + int(ahead_s if ahead_s > at_least_s else max(ahead_s % DAY_S, at_least_s))

    def _set_out(self, some: NDArray[np.bool_], done: F8, origin: NDArray[np.int16], to: NDArray[np.int16]) -> None:
        """Those of `some` who have done only a part of their way start from the node they have come to."""
        for i in np.flatnonzero(some & (done < 1.0)).tolist():
            node = self.town.book.node_along(int(origin[i]), int(to[i]), float(done[i]))
            row = self.rows.start + i
            self.bound[i] = to[i]
            self.town.node[row] = node
            self.town.movement.stand(slice(row, row + 1), np.array([node]))
            self.town.wake_s[row] = 0

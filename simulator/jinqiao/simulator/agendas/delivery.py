"""`delivery`: rounds from a depot with many short stops; charges at the depot after a round when the battery is low."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..language.fields import Share, Stop, WholeNumber, optional
from ..roads import PlaceKind
from .base import DAY_S, Agenda, Outing, agenda
from .spec import AgendaSpec, clock

if TYPE_CHECKING:
    from ..car import Car
    from ..draws import Dice, Draws

__all__ = ["Delivery", "DeliveryAgenda"]

#: The first round of the day begins then, and no round begins later than that; local time of day, s.
FIRST_ROUND_S = (6.25 * 3600.0, 7.25 * 3600.0)
LAST_ROUND_S = 19.0 * 3600.0

#: Loading between two rounds, s.
LOADING_S = (10 * 60, 25 * 60)

#: Of the vans at work when the scenario starts, so many are on a round and the rest are being loaded.
ON_THE_ROAD = 0.8

DEPOT_CHARGER_KW = 40.0

WHERE_PARCELS_GO = (PlaceKind.HOME, PlaceKind.WORK, PlaceKind.SHOPS)


class DeliveryAgenda(AgendaSpec):
    """Rounds from a depot with many short stops; charges at the depot's end of a round."""

    kind = "delivery"
    story = (
        "The depot is drawn among the works, one for the fleet; it is no station of the scenario, and no `site_limit` "
        f"holds there. Each van has a DC charger of its own, {DEPOT_CHARGER_KW:g} kW. The first round begins between "
        f"{clock(FIRST_ROUND_S[0])} and {clock(FIRST_ROUND_S[1])} local time, none after {clock(LAST_ROUND_S)}; in "
        f"between a van is loaded for {LOADING_S[0] // 60} to {LOADING_S[1] // 60} minutes. Stops are drawn over the "
        "whole town, taken in the order of the nearest next one, and last 60 to 140 % of `stop`."
    )

    stops: WholeNumber = optional(8, "Stops in one round.", ge=1, le=1000)
    stop_s: Stop = optional("4 min", "Time at each stop.", alias="stop")
    charge_below: Share = optional(0.3, "State of charge below which the van goes charging after a round.")
    charge_to: Share = optional(0.9, "State of charge at which charging ends.")


@agenda
class Delivery(Agenda):
    """An outing is one round: the stops in the order of the nearest next one, then back to the depot."""

    language = DeliveryAgenda
    spec: DeliveryAgenda

    def settle(self, draws: Draws, shared: Dice) -> None:
        self._places: list[int] = self.town.graph.places(*WHERE_PARCELS_GO).tolist()
        #: One depot for the fleet, among the works.
        self.depot = shared.choice(self.town.graph.places(PlaceKind.WORK).tolist())
        self.first_round_s = draws.uniform("first round", *FIRST_ROUND_S)
        at_work = (self.first_round_s <= self.day_second) & (self.day_second < LAST_ROUND_S)
        on_round = at_work & (draws.shares("on the road") < ON_THE_ROAD)
        #: Stops of the next round; a round that is under way at the start has some behind it.
        self.stops = np.full(self.count, self.spec.stops, dtype=np.int16)
        self.stops[on_round] = draws.integers("stops left", 1, self.spec.stops + 1)[on_round]
        nodes = np.where(on_round, self.pick(draws, "place", *WHERE_PARCELS_GO), self.depot).astype(np.int16)
        loading_s = draws.uniform("loading", 0, LOADING_S[1])
        tomorrow_s = (self.first_round_s - self.day_second) % DAY_S
        self.stand(nodes, np.select([on_round, at_work], [np.zeros(self.count), loading_s], tomorrow_s))

    def outing(self, car: Car) -> Outing:
        """One round."""
        i = self.index(car)
        waiting = [car.dice.choice(self._places) for _ in range(int(self.stops[i]))]
        self.stops[i] = self.spec.stops
        while waiting:
            seconds = self.town.book.seconds(car.place)
            nearest = min(waiting, key=seconds.__getitem__)
            waiting.remove(nearest)
            yield from car.drive(to=nearest)
            yield from car.wait(self.spec.stop_s * car.dice.uniform(0.6, 1.4))
        yield from car.drive(to=self.depot)
        if car.state_of_charge < self.spec.charge_below:
            yield from car.charge_here(DEPOT_CHARGER_KW, until=self.spec.charge_to)
        ready_s = car.now_s + int(car.dice.uniform(*LOADING_S))
        if (ready_s + self.day_second) % DAY_S < LAST_ROUND_S:
            return ready_s
        return car.now_s + int((self.first_round_s[i] - car.now_s - self.day_second) % DAY_S)

"""`ride_hailing`: fares back to back for a shift; fast charging between fares when the battery runs low."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..language.fields import Stop, optional
from ..roads import PlaceKind
from .base import DAY_S, Agenda, Outing, agenda
from .spec import AgendaSpec, clock

if TYPE_CHECKING:
    from ..car import Car
    from ..draws import Dice, Draws

__all__ = ["RideHailing", "RideHailingAgenda"]

#: Two kinds of drivers: the share of those who begin in the morning, and when (mean, standard deviation) both begin.
EARLY_SHARE = 0.8
EARLY_S, LATE_S = (5.75 * 3600.0, 3600.0), (16.5 * 3600.0, 4500.0)

#: A fare gets in, s; the platform finds the next one after an exponential time, s.
BOARDING_S = (20, 60)
NEXT_FARE_S = 150.0

#: Of those on duty at the start, so many serve a fare at once, and so many are charging besides the low ones: a taxi
#: that drives 250 km a shift spends about an hour of its ten at chargers or on the way there.
SERVING, CHARGING = 0.8, 0.1

#: In place of a shift's end.
OFF_DUTY = -1

#: A fare is picked up at the nearest of so many random places.
CALLS = 4

WHERE_PEOPLE_ARE = (PlaceKind.HOME, PlaceKind.WORK, PlaceKind.SHOPS, PlaceKind.STATION)


class RideHailingAgenda(AgendaSpec):
    """Fares back to back for a shift, from where the last passenger got out; fast charging between fares."""

    kind = "ride_hailing"
    seeks_stations = True
    story = (
        f"{EARLY_SHARE * 100:g} % of the drivers begin at about {clock(EARLY_S[0])} local time, the rest at about "
        f"{clock(LATE_S[0])}; each keeps to a time of his own. A passenger is picked up at the nearest of {CALLS} "
        f"random places and gets out at another; the next one calls after {NEXT_FARE_S:g} s on average. Below "
        "`charge_below` the car goes to a public station between two fares. After the shift it stands at home and does "
        "not charge."
    )

    shift_s: Stop = optional("10 h", "Length of a driver's shift.", alias="shift")


@agenda
class RideHailing(Agenda):
    """An outing is one fare: to the passenger, with the passenger; the wait for the next one is sleep."""

    language = RideHailingAgenda
    spec: RideHailingAgenda

    def settle(self, draws: Draws, shared: Dice) -> None:
        del shared
        self.home = self.pick(draws, "home", PlaceKind.HOME)
        self._places: list[int] = self.town.graph.places(*WHERE_PEOPLE_ARE).tolist()
        early = draws.shares("early") < EARLY_SHARE
        mean_s, sd_s = np.where(early, EARLY_S[0], LATE_S[0]), np.where(early, EARLY_S[1], LATE_S[1])
        #: Local time of day at which each driver's shift begins.
        self.begins_s = draws.normal("shift", mean_s, sd_s) % DAY_S
        into_shift_s = (self.day_second - self.begins_s) % DAY_S
        on_duty = into_shift_s < self.spec.shift_s
        #: Second since the scenario's start at which the present shift ends.
        self.shift_ends_s = np.where(on_duty, self.spec.shift_s - into_shift_s, OFF_DUTY).astype(np.int32)
        soc = self.displayed_soc()

        below = soc < self.spec.charge_below
        charging = on_duty & (below | (soc < self.spec.charge_to) & (draws.shares("charging") < CHARGING))
        #: Whether the next outing begins at a charger.
        self.charges_first = charging
        nodes = np.where(on_duty, self.pick(draws, "place", *WHERE_PEOPLE_ARE), self.home)
        _, stations = self.town.chargers.having("dc", self.rows.start)
        if stations:
            nodes[charging] = draws.choice("station", [station.node for station in stations])[charging]
        idle = draws.shares("serving") >= SERVING
        wake_s = np.where(idle, draws.exponential("next fare", NEXT_FARE_S), 0.0)
        wake_s[charging] = 0.0
        self.stand(nodes.astype(np.int16), np.where(on_duty, wake_s, DAY_S - into_shift_s))

    def outing(self, car: Car) -> Outing:
        """One fare; the way home where the shift is over."""
        i = self.index(car)
        if self.shift_ends_s[i] == OFF_DUTY:
            self.shift_ends_s[i] = car.now_s + round(self.spec.shift_s)
        if self.charges_first[i] or car.state_of_charge < self.spec.charge_below:
            self.charges_first[i] = False
            yield from car.charge_at_station(until=self.spec.charge_to)
        if car.now_s < self.shift_ends_s[i]:
            yield from car.drive(to=self._pickup(car))
            yield from car.wait(car.dice.uniform(*BOARDING_S))
            yield from car.drive(to=car.dice.choice(self._places))
            return car.now_s + 1 + int(car.dice.exponential(NEXT_FARE_S))
        yield from car.drive(to=int(self.home[i]))
        self.shift_ends_s[i] = OFF_DUTY
        return car.now_s + int((self.begins_s[i] - car.now_s - self.day_second) % DAY_S)

    def _pickup(self, car: Car) -> int:
        """Where the next passenger waits: the nearest of some calls."""
        seconds = self.town.book.seconds(car.place)
        return min([car.dice.choice(self._places) for _ in range(CALLS)], key=seconds.__getitem__)

"""The verbs of an agenda: what one vehicle can do on an outing. Each is a SimPy generator, used with `yield from`."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any

from jinqiao.vehicles.modes import ChargingState, VehicleState

from .microtrips import Leg, joined
from .routes import Route
from .session import HANDSHAKE_S, SessionEvent
from .stations import ChargerKind

if TYPE_CHECKING:
    import simpy

    from .draws import Dice
    from .town import Town

__all__ = ["CONDITIONING_S", "Acting", "Car"]

Acting = Generator["simpy.Event", Any, None]

#: Energy for a trip is planned with this margin over the expected consumption: cold, wind, a heavy foot.
PLANNING_MARGIN = 1.25
#: State of charge a driver wants to have left on arrival, and the one at which he gives up wherever he is.
WANTED_ON_ARRIVAL, GIVES_UP = 0.05, 0.02
#: No drive cycle takes as much as this leaves over, in any car and weather: nobody need look before its end.
LASTS_A_CYCLE = 0.5
#: A driver who has to charge for a trip charges to this.
ENOUGH = 0.8
#: A charging van comes to those without a station in reach: DC power, and the state of charge it helps to.
VAN_KW, VAN_HELPS_TO = 40.0, 0.3
#: A car that the van cannot charge stands so long before somebody tries again, s (estimate).
TOWED_S = 15 * 60
#: From the end of charging to the free connector: the driver comes back, pays, unplugs, s.
COMES_BACK_S = (40, 240)
#: A car on a charger at home makes itself comfortable this long before the driver leaves, s, when it is not mild
#: outside, degC (makers' apps offer 10 to 30 minutes).
CONDITIONING_S = 15 * 60
MILD_DEGC = (10.0, 27.0)


class Car:
    """One vehicle on one outing: nothing but the town, a row number and its dice."""

    __slots__ = ("dice", "row", "town")

    def __init__(self, town: Town, row: int, dice: Dice) -> None:
        self.town = town
        self.row = row
        self.dice = dice

    @property
    def now_s(self) -> int:
        """Seconds since the scenario's start."""
        return self.town.clock.second

    @property
    def place(self) -> int:
        """The node where the car stands, or where its route began."""
        return int(self.town.node[self.row])

    @property
    def state_of_charge(self) -> float:
        return self.town.state_of_charge(self.row)

    def can_reach(self, node: int) -> bool:
        """Whether the battery is expected to suffice for the way to `node`, with a margin."""
        town = self.town
        needed = town.state_of_charge_for(self.row, float(town.book.metres(self.place)[node]))
        return self.state_of_charge >= needed * PLANNING_MARGIN + WANTED_ON_ARRIVAL

    def wait(self, seconds: float) -> Acting:
        """Stand for a while, with the driver in or near the car."""
        yield self.town.clock.timeout(max(1, round(seconds)))

    def drive(self, to: int) -> Acting:
        """Drive to a node; charge first where the battery would not suffice."""
        if self.place != to and not self.can_reach(to):
            yield from self.charge_at_station(until=ENOUGH)
        if self.place != to:
            yield from self._follow_route(self.town.book.route(self.place, to))

    def follow_cycle(self, legs: tuple[Leg, ...], since_s: int = 0) -> Acting:
        """Drive these legs as they are, on a closed tour: on the one the car is on, else from where it stands.

        `since_s` seconds of the first leg are over already: the car begins at speed.
        """
        town, row = self.town, self.row
        yield from self._installed()
        yield from self._fit()
        before = self._depart()
        if not town.movement.on_tour(row):
            town.movement.begin_route(row, town.book.tour(self.place))
        first = legs[0]
        to_drive = (first._replace(start=first.start + since_s, seconds=first.seconds - since_s), *legs[1:])
        for leg in joined(to_drive) if self.state_of_charge > LASTS_A_CYCLE else to_drive:
            if self.state_of_charge < GIVES_UP or town.diagnosis.is_unfit(row):
                break
            town.movement.begin_leg(row, leg, at_speed=since_s > 0)
            since_s = 0
            yield town.clock.timeout(leg.seconds)
        self._arrive(self.place, before)

    def charge_at_station(self, until: float, kind: ChargerKind = "dc") -> Acting:
        """Drive to the station where charging ends soonest, queue, charge, make room; a van where there is none."""
        town, row = self.town, self.row
        found = town.chargers.soonest(town.book, row, self.place, kind)
        if found is None or not self.can_reach(found[0].node):
            yield from self._charge_from_van(until if found is None else VAN_HELPS_TO)
        if found is None:
            return
        station, kind = found
        if station.node != self.place:
            yield from self._follow_route(town.book.route(self.place, station.node))
        request = station.queues[kind].get()
        if not request.triggered:
            town.set_state(row, VehicleState.QUEUEING)
            town.tally.waits(row, self.now_s)
            connector = yield request
            town.tally.served(row, self.now_s)
        else:
            connector = yield request
        station.took(kind, connector, row)
        works = partial(station.works, kind, connector)
        yield from self._charge(kind, station.site, connector.power_kw, until, None, own=False, works=works)
        yield from self.wait(self.dice.uniform(*COMES_BACK_S))
        town.sessions.unplug(row)
        free = station.give_back(kind, connector)
        if free is not None:
            yield free
        elif self.state_of_charge < until:  # out of order: elsewhere, or in the queue
            yield from self.charge_at_station(until, kind)

    def charge_here(self, power_kw: float, until: float, kind: ChargerKind = "dc", by_s: float | None = None) -> Acting:
        """Charge at a charger of one's own, until `until` or the second `by_s`; the cable stays in until departure."""
        if self.state_of_charge < until and (by_s is None or by_s > self.now_s + 2 * HANDSHAKE_S):
            yield from self._charge(kind, 0, power_kw, until, by_s, own=True)

    def _charge_from_van(self, until: float) -> Acting:
        if self.state_of_charge < until:
            self.town.tally.rescues[self.row] += 1
            yield from self._charge("dc", 0, VAN_KW, until, None, own=False)
            if self.town.fleet.charging_state[self.row] == ChargingState.FAULT:
                yield from self.wait(TOWED_S)

    @property
    def plugged_in(self) -> bool:
        return bool(self.town.fleet.plug_state[self.row])

    def get_ready(self, until_s: float) -> Acting:
        """Wait on the charger for departure, with the cabin made comfortable from there if it is not mild outside."""
        if self.plugged_in and until_s > self.now_s:
            self._condition_cabin()
            yield self.town.clock.timeout(until_s - self.now_s)

    def _condition_cabin(self) -> None:
        low, high = MILD_DEGC
        if not low <= self.town.ambient_degc <= high:
            self.town.condition_cabin(self.row)

    def _follow_route(self, route: Route) -> Acting:
        """Leg by leg to the route's end; where the battery gives up, the van comes to the roadside."""
        town, row, movement = self.town, self.row, self.town.movement
        yield from self._installed()
        yield from self._fit()
        before = self._depart()
        movement.begin_route(row, route)
        while remaining_m := movement.remaining_m(row):
            empty = self.state_of_charge < GIVES_UP
            if empty or town.diagnosis.is_unfit(row):
                self._arrive(self.place, before)
                if empty:
                    yield from self._charge_from_van(VAN_HELPS_TO)
                yield from self._fit()
                before = self._depart()
            road_class, stretch_m = movement.road_ahead(row)
            leg = town.microtrips.next_leg(remaining_m, stretch_m, road_class, self.dice)
            movement.begin_leg(row, leg)
            yield town.clock.timeout(leg.seconds)
        self._arrive(town.book.node_behind(route.last + 1), before)

    def _depart(self) -> tuple[int, float, float, float]:
        """Begin a trip; returns what the counters stood at."""
        self.town.depart(self.row)
        return self._counters()

    def _counters(self) -> tuple[int, float, float, float]:
        fleet, row = self.town.fleet, self.row
        return (
            self.now_s,
            float(fleet.odometer_m[row]) / 1000.0,
            float(fleet.energy_discharged_kwh[row]),
            float(fleet.energy_regenerated_kwh[row]),
        )

    def _arrive(self, node: int, before: tuple[int, float, float, float]) -> None:
        """End a trip, and report what it took."""
        seconds, km, discharged, regenerated = (b - a for a, b in zip(before, self._counters(), strict=True))
        self.town.arrive(self.row, node)
        self.town.announce(
            self.row,
            "TripFinished",
            DistanceKm=round(km, 3),
            DurationS=int(seconds),
            EnergyKwh=round(discharged - regenerated, 3),
            RegeneratedKwh=round(regenerated, 3),
        )

    def _charge(
        self,
        kind: ChargerKind,
        site: int,
        power_kw: float,
        until: float,
        by_s: float | None,
        *,
        own: bool,
        works: Callable[[], bool] = lambda: True,
    ) -> Acting:
        """One session from plug to last current; `works` says whether the charger does."""
        town, row = self.town, self.row
        yield from self._installed()
        town.sessions.plug_in(row, kind, site, power_kw, until, own=own)
        yield town.clock.timeout(HANDSHAKE_S)
        if not works():
            town.sessions.refuse(row, SessionEvent.CHARGER_FAILED)
            return
        if town.diagnosis.refuses_charge(row):
            town.sessions.refuse(row, SessionEvent.STOPPED_BY_BMS)
            return
        ended = town.sessions.begin(row, waited_for=by_s is None)
        if by_s is None:
            yield ended
        else:
            comfort_s = round(by_s - CONDITIONING_S - self.now_s)
            if comfort_s > 0:
                yield ended | town.clock.timeout(comfort_s)
            if not ended.triggered:
                self._condition_cabin()
                yield ended | town.clock.timeout(max(1, round(by_s - self.now_s)))
        town.sessions.finish(row, town.sessions.reason(ended))

    def _fit(self) -> Acting:
        """Wait until what keeps the car from driving has been repaired."""
        while self.town.diagnosis.is_unfit(self.row):
            yield self.town.diagnosis.fit_again(self.row)

    def _installed(self) -> Acting:
        """Wait until a software installation that is under way has ended."""
        installed = self.town.software.installing.get(self.row)
        if installed is not None:
            yield installed

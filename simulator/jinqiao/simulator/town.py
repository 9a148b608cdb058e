"""The town the fleet lives in: what an outing acts upon, and what every vehicle is doing.

SimPy decides one vehicle at a time, the fleet computes all at once. Between the two stand the lists of this module:
decisions of a second are collected and handed to the fleet's arrays together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import simpy
from numpy.typing import NDArray

from jinqiao.base.telemetry import Event
from jinqiao.vehicles.battery import Pack
from jinqiao.vehicles.bms import MOST_ERROR, shown_of
from jinqiao.vehicles.modes import ChargingState, Plug, VehicleState

from .clock import NEVER, Clock
from .microtrips import microtrips
from .movement import Movement
from .roads import jinqiao
from .routes import RouteBook
from .session import SessionEvent, follow
from .stations import ChargerKind, Chargers

if TYPE_CHECKING:
    from jinqiao.vehicles.fleet import Fleet

    from .scenario import Scenario

__all__ = ["CHARGING", "DAY_S", "RESTING", "ROLLING", "Town"]

Rows = NDArray[np.intp]

PLUG = {"ac": Plug.AC, "dc": Plug.DC}

#: Lamps are lit from dusk to dawn; local time of day, s (Shanghai, late autumn).
DAWN_S, DUSK_S = 6.5 * 3600.0, 17.0 * 3600.0
DAY_S = 86_400
#: After an arrival a car reports again when the driver's door is open, and when he has gone, s.
GETTING_OUT_S = (6, 16)

#: Which physics a vehicle needs: none until somebody looks, a driving second, or a charging second.
RESTING, ROLLING, CHARGING = 0, 1, 2


class Town:
    """Clock, roads, fleet, chargers, and per vehicle: where it stood last, what it does, when it wakes.

    `node` int16, `mode` uint8, `wake_s` and `rested_s` int32, all shape (n,); `rested_s` is the second up to which a
    resting vehicle has been computed.
    """

    def __init__(self, scenario: Scenario, fleet: Fleet) -> None:
        self.clock = Clock()
        self.fleet = fleet
        self.graph = jinqiao()
        self.book = RouteBook(self.graph)
        self.microtrips = microtrips()
        self.movement = Movement(fleet, self.book, self.microtrips.trace_mps)
        self.chargers = Chargers(self.clock, scenario.charging_stations, self.graph, fleet.n)
        self.start_ms = scenario.start_ms
        self.ambient_at = scenario.weather.ambient_at
        #: Local time of day at the start, s.
        self.day_second = scenario.start_second_of_day
        self._net_kwh = [model.battery.net_kwh for model in fleet.models]
        pack = Pack.of(fleet.models)
        self._zero_soc: list[float] = pack.low_soc.tolist()
        self._span_soc: list[float] = pack.span_soc.tolist()
        self._most_error: list[float] = MOST_ERROR.take(pack.chemistry).tolist()
        self.node = np.zeros(fleet.n, dtype=np.int16)
        self.mode = np.zeros(fleet.n, dtype=np.uint8)
        self.wake_s = np.full(fleet.n, NEVER, dtype=np.int32)
        self.rested_s = np.zeros(fleet.n, dtype=np.int32)
        self.events: list[Event] = []
        #: Vehicles whose state changed in this second: they report at its end.
        self.changed: list[int] = []
        self._stirred: list[int] = []
        self._departed: list[int] = []
        self._conditioned: list[int] = []
        self._plugged: dict[int, list[int]] = {Plug.AC: [], Plug.DC: []}
        self._unplugged: list[int] = []
        self._limit_reached: dict[int, simpy.Event] = {}

    @property
    def ambient_degc(self) -> float:
        return self.ambient_at(self.clock.second)

    @property
    def second_of_day(self) -> float:
        """Local time of day, s since midnight."""
        return (self.day_second + self.clock.second) % DAY_S

    def state_of_charge(self, row: int) -> float:
        """What one driver reads on the display, 0 … 1; `Fleet.displayed_soc` for one row, without arrays."""
        model = int(self.fleet.model_of[row])
        right = (float(self.fleet.soc[row]) - self._zero_soc[model]) / self._span_soc[model]
        return shown_of(self.fleet, row, right, self._most_error[model])

    def state_of_charge_for(self, row: int, metres: float) -> float:
        """The part of a full display that one car is expected to use on a way."""
        kwh = metres / 1000.0 * self.fleet.expected_kwh_per_km(row)
        return kwh / self._net_kwh[int(self.fleet.model_of[row])]

    def announce(self, row: int, identifier: str, **output: int | float | str) -> None:
        """An event of the thing model, at the present second."""
        self.events.append(Event(self.start_ms + self.clock.second * 1000, row, identifier, output))

    # What one vehicle does; the fleet hears of it in `hand_over`.

    def set_state(self, row: int, state: VehicleState) -> None:
        self.fleet.vehicle_state[row] = int(state)  # a plain int: NumPy examines an enumeration at length
        self.changed.append(row)

    def depart(self, row: int) -> None:
        """A trip begins."""
        if self.fleet.charging_state[row] == ChargingState.FINISHED:
            self.unplug(row)
        self.set_state(row, VehicleState.DRIVING)
        self.mode[row] = ROLLING
        self._stirred.append(row)
        self._departed.append(row)

    def arrive(self, row: int, node: int) -> None:
        """A trip is over; `node` is where the next route begins, and the driver gets out."""
        self.node[row] = node
        self.set_state(row, VehicleState.PARKED)
        self._rest(row)
        for seconds in GETTING_OUT_S:
            self.clock.timeout(seconds).callbacks.append(lambda _: self.changed.append(row))

    def condition_cabin(self, row: int) -> None:
        """Somebody asks for a comfortable cabin from afar."""
        self.changed.append(row)
        if self.mode[row] == RESTING:  # who charges has no rest to catch up with
            self._stirred.append(row)
        self._conditioned.append(row)

    def plug_in(self, row: int, kind: ChargerKind, site: int, power_kw: float, limit: float) -> None:
        """A cable goes in, and the car and the charger begin to talk; charging will end at `limit` (0 … 1)."""
        self.session(row, SessionEvent.PLUGGED_IN)
        self.chargers.plug(row, site, power_kw)
        self.fleet.charge_limit[row] = round(limit * 100.0)
        self.set_state(row, VehicleState.CHARGING)
        self._stirred.append(row)
        self._plugged[PLUG[kind]].append(row)

    def begin_charging(self, row: int) -> simpy.Event:
        """Power flows; the event that is returned happens when the car has reached its limit."""
        self.session(row, SessionEvent.PARAMETERS_AGREED)
        self.changed.append(row)
        self.mode[row] = CHARGING
        self._stirred.append(row)
        reached = self._limit_reached[row] = self.clock.event()
        return reached

    def end_charging(self, row: int, reason: SessionEvent) -> None:
        """No more power; the cable stays in."""
        self._limit_reached.pop(row, None)
        self.session(row, reason)
        self.set_state(row, VehicleState.PARKED)
        self._rest(row)

    def unplug(self, row: int) -> None:
        self.session(row, SessionEvent.UNPLUGGED)
        self.changed.append(row)
        self._stirred.append(row)
        self._unplugged.append(row)

    def session(self, row: int, event: SessionEvent) -> None:
        """Move the charging session of a vehicle along its table."""
        self.fleet.charging_state[row] = int(follow(int(self.fleet.charging_state[row]), event))

    def _rest(self, row: int) -> None:
        if self.mode[row] != RESTING:
            self.mode[row] = RESTING
            self.rested_s[row] = self.clock.second

    # What happens to many vehicles at once.

    def hand_over(self) -> None:
        """Give this second's decisions to the fleet: first the rest that went before, then cables, then departures."""
        fleet = self.fleet
        if self._stirred:
            self.catch_up(_rows(self._stirred))
        if self._unplugged:
            fleet.end_charge(_rows(self._unplugged))
        for kind, plugged in self._plugged.items():
            if plugged:
                fleet.begin_charge(_rows(plugged), np.uint8(kind))
                plugged.clear()
        if self._conditioned:
            fleet.climate_on[_rows(self._conditioned)] = 1
        if self._departed:
            fleet.begin_trip(_rows(self._departed))
        for done in (self._stirred, self._unplugged, self._conditioned, self._departed):
            done.clear()

    def catch_up(self, rows: Rows) -> None:
        """Compute what vehicles did while nobody looked, up to now: rest, also where that has just ended."""
        now = self.clock.second
        rested_s = now - self.rested_s[rows]
        late = rested_s > 0
        if late.any():
            rows = rows[late]
            self.fleet.rest(rows, rested_s[late], self.ambient_degc)
            self.rested_s[rows] = now

    def step(self) -> None:
        """The physics of the second that begins now, for all who are awake."""
        ambient_degc = self.ambient_degc
        self.fleet.dark = not DAWN_S <= self.second_of_day < DUSK_S
        rolling = np.flatnonzero(self.mode == ROLLING)
        if len(rolling):
            self.movement.step(rolling, ambient_degc)
        charging = np.flatnonzero(self.mode == CHARGING)
        if len(charging):
            offered_kw = self.chargers.share_kw(charging, self.fleet.acceptable_kw(charging))
            self.fleet.charge(charging, offered_kw, ambient_degc)

    def tell_who_is_full(self) -> None:
        """Trigger the events of the charging vehicles that have reached their limit; a loop over those few only."""
        charging = np.flatnonzero(self.mode == CHARGING)
        if len(charging):
            for row in charging[self.fleet.at_charge_limit(charging)].tolist():
                reached = self._limit_reached.pop(row, None)
                if reached is not None:
                    reached.succeed()


def _rows(rows: list[int]) -> Rows:
    return np.unique(np.array(rows, dtype=np.intp))

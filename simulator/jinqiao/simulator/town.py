"""The town the fleet lives in: what an outing acts upon, and what every vehicle is doing.

SimPy decides one vehicle at a time, the fleet computes all at once. Between the two stand the lists of this module:
decisions of a second are collected and handed to the fleet's arrays together.

Where a scenario runs in several towns, this is all of them: one clock, one road graph, one fleet. What keeps them apart
are the stations, of which a driver knows those of his own town only, and the place to which positions are carried.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Event
from jinqiao.vehicles.battery import Pack
from jinqiao.vehicles.bms import MOST_ERROR, shown_of
from jinqiao.vehicles.modes import ChargingState, Plug, VehicleState

from .activity import CHARGING, RESTING, ROLLING
from .cities import Carrier
from .clock import NEVER, Clock
from .diagnosis import Diagnosis
from .dtc import DtcStatus, DtcStore
from .microtrips import microtrips
from .movement import Movement
from .roads import jinqiao
from .routes import RouteBook
from .sessions import Sessions
from .software import Software
from .stations import Chargers
from .tally import Tally

if TYPE_CHECKING:
    from jinqiao.vehicles.fleet import Fleet

    from .census import TownRows
    from .scenario import Scenario

__all__ = ["CHARGING", "DAY_S", "RESTING", "ROLLING", "Town"]

Rows = NDArray[np.intp]

#: Lamps are lit from dusk to dawn; local time of day, s (Shanghai, late autumn).
DAWN_S, DUSK_S = 6.5 * 3600.0, 17.0 * 3600.0
DAY_S = 86_400
#: After an arrival a car reports again when the driver's door is open, and when he has gone, s.
GETTING_OUT_S = (6, 16)


class Town:
    """Clock, roads, fleet, chargers, and per vehicle: where it stood last, what it does, when it wakes.

    `node` int16, `mode` uint8, `wake_s` and `rested_s` int32, all shape (n,); `rested_s` is the second up to which a
    resting vehicle has been computed.
    """

    def __init__(self, scenario: Scenario, fleet: Fleet, towns: Sequence[TownRows]) -> None:
        self.clock = Clock()
        self.fleet = fleet
        self.graph = jinqiao()
        self.book = RouteBook(self.graph)
        self.microtrips = microtrips()
        self.movement = Movement(fleet, self.book, self.microtrips.trace_mps, _carrier(towns))
        self.chargers = Chargers(self.clock, scenario.charging_stations, self.graph, towns)
        self.start_ms = scenario.start_ms
        self.ambient_at = scenario.weather.ambient_at
        self._weather = NEVER, 0.0
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
        #: Seconds since the start that stand on the report of what happens now: the end of a second that is under way.
        self.report_s = 0
        #: Vehicles whose state changed in this second: they report at its end.
        self.changed: list[int] = []
        self._stirred: list[int] = []
        self._departed: list[int] = []
        self._conditioned: list[int] = []
        self._plugged: dict[int, list[int]] = {Plug.AC: [], Plug.DC: []}
        self._unplugged: list[int] = []
        self.tally = Tally(fleet)
        self.sessions = Sessions(self)
        self.software = Software(self.clock)
        self.dtcs = DtcStore(fleet.dtc_count)
        self.diagnosis = Diagnosis(self)
        #: Until which second a command keeps something on: cabins conditioned, lamps flashing.
        self.conditioned_until: dict[int, int] = {}
        self.flashing_until: dict[int, int] = {}

    @property
    def ambient_degc(self) -> float:
        second = self.clock.second
        if self._weather[0] != second:
            self._weather = second, self.ambient_at(second)
        return self._weather[1]

    @property
    def report_ms(self) -> int:
        """`report_s` as simulated UTC, ms."""
        return self.start_ms + self.report_s * 1000

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
        """An event of the thing model, dated as the first sample that shows what it is about."""
        self.events.append(Event(self.report_ms, row, identifier, output))

    # What one vehicle does; the fleet hears of it in `hand_over`.

    def set_state(self, row: int, state: VehicleState) -> None:
        self.fleet.vehicle_state[row] = int(state)  # a plain int: NumPy examines an enumeration at length
        self.changed.append(row)

    def depart(self, row: int) -> None:
        """A trip begins."""
        if self.fleet.charging_state[row] != ChargingState.IDLE:
            self.sessions.unplug(row)
        self.set_state(row, VehicleState.DRIVING)
        self.mode[row] = ROLLING
        self._stirred.append(row)
        self._departed.append(row)

    def arrive(self, row: int, node: int) -> None:
        """A trip is over; `node` is where the next route begins, and the driver gets out."""
        self.node[row] = node
        self.set_state(row, VehicleState.PARKED)
        self.begin_rest(row)
        for seconds in GETTING_OUT_S:
            self.clock.timeout(seconds).callbacks.append(lambda _: self.changed.append(row))

    def condition_cabin(self, row: int) -> None:
        """Somebody asks for a comfortable cabin from afar."""
        self.changed.append(row)
        self.conditioned_until.pop(row, None)
        if self.mode[row] == RESTING:  # who charges has no rest to catch up with
            self._stirred.append(row)
        self._conditioned.append(row)

    def plug_cable(self, row: int, plug: Plug) -> None:
        self._stirred.append(row)
        self._plugged[plug].append(row)

    def pull_cable(self, row: int) -> None:
        self._stirred.append(row)
        self._unplugged.append(row)

    def begin_charging(self, row: int) -> None:
        self.mode[row] = CHARGING
        self._stirred.append(row)

    def begin_rest(self, row: int) -> None:
        if self.mode[row] != RESTING:
            self.mode[row] = RESTING
            self.rested_s[row] = self.clock.second

    def look_after(self, row: int) -> None:
        """Compute one vehicle's rest up to now, before something about it changes from afar."""
        if self.mode[row] == RESTING and self.rested_s[row] < self.clock.second:
            self.catch_up(np.array([row]))

    def stood_s(self, row: int) -> float:
        """How long one vehicle has stood since its last trip, s, the rest that is yet to be computed included."""
        resting_s = self.clock.second - int(self.rested_s[row]) if self.mode[row] == RESTING else 0
        return float(self.fleet.stood_s[row]) + resting_s

    def store_dtc(self, row: int, code: str, status: DtcStatus = DtcStatus.CONFIRMED) -> None:
        """A control unit stores a trouble code, or changes its status; reported when it is news."""
        if self.dtcs.store(row, code, status, self.report_ms):
            self.changed.append(row)
            self.announce(row, "diagnostics:DtcReported", Code=code, Status=int(status))

    # What happens to many vehicles at once.

    def hand_over(self) -> None:
        """Give this second's decisions to the fleet: first the rest that went before, then cables, then departures."""
        fleet = self.fleet
        if self._stirred:
            self.catch_up(_rows(self._stirred))
        if self._unplugged:
            unplugged = _rows(self._unplugged)
            sessions = fleet.charging_state[unplugged]  # another cable may have gone in within this second
            fleet.end_charge(unplugged)
            fleet.charging_state[unplugged] = sessions
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

    def doing(self, mode: int) -> Rows:
        """Who needs this physics, rising."""
        rows: Rows = (self.mode == mode).nonzero()[0]
        return rows

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
        rolling = self.doing(ROLLING)
        if len(rolling):
            self.movement.step(rolling, ambient_degc)
        charging = self.doing(CHARGING)
        if len(charging):
            self.fleet.charge_sharing(charging, partial(self.chargers.share_kw, charging), ambient_degc)
        if self.fleet.damage is not None:
            self.diagnosis.second()


def _carrier(towns: Sequence[TownRows]) -> Carrier | None:
    """What takes positions from the road graph to the towns; None for Jinqiao alone, which needs nothing."""
    if [town.number for town in towns] == [0]:
        return None
    town_of = np.repeat(np.arange(len(towns)), [len(town) for town in towns])
    return Carrier([town.place for town in towns], town_of)


def _rows(rows: list[int]) -> Rows:
    return np.unique(np.array(rows, dtype=np.intp))

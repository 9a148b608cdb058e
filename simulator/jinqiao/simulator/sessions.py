"""The charging sessions of the town: from the plug to the last current, asked for by a driver or a command.

A driver's agenda says how far he charges; a limit that a user has set from afar is the car's own and outlives every
session. On a charger of one's own that limit decides alone. At a public station the driver leaves at his agenda's limit
or at the user's, whichever comes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import simpy

from jinqiao.vehicles.modes import ChargingState, Plug, VehicleState

from .activity import CHARGING
from .session import SessionEvent, follow
from .stations import ChargerKind

if TYPE_CHECKING:
    from .town import Town

__all__ = ["PATIENCE_S", "Sessions"]

PLUG = {"ac": Plug.AC, "dc": Plug.DC}

#: A driver who waits for his car looks after it when the current has stayed away this long, s, and leaves (estimate).
PATIENCE_S = 15 * 60


@dataclass(slots=True)
class Running:
    """A session between first and last current: `ended` happens with the SessionEvent that ends it."""

    ended: simpy.Event
    began_s: int
    start_soc: float
    start_kwh: float
    waited_for: bool  # a driver waits for its end
    pauses: int = 0


class Sessions:
    """Everything that happens to a cable; one vehicle at a time, the fleet hears of it with the town's `hand_over`."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._running: dict[int, Running] = {}
        #: Until where the driver of each vehicle at a public station charges, %, …
        self._driver_wants: dict[int, int] = {}
        #: … and of those the ones where the car itself would go on.
        self._driver_stops: dict[int, int] = {}

    # What a driver does.

    def plug_in(self, row: int, kind: ChargerKind, site: int, power_kw: float, until: float, *, own: bool) -> None:
        """A cable goes in, and the car and the charger begin to talk; the agenda wants `until` (0 … 1)."""
        town, fleet = self._town, self._town.fleet
        if fleet.charging_state[row] != ChargingState.IDLE:
            self.unplug(row)
        self._follow(row, SessionEvent.PLUGGED_IN)
        town.chargers.plug(row, site, power_kw)
        percent = round(until * 100.0)
        if fleet.user_limit[row]:
            fleet.charge_limit[row] = fleet.user_limit[row]
        else:
            fleet.charge_limit[row] = percent
        if not own:
            self._driver_wants[row] = percent
            self._agree(row)
        town.set_state(row, VehicleState.CHARGING)
        town.plug_cable(row, PLUG[kind])

    def begin(self, row: int, *, waited_for: bool, event: SessionEvent = SessionEvent.PARAMETERS_AGREED) -> simpy.Event:
        """Power flows; the event that is returned happens, with its SessionEvent, when charging should end."""
        town = self._town
        energy_kwh = float(town.fleet.energy_charged_kwh[row])
        session = Running(town.clock.event(), town.clock.second, town.state_of_charge(row), energy_kwh, waited_for)
        self._running[row] = session
        town.tally.session_begins(row, energy_kwh)
        self._flow(row, event)
        town.announce(row, "ChargingStarted")
        return session.ended

    def finish(self, row: int, reason: SessionEvent) -> None:
        """No more power; the cable stays in."""
        town = self._town
        session = self._running.pop(row)
        energy_kwh = float(town.fleet.energy_charged_kwh[row]) - session.start_kwh
        town.tally.session_ends(row, energy_kwh)
        self._follow(row, reason)
        town.set_state(row, VehicleState.PARKED)
        town.begin_rest(row)
        town.announce(
            row,
            "ChargingFinished",
            EnergyKwh=round(energy_kwh, 3),
            DurationS=town.clock.second - session.began_s,
            StartSoc=round(session.start_soc * 100.0, 1),
            EndSoc=round(town.state_of_charge(row) * 100.0, 1),
            StopReason=reason.value,
        )

    @staticmethod
    def reason(ended: simpy.Event) -> SessionEvent:
        """Why a session ends now: what its event says, or the driver, who leaves before it happens."""
        reason = ended.value if ended.triggered else None
        return reason if isinstance(reason, SessionEvent) else SessionEvent.STOPPED_BY_DRIVER

    def unplug(self, row: int) -> None:
        """The driver takes the cable out, and with it ends what still flows."""
        if row in self._running:
            self.finish(row, SessionEvent.STOPPED_BY_DRIVER)
        self._driver_wants.pop(row, None)
        self._driver_stops.pop(row, None)
        self._follow(row, SessionEvent.UNPLUGGED)
        self._town.changed.append(row)
        self._town.pull_cable(row)

    def fail(self, row: int) -> bool:
        """The charger breaks down: the session ends in a fault; whether there was one to end."""
        if row not in self._running:
            return False
        self._end(row, SessionEvent.CHARGER_FAILED)
        return True

    def stop(self, row: int) -> None:
        """The battery management ends a session because of what is broken in the car."""
        self._end(row, SessionEvent.STOPPED_BY_BMS)

    def refuse(self, row: int, reason: SessionEvent) -> None:
        """Car or charger find a fault before any power has flowed; the cable stays in."""
        self._follow(row, reason)
        self._town.set_state(row, VehicleState.PARKED)

    # What somebody asks from afar.

    def suspend(self, row: int) -> None:
        """A pause: no power, the cable stays in. A driver who waits for his car does so for `PATIENCE_S` at most."""
        town, session = self._town, self._running[row]
        self._follow(row, SessionEvent.SUSPENDED)
        town.set_state(row, VehicleState.PARKED)
        town.begin_rest(row)
        town.fleet.charge_power_kw[row] = town.fleet.offered_kw[row] = 0.0
        session.pauses += 1
        if session.waited_for:
            pause = session.pauses
            town.clock.timeout(PATIENCE_S).callbacks.append(lambda _: self._give_up(row, session, pause))

    def resume(self, row: int) -> None:
        """Power again: after a pause, or in a car that had finished and is still plugged in."""
        self._town.look_after(row)
        if row in self._running:
            self._flow(row, SessionEvent.RESUMED)
            return
        self._driver_stops.pop(row, None)
        ended = self.begin(row, waited_for=False, event=SessionEvent.RESUMED)
        session = self._running[row]
        assert ended.callbacks is not None
        ended.callbacks.append(lambda event: self._finish_alone(row, session, self.reason(event)))

    def set_limit(self, row: int, percent: int) -> None:
        """The user's limit, which stays: a session ends there, and one that has ended below it goes on."""
        fleet = self._town.fleet
        raised = percent > fleet.charge_limit[row]
        fleet.user_limit[row] = fleet.charge_limit[row] = percent
        self._town.changed.append(row)
        self._agree(row)
        state = fleet.charging_state[row]
        if state == ChargingState.SUSPENDED and self.at_limit(row):
            self._end(row, SessionEvent.LIMIT_REACHED)
        elif state == ChargingState.FINISHED and raised and not self.at_limit(row):
            self.resume(row)

    def at_limit(self, row: int) -> bool:
        return bool(self._town.fleet.at_charge_limit(slice(row, row + 1))[0])

    def tell_who_is_full(self) -> None:
        """Trigger the events of the charging vehicles that have reached their limit; a loop over those few only."""
        town = self._town
        charging = town.doing(CHARGING)
        if len(charging):
            for row in charging[town.fleet.at_charge_limit(charging)].tolist():
                self._end(row, SessionEvent.LIMIT_REACHED)
        for row, percent in self._driver_stops.items():
            if town.mode[row] == CHARGING and town.state_of_charge(row) * 100.0 >= percent:
                self._end(row, SessionEvent.STOPPED_BY_DRIVER)

    def _end(self, row: int, reason: SessionEvent) -> None:
        session = self._running.get(row)
        if session is not None and not session.ended.triggered:
            session.ended.succeed(reason)

    def _give_up(self, row: int, session: Running, pause: int) -> None:
        still = self._running.get(row) is session and session.pauses == pause
        if still and self._town.fleet.charging_state[row] == ChargingState.SUSPENDED:
            self._end(row, SessionEvent.STOPPED_BY_DRIVER)

    def _finish_alone(self, row: int, session: Running, reason: SessionEvent) -> None:
        if self._running.get(row) is session:
            self.finish(row, reason)

    def _agree(self, row: int) -> None:
        """Whether the driver at a station stops before the car does."""
        wanted = self._driver_wants.get(row)
        if wanted is not None and wanted < self._town.fleet.user_limit[row]:
            self._driver_stops[row] = wanted
        else:
            self._driver_stops.pop(row, None)

    def _flow(self, row: int, event: SessionEvent) -> None:
        self._follow(row, event)
        self._town.set_state(row, VehicleState.CHARGING)
        self._town.begin_charging(row)

    def _follow(self, row: int, event: SessionEvent) -> None:
        """Move the charging session of a vehicle along its table."""
        self._town.fleet.charging_state[row] = int(follow(int(self._town.fleet.charging_state[row]), event))

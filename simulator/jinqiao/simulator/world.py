"""The world: all fleets of a scenario, second by second.

Outside SimPy ticks one second: first SimPy runs what is due (somebody departs, arrives, plugs in, is full), then one
vectorised step moves and charges everybody who is awake, then those who are due report. Sleeping vehicles take part in
none of it; what they did meanwhile is computed when somebody looks.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import BodyError
from jinqiao.base.keyed import FleetPart
from jinqiao.base.signals import GROUPS
from jinqiao.base.telemetry import Batch, Command, Event, Label, Outcome, Step
from jinqiao.vehicles.catalogue import find_vehicle
from jinqiao.vehicles.fleet import Fleet
from jinqiao.vehicles.modes import VehicleState

from .activity import RESTING
from .agendas import AGENDAS, Agenda
from .areas import Areas
from .buses import Buses, Diagnostics
from .car import Car
from .census import census, rows_together, share_out
from .clock import NEVER
from .commands.climate import LEAST_SOC
from .commands.execute import execute
from .commands.refusals import Refusal
from .coverage import Coverage
from .draws import Draws, VehicleDraws
from .dtc import Dtc, DtcStatus
from .faults.injector import FaultInjector
from .faults.log import LabelLog
from .messages import MessageFaultState
from .outside import MOST_ACTIVE, Injected, command_of, fault_of
from .reported import Altered, Reported, reported_batches, reported_step
from .reports import Reports
from .scenario.named import refuse_unknown
from .scheduled_commands import Given, ScheduledCommands
from .tally import FleetFigures
from .town import Town
from .waiting import waiting_steps

if TYPE_CHECKING:
    from .agendas import Outing
    from .scenario import Scenario
    from .scenario.fleet import FleetSpec

__all__ = ["World"]

#: What a vehicle of this world can be doing.
STATES = (VehicleState.PARKED, VehicleState.DRIVING, VehicleState.CHARGING, VehicleState.QUEUEING)

#: Steps of an update that belong to the installation: "upgrade failed" and "flashing failed".
INSTALLATION_FAILS = (-1, -4)


class World:
    """A scenario that runs.

    `fleets` lists (name, rows, specification), town by town; `towns` are the rows of each town; `town` is where they
    live, `buses` their CAN, `diagnostics` what answers testers there; `time_ms` is simulated UTC, `elapsed_s` the
    seconds since the start. There are `towns` of them, by default as many as the scenario says, or those with the
    numbers `only`; `vehicles` rescales the fleets' counts to that total over all towns. The same scenario, `seed`,
    `vehicles` and `towns` give the same steps, bit for bit; what each vehicle draws is a matter of `draws`. Raises
    InputError where so many vehicles cannot live in so many towns, and ScenarioError where the scenario names a vehicle
    that there is not.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        seed: int,
        vehicles: int | None = None,
        towns: int | None = None,
        only: Sequence[int] | None = None,
    ) -> None:
        self.scenario = scenario
        self.towns = census(scenario.fleets, vehicles, scenario.towns if towns is None else towns, only)
        self.fleets: list[tuple[str, slice, FleetSpec]] = [
            (spec.name, town.fleets[spec.name], spec) for town in self.towns for spec in scenario.fleets
        ]
        #: The same for each fleet of the scenario, its vehicles in all towns together.
        self._whole = [
            (rows_together([town.fleets[spec.name] for town in self.towns]), spec) for spec in scenario.fleets
        ]
        parts = [
            FleetPart(name, rows.stop - rows.start, town.number)
            for town in self.towns
            for name, rows in town.fleets.items()
        ]
        self.draws = VehicleDraws(seed, parts)
        everyone = self.draws.of(slice(None))
        self.fleet = self._build_fleet(seed, parts, everyone)
        if only is None:
            refuse_unknown(scenario, self.fleet.vins)
        self.town = Town(scenario, self.fleet, self.towns)
        self._agendas: list[Agenda] = []
        for number, (_, rows, spec) in enumerate(self.fleets):
            agenda = AGENDAS[spec.agenda.kind](self.town, rows, spec.agenda)
            agenda.settle(everyone.take(rows), self.draws.of_fleet(number, "agenda"))
            self._agendas.append(agenda)
        self._first_rows = np.array([rows.start for _, rows, _ in self.fleets])
        self._reports = Reports(self.town, [(rows, spec.telemetry) for rows, spec in self._whole], everyone)
        self._commands = ScheduledCommands(self.town, scenario.commands, self.towns, self.draws, seed)
        self.buses = Buses(self.fleet, [(rows, spec.telemetry.can) for _, rows, spec in self.fleets], scenario.start_ms)
        self.diagnostics = Diagnostics(self)
        self.messages = MessageFaultState(self.fleet.n)
        self.coverage = Coverage(self.fleet.n)
        self.reported = Reported(
            self.fleet.n,
            self.draws,
            lambda rows, signal: self._reports.glance(rows, signal, self.town.clock.second),
            lambda: self.town.clock.second,
            scenario.start_ms,
        )
        specs = (*scenario.faults, *scenario.outages)
        self.faults = FaultInjector(self, specs, seed, self.towns, scenario.start_ms)
        self._areas = Areas(self, scenario.network, seed)
        self._triggers = waiting_steps(self, self._commands)
        self.elapsed_s = 0
        #: Commands from outside.
        self._asked = 0
        # Outings that begin with the scenario are planned here, so that the first second is as quick as any other.
        with _no_collection():
            self._reports.begin(self._decide(0))

    @property
    def time_ms(self) -> int:
        """Simulated UTC, ms since 1970."""
        return self.town.start_ms + self.elapsed_s * 1000

    @property
    def town_rows(self) -> list[slice]:
        """The rows of each town, one behind the other."""
        return [town.rows for town in self.towns]

    @property
    def town_names(self) -> list[str]:
        """What the towns are called, in the order of their rows."""
        return [town.place.name for town in self.towns]

    def counts(self) -> dict[str, int]:
        """How many vehicles are parked, driving, charging, queueing now."""
        numbers = np.bincount(self.fleet.vehicle_state, minlength=len(VehicleState)).tolist()
        return {state.name.lower(): numbers[state] for state in STATES}

    def surroundings(self, rows: NDArray[np.intp]) -> dict[str, NDArray[Any]]:
        """The signals of `WORLD_SIGNALS` for these vehicles now, each of shape (m,)."""
        return self._reports.surroundings(rows, self.elapsed_s)

    def tell(self, rows: NDArray[np.intp], signals: Mapping[str, NDArray[Any]]) -> Altered | None:
        """What these vehicles report now, whose true signals are these, each of shape (m,); None if it is the same."""
        return self.reported.of(rows, signals, self.elapsed_s) if self.reported.any else None

    def clock_ms(self, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """What the clocks of these vehicles show now, simulated UTC, shape (m,)."""
        shown = self.reported.clocks.shown_ms(rows, self.time_ms) if self.reported.any else None
        return np.full(len(rows), self.time_ms, np.int64) if shown is None else shown

    def next_busy_s(self) -> int:
        """The next second in which anything happens: this one while anybody is awake."""
        town = self.town
        # Between two ticks only a command changes anything. Cars that queue or begin a session count as well: whatever
        # looks at awake cars second by second must not depend on whether another one drives.
        if town.changed or town.fleet.vehicle_state.any() or (self._triggers and self._triggers.waits):
            return self.elapsed_s
        planned = min(float(town.wake_s.min()), town.clock.peek(), self._commands.next_s(), self.faults.next_s())
        soonest = min(planned, self._reports.next_due_s() - 1.0)
        look_s = town.diagnosis.next_s(self.elapsed_s)
        if look_s is not None:
            soonest = min(soonest, look_s)
        return max(self.elapsed_s, int(np.ceil(soonest)))

    def advance(self, until_s: int = 0) -> Step:
        """Run the next busy second; what stands at its end is what is reported, and `elapsed_s` is that end.

        Where nobody waits for that, it also runs those that follow and begin before `until_s`, until there is enough to
        report; the samples are the same. What has to be looked at second by second ends such a stretch: CAN, and a
        second in which a fault begins or ends, which is one by itself.
        """
        events: list[Event] = []
        labels = self._second(events)
        can = self.buses.collect(self.elapsed_s, self.surroundings, self if self.reported.any else None)
        if not (labels or len(self.buses) or self._triggers or self._areas):
            while not self._reports.full and self._goes_on(until_s):
                self._second(events)
        true = tuple(self._reports.take())
        if self._triggers:
            self._triggers.look(true, events, labels, self.elapsed_s)
        step = Step(self.time_ms, true, tuple(events), can, labels)
        return reported_step(self.reported, step, self.town.start_ms) if self.reported.any else step

    def _goes_on(self, until_s: int) -> bool:
        next_s = self.next_busy_s() if until_s > self.elapsed_s else until_s
        return next_s < until_s and self.faults.next_s() > next_s

    def _second(self, events: list[Event]) -> tuple[Label, ...]:
        """The next busy second; its faults begin and end before anything else happens in it. `events` get its own."""
        town = self.town
        now_s = self.next_busy_s()
        town.report_s = now_s + 1
        town.clock.reach(now_s)
        labels = self.faults.strike(now_s)
        if self._areas:
            labels += self.faults.told(self._areas.look(now_s))
        town.sessions.tell_who_is_full()
        self._reports.hasten(self._decide(now_s))
        events += town.events
        town.events = []
        town.step()
        self.elapsed_s = now_s + 1
        town.clock.reach(self.elapsed_s)
        self._reports.note(self.elapsed_s)
        return labels

    # Between two seconds: what comes from outside.

    @property
    def command_outcomes(self) -> dict[str, dict[int, int]]:
        """What came of the scenario's commands so far: name → code → vehicles."""
        return {name: dict(sorted(codes.items())) for name, codes in self._commands.outcomes.items()}

    @property
    def commands_given(self) -> list[Given]:
        """What became of each command of the scenario, in its order."""
        return self._commands.of_file

    def figures(self) -> dict[str, FleetFigures]:
        """What each fleet has done since the start in all towns, by its name; for the run's end, as it looks at every
        sleeper.
        """
        return self._figures({spec.name: [town.fleets[spec.name] for town in self.towns] for _, spec in self._whole})

    def town_figures(self) -> dict[str, FleetFigures]:
        """What the vehicles of each town have done since the start, by its name."""
        return self._figures({town.place.name: [town.rows] for town in self.towns})

    def _figures(self, rows: Mapping[str, Sequence[slice]]) -> dict[str, FleetFigures]:
        self.town.hand_over()
        self.town.catch_up(np.flatnonzero(self.town.mode == RESTING))
        return self.town.tally.figures(rows, self.elapsed_s)

    def idle_until(self, second: int) -> None:
        """Let time pass in which nothing happens, up to `next_busy_s` at most, so that a command finds its second."""
        self.elapsed_s = self.town.report_s = max(self.elapsed_s, min(second, self.next_busy_s()))
        self.town.clock.reach(self.elapsed_s)

    def execute(self, command: Command) -> Outcome:
        """Let one vehicle do what it is asked, at once, at the second `elapsed_s`; refusals in `commands.refusals`.

        What it changes stands in the next batches, or in those of `look`; events come with the next `advance`. Raises
        IndexError where there is no such vehicle; all else that is wrong with a command is refused.
        """
        self._known(command.vehicle)
        outcome = execute(self.town, command)
        if self._triggers:
            for name in [command.identifier] if command.kind == "service" else command.arguments:
                self._triggers.told(str(name), command.vehicle, outcome)
        return outcome

    @property
    def labels(self) -> LabelLog:
        """Every label of the run so far."""
        return self.faults.labels

    def inject(self, body: object) -> Injected:
        """Let a fault begin at once, in the words of the scenario without its time; its label comes with the next step.

        Raises BodyError for what does not fit.
        """
        stations = [station.name for station in self.scenario.charging_stations]
        spec = fault_of(body, self._fleet_names, self.fleet.vins, stations)
        if self.faults.active >= MOST_ACTIVE:
            raise BodyError("", body, f"fewer faults at a time: {MOST_ACTIVE:,} go on")
        happened = self.faults.inject(spec, self.elapsed_s)
        return Injected(happened.id, happened.rows)

    def fault_list(self) -> list[dict[str, Any]]:
        """The faults that go on and those that are past, in the order in which they began, as plain values.

        Those of the scenario and those from outside; `vehicles` are rows, and `ended_ms` is None while one goes on.
        """
        return [one.as_json() for one in self.faults.happened.values()]

    def end_fault(self, id_: str) -> bool:
        """End a fault that goes on, whoever began it; whether there is one of this name."""
        return self.faults.end(id_, self.elapsed_s)

    def command(self, body: object) -> list[tuple[int, Outcome]]:
        """Give a command at once, in the words of the scenario without its time: what came of it, row by row.

        Raises BodyError for what does not fit.
        """
        spec = command_of(body, self._fleet_names, self.fleet.vins)
        self._asked += 1
        return self._commands.to(spec, self._commands.picked(spec, f"command from outside {self._asked}"))

    @property
    def _fleet_names(self) -> list[str]:
        return [spec.name for spec in self.scenario.fleets]

    def look(self, rows: NDArray[np.integer[Any]]) -> list[Batch]:
        """A fresh sample of these vehicles at `elapsed_s`, as they report it; silent ones are left out.

        One batch a group, or several where values are missing. Row numbers may come in any order. What these vehicles
        report by themselves does not change.
        """
        self.town.hand_over()
        heard = [row for row in np.unique(rows).tolist() if not self.is_silent(row)]
        return self.as_reported(self._reports.look(np.array(heard, dtype=np.intp), self.elapsed_s))

    def as_reported(self, batches: list[Batch]) -> list[Batch]:
        """True samples of now as the vehicles would report them: a group may be in several batches, and lack values."""
        told = reported_batches(self.reported, batches, self.town.start_ms) if self.reported.any else None
        return batches if told is None else list(told)

    def peek(self, rows: NDArray[np.intp], groups: Collection[str] = GROUPS) -> list[Batch]:
        """How these vehicles (strictly rising rows) are at `elapsed_s`, one batch a group, without a trace.

        Unlike `look` it brings nobody up to date for good, so that a run that is watched stays the same run, and shows
        the silent ones, too.
        """
        self.town.hand_over()
        return self._reports.peek(rows, self.elapsed_s, groups)

    def install(self, row: int, version: str, duration_s: float) -> Outcome:
        """Begin to install new software; for `duration_s` (one second at least) the vehicle is silent and stands.

        Refused unless it is parked, with enough charge, and installs nothing yet. A vehicle whose `ota_failure` is the
        installation's (-1, -4) restarts with the version it had.
        """
        self._known(row)
        fleet, town = self.fleet, self.town
        if self.is_silent(row):
            return Refusal.UPDATING.outcome()
        if fleet.vehicle_state[row] != VehicleState.PARKED:
            return Refusal.NOT_PARKED.outcome(VehicleState(int(fleet.vehicle_state[row])).name.lower())
        soc = town.state_of_charge(row)
        if soc < LEAST_SOC:
            return Refusal.BATTERY_LOW.outcome(f"{soc:.1%}, expected at least {LEAST_SOC:.0%}")
        installed = self.software_version(row) if self.ota_failure(row) in INSTALLATION_FAILS else version
        town.software.install(row, installed, duration_s, lambda: town.changed.append(row))
        self._reports.silence(row)
        return Outcome()

    def is_silent(self, row: int) -> bool:
        """Whether a vehicle says nothing because it installs software."""
        return row in self.town.software.installing

    def software_version(self, row: int) -> str:
        return self.town.software.version(row)

    def ota_failure(self, row: int) -> int:
        """The step at which the next update of this vehicle fails, -1 … -4 as the platform numbers them; 0: none."""
        return int(self.fleet.ota_failure[row])

    def report_every(self, rows: NDArray[np.intp], intervals_s: Mapping[str, float]) -> Outcome:
        """Other reporting intervals for these vehicles (see `Reports.change_intervals`), unless one is silent."""
        if any(self.is_silent(row) for row in rows.tolist()):
            return Refusal.UPDATING.outcome()
        changed = self._reports.change_intervals(rows, intervals_s, self.elapsed_s)
        return Outcome() if changed else Outcome(403, "too many different reporting intervals")

    def store_dtc(self, row: int, code: str, status: DtcStatus = DtcStatus.CONFIRMED) -> None:
        """A control unit of this vehicle stores a trouble code; ValueError where `code` is none."""
        self._known(row)
        self.town.store_dtc(row, code, status)

    def fail_charger(self, row: int) -> bool:
        """The charger of this vehicle breaks down within the next second; whether one was charging it."""
        self._known(row)
        return self.town.sessions.fail(row)

    def dtcs(self, row: int) -> tuple[Dtc, ...]:
        """What one vehicle has stored, oldest first."""
        return self.town.dtcs.of(row)

    def _known(self, row: int) -> None:
        if not 0 <= row < self.fleet.n:
            raise IndexError(f"vehicle {row} of a fleet of {self.fleet.n}")

    # A second.

    def _decide(self, now_s: int) -> NDArray[np.intp]:
        """Who wakes, departs, arrives, plugs in at this second; returns the rows whose state changed."""
        town = self.town
        self._wake(now_s)
        town.clock.run_due()
        town.hand_over()
        if self._commands.give(now_s):
            town.clock.run_due()  # a car that a command puts at its limit is handled at once
            town.hand_over()
        changed = np.array(town.changed, dtype=np.intp)
        town.changed.clear()
        return changed

    def _wake(self, now_s: int) -> None:
        """Start the outings of those whose alarm rings."""
        town = self.town
        waking = (town.wake_s <= now_s).nonzero()[0]
        if not len(waking):
            return
        town.catch_up(waking[town.mode[waking] == RESTING])  # a command may have let one charge meanwhile
        town.wake_s[waking] = NEVER
        agenda_of = np.searchsorted(self._first_rows, waking, side="right") - 1
        dice = self.draws.begin_outings(waking)
        for row, number, own in zip(waking.tolist(), agenda_of.tolist(), dice, strict=True):
            town.clock.process(self._out_and_back(row, self._agendas[number].outing(Car(town, row, own))))

    def _out_and_back(self, row: int, outing: Outing) -> Outing:
        """One outing; afterwards only the alarm remembers the vehicle."""
        wake_s = yield from outing
        self.town.wake_s[row] = wake_s
        return wake_s

    def _build_fleet(self, seed: int, parts: Sequence[FleetPart], draws: Draws) -> Fleet:
        """All vehicles of all fleets: models by weight, state of charge by distribution."""
        own = self.scenario.own_vehicles
        ids = list(dict.fromkeys(model for _, spec in self._whole for model in spec.shares))
        number = {model: index for index, model in enumerate(ids)}
        soc = np.empty(len(draws))
        for rows, spec in self._whole:
            soc[rows] = spec.initial_soc.draw(draws.take(rows), "charge")
        return Fleet(
            [own[model] if model in own else find_vehicle(model) for model in ids],
            np.concatenate([share_out(spec.shares, number, rows.stop - rows.start) for _, rows, spec in self.fleets]),
            seed=seed,
            fleets=parts,
            initial_soc=soc,
            ambient_degc=self.scenario.weather.ambient_at(0.0),
        )


@contextmanager
def _no_collection() -> Iterator[None]:
    """No cyclic garbage collection meanwhile: of 100,000 new outings none is garbage, and to look takes seconds."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()

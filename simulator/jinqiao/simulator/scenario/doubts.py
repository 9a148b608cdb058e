"""What a scenario may say and hardly means: valid, but it never happens, or not as written. Each is a warning.

A new one is a function of the scenario in `DOUBTS`; the place it names is that of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from jinqiao.base.explain import Finding

from ..expectations.tree import Moment
from ..language.selection import Selection
from ..language.timing import Timed

if TYPE_CHECKING:
    from .model import Scenario
    from .station import ConnectorSpec, StationSpec

__all__ = ["doubts"]

#: The strongest AC there is for cars, kW (IEC 62196-2, three phases of 63 A).
MOST_AC_KW = 43.0
#: A station that is farther than this from a node of the road network is worth a word, m.
FAR_M = 100.0


def doubts(scenario: Scenario) -> Iterator[Finding]:
    """Every doubt about a scenario that is valid."""
    for doubt in DOUBTS:
        yield from doubt(scenario)


def _after_the_end(scenario: Scenario) -> Iterator[Finding]:
    """A command or a fault for which the run does not last long enough."""
    message = f"never comes: the scenario ends after {_span(scenario.duration_s)}"
    for key, index, step in _steps(scenario):
        first_s = step.at_s if step.between is None else step.between[0]
        if first_s is not None and first_s >= scenario.duration_s:
            yield Finding((key, index, "at" if step.between is None else "between"), message)
    for index, (before, _) in enumerate(pairwise(scenario.phases), 1):
        if before.until_s >= scenario.duration_s:
            yield Finding(("phases", index, "until"), message)


def _never_true(scenario: Scenario) -> Iterator[Finding]:
    """A condition that no value of its signals fulfils."""
    for key, index, step in _steps(scenario):
        condition = step.when.condition if step.when is not None else None
        if condition is not None and condition.never:
            yield Finding(
                (key, index, "when"), f"never comes true: {condition.text!r} is outside what the signal tells"
            )


def _waits_for_what_is_not_there(scenario: Scenario) -> Iterator[Finding]:
    """`after` a fault or a command that the scenario does not have."""
    there = {fault.kind for fault in scenario.faults}
    for command in scenario.commands:
        there.update([command.service] if command.service is not None else command.set or ())
    for key, index, step in _steps(scenario):
        after = step.when.after if step.when is not None else None
        if after is not None and after.name not in there:
            message = f"the scenario has no {after.name!r}: it comes only if somebody brings it from outside"
            yield Finding((key, index, "when"), message)


def _expects_what_does_not_come(scenario: Scenario) -> Iterator[Finding]:
    """An expectation of a moment after the end, or about a fault that the scenario does not have."""
    there = {fault.kind for fault in scenario.faults}
    there.update("outage" for spec in scenario.network if getattr(spec, "outage", None) is not None)
    for index, expectation in enumerate(scenario.expect):
        if isinstance(expectation.when, Moment) and expectation.when.second > scenario.duration_s:
            message = f"is never looked at: the scenario ends after {_span(scenario.duration_s)}"
            yield Finding(("expect", index), message)
        for fault in expectation.named("fault"):
            if fault.name not in there:
                message = (
                    f"the scenario has no {fault.name!r}: it is exercised only if somebody brings one from outside"
                )
                yield Finding(("expect", index), message, at=fault.at)


def _more_than_there_are(scenario: Scenario) -> Iterator[Finding]:
    for key, index, on in _selections(scenario):
        there = sum(fleet.count for fleet in scenario.fleets if on.fleet in (None, fleet.name))
        if on.count is not None and on.count > there:
            where = "the scenario" if on.fleet is None else repr(on.fleet)
            yield Finding((key, index, "on"), f"found {on.count}, but {where} has {there} vehicles: it means them all")


def _fault_on_a_fleet_without_can(scenario: Scenario) -> Iterator[Finding]:
    silent = {fleet.name for fleet in scenario.fleets if fleet.telemetry.can is None}
    for index, fault in enumerate(scenario.faults):
        if fault.needs_can and fault.on.fleet in silent:
            message = f"strikes nobody: {fault.on.fleet!r} sends no CAN (telemetry: {{can: {{vehicles: N}}}})"
            yield Finding(("faults", index, "on"), message)


def _strong_ac(scenario: Scenario) -> Iterator[Finding]:
    for station, connector, spec in _connectors(scenario):
        if spec.kind == "ac" and spec.power_kw > MOST_AC_KW:
            path = ("charging_stations", station, "connectors", connector, "power")
            message = f"AC of {spec.power_kw:g} kW: no car takes more than {MOST_AC_KW:g} kW of it; is this dc?"
            yield Finding(path, message)


def _weak_site(scenario: Scenario) -> Iterator[Finding]:
    for index, station in enumerate(scenario.charging_stations):
        strongest = max(connectors.power_kw for connectors in station.connectors)
        if station.site_limit_kw is not None and station.site_limit_kw < strongest:
            message = f"{station.site_limit_kw:g} kW is less than one of its connectors gives ({strongest:g} kW)"
            yield Finding(("charging_stations", index, "site_limit"), message)


def _nowhere_to_charge(scenario: Scenario) -> Iterator[Finding]:
    """Cars that look for stations and find no DC."""
    if any(_has(station, "dc") for station in scenario.charging_stations):
        return
    for index, fleet in enumerate(scenario.fleets):
        if fleet.agenda.seeks_stations:
            instead = "charge on AC" if scenario.charging_stations else "are charged by a rescue van where they stand"
            yield Finding(("fleets", index, "agenda"), f"there is no DC connector for these cars: they {instead}")


def _station_without_customers(scenario: Scenario) -> Iterator[Finding]:
    """Who looks for a station looks for DC wherever there is any."""
    sought = any(fleet.agenda.seeks_stations for fleet in scenario.fleets)
    some_dc = any(_has(station, "dc") for station in scenario.charging_stations)
    for index, station in enumerate(scenario.charging_stations):
        if not sought:
            message = (
                "hardly any car will come here: these fleets have chargers of their own, and look for a station only"
                " when they would not reach their destination"
            )
            yield Finding(("charging_stations", index, "name"), message)
        elif some_dc and not _has(station, "dc"):
            message = "no car will come here: they look for DC, which other stations have"
            yield Finding(("charging_stations", index, "name"), message)


def _far_from_the_road(scenario: Scenario) -> Iterator[Finding]:
    if not scenario.charging_stations:
        return
    from ..roads import great_circle_m, jinqiao  # the road graph: not for a scenario without stations

    graph = jinqiao()
    for index, station in enumerate(scenario.charging_stations):
        lat, lon = station.at
        node = graph.nearest(lon, lat)
        there = np.array([graph.lon_deg[node]]), np.array([graph.lat_deg[node]])
        away_m = float(great_circle_m(np.array([lon]), np.array([lat]), *there)[0])
        if away_m > FAR_M:
            road = f"[{float(there[1][0]):.5f}, {float(there[0][0]):.5f}]"
            message = f"cars charge at {road}, {away_m:,.0f} m away: the nearest place on the road network"
            yield Finding(("charging_stations", index, "at"), message)


DOUBTS: tuple[Callable[[Scenario], Iterable[Finding]], ...] = (
    _after_the_end,
    _never_true,
    _waits_for_what_is_not_there,
    _expects_what_does_not_come,
    _more_than_there_are,
    _fault_on_a_fleet_without_can,
    _strong_ac,
    _weak_site,
    _nowhere_to_charge,
    _station_without_customers,
    _far_from_the_road,
)


def _steps(scenario: Scenario) -> Iterator[tuple[str, int, Timed]]:
    yield from (("commands", index, command) for index, command in enumerate(scenario.commands))
    yield from (("faults", index, fault) for index, fault in enumerate(scenario.faults))


def _selections(scenario: Scenario) -> Iterator[tuple[str, int, Selection]]:
    yield from (("commands", index, command.on) for index, command in enumerate(scenario.commands))
    yield from (("faults", index, fault.on) for index, fault in enumerate(scenario.faults))
    yield from (("network", index, spec.on) for index, spec in enumerate(scenario.network))


def _connectors(scenario: Scenario) -> Iterator[tuple[int, int, ConnectorSpec]]:
    for index, station in enumerate(scenario.charging_stations):
        yield from ((index, number, spec) for number, spec in enumerate(station.connectors))


def _has(station: StationSpec, kind: str) -> bool:
    return any(connectors.kind == kind for connectors in station.connectors)


def _span(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"

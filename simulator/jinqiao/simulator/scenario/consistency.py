"""What no field of a scenario can see alone: names given twice, time points out of order, a station off the map.

Walks the plain data of the file, so that these are reported beside the fields' own problems. Data of another shape
than expected is passed over here: its field reports it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from jinqiao.base.explain import Finding
from jinqiao.base.quantity import QuantityError, parse_duration_s
from jinqiao.vehicles.birth import MOST_IN_TOWNS

from ..faults.kinds import KINDS
from ..language.selection import unknown_fleets, unknown_stations
from .expect import unknown_names
from .phase import phase_mistakes

__all__ = ["PLACES", "inconsistencies"]

#: Middle of each shipped road graph, WGS-84, and how far from it a station may stand, km.
PLACES = {"jinqiao": (31.2497, 121.5957, 50.0)}
#: Mean radius of the earth, IUGG.
_EARTH_KM = 6371.0


def inconsistencies(data: Any) -> Iterator[Finding]:
    """Every contradiction in the plain data of a scenario file."""
    yield from _names_twice(data, "fleets")
    yield from _names_twice(data, "charging_stations")
    yield from _vehicles_of_fleets(data)
    yield from _out_of_order(_under(_under(data, "weather"), "ambient"))
    yield from _off_the_map(data)
    yield from _too_many_in_towns(data)
    yield from unknown_fleets(data, "commands")
    yield from unknown_fleets(data, "faults")
    yield from unknown_fleets(data, "network")
    yield from _can_faults_without_can(data)
    yield from unknown_stations(data)
    yield from phase_mistakes(data)
    yield from unknown_names(data)


def _under(data: Any, key: str) -> Any:
    return data.get(key) if isinstance(data, dict) else None


def _entries(data: Any, key: str) -> list[Any]:
    value = _under(data, key)
    return value if isinstance(value, list) else []


def _names_twice(data: Any, key: str) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, entry in enumerate(_entries(data, key)):
        name = _under(entry, "name")
        if not isinstance(name, str):
            continue
        if name in first:
            message = f"found {name!r} a second time, {key}.{first[name]} has it; expected a name of its own"
            yield Finding((key, index, "name"), message)
        first.setdefault(name, index)


def _vehicles_of_fleets(data: Any) -> Iterator[Finding]:
    """A fleet without vehicles, and a vehicle that a fleet names twice."""
    for index, fleet in enumerate(_entries(data, "fleets")):
        if isinstance(fleet, dict) and not {"models", "vehicles"} & fleet.keys():
            message = "key 'models' is missing (or 'vehicles', for vehicles in equal shares)"
            yield Finding(("fleets", index, "models"), message, key=True)
        models = _under(fleet, "models")
        named = set(models) if isinstance(models, dict) else set()
        for number, name in enumerate(_entries(fleet, "vehicles")):
            if not isinstance(name, str):
                continue
            if name in named:
                yield Finding(("fleets", index, "vehicles", number), f"found {name!r} a second time in this fleet")
            named.add(name)


def _out_of_order(points: Any) -> Iterator[Finding]:
    before, written = -math.inf, ""
    for index, point in enumerate(points if isinstance(points, list) else []):
        at = _under(point, "at")
        try:
            seconds = parse_duration_s(at)
        except QuantityError:
            continue
        if seconds <= before:
            yield Finding(("weather", "ambient", index, "at"), f"found {at!r}, expected a time after {written!r}")
        else:
            before, written = seconds, at


def _off_the_map(data: Any) -> Iterator[Finding]:
    place = _under(data, "place")
    place = place if isinstance(place, str) and place in PLACES else "jinqiao"
    latitude, longitude, reach_km = PLACES[place]
    for index, station in enumerate(_entries(data, "charging_stations")):
        at = _under(station, "at")
        if not _is_position(at):
            continue
        away_km = _distance_km(at[0], at[1], latitude, longitude)
        if away_km > reach_km:
            message = f"found {at}, {away_km:,.0f} km from {place}, expected at most {reach_km:g} km"
            yield Finding(("charging_stations", index, "at"), message)


def _too_many_in_towns(data: Any) -> Iterator[Finding]:
    """Each town has all vehicles of the file."""
    towns = _under(data, "towns")
    counts = [_under(fleet, "count") for fleet in _entries(data, "fleets")]
    if not all(type(number) is int for number in (towns, *counts)):
        return
    total = towns * sum(counts)
    if towns > 1 and total > MOST_IN_TOWNS:
        message = (
            f"found {towns:,} towns of {sum(counts):,} vehicles, {total:,} in all, expected at most {MOST_IN_TOWNS:,}"
        )
        yield Finding(("towns",), message)


def _can_faults_without_can(data: Any) -> Iterator[Finding]:
    """Some faults need vehicles that show their buses."""
    if any(_under(_under(fleet, "telemetry"), "can") is not None for fleet in _entries(data, "fleets")):
        return
    for index, fault in enumerate(_entries(data, "faults")):
        kind = _under(fault, "fault")
        if isinstance(kind, str) and kind in KINDS and KINDS[kind].needs_can:
            message = f"found {kind!r}, but no fleet sends its CAN: telemetry: {{can: {{vehicles: N}}}}"
            yield Finding(("faults", index, "fault"), message)


def _is_position(at: Any) -> bool:
    if not isinstance(at, list) or len(at) != 2:
        return False
    if any(isinstance(part, bool) or not isinstance(part, (int, float)) for part in at):
        return False
    return bool(-90 <= at[0] <= 90 and -180 <= at[1] <= 180)


def _distance_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Great-circle distance by the haversine formula."""
    phi, other_phi = math.radians(latitude), math.radians(other_latitude)
    half_chord = math.sin((other_phi - phi) / 2) ** 2 + math.cos(phi) * math.cos(other_phi) * (
        math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    )
    return 2 * _EARTH_KM * math.asin(math.sqrt(half_chord))

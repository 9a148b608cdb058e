"""The charging stations: who queues, and what each connector delivers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jinqiao.simulator.stations import ChargerKind, Station
from jinqiao.vehicles.modes import Plug

from ...run.running import Running
from ..call import Asked
from .vehicles import vins_of

__all__ = ["Connector", "StationNow", "Stations", "stations"]

_PLUGS: dict[ChargerKind, Plug] = {"ac": Plug.AC, "dc": Plug.DC}


@dataclass(frozen=True, slots=True)
class Connector:
    """`vin` is the vehicle that is plugged in, null without one; `power_kw` is what it can deliver."""

    kind: ChargerKind
    power_kw: float
    delivering_kw: float
    vin: str | None


@dataclass(frozen=True, slots=True)
class StationNow:
    """`power_kw` is what all connectors deliver now, `queue` how many vehicles wait. WGS-84."""

    name: str
    town: str
    longitude: float
    latitude: float
    power_kw: float
    site_limit_kw: float | None
    queue: int
    connectors: list[Connector]


@dataclass(frozen=True, slots=True)
class Stations:
    """The stations of all towns."""

    stations: list[StationNow]


async def stations(run: Running, _: Asked) -> Stations:
    """The public charging stations at this moment."""
    world = run.world
    names = world.town_names
    return Stations(
        stations=[
            _station(run, station, names[index])
            for index, there in enumerate(world.town.chargers.towns)
            for station in there
        ]
    )


def _station(run: Running, station: Station, town: str) -> StationNow:
    chargers = run.world.town.chargers
    connectors = [each for kind in station.queues for each in _connectors(run, station, kind)]
    limit_kw = float(chargers.site_limit_kw[station.site])
    longitude, latitude = chargers.position(station)
    return StationNow(
        name=station.name,
        town=town,
        longitude=round(longitude, 6),
        latitude=round(latitude, 6),
        power_kw=round(sum(each.delivering_kw for each in connectors), 3),
        site_limit_kw=None if np.isinf(limit_kw) else round(limit_kw, 3),
        queue=sum(len(queue.get_queue) for queue in station.queues.values()),
        connectors=connectors,
    )


def _connectors(run: Running, station: Station, kind: ChargerKind) -> list[Connector]:
    """All of one kind, strongest first. Who is plugged in has one of the power that he was given."""
    world = run.world
    fleet, chargers = world.fleet, world.town.chargers
    rows = np.flatnonzero((chargers.site == station.site) & (fleet.plug_state == _PLUGS[kind]))
    plugged: dict[float, list[tuple[str, float]]] = {}
    delivering_kw = fleet.charge_power_kw[rows].tolist()
    connector_kw = chargers.connector_kw[rows].tolist()
    for vin, power_kw, kw in zip(vins_of(run, rows), connector_kw, delivering_kw, strict=True):
        plugged.setdefault(power_kw, []).append((vin, kw))
    found = []
    for power_kw in station.powers_kw[kind]:
        waiting = plugged.get(float(np.float32(power_kw)))
        there: tuple[str | None, float] = waiting.pop(0) if waiting else (None, 0.0)
        found.append(Connector(kind=kind, power_kw=power_kw, delivering_kw=round(there[1], 3), vin=there[0]))
    return found

"""The vehicles: a page of them, and one with all its signals, as it would report them now."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from jinqiao.base.errors import BodyError
from jinqiao.base.signals import SIGNALS, by_property, property_value
from jinqiao.base.telemetry import Batch
from jinqiao.base.words import did_you_mean, one_of
from jinqiao.vehicles.modes import VehicleState

from ...run.running import Running
from ..call import Asked, NotFound, Request
from .links import online

__all__ = ["Vehicle", "VehicleNow", "VehiclePage", "VehicleQuery", "row_of", "vehicle", "vehicles", "vins_of"]

_MOST_A_PAGE = 1_000
#: What a vehicle's row shows, by its signal.
_SHOWN = {"soc": "soc_displayed", "speed": "speed", "longitude": "longitude", "latitude": "latitude"}


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle as it would report itself now: `soc` in % of the display, `speed` in km/h, its fleet's coordinates."""

    vin: str
    fleet: str
    model: str
    town: str
    state: Literal["parked", "driving", "charging", "queueing"]
    online: bool
    soc: float
    speed: float
    longitude: float
    latitude: float


@dataclass(frozen=True, slots=True)
class VehicleNow(Vehicle):
    """With the value of every property of the thing model."""

    signals: dict[str, Any]
    time_ms: int


@dataclass(frozen=True, slots=True)
class VehiclePage:
    """`next` is what `after` is for the next page; null when there is none."""

    vehicles: list[Vehicle]
    next: str | None


class VehicleQuery(Request):
    """Which vehicles."""

    fleet: str | None = Field(None, description="a fleet's name")
    state: Literal["parked", "driving", "charging", "queueing"] | None = Field(None, description="what they are doing")
    town: str | None = Field(None, description="a town's name")
    limit: int = Field(100, ge=1, le=_MOST_A_PAGE, description="vehicles of a page")
    after: str | None = Field(None, description="the VIN before the page, from `next` of the last one")


async def vehicles(run: Running, asked: Asked) -> VehiclePage:
    """Vehicles in the order of the scenario, page by page."""
    query: VehicleQuery = asked.query
    chosen = _chosen(run, query)
    page = chosen[: query.limit]
    shown = _shown(run, page)
    return VehiclePage(vehicles=shown, next=shown[-1].vin if len(chosen) > len(page) else None)


async def vehicle(run: Running, asked: Asked) -> VehicleNow:
    """One vehicle with all signals, as it reports them: where a sensor fails, its wrong value, or none."""
    row = np.array([row_of(run, asked.path["vin"])], np.intp)
    batches = run.world.peek(row)
    signals: dict[str, Any] = {}
    for batch in run.world.as_reported(batches):
        present = [SIGNALS[name] for name in batch.signals]
        for identifier, parts in by_property(present).items():
            signals[identifier] = property_value(parts, [batch.signals[part.name][0] for part in parts])
    return VehicleNow(**asdict(_rows_of(run, row, batches[0])[0]), signals=signals, time_ms=run.world.time_ms)


def row_of(run: Running, vin: str) -> int:
    """The fleet row of a vehicle. Raises NotFound."""
    found = np.flatnonzero(run.world.fleet.vins == vin.encode())
    if not len(found):
        raise NotFound("/vin", vin, f"the VIN of a vehicle{did_you_mean(vin, _some_vins(run))}")
    return int(found[0])


def vins_of(run: Running, rows: NDArray[np.integer[Any]]) -> list[str]:
    """The VINs of these rows."""
    return [vin.decode() for vin in run.world.fleet.vins[rows].tolist()]


def _some_vins(run: Running) -> list[str]:
    """Enough to find a misspelt one in a test's fleet, and quick in a large one."""
    return [vin.decode() for vin in run.world.fleet.vins[:1000].tolist()]


def _chosen(run: Running, query: VehicleQuery) -> NDArray[np.intp]:
    """The rows after `after` that fit."""
    world = run.world
    fits = np.ones(world.fleet.n, np.bool_)
    if query.after is not None:
        try:
            fits[: row_of(run, query.after) + 1] = False
        except NotFound as error:
            raise BodyError("/after", error.found, error.expected) from None
    if query.fleet is not None:
        named = [rows for name, rows, _ in world.fleets if name == query.fleet]
        fits &= _within(named, world.fleet.n, "/fleet", query.fleet, [name for name, _, _ in world.fleets])
    if query.town is not None:
        towns = dict(zip(world.town_names, world.town_rows, strict=True))
        there = [towns[query.town]] if query.town in towns else []
        fits &= _within(there, world.fleet.n, "/town", query.town, list(towns))
    if query.state is not None:
        fits &= world.fleet.vehicle_state == VehicleState[query.state.upper()]
    return np.flatnonzero(fits)


def _within(parts: list[slice], n: int, pointer: str, found: str, known: list[str]) -> NDArray[np.bool_]:
    if not parts:
        names = list(dict.fromkeys(known))
        raise BodyError(pointer, found, f"{one_of(names[:10])}{did_you_mean(found, names)}")
    among = np.zeros(n, np.bool_)
    for part in parts:
        among[part] = True
    return among


def _shown(run: Running, rows: NDArray[np.intp]) -> list[Vehicle]:
    if not len(rows):
        return []
    (core,) = run.world.peek(rows, ("core",))
    return _rows_of(run, rows, core)


def _rows_of(run: Running, rows: NDArray[np.intp], core: Batch) -> list[Vehicle]:
    """What a page says of these vehicles, of which `core` is a sample."""
    world = run.world
    first = [part.start for _, part, _ in world.fleets]
    town_first = [part.start for part in world.town_rows]
    figures = {
        name: [round(value, SIGNALS[signal].decimals) for value in core.signals[signal].tolist()]
        for name, signal in _SHOWN.items()
    }
    there = online(run, rows).tolist()
    shown = []
    for place, row in enumerate(rows.tolist()):
        model = world.fleet.models[int(world.fleet.model_of[row])]
        state: Any = VehicleState(int(world.fleet.vehicle_state[row])).name.lower()
        shown.append(
            Vehicle(
                vin=world.fleet.vins[row].decode(),
                fleet=world.fleets[bisect_right(first, row) - 1][0],
                model=model.id,
                town=world.town_names[bisect_right(town_first, row) - 1],
                state=state,
                online=there[place],
                soc=figures["soc"][place],
                speed=figures["speed"][place],
                longitude=figures["longitude"][place],
                latitude=figures["latitude"][place],
            )
        )
    return shown

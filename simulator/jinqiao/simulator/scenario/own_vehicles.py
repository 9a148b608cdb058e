"""Vehicles that a scenario brings along: files named in `models` or `vehicles`, relative to its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from jinqiao.base.document import Document
from jinqiao.base.errors import CatalogError, Problem
from jinqiao.base.explain import Location
from jinqiao.vehicles.catalogue import VehicleModel, load_vehicle

__all__ = ["ENDINGS", "own_vehicles"]

#: What makes a name a file's and not an id's.
ENDINGS = (".yaml", ".yml")


def own_vehicles(
    document: Document, folder: Path, known: Collection[str]
) -> tuple[dict[str, VehicleModel | None], list[Problem]]:
    """The vehicle files that fleets name, by the name as written, and what is wrong with them.

    A file that cannot be read stands there as None, so that its name is not reported a second time.
    """
    vehicles: dict[str, VehicleModel | None] = {}
    problems: list[Problem] = []
    for place, name in _named(document.data):
        if name in vehicles or name in known:
            continue
        path = folder / name
        vehicles[name] = None
        if not path.is_file():
            problems.append(document.problem(place, f"no such vehicle file: {path}", key=place[-1] == name))
            continue
        try:
            vehicles[name] = load_vehicle(path)
        except CatalogError as error:
            problems += error.problems
    return vehicles, problems


def _named(data: Any) -> Iterator[tuple[Location, str]]:
    """The names of files in `models` and `vehicles`, each with its place; data of another shape is passed over."""
    fleets = data.get("fleets") if isinstance(data, dict) else None
    for index, fleet in enumerate(fleets if isinstance(fleets, list) else []):
        models, vehicles = (fleet.get(key) if isinstance(fleet, dict) else None for key in ("models", "vehicles"))
        named = [(("models", name), name) for name in models] if isinstance(models, dict) else []
        named += [(("vehicles", at), name) for at, name in enumerate(vehicles if isinstance(vehicles, list) else [])]
        for place, name in named:
            if isinstance(name, str) and name.lower().endswith(ENDINGS) and "\0" not in name:
                yield ("fleets", index, *place), name

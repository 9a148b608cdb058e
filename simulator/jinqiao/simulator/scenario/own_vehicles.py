"""Vehicles that a scenario brings along: files named in `models`, relative to its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from jinqiao.base.document import Document
from jinqiao.base.errors import CatalogError, Problem
from jinqiao.vehicles.catalogue import VehicleModel, load_vehicle

__all__ = ["ENDINGS", "own_vehicles"]

#: What makes a name of `models` a file's and not an id's.
ENDINGS = (".yaml", ".yml")


def own_vehicles(
    document: Document, folder: Path, known: Collection[str]
) -> tuple[dict[str, VehicleModel | None], list[Problem]]:
    """The vehicle files that fleets name, by the name as written, and what is wrong with them.

    A file that cannot be read stands there as None, so that its name is not reported a second time.
    """
    vehicles: dict[str, VehicleModel | None] = {}
    problems: list[Problem] = []
    for index, name in _named(document.data):
        if name in vehicles or name in known:
            continue
        path = folder / name
        vehicles[name] = None
        if not path.is_file():
            place = ("fleets", index, "models", name)
            problems.append(document.problem(place, f"no such vehicle file: {path}", key=True))
            continue
        try:
            vehicles[name] = load_vehicle(path)
        except CatalogError as error:
            problems += error.problems
    return vehicles, problems


def _named(data: Any) -> Iterator[tuple[int, str]]:
    """The names of files in `models`, with the fleet's number; data of another shape is passed over."""
    fleets = data.get("fleets") if isinstance(data, dict) else None
    for index, fleet in enumerate(fleets if isinstance(fleets, list) else []):
        models = fleet.get("models") if isinstance(fleet, dict) else None
        for name in models if isinstance(models, dict) else ():
            if isinstance(name, str) and name.lower().endswith(ENDINGS) and "\0" not in name:
                yield index, name

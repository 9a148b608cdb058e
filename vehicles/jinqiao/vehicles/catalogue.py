"""The catalogue: every shipped vehicle, and the one way to read a vehicle file.

A wrong file is refused with all its problems as `file:line:column: path: found, expected`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from jinqiao.base.document import Document, did_you_mean
from jinqiao.base.errors import CatalogError, Problem
from jinqiao.base.words import one_of

from .vehicle_file import VehicleModel

__all__ = [
    "VehicleModel",
    "catalogue_ids",
    "find_vehicle",
    "load_catalogue",
    "load_vehicle",
    "near_vehicles",
    "open_vehicle",
]

#: Ids that are named to somebody who has written none.
MOST_NEAR = 5

#: What makes a name a file's and not an id's: ids have neither.
FILE_MARKS = (".", "/", "\\")


def load_vehicle(path: Path | str) -> VehicleModel:
    """Read one vehicle file; CatalogError names every problem with file, line and column."""
    return Document.load(path, error=CatalogError).check(VehicleModel)


@cache
def load_catalogue() -> Mapping[str, VehicleModel]:
    """All shipped vehicles by id, in the order of the ids; each is read once."""
    return MappingProxyType({vehicle_id: _shipped(vehicle_id) for vehicle_id in catalogue_ids()})


def catalogue_ids() -> tuple[str, ...]:
    """The ids of the shipped vehicles, without reading their files."""
    folder = resources.files(__package__).joinpath("catalogue_data")
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def find_vehicle(vehicle_id: str) -> VehicleModel:
    """The shipped vehicle of this id; CatalogError with the nearest id otherwise."""
    if vehicle_id not in (known := catalogue_ids()):
        message = f"no vehicle {vehicle_id!r} in the catalogue{near_vehicles(vehicle_id, known)}"
        raise CatalogError([Problem("", 0, 0, "", message, "list them with: jinqiao catalog list")])
    return _shipped(vehicle_id)


def near_vehicles(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the ids that hold every word of a name as people say it, `BMW i4`, or look like it."""
    words = set(re.findall(r"[a-z0-9]+", name.casefold()))
    ids = list(known)
    meant = [vehicle_id for vehicle_id in ids if words and words <= set(vehicle_id.split("-"))]
    if not meant:
        return did_you_mean(name, ids)
    shown = [repr(vehicle_id) for vehicle_id in meant[:MOST_NEAR]]
    more = f" … and {len(meant) - MOST_NEAR} more" if len(meant) > MOST_NEAR else ""
    return f" (did you mean {one_of(shown)}{more}?)"


def open_vehicle(name: str) -> VehicleModel:
    """The vehicle that a user means by an id of the catalogue or by the path of a file."""
    if name not in catalogue_ids() and (any(mark in name for mark in FILE_MARKS) or Path(name).is_file()):
        return load_vehicle(name)
    return find_vehicle(name)


@cache
def _shipped(vehicle_id: str) -> VehicleModel:
    """One of them, read when it is asked for: a file takes some hundredths of a second."""
    name = f"{vehicle_id}.yaml"
    text = resources.files(__package__).joinpath("catalogue_data", name).read_text(encoding="utf-8")
    document = Document(text, name=name, error=CatalogError)
    vehicle = document.check(VehicleModel)
    if vehicle.id != vehicle_id:
        raise document.refusal([document.problem(["id"], f"found {vehicle.id!r}, expected the file's own name")])
    return vehicle

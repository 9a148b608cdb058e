"""`jinqiao catalog`: the vehicles that can be simulated."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from jinqiao.vehicles.catalogue import VehicleModel, load_catalogue, open_vehicle

from .options import AsJson

__all__ = ["list_", "show"]

_WIDE = 200


def list_(json_: AsJson = False) -> None:
    """List every vehicle in the catalogue.

    \b
    Example:
      jinqiao catalog list
      jinqiao catalog list --json | jq -r '.[].id'
    """
    catalogue = load_catalogue()
    if json_:
        print(json.dumps([_row(model) for model in catalogue.values()], ensure_ascii=False))
        return
    table = Table(box=None)
    # Whatever else has no room, the id has: it is what other commands and scenarios ask for.
    table.add_column("id", no_wrap=True, min_width=max(map(len, catalogue)))
    for name in ("make", "model", "year", "market", "chemistry", "gross kWh", "net kWh"):
        table.add_column(name)
    for model in catalogue.values():
        row = _row(model)
        table.add_row(*(str(value) for value in list(row.values())[:-1]))
    console = Console()
    if not console.is_terminal:  # a file or a pipe is as wide as it must be
        console.width = max(console.width, _WIDE)
    console.print(table)


def show(
    vehicle: Annotated[
        str, typer.Argument(help="Catalogue id, or a vehicle file.", metavar="ID|FILE", show_default=False)
    ],
    json_: AsJson = False,
) -> None:
    """Show one vehicle's data, its published figures and their sources.

    \b
    Example:
      jinqiao catalog show bmw-i4-edrive40-2022
    """
    model = open_vehicle(vehicle)
    data = model.model_dump(mode="json", exclude_none=True)
    if json_:
        print(json.dumps(data, ensure_ascii=False))
        return
    _print(data)


def _row(model: VehicleModel) -> dict[str, object]:
    """One vehicle as `catalog list --json` prints it."""
    data = model.model_dump(mode="json", exclude_none=True)
    return {
        "id": model.id,
        "make": model.make,
        "model": model.model,
        "model_year": model.model_year,
        "market": model.market,
        "chemistry": model.battery.chemistry,
        "gross_kwh": model.battery.gross_kwh,
        "net_kwh": model.battery.net_kwh,
        "published": data.get("published", {}),
    }


def _print(data: dict[str, object], indent: str = "") -> None:
    for name, value in data.items():
        if isinstance(value, dict):
            print(f"{indent}{name}:")
            _print(value, indent + "  ")
        else:
            print(f"{indent}{name}: {value}")

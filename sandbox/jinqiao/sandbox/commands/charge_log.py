"""`jinqiao can log --charge`: the charger bus of one DC charge, as candump writes it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from jinqiao.base.errors import InputError
from jinqiao.vehicles.catalogue import open_vehicle
from jinqiao.vehicles.gbt27930.log import write_session

__all__ = ["app"]

app = typer.Typer(help="Logs of a vehicle's CAN buses.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Logs of a vehicle's CAN buses."""


@app.command("log")
def log(
    vehicle: Annotated[
        str,
        typer.Option("--vehicle", metavar="ID|FILE", help="Id of the catalogue or a vehicle file.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write.", show_default=False)],
    charge: Annotated[bool, typer.Option("--charge", help="A DC charge by GB/T 27930-2015.")] = False,
    from_: Annotated[float, typer.Option("--from", min=0, max=100, help="Percent at the start.")] = 50.0,
    to: Annotated[float, typer.Option("--to", min=0, max=100, help="Percent at the end.")] = 52.0,
    power_kw: Annotated[float, typer.Option("--power-kw", help="Of the station.")] = 120.0,
    ambient: Annotated[float, typer.Option("--ambient", min=-40, max=60, metavar="C", help="Air, degC.")] = 25.0,
) -> None:
    """Write what charger and car say to each other from plug to statistics, one frame a line.

    \b
    Example:
      jinqiao can log --vehicle bmw-i3-edrive35l-2022 --charge --from 50 --to 52 --power-kw 120 --out charge.log
    """
    if not charge:
        raise InputError("can log: expected --charge")
    frames = write_session(open_vehicle(vehicle), from_, to, power_kw, ambient, out)
    print(f"{out}: {frames:,} frames", file=sys.stderr)

"""Options of commands that drive or charge one car."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from jinqiao.vehicles.cycles import CYCLES

__all__ = ["CYCLE_NAMES", "Ambient", "Cycle", "Vehicle", "finite"]

CYCLE_NAMES = ", ".join(CYCLES)


def finite(value: float | None) -> float | None:
    """Callback of a number option: `nan` and `inf` pass every range, and are refused here."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number")
    return value


Vehicle = Annotated[
    str, typer.Option("--vehicle", metavar="ID|FILE", help="Catalogue id, or a vehicle file.", show_default=False)
]
Cycle = Annotated[str, typer.Option("--cycle", metavar="NAME", help=f"One of {CYCLE_NAMES}.", show_default=False)]
Ambient = Annotated[
    float, typer.Option("--ambient", min=-40, max=60, callback=finite, metavar="C", help="Air temperature in degC.")
]

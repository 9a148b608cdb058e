"""`jinqiao can`: the vehicle's CAN as files that other tools read."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from jinqiao.base.errors import EnvironmentFault
from jinqiao.vehicles.can.cycle_log import cycle_log
from jinqiao.vehicles.can.database import of_bus
from jinqiao.vehicles.can.dbc import dbc_text
from jinqiao.vehicles.can.message import Bus
from jinqiao.vehicles.catalogue import open_vehicle
from jinqiao.vehicles.gbt27930.log import write_session

from .car_options import CYCLE_NAMES, Ambient, Vehicle, finite

__all__ = ["dbc", "log"]


class BusChoice(StrEnum):
    POWERTRAIN = "powertrain"
    BODY = "body"
    BATTERY = "battery"


def _bus(choice: BusChoice | None) -> Bus | None:
    return choice.value if choice else None


def dbc(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="File to write; stdout if not given.")
    ] = None,
    bus: Annotated[BusChoice | None, typer.Option("--bus", help="Only this bus; all messages if not given.")] = None,
) -> None:
    """Print the message table as a DBC: a synthetic, generic electric car.

    \b
    Example:
      jinqiao can dbc --out jinqiao.dbc
      jinqiao can dbc --bus powertrain
    """
    title = f"Jinqiao {bus.value} bus" if bus else "Jinqiao, the messages of all three buses"
    text = dbc_text(of_bus(_bus(bus)), title)
    if out is None:
        print(text, end="")
    else:
        _write(out, [text.encode("ascii")])


def log(
    vehicle: Vehicle,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.log", help="File to write.", show_default=False)],
    cycle: Annotated[
        str | None,
        typer.Option("--cycle", metavar="NAME", help=f"Drive one of {CYCLE_NAMES}.", show_default=False),
    ] = None,
    seconds: Annotated[
        int, typer.Option("--seconds", min=1, max=86_400, help="Seconds of the cycle to drive, from its start.")
    ] = 60,
    bus: Annotated[
        BusChoice | None, typer.Option("--bus", help="Only this bus; all three on one channel if not given.")
    ] = None,
    charge: Annotated[
        bool, typer.Option("--charge", help="Log a DC charge on the charger's bus (GB/T 27930) instead of a drive.")
    ] = False,
    from_: Annotated[
        float, typer.Option("--from", min=0, max=100, callback=finite, help="State of charge at the start, percent.")
    ] = 50.0,
    to: Annotated[
        float, typer.Option("--to", min=0, max=100, callback=finite, help="State of charge at the end, percent.")
    ] = 52.0,
    power_kw: Annotated[
        float, typer.Option("--power-kw", min=0.1, max=2000, callback=finite, help="Power of the charger.")
    ] = 120.0,
    ambient: Ambient = 25.0,
) -> None:
    """Write a log in candump format: a car on a drive cycle or, with --charge, a DC charge.

    \b
    Example:
      jinqiao can log --vehicle bmw-i4-edrive40-2022 --cycle WLTC --seconds 60 --out drive.log
      jinqiao can log --vehicle bmw-i4-edrive40-2022 --charge --from 50 --to 52 --out charge.log
    """
    if charge == (cycle is not None):
        raise typer.BadParameter("give either --cycle NAME or --charge", param_hint="'--cycle'")
    model = open_vehicle(vehicle)
    if not charge:
        assert cycle is not None
        chosen = _bus(bus)
        lines = cycle_log(model, cycle, seconds, ambient_degc=ambient, bus=chosen)
        _write(out, lines)
        return
    if to <= from_:
        raise typer.BadParameter(f"{to:g} is not above --from {from_:g}", param_hint="'--to'")
    print(f"{write_session(model, from_, to, power_kw, ambient, out):,} frames", file=sys.stderr)


def _write(out: Path, parts: Iterable[bytes]) -> None:
    """Write a file; wrong input is found before the file is opened, so that it leaves none behind."""
    parts = iter(parts)
    first = next(parts, b"")
    try:
        with out.open("wb") as file:
            file.write(first)
            file.writelines(parts)
    except OSError as problem:
        raise EnvironmentFault(f"{out} cannot be written: {problem.strerror}") from problem

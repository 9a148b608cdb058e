"""`jinqiao catalog simulate`, `charge` and `cell`: one car on a cycle, on a charger, one cell under a current."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from jinqiao.vehicles.catalogue import open_vehicle
from jinqiao.vehicles.cell_run import simulate_cell
from jinqiao.vehicles.charge_run import simulate_charge
from jinqiao.vehicles.current_file import read_current_csv
from jinqiao.vehicles.cycle_run import CycleResult, simulate_cycle

from .car_options import Ambient, Cycle, Vehicle, finite
from .options import AsOneJson

__all__ = ["cell", "charge", "simulate"]


#: What `charge --json` prints.
CHARGE_KEYS = ("minutes", "kwh_delivered", "kwh_battery", "peak_kw", "curve")


class ClimateChoice(StrEnum):
    AUTO = "auto"
    ON = "on"
    OFF = "off"


class Chemistry(StrEnum):
    NMC = "nmc"
    LFP = "lfp"


def simulate(
    vehicle: Vehicle,
    cycle: Cycle,
    ambient: Ambient = 23.0,
    climate: Annotated[
        ClimateChoice, typer.Option("--climate", help="Climate control; auto is off from 18 to 28 degC.")
    ] = ClimateChoice.AUTO,
    soc: Annotated[
        float, typer.Option("--soc", min=0, max=100, callback=finite, help="State of charge at the start, percent.")
    ] = 90.0,
    json_: AsOneJson = False,
) -> None:
    """Drive one cycle on the dynamometer, warm, and report the consumption.

    \b
    Example:
      jinqiao catalog simulate --vehicle bmw-i4-edrive40-2022 --cycle WLTC
      jinqiao catalog simulate --vehicle my-car.yaml --cycle CLTC-P --ambient -7 --json
    """
    model = open_vehicle(vehicle)
    result = simulate_cycle(model, cycle, ambient_degc=ambient, climate=climate.value, soc_percent=soc)
    _tell(_without_trace(result), as_json=json_)


def charge(
    vehicle: Vehicle,
    from_: Annotated[
        float, typer.Option("--from", min=0, max=100, callback=finite, help="State of charge at the start, percent.")
    ] = 10.0,
    to: Annotated[
        float, typer.Option("--to", min=0, max=100, callback=finite, help="State of charge at the end, percent.")
    ] = 80.0,
    power_kw: Annotated[
        float,
        typer.Option("--power-kw", min=0.1, max=2000, callback=finite, help="Power of the station; up to 22 kW is AC."),
    ] = 350.0,
    ambient: Ambient = 25.0,
    pack_temp: Annotated[
        float,
        typer.Option(
            "--pack-temp", min=-40, max=60, callback=finite, metavar="C", help="Pack temperature at the start, degC."
        ),
    ] = 30.0,
    json_: AsOneJson = False,
) -> None:
    """Charge from one percentage to another and report time, energy and the power curve.

    \b
    Example:
      jinqiao catalog charge --vehicle bmw-ix3-2021 --from 10 --to 80 --power-kw 150
      jinqiao catalog charge --vehicle bmw-ix3-2021 --power-kw 150 --pack-temp -10 --ambient -10
    """
    if to <= from_:
        raise typer.BadParameter(f"{to:g} is not above --from {from_:g}", param_hint="'--to'")
    result = simulate_charge(
        open_vehicle(vehicle),
        from_percent=from_,
        to_percent=to,
        power_kw=power_kw,
        ambient_degc=ambient,
        pack_degc=pack_temp,
    )
    figures = {name: value for name, value in result.as_dict().items() if name in CHARGE_KEYS}
    if json_:
        print(json.dumps(figures))
        return
    _tell({name: value for name, value in figures.items() if name != "curve"}, as_json=False)
    table = Table("SoC %", "kW", "V", "degC", box=None)
    seen = -math.inf
    for point in result.curve:
        if point[0] >= seen + 5.0 or point is result.curve[-1]:
            seen = point[0]
            table.add_row(*(f"{value:.1f}" for value in point))
    Console().print(table)


def cell(
    chemistry: Annotated[Chemistry, typer.Option("--chemistry", help="Reference cell.", show_default=False)],
    current_csv: Annotated[
        Path,
        typer.Option(
            "--current-csv", metavar="FILE", help="CSV time_s,current_a; positive discharges.", show_default=False
        ),
    ],
    soc: Annotated[
        float, typer.Option("--soc", min=0, max=100, callback=finite, help="State of charge at the start, percent.")
    ] = 90.0,
    ambient: Ambient = 25.0,
    json_: AsOneJson = False,
) -> None:
    """Apply a current to one reference cell (nmc: Chen2020, 5 Ah; lfp: Prada2013, 2.3 Ah), isothermal.

    \b
    Example:
      jinqiao catalog cell --chemistry nmc --current-csv current.csv --soc 90 --json
    """
    time_s, current_a = read_current_csv(current_csv)
    result = simulate_cell(chemistry.value, current_a, soc_percent=soc, ambient_degc=ambient)
    # Times as the file has them: it need not begin at 0.
    figures = {**result.as_dict(), "time_s": time_s.tolist()}
    if json_:
        print(json.dumps(figures))
        return
    columns = ("time_s", "voltage_v", "soc", "temperature_degc")
    print(",".join(columns))
    for row in zip(*(figures[name] for name in columns), strict=True):
        print(",".join(f"{value:.6g}" for value in row))


def _without_trace(result: CycleResult) -> dict[str, Any]:
    return {name: value for name, value in asdict(result).items() if name != "trace"}


def _tell(figures: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(figures))
        return
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"{name:<{width}}  {value:.4g}" if isinstance(value, float) else f"{name:<{width}}  {value}")

"""`jinqiao vehicles`: which vehicles there are, in a running sandbox or in a scenario."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from jinqiao.base.errors import InputError

from ..bundled import scenario_file
from ..shown import cell
from .options import AsJson, Towns

__all__ = ["vehicles"]

#: The product of simulated vehicles, as `run` has it; not imported, which would take longer than the call.
_PRODUCT_KEY = "a1JinqiaoEV"
#: Devices on one page of QueryDevice: the most there are.
_PAGE = 50
#: As the thing model's VehicleState has them.
_STATES = ("parked", "driving", "charging", "queueing", "offline-logging")


def vehicles(
    scenario: Annotated[
        Path | None,
        typer.Argument(
            help="List this scenario's vehicles (file, or name of a bundled one) as they start; without it, those of "
            "a running sandbox.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, max=2**63 - 1, help="With SCENARIO: seed to use instead of the scenario's.", show_default=False
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "--vehicles", min=1, help="With SCENARIO: scale to this many vehicles in total.", show_default=False
        ),
    ] = None,
    towns: Towns = None,
    http_host: Annotated[str, typer.Option(help="Host of the running sandbox.")] = "127.0.0.1",
    http_port: Annotated[int, typer.Option(min=1, max=65535, help="Its HTTP port.")] = 8080,
    user: Annotated[str, typer.Option(help="User name, as `jinqiao run` printed it.")] = "app",
    password: Annotated[
        str | None, typer.Option(help="Password.", envvar="JINQIAO_PASSWORD", show_default=False)
    ] = None,
    product_key: Annotated[str, typer.Option(help="Product of the running sandbox.")] = _PRODUCT_KEY,
    last: Annotated[int, typer.Option("--most", min=1, help="List at most this many.")] = 1000,
    json_: AsJson = False,
) -> None:
    """List vehicles: VIN, model, fleet, state and state of charge.

    \b
    Example:
      jinqiao vehicles --password "$PASSWORD"
      jinqiao vehicles jinqiao-morning --seed 7 --json | jq -r '.[0].vin'
    """
    if scenario is not None:
        rows, total = _of_scenario(scenario_file(scenario), seed, count, towns, last)
    else:
        if password is None:
            raise InputError("give --password of the running sandbox, as `jinqiao run` printed it, or a SCENARIO")
        rows, total = _of_sandbox(http_host, http_port, (user, password), product_key, last)
    if json_:
        print(json.dumps(rows, ensure_ascii=False))
        return
    many_towns = any("town" in row for row in rows)
    table = Table("VIN", "model", *["town"] * many_towns, "fleet", "state", "SoC %", box=None)
    for row in rows:
        soc, columns = row["soc_percent"], ("vin", "model", *["town"] * many_towns, "fleet")
        names = (cell(row.get(name, "")) for name in columns)
        table.add_row(*names, row["state"], "" if soc is None else f"{soc:.1f}")
    console = Console()
    console.print(table)
    if total > len(rows):
        console.print(f"{len(rows):,} of {total:,}; list more with --most")


def _of_scenario(
    path: Path, seed: int | None, count: int | None, towns: int | None, most: int
) -> tuple[list[dict[str, Any]], int]:
    """As they are when the scenario begins."""
    import numpy as np

    from jinqiao.simulator.world import World

    from ..scenario import load_run_scenario

    plan = load_run_scenario(path)
    seed = next((one for one in (seed, plan.seed) if one is not None), None)
    world = World(plan, seed=secrets.randbelow(2**31) if seed is None else seed, vehicles=count, towns=towns)
    fleet = world.fleet
    shown = np.arange(min(fleet.n, most))
    known = {
        int(row): {"state": _STATES[int(state)], "soc_percent": round(float(soc), 1)}
        for batch in world.look(shown)
        if batch.group == "core"
        for row, state, soc in zip(
            batch.vehicles, batch.signals["vehicle_state"], batch.signals["soc_displayed"], strict=True
        )
    }
    unheard = {"state": "", "soc_percent": None}
    return [
        {
            "vin": fleet.vins[row].decode(),
            "model": fleet.models[fleet.model_of[row]].id,
            **({"town": town.place.name} if len(world.towns) > 1 else {}),
            "fleet": name,
            **known.get(row, unheard),
        }
        for town in world.towns
        for name, rows in town.fleets.items()
        for row in range(rows.start, min(rows.stop, len(shown)))
    ], fleet.n


def _of_sandbox(
    host: str, port: int, key: tuple[str, str], product_key: str, most: int
) -> tuple[list[dict[str, Any]], int]:
    """As the cloud knows them."""
    from ..cloud_calls import CloudCalls

    call = CloudCalls(host, port, key)
    rows: list[dict[str, Any]] = []
    for device, total in _devices(call, product_key):
        rows.append(_row(call, product_key, device))
        if len(rows) == most or len(rows) == total:
            return rows, total
    return rows, len(rows)


def _devices(call: Any, product_key: str) -> Iterator[tuple[dict[str, Any], int]]:
    """Each device of the product, and how many there are."""
    page = 1
    while True:
        answer = call("QueryDevice", ProductKey=product_key, CurrentPage=str(page), PageSize=str(_PAGE))
        devices = answer["Data"]["DeviceInfo"]
        for device in devices:
            yield device, int(answer["Total"])
        if len(devices) < _PAGE:
            return
        page += 1


def _row(call: Any, product_key: str, device: dict[str, Any]) -> dict[str, Any]:
    names = {"ProductKey": product_key, "DeviceName": device["DeviceName"]}
    tags = json.loads(call("QueryDeviceProp", **names).get("Props") or "{}")
    status = call("QueryDevicePropertyStatus", **names)["Data"]["List"]["PropertyStatusInfo"]
    values = {row["Identifier"]: row["Value"] for row in status if row.get("Value") not in {None, ""}}
    state, soc = values.get("VehicleState"), values.get("StateOfCharge")
    return {
        "vin": device["DeviceName"],
        "model": tags.get("model") or device.get("Nickname") or "",
        **({"town": tags["town"]} if "town" in tags else {}),
        "fleet": tags.get("fleet", ""),
        "state": "" if state is None else _STATES[int(state)],
        "soc_percent": None if soc is None else float(soc),
    }

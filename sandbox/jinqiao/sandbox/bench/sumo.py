"""`jinqiao bench sumo`: a run of a fleet as a user starts it, beside SUMO with its battery device.

Both drive the same number of cars for the same simulated time as fast as they go, and write one record per car and
second to a file: SUMO its battery output (XML: energy, speed, place), ours the core group (Parquet, 16 signals) and the
detail group once a minute. Whole programs are measured, with the gateway's process and from start to end, by the
processor time of all their processes. What differs: SUMO's cars follow one another and give way at crossings, on 64 of
them; ours have a battery, a cabin and tyres with temperatures, and are on a broker.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from .fleet_file import fleet_file
from .machine import machine, ratio
from .peers import SUMO, SUMO_HOW
from .whole_runs import finished, measured

__all__ = ["bench_sumo"]

#: SUMO's town: crossings each way, and metres between them; node (2, 5) of `netgenerate` is C5.
CROSSINGS, BLOCK_M = 8, 250
SEED = 7
#: No car of its speed limit (13.9 m/s) is once around the smallest tour sooner, s.
LAP_S = 60
_TYPE = {"id": "ev", "emissionClass": "Energy/unknown", "mass": "1900"}
_BATTERY = {"has.battery.device": "true", "device.battery.capacity": "70000", "device.battery.chargeLevel": "60000"}


def bench_sumo(vehicles: int, seconds: int, rounds: int) -> dict[str, Any]:
    """Processor and wall time of both, the cheapest of `rounds` in turn; `sumo` is `{"missing": why}` without it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scenario = folder / "fleet.yaml"
        scenario.write_text(
            fleet_file(
                "benchmark beside SUMO", vehicles, seconds, "{cycle: WLTC}", telemetry="{driving: 1 s, detail: 60 s}"
            )
        )
        town = _town(folder, vehicles, seconds) if SUMO.present else None
        ours, theirs = [], []
        for number in range(rounds):
            ours.append(_jinqiao(scenario, folder / f"out-{number}"))
            if town is not None:
                theirs.append(_sumo(town, folder / "battery.xml", seconds))
    best = _cheapest(ours, vehicles, seconds)
    figures: dict[str, Any] = {"vehicles": vehicles, "seconds": seconds, "jinqiao": best}
    if theirs:
        figures["sumo"] = {"version": SUMO.name.partition("-")[2], **_cheapest(theirs, vehicles, seconds)}
        figures["ratio_cpu"] = ratio(figures["sumo"]["cpu_s"], best["cpu_s"])
        figures["ratio_wall"] = ratio(figures["sumo"]["wall_s"], best["wall_s"])
    else:
        figures["sumo"] = {"missing": f"SUMO is not installed, make its environment with: {SUMO_HOW}"}
    return {**figures, "machine": machine()}


def _cheapest(runs: Sequence[Mapping[str, float]], vehicles: int, seconds: int) -> dict[str, Any]:
    best = min(runs, key=lambda run: run["cpu_s"])
    per_second = best["cpu_s"] / seconds * 1e3
    return {
        **best,
        "cpu_ms_per_simulated_s": round(per_second, 3),
        "cpu_us_per_car_and_s": round(per_second / vehicles * 1e3, 2),
    }


def _jinqiao(scenario: Path, out: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "jinqiao.sandbox.entry", "run", str(scenario), "--speed", "max", "--quiet"]
    figures = measured([*command, "--mqtt-port", "0", "--http-port", "0", "--sink", f"parquet:{out}"])
    import pyarrow.parquet as parquet  # an extra of the package, as is the sink

    figures["records"] = sum(parquet.read_metadata(file).num_rows for file in out.glob("core-*.parquet"))
    return figures


def _sumo(town: Path, output: Path, seconds: int) -> dict[str, float]:
    options = ["--end", str(seconds), "--step-length", "1", "--battery-output", str(output), "--no-step-log"]
    options += ["--xml-validation", "never", "--no-warnings"]
    figures = measured([_program("sumo"), "-n", str(town / "net.xml"), "-r", str(town / "routes.xml"), *options])
    with output.open(encoding="utf-8") as lines:
        figures["records"] = sum("<vehicle " in line for line in lines)
    return figures


def _program(name: str) -> str:
    return str(SUMO.scripts / name)


def _town(folder: Path, vehicles: int, seconds: int) -> Path:
    """SUMO's side: a grid of streets, and a closed tour for each car, around some blocks of it."""
    grid = ["--grid", "--grid.number", str(CROSSINGS), "--grid.length", str(BLOCK_M)]
    finished([_program("netgenerate"), *grid, "-o", str(folder / "net.xml"), "--no-warnings"])
    routes, draws = ElementTree.Element("routes"), random.Random(SEED)
    kind = ElementTree.SubElement(routes, "vType", _TYPE)
    for key, value in _BATTERY.items():
        ElementTree.SubElement(kind, "param", key=key, value=value)
    for number in range(vehicles):
        car = ElementTree.SubElement(routes, "vehicle", id=str(number), type="ev", depart="0", departPos="random_free")
        ElementTree.SubElement(car, "route", edges=" ".join(_tour(draws)), repeat=str(seconds // LAP_S + 1))
    ElementTree.ElementTree(routes).write(folder / "routes.xml")
    return folder


def _tour(draws: random.Random) -> list[str]:
    """Edges around a rectangle of blocks, either way round, begun anywhere."""
    (west, east), (south, north) = (sorted(draws.sample(range(CROSSINGS), 2)) for _ in range(2))
    nodes = [(x, south) for x in range(west, east)] + [(east, y) for y in range(south, north)]
    nodes += [(x, north) for x in range(east, west, -1)] + [(west, y) for y in range(north, south, -1)]
    begin = draws.randrange(len(nodes))
    nodes = nodes[begin:] + nodes[:begin]
    if draws.random() < 0.5:
        nodes.reverse()
    names = [f"{chr(ord('A') + x)}{y}" for x, y in nodes]
    return [a + b for a, b in zip(names, [*names[1:], names[0]], strict=True)]

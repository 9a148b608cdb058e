"""`jinqiao bench backdated`: telemetry of the past for a data platform, a day of cars that report every ten seconds.

Whole programs are measured, as a user starts them: `jinqiao run … --speed max --sink parquet:DIR`, with the gateway's
process, until the last segment is on the disk. A day takes minutes, so a part of its night, of its rush hour and of its
afternoon is run instead; `day_wall_s` takes a third of the day for each. Every car reports the core group every ten
seconds whatever it does, and while it stands the detail group with it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from .machine import machine
from .whole_runs import measured

__all__ = ["bench_backdated"]

TIMES = {"night": "02:30", "rush_hour": "07:45", "afternoon": "15:00"}
DAY_S = 86_400
_SCENARIO = """\
name: benchmark of the past
start: 2026-11-20T00:00+08:00
duration: 24 h
place: jinqiao
weather: {{ambient: 12 degC}}
fleets:
  - name: commuters
    count: 60
    models: {{bmw-i3-edrive35l-2022: 1, bmw-ix3-2021: 1}}
    agenda: commuter
    initial_soc: normal(0.6, 0.15)
    telemetry: {telemetry}
  - name: taxis
    count: 40
    models: {{bmw-i4-edrive40-2022: 1}}
    agenda: {{ride_hailing: {{shift: 10 h, charge_below: 0.25, charge_to: 0.8}}}}
    initial_soc: uniform(0.4, 0.9)
    telemetry: {telemetry}
charging_stations:
  - name: hub
    at: [31.2497, 121.5957]
    connectors: [{{kind: dc, power: 120 kW, count: {dc}}}, {{kind: ac, power: 7 kW, count: {ac}}}]
"""
_TELEMETRY = "{driving: 10 s, charging: 10 s, parked: 10 s, detail: 5 min}"


def bench_backdated(vehicles: int, seconds: int) -> dict[str, Any]:
    """The figures of each time of the day; `seconds` of it are simulated."""
    with tempfile.TemporaryDirectory(prefix="jinqiao-bench-") as name:
        folder = Path(name)
        scenario = folder / "past.yaml"
        connectors = {"dc": max(1, vehicles * 6 // 100), "ac": max(1, vehicles // 100)}
        scenario.write_text(_SCENARIO.format(telemetry=_TELEMETRY, **connectors))
        parts = {part: _run(scenario, folder / part, vehicles, seconds, start) for part, start in TIMES.items()}
    per_second = sum(part["wall_s"] / part["simulated_s"] for part in parts.values()) / len(parts)
    return {"vehicles": vehicles, **parts, "day_wall_s": round(DAY_S * per_second, 1), "machine": machine()}


def _run(scenario: Path, out: Path, vehicles: int, seconds: int, start: str) -> dict[str, Any]:
    """One run; `wall_s` is the simulation's, `cpu_s` and `program_s` the whole program's."""
    summary = out.with_suffix(".json")
    options = [
        "--vehicles",
        str(vehicles),
        "--seed",
        "1",
        "--start",
        f"2026-11-20T{start}+08:00",
        "--for",
        f"{seconds}s",
    ]
    options += ["--speed", "max", "--quiet", "--mqtt-port", "0", "--http-port", "0"]
    options += ["--sink", f"parquet:{out}", "--summary", str(summary)]
    took = measured([sys.executable, "-m", "jinqiao.sandbox.entry", "run", str(scenario), *options])
    told = json.loads(summary.read_text())
    written = told["outlets"]["parquet"]
    return {
        "simulated_s": told["simulated_s"],
        "wall_s": told["wall_s"],
        "program_s": took["wall_s"],
        "cpu_s": took["cpu_s"],
        "written": written["written"],
        "dropped": written["dropped"],
        "bytes_per_row": round(written["bytes"] / max(written["written"], 1), 1),
    }

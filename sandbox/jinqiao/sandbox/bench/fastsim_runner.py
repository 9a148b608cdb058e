"""FASTSim's side of a comparison: runs under the Python of FASTSim's own environment, with the standard library alone.

    PYTHON fastsim_runner.py < request.json

The request is `{"vehicle": {FASTSim's field: value}, "cycles": {name: [m/s each second]}, "soc": 0..1, "seconds": s}`.
The answer, on standard output, holds the energies per cycle and, when `seconds` is not 0, how many vehicle-seconds per
second `RustSimDrive.sim_drive` makes over the first cycle on one core; making the objects is not counted.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    rust = _extension()
    vehicle = _vehicle(rust, request["vehicle"])
    cycles = {name: _cycle(rust, name, speeds) for name, speeds in request["cycles"].items()}
    answer: dict[str, Any] = {"cycles": {}}
    for name, cycle in cycles.items():
        answer["cycles"][name] = _energies(_driven(rust, cycle, vehicle, request["soc"]))
    if request["seconds"]:
        name, cycle = next(iter(cycles.items()))
        answer["speed"] = {"cycle": name, **_speed(rust, cycle, vehicle, request["soc"], request["seconds"])}
    print(json.dumps(answer))


def _extension() -> Any:
    """The Rust extension by itself: the package around it imports plotting and notebooks."""
    folder = Path(sysconfig.get_path("platlib"), "fastsim")
    names = [f"fastsimrust{suffix}" for suffix in importlib.machinery.EXTENSION_SUFFIXES]
    place = next(folder / name for name in names if (folder / name).exists())
    loader = importlib.machinery.ExtensionFileLoader("fastsimrust", str(place))
    spec = importlib.util.spec_from_file_location("fastsimrust", place, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def _vehicle(rust: Any, fields: dict[str, Any]) -> Any:
    """FASTSim's template vehicle with every field of the request in place of its own."""
    data = json.loads(rust.RustVehicle.mock_vehicle().to_json())
    unknown = fields.keys() - data.keys()
    if unknown:
        sys.exit(f"FASTSim knows no field {', '.join(sorted(unknown))}")
    data.update({name: _array(value) if isinstance(value, list) else value for name, value in fields.items()})
    return rust.RustVehicle.from_json(json.dumps(data))


def _cycle(rust: Any, name: str, speeds: list[float]) -> Any:
    still = [0.0] * len(speeds)
    columns: dict[str, list[float]] = {
        "time_s": [*map(float, range(len(speeds)))],
        "mps": speeds,
        "grade": still,
        "road_type": still,
    }
    return rust.RustCycle.from_json(json.dumps({"name": name, **{key: _array(v) for key, v in columns.items()}}))


def _array(values: list[float]) -> dict[str, Any]:
    """An array as FASTSim writes it in JSON."""
    return {"v": 1, "dim": [len(values)], "data": [float(value) for value in values]}


def _driven(rust: Any, cycle: Any, vehicle: Any, soc: float) -> Any:
    drive = rust.RustSimDrive(cycle, vehicle)
    drive.sim_drive(soc)
    return drive


def _energies(drive: Any) -> dict[str, float]:
    """kWh per 100 km at the terminals and out of the cells (by state of charge), and the largest speed error."""
    per_100km = 100.0 / (sum(drive.dist_m) / 1000.0)
    return {
        "terminal_kwh_per_100km": sum(drive.ess_kw_out_ach) / 3600.0 * per_100km,
        "battery_kwh_per_100km": drive.ess_dischg_kj / 3600.0 * per_100km,
        "max_speed_error_mps": drive.trace_miss_speed_mps,
    }


def _speed(rust: Any, cycle: Any, vehicle: Any, soc: float, seconds: float) -> dict[str, float]:
    steps, spent, runs = len(list(cycle.mps)) - 1, 0.0, 0
    while spent < seconds:
        drive = rust.RustSimDrive(cycle, vehicle)
        began = time.perf_counter()
        drive.sim_drive(soc)
        spent += time.perf_counter() - began
        runs += 1
    return {"runs": runs, "wall_s": spent, "vehicle_steps_per_s": runs * steps / spent}


if __name__ == "__main__":
    main()

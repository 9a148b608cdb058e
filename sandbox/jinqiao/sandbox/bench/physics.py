"""`jinqiao bench physics`: vehicle-steps per second of the full car model on one core, beside FASTSim's Rust engine.

Every car of the fleet drives the same cycle, each at another place of it, in its own weather with its climate control
on: road load, motor map, regenerative braking, climate, cells, heat. Nothing is left out or sampled. One of them, the
probe, drives the cycle from its start at 23 degC with the climate control off; its consumption is the one that
`jinqiao catalog simulate` prints.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.vehicles.catalogue import find_vehicle, load_catalogue
from jinqiao.vehicles.cycle_run import CycleMeter, ready
from jinqiao.vehicles.cycles import Cycle, load_cycle
from jinqiao.vehicles.fleet import Fleet
from jinqiao.vehicles.vehicle_file import VehicleModel

from .fastsim import comparable, fastsim_parameters, run_fastsim
from .machine import machine

__all__ = ["bench_physics", "measure_fleet", "measure_peer"]

#: The probe, and the car that FASTSim drives: its road load is one that FASTSim can take.
PROBE = "bmw-i3-edrive35l-2022"
PROBE_ROW = slice(0, 1)
#: Cars of the fleet beside the probe's: as many models as a mixed fleet may have, each a block of its own.
MODELS = 8
AMBIENT_DEGC, WEATHER_DEGC = 23.0, (-10.0, 38.0)
SOC, SEED = 0.9, 7


def bench_physics(vehicles: int, cycle_name: str, *, peer_seconds: float = 1.0) -> dict[str, Any]:
    """The figures; without FASTSim's environment `fastsim` says what is missing and there is no ratio."""
    figures = measure_fleet(vehicles, load_cycle(cycle_name))
    peer = measure_peer(cycle_name, peer_seconds)
    if "vehicle_steps_per_s" in peer:
        figures["ratio_to_fastsim"] = round(figures["vehicle_steps_per_s"] / peer["vehicle_steps_per_s"], 1)
    return {**figures, "fastsim": peer, "machine": machine()}


def measure_fleet(vehicles: int, cycle: Cycle) -> dict[str, Any]:
    """Drive the cycle with all cars once; only this is timed, not the making of the fleet."""
    fleet, trace_mps, place = _fleet(vehicles, cycle)
    ambient_degc = np.random.default_rng(SEED).uniform(*WEATHER_DEGC, vehicles).astype(np.float32)
    ambient_degc[0] = AMBIENT_DEGC
    meter = CycleMeter(fleet, PROBE_ROW)
    everyone, steps = slice(None), cycle.duration_s
    wanted_mps = np.empty(vehicles, dtype=np.float32)
    measured_s = 0.0
    cpu_s, began = time.process_time(), time.perf_counter()
    for _ in range(steps):
        place += 1
        np.take(trace_mps, place, out=wanted_mps, mode="clip")
        fleet.drive(everyone, wanted_mps, ambient_degc)
        reading = time.perf_counter()
        meter.read(float(wanted_mps[0]))
        measured_s += time.perf_counter() - reading
    wall_s = time.perf_counter() - began - measured_s
    cpu_s = time.process_time() - cpu_s - measured_s
    (result,) = meter.results(cycle, AMBIENT_DEGC)
    return {
        "vehicles": vehicles,
        "models": len(fleet.models),
        "steps": steps,
        "wall_s": round(wall_s, 3),
        "cpu_s": round(cpu_s, 3),
        "vehicle_steps_per_s": round(vehicles * steps / wall_s),
        "vehicle": result.vehicle,
        "cycle": cycle.name,
        "battery_kwh_per_100km": round(result.battery_kwh_per_100km, 4),
    }


def measure_peer(cycle_name: str, seconds: float) -> dict[str, Any]:
    """FASTSim with the probe's parameters over the same cycle, or `{"missing": why}`."""
    try:
        answer = run_fastsim(fastsim_parameters(comparable(_probe())), [cycle_name], seconds=seconds)
    except EnvironmentFault as fault:
        return {"missing": str(fault)}
    (energies,) = answer["cycles"].values()
    return {
        "version": "2.1.5 (Rust)",
        "runs": answer["speed"]["runs"],
        "wall_s": round(answer["speed"]["wall_s"], 3),
        "vehicle_steps_per_s": round(answer["speed"]["vehicle_steps_per_s"]),
        "battery_kwh_per_100km": round(energies["battery_kwh_per_100km"], 4),
    }


def _probe() -> VehicleModel:
    return find_vehicle(PROBE)


def _fleet(vehicles: int, cycle: Cycle) -> tuple[Fleet, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A fleet on the move: the cars, the trace two times in a row, and where each car is on it."""
    if vehicles < 1:
        raise InputError(f"found {vehicles} vehicles, expected at least 1")
    others = [model for model in load_catalogue().values() if model.id != PROBE]
    models = [_probe(), *others[: MODELS - 1]]
    fleet = Fleet(
        models,
        (np.arange(vehicles) * len(models) // vehicles).astype(np.int16),
        seed=SEED,
        initial_soc=np.full(vehicles, SOC),
        ambient_degc=AMBIENT_DEGC,
        dynamometer=True,
    )
    fleet.begin_trip(slice(None))
    ready(fleet, PROBE_ROW, AMBIENT_DEGC, "off")
    lap_mps = cycle.speed_kmh[1:] * np.float32(1 / 3.6)
    trace_mps = np.concatenate([np.zeros(1, dtype=np.float32), lap_mps, lap_mps])
    place = np.random.default_rng(SEED).integers(0, cycle.duration_s, vehicles)
    place[0] = 0
    fleet.speed_mps[:] = trace_mps[place]
    return fleet, trace_mps, place

"""One of our cars in FASTSim 2.1.5 (NREL): the same parameters in its words, and its answer.

FASTSim knows no coast-down coefficients, no limits of braking beside those of motor and battery and no regenerating
from a lowest speed on, so the car's file must have the physical road load and no `regen` block.
"""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jinqiao.base.errors import EnvironmentFault
from jinqiao.vehicles.cycles import load_cycle
from jinqiao.vehicles.powertrain import BEST_EFFICIENCY, MOTOR_EFFICIENCY, MOTOR_SHARE
from jinqiao.vehicles.road_load import AIR_DENSITY, GRAVITY, ROTATING_MASS
from jinqiao.vehicles.vehicle_file import Regen, VehicleModel

from .peers import FASTSIM

__all__ = ["comparable", "fastsim_parameters", "run_fastsim"]

#: FASTSim's constants where they differ from ours: kg/m³, m/s².
ITS_AIR_DENSITY, ITS_GRAVITY = 1.2, 9.81
#: Shares of peak power of its motor map (it takes eleven), and the wheels its rotating mass sits in.
ITS_SHARES = (0.0, 0.02, 0.04, 0.06, 0.08, 0.10, 0.20, 0.40, 0.60, 0.80, 1.00)
WHEELS, WHEEL_RADIUS_M = 4, 0.334
#: One-way efficiency of the battery in the reference powertrain; ours has resistances instead.
BATTERY_EFFICIENCY = 0.985
START_SOC = 0.9
_RUNNER = Path(__file__).with_name("fastsim_runner.py")


def comparable(model: VehicleModel) -> VehicleModel:
    """The car without what FASTSim cannot describe; ValueError when its road load is a coast-down."""
    if model.road_load.physical is None:
        raise ValueError(f"{model.id} has coast-down coefficients, which FASTSim cannot take")
    return model.model_copy(update={"drivetrain": model.drivetrain.model_copy(update={"regen": Regen()})})


def fastsim_parameters(model: VehicleModel) -> dict[str, Any]:
    """FASTSim's fields for a `comparable` car on the dynamometer."""
    shape, five, mass_kg = model.road_load.physical, model.effective, model.dynamometer_mass_kg
    assert shape is not None
    efficiency = np.minimum(np.interp(ITS_SHARES, MOTOR_SHARE, MOTOR_EFFICIENCY) * five.map_scale, BEST_EFFICIENCY)
    peak_kw, gross_kwh = model.drivetrain.peak_kw, model.battery.gross_kwh
    # Wheels heavy enough to make up the rotating share of the mass.
    wheel_inertia = (ROTATING_MASS - 1.0) * mass_kg * WHEEL_RADIUS_M**2 / WHEELS
    return {
        "scenario_name": model.id,
        "veh_year": model.model_year,
        "veh_pt_type": "BEV",
        "veh_override_kg": mass_kg,
        "drag_coef": shape.cd * AIR_DENSITY / ITS_AIR_DENSITY,
        "frontal_area_m2": shape.frontal_area_m2,
        "wheel_rr_coef": shape.rolling_resistance * GRAVITY / ITS_GRAVITY,
        "wheel_inertia_kg_m2": wheel_inertia,
        "num_wheels": float(WHEELS),
        "wheel_radius_m": WHEEL_RADIUS_M,
        "wheel_coef_of_fric": 1.0,
        "drive_axle_weight_frac": 1.0,  # tyres do not limit it on a cycle
        "veh_cg_m": 0.0,
        "fs_max_kw": 0.0,
        "fs_kwh": 0.0,
        "fc_max_kw": 0.0,
        "mc_max_kw": peak_kw,
        "mc_pwr_out_perc": list(ITS_SHARES),
        "mc_eff_map": efficiency.tolist(),
        "mc_sec_to_peak_pwr": 1.0,  # a motor that is at its peak within a step
        "ess_max_kw": peak_kw / 0.8,
        "ess_max_kwh": gross_kwh,
        "ess_round_trip_eff": BATTERY_EFFICIENCY**2,
        "min_soc": 0.02,
        "max_soc": 0.98,
        "mph_fc_on": 1.0,
        "chg_eff": five.charge,
        "aux_kw": five.aux_w / 1000.0,
        "force_aux_on_fc": False,
        "trans_eff": five.transmission,
        "max_regen": five.regen_share,
        # A share of the braking that fades at walking pace, as ours: FASTSim's own default.
        "regen_a": 500.0,
        "regen_b": 0.99,
    }


def run_fastsim(parameters: Mapping[str, Any], cycles: Sequence[str], *, seconds: float = 0.0) -> dict[str, Any]:
    """FASTSim's answer (see `fastsim_runner`); EnvironmentFault when it is not installed or fails.

    With `seconds` it also reports its speed, measured for about that long over the first of the cycles.
    """
    if not FASTSIM.present:
        raise EnvironmentFault("FASTSim is not installed, make its environment with: jinqiao bench install-fastsim")
    request = {
        "vehicle": parameters,
        "cycles": {name: (load_cycle(name).speed_kmh.astype(np.float64) / 3.6).tolist() for name in cycles},
        "soc": START_SOC,
        "seconds": seconds,
    }
    command = [str(FASTSIM.python), "-I", str(_RUNNER)]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=False)
    if done.returncode:
        told = done.stderr.strip().splitlines() or ["no message"]
        raise EnvironmentFault(f"FASTSim failed (exit status {done.returncode}): {told[-1]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    assert all(math.isfinite(row["battery_kwh_per_100km"]) for row in answer["cycles"].values())
    return answer

"""What a car will need before it has driven: planning consumption per model."""

from __future__ import annotations

import numpy as np

from .arrays import F4s
from .cycles import load_cycle
from .parameters import Parameters
from .powertrain import electric_power_w, shaft_power_w
from .road_load import wheel_power_w

__all__ = ["planning_kwh_per_km"]

#: Mixed driving in and around a city.
CYCLE = "WLTC"
NO_LIMIT_W = np.full(1, 1e9, dtype=np.float32)


def planning_kwh_per_km(models: Parameters) -> F4s:
    """Consumption of each model over `CYCLE` at the battery, in mild weather, kWh/km, shape (models,)."""
    cycle = load_cycle(CYCLE)
    speed = cycle.speed_kmh * np.float32(1 / 3.6)
    start, end = speed[:-1], speed[1:]
    mean = (start + end) * np.float32(0.5)
    energy_j = []
    for number in range(len(models.train.aux_w)):
        model = models.at(number)
        wheel_w = wheel_power_w(model.road, start, end)
        shaft_w = shaft_power_w(model.train, wheel_w, mean, NO_LIMIT_W)
        electric_w = electric_power_w(model.train, shaft_w) + model.train.aux_w
        energy_j.append(float(electric_w.sum(dtype=np.float64)))
    return (np.array(energy_j) / 3.6e6 / (cycle.distance_m / 1000.0)).astype(np.float32)

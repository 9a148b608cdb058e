"""What frames are made of: the columns of some vehicles at one instant, every cell included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import F4s
from ..cells import probes_of_car, voltages_of_car
from ..damage.state import Quantity
from ..fleet import Fleet
from ..told import Tell, stretched
from .messages.battery import ABSENT_CELL_DEGC, ABSENT_CELL_V, MOST_CELLS
from .sources import with_sources

__all__ = ["Snapshots"]

_CHEMISTRIES = {"nmc": 0, "lfp": 1}
_VIN_PLACES = 18
#: `ContactorState` of a contactor that sticks.
CONTACTOR_FAULT = 3


class Snapshots:
    """Reads the vehicles `rows` (strictly rising, shape (n,)) of a fleet; what never changes is looked up once."""

    def __init__(self, fleet: Fleet, rows: NDArray[np.intp]) -> None:
        self._fleet, self._rows = fleet, rows
        models = [fleet.models[number] for number in fleet.model_of[rows].tolist()]
        self._series = np.array([model.layout.series for model in models], dtype=np.int64)
        if self._series.size and self._series.max() > MOST_CELLS:
            raise ValueError(f"CellVoltages has room for {MOST_CELLS} cells, found {self._series.max()}")
        vins = fleet.vins[rows]
        letters = np.zeros((len(rows), _VIN_PLACES), dtype=np.uint8)
        letters[:, :17] = np.frombuffer(vins.tobytes(), dtype=np.uint8).reshape(-1, 17)
        strong, weak = fleet.strong_cell[rows], fleet.weak_cell[rows]
        self._strong = strong
        # Mean 0 and gap 1 give the places of the cells between their extremes, and likewise for the probes.
        self._cells = _padded(
            [
                voltages_of_car(bytes(vin), int(series), int(high), int(low), 0.0, 1.0)
                for vin, series, high, low in zip(vins, self._series, strong, weak, strict=True)
            ]
        )
        self._probes = _padded(
            [
                probes_of_car(bytes(vin), int(series), (0.5, -0.5))
                for vin, series in zip(vins, self._series, strict=True)
            ]
        )
        self._known: dict[str, NDArray[Any]] = {
            "vin": letters,
            "series_cells": self._series,
            "chemistry": np.array([_CHEMISTRIES[m.battery.chemistry] for m in models], dtype=np.uint8),
        }

    def take(
        self, time_s: float | NDArray[np.float64], world: Mapping[str, NDArray[Any]], tell: Tell | None = None
    ) -> dict[str, Any]:
        """All columns now, as they are told; `world` gives the signals that no car knows (`sampling.WORLD_SIGNALS`).

        `time_s` is that of their clocks, one for all or shape (n,). Without `tell` all is told as it is. A missing
        value is what was told last: this bus has no word for it.
        """
        signals: dict[str, NDArray[Any]] = dict(world)
        for group in ("core", "detail"):
            # What is only a view of a fleet's column would go on with the fleet.
            signals.update({name: np.array(values) for name, values in self._fleet.sample(self._rows, group).items()})
        gap = signals["cell_voltage_max"].astype(np.float64) - signals["cell_voltage_min"]
        gap *= np.where(signals["cell_voltage_max_index"] == self._strong, 1.0, -1.0)
        mean = signals["pack_voltage"] / self._series
        volts = mean[:, None] + gap[:, None] * self._cells
        high, low = signals["cell_temperature_max"].astype(np.float64), signals["cell_temperature_min"]
        temperatures = ((high + low) / 2.0)[:, None] + (high - low)[:, None] * self._probes
        odd = self._fleet.odd_cells(self._rows)
        if odd is not None:  # damaged cells lie off the places of their neighbours
            odd.lay_over_volts(volts, self._cells)
            odd.lay_over_degc(temperatures, self._probes)
        told = tell(self._rows, signals) if tell is not None else None
        if told is not None:
            true, signals = signals, dict(told.signals)
            volts = _or(stretched(volts, told, true, "cell_voltage_min", "cell_voltage_max"), volts)
            temperatures = _or(
                stretched(temperatures, told, true, "cell_temperature_min", "cell_temperature_max"), temperatures
            )
        columns: dict[str, NDArray[Any]] = {**self._known, **signals}
        columns["time_s"] = np.full(len(self._rows), time_s, np.float64)
        columns["cell_voltages"] = self._present(volts, ABSENT_CELL_V)
        columns["cell_temperatures"] = self._present(temperatures, ABSENT_CELL_DEGC)
        return self._with_contactors(with_sources(columns))

    def _with_contactors(self, columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Those that stick say so, and what does not open stays under voltage."""
        damage = self._fleet.damage
        if damage is None:
            return columns
        opens, closes = (damage.of(stuck, self._rows) == 0.0 for stuck in (Quantity.STUCK_CLOSED, Quantity.STUCK_OPEN))
        columns["high_voltage"] = (columns["high_voltage"] | ~opens) & closes
        columns["contactor_state"] = np.where(opens & closes, columns["contactor_state"], CONTACTOR_FAULT)
        return columns

    def _present(self, values: NDArray[Any], absent: float) -> NDArray[np.float64]:
        """Values of all cells, those that a pack does not have marked."""
        return np.where(np.arange(MOST_CELLS) < self._series[:, None], values, absent)


def _or(values: NDArray[Any] | None, otherwise: NDArray[Any]) -> NDArray[Any]:
    return otherwise if values is None else values


def _padded(rows: list[F4s]) -> NDArray[np.float32]:
    padded = np.zeros((len(rows), MOST_CELLS), dtype=np.float32)
    for row, values in enumerate(rows):
        padded[row, : len(values)] = values
    return padded

"""All parameter tables of a fleet's models together, looked up once per block of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .battery import Pack
from .charging import Inlet
from .climate import Cabin
from .powertrain import Powertrain
from .road_load import RoadLoad
from .vehicle_file import VehicleModel

__all__ = ["Parameters"]


@dataclass(frozen=True, slots=True)
class Parameters:
    road: RoadLoad
    train: Powertrain
    pack: Pack
    cabin: Cabin
    inlet: Inlet

    @classmethod
    def of(cls, models: Sequence[VehicleModel], *, dynamometer: bool) -> Parameters:
        return cls(
            RoadLoad.of(models, dynamometer=dynamometer),
            Powertrain.of(models, dynamometer=dynamometer),
            Pack.of(models),
            Cabin.of(models),
            Inlet.of(models),
        )

    def at(self, index: int | NDArray[np.intp]) -> Parameters:
        """The parameters of rows: see `PerModel.at`."""
        return Parameters(
            self.road.at(index), self.train.at(index), self.pack.at(index), self.cabin.at(index), self.inlet.at(index)
        )

    def some(self, rows: NDArray[np.intp]) -> Parameters:
        """Of parameters `at` rows those of some of these rows."""
        return Parameters(
            self.road.some(rows),
            self.train.some(rows),
            self.pack.some(rows),
            self.cabin.some(rows),
            self.inlet.some(rows),
        )

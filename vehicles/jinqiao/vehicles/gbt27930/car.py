"""The two at the cable: what a car reports to its charger, however it is computed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinqiao.wire.gbt32960.forms import BEIJING

from ..vehicle_file import VehicleModel

__all__ = ["CELL_MOST_V", "MOST_A", "Car", "Station"]

#: Beyond this no current can be said on the wire: (0 + 400) × 10 steps below zero.
MOST_A = 400.0
#: Largest voltage of a cell, V (charging standards of packs: NMC 4.25, LFP 3.65).
CELL_MOST_V = {"nmc": 4.25, "lfp": 3.65}


@dataclass(frozen=True, slots=True)
class Station:
    """A DC charger: the window of its voltage and current."""

    number: int = 1
    most_v: float = 1000.0
    least_v: float = 200.0
    most_a: float = MOST_A
    least_a: float = 0.0


class Car(ABC):
    """A car on the cable of a DC station; volts, amperes (negative while charging, as on the wire), degC."""

    model: VehicleModel
    station: Station
    vin: bytes
    soc: float  #: as shown, 0..1
    seconds: float  #: of charging
    delivered_kwh: float
    allowed: bool  #: whether current may flow; a pause forbids it
    clock: Callable[[], datetime]  #: of the session, for CTS

    def __init__(self, model: VehicleModel, station: Station, vin: bytes) -> None:
        self.model, self.station, self.vin = model, station, vin
        self.soc = self.seconds = self.delivered_kwh = 0.0
        self.allowed = True
        self.clock = lambda: datetime.now(BEIJING)
        #: What its messages say in this second, as far as it has been worked out: cleared when the second is over.
        self.said: dict[str, Mapping[str, Any]] = {}

    @abstractmethod
    def step(self) -> float | None:
        """A second of current; the share of it at which the target was reached, None while it is not."""

    @abstractmethod
    def stop(self) -> None:
        """No current any more."""

    @abstractmethod
    def signal(self, name: str) -> float:
        """A row of the signal table now."""

    @property
    @abstractmethod
    def voltage_v(self) -> float:
        """At the connector."""

    @property
    @abstractmethod
    def wire_a(self) -> float:
        """The pack's current."""

    @property
    @abstractmethod
    def output_a(self) -> float:
        """The charger's: the pack's and what the car itself uses meanwhile."""

    @abstractmethod
    def wanted_a(self) -> float:
        """What the car would take now, not negative, and no more than the station said it has."""

    @property
    def most_v(self) -> float:
        return CELL_MOST_V[self.model.battery.chemistry] * self.model.layout.series

    @property
    def most_a(self) -> float:
        """The largest current the car's charging curve can ask for."""
        charging = self.model.charging
        assert charging is not None
        return min(MOST_A, max(kw for _, kw in charging.dc_curve) * 1000.0 / (0.9 * self.model.layout.nominal_v))

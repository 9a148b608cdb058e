"""What the agent asks of the car behind it, and what it says in the car's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Batch, Command, Outcome

__all__ = ["Answered", "Outgoing", "VehicleControl"]


class Answered(NamedTuple):
    """A service that was called, the code of the answer, and when the call came, simulated UTC, ms."""

    service: str
    code: int
    arrived_ms: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message of the vehicle in `row`; `answers` says what it answers, where somebody wants to know."""

    row: int
    topic: str
    payload: bytes
    qos: int = 0
    answers: Answered | None = None


class VehicleControl(Protocol):
    """The vehicles; rows are fleet rows. All of it acts at once, at the present simulated second."""

    @property
    def time_ms(self) -> int:
        """Simulated UTC, ms."""

    def execute(self, command: Command) -> Outcome:
        """Do what is asked, or refuse with a code and a reason."""

    def look(self, rows: NDArray[Any]) -> list[Batch]:
        """A fresh sample of these vehicles, at most one batch per telemetry group; rows rise strictly."""

    def install(self, row: int, version: str, duration_s: float) -> Outcome:
        """Install and reboot, silent for that long; refused unless parked."""

    def software_version(self, row: int) -> str:
        """What the vehicle runs."""

    def ota_failure(self, row: int) -> int:
        """0, or the step (-1 to -4) at which its next upgrade fails."""

    def report_every(self, rows: NDArray[np.intp], intervals_s: Mapping[str, float]) -> Outcome:
        """Other reporting intervals: seconds by `driving`, `charging`, `parked`, `detail`; what is absent stays."""

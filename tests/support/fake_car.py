"""Cars that do as they are told and remember it, for tests of what speaks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Batch, Command, Outcome

__all__ = ["FakeCar"]

_COLUMNS = {
    "charging:ChargeLimit": ("charge_limit", 90),
    "climate:TargetTemperature": ("target_temperature", 21.0),
    "body:Locked": ("locked", 1),
}


class FakeCar:
    """Cars with three properties. `refusal` answers every command while it is set; moving cars install nothing."""

    def __init__(self, n: int = 4) -> None:
        self.time_ms = 1_800_000_000_000
        self.commands: list[Command] = []
        self.refusal: Outcome | None = None
        self.moving: set[int] = set()
        self.failure = 0
        self.versions = dict.fromkeys(range(n), "1.0.0")
        self.installed: list[tuple[int, str, float]] = []
        self.intervals: list[tuple[list[int], dict[str, float]]] = []
        self.values = {address: [value] * n for address, (_, value) in _COLUMNS.items()}

    def execute(self, command: Command) -> Outcome:
        if self.refusal is not None:
            return self.refusal
        self.commands.append(command)
        if command.kind == "set":
            for address, value in command.arguments.items():
                self.values[address][command.vehicle] = value
        return Outcome(output={"Codes": ["P0A1F"]} if command.identifier == "ReadDtc" else {})

    def look(self, rows: NDArray[Any]) -> list[Batch]:
        columns = {
            name: np.array([self.values[address][row] for row in rows]) for address, (name, _) in _COLUMNS.items()
        }
        return [Batch.at(self.time_ms, "detail", np.asarray(rows, np.int32), columns)]

    def install(self, row: int, version: str, duration_s: float) -> Outcome:
        if row in self.moving:
            return Outcome(1002, "not parked")
        self.installed.append((row, version, duration_s))
        self.versions[row] = version
        return Outcome()

    def software_version(self, row: int) -> str:
        return self.versions[row]

    def ota_failure(self, _: int) -> int:
        return self.failure

    def report_every(self, rows: NDArray[np.intp], intervals_s: Mapping[str, float]) -> Outcome:
        self.intervals.append((rows.tolist(), dict(intervals_s)))
        return Outcome()

"""Diagnostic requests that come down to a vehicle of the world as a `CanBatch`, and its replies as one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import CanSecond, Command, Outcome
from jinqiao.vehicles.can.diagnostics.car import NotMeasured
from jinqiao.vehicles.can.diagnostics.unit import DiagnosticUnit
from jinqiao.vehicles.told import Told
from jinqiao.wire.render.can import can_batch, read_frames

from ..dtc import Dtc

if TYPE_CHECKING:
    from jinqiao.vehicles.fleet import Fleet

__all__ = ["BUS", "Diagnostics"]

#: `bus` of requests and replies.
BUS = "diagnostic"
#: A frame of eight bytes lasts so long at 500 kbit/s: replies go back to back.
_FRAME_US = 250
#: Testers at work at once; the one that has been silent longest is forgotten.
MOST_UNITS = 10_000


class Diagnosed(Protocol):
    """What a tester reaches of the world."""

    fleet: Fleet

    def clock_ms(self, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """What the clocks of these vehicles show, simulated UTC."""

    def surroundings(self, rows: NDArray[np.intp]) -> Mapping[str, NDArray[Any]]:
        """What these vehicles do not know of themselves."""

    def tell(self, rows: NDArray[np.intp], signals: Mapping[str, NDArray[Any]]) -> Told | None:
        """What these vehicles report of these true signals; None where that is the same."""

    def dtcs(self, row: int) -> Sequence[Dtc]:
        """What one vehicle has stored."""

    def execute(self, command: Command) -> Outcome:
        """Let one vehicle do what it is asked."""


class _Car:
    """One row of the world as its control unit sees it."""

    def __init__(self, world: Diagnosed, row: int) -> None:
        self._world, self._row = world, row
        self._rows = np.array([row], dtype=np.intp)
        self.vin = world.fleet.vins[row].decode("ascii")

    def read(self, signal: str) -> float:
        around = self._world.surroundings(self._rows)
        if signal not in around:
            around = self._world.fleet.sample(self._rows, SIGNALS[signal].group)
        told = self._world.tell(self._rows, {signal: around[signal]})
        if told is None:
            return float(around[signal][0])
        if signal in told.missing:
            raise NotMeasured(signal)
        return float(told.signals[signal][0])

    def codes(self) -> Sequence[Dtc]:
        return self._world.dtcs(self._row)

    def clear(self) -> None:
        self._world.execute(Command(self._row, "service", "ClearDtc"))


class Diagnostics:
    """Answers for all vehicles of a world: `respond` is what takes raw data that comes down to a row."""

    def __init__(self, world: Diagnosed) -> None:
        self._world = world
        self._units: OrderedDict[int, DiagnosticUnit] = OrderedDict()

    def respond(self, row: int, payload: bytes) -> bytes | None:
        """The `CanBatch` of replies to a `CanBatch` of requests; None if it is not one or nobody answers."""
        asked = read_frames(payload, BUS)
        replies = self._unit(row).take(asked) if asked else []
        if not replies:
            return None
        count = len(replies)
        second = CanSecond(
            int(self._world.clock_ms(np.array([row], dtype=np.intp))[0]),
            BUS,
            np.array([row], dtype=np.int32),
            np.array([count], dtype=np.int64),
            np.arange(1, count + 1, dtype=np.uint32) * np.uint32(_FRAME_US),
            np.array([identifier for identifier, _ in replies], dtype=np.uint32),
            np.array([len(data) for _, data in replies], dtype=np.uint8),
            np.frombuffer(b"".join(data.ljust(8, b"\0") for _, data in replies), dtype=np.uint8).reshape(-1, 8),
        )
        return can_batch(second, self._world.fleet.vins)

    def _unit(self, row: int) -> DiagnosticUnit:
        unit = self._units.pop(row, None) or DiagnosticUnit(_Car(self._world, row))
        self._units[row] = unit
        if len(self._units) > MOST_UNITS:
            self._units.popitem(last=False)
        return unit

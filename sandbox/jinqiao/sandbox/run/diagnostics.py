"""Diagnostic requests that come down to a simulated vehicle as a `CanBatch`, and its replies as one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from google.protobuf.message import DecodeError

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Command
from jinqiao.simulator.dtc import Dtc
from jinqiao.simulator.world import World
from jinqiao.telemetry.v1.can_pb2 import CanBatch
from jinqiao.vehicles.can.diagnostics.unit import DiagnosticUnit

__all__ = ["BUS", "Diagnostics"]

#: `bus` of requests and replies.
BUS = "diagnostic"
#: Frames of one request batch that are looked at: the longest ISO-TP message is 586.
MOST_FRAMES = 1024
#: Testers at work at once; the one that has been silent longest is forgotten.
MOST_UNITS = 10_000


class _Car:
    """One row of the world as its control unit sees it."""

    def __init__(self, world: World, row: int) -> None:
        self._world, self._row = world, row
        self._rows = np.array([row], dtype=np.intp)
        self.vin = world.fleet.vins[row].decode("ascii")

    def read(self, signal: str) -> float:
        around = self._world.surroundings(self._rows)
        if signal in around:
            return float(around[signal][0])
        return float(self._world.fleet.sample(self._rows, SIGNALS[signal].group)[signal][0])

    def codes(self) -> Sequence[Dtc]:
        return self._world.dtcs(self._row)

    def clear(self) -> None:
        self._world.obey(Command(self._row, "service", "ClearDtc"))


class Diagnostics:
    """Answers for all vehicles of a world: `respond` is what takes raw data that comes down to a row."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._units: OrderedDict[int, DiagnosticUnit] = OrderedDict()

    def respond(self, row: int, payload: bytes) -> bytes | None:
        """The `CanBatch` of replies to a `CanBatch` of requests; None if it is none or nobody answers."""
        try:
            asked = CanBatch.FromString(payload)
        except DecodeError:
            return None
        count = len(asked.id)
        if asked.bus != BUS or not 0 < count <= MOST_FRAMES:
            return None
        if len(asked.length) != count or len(asked.data) != 8 * count or max(asked.length) > 8:
            return None
        frames = [(asked.id[i], asked.data[8 * i : 8 * i + asked.length[i]]) for i in range(count)]
        replies = self._unit(row).take(frames)
        if not replies:
            return None
        return CanBatch(
            vin=self._world.fleet.vins[row].decode("ascii"),
            bus=BUS,
            start_ms=self._world.time_ms,
            offset_us=[
                250 * (i + 1) for i in range(len(replies))
            ],  # back to back: a frame of eight bytes lasts so long
            id=[identifier for identifier, _ in replies],
            length=bytes(len(data) for _, data in replies),
            data=b"".join(data.ljust(8, b"\0") for _, data in replies),
        ).SerializeToString()

    def _unit(self, row: int) -> DiagnosticUnit:
        unit = self._units.pop(row, None) or DiagnosticUnit(_Car(self._world, row))
        self._units[row] = unit
        if len(self._units) > MOST_UNITS:
            self._units.popitem(last=False)
        return unit

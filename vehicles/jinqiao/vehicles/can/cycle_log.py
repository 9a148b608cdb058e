"""A car on a drive cycle, as a logger on its CAN sees it: all three buses mirrored onto one of 500 kbit/s."""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

import numpy as np

from jinqiao.base.errors import InputError

from ..cycle_run import SEED, ready
from ..cycles import load_cycle
from ..fleet import Fleet
from ..modes import VehicleState
from ..vehicle_file import VehicleModel
from .candump import candump_lines
from .database import of_bus
from .message import Bus
from .snapshot import Snapshots
from .traffic import CanTraffic, Frames

__all__ = ["START_S", "cycle_frames", "cycle_log"]

#: Time of a log's second 0, seconds since 1970 (2023-11-14 22:13:20 UTC): equal commands give equal files.
START_S = 1_700_000_000
_KMH = np.float32(1 / 3.6)
#: Where the dynamometer stands: the town's hub. A car on rollers does not move.
_PLACE = {"longitude": 121.5957, "latitude": 31.2497, "altitude": 5.0, "heading": 90.0}


def cycle_frames(
    model: VehicleModel, cycle: str, seconds: int, *, ambient_degc: float = 23.0, bus: Bus | None = None
) -> Iterator[Frames]:
    """The frames of each second of the cycle's first `seconds`, of one vehicle.

    Raises InputError for an unknown cycle and for more seconds than it has.
    """
    trace = load_cycle(cycle)
    if not 1 <= seconds <= trace.duration_s:
        raise InputError(f"found {seconds} seconds, expected from 1 to {trace.duration_s}, the length of {trace.name}")
    fleet = Fleet(
        [model],
        np.zeros(1, dtype=np.int16),
        seed=SEED,
        initial_soc=np.array([0.9]),
        ambient_degc=ambient_degc,
        dynamometer=True,
    )
    ready(fleet, slice(0, 1), ambient_degc, "auto")
    fleet.vehicle_state[:] = VehicleState.DRIVING
    place = {**_PLACE, "coordinate_system": 1.0, "satellites": 12.0, "ambient_temperature": ambient_degc}
    world = {name: np.full(1, value) for name, value in place.items()}
    snapshots = Snapshots(fleet, np.zeros(1, dtype=np.intp))
    traffic = CanTraffic(of_bus(bus), np.array([crc32(bytes(fleet.vins[0]))], dtype=np.uint32))
    before = snapshots.take(START_S, world)
    for second in range(seconds):
        fleet.drive(slice(0, 1), float(trace.speed_kmh[second + 1] * _KMH), ambient_degc)
        after = snapshots.take(START_S + second + 1, world)
        yield traffic.second(second, before, after)
        before = after


def cycle_log(
    model: VehicleModel, cycle: str, seconds: int, *, ambient_degc: float = 23.0, bus: Bus | None = None
) -> Iterator[bytes]:
    """The same as candump lines, second by second; second 0 of the cycle is the first frame's."""
    first_s: float | None = None
    for second, frames in enumerate(cycle_frames(model, cycle, seconds, ambient_degc=ambient_degc, bus=bus)):
        sent = frames.sent[0]
        if first_s is None:
            first_s = float(frames.offset_s[0, sent][0])
        time_s = START_S + second + (frames.offset_s[0, sent] - first_s)
        yield candump_lines(time_s, frames.id[0, sent], False, frames.length[0, sent], frames.data[0, sent])

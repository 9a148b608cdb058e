"""One car on a drive cycle as its terminal would report it: login, real-time data at whole seconds, logout."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import InputError
from jinqiao.wire.gbt32960.forms import BEIJING, Time
from jinqiao.wire.gbt32960.frame import encode_frame
from jinqiao.wire.gbt32960.signing import Signer
from jinqiao.wire.gbt32960.vehicle import login, logout

from ..cycle_run import MPS_PER_KMH, SEED, ready
from ..cycles import load_cycle
from ..fleet import Fleet
from ..vehicle_file import VehicleModel
from ..vin import VIN_ALPHABET
from .columns import VehicleReader
from .writer import FrameWriter

__all__ = ["START", "Drive", "report_cycle"]

#: When the cycle's second 0 is: any date would do, and a fixed one gives the same bytes each time.
START = datetime(2026, 3, 2, 8, 0, 0, tzinfo=BEIJING)
_SERIAL = 1


class Drive(NamedTuple):
    """What is to be driven and reported: seconds of a cycle, a frame each `every` seconds."""

    model: VehicleModel
    cycle: str
    seconds: int
    every: int = 10
    ambient_degc: float = 23.0
    vin: str | None = None


def report_cycle(drive: Drive, edition: str, signer: Signer | None = None) -> Iterator[bytes]:
    """The frames in order; `signer` signs those of 2025.

    Raises InputError for an unknown cycle, more seconds than it has, an invalid VIN.
    """
    fleet = _fleet(drive)
    vin = bytes(fleet.vins[0]).decode()
    writer, reader, row = FrameWriter(edition, signer), VehicleReader(fleet), np.zeros(1, dtype=np.intp)
    start_ms = int(START.timestamp() * 1000)
    yield encode_frame(login(edition, vin, START, _SERIAL))
    for second in _driven(fleet, drive):
        if second % drive.every == 0:
            yield from writer.write(fleet.vins, start_ms + second * 1000, reader.read(row))
    yield encode_frame(logout(edition, vin, Time.at_ms(start_ms + drive.seconds * 1000), _SERIAL))


def _fleet(drive: Drive) -> Fleet:
    fleet = Fleet(
        [drive.model],
        np.zeros(1, dtype=np.int16),
        seed=SEED,
        initial_soc=np.array([0.9]),
        ambient_degc=drive.ambient_degc,
        dynamometer=True,
    )
    if drive.vin is not None:
        fleet.vins[0] = _vin(drive.vin)
    return fleet


def _vin(text: str) -> bytes:
    """17 characters of the VIN alphabet; the check digit is the user's own affair: test VINs often have none."""
    wrong = sorted(set(text) - set(VIN_ALPHABET))
    if len(text) != 17 or wrong:
        why = f"{len(text)} characters" if len(text) != 17 else f"the characters {' '.join(wrong)}"
        raise InputError(f"--vin: found {text!r} with {why}, expected 17 out of {VIN_ALPHABET}")
    return text.encode()


def _driven(fleet: Fleet, drive: Drive) -> Iterator[int]:
    """Each second reached, from 0 on; the car stands at its start when 0 is given."""
    trace = load_cycle(drive.cycle)
    last = len(trace.speed_kmh) - 1
    if not 0 < drive.seconds <= last:
        raise InputError(f"--seconds: found {drive.seconds}, expected 1 to {last}, the length of {trace.name}")
    speed_mps: NDArray[np.float32] = trace.speed_kmh * MPS_PER_KMH
    ready(fleet, slice(0, 1), drive.ambient_degc, "auto")
    fleet.vehicle_state[:] = 1
    yield 0
    for second in range(1, drive.seconds + 1):
        fleet.drive(slice(0, 1), float(speed_mps[second]), drive.ambient_degc)
        yield second

"""A charging session as a candump log: `jinqiao can log --charge`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from jinqiao.base.errors import EnvironmentFault
from jinqiao.wire.gbt32960.forms import BEIJING

from ..can.candump import MICROSECONDS, candump_lines
from ..vehicle_file import VehicleModel
from .charge import Charge
from .session import BusFrame, Session, Silence

__all__ = ["candump", "session_log", "write_session"]

#: Stamp of the moment the plug is in: any would do, a fixed one gives the same bytes each time.
EPOCH_S = 1_700_000_000


def candump(frames: Iterable[BusFrame], epoch_s: int = EPOCH_S) -> bytes:
    """The frames as `candump -l` writes them: `(1700000000.000000) can0 182756F4#A40F`, one a line."""
    played = list(frames)
    data = np.frombuffer(b"".join(frame.data.ljust(8, b"\0") for frame in played), dtype=np.uint8).reshape(-1, 8)
    return candump_lines(
        [epoch_s + frame.time_us / MICROSECONDS for frame in played],
        [frame.id for frame in played],
        True,
        [len(frame.data) for frame in played],
        data,
    )


def session_log(
    vehicle: VehicleModel,
    from_pct: float = 50.0,
    to_pct: float = 52.0,
    power_kw: float = 120.0,
    ambient: float = 25.0,
    *,
    stop: tuple[str, float] | None = None,
    silence: Silence | None = None,
) -> bytes:
    """The log of one charge; see `Session` for `stop` and `silence`. InputError for bad values."""
    charge = Charge(vehicle, from_percent=from_pct, to_percent=to_pct, power_kw=power_kw, ambient_degc=ambient)
    began = datetime.fromtimestamp(EPOCH_S, UTC).astimezone(BEIJING)
    return candump(Session(charge, stop=stop, silence=silence, began=began).frames())


def write_session(
    vehicle: VehicleModel, from_pct: float, to_pct: float, power_kw: float, ambient: float, out: Path
) -> int:
    """Write the log of one charge; how many frames. EnvironmentFault if the file cannot be written."""
    log = session_log(vehicle, from_pct, to_pct, power_kw, ambient)
    try:
        out.write_bytes(log)
    except OSError as error:
        raise EnvironmentFault(f"--out: {out} cannot be written: {error.strerror}") from error
    return log.count(b"\n")

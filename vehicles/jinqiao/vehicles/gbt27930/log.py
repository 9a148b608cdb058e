"""A charging session as a candump log: `jinqiao can log --charge`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from jinqiao.base.errors import EnvironmentFault

from ..gbt32960.forms import BEIJING
from ..vehicle_file import VehicleModel
from .charge import Charge
from .session import BusFrame, Session, Silence

__all__ = ["candump", "session_lines", "write_session"]

#: Stamp of the moment the plug is in: any would do, a fixed one gives the same bytes each time.
EPOCH_S = 1_700_000_000
_CHANNEL = "can0"


def candump(frames: Iterable[BusFrame], epoch_s: int = EPOCH_S, channel: str = _CHANNEL) -> Iterator[str]:
    """Lines of `candump -l`: `(1700000000.000000) can0 182756F4#A40F`."""
    for frame in frames:
        second, micro = divmod(frame.time_us, 1_000_000)
        yield f"({epoch_s + second}.{micro:06d}) {channel} {frame.id:08X}#{frame.data.hex().upper()}\n"


def session_lines(
    vehicle: VehicleModel,
    from_pct: float = 50.0,
    to_pct: float = 52.0,
    power_kw: float = 120.0,
    ambient: float = 25.0,
    *,
    stop: tuple[str, float] | None = None,
    silence: Silence | None = None,
) -> Iterator[str]:
    """The lines of one charge, as they come; see `Session` for `stop` and `silence`. InputError for bad values."""
    charge = Charge(vehicle, from_percent=from_pct, to_percent=to_pct, power_kw=power_kw, ambient_degc=ambient)
    began = datetime.fromtimestamp(EPOCH_S, UTC).astimezone(BEIJING)
    yield from candump(Session(charge, stop=stop, silence=silence, began=began).frames())


def write_session(
    vehicle: VehicleModel, from_pct: float, to_pct: float, power_kw: float, ambient: float, out: Path
) -> int:
    """Write the log of one charge; how many frames. EnvironmentFault if the file cannot be written."""
    lines = list(session_lines(vehicle, from_pct, to_pct, power_kw, ambient))
    try:
        out.write_text("".join(lines))
    except OSError as error:
        raise EnvironmentFault(f"--out: {out} cannot be written: {error.strerror}") from error
    return len(lines)

"""The charger's bus: DC sessions of the vehicles that send it as GB/T 27930 frames, second by second.

Few cars send CAN, and fewer are on a DC cable; each session is an object of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import EXTENDED, CanSecond
from jinqiao.vehicles.damage.state import Cause
from jinqiao.vehicles.fleet import Fleet
from jinqiao.vehicles.gbt27930.car import Station
from jinqiao.vehicles.gbt27930.live import LiveCar, LiveSession, Seen
from jinqiao.vehicles.gbt27930.session import BusFrame, frame_us
from jinqiao.vehicles.modes import ChargingState, Plug
from jinqiao.vehicles.vin import serial_of
from jinqiao.wire.gbt32960.forms import BEIJING

__all__ = ["CHARGER_BUS", "ChargerBus"]

CHARGER_BUS: Literal["charger"] = "charger"
_ON = (ChargingState.HANDSHAKE, ChargingState.CHARGING)


class ChargerBus:
    """The DC sessions of the vehicles `rows` (fleet rows, rising, shape (n,)) of a world that begins at `start_ms`."""

    def __init__(self, fleet: Fleet, rows: NDArray[np.intp], start_ms: int) -> None:
        self._fleet, self._rows, self._start_ms = fleet, rows, start_ms
        self._sessions: dict[int, LiveSession] = {}
        self._played_s = 0

    def seconds(self, columns: Mapping[str, NDArray[Any]], now_s: int) -> Iterator[CanSecond]:
        """Each second since the last call in which somebody spoke; `columns` are what the vehicles tell at `now_s`.

        How far a session is follows the cars as they are, whatever they tell.
        """
        fleet = self._fleet
        began_s, self._played_s = self._played_s, now_s
        plugged, states = fleet.plug_state[self._rows] == Plug.DC, fleet.charging_state[self._rows]
        places = np.flatnonzero(plugged)
        known = [place for place in self._sessions if not plugged[place]]
        if not len(places) and not known:
            return
        rows = self._rows[places]
        acceptable = dict(zip(places.tolist(), fleet.acceptable_kw(rows).tolist(), strict=True))
        full = dict(zip(places.tolist(), fleet.at_charge_limit(rows).tolist(), strict=True))
        spoken: dict[int, dict[int, list[BusFrame]]] = {}
        for place in sorted({*places.tolist(), *known}):
            state = ChargingState(int(states[place])) if plugged[place] else ChargingState.IDLE
            signals = {name: float(values[place]) for name, values in columns.items() if np.ndim(values) == 1}
            cause = Cause.NONE if fleet.damage is None else Cause(int(fleet.damage.cause[self._rows[place]]))
            seen = Seen(state, signals, acceptable.get(place, 0.0), bool(full.get(place)), cause)
            for second, frames in self._played(place, seen, began_s, now_s):
                spoken.setdefault(second, {})[place] = frames
        for second, of_place in sorted(spoken.items()):
            yield self._second(second, of_place)

    def _played(self, place: int, seen: Seen, began_s: int, now_s: int) -> Iterator[tuple[int, list[BusFrame]]]:
        """A session's seconds from `began_s` to now. What was seen at their end holds for all of them."""
        session = self._sessions.get(place)
        if session is None:
            if seen.state not in _ON:
                return
            # A state lasts at least a second, and the world is looked at when it changes: it began in the last one.
            began_s = now_s - 1
            session = self._sessions[place] = self._session(place, seen, began_s)
        for second in range(began_s, now_s):
            frames = session.second(seen)
            if frames:
                yield second, frames
        if session.over or seen.state == ChargingState.IDLE:
            del self._sessions[place]

    def _session(self, place: int, seen: Seen, began_s: int) -> LiveSession:
        fleet, row = self._fleet, int(self._rows[place])
        vin = bytes(fleet.vins[row])
        # Each car's chargers have one number, its serial: rows depend on who else is in the world.
        car = LiveCar(fleet.models[int(fleet.model_of[row])], vin, Station(number=serial_of(vin.decode()) + 1))
        return LiveSession(car, seen, datetime.fromtimestamp((self._start_ms + began_s * 1000) / 1000, BEIJING))

    def _second(self, second: int, of_place: Mapping[int, list[BusFrame]]) -> CanSecond:
        frames = [frame for spoken in of_place.values() for frame in spoken]
        data = b"".join(frame.data.ljust(8, b"\0") for frame in frames)
        return CanSecond(
            self._start_ms + second * 1000,
            CHARGER_BUS,
            self._rows[list(of_place)].astype(np.int32),
            np.array([len(spoken) for spoken in of_place.values()], dtype=np.int64),
            np.array([frame.time_us for frame in frames], dtype=np.uint32),
            np.array([frame.id | EXTENDED for frame in frames], dtype=np.uint32),
            np.array([len(frame.data) for frame in frames], dtype=np.uint8),
            np.frombuffer(data, dtype=np.uint8).reshape(-1, 8),
            load=np.array([_busy_s(spoken) for spoken in of_place.values()], dtype=np.float32),
        )


def _busy_s(frames: list[BusFrame]) -> float:
    """How long the bus was busy with these frames, s."""
    return sum(frame_us(len(frame.data)) for frame in frames) / 1e6

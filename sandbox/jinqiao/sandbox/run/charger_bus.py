"""The charger's bus of a run: DC sessions of instrumented vehicles as GB/T 27930 frames, a CanBatch a second.

Few cars are instrumented, and fewer are on a DC cable; each session is an object of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jinqiao.simulator.world import World
from jinqiao.telemetry.v1.can_pb2 import CanBatch
from jinqiao.vehicles.gbt27930.car import Station
from jinqiao.vehicles.gbt27930.live import LiveCar, LiveSession, Seen
from jinqiao.vehicles.gbt27930.session import BusFrame, frame_us
from jinqiao.vehicles.gbt32960.forms import BEIJING
from jinqiao.vehicles.modes import ChargingState, Plug

__all__ = ["CHARGER_BUS", "ChargerBus"]

CHARGER_BUS: Literal["charger"] = "charger"
#: Bit 31 of an identifier in CanBatch: it has 29 bits.
_EXTENDED = 1 << 31
_ON = (ChargingState.HANDSHAKE, ChargingState.CHARGING)


class ChargerBus:
    """The DC sessions of the vehicles `rows` (fleet rows, shape (n,)); call `batches` after every advance."""

    def __init__(self, world: World, rows: NDArray[np.intp]) -> None:
        self._world, self._rows = world, rows
        self._sessions: dict[int, LiveSession] = {}
        self._told_s = world.elapsed_s

    def batches(self, columns: Mapping[str, NDArray[Any]]) -> Iterator[tuple[int, CanBatch]]:
        """(place in `rows`, batch) of each second since the last call; `columns` are the vehicles' signals now."""
        world, fleet = self._world, self._world.fleet
        began_s, self._told_s = self._told_s, world.elapsed_s
        plugged = columns["plug_state"] == Plug.DC
        places = np.flatnonzero(plugged)
        known = [place for place in self._sessions if not plugged[place]]
        if not len(places) and not known:
            return
        rows = self._rows[places]
        acceptable = dict(zip(places.tolist(), fleet.acceptable_kw(rows).tolist(), strict=True))
        full = dict(zip(places.tolist(), fleet.at_charge_limit(rows).tolist(), strict=True))
        for place in sorted({*places.tolist(), *known}):
            state = ChargingState(int(columns["charging_state"][place])) if plugged[place] else ChargingState.IDLE
            signals = {name: float(values[place]) for name, values in columns.items() if np.ndim(values) == 1}
            seen = Seen(state, signals, acceptable.get(place, 0.0), bool(full.get(place)))
            yield from ((place, batch) for batch in self._played(place, seen, began_s))

    def _played(self, place: int, seen: Seen, began_s: int) -> Iterator[CanBatch]:
        """A session's seconds from `began_s` to now. What was seen at their end holds for all of them."""
        session = self._sessions.get(place)
        now_s = self._world.elapsed_s
        if session is None:
            if seen.state not in _ON:
                return
            # A state lasts at least a second, and the world is looked at when it changes: it began in the last one.
            began_s = now_s - 1
            session = self._sessions[place] = self._session(place, seen, began_s)
        for second in range(began_s, now_s):
            frames = session.second(seen)
            if frames:
                yield self._batch(place, second, frames)
        if session.over or seen.state == ChargingState.IDLE:
            del self._sessions[place]

    def _session(self, place: int, seen: Seen, began_s: int) -> LiveSession:
        fleet, row = self._world.fleet, int(self._rows[place])
        vin = bytes(fleet.vins[row])
        # Each car's chargers have one number, its serial: rows depend on who else is in the world.
        car = LiveCar(fleet.models[int(fleet.model_of[row])], vin, Station(number=int(vin[-6:]) + 1))
        return LiveSession(car, seen, datetime.fromtimestamp(self._start_ms(began_s) / 1000, BEIJING))

    def _start_ms(self, second: int) -> int:
        return self._world.scenario.start_ms + second * 1000

    def _batch(self, place: int, second: int, frames: list[BusFrame]) -> CanBatch:
        return CanBatch(
            vin=bytes(self._world.fleet.vins[self._rows[place]]).decode("ascii"),
            bus=CHARGER_BUS,
            start_ms=self._start_ms(second),
            offset_us=[frame.time_us for frame in frames],
            id=[frame.id | _EXTENDED for frame in frames],
            length=bytes(len(frame.data) for frame in frames),
            data=b"".join(frame.data.ljust(8, b"\0") for frame in frames),
            load=sum(frame_us(len(frame.data)) for frame in frames) / 1e6,
        )

"""Raw CAN of the vehicles that send it: after every step of the world, the frames of the second that has passed.

A car's buses sleep while it stands; they are awake while it drives, charges or waits for a charger.

Inside, a vehicle is a *place*: its position among the vehicles that send CAN. Outside it is a row of the fleet, as
everywhere; `places` translates, and nobody else needs to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import CanSecond
from jinqiao.vehicles.can.database import of_bus
from jinqiao.vehicles.can.fault_state import CanFaultState
from jinqiao.vehicles.can.message import BUSES, Bus
from jinqiao.vehicles.can.snapshot import Snapshots
from jinqiao.vehicles.can.traffic import CanTraffic, Frames
from jinqiao.vehicles.fleet import Fleet
from jinqiao.vehicles.modes import VehicleState
from jinqiao.vehicles.told import Told

from .charger import CHARGER_BUS, ChargerBus

if TYPE_CHECKING:
    from ..scenario.can import BusName, CanSpec

__all__ = ["Buses"]

#: What the world knows of some vehicles that they do not know of themselves: rows → signal → column.
Surroundings: TypeAlias = Callable[[NDArray[np.intp]], Mapping[str, NDArray[Any]]]


class Teller(Protocol):
    """Knows what vehicles tell where their sensors or clocks are wrong."""

    def tell(self, rows: NDArray[np.intp], signals: Mapping[str, NDArray[Any]]) -> Told | None:
        """What these vehicles report of these true signals; None where that is the same."""

    def clock_ms(self, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """What their clocks show, simulated UTC, shape (m,)."""


class Buses:
    """The buses of the vehicles that send raw CAN: of each fleet, its first `CanSpec.vehicles`.

    `specs` gives each fleet's rows and what it says of CAN, in the order of the rows; `start_ms` is when the world
    begins. `rows` are the vehicles' fleet rows, strictly rising; `faults` is what is wrong on their buses, by place.
    """

    def __init__(self, fleet: Fleet, specs: Sequence[tuple[slice, CanSpec | None]], start_ms: int) -> None:
        firsts = [
            np.arange(rows.start, min(rows.start + can.vehicles, rows.stop)) for rows, can in specs if can is not None
        ]
        self.rows = np.concatenate(firsts).astype(np.intp) if firsts else np.zeros(0, dtype=np.intp)
        self.faults = CanFaultState(len(self.rows))
        self._fleet, self._start_ms = fleet, start_ms
        self._snapshots = Snapshots(fleet, self.rows)
        seeds = np.array([crc32(bytes(vin)) for vin in fleet.vins[self.rows]], dtype=np.uint32)
        senders = {bus: self._senders(bus, specs, fleet.n) for bus in (*BUSES, CHARGER_BUS)}
        self._sends: dict[Bus, NDArray[np.bool_]] = {bus: senders[bus] for bus in BUSES if senders[bus].any()}
        self._traffic: dict[Bus, CanTraffic] = {bus: CanTraffic(of_bus(bus), seeds) for bus in self._sends}
        self._on_charger = np.flatnonzero(senders[CHARGER_BUS])
        self._charger = ChargerBus(fleet, self.rows[self._on_charger], start_ms)
        self._before: dict[str, NDArray[Any]] | None = None
        self._before_s, self._was_awake = -1, np.zeros(len(self.rows), dtype=np.bool_)

    def _senders(self, bus: BusName, specs: Sequence[tuple[slice, CanSpec | None]], n: int) -> NDArray[np.bool_]:
        sends = np.zeros(n, dtype=np.bool_)
        for rows, can in specs:
            sends[rows] = can is not None and bus in can.buses
        chosen: NDArray[np.bool_] = sends[self.rows]
        return chosen

    def __len__(self) -> int:
        return len(self.rows)

    def places(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Where these fleet rows, all of which send CAN, stand in `rows` and in `faults`."""
        return np.searchsorted(self.rows, rows).astype(np.intp)

    def collect(self, now_s: int, surroundings: Surroundings, teller: Teller | None = None) -> tuple[CanSecond, ...]:
        """What was on the buses since the last call; `now_s` is the end of the second that has just passed.

        With `teller` control units tell what that says; who is awake, and plugged in, follows the cars as they are.
        """
        return tuple(self._collect(now_s, surroundings, teller)) if len(self.rows) else ()

    def _collect(self, now_s: int, surroundings: Surroundings, teller: Teller | None) -> Iterator[CanSecond]:
        time_s: float | NDArray[np.float64] = float(self._start_ms // 1000 + now_s)
        if teller is None:
            after = self._snapshots.take(time_s, surroundings(self.rows))
        else:
            time_s = teller.clock_ms(self.rows) / 1000.0
            after = self._snapshots.take(time_s, surroundings(self.rows), teller.tell)
        if len(self._on_charger):
            yield from self._charger.seconds({name: v[self._on_charger] for name, v in after.items()}, now_s)
        before, self._before, before_s, self._before_s = self._before, after, self._before_s, now_s
        was_awake, self._was_awake = self._was_awake, self._fleet.vehicle_state[self.rows] != VehicleState.PARKED
        if before is None or before_s != now_s - 1:  # the world slept between; a course needs both of its ends
            return
        awake = was_awake & self._was_awake
        if not awake.any():
            return
        for bus, traffic in self._traffic.items():
            frames = traffic.second(now_s - 1, before, after, self.faults, awake)
            heard = awake & self._sends[bus] & (frames.sent.any(axis=1) | (frames.errors > 0))
            if heard.any():
                yield self._second(frames, bus, now_s - 1, np.flatnonzero(heard))

    def _second(self, frames: Frames, bus: Bus, second: int, places: NDArray[np.intp]) -> CanSecond:
        """The frames that were sent at these places, vehicle by vehicle."""
        everywhere = len(places) == len(self.rows)
        sent = frames.sent if everywhere else frames.sent[places]

        def kept(values: NDArray[Any]) -> NDArray[Any]:
            chosen: NDArray[Any] = (values if everywhere else values[places])[sent]
            return chosen

        return CanSecond(
            self._start_ms + second * 1000,
            bus,
            self.rows[places].astype(np.int32),
            sent.sum(axis=1),
            np.rint(np.maximum(kept(frames.offset_s), 0.0) * 1e6).astype(np.uint32),
            kept(frames.id).astype(np.uint32),
            kept(frames.length),
            kept(frames.data),
            frames.errors[places].astype(np.uint32),
            frames.load[places].astype(np.float32),
        )

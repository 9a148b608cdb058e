"""`jinqiao bench can`: CAN frames per second on one core, beside cantools on the same messages and values.

Both sides make the same bytes: the protected messages of the powertrain and battery buses with counter and checksum,
and, for the whole picture, one full second of everything on many buses, arbitration included.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import EnvironmentFault
from jinqiao.vehicles.can.crc import crc8
from jinqiao.vehicles.can.database import MESSAGES, of_bus
from jinqiao.vehicles.can.dbc import dbc_text
from jinqiao.vehicles.can.message import CanMessage
from jinqiao.vehicles.can.pack import COUNTS, pack
from jinqiao.vehicles.can.snapshot import Snapshots
from jinqiao.vehicles.can.traffic import CanTraffic
from jinqiao.vehicles.catalogue import find_vehicle
from jinqiao.vehicles.fleet import Fleet
from jinqiao.vehicles.modes import VehicleState

from .machine import machine

__all__ = ["bench_can"]

#: Frames of one call: what stays in a second-level cache is fastest.
_BLOCK = 16_384
#: Frames that cantools encodes per round and message; it takes some ten microseconds each.
_PEER_FRAMES = 400
_CAR = "bmw-i4-edrive40-2022"

Columns = dict[str, NDArray[np.float64]]


def bench_can(vehicles: int, seconds: float) -> dict[str, Any]:
    """Packs for about `seconds` each way; `vehicles` are the buses of the whole-second figure."""
    try:
        import cantools
    except ImportError as missing:
        raise EnvironmentFault("bench can needs its peer: pip install cantools") from missing
    protected = [message for message in MESSAGES.values() if message.protected]
    database: Any = cantools.database.load_string(dbc_text(of_bus(None), "bench"), "dbc")
    random = np.random.default_rng(1)
    columns = {m.name: {s.name: random.uniform(s.low, s.high, _BLOCK) for s in m.signals} for m in protected}
    counter = np.arange(_BLOCK) % COUNTS
    _same_bytes(protected, columns, counter, database)
    ours: list[float] = []
    theirs: list[float] = []
    deadline = time.process_time() + 2 * seconds
    while time.process_time() < deadline or not ours:
        ours.append(_rate(lambda: _pack_all(protected, columns, counter), _BLOCK * len(protected), seconds / 20))
        theirs.append(_rate(lambda: _encode_all(protected, columns, database), _PEER_FRAMES * len(protected), 0.0))
    rate, peer = float(np.median(ours)), float(np.median(theirs))
    return {
        "frames_per_s": round(rate),
        "cantools_frames_per_s": round(peer),
        "ratio": round(rate / peer, 1),
        "messages": len(protected),
        "rounds": len(ours),
        "whole_buses": _whole_second(vehicles),
        "machine": machine(),
    }


def _rate(work: Callable[[], None], frames: int, at_least_s: float) -> float:
    """Frames per second of processor time."""
    began, done = time.process_time(), 0
    while not done or time.process_time() - began < at_least_s:
        work()
        done += frames
    return done / max(time.process_time() - began, 1e-9)


def _pack_all(messages: list[CanMessage], columns: dict[str, Columns], counter: NDArray[np.int64]) -> None:
    for message in messages:
        pack(message, columns[message.name], _BLOCK, counter=counter)


def _encode_all(messages: list[CanMessage], columns: dict[str, Columns], database: Any) -> None:
    """The peer's columns are Python lists already and its range checks are off, its fastest way."""
    for message in messages:
        encode, name = database.get_message_by_name(message.name).encode, message.name
        head = bytes((message.id & 0xFF, message.id >> 8))
        names = list(columns[name])
        rows = zip(*(values[:_PEER_FRAMES].tolist() for values in columns[name].values()), strict=True)
        for number, row in enumerate(rows):
            given = dict(zip(names, row, strict=True))
            given[f"{name}_Counter"], given[f"{name}_CRC"] = number % COUNTS, 0
            data = bytearray(encode(given, strict=False))
            data[7] = crc8(head + data[:7])


def _same_bytes(
    messages: list[CanMessage], columns: dict[str, Columns], counter: NDArray[np.int64], database: Any
) -> None:
    """A fast way to other bytes would be no figure at all."""
    for message in messages:
        frame = pack(message, columns[message.name], _BLOCK, counter=counter)[5].tobytes()
        given = {name: float(values[5]) for name, values in columns[message.name].items()}
        given |= {f"{message.name}_Counter": 5, f"{message.name}_CRC": frame[7]}
        if bytes(database.get_message_by_name(message.name).encode(given, strict=False)) != frame:
            raise AssertionError(f"{message.name} is packed otherwise than by cantools")


def _whole_second(vehicles: int) -> dict[str, Any]:
    """All messages of `vehicles` cars for one second: sampled, packed, measured bit by bit, arbitrated."""
    fleet = Fleet(
        [find_vehicle(_CAR)],
        np.zeros(vehicles, dtype=np.int16),
        seed=1,
        initial_soc=np.full(vehicles, 0.8),
        ambient_degc=20.0,
    )
    fleet.vehicle_state[:] = VehicleState.DRIVING
    world = {
        name: np.full(vehicles, value)
        for name, value in {
            **dict.fromkeys(("longitude", "latitude", "altitude", "heading"), 30.0),
            **dict.fromkeys(("coordinate_system", "satellites", "ambient_temperature"), 1.0),
        }.items()
    }
    snapshots = Snapshots(fleet, np.arange(vehicles))
    before = snapshots.take(0.0, world)
    fleet.drive(slice(None), 5.0, 20.0)
    after = snapshots.take(1.0, world)
    traffic = CanTraffic(of_bus(None), np.arange(vehicles, dtype=np.uint32))
    traffic.second(0, before, after)
    began = time.process_time()
    frames = traffic.second(1, before, after)
    spent = time.process_time() - began
    return {
        "vehicles": vehicles,
        "frames": len(frames),
        "frames_per_s": round(len(frames) / max(spent, 1e-9)),
        "bus_load": round(float(frames.load.mean()), 4),
    }

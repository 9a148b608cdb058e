"""Raw CAN of the vehicles that send it: a second of frames becomes protobuf batches on two topics.

A car's buses sleep while it stands; they are awake while it drives, charges or waits for a charger.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from jinqiao.gateway.house import HouseLink
from jinqiao.gateway.mqtt.encoding import encode
from jinqiao.gateway.mqtt.packets import Publish
from jinqiao.gateway.vehicle_links import VehicleLinks
from jinqiao.simulator.scenario.can import BusName
from jinqiao.simulator.world import World
from jinqiao.vehicles.can.batch import can_batches
from jinqiao.vehicles.can.database import of_bus
from jinqiao.vehicles.can.fault_state import CanFaultState
from jinqiao.vehicles.can.message import BUSES, Bus
from jinqiao.vehicles.can.snapshot import Snapshots
from jinqiao.vehicles.can.traffic import CanTraffic
from jinqiao.vehicles.modes import VehicleState

from .charger_bus import CHARGER_BUS, ChargerBus
from .summary import Summary

__all__ = ["CAN_TOPICS", "CanPackets", "CanStream", "instrumented"]

#: By product key and device name: the thing model's raw data, and a custom topic for whoever wants CAN alone.
CAN_TOPICS = ("/sys/{}/{}/thing/model/up_raw", "/{}/{}/user/can")
KIND = "can_batch"


@dataclass(frozen=True, slots=True)
class CanPackets:
    """Ready PUBLISH packets of equal length: row i is that of fleet row `vehicles[i]`."""

    vehicles: NDArray[np.int32]
    matrix: NDArray[np.uint8]


def instrumented(world: World) -> NDArray[np.intp]:
    """The fleet rows that send raw CAN, strictly rising: of each fleet its first ones."""
    rows = [
        np.arange(rows.start, min(rows.start + spec.telemetry.can.vehicles, rows.stop))
        for _, rows, spec in world.fleets
        if spec.telemetry.can is not None
    ]
    return np.concatenate(rows).astype(np.intp) if rows else np.zeros(0, dtype=np.intp)


class CanStream:
    """The buses of all instrumented vehicles of a world; call `packets` once after every `World.advance`.

    `rows` are their fleet rows and `faults` what is wrong on their buses, in the same order.
    """

    def __init__(self, world: World, product_key: str, names: NDArray[np.bytes_]) -> None:
        self.rows = instrumented(world)
        self.faults = CanFaultState(len(self.rows))
        self._world, self._product_key = world, product_key
        self._names = [name.decode() for name in names[self.rows].tolist()]
        self._name_lengths = np.array([len(name) for name in self._names], dtype=np.int64)
        self._vins = world.fleet.vins[self.rows]
        self._snapshots = Snapshots(world.fleet, self.rows)
        seeds = np.array([crc32(bytes(vin)) for vin in self._vins], dtype=np.uint32)
        self._traffic: dict[Bus, CanTraffic] = {bus: CanTraffic(of_bus(bus), seeds) for bus in BUSES}
        self._sends: dict[Bus, NDArray[np.bool_]] = {bus: self._senders(bus) for bus in BUSES}
        self._on_charger = np.flatnonzero(self._senders(CHARGER_BUS))
        self._charger = ChargerBus(world, self.rows[self._on_charger])
        self._before: dict[str, NDArray[Any]] | None = None
        self._before_s = -1

    def _senders(self, bus: BusName) -> NDArray[np.bool_]:
        sends = np.zeros(self._world.fleet.n, dtype=np.bool_)
        for _, rows, spec in self._world.fleets:
            can = spec.telemetry.can
            sends[rows] = can is not None and bus in can.buses
        chosen: NDArray[np.bool_] = sends[self.rows]
        return chosen

    def __len__(self) -> int:
        return len(self.rows)

    def packets(self) -> Iterator[CanPackets]:
        """The packets of the second that has just passed; none before two samples are known."""
        world = self._world
        if not len(self.rows):
            return
        start_s = world.scenario.start_ms // 1000
        now_s = world.elapsed_s
        after = self._snapshots.take(float(start_s + now_s), world.surroundings(self.rows))
        yield from self._charger_packets(after)
        before, self._before, before_s, self._before_s = self._before, after, self._before_s, now_s
        if before is None or before_s != now_s - 1:  # the world slept between; a course needs both of its ends
            return
        awake = (before["vehicle_state"] != VehicleState.PARKED) & (after["vehicle_state"] != VehicleState.PARKED)
        if not awake.any():
            return
        start_ms = world.time_ms - 1000
        for bus, traffic in self._traffic.items():
            wanted = np.flatnonzero(awake & self._sends[bus])
            if not self._sends[bus].any():
                continue
            frames = traffic.second(now_s - 1, before, after, self.faults, awake)
            for rows, payloads in can_batches(frames, bus, start_ms, self._vins, wanted):
                yield from self._publish(rows, payloads)

    def _charger_packets(self, columns: dict[str, NDArray[Any]]) -> Iterator[CanPackets]:
        """The batches of DC sessions, a packet each: a car between two phases says more than another."""
        if not len(self._on_charger):
            return
        chosen = {name: values[self._on_charger] for name, values in columns.items()}
        for place, batch in self._charger.batches(chosen):
            payload = np.frombuffer(batch.SerializeToString(), dtype=np.uint8)[None, :]
            yield from self._publish(self._on_charger[place : place + 1], payload)

    def _publish(self, rows: NDArray[np.intp], payloads: NDArray[np.uint8]) -> Iterator[CanPackets]:
        """Both topics of these batches; names of one length make packets of one length."""
        lengths = self._name_lengths[rows]
        for length in np.unique(lengths).tolist():
            same = lengths == length
            names = np.array([self._names[row] for row in rows[same].tolist()], dtype=f"S{length}")
            for topic in CAN_TOPICS:
                yield CanPackets(
                    self.rows[rows[same]].astype(np.int32), self._matrix(topic, names, length, payloads[same])
                )

    def _matrix(
        self, topic: str, names: NDArray[np.bytes_], length: int, payloads: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        size = payloads.shape[1]
        mark = "\x01" * length  # stands for the name while the packet's head is made
        head = bytes(encode(Publish(topic.format(self._product_key, mark), bytes(size))))[:-size]
        matrix = np.empty((len(names), len(head) + size), dtype=np.uint8)
        matrix[:, : len(head)] = np.frombuffer(head, dtype=np.uint8)
        place = head.index(mark.encode())
        matrix[:, place : place + length] = np.frombuffer(names.tobytes(), dtype=np.uint8).reshape(-1, length)
        matrix[:, len(head) :] = payloads
        return matrix

    async def publish(self, link: HouseLink | None, own: VehicleLinks, summary: Summary) -> None:
        """Send the second's packets, each over its vehicle's own connection where it has one."""
        for packets in self.packets():
            data = packets.matrix.reshape(-1).data
            summary.add(KIND, len(packets.vehicles), data)
            apart = own.owns(packets.vehicles) if len(own) else np.zeros(len(packets.vehicles), dtype=np.bool_)
            for row in np.flatnonzero(apart):
                if not own.send(int(packets.vehicles[row]), packets.matrix[row].tobytes()):
                    summary.not_sent += 1
            if link is not None and not apart.all():
                await link.send(data if not apart.any() else packets.matrix[~apart].reshape(-1).data)

"""`jinqiao run --sink gbt32960://host:port`: every vehicle reports to a platform over a connection of its own.

A vehicle that is awake sends real-time data each `every_s` simulated seconds, one that sleeps when it reports anyway.
In the edition of 2016 an alarm of level 3 adds what each second was for 30 s before it, and each second for 30 s after.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Step
from jinqiao.device.gbt32960.address import Address
from jinqiao.device.gbt32960.fleet import FleetLinks, Times
from jinqiao.device.gbt32960.link import as_reissue
from jinqiao.simulator.world import World
from jinqiao.vehicles.gbt32960.columns import VehicleReader
from jinqiao.vehicles.gbt32960.writer import FrameWriter
from jinqiao.vehicles.modes import VehicleState
from jinqiao.wire.gbt32960.forms import Time
from jinqiao.wire.gbt32960.frame import encode_frame
from jinqiao.wire.gbt32960.signing import Signer
from jinqiao.wire.gbt32960.vehicle import login, logout

__all__ = ["Gbt32960Sink"]

Rows = NDArray[np.intp]

#: Frames one vehicle keeps while its link is lost: 50 minutes at 10 s; and all vehicles together, bytes.
MOST_KEPT, MOST_KEPT_BYTES = 300, 256 * 1024 * 1024
#: Frames a vehicle that a platform may be behind, on the average, before a run that is faster than it waits.
MOST_UNANSWERED = 4
#: Seconds before and after an alarm of level 3 (2016, 6.1.3), and the fleet up to which the seconds before are kept.
BURST_S, BURST_LEVEL, BURST_VEHICLES = 30, 3, 5_000
_WORLD = ("longitude", "latitude", "coordinate_system", "satellites")
_LEAST_SATELLITES = 4
_FIGURES = (
    "logins",
    "sent",
    "acknowledged",
    "reissued",
    "lost",
    "alarm_frames",
    "rejected",
    "refused",
    "broken",
    "kept",
)


class Gbt32960Sink:
    """Nothing a platform does holds the run up: what it does not take is kept, and in the end lost."""

    name = "gbt32960"
    each_second = True

    def __init__(self, address: Address, world: World, times: Times | None = None) -> None:
        fleet = world.fleet
        self.address = address
        self._world, self._fleet, self._reader = world, fleet, VehicleReader(fleet)
        self._writer = FrameWriter(address.edition, Signer() if address.sign and address.edition == "2025" else None)
        self._past: deque[tuple[int, dict[int, bytes]]] = deque(maxlen=BURST_S)
        self._names = [name.decode() for name in fleet.vins.tolist()]
        self._serials = np.zeros(fleet.n, dtype=np.int32)
        self._known = {name: np.zeros(fleet.n) for name in _WORLD}
        places = [
            np.arange(rows.stop - rows.start) for _, rows, _ in world.fleets
        ]  # in its fleet, whatever else drives
        self._phase = np.concatenate(places) % address.every_s
        self._burst_until_s = np.full(fleet.n, -1, dtype=np.int64)
        self._alarmed = np.zeros(fleet.n, dtype=np.bool_)
        self._bursts = address.edition == "2016" and fleet.n <= BURST_VEHICLES
        largest = max(self._writer.size(model.layout.series) for model in fleet.models)
        most_kept = max(1, min(MOST_KEPT, MOST_KEPT_BYTES // (largest * fleet.n)))
        self._links = FleetLinks(
            address.host, address.port, address.edition, self._login, self._names, most_kept=most_kept, times=times
        )

    async def start(self) -> None:
        """Log all vehicles in. EnvironmentFault when no platform answers."""
        await self._links.start()

    async def take(self, step: Step) -> None:
        """What one simulated second brought: encode the vehicles that are due, hand it to the links."""
        batches = step.true_batches  # frames are told of the truth, as posts are
        await asyncio.sleep(0)
        await self._links.ease(MOST_UNANSWERED)
        for batch in batches:
            for name in _WORLD:
                if name in batch.signals:
                    self._known[name][batch.vehicles] = batch.signals[name]
            if "longitude" in batch.signals:  # a position comes of a fix, also before the first word on its satellites
                satellites = self._known["satellites"]
                satellites[batch.vehicles] = np.maximum(satellites[batch.vehicles], _LEAST_SATELLITES)
        second = self._world.elapsed_s
        state = self._fleet.vehicle_state
        awake = np.isin(state, (VehicleState.DRIVING, VehicleState.CHARGING, VehicleState.QUEUEING))
        due = awake & ((second + self._phase) % self.address.every_s == 0)
        for batch in batches:
            if batch.group == "core":
                due[batch.vehicles[~awake[batch.vehicles]]] = True
        if self._bursts:
            self._burst(second, awake, due)
            return
        self._send(self._encoded(np.flatnonzero(due)))

    async def close(self) -> dict[str, Any]:
        """Log out; logins, sent, acknowledged, re-issued, lost frames and the rest."""
        await self._links.close(self._logout)
        counts = self._links.counts
        return {name: counts[name] for name in _FIGURES if counts[name] or name in _FIGURES[:5]}

    # Frames.

    def _encoded(self, rows: Rows) -> Iterator[tuple[int, bytes]]:
        """Real-time frames of these vehicles, model by model."""
        model_of = self._fleet.model_of
        for number in np.unique(model_of[rows]):
            mine = rows[model_of[rows] == number]
            known = {name: self._known[name][mine] for name in _WORLD}
            readings = self._reader.read(mine, known, self._world.tell)
            frames = self._writer.write(self._fleet.vins[mine], self._world.clock_ms(mine), readings)
            yield from zip(mine.tolist(), frames, strict=True)

    def _send(self, frames: Iterator[tuple[int, bytes]]) -> None:
        links = self._links.links
        for row, frame in frames:
            links[row].send_data(frame)

    def _burst(self, second: int, awake: NDArray[np.bool_], due: NDArray[np.bool_]) -> None:
        """Keep each second for half a minute; at an alarm send what was not sent of it, then every second."""
        links = self._links
        everyone = dict(self._encoded(np.flatnonzero(awake | due)))
        alarmed = np.zeros(self._fleet.n, dtype=np.bool_)
        rows = np.fromiter(everyone, np.intp, len(everyone))
        if len(rows):
            alarmed[rows] = self._fleet.sample(np.sort(rows), "core")["alarm_level"] >= BURST_LEVEL
        for row in np.flatnonzero(alarmed & ~self._alarmed).tolist():
            for past_s, frames in self._past:
                regular = (past_s + self._phase[row]) % self.address.every_s == 0
                if row in frames and not regular and past_s > self._burst_until_s[row]:
                    links.counts["alarm_frames"] += 1
                    links.links[row].send_data(as_reissue(frames[row]))
            self._burst_until_s[row] = second + BURST_S
        self._burst_until_s[alarmed] = second + BURST_S
        self._alarmed = alarmed
        bursting = self._burst_until_s >= second
        for row, frame in everyone.items():
            if due[row] or bursting[row]:
                links.counts["alarm_frames"] += int(bool(bursting[row]) and not due[row])
                links.links[row].send_data(frame)
        self._past.append((second, everyone))

    def _login(self, row: int) -> bytes:
        self._serials[row] = self._serials[row] % 65_531 + 1  # 1 to 65531 (2016, table 6)
        time = Time.at_ms(int(self._world.clock_ms(np.array([row]))[0]))
        return encode_frame(login(self.address.edition, self._names[row], time, int(self._serials[row])))

    def _logout(self, row: int) -> bytes:
        time = Time.at_ms(int(self._world.clock_ms(np.array([row]))[0]))
        return encode_frame(logout(self.address.edition, self._names[row], time, int(self._serials[row])))

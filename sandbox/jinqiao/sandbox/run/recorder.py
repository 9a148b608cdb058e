"""`jinqiao run --record FILE`: the run's samples and events into a recording, numbered as the posts are."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Batch, Event
from jinqiao.gateway.recordings.files import create, is_known
from jinqiao.gateway.recordings.parts import Events, Info, Part, RecordedEvent, Recording, Samples
from jinqiao.simulator.world import World
from jinqiao.wire.render.packets import LAST_ID
from jinqiao.wire.render.samples import fixed_point

__all__ = ["Recorder", "parse_record"]


def parse_record(text: str) -> Recorder:
    """The recording that `--record FILE` asks for; raises InputError for a name no recording has."""
    path = Path(text)
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise InputError(f"--record: {path} exists already; remove it, or choose another name")
    if not is_known(path):
        raise InputError(f"--record: found {text!r}, expected FILE.mcap, NAME.parquet or a folder's name")
    return Recorder(path)


class Recorder:
    """An outlet that writes a recording. A disk that fills ends the recording, with a message, and not the run."""

    def __init__(self, path: Path) -> None:
        self.name = f"recording {path.name}"
        self._path = path
        self._sink: Recording | None = None
        self._names: NDArray[np.bytes_] = np.array([], "S1")
        self._sequence = np.zeros(0, np.int32)
        self._taken = {"samples": 0, "events": 0}
        self._failed = False

    async def open(self, world: World, product_key: str, device_names: Sequence[str]) -> None:
        """Begin the file. Raises InputError or EnvironmentFault if that cannot be."""
        self._names = np.array([name.encode() for name in device_names])
        self._sequence = np.zeros(len(self._names), np.int32)
        scenario = {"scenario": world.scenario.name, "start_ms": str(world.time_ms), "source": "jinqiao run"}
        self._sink = create(self._path, Info(product_key, scenario))

    async def take(self, batches: Sequence[Batch], events: Sequence[Event]) -> None:
        """Write what one simulated second brought; the disk's time is taken in a thread."""
        parts: list[Part] = [self._samples(batch) for batch in batches]
        if events:
            parts.append(Events([self._recorded(event) for event in events]))
        counts = sum(map(len, batches)), len(events)
        self._taken["samples"] += counts[0]
        self._taken["events"] += counts[1]
        if self._failed:
            return
        try:
            await asyncio.to_thread(self._write, parts)
        except EnvironmentFault as error:
            self._stopped(error)

    async def close(self) -> dict[str, Any]:
        """Finish the file."""
        if self._sink is None:
            return {"samples": 0}
        try:
            await asyncio.to_thread(self._sink.close)
        except EnvironmentFault as error:
            self._stopped(error)
        kept = self._sink.kept()
        lost = sum(self._taken.values()) - kept["samples"] - kept["events"]
        return {"samples": kept["samples"]} | {
            kind: count for kind, count in (("events", kept["events"]), ("lost", lost)) if count
        }

    def _stopped(self, error: EnvironmentFault) -> None:
        self._failed = True
        print(f"recording stopped: {error}", file=sys.stderr, flush=True)

    def _write(self, parts: list[Part]) -> None:
        assert self._sink is not None
        for part in parts:
            self._sink.write(part)
        self._sink.tick()

    def _samples(self, batch: Batch) -> Samples:
        rows = batch.vehicles
        number = self._sequence[rows] % LAST_ID + 1
        self._sequence[rows] = number
        columns = {
            name: fixed_point(column, SIGNALS[name]).astype(SIGNALS[name].dtype)
            for name, column in batch.signals.items()
        }
        at = np.full(len(batch), batch.time_ms, np.int64)
        return Samples(batch.group, at, self._names[rows], number.astype(np.uint32), columns)

    def _recorded(self, event: Event) -> RecordedEvent:
        number = int(self._sequence[event.vehicle]) % LAST_ID + 1
        self._sequence[event.vehicle] = number
        return RecordedEvent(self._names[event.vehicle].decode(), number, event)

"""`record`, also `jinqiao run --record FILE`: what is published into a recording, numbered as the posts are."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Batch, Event, Step
from jinqiao.gateway.recordings.files import create, is_known
from jinqiao.gateway.recordings.parts import Happenings, Info, Part, Recording, Samples, Told
from jinqiao.simulator.world import World
from jinqiao.wire.render.packets import LAST_ID
from jinqiao.wire.render.samples import fixed_point

from .base import SinkSpec, Text

__all__ = ["RecordSpec", "Recorder"]


class RecordSpec(SinkSpec):
    """A recording of what is published, for `jinqiao replay` and `jinqiao convert` (see recordings.md)."""

    kind = "record"
    where = "FILE"

    file: Text = Field(description="FILE.mcap, NAME.parquet or a new folder's name, from where the run is started.")

    @classmethod
    def at(cls, rest: str, asked: str) -> Self:
        """`record:FILE`. Raises InputError for a name no recording has, or that is taken."""
        path = Path(rest)
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise InputError(f"{asked}: {path} exists already; remove it, or choose another name")
        if not rest or not is_known(path):
            raise InputError(f"{asked}: found {rest!r}, expected FILE.mcap, NAME.parquet or a folder's name")
        return cls(file=rest)

    async def open(self, world: World, product_key: str, device_names: Sequence[str]) -> Recorder:
        """Begin the file. Raises InputError or EnvironmentFault if that cannot be."""
        about = {"scenario": world.scenario.name, "start_ms": str(world.time_ms), "source": "jinqiao run"}
        path = Path(self.file)
        return Recorder(f"recording {path.name}", create(path, Info(product_key, about)), device_names)


class Recorder:
    """Writes a recording. A disk that fills ends the recording, with a message, and not the run."""

    def __init__(self, name: str, recording: Recording, device_names: Sequence[str]) -> None:
        self.name = name
        self._recording = recording
        self._names = np.array([device.encode() for device in device_names])
        self._sequence = np.zeros(len(self._names), np.int32)
        self._taken = {"samples": 0, "events": 0}
        self._failed = False

    async def take(self, step: Step) -> None:
        """Write what one simulated second brought; the disk's time is taken in a thread."""
        batches, events = step.batches, step.events
        parts: list[Part] = [self._samples(batch) for batch in batches]
        if events:
            parts.append(Happenings([self._told(event) for event in events]))
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
        try:
            await asyncio.to_thread(self._recording.close)
        except EnvironmentFault as error:
            self._stopped(error)
        kept = self._recording.kept()
        lost = sum(self._taken.values()) - kept["samples"] - kept["events"]
        return {"samples": kept["samples"]} | {
            kind: count for kind, count in (("events", kept["events"]), ("lost", lost)) if count
        }

    def _stopped(self, error: EnvironmentFault) -> None:
        self._failed = True
        print(f"recording stopped: {error}", file=sys.stderr, flush=True)

    def _write(self, parts: list[Part]) -> None:
        for part in parts:
            self._recording.write(part)
        self._recording.tick()

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

    def _told(self, event: Event) -> Told:
        number = int(self._sequence[event.vehicle]) % LAST_ID + 1
        self._sequence[event.vehicle] = number
        return Told(self._names[event.vehicle].decode(), number, event)

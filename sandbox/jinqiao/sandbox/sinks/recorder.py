"""What writes a run's recording: the sink `record` at work."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Batch, Event, Step
from jinqiao.gateway.recordings.files import create
from jinqiao.gateway.recordings.parts import MS, Events, Info, Messages, Part, RecordedEvent, Recording, Samples
from jinqiao.gateway.stores.traits import traits_of
from jinqiao.simulator.world import World
from jinqiao.wire.render import StepRenderer
from jinqiao.wire.render.numbers import PostNumbers
from jinqiao.wire.render.samples import fixed_point

from .base import traits_of_fleet

__all__ = ["Recorder", "begin_recording"]


def begin_recording(path: Path, world: World, product_key: str, device_names: Sequence[str]) -> Recorder:
    """Begin the file. Raises InputError or EnvironmentFault if that cannot be."""
    about = {"scenario": world.scenario.name, "start_ms": str(world.time_ms), "source": "jinqiao run"}
    about["fleets"] = json.dumps(_by_fleet_and_model(world, device_names), ensure_ascii=False)
    if len(world.towns) > 1:
        named = zip(world.town_names, world.town_rows, strict=True)
        about["towns"] = json.dumps({name: list(device_names[rows]) for name, rows in named}, ensure_ascii=False)
    names = np.array([name.encode() for name in device_names])
    messages = StepRenderer(product_key, names, world.fleet.vins)
    return Recorder(f"recording {path.name}", create(path, Info(product_key, about)), names, messages)


def _by_fleet_and_model(world: World, device_names: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Who is who in a recording: fleet → model → device names."""
    traits = traits_of_fleet(world)
    found: dict[str, dict[str, list[str]]] = {}
    for row, name in enumerate(device_names):
        own = traits_of(traits, row)
        found.setdefault(own["fleet"], {}).setdefault(own["model"], []).append(name)
    return found


class Recorder:
    """Writes a recording. A disk that fills ends the recording, with a message, and not the run.

    Samples and events are kept as columns; CAN and labels as the messages that `messages` renders them to, so that they
    are what a listener at the broker would have recorded.
    """

    each_second = False

    def __init__(
        self, name: str, recording: Recording, device_names: NDArray[np.bytes_], messages: StepRenderer
    ) -> None:
        self.name = name
        self._recording, self._names, self._renderer = recording, device_names, messages
        self._numbers = PostNumbers(len(device_names))
        self._taken = 0
        self._failed = False

    async def take(self, step: Step) -> None:
        """Write what a stretch of simulated time brought; the disk's time is taken in a thread."""
        parts: list[Part] = [self._messages(Step(label.time_ms, labels=(label,))) for label in step.labels]
        event_numbers, numbers = self._numbers.of_step(step.events, step.batches)
        parts += [self._samples(batch, own) for batch, own in zip(step.batches, numbers, strict=True)]
        if step.events:
            parts.append(Events(list(map(self._event, step.events, event_numbers))))
        if step.can:
            parts.append(self._messages(Step(step.until_ms, can=step.can)))
        self._taken += sum(map(len, parts))
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
        counts = {kind: kept[kind] for kind in ("events", "messages")} | {"lost": self._taken - kept.total()}
        return {"samples": kept["samples"]} | {kind: count for kind, count in counts.items() if count}

    def _stopped(self, error: EnvironmentFault) -> None:
        self._failed = True
        print(f"recording stopped: {error}", file=sys.stderr, flush=True)

    def _write(self, parts: list[Part]) -> None:
        for part in parts:
            self._recording.write(part)
        self._recording.tick()

    def _messages(self, step: Step) -> Messages:
        """CAN or labels as they are published, at the end of `step`."""
        said = [block.message(row) for _, block in self._renderer.blocks(step) for row in range(len(block))]
        count = len(said)
        times = np.full(count, step.until_ms * MS, np.int64)
        topics, payloads = [topic for topic, _ in said], [payload for _, payload in said]
        return Messages(times, topics, payloads, [0] * count, [False] * count)

    def _samples(self, batch: Batch, numbers: NDArray[np.int32]) -> Samples:
        columns = {
            name: fixed_point(column, SIGNALS[name]).astype(SIGNALS[name].dtype)
            for name, column in batch.signals.items()
        }
        names = self._names[batch.vehicles]
        return Samples(batch.group, batch.time_ms, names, numbers.astype(np.uint32), columns)

    def _event(self, event: Event, number: int) -> RecordedEvent:
        return RecordedEvent(self._names[event.vehicle].decode(), number, event)

"""Batches with values that differ from vehicle to vehicle and from batch to batch."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Batch
from jinqiao.wire.crossing import crossing_packets, read_crossing
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.render import PostRenderer
from jinqiao.wire.render.fixed import fixed
from jinqiao.wire.render.said import SaidBatch

__all__ = ["NOW_MS", "batch", "crossed", "names", "posted"]

NOW_MS = 1_795_333_508_413


def names(count: int) -> list[str]:
    return [f"LBV{number:014d}" for number in range(count)]


def batch(count: int, turn: int = 0, group: str = "core") -> Batch:
    """The group's signals within what cars show, for vehicles 0 … count - 1."""
    random = np.random.default_rng(turn)
    signals = {}
    for signal in SIGNALS.group(group):
        low, high = max(signal.low, -400.0), min(signal.high, 400.0)
        if signal.dtype[0] == "f":
            signals[signal.name] = random.uniform(low, high, count).astype(signal.dtype)
        else:
            signals[signal.name] = random.integers(int(low), int(high), count, endpoint=True).astype(signal.dtype)
    return Batch.at(NOW_MS + 1000 * turn, group, np.arange(count, dtype=np.int32), signals)


def crossed(of: Batch, kind: str = "property_post") -> SaidBatch:
    """A batch as the gateway process gets it from the simulator's."""
    said = SaidBatch(kind, fixed(of), np.ones(len(of), np.int32))
    (packet,) = crossing_packets([], [(said, said.records(of.vehicles))])
    edges = frame(packet, 0)
    assert edges is not None
    _, (found,) = read_crossing(packet[edges[0] :])
    return found


def posted(of: Batch, vehicle: int) -> dict[str, Any]:
    """What a batch shows of a vehicle in its post, by property: values with their times."""
    (block,) = PostRenderer("a1JinqiaoEV", np.array([name.encode() for name in names(10)])).blocks(of)
    params: dict[str, Any] = json.loads(block.payload(of.vehicles.tolist().index(vehicle)))["params"]
    return params

"""`jinqiao bench protobuf`: protobuf samples rendered per second on one core, beside google.protobuf once per vehicle.

Both serialise the same samples of the core group; the peer gets its columns rounded and as Python lists beforehand.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from google.protobuf.internal import api_implementation

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Batch
from jinqiao.telemetry.v1.telemetry_pb2 import Group, VehicleSample
from jinqiao.wire.render import PostRenderer, SampleRenderer
from jinqiao.wire.render.samples import fixed_point

from .machine import machine
from .render import core_batch

__all__ = ["bench_protobuf"]

_PRODUCT_KEY = "a1JinqiaoEV"


def bench_protobuf(vehicles: int, seconds: float) -> dict[str, Any]:
    """Renders batches of `vehicles` for about `seconds` each way, and holds the bytes against each other."""
    names = np.array([b"LBV%014d" % i for i in range(vehicles)], "S17")
    batches = [core_batch(vehicles, turn) for turn in range(4)]
    samples = SampleRenderer(PostRenderer(_PRODUCT_KEY, names))
    first = [block.payload(row) for block in samples.blocks(batches[0]) for row in range(len(block))]
    same = sum(ours == theirs for ours, theirs in zip(first, _by_google(names, batches[0], 1), strict=True))
    ours, peer, size, turn = [], [], 0, 0
    deadline = time.perf_counter() + 2 * seconds
    while time.perf_counter() < deadline or not turn:
        batch = batches[turn % len(batches)]
        began = time.process_time()
        size = sum(block.matrix.size for block in samples.blocks(batch))
        ours.append(vehicles / (time.process_time() - began))
        began = time.process_time()
        _by_google(names, batch, turn + 2)
        peer.append(vehicles / (time.process_time() - began))
        turn += 1
    rate, peer_rate = float(np.median(ours)), float(np.median(peer))
    return {
        "messages_per_s": round(rate),
        "google_messages_per_s": round(peer_rate),
        "google_implementation": api_implementation.Type(),
        "ratio": round(rate / peer_rate, 2),
        "equal_bytes": f"{same} of {vehicles}",
        "vehicles": vehicles,
        "bytes_per_packet": round(size / vehicles),
        "rounds": turn,
        "machine": machine(),
    }


def _by_google(names: np.ndarray[Any, Any], batch: Batch, sequence: int) -> list[bytes]:
    """The payloads, one message and one `SerializeToString` per vehicle."""
    columns = {s.name: fixed_point(batch.signals[s.name], s).tolist() for s in SIGNALS.group("core")}
    labels = tuple(columns)
    told = [name.decode() for name in names.tolist()]
    found = []
    times = batch.time_ms.tolist()
    for name, time_ms, values in zip(told, times, zip(*columns.values(), strict=True), strict=True):
        sample = VehicleSample(
            time_ms=time_ms,
            device_name=name,
            sequence=sequence,
            group=Group.GROUP_CORE,
            **dict(zip(labels, values, strict=True)),
        )
        found.append(sample.SerializeToString())
    return found

"""`jinqiao bench render`: Alink property posts per second on one core, beside orjson once per vehicle.

Both produce the same posts from the same changing columns: the core telemetry group, every value with its time. The
peer gets its columns rounded and as Python lists beforehand, which is the fastest way known to us to use it.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Batch
from jinqiao.wire.render import PostRenderer

from .machine import machine

__all__ = ["bench_render", "core_batch"]

_PRODUCT_KEY = "a1JinqiaoEV"
_NOW_MS = 1_795_333_508_413


def bench_render(vehicles: int, seconds: float) -> dict[str, Any]:
    """Renders batches of `vehicles` for about `seconds` each way; returns the figures."""
    names = np.array([b"LBV%014d" % i for i in range(vehicles)], "S17")
    batches = [core_batch(vehicles, turn) for turn in range(4)]
    renderer = PostRenderer(_PRODUCT_KEY, names)
    ours, peer, size = [], [], 0
    _render(renderer, batches[0])  # tables and layouts are made once
    deadline = time.perf_counter() + 2 * seconds
    turn = 0
    while time.perf_counter() < deadline or not turn:
        batch = batches[turn % len(batches)]
        began = time.perf_counter()
        size = _render(renderer, batch)
        ours.append(vehicles / (time.perf_counter() - began))
        began = time.perf_counter()
        _render_with_orjson(names, batch, turn)
        peer.append(vehicles / (time.perf_counter() - began))
        turn += 1
    properties = len(orjson.loads(next(renderer.blocks(batches[0])).payload(0))["params"])
    rate, peer_rate = float(np.median(ours)), float(np.median(peer))
    return {
        "posts_per_s": round(rate),
        "orjson_posts_per_s": round(peer_rate),
        "ratio": round(rate / peer_rate, 2),
        "vehicles": vehicles,
        "timed_properties": properties,
        "bytes_per_packet": round(size / vehicles),
        "rounds": turn,
        "machine": machine(),
    }


def core_batch(count: int, turn: int) -> Batch:
    """Values that differ from vehicle to vehicle and from batch to batch, inside what cars show."""
    random = np.random.default_rng(turn)
    usual = {
        "longitude": (121.4, 121.8),
        "latitude": (31.0, 31.4),
        "odometer": (5.0, 120_000.0),
        "altitude": (0.0, 20.0),
    }
    signals: dict[str, NDArray[Any]] = {}
    for signal in SIGNALS.group("core"):
        low, high = usual.get(signal.name, (max(signal.low, -400.0), min(signal.high, 400.0)))
        if signal.dtype[0] == "f":
            signals[signal.name] = random.uniform(low, high, count).astype(signal.dtype)
        else:
            signals[signal.name] = random.integers(int(low), int(high), count, endpoint=True).astype(signal.dtype)
    return Batch.at(_NOW_MS + 1000 * turn, "core", np.arange(count, dtype=np.int32), signals)


def _render(renderer: PostRenderer, batch: Batch) -> int:
    return sum(block.matrix.size for block in renderer.blocks(batch))


def _render_with_orjson(names: NDArray[np.bytes_], batch: Batch, turn: int) -> int:
    """The same packets' payloads, one dictionary and one `orjson.dumps` per vehicle."""
    lists = {s.name: np.round(batch.signals[s.name].astype("f8"), s.decimals).tolist() for s in SIGNALS.group("core")}
    for signal in SIGNALS.group("core"):
        if signal.dtype[0] != "f":
            lists[signal.name] = batch.signals[signal.name].tolist()
    location = [lists[name] for name in ("longitude", "latitude", "altitude", "coordinate_system")]
    simple = [(s.identifier, lists[s.name]) for s in SIGNALS.group("core") if "." not in s.identifier]
    at, number, size = int(batch.time_ms[0]), str(turn + 1), 0
    for row in range(len(names)):
        params: dict[str, Any] = {name: {"value": column[row], "time": at} for name, column in simple}
        longitude, latitude, altitude, system = location
        params["GeoLocation"] = {
            "value": {
                "Longitude": longitude[row],
                "Latitude": latitude[row],
                "Altitude": altitude[row],
                "CoordinateSystem": system[row],
            },
            "time": at,
        }
        post = {
            "id": number,
            "version": "1.0",
            "sys": {"ack": 0},
            "params": params,
            "method": "thing.event.property.post",
        }
        size += len(orjson.dumps(post))
    return size

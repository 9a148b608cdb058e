"""`jinqiao bench stores`: telemetry written to Parquet, and rendered as line protocol beside influxdb-client's `Point`.

Parquet is written through the very store of `--sink parquet:DIR`, its queue and thread included, until the last segment
is on the disk. Line protocol is rendered as for `--sink influx:URL`; the peer makes one `Point` of each sample, of the
same tags and fields, and its line. The peer gets its values rounded and as Python lists beforehand.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Batch, Step
from jinqiao.gateway.stores.extras import load
from jinqiao.gateway.stores.line_protocol import MEASUREMENT, LineRenderer
from jinqiao.gateway.stores.parquet import ParquetStore

from .machine import machine
from .render import core_batch

__all__ = ["bench_stores"]

_PRODUCT_KEY = "a1JinqiaoEV"
#: Samples the peer renders in one round: it takes a hundred times as long.
_PEER_SAMPLES = 5_000


def bench_stores(vehicles: int, seconds: float) -> dict[str, Any]:
    """Each part for about `seconds`, with batches of `vehicles`; returns the figures."""
    names = [f"LBV{number:014d}" for number in range(vehicles)]
    batches = [core_batch(vehicles, turn) for turn in range(4)]
    return {
        "parquet": asyncio.run(_parquet(names, batches, seconds)),
        "influx": _influx(names, batches, seconds),
        "vehicles": vehicles,
        "signals": len(SIGNALS.group("core")),
        "machine": machine(),
    }


async def _parquet(names: Sequence[str], batches: Sequence[Batch], seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="jinqiao-bench-") as folder:
        store = ParquetStore(Path(folder) / "out")
        store.open(_PRODUCT_KEY, names)
        began, cpu_began = time.perf_counter(), time.process_time()
        turn = 0
        while time.perf_counter() - began < seconds or not turn:
            await store.take(Step(0, (batches[turn % len(batches)],)))
            turn += 1
        report = store.close()
        took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    return {
        "samples_per_s": round(report["written"] / took_s),
        "samples_per_cpu_s": round(report["written"] / cpu_s),
        "bytes_per_sample": round(report["bytes"] / max(report["written"], 1), 1),
        "taken": turn * len(names),
        "written": report["written"],
        "dropped": report["dropped"],
        "files": report["files"],
    }


def _influx(names: Sequence[str], batches: Sequence[Batch], seconds: float) -> dict[str, Any]:
    renderer = LineRenderer(_PRODUCT_KEY, names)
    _render(renderer, batches[0])  # tables are made once
    ours, peer, size = [], [], 0
    count = len(batches[0])
    rows = min(count, _PEER_SAMPLES)
    deadline = time.perf_counter() + 2 * seconds
    turn = 0
    while time.perf_counter() < deadline or not turn:
        batch = batches[turn % len(batches)]
        began = time.process_time()
        size = _render(renderer, batch)
        ours.append(count / max(time.process_time() - began, 1e-9))
        lists = _lists(batch, rows)
        began = time.process_time()
        _render_points(names, lists, int(batch.time_ms[0]))
        peer.append(rows / max(time.process_time() - began, 1e-9))
        turn += 1
    rate, peer_rate = float(np.median(ours)), float(np.median(peer))
    return {
        "points_per_s": round(rate),
        "influxdb_client_points_per_s": round(peer_rate),
        "ratio": round(rate / peer_rate, 1),
        "bytes_per_point": round(size / count),
        "rounds": turn,
    }


def _render(renderer: LineRenderer, batch: Batch) -> int:
    return sum(len(lines) for lines, _ in renderer.blocks(batch))


def _lists(batch: Batch, rows: int) -> dict[str, list[Any]]:
    lists = {}
    for signal in SIGNALS.group("core"):
        values = batch.signals[signal.name][:rows]
        lists[signal.name] = (
            np.round(values.astype("f8"), signal.decimals) if signal.dtype[0] == "f" else values
        ).tolist()
    return lists


def _render_points(names: Sequence[str], lists: dict[str, list[Any]], time_ms: int) -> int:
    point, precision = load("influxdb_client", "influx", "the peer").Point, "ms"
    columns = list(lists.items())
    size = 0
    for row in range(len(columns[0][1])):
        made = point(MEASUREMENT).tag("product", _PRODUCT_KEY).tag("vehicle", names[row])
        for name, column in columns:
            made.field(name, column[row])
        size += len(made.time(time_ms, precision).to_line_protocol())
    return size

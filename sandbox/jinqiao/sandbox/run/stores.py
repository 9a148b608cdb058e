"""The gateway's stores as outlets of a run: by address (`--sink`) and from a scenario's `sinks`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from jinqiao.base.errors import InputError
from jinqiao.base.telemetry import Batch, Event
from jinqiao.gateway.stores.influx import InfluxStore
from jinqiao.gateway.stores.influx_target import InfluxTarget, parse_target
from jinqiao.gateway.stores.parquet import ParquetStore
from jinqiao.simulator.scenario.sinks import InfluxSink, ParquetSink, Sink
from jinqiao.simulator.world import World

__all__ = ["StoreOutlet", "influx_outlet", "parquet_outlet", "scenario_outlets", "telemetry_folder"]


class Store(Protocol):
    """What the gateway's stores have in common; `open` and `close` may take a while."""

    def open(self, product_key: str, device_names: Sequence[str]) -> None: ...

    async def take(self, batches: Sequence[Batch], events: Sequence[Event]) -> None: ...

    def close(self) -> dict[str, Any]: ...


class StoreOutlet:
    """A store as the run sees it."""

    def __init__(self, name: str, store: Store) -> None:
        self.name = name
        self.store = store

    async def open(self, world: World, product_key: str, device_names: Sequence[str]) -> None:  # noqa: ARG002
        await asyncio.to_thread(self.store.open, product_key, device_names)

    async def take(self, batches: Sequence[Batch], events: Sequence[Event]) -> None:
        await self.store.take(batches, events)

    async def close(self) -> dict[str, Any]:
        return await asyncio.to_thread(self.store.close)


def parquet_outlet(rest: str) -> StoreOutlet:
    """`parquet:DIR`. Raises InputError."""
    if not rest:
        raise InputError("--sink parquet: found no folder behind it, expected parquet:DIR")
    return StoreOutlet("parquet", ParquetStore(Path(rest)))


def influx_outlet(rest: str) -> StoreOutlet:
    """`influx:URL`. Raises InputError."""
    return StoreOutlet("influx", InfluxStore(parse_target(rest)))


def scenario_outlets(sinks: Sequence[Sink]) -> list[StoreOutlet]:
    """The outlets of a scenario's `sinks`."""
    return [_outlet(sink) for sink in sinks]


def telemetry_folder(outlets: Sequence[object]) -> str | None:
    """Where the run's telemetry is written as Parquet, for questions about the vehicles' past; None if it is not."""
    for outlet in outlets:
        if isinstance(outlet, StoreOutlet) and isinstance(outlet.store, ParquetStore):
            return str(outlet.store.folder.absolute())
    return None


def _outlet(sink: Sink) -> StoreOutlet:
    if isinstance(sink, ParquetSink):
        return StoreOutlet("parquet", ParquetStore(Path(sink.dir)))
    assert isinstance(sink, InfluxSink)
    return StoreOutlet("influx", InfluxStore(InfluxTarget.of(sink.url, sink.bucket, sink.org, sink.token)))

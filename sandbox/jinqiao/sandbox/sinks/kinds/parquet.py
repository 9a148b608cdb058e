"""`parquet`: rolling Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import Field

from jinqiao.base.errors import InputError
from jinqiao.gateway.stores.parquet import ParquetStore
from jinqiao.simulator.world import World

from ..base import SinkSpec, StoreSink, Text, sink

__all__ = ["ParquetSpec"]


@sink
class ParquetSpec(SinkSpec):
    """Rolling Parquet files: one kind for each telemetry group, one for events, one for labels of faults; no CAN."""

    kind = "parquet"
    where = "DIR"

    dir: Text = Field(description="Folder to write to, from where the run is started.")

    @classmethod
    def at(cls, rest: str, asked: str) -> Self:
        """`parquet:DIR`. Raises InputError."""
        if not rest:
            raise InputError(f"{asked}: found no folder after it, expected parquet:DIR")
        return cls(dir=rest)

    async def open(self, world: World, product_key: str, device_names: Sequence[str]) -> StoreSink:
        """Make the folder. Raises InputError for one that holds another run's rows."""
        return await StoreSink.opened(self.kind, ParquetStore(Path(self.dir)), world, product_key, device_names)

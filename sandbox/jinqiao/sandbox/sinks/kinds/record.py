"""`record`, also `jinqiao run --record FILE`: what is published into a recording, numbered as the posts are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field

from jinqiao.base.errors import InputError
from jinqiao.simulator.world import World

from ..base import SinkSpec, Text, sink

if TYPE_CHECKING:
    from ..recorder import Recorder

__all__ = ["RecordSpec"]


@sink
class RecordSpec(SinkSpec):
    """A recording of telemetry, events, CAN and labels, for `jinqiao replay` and `jinqiao convert`: recordings.md."""

    kind = "record"
    where = "FILE"

    file: Text = Field(description="FILE.mcap, NAME.parquet or a new folder's name, from where the run is started.")

    @classmethod
    def at(cls, rest: str, asked: str) -> Self:
        """`record:FILE`. Raises InputError for a name no recording has, or that is taken."""
        from jinqiao.gateway.recordings.files import is_known

        path = Path(rest)
        if not rest or not (path.exists() or is_known(path)):
            raise InputError(f"{asked}: found {rest!r}, expected FILE.mcap, NAME.parquet or a folder's name")
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise InputError(f"{asked}: {path} exists already; remove it, or choose another name")
        return cls(file=rest)

    async def open(self, world: World, product_key: str, device_names: Sequence[str]) -> Recorder:
        """Begin the file. Raises InputError or EnvironmentFault if that cannot be."""
        from ..recorder import begin_recording  # formats of recordings: only who records imports them

        return begin_recording(Path(self.file), world, product_key, device_names)

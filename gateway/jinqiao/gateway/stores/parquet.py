"""A run's telemetry as Parquet files: `core-000001.parquet`, `detail-000001.parquet`, `events-000001.parquet` …"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.base.telemetry import Batch, Event, Label, Step

from .extras import load
from .lock import FolderLock
from .segments import PART, SUFFIX, Limits, Segments
from .telemetry_tables import EVENTS, LABELS, EventTables, GroupTables, LabelTables, Vehicles
from .traits import Traits
from .worker import Worker

__all__ = ["ParquetStore"]

_logger = logging.getLogger(__name__)

#: Samples that may wait for the disk: about 400 MB of core batches.
_CAPACITY = 4_000_000
#: Samples of one Arrow table: few enough to stay near the caches, enough to be worth one.
_LOT = 1 << 17
#: Fewer samples wait a moment for more: a table costs some hundred calls, which hold the run up, however long it is.
_LEAST = 1 << 16
#: Seconds the run waits for a disk that gets on but is slower than a run at full speed.
PATIENCE_S = 5.0
#: Seconds a finished run waits for a disk that does nothing.
_FINISH_S = 30.0


TablesT = TypeVar("TablesT", EventTables, LabelTables)


class ParquetStore:
    """Writes telemetry, events and labels into `folder`, in a thread. A disk that fills ends it with a message."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.folder = folder
        self._limits = limits or Limits()
        self._groups: dict[str, tuple[GroupTables, Segments]] = {}
        self._others: dict[str, tuple[EventTables | LabelTables, Segments]] = {}
        self._vehicles = Vehicles("")
        self._lock: FolderLock | None = None
        self.worker: Worker[Batch | Label | list[Event]] = Worker(
            f"parquet {folder}",
            self._work,
            capacity=_CAPACITY,
            lot=_LOT,
            least=min(_LEAST, self._limits.row_group_rows),
            tick=self._roll,
        )

    def open(self, product_key: str, device_names: Sequence[str], traits: Traits | None = None) -> None:
        """Make the folder and start; `traits` become columns.

        Raises InputError for a folder that holds another run's rows.
        """
        load("pyarrow", "store", "a Parquet sink")
        load("pyarrow.parquet", "store", "a Parquet sink")
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(f"{str(self.folder)!r} is a file, expected a folder or the name of a new one")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = FolderLock(self.folder)
            held = sorted(path.name for path in self.folder.iterdir())
            (self.folder / PART).touch()
            (self.folder / PART).unlink()
        except OSError as error:
            raise EnvironmentFault(f"cannot write to {str(self.folder)!r}: {error.strerror}") from error
        if found := next((name for name in held if name.endswith(SUFFIX)), None):
            self._lock.release()
            raise InputError(
                f"{str(self.folder)!r} holds rows of another run ({found} …): the two runs"
                " could not be told apart; choose another folder, or empty this one"
            )
        for name in held:
            if name.endswith(SUFFIX + PART):
                _logger.warning("%s: overwriting the unfinished segment of a run that crashed", self.folder / name)
        self._vehicles = Vehicles(product_key, device_names, traits)
        self.worker.start()

    async def take(self, step: Step) -> None:
        """Hand over to the thread; waits a little for a disk that is slower than the run, then drops and counts."""
        for batch in step.batches:
            await self.worker.offer_patiently(batch, len(batch), PATIENCE_S)
        if step.events:
            await self.worker.offer_patiently(list(step.events), len(step.events), PATIENCE_S)
        for label in step.labels:
            await self.worker.offer_patiently(label, len(label), PATIENCE_S)

    def close(self) -> dict[str, Any]:
        """Finish the open segments and report; `written` counts rows of finished segments only."""
        done = self.worker.close(_FINISH_S, 4 * _FINISH_S)
        if not done:
            self.worker.stop("the disk takes nothing any more")
        elif not self.worker.fault:
            self._finish()
        if self._lock is not None:
            self._lock.release()
        written = sum(segments.rows for segments in self._all())
        report: dict[str, Any] = {
            "written": written,
            "dropped": self.worker.dropped,
            "lost": self.worker.offered - self.worker.dropped - written,
            "files": sum(segments.files for segments in self._all()),
            "bytes": sum(segments.bytes for segments in self._all()),
        }
        return report | ({"stopped": self.worker.fault} if self.worker.fault else {})

    def _all(self) -> list[Segments]:
        return [segments for _, segments in (*self._groups.values(), *self._others.values())]

    def _finish(self) -> None:
        """Finish all open segments; one that cannot be makes room for the others."""
        for segments in self._all():
            try:
                segments.finish()
            except OSError as error:
                segments.give_up()
                self.worker.stop(error.strerror or str(error))

    def _work(self, entries: Sequence[Batch | Label | list[Event]]) -> None:
        by_group: dict[str, list[Batch]] = {}
        events: list[Event] = []
        labels: list[Label] = []
        for entry in entries:
            if isinstance(entry, Batch):
                by_group.setdefault(entry.group, []).append(entry)
            elif isinstance(entry, Label):
                labels.append(entry)
            else:
                events += entry
        for group, batches in by_group.items():
            tables, segments = self._group(group, batches[0])
            self._add(segments, tables.table(batches))
        if events:
            event_tables, segments = self._other(EVENTS, EventTables)
            self._add(segments, event_tables.table(events))
        if labels:
            label_tables, segments = self._other(LABELS, LabelTables)
            self._add(segments, label_tables.table(labels))

    def _add(self, segments: Segments, table: Any) -> None:
        try:
            segments.add(table)
        except OSError:
            segments.give_up()
            self._finish()
            raise

    def _group(self, group: str, batch: Batch) -> tuple[GroupTables, Segments]:
        found = self._groups.get(group)
        if found is None:
            tables = GroupTables(batch, self._vehicles)
            segments = Segments(self.folder, group, tables.schema, self._limits, **tables.options)
            found = self._groups[group] = (tables, segments)
        return found

    def _other(self, name: str, kind: type[TablesT]) -> tuple[TablesT, Segments]:
        """The tables of events or labels, and the segments they go to."""
        found = self._others.get(name)
        if found is None:
            tables = kind(self._vehicles)
            found = self._others[name] = (tables, Segments(self.folder, name, tables.schema, self._limits))
        assert isinstance(found[0], kind)
        return found[0], found[1]

    def _roll(self) -> None:
        for segments in self._all():
            try:
                segments.roll()
            except OSError:
                segments.give_up()
                self._finish()
                raise

"""Segments of one kind on the disk, `property-00000001-00000001.parquet`: first and last number of what is in it.

Each flush adds a small one. Of 32 that lie side by side one is made (of fewer, if a million rows are in them), and
again of 32 of those, so that neither a query nor a folder meets too many. A merged segment covers the numbers of those
it was made of: if a crash leaves both, what is covered is removed at the next start, and no row is there twice.
"""

from __future__ import annotations

import logging
import math
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinqiao.gateway.stores.extras import load
from jinqiao.gateway.stores.segments import PART, SUFFIX, finish, sync_folder, writer_options

from .tables import in_order, schema

__all__ = ["Segment", "SegmentStore"]

_logger = logging.getLogger(__name__)

FAN = 32
#: A merged segment holds no more: a merge must stay a matter of a second, and of some hundred megabytes.
MOST_ROWS = 1_000_000
#: Small, so that a query for one device reads little: rows are sorted by device.
_ROW_GROUP = 16_384


@dataclass(frozen=True, slots=True)
class Segment:
    """`first_ms` and `last_ms` are the earliest and the latest time in it, UTC."""

    path: Path
    first: int
    last: int
    rows: int
    bytes: int
    first_ms: int
    last_ms: int

    @property
    def level(self) -> int:
        """How often it was merged."""
        return int(math.log(self.last - self.first + 1, FAN) + 1e-9)


class SegmentStore:
    """The segments of one kind, oldest first. Methods raise OSError when the disk fails."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self._kind = folder, kind
        self._name = re.compile(rf"{kind}-(\d{{8,}})-(\d{{8,}}){re.escape(SUFFIX)}")
        self.segments: list[Segment] = []
        self._highest = 0
        self._look()

    def add(self, table: Any) -> None:
        """Keep a sorted table as a segment; on the disk when this returns."""
        number = self._highest = self._highest + 1
        self.segments.append(self._write(table, number, number))

    def merge(self) -> bool:
        """Make one of neighbours, if there are 32 or those there are would fill one; whether there were."""
        start = 0
        while start < len(self.segments):
            lot, full = self._lot(start)
            if full and len(lot) > 1:
                self._merge(start, lot)
                return True
            start += len(lot)
        return False

    def drop_older(self, than_ms: int) -> int:
        """Remove segments that hold nothing later; returns how many."""
        old = [segment for segment in self.segments if segment.last_ms < than_ms]
        for segment in old:
            self._remove(segment)
        return len(old)

    def drop_first(self) -> None:
        """Remove the oldest segment."""
        self._remove(self.segments[0])

    def within(self, from_ms: int, to_ms: int) -> list[Path]:
        """Files that may hold rows of this span."""
        return [segment.path for segment in self.segments if segment.last_ms >= from_ms and segment.first_ms <= to_ms]

    def _lot(self, start: int) -> tuple[list[Segment], bool]:
        """Neighbours of one level from `start` that fit into one segment, and whether no other will join them."""
        lot = [self.segments[start]]
        rows = lot[0].rows
        for segment in self.segments[start + 1 :]:
            if segment.level != lot[0].level:
                return lot, False
            rows += segment.rows
            if rows > MOST_ROWS:
                return lot, True
            lot.append(segment)
            if len(lot) == FAN:
                return lot, True
        return lot, False

    def _merge(self, start: int, lot: list[Segment]) -> None:
        pa, pq = load("pyarrow", "store", "history"), load("pyarrow.parquet", "store", "history")
        whole = pa.concat_tables([pq.ParquetFile(segment.path).read() for segment in lot], promote_options="none")
        merged = self._write(in_order(whole), lot[0].first, lot[-1].last)
        self.segments[start : start + len(lot)] = [merged]
        for segment in lot:
            segment.path.unlink(missing_ok=True)

    def _write(self, table: Any, first: int, last: int) -> Segment:
        pq = load("pyarrow.parquet", "store", "history")
        path = self._folder / f"{self._kind}-{first:08d}-{last:08d}{SUFFIX}"
        part = path.with_name(path.name + PART)
        try:
            pq.write_table(table, part, row_group_size=_ROW_GROUP, **writer_options({}))
            size = finish(part)
        except OSError:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        sync_folder(self._folder)
        return self._segment(path, first, last, size)

    def _segment(self, path: Path, first: int, last: int, size: int) -> Segment:
        """Raises ArrowInvalid or OSError for a file that is no whole segment of this kind."""
        pa, pq = load("pyarrow", "store", "history"), load("pyarrow.parquet", "store", "history")
        with pq.ParquetFile(path) as file:
            about = file.metadata
            if file.schema_arrow.names != schema(self._kind).names:
                raise pa.ArrowInvalid(f"columns are {', '.join(file.schema_arrow.names)}")
            spans = [about.row_group(number).column(0).statistics for number in range(about.num_row_groups)]
        first_ms = min((_ms(span.min) for span in spans), default=0)
        return Segment(path, first, last, about.num_rows, size, first_ms, max((_ms(s.max) for s in spans), default=0))

    def _remove(self, segment: Segment) -> None:
        segment.path.unlink(missing_ok=True)
        self.segments.remove(segment)

    def _look(self) -> None:
        """See what is there: parts of a crashed process and what a merge has made needless is removed."""
        pa = load("pyarrow", "store", "history")
        for part in self._folder.glob(f"{self._kind}-*{SUFFIX}{PART}"):
            _logger.warning("history: removing %s, left unfinished by the previous process", part.name)
            part.unlink()
        found: list[Segment] = []
        for path in self._folder.glob(f"{self._kind}-*{SUFFIX}"):
            name = self._name.fullmatch(path.name)
            if name is None:
                continue
            self._highest = max(self._highest, int(name[2]))
            try:
                found.append(self._segment(path, int(name[1]), int(name[2]), path.stat().st_size))
            except (OSError, pa.ArrowException) as error:
                _logger.error("history: %s cannot be read and is left out: %s", path.name, error)
        found.sort(key=lambda segment: (segment.first, -segment.last))
        for segment in found:
            if self.segments and segment.last <= self.segments[-1].last:
                segment.path.unlink()
            else:
                self.segments.append(segment)


def _ms(moment: datetime) -> int:
    """A statistic's time, without a zone but UTC."""
    return round(moment.replace(tzinfo=UTC).timestamp() * 1000)

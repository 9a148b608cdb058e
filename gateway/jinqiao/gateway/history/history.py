"""Takes what devices say, keeps it in segments every few seconds, and answers from both what waits and what is kept.

Taking appends to a queue and no more; everything else happens in a thread of its own, or in the thread that asks. What
was taken within the last seconds is lost with the process: a post is acknowledged without waiting for a disk.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.config import HISTORY_DAYS
from jinqiao.gateway.platform.devices.past import Page, Query
from jinqiao.gateway.platform.events import EventAccepted, PropertiesAccepted, ServiceCalled, ServiceReplied
from jinqiao.gateway.platform.listeners import Events
from jinqiao.gateway.stores.extras import load
from jinqiao.gateway.stores.lock import FolderLock

from .reader import Reader
from .segment_store import SegmentStore
from .tables import KINDS, Entry, in_order, table

__all__ = ["MOST_BYTES", "History"]

_logger = logging.getLogger(__name__)

#: Of all segments together; then the oldest go.
MOST_BYTES = 4 << 30
#: Seconds between flushes.
FLUSH_S = 2.0
#: Posts and events that may wait for one; more are counted and forgotten.
MOST_WAITING = 200_000
_DAY_MS = 86_400_000
#: Seconds after the start before anything is too old: the clock may just have been wrong.
_SETTLED_S = 60.0


class History:
    """The past in `folder`, which is made if need be.

    Raises InputError without the extra `store`, EnvironmentFault for a folder that cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        days: float = HISTORY_DAYS,
        most_bytes: int = MOST_BYTES,
        flush_s: float = FLUSH_S,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        load("pyarrow.parquet", "store", "the history of properties")
        load("duckdb", "store", "the history of properties")
        self.dropped = 0
        self._days, self._most_bytes, self._flush_s, self._now_ms = days, most_bytes, flush_s, now_ms
        self._monotonic_s = monotonic_s
        self._began_s = monotonic_s()
        #: The clock minus the time since the start, when it was first looked at.
        self._began_ms: int | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._folder_lock = FolderLock(folder)
            self._stores = {kind: SegmentStore(folder, kind) for kind in KINDS}
        except OSError as error:
            raise EnvironmentFault(f"cannot store history in {str(folder)!r}: {error.strerror}") from error
        self._waiting: deque[Entry] = deque()
        #: Tables of what was taken and is in no segment yet.
        self._young: dict[str, list[Any]] = {kind: [] for kind in KINDS}
        self._reader = Reader()
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)
        self._thread.start()

    # Taken on the event loop: an append each.

    def listen(self, events: Events) -> None:
        """Take what devices say and are asked from now on."""
        events.subscribe(PropertiesAccepted, self.take_properties)
        events.subscribe(EventAccepted, self.take_event)
        events.subscribe(ServiceCalled, self.take_call)
        events.subscribe(ServiceReplied, self.take_reply)

    def take_properties(self, said: PropertiesAccepted) -> None:
        """The values of a checked post that were not refused."""
        self._take(("property", said.device.product.key, said.device.name, said.now_ms, (said.params, said.refused)))

    def take_event(self, said: EventAccepted) -> None:
        """A checked event."""
        content = (said.identifier, said.output, said.time_ms)
        self._take(("event", said.device.product.key, said.device.name, said.now_ms, content))

    def take_call(self, asked: ServiceCalled) -> None:
        """A call of a service."""
        content = (asked.identifier, asked.call, asked.input, "")
        self._take(("service", asked.device.product.key, asked.device.name, asked.now_ms, content))

    def take_reply(self, said: ServiceReplied) -> None:
        """Its answer."""
        content = (said.identifier, said.call, "", said.output)
        self._take(("service", said.device.product.key, said.device.name, said.now_ms, content))

    def _take(self, entry: Entry) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
            return
        self._waiting.append(entry)

    # In other threads.

    def ask(self, query: Query) -> Page:
        """The rows, kept or not yet kept."""
        with self._lock:
            self._gather()
            store = self._stores[query.kind]
            return self._reader.ask(query, store.within(query.from_ms, query.to_ms), self._young[query.kind])

    def flush(self) -> None:
        """Keep everything that was taken; on the disk when this returns. Raises OSError."""
        with self._lock:
            self._gather()
            for kind, young in self._young.items():
                if young:
                    self._stores[kind].add(_one_of(young))
                    young.clear()

    def close(self) -> None:
        """Keep what is left and end."""
        self._ending.set()
        self._thread.join()
        with self._lock:
            self._reader.close()
        self._folder_lock.release()

    def _gather(self) -> None:
        """What waits becomes tables, so that a query sees it."""
        by_kind: dict[str, list[Entry]] = {}
        for _ in range(len(self._waiting)):
            entry = self._waiting.popleft()
            by_kind.setdefault(entry[0], []).append(entry)
        for kind, entries in by_kind.items():
            self._young[kind] += [made for made in self._tables(kind, entries) if len(made)]

    def _tables(self, kind: str, entries: list[Entry]) -> list[Any]:
        """The entries as one table; where that cannot be, one for each, and those that cannot be are forgotten alone.

        Which values a table takes is Arrow's to say, so whatever it raises is about the entry.
        """
        try:
            return [table(kind, entries)]
        except Exception as error:
            if len(entries) == 1:
                self.dropped += 1
                _logger.error("history: posts of %s/%s cannot be stored: %s", entries[0][1], entries[0][2], error)
                return []
        half = len(entries) // 2
        return [*self._tables(kind, entries[:half]), *self._tables(kind, entries[half:])]

    def _run(self) -> None:
        ending, told = False, 0
        while not ending:
            if self.dropped > told:
                told = self.dropped
                _logger.warning("history: %d posts so far were dropped because the queue for the disk was full", told)
            ending = self._ending.wait(self._flush_s)
            try:
                self.flush()
                self._tidy()
                self._failing = False
            except OSError as error:
                self._fail(error)
            except Exception:  # whatever it is, the next posts may be without it
                _logger.exception("history")

    def _tidy(self) -> None:
        with self._lock:
            for store in self._stores.values():
                store.merge()
                latest_ms = self._trusted_ms() - round(self._days * _DAY_MS)
                if self._age_s() >= _SETTLED_S:
                    store.drop_older(latest_ms)
            while (
                sum(segment.bytes for store in self._stores.values() for segment in store.segments) > self._most_bytes
            ):
                stores = [store for store in self._stores.values() if store.segments]
                min(stores, key=lambda store: store.segments[0].last_ms).drop_first()

    def _age_s(self) -> float:
        return self._monotonic_s() - self._began_s

    def _trusted_ms(self) -> int:
        """The time, but not later than has passed since the start: a clock that jumps ahead makes nothing old."""
        now_ms, age_ms = self._now_ms(), round(self._age_s() * 1_000)
        if self._began_ms is None:
            self._began_ms = now_ms - age_ms
        return min(now_ms, self._began_ms + age_ms)

    def _fail(self, error: OSError) -> None:
        """The disk does not take it: told once, tried again, and what finds no room meanwhile is forgotten."""
        if not self._failing:
            _logger.error("history cannot be written: %s", error.strerror or error)
        self._failing = True
        with self._lock:
            for kind, young in self._young.items():
                rows = sum(len(part) for part in young)
                if rows > MOST_WAITING:
                    _logger.error("history: %d rows of kind %s are lost", rows, kind)
                    self.dropped += rows
                    young.clear()


def _one_of(tables: list[Any]) -> Any:
    """Several sorted tables as one."""
    if len(tables) == 1:
        return tables[0]
    pa = load("pyarrow", "store", "history")
    return in_order(pa.concat_tables(tables))

"""The past of simulated vehicles: what they said lately, kept in memory as it came and searched when somebody asks.

Nothing is made of telemetry on its way: remembering a batch is a copy of its rows behind those before. A question looks
for one vehicle's number in a column, makes values of the few rows it finds, and reads events only as far as a page
goes. When all places are taken the oldest rows are forgotten.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import orjson

from jinqiao.gateway.platform.devices.past import Page, Query, Row, cut
from jinqiao.gateway.platform.events import SimulatedEvent, TelemetryBatch
from jinqiao.gateway.platform.listeners import Events
from jinqiao.wire.render.shown import properties_of, shown

from .kept_rows import KeptRows

__all__ = ["MOST_BYTES", "MOST_EVENT_BYTES", "FleetPast"]

#: Of telemetry, and of events with what it costs to keep them.
MOST_BYTES, MOST_EVENT_BYTES = 256 << 20, 32 << 20
_EVENT_COST = 300


class FleetPast:
    """What the vehicles of one product said; `row_of` finds one by its name.

    Listens on the platform's thread, and is asked from any.
    """

    def __init__(
        self,
        product_key: str,
        row_of: Callable[[str], int | None],
        *,
        most_bytes: int = MOST_BYTES,
        most_event_bytes: int = MOST_EVENT_BYTES,
    ) -> None:
        self._product_key, self._row_of = product_key, row_of
        self._rows = KeptRows(most_bytes)
        self._events: deque[SimulatedEvent] = deque()
        self._event_bytes, self._most_event_bytes = 0, most_event_bytes
        self._lock = threading.Lock()

    def listen(self, events: Events) -> None:
        """Remember what vehicles say from now on."""
        events.subscribe(TelemetryBatch, self.take)
        events.subscribe(SimulatedEvent, self.take_event)

    def take(self, heard: TelemetryBatch) -> None:
        """Samples that are posts; what goes to custom topics is not the platform's to read."""
        said = heard.said
        if heard.product_key == self._product_key and said.kind == "property_post" and len(said):
            vehicles = said.batch.vehicles
            self._rows.take(vehicles, said.rows if said.rows is not None else said.records(vehicles))

    def take_event(self, event: SimulatedEvent) -> None:
        """An event."""
        if event.product_key != self._product_key:
            return
        with self._lock:
            self._events.append(event)
            self._event_bytes += _cost(event)
            while self._event_bytes > self._most_event_bytes:
                self._event_bytes -= _cost(self._events.popleft())

    def ask(self, query: Query) -> Page | None:
        """The rows of a vehicle; None for services, which nobody keeps here, and for other products."""
        vehicle = self._row_of(query.device_name) if query.product_key == self._product_key else None
        if vehicle is None or query.kind not in ("property", "event"):
            return None
        rows = list(self._values(query, vehicle) if query.kind == "property" else self._happened(query, vehicle))
        rows.sort(key=lambda row: row.time_ms, reverse=not query.ascending)
        return cut(rows, query.page, ascending=query.ascending, together=query.together)

    def _values(self, query: Query, vehicle: int) -> Iterator[Row]:
        span = query.from_ms, query.to_ms
        for names in self._rows.kinds:
            properties = properties_of(names)
            wanted = [name for name in query.identifiers or properties if name in properties]
            if not wanted:
                continue
            for values in self._rows.find(names, vehicle, span, query.page, ascending=query.ascending):
                time_ms = int(values["time_ms"])
                for name in wanted:
                    yield Row(name, time_ms, {"value": orjson.dumps(shown(values, properties[name])).decode()})

    def _happened(self, query: Query, vehicle: int) -> Iterator[Row]:
        """Its events, as many as a page needs: more than it holds, and of more than one time."""
        with self._lock:
            every = tuple(self._events)
        found = 0
        first_ms = None
        for event in _in_order(every, vehicle, query):
            identifier, output = event.read()
            if query.identifiers and identifier not in query.identifiers:
                continue
            yield Row(identifier, event.time_ms, {"output": orjson.dumps(output).decode()})
            found += 1
            first_ms = event.time_ms if first_ms is None else first_ms
            if found > query.page and event.time_ms != first_ms:
                return


def _in_order(events: Sequence[SimulatedEvent], vehicle: int, query: Query) -> list[SimulatedEvent]:
    found = [event for event in events if event.vehicle == vehicle and query.from_ms <= event.time_ms <= query.to_ms]
    return sorted(found, key=lambda event: event.time_ms, reverse=not query.ascending)


def _cost(event: SimulatedEvent) -> int:
    return len(event.packet) + _EVENT_COST

"""The past of simulated vehicles from memory: the values of posts that nobody rendered, page by page, and events."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from jinqiao.base.telemetry import Event
from jinqiao.gateway.platform.devices.past import Page, Query
from jinqiao.gateway.platform.events import SimulatedEvent, TelemetryBatch
from jinqiao.gateway.platform.listeners import Events
from jinqiao.gateway.simulated.past import FleetPast
from jinqiao.wire.render import PostRenderer
from jinqiao.wire.render.events import event_post
from support.telemetry import NOW_MS, batch, crossed, names, posted

COUNT, TURNS = 5, 12
KEY = "a1JinqiaoEV"
POSTS = PostRenderer(KEY, np.array([name.encode() for name in names(COUNT)]))


def told(turn: int, vehicle: int, identifier: str, **output: Any) -> SimulatedEvent:
    event = Event(NOW_MS + 1000 * turn, vehicle, identifier, output)
    return SimulatedEvent(KEY, vehicle, event.time_ms, event_post(POSTS, event, 1))


def make(**bounds: int) -> FleetPast:
    known = names(COUNT)
    return FleetPast(KEY, lambda name: known.index(name) if name in known else None, **bounds)


@pytest.fixture
def past() -> FleetPast:
    """Twelve samples of both groups, and two events."""
    found, events = make(), Events()
    found.listen(events)
    for turn in range(TURNS):
        for group in ("core", "detail"):
            events.emit(TelemetryBatch, KEY, crossed(batch(COUNT, turn, group)))
            events.emit(TelemetryBatch, "another", crossed(batch(COUNT, turn + 100, group)))
            events.emit(TelemetryBatch, KEY, crossed(batch(COUNT, turn + 200, group), "protobuf_sample"))
    found.take_event(told(0, 3, "TripFinished", Distance=0.5))
    found.take_event(told(1, 3, "battery:Overheat", Temperature=70))
    return found


def query(*identifiers: str, kind: str = "property", vehicle: int = 3, **more: Any) -> Query:
    asked = {"from_ms": 0, "to_ms": 10**13, "page": 100, "ascending": True} | more
    return Query(kind, KEY, names(COUNT)[vehicle], identifiers, **asked)


def ask(past: FleetPast, *identifiers: str, **more: Any) -> Page:
    page = past.ask(query(*identifiers, **more))
    assert page is not None
    return page


@pytest.mark.parametrize("group", ["core", "detail"])
def test_each_property_has_the_values_of_its_posts(past: FleetPast, group: str) -> None:
    sent = [posted(batch(COUNT, turn, group), 3) for turn in range(TURNS)]
    for identifier in sent[0]:
        page = ask(past, identifier)
        assert page.next_ms is None
        assert [{"value": json.loads(row.values["value"]), "time": row.time_ms} for row in page.rows] == [
            one[identifier] for one in sent
        ], identifier


def test_pages_and_ranges(past: FleetPast) -> None:
    first = ask(past, "VehicleSpeed", "battery:StateOfHealth", page=7)
    assert len(first.rows) == 14
    assert first.next_ms == NOW_MS + 7_000
    rest = ask(past, "VehicleSpeed", "battery:StateOfHealth", page=7, from_ms=first.next_ms)
    assert (len(rest.rows), rest.next_ms) == (10, None)
    latest = ask(past, "VehicleSpeed", page=2, ascending=False)
    assert [row.time_ms - NOW_MS for row in latest.rows] == [11_000, 10_000]
    assert latest.next_ms == NOW_MS + 9_000
    assert list(ask(past, "VehicleSpeed", to_ms=NOW_MS - 1).rows) == []
    assert list(ask(past, "NoSuch").rows) == []
    assert len(ask(past, "VehicleSpeed", from_ms=NOW_MS + 4_000, to_ms=NOW_MS + 5_000).rows) == 2


def test_all_properties_at_once_are_one_page(past: FleetPast) -> None:
    each = len(posted(batch(COUNT, 0, "core"), 3)) + len(posted(batch(COUNT, 0, "detail"), 3))
    page = ask(past, page=2 * each)
    assert (len(page.rows), page.next_ms) == (2 * each, NOW_MS + 2_000)


def test_events_but_no_services_and_nothing_of_strangers(past: FleetPast) -> None:
    assert [(row.identifier, row.time_ms - NOW_MS, row.values) for row in ask(past, kind="event").rows] == [
        ("TripFinished", 0, {"output": '{"Distance":0.5}'}),
        ("battery:Overheat", 1000, {"output": '{"Temperature":70}'}),
    ]
    assert [row.identifier for row in ask(past, "TripFinished", kind="event").rows] == ["TripFinished"]
    assert list(ask(past, "Other", kind="event").rows) == []
    assert list(ask(past, kind="event", vehicle=1).rows) == []
    assert past.ask(query(kind="service")) is None
    assert past.ask(Query("property", "another", names(COUNT)[3], ("VehicleSpeed",), 0, 10**13, 10, True)) is None
    assert past.ask(Query("property", KEY, "nobody", ("VehicleSpeed",), 0, 10**13, 10, True)) is None


@pytest.mark.parametrize("ascending", [True, False])
def test_events_are_paged_and_a_page_never_ends_within_a_time(ascending: bool) -> None:
    past = make()
    turns = [0, 0, 0, 1, 2, 2, 3]
    for number, turn in enumerate(turns):
        past.take_event(told(turn, 3, "TripFinished", Number=number))
    seen: list[int] = []
    span = {"from_ms": 0, "to_ms": 10**13}
    while True:
        page = ask(past, kind="event", page=2, ascending=ascending, **span)
        seen += [json.loads(row.values["output"])["Number"] for row in page.rows]
        if page.next_ms is None:
            break
        span["from_ms" if ascending else "to_ms"] = page.next_ms
    assert sorted(seen) == list(range(len(turns)))
    assert [turns[number] for number in seen] == sorted(turns, reverse=not ascending)


def test_only_events_that_a_page_needs_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    past = make()
    for turn in range(50):
        past.take_event(told(turn, 3, "TripFinished", Number=turn))
    read: list[int] = []
    whole = SimulatedEvent.read
    monkeypatch.setattr(SimulatedEvent, "read", lambda event: (read.append(event.time_ms), whole(event))[1])
    page = ask(past, kind="event", page=4, ascending=False)
    assert [json.loads(row.values["output"])["Number"] for row in page.rows] == [49, 48, 47, 46]
    assert len(read) == 5


def test_the_oldest_is_forgotten_of_samples_and_of_events() -> None:
    past = make(most_bytes=20_000, most_event_bytes=2_000)
    for turn in range(200):
        past.take(TelemetryBatch(KEY, crossed(batch(COUNT, turn))))
        past.take_event(told(turn, 3, "TripFinished", Number=turn))
    kept = [row.time_ms for row in ask(past, "VehicleSpeed", page=1000).rows]
    assert kept == [NOW_MS + 1000 * turn for turn in range(200 - len(kept), 200)]
    assert 20 < len(kept) < 50  # 96 bytes a row, of five vehicles
    told_of = [row.time_ms for row in ask(past, kind="event").rows]
    assert told_of == [NOW_MS + 1000 * turn for turn in range(200 - len(told_of), 200)]
    assert 2 <= len(told_of) <= 6

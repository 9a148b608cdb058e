"""The past of simulated vehicles from their run's Parquet files: the values of their posts, page by page."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jinqiao.base.telemetry import Batch, Event, Step
from jinqiao.gateway.platform.devices.past import Query
from jinqiao.gateway.stores.parquet import ParquetStore
from jinqiao.gateway.stores.segments import Limits
from jinqiao.wire.render import PostRenderer
from support.telemetry import NOW_MS, batch, names

pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")

from jinqiao.gateway.history.telemetry import TelemetryPast

COUNT, TURNS = 5, 12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve samples of both groups in several segments, and two events."""
    for part, turns in enumerate((range(5), range(5, TURNS))):
        store = ParquetStore(tmp_path / f"part{part}", Limits())
        store.open("a1JinqiaoEV", names(COUNT))
        sent = [batch(COUNT, turn, group) for turn in turns for group in ("core", "detail")]
        event = Event(NOW_MS + part, 3, "TripFinished", {"Distance": part + 0.5})
        asyncio.run(store.take(Step(NOW_MS, tuple(sent), (event,))))
        store.close()
    whole = tmp_path / "out"
    whole.mkdir()
    for part in range(2):
        for path in (tmp_path / f"part{part}").iterdir():
            path.rename(whole / path.name.replace("000001", f"{part + 1:06d}"))
    (whole / "core-000003.parquet.part").write_bytes(b"PAR1 unfinished")
    return whole


def query(*identifiers: str, kind: str = "property", vehicle: int = 3, **more: Any) -> Query:
    asked = {"from_ms": 0, "to_ms": 10**13, "page": 100, "ascending": True} | more
    return Query(kind, "a1JinqiaoEV", names(COUNT)[vehicle], identifiers, **asked)


def posted(of: Batch, vehicle: int) -> dict[str, Any]:
    """The values of the post that the broker got."""
    (block,) = PostRenderer("a1JinqiaoEV", np.array([name.encode() for name in names(COUNT)])).blocks(of)
    params: dict[str, Any] = json.loads(block.payload(vehicle))["params"]
    return {name: timed["value"] for name, timed in params.items()}


@pytest.mark.parametrize("group", ["core", "detail"])
def test_each_property_has_the_values_of_its_posts(folder: Path, group: str) -> None:
    past = TelemetryPast(folder)
    sent = [batch(COUNT, turn, group) for turn in range(TURNS)]
    for identifier in posted(sent[0], 3):
        page = past.ask(query(identifier))
        assert page.next_ms is None
        assert [row.time_ms for row in page.rows] == [one.time_ms[0] for one in sent]
        assert [json.loads(row.values["value"]) for row in page.rows] == [
            pytest.approx(posted(one, 3)[identifier], abs=1e-4) for one in sent
        ], identifier


def test_pages_and_ranges(folder: Path) -> None:
    past = TelemetryPast(folder)
    first = past.ask(query("VehicleSpeed", "battery:StateOfHealth", page=7))
    assert len(first.rows) == 14
    assert first.next_ms == NOW_MS + 7_000
    rest = past.ask(query("VehicleSpeed", "battery:StateOfHealth", page=7, from_ms=first.next_ms))
    assert (len(rest.rows), rest.next_ms) == (10, None)
    latest = past.ask(query("VehicleSpeed", page=2, ascending=False))
    assert [row.time_ms - NOW_MS for row in latest.rows] == [11_000, 10_000]
    assert past.ask(query("VehicleSpeed", to_ms=NOW_MS - 1)).rows == []
    assert past.ask(query("NoSuch")).rows == []
    assert len(past.ask(query("VehicleSpeed", from_ms=NOW_MS + 4_000, to_ms=NOW_MS + 5_000)).rows) == 2


def test_events_but_no_services(folder: Path) -> None:
    past = TelemetryPast(folder)
    assert [(row.identifier, row.values) for row in past.ask(query(kind="event")).rows] == [
        ("TripFinished", {"output": '{"Distance":0.5}'}),
        ("TripFinished", {"output": '{"Distance":1.5}'}),
    ]
    assert past.ask(query("Other", kind="event")).rows == []
    assert past.ask(query(kind="event", vehicle=1)).rows == []
    assert past.ask(query(kind="service")).rows == []


def test_what_is_finished_later_is_found_later(folder: Path) -> None:
    past = TelemetryPast(folder)
    hidden = (folder / "core-000002.parquet").rename(folder / "hidden")
    assert len(past.ask(query("VehicleSpeed")).rows) == 5
    hidden.rename(folder / "core-000002.parquet")
    assert len(past.ask(query("VehicleSpeed")).rows) == TURNS

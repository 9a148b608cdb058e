"""Parquet segments hold what was sampled; finished ones stay readable whatever happens; a full disk ends the store."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.base.signals import GROUPS, SIGNALS
from jinqiao.base.telemetry import Batch, Event, Label, Step
from jinqiao.gateway.stores import parquet
from jinqiao.gateway.stores.extras import load
from jinqiao.gateway.stores.parquet import ParquetStore
from jinqiao.gateway.stores.segments import Limits
from jinqiao.gateway.stores.traits import Trait
from support.telemetry import NOW_MS, batch, names

duckdb = pytest.importorskip("duckdb")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

SMALL = Limits(row_group_rows=1_000, segment_bytes=100_000)


def opened(folder: Path, count: int = 100, limits: Limits | None = None) -> ParquetStore:
    store = ParquetStore(folder, limits)
    store.open("a1JinqiaoEV", names(count))
    return store


def take(store: ParquetStore, *batches: Batch, events: list[Event] | None = None) -> None:
    asyncio.run(store.take(Step(0, tuple(batches), tuple(events or ()))))


def rows(folder: Path, group: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in sorted(folder.glob(f"{group}-*.parquet")):
        found += pq.read_table(path).to_pylist()
    return found


# What is written.


def test_a_value_that_is_missing_is_null_whichever_batch_comes_first(tmp_path: Path) -> None:
    store = opened(tmp_path)
    whole = batch(3, 0, "core")
    fewer = Batch(whole.time_ms, "core", whole.vehicles, {k: v for k, v in whole.signals.items() if k != "speed"})
    take(store, fewer, whole)
    assert store.close()["written"] == 6
    found = [row["speed"] for row in rows(tmp_path, "core")]
    assert found[:3] == [None] * 3
    assert None not in found[3:]


@pytest.mark.parametrize("group", GROUPS)
def test_each_row_is_one_sample_with_the_values_of_its_post(tmp_path: Path, group: str) -> None:
    store = opened(tmp_path)
    sent = [batch(60, turn, group) for turn in range(3)]
    take(store, *sent)
    report = store.close()
    assert (report["written"], report["dropped"], report["lost"], report["files"]) == (180, 0, 0, 1)
    assert report["bytes"] == (tmp_path / f"{group}-000001.parquet").stat().st_size
    table = pq.read_table(tmp_path / f"{group}-000001.parquet")
    assert table.column_names == ["time", "vehicle", *(signal.name for signal in SIGNALS.group(group))]
    assert table["vehicle"].to_pylist() == names(60) * 3
    times = [moment.timestamp() * 1000 for moment in table["time"].to_pylist()]
    assert np.allclose(times, np.concatenate([one.time_ms for one in sent]))
    for row in SIGNALS.group(group):
        field = table.schema.field(row.name)
        assert field.type == pa.from_numpy_dtype(np.dtype(row.dtype))
        assert field.metadata.get(b"unit", b"").decode() == row.unit
        values = np.concatenate([one.signals[row.name] for one in sent]).astype("f8")
        shown = table[row.name].to_numpy().astype("f8")
        assert np.abs(shown - values).max() <= 0.5 * 10**-row.decimals + 1e-4, row.name
        if row.decimals and row.dtype == "f8":
            assert (np.round(shown, row.decimals) == shown).all()


def test_events_and_their_output(tmp_path: Path) -> None:
    store = opened(tmp_path)
    take(
        store, events=[Event(NOW_MS, 7, "TripFinished", {"Distance": 1.5, "Why": "金"}), Event(NOW_MS, 8, "PluggedIn")]
    )
    assert store.close()["written"] == 2
    first, second = rows(tmp_path, "events")
    assert (first["vehicle"], first["identifier"]) == (names(8)[7], "TripFinished")
    assert json.loads(first["output"]) == {"Distance": 1.5, "Why": "金"}
    assert second["output"] == "{}"


def test_every_row_knows_its_fleet_and_model(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    traits = {
        "fleet": Trait(("taxis", "vans"), np.array([0, 0, 1], dtype=np.int32)),
        "model": Trait(("x-1", "y-2"), np.array([1, 0, 1], dtype=np.int32)),
    }
    store.open("a1JinqiaoEV", names(3), traits)
    label = Label(NOW_MS, "dtc", "once", np.array([1, 2], dtype=np.int32))
    asyncio.run(store.take(Step(0, (batch(3),), (Event(NOW_MS, 2, "TripFinished"),), labels=(label,))))
    assert store.close()["lost"] == 0
    assert [(row["fleet"], row["model"]) for row in rows(tmp_path, "core")] == [
        ("taxis", "y-2"),
        ("taxis", "x-1"),
        ("vans", "y-2"),
    ]
    assert [(row["fleet"], row["model"]) for row in rows(tmp_path, "events")] == [("vans", "y-2")]
    assert [(row["fleet"], row["model"]) for row in rows(tmp_path, "labels")] == [("taxis", "x-1"), ("vans", "y-2")]
    written = pq.read_table(tmp_path / "core-000001.parquet")
    assert pa.types.is_dictionary(written.schema.field("fleet").type)
    assert list((written.column_names)[:4]) == ["time", "vehicle", "fleet", "model"]


def test_row_groups_are_bounded_and_segments_roll(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_LOT", 1_000)
    store = opened(tmp_path, 700, SMALL)
    for turn in range(40):
        take(store, batch(700, turn))
    report = store.close()
    files = sorted(tmp_path.glob("core-*.parquet"))
    assert len(files) == report["files"] > 3
    for path in files:
        about = pq.ParquetFile(path).metadata
        assert all(about.row_group(n).num_rows <= SMALL.row_group_rows for n in range(about.num_row_groups))
        assert path.stat().st_size < 2.5 * SMALL.segment_bytes
    query = f"SELECT count(*), count(DISTINCT time), count(DISTINCT vehicle) FROM '{tmp_path}/core-*.parquet'"
    assert duckdb.sql(query).fetchone() == (28_000, 40, 700)


@pytest.mark.long
def test_a_segment_is_finished_when_it_is_old_though_nothing_comes(tmp_path: Path) -> None:
    store = opened(tmp_path, 5, Limits(segment_s=0.2))
    take(store, batch(5))
    deadline = time.monotonic() + 10
    while not list(tmp_path.glob("core-*.parquet")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert len(rows(tmp_path, "core")) == 5
    store.close()


# What goes wrong.


def test_a_full_disk_stops_the_store_and_leaves_what_is_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "core-000002.parquet.part").symlink_to("/dev/full")
    store = opened(tmp_path, 700, SMALL)
    take(store, batch(5, 0, "detail"))
    for turn in range(40):
        take(store, batch(700, turn))
    report = store.close()
    kept = rows(tmp_path, "core")
    assert len(kept) + 5 == report["written"] > 1_000
    assert len(rows(tmp_path, "detail")) == 5
    assert report["written"] + report["dropped"] + report["lost"] == 28_005
    assert "No space left" in report["stopped"]
    assert caplog.text.count("the run goes on") == 1
    assert not list(tmp_path.glob("*.part"))


def test_a_disk_that_is_slower_than_the_run_costs_what_finds_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_CAPACITY", 250)
    monkeypatch.setattr(parquet, "PATIENCE_S", 0.05)
    store = ParquetStore(tmp_path)
    work = store.worker._work

    def slowly(entries: Any) -> None:
        time.sleep(0.4)
        work(entries)

    store.worker._work = slowly
    store.open("a1JinqiaoEV", names(100))
    for turn in range(5):
        take(store, batch(100, turn))
    report = store.close()
    assert report["dropped"] > 0
    assert report["written"] + report["dropped"] == 500
    assert len(rows(tmp_path, "core")) == report["written"]


@pytest.mark.program
def test_after_kill_9_every_finished_segment_is_readable(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent.parent)!r})\n"
        "from pathlib import Path\n"
        "from jinqiao.base.telemetry import Step\n"
        "from support.telemetry import batch, names\n"
        "from jinqiao.gateway.stores.parquet import ParquetStore\n"
        "from jinqiao.gateway.stores.segments import Limits\n"
        "store = ParquetStore(Path(sys.argv[1]), Limits(row_group_rows=1000, segment_bytes=100_000))\n"
        "store.open('a1JinqiaoEV', names(700))\n"
        "for turn in range(10**6): asyncio.run(store.take(Step(0, (batch(700, turn),))))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) as process:
        deadline = time.monotonic() + 30
        while len(list(tmp_path.glob("core-*.parquet"))) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    finished = sorted(tmp_path.glob("core-*.parquet"))
    assert len(finished) >= 3
    for path in finished:
        table = pq.read_table(path)
        assert len(table) > 0
        assert table["speed"].null_count == 0


def test_another_runs_rows_are_not_mixed_with(tmp_path: Path) -> None:
    store = opened(tmp_path / "out")
    take(store, batch(3))
    store.close()
    with pytest.raises(InputError, match="another run"):
        opened(tmp_path / "out")


def test_a_part_that_a_crash_left_is_written_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "core-000001.parquet.part").write_bytes(b"PAR1 and then the lights went out")
    store = opened(tmp_path)
    take(store, batch(3))
    assert store.close()["written"] == 3
    assert "core-000001.parquet.part" in caplog.text
    assert len(rows(tmp_path, "core")) == 3


def test_a_folder_that_cannot_be_is_told_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFault, match="cannot write"):
        opened(tmp_path / "file" / "out")


def test_a_missing_library_is_named_with_the_way_to_it() -> None:
    with pytest.raises(InputError, match=r"a thing needs the extra 'store': \S+ -m pip install .*\[store\]'"):
        load("no_such_module_at_all", "store", "a thing")


def test_two_do_not_write_to_one_folder(tmp_path: Path) -> None:
    first = opened(tmp_path / "out")
    with pytest.raises(EnvironmentFault, match="another store"):
        opened(tmp_path / "out")
    first.close()
    opened(tmp_path / "out").close()

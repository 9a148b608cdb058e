"""The past of devices: what was taken is found again, page by page, on the disk or not yet, and after a crash."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.platform.devices.past import Query, Row, cut
from jinqiao.gateway.platform.registry.devices import ListedDevices
from jinqiao.gateway.platform.registry.registry import Device, Product
from jinqiao.wire.alink.ev_thing_model import ev_thing_model
from support.history import called, happened, posted, replied

duckdb = pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")

from jinqiao.gateway.history import history as history_module  # noqa: E402
from jinqiao.gateway.history import segment_store as store_module  # noqa: E402
from jinqiao.gateway.history.history import History  # noqa: E402
from jinqiao.gateway.history.segment_store import FAN  # noqa: E402

PK = "a1carPK0001"
NOW_MS = 1_795_333_508_413
PRODUCT = Product(PK, "T-Box", ev_thing_model(PK), ListedDevices({}))


def device(name: str = "tbox001") -> Device:
    return Device(PRODUCT, name, "secret")


def query(*identifiers: str, kind: str = "property", name: str = "tbox001", **more: Any) -> Query:
    asked = {"from_ms": 0, "to_ms": 10**14, "page": 100, "ascending": True} | more
    return Query(kind, PK, name, identifiers, **asked)


class Kept:
    """A history that is flushed only when a test says so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open: list[History] = []

    def __call__(self, **more: Any) -> History:
        made = History(self.folder, flush_s=3_600, now_ms=lambda: NOW_MS, **more)
        self.open.append(made)
        return made


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    found = Kept(tmp_path)
    yield found
    for history in found.open:
        history.close()


def post(history: History, turn: int, name: str = "tbox001", **values: Any) -> None:
    params = {key: {"value": value, "time": NOW_MS + turn} for key, value in values.items()}
    posted(history, device(name), params, {}, NOW_MS + turn)


def told(history: History, asked: Query) -> list[tuple[str, int, str]]:
    return [(row.identifier, row.time_ms - NOW_MS, row.values["value"]) for row in history.ask(asked).rows]


# What is taken is found.


def test_before_and_after_it_is_on_the_disk(kept: Kept) -> None:
    history = kept()
    post(history, 0, speed=1.5, soc=80)
    assert told(history, query("speed")) == [("speed", 0, "1.5")]
    history.flush()
    assert told(history, query("speed")) == [("speed", 0, "1.5")]
    post(history, 5, speed=2)
    post(history, 6, "tbox002", speed=3)
    assert told(history, query("speed")) == [("speed", 0, "1.5"), ("speed", 5, "2")]
    assert told(history, query("soc", "speed", ascending=False)) == [
        ("speed", 5, "2"),
        ("soc", 0, "80"),
        ("speed", 0, "1.5"),
    ]
    assert told(history, query("speed", name="tbox002")) == [("speed", 6, "3")]
    assert told(history, query("speed", from_ms=NOW_MS + 1, to_ms=NOW_MS + 5)) == [("speed", 5, "2")]
    assert told(history, query("speed", from_ms=NOW_MS + 6)) == []
    assert told(history, query("heading")) == []


def test_another_process_finds_it(kept: Kept) -> None:
    first = kept()
    post(first, 0, speed=1)
    first.close()
    assert told(kept(), query("speed")) == [("speed", 0, "1")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (12.25, "12.25"),
        ("金 'x'", "金 'x'"),
        ({"Longitude": 1.5}, '{"Longitude":1.5}'),
        ([1, 2], "[1,2]"),
    ],
)
def test_values_are_texts(kept: Kept, value: Any, text: str) -> None:
    history = kept()
    post(history, 0, it=value)
    assert told(history, query("it")) == [("it", 0, text)]


def test_what_was_refused_is_not_there_and_a_bare_value_is_of_now(kept: Kept) -> None:
    history = kept()
    params = {"good": 1, "bad": 2, "odd": {"value": 3, "time": "yesterday"}}
    posted(history, device(), params, {"bad": 6320}, NOW_MS)
    assert told(history, query("good", "bad", "odd")) == [("good", 0, "1"), ("odd", 0, "3")]


def test_of_two_values_of_one_time_the_later_counts(kept: Kept) -> None:
    history = kept()
    for number in range(3):
        posted(history, device(), {"speed": {"value": number, "time": NOW_MS}}, {}, NOW_MS + number)
        history.flush()
    assert told(history, query("speed")) == [("speed", 0, "2")]


def test_a_device_of_the_same_name_does_not_inherit(kept: Kept) -> None:
    history = kept()
    post(history, 0, speed=1)
    post(history, 100, speed=2)
    assert told(history, query("speed", since_ms=NOW_MS + 50)) == [("speed", 100, "2")]


def test_events_and_services(kept: Kept) -> None:
    history = kept()
    happened(history, device(), "Collision", {"Level": 2}, NOW_MS - 5, NOW_MS)
    called(history, device(), "Unlock", "77", '{"door":1}', NOW_MS)
    history.flush()
    replied(history, device(), "Unlock", "77", '{"ok":true}', NOW_MS + 80)
    called(history, device(), "Lock", "78", "{}", NOW_MS + 90)
    (event,) = history.ask(query(kind="event")).rows
    assert event == Row("Collision", NOW_MS - 5, {"output": '{"Level":2}'})
    unlock, lock = history.ask(query(kind="service")).rows
    assert unlock == Row("Unlock", NOW_MS, {"input": '{"door":1}', "output": '{"ok":true}'})
    assert lock == Row("Lock", NOW_MS + 90, {"input": "{}", "output": ""})
    assert history.ask(query("Lock", kind="service")).rows == [lock]


# Pages.


def walk(history: History, asked: Query, *, as_start: bool = True) -> list[Row]:
    """Every row, page after page."""
    rows: list[Row] = []
    for _ in range(200):
        page = history.ask(asked)
        rows += page.rows
        if page.next_ms is None:
            return rows
        more = {"from_ms": page.next_ms} if asked.ascending and as_start else {"to_ms": page.next_ms}
        asked = Query(**{name: getattr(asked, name) for name in asked.__slots__} | more)
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("ascending", [True, False])
def test_pages_hold_every_row_once(kept: Kept, ascending: bool) -> None:
    history = kept()
    for turn in range(57):
        post(history, turn, **({"speed": turn, "soc": -turn} if turn % 3 else {"soc": -turn}))
        if turn % 20 == 0:
            history.flush()
    rows = walk(history, query("speed", "soc", page=10, ascending=ascending))
    assert len(rows) == len({(row.identifier, row.time_ms) for row in rows}) == 57 + 38
    times = [row.time_ms for row in rows]
    assert times == sorted(times, reverse=not ascending)


def test_many_events_of_one_moment_do_not_hold_up_the_pages(kept: Kept) -> None:
    history = kept()
    for number in range(40):
        happened(history, device(), f"E{number}", {}, NOW_MS + number // 15, NOW_MS)
    rows = walk(history, query(kind="event", page=4))
    assert sorted(row.identifier for row in rows) == sorted(f"E{number}" for number in range(40))


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 8)), max_size=30),
    st.integers(1, 6),
    st.booleans(),
    st.booleans(),
)
def test_a_cut_never_parts_a_moment(found: list[tuple[str, int]], page: int, ascending: bool, together: bool) -> None:
    sign = 1 if ascending else -1
    rows = sorted((Row(name, time_ms, {}) for name, time_ms in found), key=lambda row: sign * row.time_ms)
    done: list[Row] = []
    left = rows
    while True:
        part = cut(left, page, ascending=ascending, together=together)
        done += part.rows
        if part.next_ms is None:
            break
        assert part.rows
        end = part.next_ms
        left = [row for row in rows if sign * row.time_ms >= sign * end]
    assert done == rows


# Segments.


def files(folder: Path, kind: str = "property") -> list[str]:
    return sorted(path.name for path in folder.glob(f"{kind}-*.parquet"))


def test_small_segments_become_one(kept: Kept) -> None:
    history = kept()
    for turn in range(FAN + 3):
        post(history, turn, speed=turn)
        history.flush()
    assert len(files(kept.folder)) == FAN + 3
    history._tidy()
    assert files(kept.folder)[0] == f"property-00000001-{FAN:08d}.parquet"
    assert len(files(kept.folder)) == 4
    assert told(history, query("speed")) == [("speed", turn, str(turn)) for turn in range(FAN + 3)]


def test_large_segments_are_merged_as_far_as_they_fit(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MOST_ROWS", 1_000)
    history = kept()
    for turn in range(10):
        for second in range(30):
            post(history, turn * 100 + second, **{f"p{number}": second for number in range(10)})
        history.flush()
    for _ in range(10):
        history._tidy()
    assert [name[9:26] for name in files(kept.folder)] == [
        "00000001-00000003",
        "00000004-00000006",
        "00000007-00000009",
        "00000010-00000010",
    ]
    assert len(walk(history, query("p3"))) == 300


def test_a_crash_between_merge_and_removal_doubles_nothing(kept: Kept) -> None:
    history = kept()
    for turn in range(FAN):
        post(history, turn, speed=turn)
        history.flush()
    copies = [Path(shutil.copy(kept.folder / name, kept.folder / f"copy-{name}")) for name in files(kept.folder)]
    history._tidy()
    history.close()
    kept.open.clear()
    for copy in copies:
        copy.rename(copy.with_name(copy.name.removeprefix("copy-")))
    assert len(files(kept.folder)) == FAN + 1
    again = kept()
    assert len(files(kept.folder)) == 1
    assert len(told(again, query("speed"))) == FAN
    post(again, 1_000, speed=5)
    again.flush()
    assert files(kept.folder)[-1] == f"property-{FAN + 1:08d}-{FAN + 1:08d}.parquet"


@pytest.mark.parametrize(
    "params",
    [
        {"speed": 2**53 + 1},
        {"speed": 2**64 - 1},
        {"speed": 1e308, "Odometer": -(2**63)},
        {"speed": {"value": 2**63, "time": 2**63}, "Note": "x"},
        {"speed": True, "Place": {"a": [2**63, None]}},
        {"speed": "\ud800"},  # no text that can be written
    ],
)
def test_one_devices_value_costs_nobody_elses_history(kept: Kept, params: dict[str, Any]) -> None:
    history = kept()
    for turn in range(5):
        post(history, turn, speed=turn + 0.5)
        posted(history, device("odd"), params, {}, NOW_MS + turn)
    assert len(told(history, query("speed"))) == 5
    history.flush()
    assert told(history, query("speed")) == [("speed", turn, f"{turn}.5") for turn in range(5)]


def test_a_number_that_no_double_holds_is_kept_as_it_was_said(kept: Kept) -> None:
    history = kept()
    post(history, 0, speed=2**53 + 1)
    history.flush()
    assert told(history, query("speed")) == [("speed", 0, str(2**53 + 1))]


def test_what_cannot_be_kept_is_named_and_forgotten_alone(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    history = kept()
    post(history, 0, speed=1.5)
    posted(history, device("odd"), {"speed": "\ud800"}, {}, NOW_MS)
    happened(history, device(), "Low", {"a": 1}, 2**70, NOW_MS)
    history.flush()
    assert told(history, query("speed")) == [("speed", 0, "1.5")]
    assert len(history.ask(query(kind="event")).rows) == 1
    assert history.dropped == 1
    assert f"posts of {PK}/odd cannot be stored" in caplog.text


def test_a_clock_that_jumps_makes_nothing_old(kept: Kept) -> None:
    day_ms, wall_ms, passed_s = 86_400_000, [NOW_MS], [0.0]
    history = History(kept.folder, days=2, flush_s=3_600, now_ms=lambda: wall_ms[0], monotonic_s=lambda: passed_s[0])
    kept.open.append(history)
    for days in (3, 1):
        post(history, -days * day_ms, speed=days)
        history.flush()
    history._tidy()
    assert len(files(kept.folder)) == 2  # nothing goes within the first minute
    passed_s[0], wall_ms[0] = 3_600.0, NOW_MS + 400 * day_ms
    history._tidy()
    assert len(files(kept.folder)) == 1  # what was too old before the jump
    passed_s[0] = 1.5 * 86_400
    history._tidy()
    assert len(files(kept.folder)) == 0


def test_what_is_older_than_it_may_be_goes_by_whole_segments(kept: Kept) -> None:
    day_ms, passed_s = 86_400_000, [0.0]
    history = kept(days=2, monotonic_s=lambda: passed_s[0])
    for days in (3, 1, 0):
        post(history, -days * day_ms, speed=days)
        history.flush()
    passed_s[0] = 61.0
    history._tidy()
    assert [value for _, _, value in told(history, query("speed"))] == ["1", "0"]
    assert len(files(kept.folder)) == 2


def test_the_folder_stays_within_its_size(kept: Kept) -> None:
    history = kept(most_bytes=20_000)
    for turn in range(20):
        post(history, turn, **{f"p{number}": number + turn for number in range(100)})
        history.flush()
    history._tidy()
    size = sum((kept.folder / name).stat().st_size for name in files(kept.folder))
    assert 10_000 < size <= 20_000
    assert told(history, query("p1"))[-1] == ("p1", 19, "20")


def test_unfinished_and_unreadable_segments_are_told_and_left_out(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    first = kept()
    post(first, 0, speed=1)
    first.close()
    kept.open.clear()
    (kept.folder / "property-00000002-00000002.parquet.part").write_bytes(b"PAR1")
    (kept.folder / "property-00000003-00000003.parquet").write_bytes(b"PAR1 no more than this")
    (kept.folder / "property-notes.parquet").write_bytes(b"somebody else's")
    shutil.copy(kept.folder / files(kept.folder)[0], kept.folder / "event-00000001-00000001.parquet")
    history = kept()
    assert "removing property-00000002-00000002.parquet.part, left unfinished" in caplog.text
    assert "property-00000003-00000003.parquet cannot be read" in caplog.text
    assert "event-00000001-00000001.parquet cannot be read" in caplog.text
    post(history, 1, speed=2)
    history.flush()
    assert told(history, query("speed")) == [("speed", 0, "1"), ("speed", 1, "2")]
    assert "property-00000004-00000004.parquet" in files(kept.folder)


@pytest.mark.program
def test_kill_9_loses_seconds_and_leaves_every_finished_segment(tmp_path: Path, kept: Kept) -> None:
    code = (
        "import sys, time, itertools\n"
        "from pathlib import Path\n"
        "from types import SimpleNamespace as Some\n"
        "from jinqiao.gateway.history.history import History\n"
        "from jinqiao.gateway.platform.events import PropertiesAccepted\n"
        "history = History(Path(sys.argv[1]), flush_s=0.01)\n"
        "device = Some(product=Some(key='a1carPK0001'), name='tbox001')\n"
        "for n in itertools.count():\n"
        "    now = time.time_ns() // 10**6\n"
        "    history.take_properties(PropertiesAccepted(device, {'speed': {'value': n, 'time': now}}, {}, now))\n"
        "    time.sleep(0.002)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) as process:
        deadline = time.monotonic() + 30
        while not any(name.startswith(f"property-00000001-{FAN:08d}") for name in files(tmp_path)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    rows = walk(kept(), query("speed", page=100))
    numbers = [int(row.values["value"]) for row in rows]
    assert numbers == sorted(set(numbers))
    assert len(numbers) >= FAN
    assert numbers[0] <= 1


# The disk.


def test_a_disk_that_does_not_take_it_is_told_once_and_tried_again(
    kept: Kept, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = kept.folder / "property-00000001-00000001.parquet.part"
    history = History(kept.folder, flush_s=0.01, now_ms=lambda: NOW_MS)
    kept.open.append(history)
    with monkeypatch.context() as full:

        def fail(*_: Any, **__: Any) -> None:
            raise OSError(28, "No space left on device")

        full.setattr(history_module.SegmentStore, "add", fail)
        post(history, 0, speed=1)
        time.sleep(0.1)
        assert told(history, query("speed")) == [("speed", 0, "1")]
    deadline = time.monotonic() + 10
    while not files(kept.folder):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert caplog.text.count("No space left") == 1
    assert not part.exists()
    assert told(history, query("speed")) == [("speed", 0, "1")]


def test_what_finds_no_room_is_counted(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "MOST_WAITING", 3)
    history = kept()
    for turn in range(5):
        post(history, turn, speed=turn)
    assert history.dropped == 2
    assert len(told(history, query("speed"))) == 3


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFault, match="cannot store history"):
        History(tmp_path / "file" / "history")


def test_a_quote_in_the_folders_name(tmp_path: Path) -> None:
    history = History(tmp_path / "it's here", flush_s=3_600)
    post(history, 0, speed=1)
    history.flush()
    assert told(history, query("speed")) == [("speed", 0, "1")]
    history.close()


def test_two_servers_do_not_keep_one_past(kept: Kept) -> None:
    kept()
    with pytest.raises(EnvironmentFault, match="another store"):
        History(kept.folder)

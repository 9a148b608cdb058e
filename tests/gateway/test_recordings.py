"""Recordings hold what was written, in both formats, also when the writer was killed or the file was damaged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pyarrow.dataset as dataset
import pyarrow.parquet as pq
import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.exceptions import EndOfFile
from mcap.reader import NonSeekingReader, make_reader
from mcap_protobuf.decoder import DecoderFactory

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.gateway.recordings.files import create, open_recording
from jinqiao.gateway.recordings.mcap_reader import McapReader
from jinqiao.gateway.recordings.mcap_records import MAGIC
from jinqiao.gateway.recordings.mcap_writer import CHUNK_BYTES, McapWriter
from jinqiao.gateway.recordings.parquet_writer import SEGMENT_AGE_S, ParquetWriter
from jinqiao.gateway.recordings.parts import Info, Part
from support.examples import examples
from support.recordings import NOW_MS, events, flat, fleet, messages, samples

INFO = Info("a1JinqiaoEV", {"scenario": "Two cars"})
FORMATS = ("drive.mcap", "drive.parquet")


def record(path: Path, parts: list[Part]) -> Path:
    sink = create(path, INFO)
    for part in parts:
        sink.write(part)
        sink.tick()
    sink.close()
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_what_was_written_is_read(tmp_path: Path, name: str) -> None:
    parts = [*fleet(), messages((NOW_MS + 9000) * 1_000_000)]
    source = open_recording(record(tmp_path / name, parts))
    assert flat(source.parts()) == flat(parts)
    assert flat(source.parts()) == flat(parts), "as often as one likes"
    assert source.info == INFO
    assert source.problems == []


@pytest.mark.parametrize("name", FORMATS)
def test_parts_come_in_the_order_of_time(tmp_path: Path, name: str) -> None:
    source = open_recording(record(tmp_path / name, fleet(5)))
    starts = [int(part.time_ns[0]) for part in source.parts()]  # type: ignore[union-attr]
    assert starts == sorted(starts)


@pytest.mark.parametrize("name", FORMATS)
def test_names_of_different_lengths_keep_their_letters(tmp_path: Path, name: str) -> None:
    part = samples("core", NOW_MS, 4)
    part.device_names[1] = b"car-7"
    source = open_recording(record(tmp_path / name, [part]))
    assert sorted(row[1] for row in flat(source.parts())["core"]) == sorted(part.device_names.tolist())


@pytest.mark.parametrize("name", FORMATS)
def test_an_existing_recording_is_not_overwritten(tmp_path: Path, name: str) -> None:
    path = record(tmp_path / name, fleet(1))
    with pytest.raises(InputError, match="exists already"):
        create(path, INFO)
    assert flat(open_recording(path).parts()) == flat(fleet(1))


def test_a_wrong_ending_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found the ending '.mcab' \(did you mean '.mcap'\?\)"):
        create(tmp_path / "drive.mcab", INFO)
    with pytest.raises(InputError, match="no folder"):
        create(tmp_path / "absent" / "drive.mcap", INFO)
    with pytest.raises(InputError, match="no such file"):
        open_recording(tmp_path / "drive.mcap")


# MCAP, with its own reader as the judge.


def test_mcaps_own_reader_reads_everything(tmp_path: Path) -> None:
    count = CHUNK_BYTES // 150  # more than one chunk
    parts = [samples("core", NOW_MS, count), *fleet(2, 5), messages(NOW_MS * 1_000_000, 9)]
    path = record(tmp_path / "drive.mcap", parts)
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
        summary = reader.get_summary()
        assert summary is not None
        assert summary.statistics is not None
        assert summary.statistics.chunk_count == len(summary.chunk_indexes) > 1
        by_topic: dict[str, list[Message]] = {}
        for _, channel, raw, message in reader.iter_decoded_messages():
            by_topic.setdefault(channel.topic, []).append(message)
            assert raw.log_time == raw.publish_time
        counts = {summary.channels[number].topic: n for number, n in summary.statistics.channel_message_counts.items()}
        assert counts == {topic: len(found) for topic, found in by_topic.items()}
        assert [(found.name, found.metadata) for found in reader.iter_metadata()] == [("jinqiao", INFO.as_map())]
    assert {topic: len(found) for topic, found in by_topic.items()} == {
        "/telemetry/core": count + 10,
        "/telemetry/detail": 2,
        "/location": count + 10,
        "/events": 2,
        "/mqtt/thing/event/property/post": 9,
    }
    for sample, fix in zip(by_topic["/telemetry/core"], by_topic["/location"], strict=True):
        assert type(fix).DESCRIPTOR.full_name == "foxglove.LocationFix"
        assert (fix.frame_id, fix.longitude, fix.latitude) == (sample.device_name, sample.longitude, sample.latitude)  # type: ignore[attr-defined]
        assert fix.timestamp.ToMilliseconds() == sample.time_ms  # type: ignore[attr-defined]


def test_messages_are_found_by_time(tmp_path: Path) -> None:
    """Readers that seek trust the indices."""
    path = record(tmp_path / "drive.mcap", fleet(10))
    start = (NOW_MS + 4000) * 1_000_000
    with path.open("rb") as file:
        found = list(make_reader(file).iter_messages("/telemetry/core", starting_at=start, ending_before=start + 1))
    assert [message.log_time for _, _, message in found] == [start] * 3


def test_an_empty_recording_is_a_recording(tmp_path: Path) -> None:
    path = record(tmp_path / "drive.mcap", [])
    with path.open("rb") as file:
        assert list(make_reader(file, validate_crcs=True).iter_messages()) == []
    assert list(open_recording(path).parts()) == []


@given(cut=st.integers(0, 30_000))
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_cut_anywhere_gives_what_is_before_the_cut(tmp_path: Path, cut: int) -> None:
    whole = tmp_path / "whole.mcap"
    if not whole.exists():
        sink = McapWriter(whole, INFO)
        for part in fleet(8, 20):
            sink.write(part)
            sink.flush()
        sink.close()
    data = whole.read_bytes()
    path = tmp_path / "cut.mcap"
    path.write_bytes(data[: cut % len(data)])
    if cut % len(data) < len(MAGIC):
        with pytest.raises(InputError, match="offset 0"):
            McapReader(path)
        return
    source = McapReader(path)
    read, wrote = flat(source.parts()), flat(fleet(8, 20))
    assert all(rows == wrote[kind][: len(rows)] for kind, rows in read.items())
    if read == wrote:
        assert cut % len(data) > len(data) // 2
    else:
        assert any("offset" in problem for problem in source.problems)


def test_a_damaged_chunk_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "drive.mcap"
    sink = McapWriter(path, INFO)
    ends = []
    for second in range(3):
        sink.write(samples("core", NOW_MS + second * 1000, 50, seed=second))
        sink.flush()
        ends.append(path.stat().st_size)
    sink.close()
    data = bytearray(path.read_bytes())
    data[(ends[0] + ends[1]) // 2] ^= 0xFF
    path.write_bytes(data)
    source = open_recording(path)
    times = {row[0] for row in flat(source.parts())["core"]}
    assert times == {NOW_MS, NOW_MS + 2000}
    (problem,) = source.problems
    offset = int(problem.split("offset ")[1].split(":")[0])
    assert ends[0] - 200 < offset <= ends[0] or offset == ends[0]
    assert "chunk record cannot be read" in problem


def test_other_files_are_refused_with_what_they_begin_with(tmp_path: Path) -> None:
    path = tmp_path / "photo.mcap"
    path.write_bytes(b"\xff\xd8\xff\xe0 no recording")
    with pytest.raises(InputError, match=r"offset 0: found .*this is not an MCAP file"):
        open_recording(path)
    path = tmp_path / "photo.parquet"
    path.write_bytes(b"\xff\xd8\xff\xe0 no recording")
    with pytest.raises(InputError, match=r"offset 0: found .*this is not a Parquet file"):
        open_recording(path)


def test_messages_of_other_makers_are_counted_and_left_out(tmp_path: Path) -> None:
    from mcap.writer import Writer

    path = tmp_path / "other.mcap"
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start()
        schema = writer.register_schema("lidar", "jsonschema", b"{}")
        number = writer.register_channel("/lidar", "json", schema)
        for i in range(4):
            writer.add_message(number, i, b"{}", i)
        writer.finish()
    source = open_recording(path)
    assert list(source.parts()) == []
    assert source.problems == [f"{path}: 4 messages of '/lidar' (lidar) are left out"]


@pytest.mark.parametrize("name", ["drive.mcap", "drive.parquet"])
@given(
    changes=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.none() | st.integers(0, 2**20),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_ends_and_is_named(
    tmp_path: Path, name: str, changes: list[tuple[int, int]], cut: int | None
) -> None:
    whole = tmp_path / name
    if not whole.exists():
        record(whole, fleet())
    file = whole if whole.is_file() else whole / "core" / "00001.parquet"
    data = bytearray(file.read_bytes())
    for at, value in changes:
        data[at % len(data)] = value
    damaged = tmp_path / f"damaged{file.suffix}"
    damaged.write_bytes(bytes(data[: len(data) if cut is None else cut % len(data)]))
    try:
        source = open_recording(damaged)
        found = sum(len(part) for part in source.parts())
    except InputError:
        return
    assert found <= 15


def test_a_name_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    part = samples("core", NOW_MS)
    part.device_names[1] = b"\xff" * 17
    source = open_recording(record(tmp_path / "a.mcap", [part]))
    assert len(flat(source.parts())["core"]) == 2
    assert source.problems == [f"{tmp_path / 'a.mcap'}: 1 samples have a device name that is not text and are left out"]


# Parquet, with pyarrow's own views.


def test_a_kind_is_a_data_set_of_its_own(tmp_path: Path) -> None:
    path = record(tmp_path / "drive.parquet", fleet(3, 4))
    table = dataset.dataset(path / "core").to_table()
    assert len(table) == 12
    assert table.schema.field("pack_power").metadata[b"unit"] == b"kW"
    assert str(table.schema.field("time").type) == "timestamp[ms, tz=UTC]"
    assert table["device_name"].to_pylist()[:2] == ["LBVHN3805PS000000", "LBVHN3805PS000001"]
    single = open_recording(path / "core" / "00001.parquet")
    assert flat(single.parts())["core"] == flat(fleet(3, 4))["core"]


def test_segments_roll_and_an_unfinished_one_is_passed_over(tmp_path: Path) -> None:
    now = 0.0
    path = tmp_path / "drive.parquet"
    sink = ParquetWriter(path, INFO, clock=lambda: now)
    parts = [samples("core", NOW_MS + i * 1000) for i in range(4)]
    for part in parts:
        sink.write(part)
        sink.tick()
        now += SEGMENT_AGE_S / 2
    assert sorted(file.name for file in (path / "core").iterdir()) == ["00001.parquet"]
    assert len(dataset.dataset(path / "core").to_table()) == 9
    sink.close()
    assert sorted(file.name for file in (path / "core").iterdir()) == ["00001.parquet", "00002.parquet"]
    assert flat(open_recording(path).parts()) == flat(parts)


def test_a_cut_segment_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "drive.parquet"
    now = 0.0
    sink = ParquetWriter(path, INFO, clock=lambda: now)
    for second in range(3):
        sink.write(samples("core", NOW_MS + second * 1000))
        now += SEGMENT_AGE_S
        sink.tick()
    sink.close()
    second_file = path / "core" / "00002.parquet"
    data = second_file.read_bytes()
    second_file.write_bytes(data[: len(data) // 2])
    source = open_recording(path)
    assert {row[0] for row in flat(source.parts())["core"]} == {NOW_MS, NOW_MS + 2000}
    (problem,) = source.problems
    assert f"{second_file}: offset {len(data) // 2 - 4}: found" in problem
    with pytest.raises(InputError, match="the file was cut off"):
        open_recording(second_file)


# Killed, and out of space.

WRITER = """
import sys, time
from pathlib import Path
from jinqiao.gateway.recordings.files import create
from jinqiao.gateway.recordings.parts import Info
from support.recordings import NOW_MS, samples
sink = create(Path(sys.argv[1]), Info("pk"))
for second in range(100000):
    sink.write(samples("core", NOW_MS + second * 1000, 2000, seed=second))
    sink.tick()
    print(second, flush=True)
"""


@pytest.mark.program
def test_a_killed_writer_leaves_a_file_that_mcaps_reader_reads(tmp_path: Path) -> None:
    path = tmp_path / "drive.mcap"
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as writer:
        assert writer.stdout is not None
        while int(writer.stdout.readline()) < 40:
            pass
        writer.send_signal(signal.SIGKILL)
    source = open_recording(path)
    times = [row[0] for row in flat(source.parts())["core"]]
    assert len(times) > 40 * 2000 * 0.7
    assert times == sorted(times)
    assert any("cut off" in problem for problem in source.problems)
    with path.open("rb") as file:
        read = 0
        with suppress(EndOfFile):  # its word for a file that just ends
            for _ in NonSeekingReader(file).iter_messages("/telemetry/core", log_time_order=False):
                read += 1
        assert read == len(times)


@pytest.mark.program
@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_stops_the_recording_and_leaves_it_readable(tmp_path: Path, name: str) -> None:
    """A limit on the size of files stands for the full disk: the kernel refuses the write just so."""
    code = """
    import resource, sys
    from pathlib import Path
    from jinqiao.base.errors import EnvironmentFault
    from jinqiao.gateway.recordings import parquet_writer
    from jinqiao.gateway.recordings.files import create
    from jinqiao.gateway.recordings.parts import Info
    from support.recordings import NOW_MS, samples
    parquet_writer.GROUP_ROWS = 4000
    parquet_writer.SEGMENT_ROWS = 12000
    sink = create(Path(sys.argv[1]), Info("pk"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
    try:
        for second in range(60):
            sink.write(samples("core", NOW_MS + second * 1000, 4000, seed=second))
            sink.tick()
            if second == 6 and sys.argv[1].endswith("parquet"):
                resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    except EnvironmentFault as error:
        print(error)
    sink.close()
    """
    path = tmp_path / name
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-c", textwrap.dedent(code), str(path)]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert f"{path} cannot be written any more: File too large; " in told
    rows = flat(open_recording(path).parts())["core"]
    assert len(rows) >= 8000
    assert rows == flat([samples("core", NOW_MS + i * 1000, 4000, seed=i) for i in range(60)])["core"][: len(rows)]
    if path.is_dir():
        assert [pq.read_metadata(file).num_rows for file in sorted(path.glob("core/*.parquet"))]
        assert list(path.glob("core/.*")) == []


def test_a_folder_that_cannot_be_written_is_the_environments_fault(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        McapWriter(Path("/proc/drive.mcap"), INFO)


def test_events_keep_the_kinds_of_their_values(tmp_path: Path) -> None:
    for name in FORMATS:
        source = open_recording(record(tmp_path / name, [events(NOW_MS)]))
        (told,) = flat(source.parts())["events"]
        assert {key: type(value) for key, value in told.event.output.items()} == {
            "Bay": int,
            "Power": float,
            "Station": str,
        }


def test_positions_in_gcj02_are_not_shown_on_a_map_of_wgs84(tmp_path: Path) -> None:
    part = samples("core", NOW_MS, 5)
    part.columns["coordinate_system"][:] = [1, 2, 1, 2, 2]
    path = record(tmp_path / "drive.mcap", [part])
    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        fixes = [message.frame_id for _, _, _, message in reader.iter_decoded_messages("/location")]
    assert fixes == [part.device_names[0].decode(), part.device_names[2].decode()]
    assert len(flat(open_recording(path).parts())["core"]) == 5


@pytest.mark.parametrize(("name", "module"), [("drive.mcap", "zstandard"), ("drive.parquet", "pyarrow")])
def test_without_the_extra_the_way_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "jinqiao.gateway.recordings.tables", raising=False)
    monkeypatch.delattr("jinqiao.gateway.recordings.tables", raising=False)
    with pytest.raises(InputError, match=r" -m pip install .*\[recordings\]'"):
        create(tmp_path / name, INFO)


@pytest.mark.parametrize("name", FORMATS)
def test_samples_of_fewer_signals_stand_beside_the_others(tmp_path: Path, name: str) -> None:
    """Recordings of another version know other signals."""
    whole, fewer = samples("core", NOW_MS), samples("core", NOW_MS + 1000)
    fewer = replace(fewer, columns={key: fewer.columns[key] for key in ("speed", "longitude", "latitude")})
    parts: list[Part] = [whole, fewer, samples("core", NOW_MS + 2000)]
    source = open_recording(record(tmp_path / name, parts))
    assert flat(source.parts()) == flat(parts)
    assert source.problems == []


def test_samples_that_lack_a_value_now_and_then_begin_no_new_file(tmp_path: Path) -> None:
    parts: list[Part] = []
    for turn in range(20):
        whole = samples("core", NOW_MS + 1000 * turn)
        without = "speed" if turn % 2 else "gear"
        columns = {key: column for key, column in whole.columns.items() if key != without}
        parts += [whole, replace(whole, time_ms=whole.time_ms, columns=columns)]
    source = open_recording(record(tmp_path / "drive.parquet", parts))
    assert len(list((tmp_path / "drive.parquet" / "core").glob("*.parquet"))) <= 3
    assert flat(source.parts()) == flat(parts)
    assert source.problems == []

"""`jinqiao convert`: there and back again, into tables and CAN logs, and what it says of wrong input."""

from __future__ import annotations

import csv
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import can
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jinqiao.base.errors import InputError
from jinqiao.gateway.recordings.files import create, open_recording
from jinqiao.gateway.recordings.parts import Info, Messages
from jinqiao.sandbox.recordings.convert import convert
from jinqiao.telemetry.v1.can_pb2 import CanBatch
from support.examples import examples
from support.programs import Program
from support.recordings import NOW_MS, flat, fleet, messages, samples

Start = Callable[..., Program]

CANDUMP = """\
(1795333508.413000) can0 123#0102030405060708
(1795333508.423000) can1 18DAF110#02010D
(1795333508.433000) can0 7DF#R
"""


def recording(path: Path) -> Path:
    sink = create(path, Info("a1JinqiaoEV", {"scenario": "Two cars"}))
    for part in [*fleet(), messages((NOW_MS + 9000) * 1_000_000)]:
        sink.write(part)
    sink.close()
    return path


def frames(path: Path) -> list[tuple[float, int, bool, bool, bytes]]:
    with can.LogReader(path) as reader:
        return [
            (round(m.timestamp, 3), m.arbitration_id, m.is_extended_id, m.is_remote_frame, bytes(m.data))
            for m in reader
        ]


def test_mcap_to_parquet_and_back_loses_nothing(start: Start, tmp_path: Path) -> None:
    first = recording(tmp_path / "a.mcap")
    status, lines, errors = start("convert", str(first), str(tmp_path / "b.parquet")).finish()
    assert status == 0, errors
    assert lines[0]["converted"] == {"samples": 12, "events": 3, "messages": 2}
    convert(tmp_path / "b.parquet", tmp_path / "c.mcap")
    rows = flat(open_recording(first).parts())
    for name in ("b.parquet", "c.mcap"):
        source = open_recording(tmp_path / name)
        assert flat(source.parts()) == rows
        assert source.info == Info("a1JinqiaoEV", {"scenario": "Two cars"})


def test_csv_is_a_file_a_kind(tmp_path: Path) -> None:
    found = convert(recording(tmp_path / "a.mcap"), tmp_path / "a.csv")
    assert [Path(name).name for name in found["files"]] == [
        "a.core.csv",
        "a.detail.csv",
        "a.events.csv",
        "a.messages.csv",
    ]
    with (tmp_path / "a.core.csv").open() as file:
        rows = list(csv.DictReader(file))
    original = samples("core", NOW_MS)
    assert len(rows) == 9
    assert [row["device_name"] for row in rows[:2]] == ["LBVHN3805PS000000", "LBVHN3805PS000001"]
    assert float(rows[0]["longitude"]) == original.columns["longitude"][0]
    assert rows[0]["time"].startswith("2026-11-22 07:45:08.413")
    with (tmp_path / "a.messages.csv").open(newline="") as file:
        told = list(csv.DictReader(file))
    assert told[1]["payload"] == '{"id":"1","params":{}}'
    assert told[0]["payload"] == ""
    assert told[0]["payload_base64"].startswith("AAECAwQF")


def test_one_kind_gets_the_name_that_was_asked_for(tmp_path: Path) -> None:
    sink = create(tmp_path / "a.mcap", Info())
    sink.write(samples("core", NOW_MS))
    sink.close()
    assert convert(tmp_path / "a.mcap", tmp_path / "a.csv")["files"] == [str(tmp_path / "a.csv")]


@pytest.mark.parametrize("ending", ["blf", "asc", "log"])
def test_can_logs_hold_the_same_frames_for_python_can(tmp_path: Path, ending: str) -> None:
    source = tmp_path / "trace.log"
    source.write_text(CANDUMP)
    target = tmp_path / f"other.{ending}"
    assert convert(source, target)["converted"] == {"can_frames": 3}
    expected, found = frames(source), frames(target)
    assert [frame[1:] for frame in found] == [frame[1:] for frame in expected]
    spacing = [round(frame[0] - found[0][0], 3) for frame in found]
    assert spacing == [0.0, 0.01, 0.02]
    back = tmp_path / "back.log"
    convert(target, back)
    assert [frame[1:] for frame in frames(back)] == [frame[1:] for frame in expected]


def test_can_frames_become_a_table(tmp_path: Path) -> None:
    source = tmp_path / "trace.log"
    source.write_text(CANDUMP)
    convert(source, tmp_path / "trace.parquet")
    convert(tmp_path / "trace.parquet", tmp_path / "again.log")
    assert frames(tmp_path / "again.log") == frames(source)
    convert(source, tmp_path / "trace.csv")
    with (tmp_path / "trace.csv").open() as file:
        assert [(row["bus"], row["identifier"], row["data"]) for row in csv.DictReader(file)] == [
            ("can0", "123", "0102030405060708"),
            ("can1", "18DAF110", "02010d"),
            ("can0", "7DF", ""),
        ]


def test_a_broken_line_costs_only_itself(tmp_path: Path) -> None:
    source = tmp_path / "trace.log"
    lines = CANDUMP.splitlines(keepends=True)
    source.write_text(lines[0] + "(oops) can0 nonsense\n" + lines[1])
    found = convert(source, tmp_path / "trace.blf")
    assert found["converted"] == {"can_frames": 2}
    (problem,) = found["problems"]
    assert problem.startswith(
        f"{source}: offset {len(lines[0])}: found '(oops) can0 nonsense', expected a candump line such as '(17"
    )


def test_a_cut_blf_is_named_and_what_is_before_is_read(tmp_path: Path) -> None:
    source = tmp_path / "trace.log"
    source.write_text("".join(f"({1795333508 + i / 100:.6f}) can0 123#{i:016X}\n" for i in range(20_000)))
    whole = tmp_path / "whole.blf"
    convert(source, whole)
    cut = tmp_path / "cut.blf"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    found = convert(cut, tmp_path / "cut.csv")
    assert 1000 < found["converted"]["can_frames"] < 20_000
    assert "of 20,000 objects: the file was cut off here" in "".join(found["problems"])


@given(st.binary(max_size=400))
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_noise_is_an_input_error_and_nothing_else(tmp_path: Path, noise: bytes) -> None:
    for ending in ("log", "asc", "blf", "mcap"):
        source = tmp_path / f"noise.{ending}"
        source.write_bytes(noise)
        target = tmp_path / "out.csv"
        target.unlink(missing_ok=True)
        with suppress(InputError):
            convert(source, target)


def test_can_batches_of_a_live_recording_become_frames(tmp_path: Path) -> None:
    batch = CanBatch(
        vin="LBVHN3805PS000001",
        bus="powertrain",
        start_ms=NOW_MS,
        offset_us=[100, 900],
        id=[0x123, 0x18DAF110 | 1 << 31],
        length=bytes([8, 3]),
        data=bytes(range(8)) + b"\x02\x01\x0d" + bytes(5),
    )
    topics = ["/sys/pk/a/thing/model/up_raw", "/pk/a/user/can"]
    live = Messages(np.full(2, NOW_MS * 1_000_000), topics, [batch.SerializeToString()] * 2, [0, 0], [False, False])
    sink = create(tmp_path / "live.mcap", Info())
    sink.write(live)
    sink.close()
    found = convert(tmp_path / "live.mcap", tmp_path / "live.log")
    assert found["converted"] == {"can_frames": 2}
    assert [frame[1:] for frame in frames(tmp_path / "live.log")] == [
        (0x123, False, False, bytes(range(8))),
        (0x18DAF110, True, False, b"\x02\x01\x0d"),
    ]


SCREEN = "  can0  123   [8]  11 22 33 44 55 66 77 88\n"
FOREIGN: dict[str, tuple[bytes, str]] = {
    "a.trc": (b";$FILEVERSION=1.1\n;$STARTTIME=43008.9\n", r"PEAK trace \(\.trc\).*BLF or ASC"),
    "savvy.csv": (
        b"Time Stamp,ID,Extended,Dir,Bus,LEN,D1,D2\n166064000,0000021A,false,Rx,0,2,FE,36,\n",
        "SavvyCAN's CSV",
    ),
    "theirs.csv": (b"timestamp,arbitration_id,extended,remote,error,dlc,data\n", "python-can's CSV"),
    "ours.csv": (b'"time","bus","identifier","data"\n', "jinqiao convert wrote"),
    "a.log.gz": (b"\x1f\x8b\x08\0", "gzip archive.*gunzip"),
    "a.blf": (b"\x1f\x8b\x08\0", "gzip archive"),
    "a.zip": (b"PK\x03\x04", "zip archive"),
    "a.mf4": (b"MDF     4.10", "ASAM MDF"),
    "screen.log": (SCREEN.encode(), r"shows on the screen.*candump -l"),
    "screen-t.txt": (f" (1700000000.100000){SCREEN}".encode(), "candump -l"),
    "screen-x.log": (b"  can0  RX - -  123   [2]  11 22\n", "candump -l"),
    "a.dbc": (b'VERSION ""\n\nNS_ :\n', "DBC"),
    "a.pcapng": (b"\x0a\x0d\x0d\x0a", "pcapng"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_formats_that_are_not_read_are_called_by_their_names(tmp_path: Path, name: str) -> None:
    content, message = FOREIGN[name]
    (tmp_path / name).write_bytes(content)
    for read in (lambda path: convert(path, tmp_path / "out.parquet"), open_recording):
        with pytest.raises(InputError, match=message):
            read(tmp_path / name)
    assert not (tmp_path / "out.parquet").exists()


def test_a_can_log_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "trace.txt").write_text(CANDUMP)
    assert convert(tmp_path / "trace.txt", tmp_path / "trace.blf")["converted"] == {"can_frames": 3}
    (tmp_path / "trace.blf").rename(tmp_path / "trace.asc")
    convert(tmp_path / "trace.asc", tmp_path / "again.log")
    assert [frame[1:] for frame in frames(tmp_path / "again.log")] == [
        frame[1:] for frame in frames(_named(tmp_path / "trace.txt", "log"))
    ]
    with pytest.raises(InputError, match=r"this is a CAN log \(BLF\), expected a recording; jinqiao convert reads it"):
        open_recording(tmp_path / "trace.asc")


def _named(path: Path, ending: str) -> Path:
    return path.rename(path.with_suffix(f".{ending}"))


def test_what_has_no_can_frames_is_counted(tmp_path: Path) -> None:
    batch = CanBatch(
        vin="V", bus="b", start_ms=NOW_MS, offset_us=[1], id=[1], length=b"\1", data=bytes(8), error_frames=4
    )
    live = Messages(
        np.full(3, NOW_MS * 1_000_000),
        ["/pk/a/user/can", "/sys/pk/a/thing/model/up_raw", "/pk/a/user/label"],
        [batch.SerializeToString(), b"\xff\xff", b"{}"],
        [0] * 3,
        [False] * 3,
    )
    sink = create(tmp_path / "live.mcap", Info())
    for part in (samples("core", NOW_MS), live):
        sink.write(part)
    sink.close()
    found = convert(tmp_path / "live.mcap", tmp_path / "live.blf")
    assert found["channels"] == {1: "V b"}
    said = "\n".join(found["problems"])
    for text in (
        "3 samples are not CAN frames",
        "1 messages carry no CAN frames",
        "1 messages on CAN topics are not a CanBatch",
        "4 error frames were counted only",
        "live.blf: channels have new numbers: 1 is V b",
    ):
        assert text in said


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("absent.mcap", "x.csv", "absent.mcap: no such file or folder"),
        ("a.mcap", "a.mcap", "found the same file as the source"),
        ("a.mcap", "a.pakret", "found the ending '.pakret' (did you mean '.parquet'?)"),
        ("a.mcap", "there.parquet", "there.parquet exists already"),
        ("a.mcap", "gone/a.csv", "no folder"),
        ("a.mcap", "a.blf", "found no CAN frames"),
        ("empty.blf", "x.csv", "empty.blf: found an empty file"),
        ("noise.log", "noise.csv", "noise.log: found nothing to convert\n  noise.log: offset 0: found '%%%'"),
        ("trace.log", "trace.mcap", "CAN frames go to .blf, .asc, .log, .csv or .parquet"),
    ],
)
def test_wrong_input_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, target: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    recording(Path("a.mcap"))
    recording(Path("there.parquet"))
    Path("trace.log").write_text(CANDUMP)
    Path("noise.log").write_text("%%%")
    Path("empty.blf").touch()
    with pytest.raises(InputError) as caught:
        convert(Path(source), Path(target))
    assert message in str(caught.value)
    assert not list(Path().glob("a.blf"))

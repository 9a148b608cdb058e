"""CAN logs: every format's lines and objects, what survives from one into another, and input that is broken."""

from __future__ import annotations

import io
import struct
import time
import zlib
from pathlib import Path

import can
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jinqiao.base.errors import InputError
from jinqiao.base.onward import Onward, Standstill
from jinqiao.gateway.recordings.can_logs import candump
from jinqiao.gateway.recordings.can_logs.blf_reader import BlfReader
from jinqiao.gateway.recordings.can_logs.reader import CanLogReader
from jinqiao.gateway.recordings.can_logs.writer import CAN_LOGS, CanLogWriter
from jinqiao.gateway.recordings.formats import can_log
from jinqiao.gateway.recordings.parts import CanFrame
from jinqiao.gateway.recordings.problems import Problems
from support.examples import examples

NOW_US = 1_795_333_508_413_007
ENDINGS = tuple(CAN_LOGS)


def write(path: Path, frames: list[CanFrame]) -> CanLogWriter:
    path.unlink(missing_ok=True)
    sink = CanLogWriter(path)
    sink.write(frames)
    sink.close()
    return sink


def read(path: Path) -> tuple[list[CanFrame], list[str]]:
    kind = can_log(path)
    assert kind is not None
    source = CanLogReader(path, kind)
    return [frame for part in source.parts() for frame in part], source.problems  # type: ignore[union-attr]


def read_text(path: Path, text: str) -> tuple[list[CanFrame], list[str]]:
    path.write_text(text)
    return read(path)


def test_a_place_only_goes_forward() -> None:
    place = Onward(3, end=10)
    assert place.to(5) == 5
    for wrong in (5, 4, 11):
        with pytest.raises(Standstill):
            place.to(wrong)
    assert place.to(10) == 10


_IDS = st.one_of(st.tuples(st.integers(0, 0x7FF), st.just(False)), st.tuples(st.integers(0, 0x1FFFFFFF), st.just(True)))
_FD_BYTES = st.sampled_from([0, 1, 7, 8, 12, 16, 20, 24, 32, 48, 64]).flatmap(
    lambda size: st.binary(min_size=size, max_size=size)
)


@st.composite
def frames_of_any_kind(draw: st.DrawFn, at_us: int = NOW_US) -> CanFrame:
    """One frame that every format can carry whole, on the bus that it is called there."""
    identifier, extended = draw(_IDS)
    time_ns = (at_us + draw(st.integers(0, 10**7))) * 1000
    way = draw(st.sampled_from(["rx", "tx"]))
    match draw(st.sampled_from(["data", "remote", "fd"])):
        case "remote":
            length = draw(st.integers(0, 8))
            return CanFrame(time_ns, "2", identifier, b"", extended, remote=True, remote_length=length, direction=way)
        case "fd":
            data, switch, state = draw(_FD_BYTES), draw(st.booleans()), draw(st.booleans())
            return CanFrame(time_ns, "2", identifier, data, extended, fd=True, bitrate_switch=switch,
                            error_state=state, direction=way)  # fmt: skip
    return CanFrame(time_ns, "2", identifier, draw(st.binary(max_size=8)), extended, direction=way)


def _bus_aside(frame: CanFrame) -> tuple[object, ...]:
    return tuple(getattr(frame, name) for name in CanFrame._fields if name != "bus")


@pytest.mark.parametrize("ending", ENDINGS)
@given(st.lists(frames_of_any_kind(), min_size=1, max_size=20))
@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_written_is_read(tmp_path: Path, ending: str, frames: list[CanFrame]) -> None:
    frames.sort(key=lambda frame: frame.time_ns)
    path = tmp_path / f"trace{ending}"
    sink = write(path, frames)
    found, problems = read(path)
    assert [_bus_aside(frame) for frame in found] == [_bus_aside(frame) for frame in frames]
    assert {frame.bus for frame in found} == {"can1" if ending == ".log" else "2"}
    assert (problems, sink.problems, sink.renumbered) == ([], [], False)


@pytest.mark.parametrize("ending", ENDINGS)
@given(st.lists(frames_of_any_kind(), min_size=1, max_size=10))
@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_python_can_reads_the_same(tmp_path: Path, ending: str, frames: list[CanFrame]) -> None:
    frames = sorted((f for f in frames if not (f.fd and not f.data)), key=lambda frame: frame.time_ns)
    path = tmp_path / f"trace{ending}"
    write(path, frames or [CanFrame(NOW_US * 1000, "2", 1, b"")])
    with can.LogReader(path, relative_timestamp=False) as reader:
        theirs = list(reader)
    for ours, read_ in zip(frames, theirs, strict=False):
        assert read_.timestamp == pytest.approx(ours.time_ns / 1e9, abs=2e-6)
        assert (read_.arbitration_id, read_.is_extended_id, bytes(read_.data), read_.is_fd, read_.is_remote_frame) == (
            ours.identifier, ours.extended, ours.data, ours.fd, ours.remote
        )  # fmt: skip
        assert (read_.is_rx, read_.bitrate_switch, read_.error_state_indicator) == (
            ours.direction == "rx", ours.bitrate_switch, ours.error_state
        )  # fmt: skip
        assert read_.channel == ("can1" if ending == ".log" else 1)
        if ours.remote:
            assert read_.dlc == ours.remote_length


FIELD = """\
(1700000000.000000) can0 20000004#0000000000000000
(1700000000.100000) can0 20000088#0000080000000000
(1700000000.200000) can0 123#R5
(1700000000.300000) can0 123##3AABBCCDD
(1700000000.400000) can0 5A1#AABB T
(1700000000.999999) can0 7FF#
"""


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_bit_of_a_candump_log_survives(tmp_path: Path, ending: str) -> None:
    frames, problems = read_text(tmp_path / "field.log", FIELD)
    assert problems == []
    assert [frame.error for frame in frames] == [True, True, False, False, False, False]
    assert [frame.identifier for frame in frames[:2]] == [0x4, 0x88]
    sink = write(tmp_path / f"other{ending}", frames)
    found, _ = read(tmp_path / f"other{ending}")
    assert [frame.error for frame in found] == [frame.error for frame in frames]
    assert [(f.remote, f.remote_length) for f in found][2] == (True, 5)
    assert (found[3].fd, found[3].bitrate_switch, found[3].error_state) == (True, True, True)
    assert found[4].direction == "tx"
    assert [frame.time_ns for frame in found] == [frame.time_ns for frame in frames]
    if ending == ".asc":
        assert sink.problems == [f"{tmp_path / 'other.asc'}: 2 error frames lose their class and data"]
    else:
        assert sink.problems == []
        assert [frame.data for frame in found] == [frame.data for frame in frames]
        assert [frame.identifier for frame in found] == [frame.identifier for frame in frames]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("(1.0) can0 123#0", "two hexadecimal digits"),
        ("(1.0) can0 123#001122334455667788", "9 bytes of data, expected at most 8"),
        ("(1.0) can0 FFF#00", "11 bits"),
        ("(1.0) can0 123##", "invalid literal"),
        ("(1.0) can0 123#80:00:00000000#00", "CAN XL"),
        ("(oops) can0 nonsense", "expected a candump line"),
    ],
)
def test_a_wrong_candump_line_is_named(line: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        candump.parse(line)


def test_candumps_rarer_forms_are_read() -> None:
    assert candump.parse("(1.5) vcan0 12345678#11.22.33").data == b"\x11\x22\x33"
    assert candump.parse("(1.5) vcan0 123#0011223344556677_F").data == bytes.fromhex("0011223344556677")
    assert candump.parse("(1.123456789) vcan0 123#").time_ns == 1_123_456_789


ASC = """\
date Thu May 16 06:16:50.884 pm 2024
base hex  timestamps absolute
internal events logged
// version 8.2.0
Begin Triggerblock Thu May 16 06:16:50.884 pm 2024
   0.000000 Start of measurement
   0.100000 2  1af             Rx   d 8 d3 0b 1c 6a 00 00 00 00
   0.200000 1  18FEF100x       Tx   d 3 01 02 03  Length = 1 BitCount = 2
   0.300000 CANFD   1 Rx        168  Name  1 0 8  8 95 0b 80 00 00 00 00 00   0  0   3000 0 0 0 0 0
   0.350000 CANFD   3 Tx     50005x  0 0 5  0   140000   73   200050 7a60 46500250 460a0250 20011736 20010205
   0.400000 1  200             Rx   r 4
   0.500000 2  ErrorFrame
   0.600000 CANFD   4 Rx  ErrorFrame  Not Acknowledge error
   0.700000 1  Statistic: D 1 R 0 XD 0 XR 0 E 0 O 0 B 0.00%
   0.800000 Li 1F 2 Rx 1 02
End TriggerBlock
"""


def _local(text: str) -> int:
    """A date of this machine's zone, seconds since 1970: ASC names none."""
    return int(time.mktime(time.strptime(text, "%Y-%m-%d %H:%M:%S")))


BEGAN_NS = _local("2024-05-16 18:16:50") * 10**9 + 884_000_000


def test_an_asc_file_keeps_its_date_channels_and_ways(tmp_path: Path) -> None:
    frames, problems = read_text(tmp_path / "a.asc", ASC)
    assert [(frame.time_ns - BEGAN_NS) // 1_000_000 for frame in frames] == [100, 200, 300, 350, 400, 500, 600]
    assert [frame.bus for frame in frames] == ["2", "1", "1", "3", "1", "2", "4"]
    assert [frame.direction for frame in frames] == ["rx", "tx", "rx", "tx", "rx", "", "rx"]
    assert (frames[2].fd, frames[2].bitrate_switch, frames[2].identifier) == (True, True, 0x168)
    assert (frames[3].fd, frames[3].remote, frames[3].remote_length, frames[3].extended) == (False, True, 5, True)
    assert (frames[4].remote, frames[4].remote_length) == (True, 4)
    assert [frame.error for frame in frames[-2:]] == [True, True]
    assert problems == [
        f"{tmp_path / 'a.asc'}: 1 lines are not CAN frames (other buses, other events) and are left out"
    ]


@pytest.mark.parametrize("ending", ENDINGS)
def test_channels_keep_their_numbers_whichever_comes_first(tmp_path: Path, ending: str) -> None:
    frames, _ = read_text(tmp_path / "a.asc", ASC)
    sink = write(tmp_path / f"b{ending}", frames)
    assert not sink.renumbered
    found, _ = read(tmp_path / f"b{ending}")
    name = (lambda bus: f"can{int(bus) - 1}") if ending == ".log" else str
    assert [frame.bus for frame in found] == [name(frame.bus) for frame in frames]


def test_buses_without_a_number_get_free_ones_and_it_is_said(tmp_path: Path) -> None:
    frames = [CanFrame(NOW_US * 1000, bus, 1, b"") for bus in ("can1", "battery", "vcan1", "can0")]
    sink = write(tmp_path / "a.blf", frames)
    assert sink.channels == {2: "can1", 1: "battery", 3: "vcan1", 4: "can0"}
    assert sink.renumbered
    names = write(tmp_path / "a.log", frames)
    assert list(names.channels) == ["can1", "battery", "vcan1", "can3"]


@pytest.mark.parametrize("first", ["   0.000000 CANFD   Start of measurement\n", "", "\ufeff", "// a comment\n"])
def test_no_first_line_loses_a_frame(tmp_path: Path, first: str) -> None:
    body = "".join(ASC.splitlines(keepends=True)[6:8])
    frames, _ = read_text(tmp_path / "a.asc", first + body)
    assert [frame.identifier for frame in frames] == [0x1AF, 0x18FEF100]


def test_a_missing_date_is_said(tmp_path: Path) -> None:
    frames, problems = read_text(tmp_path / "a.asc", "base hex\n 0.5 1 1AF Rx d 0\n")
    assert frames[0].time_ns == 500_000_000
    assert problems == [f"{tmp_path / 'a.asc'}: 1 times count from 1970: the file has no date"]


def test_times_since_the_line_before_add_up(tmp_path: Path) -> None:
    text = ASC.replace("absolute", "relative")
    frames, _ = read_text(tmp_path / "a.asc", text)
    assert [(frame.time_ns - BEGAN_NS) // 1_000_000 for frame in frames][:4] == [100, 300, 600, 950]


@pytest.mark.parametrize(
    ("began", "block", "stamp", "expected"),
    [
        ("00:00:00.000", "00:01:40.000", 100.0, 100.0),  # Vector: all times since the measurement's beginning
        ("00:00:07.123", "00:00:00.000", 0.0, 0.0),  # python-can: since the block's, and the date is when it wrote
    ],
)
def test_a_block_may_count_from_its_own_beginning(
    tmp_path: Path, began: str, block: str, stamp: float, expected: float
) -> None:
    day = "Thu May 16"
    text = f"date {day} {began} 2024\nBegin Triggerblock {day} {block} 2024\n{stamp:.6f} 1 1AF Rx d 0\n"
    frames, _ = read_text(tmp_path / "a.asc", text)
    midnight = _local("2024-05-16 00:00:00")
    assert frames[0].time_ns / 1e9 - midnight == pytest.approx(expected)


@pytest.mark.parametrize("month", ["Mai", "May", "5月"])
def test_months_in_other_languages_are_dates(tmp_path: Path, month: str) -> None:
    frames, problems = read_text(tmp_path / "a.asc", f"date Don {month} 16 18:16:50.884 2024\n0.0 1 1 Rx d 0\n")
    assert (frames[0].time_ns, problems) == (BEGAN_NS, [])


def test_a_wrong_line_anywhere_costs_itself_only(tmp_path: Path) -> None:
    for text, ending in ((ASC, "asc"), (FIELD, "log")):
        lines = text.splitlines(keepends=True)
        whole, _ = read_text(tmp_path / f"whole.{ending}", text)
        for at in range(len(lines) + 1):
            path = tmp_path / f"broken.{ending}"
            found, problems = read_text(path, "".join([*lines[:at], "0.1x %%% \x00 1#\n", *lines[at:]]))
            assert found == whole, at
            offset = len("".join(lines[:at]))
            assert problems[0].startswith(f"{path}: offset {offset}: found '0.1x")


def test_a_line_that_is_cut_off_is_named(tmp_path: Path) -> None:
    for text, ending in ((FIELD, "log"), (ASC.split("   0.4")[0], "asc")):
        lines = text.splitlines(keepends=True)
        before = "".join(lines[:-1])
        whole, _ = read_text(tmp_path / f"cut.{ending}", before)
        for end in range(4, len(lines[-1].rstrip())):
            found, problems = read_text(tmp_path / f"cut.{ending}", before + lines[-1][:end])
            assert found[: len(whole)] == whole
            assert problems, lines[-1][:end]


def test_problems_are_kept_and_then_counted(tmp_path: Path) -> None:
    _, problems = read_text(tmp_path / "a.log", FIELD + "nonsense\n" * 1000)
    assert len(problems) == 21
    assert problems[-1] == f"{tmp_path / 'a.log'}: and 980 more problems like these"


def test_a_line_without_end_takes_no_memory_and_loses_nothing_behind_it(tmp_path: Path) -> None:
    frames, problems = read_text(tmp_path / "a.log", FIELD + "x" * 3_000_000 + "\n" + FIELD)
    assert len(frames) == 12
    assert len(problems) == 1


# BLF


def blf(objects: bytes, promised: int, pieces: int = 1, *, packed: bool = True) -> bytes:
    """A file of these objects in so many containers."""
    head = struct.pack("<4sLBBBBBBBBQQLL8H8H", b"LOGG", 144, 5, 0, 0, 0, 2, 6, 8, 1, 0, 0, promised, 0,
                       2023, 11, 2, 14, 22, 13, 20, 0, *[0] * 8).ljust(144, b"\0")  # fmt: skip
    size = -(-len(objects) // pieces) or 1
    found = head
    for at in range(0, len(objects), size):
        piece = objects[at : at + size]
        body = zlib.compress(piece) if packed else piece
        whole = struct.pack("<4sHHLL", b"LOBJ", 16, 1, 32 + len(body), 10)
        whole += struct.pack("<H6xL4x", 2 if packed else 0, len(piece)) + body
        found += whole + bytes(len(whole) % 4)
    return found


def message(number: int, size: int = 48) -> bytes:
    """One object: frame `number`, a millisecond after the one before."""
    head = struct.pack("<4sHHLL", b"LOBJ", 32, 1, size, 1) + struct.pack("<LHHQ", 2, 0, 0, number * 1_000_000)
    return head + struct.pack("<HBBL8s", 2, number % 2, 2, 0x100 + number, bytes([number, 0xFF]))


def read_blf(data: bytes) -> tuple[list[int], list[str]]:
    problems = Problems()
    frames = list(BlfReader(io.BytesIO(data), "x.blf", problems).frames())
    return [frame.identifier - 0x100 for frame in frames], problems.lines("x.blf")


@pytest.mark.parametrize("pieces", [1, 7])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 31, 47, 49, 100, 5_000_000, 0xFFFF_FFFF])
def test_a_wrong_size_of_an_object_costs_that_object_only(size: int, pieces: int) -> None:
    objects = [message(number) for number in range(20)]
    objects[5] = message(5, size)
    found, problems = read_blf(blf(b"".join(objects), 20, pieces))
    assert [number for number in found if number != 5] == [number for number in range(20) if number != 5]
    assert any(line.startswith("x.blf: offset ") for line in problems)


@pytest.mark.parametrize("packed", [True, False])
def test_objects_may_reach_over_containers(packed: bool) -> None:
    found, problems = read_blf(blf(b"".join(map(message, range(50))), 50, 13, packed=packed))
    assert (found, problems) == (list(range(50)), [])


def test_objects_may_stand_outside_of_containers() -> None:
    found, problems = read_blf(blf(b"", 3) + b"".join(map(message, range(3))))
    assert (found, problems) == ([0, 1, 2], [])


def test_a_damaged_container_costs_itself_only() -> None:
    data = bytearray(blf(b"".join(map(message, range(60))), 60, 6))
    second = data.index(b"LOBJ", data.index(b"LOBJ") + 1)
    data[second + 40] ^= 0xFF
    found, problems = read_blf(bytes(data))
    assert set(range(20, 60)) <= set(found)
    assert "a container cannot be read" in problems[0]
    data[second] = 0  # its magic, too
    assert set(range(20, 60)) <= set(read_blf(bytes(data))[0])


def test_other_objects_are_counted() -> None:
    other = struct.pack("<4sHHLL", b"LOBJ", 32, 1, 40, 65) + bytes(24)
    found, problems = read_blf(blf(message(0) + other * 3 + message(1), 5))
    assert found == [0, 1]
    assert problems == ["x.blf: 3 objects of type 65 are not readable CAN frames and are left out"]


def test_a_file_without_a_date_says_so() -> None:
    data = bytearray(blf(message(0), 1))
    data[40:72] = bytes(32)
    assert read_blf(bytes(data)) == ([0], ["x.blf: offset 0: found no date; times count from 1970"])


@given(st.binary(max_size=200), st.integers(0, 1200), st.integers(0, 8))
@settings(max_examples=examples(300), deadline=None)
def test_no_damage_makes_a_reader_stand_still(noise: bytes, at: int, taken: int) -> None:
    for packed in (True, False):
        whole = blf(b"".join(map(message, range(20))), 20, 3, packed=packed)
        data = whole[:at] + noise + whole[at + taken :]
        try:
            found, _ = read_blf(data)
        except InputError:
            continue
        assert len(found) <= len(whole + noise)


@pytest.mark.parametrize("ending", ENDINGS)
@given(noise=st.binary(max_size=60), at=st.integers(0, 600))
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_noise_in_a_file_raises(tmp_path: Path, ending: str, noise: bytes, at: int) -> None:
    path = tmp_path / f"noise{ending}"
    write(path, [CanFrame((NOW_US + n) * 1000, "1", n, bytes(8)) for n in range(20)])
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + noise + whole[at:])
    if can_log(path) is None:  # it begins with another format's mark now
        return
    try:
        found, _ = read(path)
    except InputError:
        return
    assert len(found) <= 20 + len(noise)

"""GB/T 32960 frames: values to bytes and back, both editions, and what is wrong with bytes that are none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import InputError
from jinqiao.wire.gbt32960.cursor import Fault
from jinqiao.wire.gbt32960.forms import BEIJING
from jinqiao.wire.gbt32960.frame import Frame, as_json, check_code, decode_frame, encode_frame
from jinqiao.wire.gbt32960.reader import StreamReader, read_file
from jinqiao.wire.gbt32960.vehicle import heartbeat, login, logout
from support.gbt32960 import frames

VIN = "LBV1Z3102JMK12345"
NOON = datetime(2026, 11, 24, 12, 0, 5, tzinfo=BEIJING)

#: Put together by hand from table 2 and tables 6, 9 and 28 of the standard.
LOGOUT = bytes.fromhex("2323 04 fe") + VIN.encode() + bytes.fromhex("01 0008 1a0b180c0005 0007")
VEHICLE = {
    "state": "on", "charging": "none", "mode": "electric", "speed_kmh": 60.5, "odometer_km": 12345.6,
    "voltage_v": 398.5, "current_a": -12.5, "soc_percent": 80, "dcdc": "on",
    "gear": {"gear": "D", "braking": True, "driving": False}, "insulation_kohm": 5000,
    "accelerator_percent": 0, "brake_percent": 20,
}  # fmt: skip
VEHICLE_BYTES = bytes.fromhex("01 01 03 01 025d 0001e240 0f91 2693 50 01 1e 1388 00 14")


def test_a_logout_is_these_bytes() -> None:
    code = check_code(LOGOUT[2:])
    assert encode_frame(logout("2016", VIN, NOON, 7)) == LOGOUT + bytes((code,))


@pytest.mark.parametrize("edition", ["2016", "2025"])
def test_vehicle_data_stand_as_the_tables_say(edition: str) -> None:
    value = dict(VEHICLE)
    expected = VEHICLE_BYTES
    if edition == "2025":  # no pedals, the current 3000 A further down, the gear may be not valid
        del value["accelerator_percent"], value["brake_percent"]
        value["gear"] = {**VEHICLE["gear"], "not_valid": False}  # type: ignore[dict-item]
        expected = VEHICLE_BYTES[:-2].replace(bytes.fromhex("2693"), bytes.fromhex("74b3"))
    frame = encode_frame(Frame(edition, "real_time", VIN, {"time": NOON, "vehicle": value}))
    assert frame[24:-1] == bytes.fromhex("1a0b180c0005") + expected
    assert decode_frame(frame).data == {"time": NOON, "vehicle": value}


def test_motors_of_2025_have_four_bytes_of_torque() -> None:
    motor = {
        "number": 1,
        "state": "consuming",
        "controller_degc": 40,
        "speed_rpm": -1,
        "torque_nm": 0.0,
        "motor_degc": 45,
    }
    frame = encode_frame(Frame("2025", "real_time", VIN, {"time": NOON, "motors": [motor]}))
    assert frame[30:-1] == bytes.fromhex("02 01 01 01 50 7cff 00030d40 55")


@pytest.mark.parametrize("edition", ["2016", "2025"])
@given(data=st.data())
def test_values_come_back_as_they_went(edition: str, data: st.DataObject) -> None:
    frame = data.draw(frames(edition))
    wire = encode_frame(frame)
    read = decode_frame(wire)
    assert read.faults == ()
    assert encode_frame(read) == wire
    assert as_json(decode_frame(encode_frame(read))) == as_json(read)
    assert (read.command, read.vin, read.edition, read.reply) == (frame.command, frame.vin, edition, "command")
    assert read.data == frame.data


def test_times_of_any_zone_are_sent_in_beijing_time() -> None:
    there = datetime(2026, 11, 24, 4, 0, 5, tzinfo=UTC)
    assert encode_frame(logout("2016", VIN, there, 7)) == encode_frame(logout("2016", VIN, NOON, 7))


@pytest.mark.parametrize("edition", ["2016", "2025"])
def test_an_answer_keeps_the_time_and_nothing_else(edition: str) -> None:
    answer = decode_frame(encode_frame(login(edition, VIN, NOON, 1).answer("ok")))
    assert (answer.reply, answer.data, answer.vin) == ("ok", {"time": NOON}, VIN)
    assert decode_frame(encode_frame(heartbeat(edition, VIN).answer("ok"))).data == {}


WRONG = {
    "speed": ({"speed_kmh": 7000.0}, r"vehicle\.speed_kmh: found 7000, expected 0 to 6553\.3"),
    "word": ({"charging": "parkd"}, r"vehicle\.charging: found 'parkd' \(did you mean 'parked'\?\)"),
    "nan": ({"voltage_v": float("nan")}, r"vehicle\.voltage_v: found nan, expected a number"),
    "stranger": ({"brake_percen": 1}, r"vehicle: no field 'brake_percen' \(did you mean 'brake_percent'\?\)"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=list(WRONG))
def test_a_value_that_has_no_bytes_is_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        encode_frame(Frame("2016", "real_time", VIN, {"time": NOON, "vehicle": {**VEHICLE, **change}}))


def test_an_item_of_the_other_edition_is_refused() -> None:
    with pytest.raises(InputError, match=r"no item 'extremes'.* in this edition"):
        encode_frame(Frame("2025", "real_time", VIN, {"time": NOON, "extremes": {}}))


GOOD = encode_frame(Frame("2016", "real_time", VIN, {"time": NOON, "vehicle": VEHICLE}))


def _resealed(frame: bytes) -> bytes:
    return frame[:-1] + bytes((check_code(frame[2:-1]),))


BROKEN = {
    "check code": (GOOD[:-1] + bytes((GOOD[-1] ^ 1,)), 51, "check code"),
    "a bit": (GOOD[:40] + bytes((GOOD[40] ^ 8,)) + GOOD[41:], 51, "check code"),
    "length": (_resealed(GOOD[:22] + b"\0\x1c" + GOOD[24:]), 22, "length"),
    "start": (b"\x23\x24" + GOOD[2:], 0, "start"),
    "VIN": (_resealed(GOOD[:4] + b"\xff" + GOOD[5:]), 4, "VIN"),
    "cut short": (GOOD[:20], 20, "frame"),
}


@pytest.mark.parametrize(("frame", "offset", "what"), BROKEN.values(), ids=list(BROKEN))
def test_a_broken_frame_tells_where_and_what(frame: bytes, offset: int, what: str) -> None:
    with pytest.raises(Fault) as caught:
        decode_frame(frame)
    assert (caught.value.offset, caught.value.what) == (offset, what)
    assert caught.value.found
    assert caught.value.expected


def test_an_unknown_item_ends_its_frame_and_what_was_read_stays() -> None:
    data = GOOD[24:-1] + b"\x33\x01\x02"
    frame = decode_frame(_resealed(GOOD[:22] + len(data).to_bytes(2, "big") + data + b"\0"))
    assert frame.data == {"time": NOON, "vehicle": VEHICLE}
    assert [(fault.offset, fault.found) for fault in frame.faults] == [(51, "33")]
    assert "01, 02, 03, 04, 05" in frame.faults[0].expected
    assert frame.faults[0].expected.endswith("the 3 bytes from here to the end of the frame are not read")


def _real_time(edition: str, items: str) -> bytes:
    data = bytes.fromhex("1a0b180c0005" + items)
    start = {"2016": b"##", "2025": b"$$"}[edition]
    return _resealed(start + GOOD[2:22] + len(data).to_bytes(2, "big") + data + b"\0")


POSITION = {"2016": "05 00 06f2d4e0 01d9f1c0", "2025": "05 00 01 06f2d4e0 01d9f1c0"}
NO_LIST = {
    "2016 faults": ("2016", "07 01 00000001 00 FF FF FE", "alarms",
                    {"level": 1, "flags": ["temperature_difference"], "battery_codes": [], "motor_codes": "invalid",
                     "engine_codes": "invalid", "other_codes": "abnormal"}),
    "2025 faults": ("2025", "06 01 00000001 FE FF 00 FF FE", "alarms",
                    {"level": 1, "flags": ["temperature_difference"], "battery_codes": "abnormal",
                     "motor_codes": "invalid", "engine_codes": [], "other_codes": "invalid", "levels": "abnormal"}),
    "2016 motors": ("2016", "02 FF", "motors", "invalid"),
    "2016 cells": ("2016", "08 FE", "cells", "abnormal"),
    "2016 cells of a pack": ("2016", "08 01 01 0f91 2693 0060 0001 FF", "cells",
                             [{"pack": 1, "voltage_v": 398.5, "current_a": -12.5, "cells_in_all": 96, "first_cell": 1,
                               "cells_v": "invalid"}]),
    "2025 cells of a pack": ("2025", "07 01 01 0f91 74b3 FFFE", "cells",
                             [{"pack": 1, "voltage_v": 398.5, "current_a": -12.5, "cells_v": "abnormal"}]),
    "probes of a pack": ("2016", "09 01 01 FFFF", "probes", [{"pack": 1, "probes_degc": "invalid"}]),
}  # fmt: skip


@pytest.mark.parametrize(("edition", "item", "name", "value"), NO_LIST.values(), ids=list(NO_LIST))
def test_a_count_that_is_a_mark_carries_no_list(edition: str, item: str, name: str, value: object) -> None:
    wire = _real_time(edition, item + POSITION[edition])
    frame = decode_frame(wire)
    assert frame.faults == ()
    assert isinstance(frame.data, dict)
    assert frame.data[name] == value
    assert frame.data["position"]["longitude_deg"] == 116.577504
    assert encode_frame(frame) == wire


@pytest.mark.parametrize(("edition", "packs"), [("2016", "FF 00"), ("2016", "01 FE"), ("2025", "FE")])
def test_a_login_may_have_no_numbers_of_packs(edition: str, packs: str) -> None:
    whole = encode_frame(login(edition, VIN, NOON, 1))
    data = whole[24:52] + bytes.fromhex(packs)
    frame = decode_frame(_resealed(whole[:22] + len(data).to_bytes(2, "big") + data + b"\0"))
    assert frame.faults == ()
    assert isinstance(frame.data, dict)
    assert frame.data["packs"] in ("abnormal", "invalid")


def test_a_second_item_of_a_kind_is_kept() -> None:
    wire = _real_time("2016", "04 01 0064 00c8" + "82 0001 aa" + "04 02 0000 0000" + "82 0001 bb")
    frame = decode_frame(wire)
    assert frame.faults == ()
    assert isinstance(frame.data, dict)
    assert list(frame.data) == ["time", "engine", "own_82", "engine_2", "own_82_2"]
    assert [frame.data[name]["state"] for name in ("engine", "engine_2")] == ["on", "off"]
    assert (frame.data["own_82"], frame.data["own_82_2"]) == (b"\xaa", b"\xbb")
    assert encode_frame(frame) == wire


def test_a_fuel_cell_is_eighteen_bytes_and_its_probes() -> None:
    item = "03 0dac 03e8 007b 0002 5a5b 04b0 01 2774 02 015e 03 01"
    assert len(bytes.fromhex(item)) == 1 + 18 + 2
    frame = decode_frame(_real_time("2016", item + POSITION["2016"]))
    assert frame.faults == ()
    assert isinstance(frame.data, dict)
    assert frame.data["fuel_cell"] == {
        "voltage_v": 350.0, "current_a": 100.0, "kg_per_100km": 1.23, "probes_degc": [50, 51], "hottest_degc": 80.0,
        "hottest_probe": 1, "highest_concentration_mg_per_kg": 100, "highest_concentration_sensor": 2,
        "highest_pressure_mpa": 35.0, "highest_pressure_sensor": 3, "dcdc": "on",
    }  # fmt: skip
    assert "position" in frame.data


def test_a_date_that_is_none_is_named() -> None:
    frame = decode_frame(_resealed(GOOD[:25] + b"\x0d" + GOOD[26:]))
    assert [(fault.offset, fault.what, fault.found) for fault in frame.faults] == [(24, "data.time", "26 13 24 12 0 5")]


OTHER = encode_frame(logout("2025", VIN, NOON, 9))


@pytest.mark.parametrize("prefixed", [False, True])
@pytest.mark.parametrize("name", BROKEN)
def test_the_frame_behind_a_broken_one_is_read(name: str, prefixed: bool) -> None:
    def record(frame: bytes) -> bytes:
        return len(frame).to_bytes(4, "big") + frame if prefixed else frame

    stream = record(GOOD) + record(BROKEN[name][0]) + record(OTHER) + record(GOOD)
    found = list(read_file(stream))
    assert [f.frame.command for f in found if f.frame is not None] == ["real_time", "logout", "real_time"]
    faults = [f.fault for f in found if f.fault is not None]
    assert faults
    start = len(record(GOOD))
    assert all(start <= fault.offset <= start + len(record(BROKEN[name][0])) + 4 for fault in faults)


@given(
    st.lists(st.sampled_from([GOOD, OTHER, b"\x23\x23", b"noise", b"$$$$", GOOD[:30]]), max_size=8),
    st.integers(1, 60),
)
def test_a_stream_in_pieces_reads_as_in_one(parts: list[bytes], size: int) -> None:
    stream = b"".join(parts)
    whole = [f.frame for f in read_file(stream) if f.frame is not None]
    reader = StreamReader()
    found = [f for at in range(0, len(stream), size) for f in reader.feed(stream[at : at + size])] + reader.end()
    assert [f.frame for f in found if f.frame is not None] == whole
    if all(part in (GOOD, OTHER) for part in parts):
        assert [encode_frame(frame) for frame in whole] == parts


@given(st.binary(max_size=400))
def test_noise_is_never_a_frame_and_never_an_exception(noise: bytes) -> None:
    reader = StreamReader()
    found = reader.feed(noise) + reader.end()
    assert all(f.frame is None or encode_frame(f.frame) in noise for f in found)
    assert reader.waiting == 0


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_any_changed_byte_is_noticed(at: int, change: int) -> None:
    broken = GOOD[:at] + bytes((GOOD[at] ^ change,)) + GOOD[at + 1 :]
    with pytest.raises(Fault):
        decode_frame(broken)

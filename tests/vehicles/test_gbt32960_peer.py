"""Every kind of frame of both editions, read by rtm-con 1.0.4 in a process of its own."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, find, given, settings

from jinqiao.vehicles.catalogue import find_vehicle
from jinqiao.vehicles.gbt32960.cycle import Drive, report_cycle
from jinqiao.wire.gbt32960.commands import EDITIONS
from jinqiao.wire.gbt32960.forms import BEIJING
from jinqiao.wire.gbt32960.frame import Frame, decode_frame, encode_frame
from jinqiao.wire.gbt32960.signing import Signer
from jinqiao.wire.gbt32960.vehicle import login, logout
from support.examples import examples
from support.gbt32960 import frames, read_with_rtm_con

pytestmark = pytest.mark.program

NOON = datetime(2026, 11, 24, 12, 0, 5, tzinfo=BEIJING)
VIN = "LBV1Z3102JMK12345"
#: Our names and theirs (their spelling), where they differ.
COMMANDS = {
    "real_time": "realtime", "reissue": "supplimentary", "platform_login": "plt_login",
    "platform_logout": "plt_logout", "activation_answer": "activation_response", "key_sync": "payload_key_sync",
}  # fmt: skip
ITEMS = {
    "vehicle": "whole_vehicle", "motors": "emotor", "engine": "engine", "position": "gnss", "extremes": "pack_extrema",
    "alarms": "warnings", "cells": "cell_volts", "probes": "probe_temps",
}  # fmt: skip


def number(text: str) -> float | str:
    """`"23.6 A"` of rtm-con as a number; its marks as they are."""
    word = str(text).split(" ")[0]
    try:
        return float(word)
    except ValueError:
        return word


def items_of(read: dict[str, Any]) -> dict[str, Any]:
    return {item["data_type"]: item["data_content"] for item in read["payload"]["data_list"]}


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_drive_is_read_field_by_field(edition: str) -> None:
    signer = Signer() if edition == "2025" else None
    wires = list(report_cycle(Drive(find_vehicle("bmw-i4-edrive40-2022"), "CLTC-P", 300, every=10), edition, signer))
    reads = read_with_rtm_con(wires)
    assert [read.get("error") for read in reads] == [None] * len(wires)
    for wire, read in zip(wires, reads, strict=True):
        ours = decode_frame(wire)
        assert not isinstance(ours.data, bytes)
        assert read["starter"] == f"protocol_{edition}"
        assert read["msg_type"] == COMMANDS.get(ours.command, ours.command)
        assert read["vin"] == ours.vin
        assert read["payload"]["timestamp"] == ours.data["time"].strftime("%Y-%m-%d %H:%M:%S")
        if ours.command != "real_time":
            assert read["payload"]["session_id"] == ours.data["serial"]
            continue
        theirs = items_of(read)
        assert set(theirs) == {ITEMS[name] for name in ours.data if name in ITEMS}
        check_items(ours.data, theirs)
        if edition == "2025":
            assert read["payload"]["sig"]["r_value"] == ours.data["signature"]["r"].hex()


def check_items(ours: Any, theirs: dict[str, Any]) -> None:
    vehicle, whole = ours["vehicle"], theirs["whole_vehicle"]
    pairs = {
        "vehicle_speed": "speed_kmh", "mileage_total": "odometer_km", "voltage_total": "voltage_v",
        "current_total": "current_a", "soc": "soc_percent", "insulation_resistance": "insulation_kohm",
    }  # fmt: skip
    for their, our in pairs.items():
        assert number(whole[their]) == pytest.approx(vehicle[our], abs=1e-6), our
    gear = whole["gear_state"]
    assert (gear["gear"], bool(gear["braking_force"]), bool(gear["driving_force"])) == (
        vehicle["gear"]["gear"], vehicle["gear"]["braking"], vehicle["gear"]["driving"],
    )  # fmt: skip
    for motor, theirs_too in zip(ours["motors"], theirs["emotor"], strict=True):
        assert number(theirs_too["speed"]) == motor["speed_rpm"]
        assert number(theirs_too["torque"]) == pytest.approx(motor["torque_nm"], abs=1e-6)
        assert theirs_too["state"].startswith(motor["state"])
    position = theirs["gnss"]
    assert number(position["gnss_lng"]) == pytest.approx(ours["position"]["longitude_deg"], abs=1e-9)
    for cells, record in zip(ours["cells"], theirs["cell_volts"], strict=True):
        # Its offset of the pack's current is 3000 A for 2016, too; the vehicle's own current it reads as we do.
        assert [number(volt) for volt in record["cell_volts"]] == pytest.approx(cells["cells_v"], abs=1e-6)
        assert number(record["volt"]) == pytest.approx(cells["voltage_v"], abs=1e-6)
    for probes, record in zip(ours["probes"], theirs["probe_temps"], strict=True):
        assert [number(degc) for degc in record["probe_temps"]] == probes["probes_degc"]
    if "extremes" in ours:
        assert number(theirs["pack_extrema"]["max_cell_volt"]) == pytest.approx(ours["extremes"]["highest_v"], abs=1e-6)
        assert number(theirs["pack_extrema"]["min_cell_temp"]) == ours["extremes"]["coldest_degc"]


def signed(frame: Frame) -> Frame:
    """With what rtm-con asks of 2025's real-time data: a signature behind at least one item; here an empty one."""
    if frame.edition == "2016" or frame.command not in {"real_time", "reissue"}:
        return frame
    assert not isinstance(frame.data, bytes)
    items = frame.data if len(frame.data) > 1 else {**frame.data, "own_80": b""}
    empty = {"algorithm": "rsa", "r": b"", "s": b""}
    return Frame(frame.edition, frame.command, frame.vin, {**items, "signature": empty})


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_command_with_everything_it_can_carry_is_read(edition: str) -> None:
    """200 drawn frames of each edition and every answer, all commands among them; rtm-con checks their codes."""
    drawn: list[Frame] = []

    @settings(max_examples=examples(200), database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(frames(edition, plain=True))
    def draw(frame: Frame) -> None:
        drawn.append(signed(frame))

    draw()
    seen = {frame.command for frame in drawn}
    missing = [name for name in EDITIONS[edition].data if name not in seen]
    drawn += [find(frames(edition, plain=True), lambda frame, name=name: frame.command == name) for name in missing]
    reads = read_with_rtm_con([encode_frame(frame) for frame in drawn])
    for frame, read in zip(drawn, reads, strict=True):
        assert "error" not in read, (read["error"], frame)
        assert read["msg_type"] == COMMANDS.get(frame.command, frame.command)
        assert read["vin"] == frame.vin
        if frame.command in {"real_time", "reissue"}:
            assert not isinstance(frame.data, bytes)
            theirs = items_of(read)
            assert set(map(str, theirs)) == {
                ITEMS.get(name, str(int(name[4:], 16)) if name.startswith("own_") else "")
                for name in frame.data
                if name not in {"time", "signature"}
            }
            for name, content in frame.data.items():
                if name == "alarms":
                    flags = theirs["warnings"]["general_warnings"]
                    assert sum(map(bool, flags.values())) == len(content["flags"])


@pytest.mark.parametrize("edition", EDITIONS)
def test_each_alarm_flag_is_the_bit_they_call_so(edition: str) -> None:
    names = EDITIONS[edition].items[7 if edition == "2016" else 6].form.fields["flags"].names  # type: ignore[union-attr]
    codes: dict[str, Any] = {f"{part}_codes": [b"\0\0\0\x01"] for part in ("battery", "motor", "engine", "other")}
    levels = {} if edition == "2016" else {"levels": [{"alarm": 1, "level": 2}]}
    wires = [
        encode_frame(
            signed(
                Frame(
                    edition,
                    "real_time",
                    VIN,
                    {"time": NOON, "alarms": {"level": 1, "flags": [name], **codes, **levels}},
                )
            )
        )
        for name in names
    ]
    for bit, read in enumerate(read_with_rtm_con(wires)):
        flags = list(items_of(read)["warnings"]["general_warnings"].values())
        assert [number for number, flag in enumerate(flags) if flag] == [bit]


@pytest.mark.parametrize("edition", EDITIONS)
def test_answers_are_read(edition: str) -> None:
    """All but the heartbeat's, which carries nothing: rtm-con takes every answer to hold a time."""
    known = ["ok", "error", "vin_double", "vin_unknown"] + (
        ["signature", "structure", "decryption"] * (edition == "2025")
    )
    asked = [login(edition, VIN, NOON, 1), logout(edition, VIN, NOON + timedelta(seconds=1), 1)]
    wires = [encode_frame(frame.answer(reply)) for frame in asked for reply in known]
    reads = read_with_rtm_con(wires)
    assert ["error" in read for read in reads] == [False] * len(wires)
    assert [read["payload"]["timestamp"] for read in reads[: len(known)]] == ["2026-11-24 12:00:05"] * len(known)


def test_it_notices_a_wrong_check_code() -> None:
    wire = bytearray(encode_frame(logout("2016", VIN, NOON, 7)))
    wire[-1] ^= 1
    assert "error" in read_with_rtm_con([bytes(wire)])[0]

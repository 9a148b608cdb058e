"""A DC charge by GB/T 27930-2015 as a logger on its bus sees it: order, periods, contents, transport, endings."""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

import j1939
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import InputError, ProtocolError
from jinqiao.vehicles.catalogue import find_vehicle
from jinqiao.vehicles.charge_run import simulate_charge
from jinqiao.vehicles.gbt27930.charge import Charge
from jinqiao.vehicles.gbt27930.endings import ENDINGS
from jinqiao.vehicles.gbt27930.log import candump, session_log
from jinqiao.vehicles.gbt27930.messages import MESSAGES
from jinqiao.vehicles.gbt27930.phases import PHASES, START
from jinqiao.vehicles.gbt27930.session import Session, Silence
from jinqiao.vehicles.gbt27930.transport import Assembly, packets, request_to_send

CAR = "bmw-i4-edrive40-2022"
LINE = re.compile(r"\((\d{10}\.\d{6})\) can0 ([0-9A-F]{8})#([0-9A-F]*)\n")


class Said(NamedTuple):
    """One whole message of the log: when its last frame came, who said it, what."""

    time_s: float
    id: str
    data: bytes


def frames_of(log: bytes) -> list[Said]:
    found = []
    for line in log.decode().splitlines(keepends=True):
        match = LINE.fullmatch(line)
        assert match is not None, line
        found.append(Said(float(match[1]) - 1_700_000_000, match[2], bytes.fromhex(match[3])))
    return found


def messages_of(frames: list[Said]) -> dict[str, list[Said]]:
    """By name; an independent reader: parameter groups by the reference's table, long messages put together here."""
    names = {
        0x26: "CHM", 0x27: "BHM", 0x01: "CRM", 0x02: "BRM", 0x06: "BCP", 0x07: "CTS", 0x08: "CML", 0x09: "BRO",
        0x0A: "CRO", 0x10: "BCL", 0x11: "BCS", 0x12: "CCS", 0x13: "BSM", 0x19: "BST", 0x1A: "CST", 0x1C: "BSD",
        0x1D: "CSD", 0x1E: "BEM", 0x1F: "CEM",
    }  # fmt: skip
    found: dict[str, list[Said]] = defaultdict(list)
    begun: dict[str, tuple[int, int, int, float, bytes]] = {}
    for frame in frames:
        group, ends = int(frame.id[2:4], 16), frame.id[4:]
        if group == 0xEC and frame.data[0] == 0x10:
            assert frame.data[3] == -(-frame.data[1] // 7)
            begun[ends] = (frame.data[6], frame.data[1], 0, frame.time_s, b"")
        elif group == 0xEB:
            number, size, seen, since, data = begun[ends]
            assert frame.data[0] == seen + 1
            data += frame.data[1:]
            begun[ends] = (number, size, seen + 1, since, data)
            if len(data) >= size:
                assert set(data[size:]) <= {0xFF}
                found[names[number]].append(Said(since, frame.id, data[:size]))
        elif group != 0xEC:
            found[names[group]].append(frame)
    return found


@pytest.fixture(scope="module")
def frames() -> list[Said]:
    return frames_of(session_log(find_vehicle(CAR), 50, 52, 120.0, 25.0))


@pytest.fixture(scope="module")
def messages(frames: list[Said]) -> dict[str, list[Said]]:
    return messages_of(frames)


def u16(data: bytes, byte: int) -> int:
    """Bytes counted from 1, as the reference does."""
    return data[byte - 1] | data[byte] << 8


def test_stamps_rise_and_identifiers_are_those_of_the_standard(frames: list[Said]) -> None:
    times = [frame.time_s for frame in frames]
    assert times == sorted(times)
    assert {frame.id for frame in frames} == {
        "1826F456", "182756F4", "1801F456", "1807F456", "1808F456", "100956F4", "100AF456", "181056F4", "1812F456",
        "181356F4", "101956F4", "101AF456", "181C56F4", "181DF456", "1CEC56F4", "1CECF456", "1CEB56F4",
    }  # fmt: skip
    assert max(len(frame.data) for frame in frames) == 8


def test_the_order_is_that_of_the_standard(messages: dict[str, list[Said]]) -> None:
    first = {name: said[0].time_s for name, said in messages.items()}
    recognised = next(said.time_s for said in messages["CRM"] if said.data[0] == 0xAA)
    steps = [
        ["CHM"], ["BHM"], ["CRM"], ["BRM"], ["CRM AA"], ["BCP"], ["CTS", "CML"], ["BRO"], ["CRO"],
        ["BCL", "BCS", "CCS", "BSM"], ["BST", "CST"], ["BSD", "CSD"],
    ]  # fmt: skip
    first["CRM AA"] = recognised
    for before, after in pairwise(steps):
        assert max(first[name] for name in before) < min(first[name] for name in after), (before, after)
    assert messages["CRM"][0].data[0] == 0x00
    assert messages["BRO"][0].data == messages["CRO"][0].data == b"\xaa"
    # In one phase a message is repeated until the answer is there.
    assert messages["CHM"][-1].time_s < first["CRM"]
    assert messages["CCS"][-1].time_s < first["BST"] + 0.01


PERIODS = {
    "CHM": 250, "BHM": 250, "CRM": 250, "BRM": 250, "BCP": 500, "CTS": 500, "CML": 250, "BRO": 250, "CRO": 250,
    "BCL": 50, "BCS": 250, "CCS": 50, "BSM": 250, "BST": 10, "CST": 10, "BSD": 250, "CSD": 250,
}  # fmt: skip


@pytest.mark.parametrize("name", PERIODS)
def test_periods_are_kept(name: str, messages: dict[str, list[Said]]) -> None:
    said = [message.time_s for message in messages[name]]
    assert len(said) >= 3
    gaps = [later - earlier for earlier, later in pairwise(said)]
    if name == "CRM":  # the answer to the vehicle's identification comes when it has been looked at
        gaps.remove(min(gaps))
    assert statistics.median(gaps) == pytest.approx(PERIODS[name] / 1000, rel=0.02)
    assert max(gaps) <= 1.1 * PERIODS[name] / 1000
    assert min(gaps) >= 0.9 * PERIODS[name] / 1000


def test_handshake_and_parameters_tell_the_car_and_the_charger(messages: dict[str, list[Said]]) -> None:
    assert messages["CHM"][0].data == bytes.fromhex("010100")
    brm = messages["BRM"][0].data
    assert len(brm) == 49
    assert brm[:3] == bytes.fromhex("010100")
    assert brm[3] == 6  # ternary
    assert u16(brm, 5) == 2100
    assert u16(brm, 7) == 3985
    assert brm[8:12] == b"BMW\0"
    assert brm[16] + 1985 == 2022
    assert brm[24:41].startswith(b"WBY")
    bcp = messages["BCP"][0].data
    assert len(bcp) == 13
    assert u16(bcp, 1) == 425
    assert u16(messages["BHM"][0].data, 1) == u16(bcp, 7) == round(108 * 4.25 * 10)
    assert 0 < 4000 - u16(bcp, 3) <= 4000
    assert u16(bcp, 5) == 839
    assert bcp[8] - 50 == 55
    assert u16(bcp, 10) == pytest.approx(500, abs=1)
    assert u16(bcp, 12) == pytest.approx(4000, abs=300)
    cml = messages["CML"][0].data
    assert (u16(cml, 1), u16(cml, 3), u16(cml, 5), u16(cml, 7)) == (10_000, 2_000, 0, 4_000)
    cts = messages["CTS"][0].data
    assert cts.hex() == "26130615112320"  # 2023-11-15 06:13:26, six seconds after the plug


def test_the_charge_is_the_one_the_physics_gives(messages: dict[str, list[Said]]) -> None:
    physics = simulate_charge(find_vehicle(CAR), from_percent=50, to_percent=52, power_kw=120, ambient_degc=25)
    csd = messages["CSD"][-1].data
    assert u16(csd, 3) / 10 == pytest.approx(physics.kwh_delivered, abs=0.05)
    assert u16(csd, 1) == round(physics.minutes)
    seconds = messages["CCS"][-1].time_s - messages["CCS"][0].time_s
    assert seconds == pytest.approx(physics.minutes * 60, abs=0.2)
    measured = [
        (u16(said.data, 1) / 10, 400 - u16(said.data, 3) / 10, (u16(said.data, 5) & 0xFFF) / 100, said.data[6])
        for said in messages["BCS"]
    ]
    flowing = [row for row in measured if row[1] > 0]
    kwh = sum(volt * ampere for volt, ampere, _, _ in flowing) * 0.25 / 3.6e6
    assert kwh == pytest.approx(physics.kwh_battery, rel=0.02)
    output = [u16(said.data, 1) / 10 * (400 - u16(said.data, 3) / 10) for said in messages["CCS"]]
    assert sum(output) * 0.05 / 3.6e6 == pytest.approx(physics.kwh_delivered, rel=0.005)
    assert max(volt * ampere / 1000 for volt, ampere, _, _ in flowing) == pytest.approx(physics.peak_kw, rel=0.005)
    assert [row[3] for row in measured] == sorted(row[3] for row in measured)
    assert (measured[0][3], messages["BSD"][-1].data[0]) == (50, 52)
    assert all(volt / 108 == pytest.approx(cell, abs=0.03) for volt, _, cell, _ in flowing)
    minutes = [u16(said.data, 8) for said in messages["BCS"][8:]]
    assert minutes[0] in {1, 2}
    assert minutes == sorted(minutes, reverse=True)


def test_wishes_outputs_and_states_belong_together(messages: dict[str, list[Said]]) -> None:
    wanted = [400 - u16(said.data, 3) / 10 for said in messages["BCL"]]
    given = [400 - u16(said.data, 3) / 10 for said in messages["CCS"]]
    assert max(given) <= max(wanted) + 0.1
    assert all(said.data[4] in {1, 2} for said in messages["BCL"])
    assert all(said.data[6] & 3 == 1 for said in messages["CCS"])
    for said in messages["BSM"]:
        assert 20 <= said.data[3] - 50 <= said.data[1] - 50 <= 45
        assert said.data[5] == 0
        assert said.data[6] >> 4 & 3 == 1
        assert 1 <= said.data[0] + 1 <= 108
    bsd = messages["BSD"][-1].data
    assert 3.5 < u16(bsd, 2) / 100 <= u16(bsd, 4) / 100 < 4.25


def test_long_messages_are_put_together_by_an_independent_library(frames: list[Said]) -> None:
    """can-j1939 as the charger: it makes the same messages of the car's frames, and answers with the same frames."""
    answers: list[tuple[int, bytes]] = []
    received: list[tuple[int, bytes]] = []

    def send(identifier: int, extended: bool, data: Any, **_: Any) -> None:
        assert extended
        answers.append((identifier, bytes(data)))

    def hear(priority: int, group: int, source: int, timestamp: float, data: Any) -> None:
        assert source == 0xF4
        if len(data) > 8:
            received.append((group >> 8, bytes(data)))

    charger = j1939.ElectronicControlUnit(max_cmdt_packets=255, send_message=send)
    try:
        charger.subscribe(hear, 0x56)
        for frame in frames:
            if frame.id.endswith("56F4"):
                charger.notify(int(frame.id, 16), bytearray(frame.data), frame.time_s)
    finally:
        charger.stop()
    ours = messages_of(frames)
    for group, name in ((0x02, "BRM"), (0x06, "BCP"), (0x11, "BCS")):
        assert [data for number, data in received if number == group] == [said.data for said in ours[name]]
    assert answers == [(int(frame.id, 16), frame.data) for frame in frames if frame.id == "1CECF456"]


def played(**how: Any) -> tuple[Session, dict[str, list[Said]]]:
    charge = Charge(find_vehicle(CAR), from_percent=50, to_percent=60, power_kw=120)
    session = Session(charge, **how)
    return session, messages_of(frames_of(candump(session.frames())))


#: Bytes of BST and CST by ending: reasons, two bytes of faults, errors.
STOPS: Mapping[str, tuple[str, str]] = {
    "cell_voltage": ("10000000", "40000000"),
    "insulation": ("00010000", "40000000"),
    "battery_hot": ("00000100", "40000000"),
    "hand": ("40000000", "04000000"),
    "emergency": ("40000000", "10000100"),
}


@pytest.mark.parametrize("why", STOPS)
def test_each_side_tells_why_it_stops(why: str) -> None:
    session, said = played(stop=(why, 3.0))
    assert (said["BST"][0].data.hex(), said["CST"][0].data.hex()) == STOPS[why]
    first = "BST" if ENDINGS[why][0] == "bms" else "CST"
    assert said[first][0].time_s == min(said["BST"][0].time_s, said["CST"][0].time_s)
    assert said["CSD"]
    assert session.failed == {}
    assert said["CCS"][-1].time_s - said["CCS"][0].time_s == pytest.approx(3.0, abs=0.1)


def test_reaching_the_target_is_a_reason_too(messages: dict[str, list[Said]]) -> None:
    assert (messages["BST"][0].data.hex(), messages["CST"][0].data.hex()) == ("01000000", "40000000")


#: Who falls silent when; the error message and its bytes; how long after the first (or last) of which message it comes.
SILENCES = {
    "no BRM": (Silence("bms", "identify"), "CEM", "01000000", 5.0, "CRM", 0),
    "no BCP": (Silence("bms", "parameters"), "CEM", "00010000", 5.0, "CRM AA", 0),
    "no BCL": (Silence("bms", "charging", 2.0), "CEM", "00000400", 1.0, "BCL", -1),
    "no BSD": (Silence("bms", "statistics"), "CEM", "00000001", 10.0, "CST", 0),
    "no CRM": (Silence("charger", "identify"), "BEM", "01000000", 30.0, "BHM", 0),
    "no CML": (Silence("charger", "parameters"), "BEM", "00010000", 5.0, "BCP", 0),
    "no CRO": (Silence("charger", "ready"), "BEM", "00040000", 60.0, "BRO", 0),
    "no CCS": (Silence("charger", "charging", 2.0), "BEM", "00000100", 1.0, "CCS", -1),
    "no CSD": (Silence("charger", "statistics"), "BEM", "00000001", 10.0, "BSD", 0),
}  # fmt: skip


@pytest.mark.parametrize(
    ("silence", "error", "data", "after_s", "since", "which"), SILENCES.values(), ids=list(SILENCES)
)
def test_silence_is_noticed_in_time_and_named(
    silence: Silence, error: str, data: str, after_s: float, since: str, which: int
) -> None:
    session, said = played(silence=silence)
    said["CRM AA"] = [message for message in said["CRM"] if message.data[0] == 0xAA]
    assert said[error][0].data.hex() == data
    assert said[error][0].time_s - said[since][which].time_s == pytest.approx(after_s, abs=0.01)
    assert {round(b.time_s - a.time_s, 3) for a, b in pairwise(said[error])} == {0.25}
    assert list(session.failed) == ["charger" if silence.side == "bms" else "bms"]


def test_every_phase_can_be_left_and_every_wait_has_its_name() -> None:
    for side, phases in PHASES.items():
        reached = {START[side], "failed"}
        for phase in phases.values():
            reached |= {following.phase for following in phase.hears.values()}
            if phase.lasts_s is not None:
                reached.add("over")
            assert set(phase.says) <= set(MESSAGES)
            assert all(MESSAGES[name].sender == side for name in phase.says)
        assert reached == set(phases)
    named = {
        name
        for error in ("BEM", "CEM")
        for twos in MESSAGES[error].fields.values()
        for name in twos.names  # type: ignore[union-attr]
    }
    waited = {name for phases in PHASES.values() for phase in phases.values() for name in phase.within_s}
    assert {{"CRM": "CRM_00", "CRM:AA": "CRM_AA"}.get(name, name.removesuffix(":AA")) for name in waited} <= named


@pytest.mark.parametrize("name", MESSAGES)
def test_sizes_are_those_of_the_table(name: str) -> None:
    sizes = {
        "CHM": 3, "BHM": 2, "CRM": 8, "BRM": 49, "BCP": 13, "CTS": 7, "CML": 8, "BRO": 1, "CRO": 1, "BCL": 5, "BCS": 9,
        "CCS": 8, "BSM": 7, "BST": 4, "CST": 4, "BSD": 7, "CSD": 8, "BEM": 4, "CEM": 4,
    }  # fmt: skip
    assert MESSAGES[name].size == sizes[name]


@given(st.data())
def test_messages_come_back_as_they_went(data: st.DataObject) -> None:
    message = data.draw(st.sampled_from(list(MESSAGES.values())))
    raw = data.draw(st.binary(min_size=message.size, max_size=message.size))
    if message.name in {"CTS"}:
        raw = bytes((byte >> 4) % 10 << 4 | byte % 10 & 15 for byte in raw)
    if any(type(field).__name__ in {"Ascii", "Twos"} for field in message.fields.values()):
        values = message.unpack(message.pack(message.unpack(bytes(byte & 0x7F for byte in raw))))
        assert message.unpack(message.pack(values)) == values
    else:
        assert message.pack(message.unpack(raw)) == raw


@given(st.binary(min_size=9, max_size=1785))
def test_transport_puts_any_length_together(data: bytes) -> None:
    assembly = Assembly.begun_by(request_to_send(MESSAGES["BRM"], len(data)))
    parts = [assembly.take(packet) for packet in packets(data)]
    assert parts[-1] == data
    assert not any(parts[:-1])


def test_a_packet_out_of_order_is_named() -> None:
    assembly = Assembly.begun_by(request_to_send(MESSAGES["BRM"], 20))
    with pytest.raises(ProtocolError, match="found number 2, expected 1"):
        assembly.take(packets(bytes(20))[1])
    with pytest.raises(ProtocolError, match="request to send"):
        Assembly.begun_by(bytes.fromhex("10 3100 09 ff 000200"))


def test_bad_values_are_named() -> None:
    model = find_vehicle(CAR)
    with pytest.raises(InputError, match="found 22, expected a DC charger"):
        session_log(model, 50, 52, 22.0)
    with pytest.raises(InputError, match="found 52 to 50"):
        session_log(model, 52, 50)
    with pytest.raises(InputError, match="no charging block"):
        session_log(model.model_copy(update={"charging": None}))
    with pytest.raises(InputError, match=r"no ending 'hnd' \(did you mean 'hand'\?\)"):
        session_log(model, stop=("hnd", 1.0))


def test_a_session_told_second_by_second_is_the_same_session() -> None:
    def charge() -> Charge:
        return Charge(find_vehicle(CAR), from_percent=50, to_percent=50.2, power_kw=120)

    began = datetime(2026, 11, 23, 8, tzinfo=UTC)
    whole = list(Session(charge(), began=began).frames())
    session, told = Session(charge(), began=began), []
    for second in range(1, 40):
        part = list(session.until(second * 1_000_000))
        assert all((second - 1) * 1_000_000 <= frame.time_us < second * 1_000_000 for frame in part)
        told += part
    assert told == whole
    assert session.over


def test_a_longer_test_of_the_insulation_moves_the_charge_and_nothing_before_it() -> None:
    charge = Charge(find_vehicle(CAR), from_percent=50, to_percent=50.2, power_kw=120)
    session = Session(charge, insulation_s=13.55)
    said = messages_of(frames_of(candump(session.until(22_000_000))))
    assert said["BHM"][0].time_s == pytest.approx(1.0, abs=0.01)
    assert 19.85 < said["BCL"][0].time_s < 20.0
    session.fall_silent("charger")
    said = messages_of(frames_of(candump(session.until(None))))
    assert session.failed == {"bms": "CCS"}
    assert "CCS" not in said
    assert said["BEM"][0].time_s == pytest.approx(23.0, abs=0.1)

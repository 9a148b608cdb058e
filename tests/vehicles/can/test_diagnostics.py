"""OBD-II and UDS answers, and ISO-TP against the can-isotp library."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import isotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.vehicles.can.diagnostics.car import code_bytes
from jinqiao.vehicles.can.diagnostics.isotp import MOST_BYTES, IsoTp, segments
from jinqiao.vehicles.can.diagnostics.obd import PIDS
from jinqiao.vehicles.can.diagnostics.unit import ALL_UNITS, REPLY, REQUEST, DiagnosticUnit, answer

VIN = "WBY7X40070FM12345"


@dataclass
class Stored:
    code: str
    status: int = 1


@dataclass
class Car:
    """A car that stands still in the summer."""

    vin: str = VIN
    stored: list[Stored] = field(default_factory=list)
    values: dict[str, float] = field(
        default_factory=lambda: {
            "speed": 87.4, "trip_duration": 600.0, "aux_voltage": 14.2, "ambient_temperature": -7.0,
            "accelerator_pedal": 20.0, "soc_displayed": 80.0, "charging_state": 0.0, "pack_voltage": 398.5,
            "pack_current": -12.3, "odometer": 12_345.6, "cell_voltage_max": 4.012, "cell_voltage_min": 3.998,
            "cell_temperature_max": 31.2, "cell_temperature_min": 28.0, "pack_power": -4.9,
        }
    )  # fmt: skip

    def read(self, signal: str) -> float:
        return self.values[signal]

    def codes(self) -> list[Stored]:
        return self.stored

    def clear(self) -> None:
        self.stored.clear()


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        ("010D", "410D57"),
        ("0142", "41423778"),
        ("0146", "414621"),
        ("015B", "415BCC"),
        ("01A6", "41A60001E240"),
        ("019A", "419A070063A0FF85"),
        ("010D46", "410D574621"),
        ("0101", "410100000000"),
        ("010C", None),  # no combustion engine
        ("01", None),
        ("010D0D0D0D0D0D0D", None),
        ("03", "4300"),
        ("04", "44"),
        ("0900", "490040400000"),
        ("0902", "490201" + VIN.encode().hex()),
        ("0904", None),
        ("1003", "5003003201F4"),
        ("1081", None),
        ("1002", "7F1012"),
        ("3E00", "7E00"),
        ("3E80", None),
        ("3E", "7F3E13"),
        ("22F190", "62F190" + VIN.encode().hex()),
        ("220100F18C", "6201000320F18C" + VIN[-8:].encode().hex()),
        ("220102", "620102FF85"),
        ("22", "7F2213"),
        ("2201", "7F2213"),
        ("221234", "7F2231"),
        ("190208", "59020D"),
        ("190108", "59010D000000"),
        ("1902", "7F1913"),
        ("190408", "7F1912"),
        ("14FFFFFF", "54"),
        ("14FFFF", "7F1413"),
        ("14000001", "7F1431"),
        ("2701", "7F2711"),
        ("0800", "7F0811"),
    ],
)
def test_answers(request_: str, response: str | None) -> None:
    found = answer(Car(), bytes.fromhex(request_))
    assert (found.hex().upper() if found else None) == (response.upper() if response else None)


@pytest.mark.parametrize("request_", ["2701", "221234", "1002", "0800"])
def test_a_request_to_all_is_not_refused_aloud(request_: str) -> None:
    assert answer(Car(), bytes.fromhex(request_), to_all=True) is None


def test_the_masks_say_exactly_what_is_answered() -> None:
    """Walk as a scan tool does: from mask to mask as long as the last bit is set."""
    told: set[int] = set()
    group = 0
    while True:
        response = answer(Car(), bytes((0x01, group)))
        assert response is not None
        mask = int.from_bytes(response[2:], "big")
        told |= {group + 1 + i for i in range(31) if mask >> (31 - i) & 1}
        if not mask & 1:
            break
        group += 0x20
    assert told == set(PIDS)
    for pid in range(1, 256):
        assert (answer(Car(), bytes((0x01, pid))) is not None) == (pid in told or (pid % 32 == 0 and pid <= group))


def test_trouble_codes_are_told_and_cleared() -> None:
    car = Car(stored=[Stored("P0A80"), Stored("U0073", 0), Stored("B1234"), Stored("C0035")])
    assert code_bytes("P0A80").hex() == "0a80"
    assert code_bytes("U0073").hex() == "c073"
    assert answer(car, b"\x03") == bytes.fromhex("4303 0A80 9234 4035")
    assert answer(car, bytes.fromhex("0101")) == bytes.fromhex("4101 83000000")
    assert answer(car, bytes.fromhex("190208")) == bytes.fromhex("59020D 0A800009 92340009 40350009")
    assert answer(car, bytes.fromhex("190204")) == bytes.fromhex("59020D C0730005")
    assert answer(car, bytes.fromhex("1901FF")) == bytes.fromhex("59010D00 0004")
    assert len(answer(car, bytes.fromhex("190A")) or b"") == 3 + 4 * 4
    assert answer(car, bytes.fromhex("14FFFFFF")) == b"\x54"
    assert answer(car, b"\x03") == bytes.fromhex("4300")
    car.stored.append(Stored("P0A80"))
    assert answer(car, b"\x04") == b"\x44"
    assert car.stored == []


def test_the_vin_comes_in_three_frames_after_flow_control() -> None:
    unit = DiagnosticUnit(Car())
    (first,) = unit.take([(ALL_UNITS, bytes.fromhex("020902CCCCCCCCCC"))])
    assert first == (REPLY, bytes.fromhex("1014490201") + VIN[:3].encode())
    rest = unit.take([(REQUEST, bytes.fromhex("300000"))])
    assert [data[0] for _, data in rest] == [0x21, 0x22]
    assert b"".join(data[1:] for _, data in rest) == VIN[3:].encode()
    # Request and flow control in one go, two frames a block.
    unit = DiagnosticUnit(Car())
    frames = unit.take([(REQUEST, bytes.fromhex("0322F190")), (REQUEST, bytes.fromhex("300200"))])
    assert [data[0] >> 4 for _, data in frames] == [1, 2, 2]


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "00",
        "08",
        "0F0902",
        "021",
        "2101",
        "300000",
        "3100",
        "32",
        "10",
        "1007000000000000",
        "40",
        "FFFFFFFFFFFFFFFF",
    ],
)
def test_what_is_no_frame_is_ignored(frame: str) -> None:
    assert DiagnosticUnit(Car()).take([(REQUEST, bytes.fromhex(frame.ljust(len(frame) + len(frame) % 2, "0")))]) == []


def test_foreign_identifiers_and_long_requests_to_all_are_ignored() -> None:
    unit = DiagnosticUnit(Car())
    assert unit.take([(0x123, bytes.fromhex("0209020000000000"))]) == []
    assert unit.take([(ALL_UNITS, bytes.fromhex("100A22F190F19001"))]) == []


TESTER_PRESENT_TO_ALL = (ALL_UNITS, bytes.fromhex("023E80CCCCCCCCCC"))


@pytest.mark.parametrize("after", range(1, 5))
def test_tester_present_to_all_does_not_end_a_long_request(after: int) -> None:
    unit = DiagnosticUnit(Car())
    frames = [(REQUEST, frame) for frame in segments(b"\x22" + b"\x01\x08" * 13)]
    assert len(frames) == 4
    (flow, first) = unit.take([*frames[:after], TESTER_PRESENT_TO_ALL, *frames[after:]])
    assert flow[1][0] == 0x30
    assert int.from_bytes(first[1][:2], "big") == 0x1000 | 1 + 13 * 6


def test_tester_present_to_all_does_not_end_a_long_reply() -> None:
    unit = DiagnosticUnit(Car())
    unit.take([(REQUEST, bytes.fromhex("0322F190"))])
    replies = unit.take([TESTER_PRESENT_TO_ALL, (REQUEST, bytes.fromhex("300000"))])
    assert [data[0] for _, data in replies] == [0x21, 0x22]


@given(st.lists(st.tuples(st.sampled_from([REQUEST, ALL_UNITS]), st.binary(max_size=8)), max_size=40))
def test_no_frames_break_the_unit(frames: list[tuple[int, bytes]]) -> None:
    for identifier, data in DiagnosticUnit(Car()).take(frames):
        assert identifier == REPLY
        assert len(data) == 8


@given(st.binary(min_size=1, max_size=MOST_BYTES))
def test_a_message_arrives_as_it_was_sent(message: bytes) -> None:
    link = IsoTp()
    found = [received.message for received in map(link.receive, segments(message))]
    assert found[-1] == message
    assert set(found[:-1]) <= {None}


def test_a_lost_frame_loses_its_message_only() -> None:
    link, frames = IsoTp(), segments(bytes(range(60)))
    del frames[3]
    assert all(link.receive(frame).message is None for frame in frames)
    assert [link.receive(frame).message for frame in segments(b"again")] == [b"again"]


def with_the_library(unit: DiagnosticUnit, request: bytes, *, blocksize: int = 0) -> bytes:
    """A request through can-isotp's transport layer, frames handed over in memory."""
    down: deque[tuple[int, bytes]] = deque()
    up: deque[isotp.CanMessage] = deque()
    stack = isotp.TransportLayerLogic(
        rxfn=lambda *_: up.popleft() if up else None,
        txfn=lambda message: down.append((message.arbitration_id, bytes(message.data))),
        address=isotp.Address(isotp.AddressingMode.Normal_11bits, txid=REQUEST, rxid=REPLY),
        params={"blocksize": blocksize, "stmin": 0},
    )
    stack.send(request)
    for _ in range(2000):
        stack.process()
        while down:
            for identifier, data in unit.take([down.popleft()]):
                up.append(isotp.CanMessage(arbitration_id=identifier, data=data))
        if stack.available():
            return bytes(stack.recv() or b"")
    pytest.fail("the library saw no reply")


@pytest.mark.parametrize("blocksize", [0, 1, 3, 8])
def test_can_isotp_reads_replies_of_every_length(blocksize: int) -> None:
    for count in (0, 1, 2, 3, 40, 250):
        car = Car(stored=[Stored(f"P{number:04X}") for number in range(count)])
        found = with_the_library(DiagnosticUnit(car), bytes.fromhex("1902FF"), blocksize=blocksize)
        assert found[:3] == bytes.fromhex("59020D")
        assert len(found) == 3 + 4 * count


def test_can_isotp_sends_a_long_request() -> None:
    request = b"\x22" + b"\xf1\x90" * 20
    found = with_the_library(DiagnosticUnit(Car()), request)
    assert found == b"\x62" + (b"\xf1\x90" + VIN.encode()) * 20

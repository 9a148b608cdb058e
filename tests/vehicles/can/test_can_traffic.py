"""Frames on the bus: their length in bits, arbitration, courses inside a second, and a whole drive read by cantools."""

from __future__ import annotations

import cantools
import numpy as np
import pytest
from cantools.database.can import Database
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import InputError
from jinqiao.vehicles.can.arbitration import BIT_S, arbitrate
from jinqiao.vehicles.can.candump import candump_lines
from jinqiao.vehicles.can.courses import course_values
from jinqiao.vehicles.can.crc import crc8
from jinqiao.vehicles.can.cycle_log import cycle_frames, cycle_log
from jinqiao.vehicles.can.database import MESSAGES, of_bus
from jinqiao.vehicles.can.dbc import dbc_text
from jinqiao.vehicles.can.fault_state import CanFaultState
from jinqiao.vehicles.can.frame_bits import INTERFRAME_BITS, frame_bits, worst_case_bits
from jinqiao.vehicles.can.snapshot import Snapshots
from jinqiao.vehicles.can.traffic import CanTraffic
from jinqiao.vehicles.catalogue import find_vehicle
from jinqiao.vehicles.cycles import load_cycle
from jinqiao.vehicles.fleet import Fleet
from jinqiao.vehicles.modes import VehicleState
from jinqiao.vehicles.sampling import WORLD_SIGNALS

CAR = "bmw-i4-edrive40-2022"
SECONDS = 40


def bits_one_by_one(identifier: int, length: int, data: bytes) -> int:
    """ISO 11898-1 read bit by bit."""
    text = "0" + f"{identifier:011b}" + "000" + f"{length:04b}" + "".join(f"{byte:08b}" for byte in data[:length])
    crc = 0
    for bit in text:
        flip = int(bit) ^ (crc >> 14)
        crc = (crc << 1) & 0x7FFF
        if flip:
            crc ^= 0x4599
    text += f"{crc:015b}"
    stuffed, run = "", ""
    for bit in text:
        stuffed += bit
        run = run + bit if run and run[-1] == bit else bit
        if len(run) == 5:
            run = "1" if bit == "0" else "0"
            stuffed += run
    return len(stuffed) + 1 + 2 + 7 + INTERFRAME_BITS


@given(st.integers(0, 0x7FF), st.integers(0, 8), st.lists(st.binary(min_size=8, max_size=8), min_size=1, max_size=5))
def test_frame_length_is_that_of_the_standard(identifier: int, length: int, rows: list[bytes]) -> None:
    data = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(-1, 8)
    found = frame_bits(identifier, length, data)
    assert found.tolist() == [bits_one_by_one(identifier, length, row) for row in rows]
    assert found.max() <= worst_case_bits(length)


def test_worst_case_of_eight_bytes() -> None:
    """Eight data bytes: 111 bits and at most 24 stuff bits, with the intermission 135 (Davis et al. 2007, eq. 1)."""
    assert worst_case_bits(8) == 135


def test_the_lower_identifier_wins_and_nobody_is_interrupted() -> None:
    bits = np.array([[100, 100, 100]])
    # Messages 0, 1, 2 by rank; 2 is released first, 0 and 1 while it is on the bus.
    release = np.array([0.00010, 0.00005, 0.0])
    sent = arbitrate(release, np.array([1, 1, 1]), bits, np.zeros(1))
    assert sent.instance.tolist() == [[2, 0, 1]]
    ends = np.array([100, 200, 300]) * BIT_S - INTERFRAME_BITS * BIT_S
    assert sent.time_s[0] == pytest.approx(ends)


@given(st.integers(0, 2**32 - 1))
def test_arbitration_against_one_bus_at_a_time(seed: int) -> None:
    random = np.random.default_rng(seed)
    counts = random.integers(1, 5, 4)
    release = np.concatenate([np.sort(random.uniform(0, 0.002, count)) for count in counts])
    bits = random.integers(50, 135, (3, len(release)))
    sent = arbitrate(release, counts, bits, np.zeros(3))
    rank = np.repeat(np.arange(4), counts)
    for row in range(3):
        waiting, now, order = set(range(len(release))), 0.0, []
        while waiting:
            ready = [i for i in waiting if release[i] <= now] or [min(waiting, key=lambda i: (release[i], rank[i]))]
            chosen = min(ready, key=lambda i: (rank[i], i))
            now = max(now, release[chosen]) + bits[row, chosen] * BIT_S
            waiting.remove(chosen)
            order.append(chosen)
        assert sent.instance[row].tolist() == order


@pytest.mark.parametrize("rate", [10, 20, 50, 100])
@pytest.mark.parametrize("course", ["mean", "ripple"])
def test_means_of_a_second_stay(rate: int, course: str) -> None:
    before, after = np.array([0.0, 50.0, -80.0, 120.0]), np.array([100.0, 40.0, 90.0, 120.0])
    fraction = (np.arange(rate) + 0.5) / rate
    values = course_values(course, before, after, fraction, 3, np.arange(4, dtype=np.uint32))  # type: ignore[arg-type]
    # The midpoint rule misses a parabola's integral by its step over 4 n².
    assert values.mean(axis=0) == pytest.approx(after, abs=200 / rate**2)
    again = course_values(course, before, after, fraction, 3, np.arange(4, dtype=np.uint32))  # type: ignore[arg-type]
    assert (values == again).all()
    ends = course_values(course, before, after, np.array([0.0, 1.0]), 3, np.arange(4, dtype=np.uint32))  # type: ignore[arg-type]
    assert ends == pytest.approx(np.array([before, after]), abs=1e-9)


def test_ripple_is_there_and_differs_between_cars_and_seconds() -> None:
    flat = np.full(2, 100.0)
    fraction = np.arange(100) / 100
    seeds = np.array([1, 2], dtype=np.uint32)
    first, second = (course_values("ripple", flat, flat, fraction, number, seeds) for number in (1, 2))
    assert 0.5 < np.ptp(first[:, 0]) < 10
    assert np.ptp(first[:, 0]) != pytest.approx(np.ptp(first[:, 1]))
    assert np.ptp(first[:, 0]) != pytest.approx(np.ptp(second[:, 0]))


@pytest.fixture(scope="module")
def log() -> list[tuple[float, int, bytes]]:
    lines = b"".join(cycle_log(find_vehicle(CAR), "WLTC", SECONDS, ambient_degc=5.0)).decode().splitlines()
    frames = []
    for line in lines:
        stamp, channel, frame = line.split(" ")
        assert channel == "can0"
        identifier, data = frame.split("#")
        frames.append((float(stamp[1:-1]), int(identifier, 16), bytes.fromhex(data)))
    return frames


@pytest.fixture(scope="module")
def database() -> Database:
    found = cantools.database.load_string(dbc_text(of_bus(None), "All"), "dbc", strict=True)
    assert isinstance(found, Database)
    return found


@pytest.fixture(scope="module")
def decoded(log: list[tuple[float, int, bytes]], database: Database) -> list[tuple[float, str, dict[str, float]]]:
    return [
        (
            at - log[0][0],
            database.get_message_by_frame_id(i).name,
            dict(database.decode_message(i, data, decode_choices=False)),  # type: ignore[arg-type]
        )
        for at, i, data in log
    ]


def column(decoded: list[tuple[float, str, dict[str, float]]], signal: str) -> tuple[np.ndarray, np.ndarray]:
    found = [(at, values[signal]) for at, _, values in decoded if signal in values]
    return np.array([at for at, _ in found]), np.array([value for _, value in found])


def test_every_frame_decodes_and_stamps_rise(
    log: list[tuple[float, int, bytes]], decoded: list[tuple[float, str, dict[str, float]]]
) -> None:
    assert len(decoded) == len(log)
    assert {name for _, name, _ in decoded} == set(MESSAGES)
    assert (np.diff([at for at, _, _ in log]) > 0).all()


def test_periods_are_those_of_the_table(decoded: list[tuple[float, str, dict[str, float]]]) -> None:
    for message in MESSAGES.values():
        at = np.array([at for at, name, _ in decoded if name == message.name])
        assert len(at) == SECONDS * message.per_second
        assert np.diff(at).mean() * 1000 == pytest.approx(message.cycle_ms, rel=0.01)
        assert np.abs(np.diff(at) * 1000 - message.cycle_ms).max() < 5  # arbitration delays, by a few frames


def test_counters_count_and_checksums_hold(
    log: list[tuple[float, int, bytes]], decoded: list[tuple[float, str, dict[str, float]]]
) -> None:
    for message in (m for m in MESSAGES.values() if m.protected):
        counters = [v[f"{message.name}_Counter"] for _, name, v in decoded if name == message.name]
        assert counters == [i % 15 for i in range(len(counters))]
        for _, identifier, data in log:
            if identifier == message.id:
                assert data[7] == crc8(bytes((identifier & 0xFF, identifier >> 8)) + data[:7])


def test_speed_is_the_cycles_linear_between_seconds(decoded: list[tuple[float, str, dict[str, float]]]) -> None:
    at, speed = column(decoded, "VehicleSpeed")
    cycle = load_cycle("WLTC").speed_kmh
    assert speed.max() > 20
    # Half a step of the signal, and what the wait for the bus makes at 2 m/s².
    assert np.abs(speed - np.interp(at, np.arange(len(cycle)), cycle)).max() < 0.005 + 0.002 * 7.2


def test_current_keeps_the_means_of_the_physics(decoded: list[tuple[float, str, dict[str, float]]]) -> None:
    """Charge by the frames of current, and energy by voltage times current, agree with the mean power's."""
    _, current = column(decoded, "PackCurrent")
    _, voltage = column(decoded, "PackVoltage")
    _, power = column(decoded, "PackPower")
    assert np.ptp(current) > 20
    assert (voltage * current / 1000).mean() == pytest.approx(power.mean(), rel=0.02)


def test_every_cell_of_the_pack_is_told(decoded: list[tuple[float, str, dict[str, float]]]) -> None:
    series = find_vehicle(CAR).layout.series
    told = {name: value for _, m, values in decoded if m == "CellVoltages" for name, value in values.items()}
    cells = {name: value for name, value in told.items() if name != "CellVoltageTurn" and value < 6.5}
    assert len(cells) == series
    pack = column(decoded, "PackVoltage")[1]
    assert pack.min() - 5 < sum(cells.values()) < pack.max() + 5
    degc = {name for _, m, v in decoded if m == "CellTemperatures" for name in v if v[name] < 194}
    assert len(degc - {"CellTemperatureTurn"}) == series
    vin = {
        n: chr(int(c)) for _, m, v in decoded if m == "VehicleIdentification" for n, c in v.items() if n != "VinTurn"
    }
    assert len("".join(vin[name] for name in sorted(vin))) == 17


def test_bus_load_is_what_the_frames_add_up_to() -> None:
    frames = next(cycle_frames(find_vehicle(CAR), "WLTC", 1))
    total = sum(
        bits_one_by_one(int(i), int(n), bytes(d))
        for i, n, d in zip(frames.id[0], frames.length[0], frames.data[0], strict=True)
    )
    assert frames.load[0] == pytest.approx(total / 500_000)
    assert 0.05 < frames.load[0] < 0.3


def test_a_log_is_the_same_each_time_and_can_be_of_one_bus() -> None:
    model = find_vehicle(CAR)
    assert b"".join(cycle_log(model, "UDDS", 3)) == b"".join(cycle_log(model, "UDDS", 3))
    battery = b"".join(cycle_log(model, "UDDS", 2, bus="battery")).decode()
    ids = {int(line.split()[2].split("#")[0], 16) for line in battery.splitlines()}
    assert ids == {m.id for m in of_bus("battery")}


@pytest.mark.parametrize("seconds", [0, 1801])
def test_no_more_than_the_cycle(seconds: int) -> None:
    with pytest.raises(InputError, match="from 1 to 1800"):
        next(cycle_frames(find_vehicle(CAR), "WLTC", seconds))


def test_candump_refuses_what_it_cannot_write() -> None:
    data = np.zeros((1, 8), dtype=np.uint8)
    for ids, extended, length in ((0x800, False, 8), (1 << 29, True, 8), (1, False, 9)):
        with pytest.raises(ValueError, match=r"identifier|bytes"):
            candump_lines([1.7e9], [ids], extended, length, data)
    assert candump_lines([], [], False, 8, np.zeros((0, 8), np.uint8)) == b""
    text = candump_lines(
        [1700000000.0, 1700000000.5], [0x1A0, 0x182756F4], [False, True], [2, 0], np.tile(data, (2, 1))
    )
    assert text == b"(1700000000.000000) can0 1A0#0000\n(1700000000.500000) can0 182756F4#\n"


def test_a_bus_that_slept_has_nothing_left_to_send() -> None:
    """An overloaded bus runs late; after a sleep it does not, whether or not seconds were made of others meanwhile."""
    fleet = Fleet([find_vehicle(CAR)], np.zeros(1, np.int16), seed=1, initial_soc=np.full(1, 0.8), ambient_degc=20.0)
    fleet.vehicle_state[:] = VehicleState.DRIVING
    zero = np.zeros(1)
    columns = Snapshots(fleet, np.zeros(1, np.intp)).take(1.7e9, dict.fromkeys(WORLD_SIGNALS, zero))
    faults = CanFaultState(1)
    faults.error_rate[:] = 1e6
    awake, asleep = np.ones(1, dtype=np.bool_), np.zeros(1, dtype=np.bool_)

    def first_frames(seconds: dict[int, np.ndarray]) -> np.ndarray:
        traffic = CanTraffic(of_bus(None) * 9, np.array([7], dtype=np.uint32))
        offsets = [traffic.second(n, columns, columns, faults, on).offset_s[0, :20] for n, on in seconds.items()]
        return offsets[-1]

    on_time = first_frames({9: awake})
    late = first_frames({6: awake, 7: awake, 8: awake, 9: awake})
    assert late[0] > on_time[0] + 0.1
    assert (first_frames({6: awake, 7: awake, 9: awake}) == on_time).all()
    assert (first_frames({6: awake, 7: awake, 8: asleep, 9: awake}) == on_time).all()

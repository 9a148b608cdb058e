"""The message table as cantools reads it, and packed frames as cantools packs them."""

from __future__ import annotations

import warnings
from typing import Any

import cantools
import numpy as np
import pytest
from cantools.database.can import Database, Message

from jinqiao.base.signals import SIGNALS
from jinqiao.vehicles.can.crc import crc8
from jinqiao.vehicles.can.database import MESSAGES, SENDERS, of_bus
from jinqiao.vehicles.can.dbc import dbc_text, signals_of
from jinqiao.vehicles.can.message import BUSES, CanMessage, CanSignal
from jinqiao.vehicles.can.pack import COUNTS, pack
from jinqiao.vehicles.can.sources import SOURCES

VECTORS = 1200


def load(text: str) -> Database:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = cantools.database.load_string(text, "dbc", strict=True)
    assert isinstance(loaded, Database)
    return loaded


@pytest.fixture(scope="module")
def database() -> Database:
    return load(dbc_text(of_bus(None), "All buses"))


@pytest.mark.parametrize("bus", [*BUSES, None])
def test_cantools_loads_every_bus_strictly(bus: Any) -> None:
    found = load(dbc_text(of_bus(bus), str(bus)))
    assert [m.name for m in found.messages] == [m.name for m in of_bus(bus)]
    for message in found.messages:
        ours = MESSAGES[message.name]
        assert (message.frame_id, message.length, message.cycle_time) == (ours.id, ours.length, ours.cycle_ms)
        assert message.senders == [ours.sender]
        assert message.comment
        assert not message.is_extended_frame
        for signal in message.signals:
            assert signal.comment
    assert "ynthetic" in str(found.dbc.attributes) + dbc_text(of_bus(bus), "x")


def test_about_forty_messages_over_three_buses(database: Database) -> None:
    assert 35 <= len(database.messages) <= 50
    assert len({m.frame_id for m in database.messages}) == len(database.messages)
    assert {m.cycle_time for m in database.messages} == {10, 20, 50, 100, 200, 500, 1000}
    signals = [s for m in database.messages for s in m.signals]
    assert len({s.name for s in signals}) == len(signals)
    assert [s.unit for s in signals if s.name == "VehicleSpeed"] == ["km/h"]
    assert {s.byte_order for s in signals} == {"big_endian", "little_endian"}
    assert {m.senders[0] for m in database.messages} == set(SENDERS)


def test_torque_speed_and_current_are_protected(database: Database) -> None:
    protected = [m for m in database.messages if any(s.name.endswith("_CRC") for s in m.signals)]
    covered = {s.name for m in protected for s in m.signals}
    assert {"MotorTorque", "VehicleSpeed", "PackCurrent"} <= covered
    for message in protected:
        assert message.length == 8
        counter = message.get_signal_by_name(f"{message.name}_Counter")
        crc = message.get_signal_by_name(f"{message.name}_CRC")
        assert (counter.start, counter.length, crc.start, crc.length) == (48, 4, 56, 8)


def test_every_signal_has_a_source_and_its_bounds_are_exact() -> None:
    for message in MESSAGES.values():
        slots = message.multiplex.slots if message.multiplex else ()
        for signal in (*message.signals, *slots):
            assert signal.source in SIGNALS or signal.source in SOURCES, signal
            for bound in (signal.low, signal.high):
                raw = (bound - signal.offset) / signal.scale
                assert raw == pytest.approx(round(raw), abs=1e-6), (signal.name, bound)
            low, high = (round((b - signal.offset) / signal.scale) for b in (signal.low, signal.high))
            assert low >= (-(1 << signal.length - 1) if signal.signed else 0)
            assert high < 1 << (signal.length - signal.signed)


def vectors(signal: CanSignal, random: np.random.Generator) -> np.ndarray:
    """Least and largest value, every tie near a step, and uniform draws."""
    values = random.uniform(signal.low, signal.high, VECTORS)
    steps = np.rint((values - signal.offset) / signal.scale)
    values[: VECTORS // 3] = (steps * signal.scale + signal.offset)[: VECTORS // 3]
    values[VECTORS // 3 : VECTORS // 2] = ((steps + 0.5) * signal.scale + signal.offset)[VECTORS // 3 : VECTORS // 2]
    values = np.clip(values, signal.low, signal.high)
    values[0], values[1] = signal.low, signal.high
    return values


@pytest.mark.parametrize("name", MESSAGES)
def test_bytes_are_those_of_cantools(name: str, database: Database) -> None:
    message, theirs = MESSAGES[name], database.get_message_by_name(name)
    random = np.random.default_rng(message.id)
    counter = np.arange(VECTORS) % COUNTS
    turn = random.integers(0, message.multiplex.turns, VECTORS) if message.multiplex else np.zeros(VECTORS, np.int64)
    placed = message.multiplex.slots if message.multiplex else message.signals
    values = {s.name or str(i): vectors(s, random) for i, s in enumerate(placed)}
    if message.multiplex is not None:  # places past the last value belong to no signal
        for slot in range(len(placed)):
            absent = turn * len(placed) + slot >= message.multiplex.count
            values[str(slot)][absent] = placed[slot].low
    frames = pack(message, values, VECTORS, counter=counter, turn=turn)
    assert not frames[:, message.length :].any()
    for row in range(VECTORS):
        given = given_to_cantools(message, values, row, int(counter[row]), int(turn[row]))
        packed = frames[row, : message.length].tobytes()
        if message.protected:
            given[f"{name}_CRC"] = crc8(bytes((message.id & 0xFF, message.id >> 8)) + packed[:7])
        assert packed == bytes(theirs.encode(given, strict=True)), (row, given)


def given_to_cantools(
    message: CanMessage, values: dict[str, np.ndarray], row: int, counter: int, turn: int
) -> dict[str, Any]:
    if message.multiplex is None:
        given: dict[str, Any] = {n: float(v[row]) for n, v in values.items()}
        return {**given, f"{message.name}_Counter": counter} if message.protected else given
    names = {s.name for s, mark in signals_of(message) if mark == f"m{turn}"}
    slots = len(message.multiplex.slots)
    numbered = {
        message.multiplex.pattern.format(turn * slots + i + 1): float(values[str(i)][row]) for i in range(slots)
    }
    return {message.multiplex.selector: turn, **{n: v for n, v in numbered.items() if n in names}}


@pytest.mark.parametrize("wrong", [1e12, -1e12, float("nan"), float("inf"), float("-inf")])
def test_values_out_of_range_saturate(wrong: float, database: Database) -> None:
    message = MESSAGES["BatteryPack"]
    frame = pack(message, lambda _: wrong, 1)[0].tobytes()
    decoded = database.decode_message(message.id, frame, decode_choices=False)
    assert isinstance(decoded, dict)
    for signal in message.signals:
        assert decoded[signal.name] == pytest.approx(signal.high if wrong > 0 else signal.low)


def test_crc_check_value() -> None:
    assert crc8(b"123456789") == 0x4B


def test_packing_reaches_millions(database: Database) -> None:
    """Not a benchmark: only that nothing loops over frames."""
    message = MESSAGES["MotorTorqueStatus"]
    frames = pack(message, lambda s: np.linspace(s.low, s.high, 50_000), 50_000, counter=np.arange(50_000) % COUNTS)
    last: Message = database.get_message_by_name(message.name)
    assert last.decode(frames[-1].tobytes())["MotorTorque"] == 2000

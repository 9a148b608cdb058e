"""Diagnostic requests as they come down to vehicles of a world: `Diagnostics.respond`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.simulator.buses.diagnostics import BUS, Diagnostics
from jinqiao.simulator.scenario import load_scenario
from jinqiao.simulator.world import World
from jinqiao.telemetry.v1.can_pb2 import CanBatch

SCENARIOS = Path(__file__).parent.parent.parent / "scenarios"


@pytest.fixture(scope="module")
def world() -> World:
    world = World(load_scenario(SCENARIOS / "two-cars.yaml"), seed=3)
    for _ in range(5):
        world.advance()
    return world


def ask(diagnostics: Diagnostics, row: int, *frames: str, bus: str = BUS) -> list[tuple[int, bytes]] | None:
    data = [bytes.fromhex(frame) for frame in frames]
    asked = CanBatch(
        bus=bus,
        id=[0x7E0] * len(data),
        offset_us=[0] * len(data),
        length=bytes(map(len, data)),
        data=b"".join(part.ljust(8, b"\0") for part in data),
    )
    told = diagnostics.respond(row, asked.SerializeToString())
    if told is None:
        return None
    reply = CanBatch.FromString(told)
    assert reply.bus == BUS
    assert len(reply.id) == len(reply.offset_us) == len(reply.length) == len(reply.data) // 8
    return [(i, reply.data[8 * k : 8 * k + reply.length[k]]) for k, i in enumerate(reply.id)]


def test_each_vehicle_tells_its_own_vin_in_one_round(world: World) -> None:
    diagnostics = Diagnostics(world)
    for row in range(2):
        frames = ask(diagnostics, row, "0322F190", "300000")
        assert frames is not None
        assert {identifier for identifier, _ in frames} == {0x7E8}
        told = frames[0][1][2:] + b"".join(data[1:] for _, data in frames[1:])
        assert told[3:20] == world.fleet.vins[row]


def test_values_are_those_of_the_fleet(world: World) -> None:
    diagnostics = Diagnostics(world)
    speed = float(world.fleet.speed_mps[0]) * 3.6
    assert ask(diagnostics, 0, "02010D") == [(0x7E8, bytes((3, 0x41, 0x0D, round(speed), *[0xCC] * 4)))]
    assert ask(diagnostics, 0, "020146") == [
        (0x7E8, bytes((3, 0x41, 0x46, round(world.town.ambient_degc) + 40, *[0xCC] * 4)))
    ]


def test_codes_of_the_world_are_read_and_cleared(world: World) -> None:
    diagnostics = Diagnostics(world)
    world.store_dtc(1, "P0A80")
    assert ask(diagnostics, 1, "03190208", "300000") is not None
    assert ask(diagnostics, 1, "0103") == [(0x7E8, bytes.fromhex("0443010A80CCCCCC"))]
    assert ask(diagnostics, 0, "0103") == [(0x7E8, bytes.fromhex("024300CCCCCCCCCC"))]
    assert ask(diagnostics, 1, "0414FFFFFF") == [(0x7E8, bytes.fromhex("0154CCCCCCCCCCCC"))]
    assert world.dtcs(1) == ()


def test_two_testers_do_not_disturb_each_other(world: World) -> None:
    diagnostics = Diagnostics(world)
    assert len(ask(diagnostics, 0, "020902") or []) == 1
    assert len(ask(diagnostics, 1, "020902") or []) == 1
    assert len(ask(diagnostics, 0, "300000") or []) == 2
    assert len(ask(diagnostics, 1, "300000") or []) == 2
    assert ask(diagnostics, 1, "300000") is None


def test_other_buses_and_broken_columns_are_not_answered(world: World) -> None:
    diagnostics = Diagnostics(world)
    assert ask(diagnostics, 0, "02010D", bus="powertrain") is None
    assert (
        diagnostics.respond(0, CanBatch(bus=BUS, id=[0x7E0], length=b"\x09", data=bytes(8)).SerializeToString()) is None
    )
    assert (
        diagnostics.respond(0, CanBatch(bus=BUS, id=[0x7E0], length=b"\x03", data=bytes(3)).SerializeToString()) is None
    )
    assert diagnostics.respond(0, CanBatch(bus=BUS, id=[0x7E0] * 2000).SerializeToString()) is None


@given(st.binary(max_size=200))
def test_no_payload_breaks_it(world: World, payload: bytes) -> None:
    Diagnostics(world).respond(0, payload)

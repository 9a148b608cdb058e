"""Raw CAN of a world: what its buses bring, and the packets that are made of it."""

from __future__ import annotations

import re

import cantools
import numpy as np
import pytest
from cantools.database.can import Database

from jinqiao.base.errors import ScenarioError
from jinqiao.base.telemetry import Step
from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.world import World
from jinqiao.telemetry.v1.can_pb2 import CanBatch
from jinqiao.vehicles.can.crc import crc8
from jinqiao.vehicles.can.database import MESSAGES, of_bus
from jinqiao.vehicles.can.dbc import dbc_text
from jinqiao.vehicles.can.fault_state import ERROR_FRAME_BITS
from jinqiao.vehicles.can.frame_bits import BIT_RATE
from jinqiao.wire.mqtt.decoding import decode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import Publish
from jinqiao.wire.render.can import CanRenderer
from support.scenarios import BUSES


@pytest.fixture(scope="module")
def database() -> Database:
    found = cantools.database.load_string(dbc_text(of_bus(None), "All"), "dbc", strict=True)
    assert isinstance(found, Database)
    return found


def make(text: str = BUSES) -> World:
    return World(parse_scenario(text), seed=5)


def publishes(world: World, step: Step) -> list[Publish]:
    renderer = CanRenderer("a1JinqiaoEV", world.fleet.vins, world.fleet.vins)
    found = []
    for packets in (block for second in step.can for block in renderer.blocks(second)):
        assert packets.matrix.shape[0] == len(packets.vehicles)
        for row in packets.matrix:
            whole = row.tobytes()
            found_frame = frame(whole, 0)
            assert found_frame is not None
            body, end = found_frame
            assert end == len(whole)
            packet = decode(whole[0], whole[body:end])
            assert isinstance(packet, Publish)
            assert whole[packets.head :] == packet.payload
            found.append(packet)
    return found


def test_chosen_vehicles_send_chosen_buses_on_both_topics(database: Database) -> None:
    world = make()
    assert world.buses.rows.tolist() == [0, 1, 2]
    assert world.advance().can == ()  # a course needs two samples
    found = publishes(world, world.advance())
    assert len(found) == 2 * 3 * 2  # topics × vehicles × buses
    vins = [vin.decode() for vin in world.fleet.vins[:3].tolist()]
    assert {p.topic for p in found} == {
        f"{head}{vin}{tail}"
        for vin in vins
        for head, tail in (("/sys/a1JinqiaoEV/", "/thing/model/up_raw"), ("/a1JinqiaoEV/", "/user/can"))
    }
    for publish in found:
        batch = CanBatch.FromString(publish.payload)
        assert batch.vin in publish.topic
        assert batch.start_ms == world.time_ms - 1000
        assert batch.bus in ("powertrain", "battery")
        assert len(batch.id) == sum(m.per_second for m in of_bus(batch.bus))  # type: ignore[arg-type]
        assert len(batch.offset_us) == len(batch.id) == len(batch.length) == len(batch.data) // 8
        assert 0.005 < batch.load < 0.2
        assert batch.error_frames == 0
        assert (np.diff(batch.offset_us) > 0).all()
        for i, identifier in enumerate(batch.id):
            database.decode_message(identifier, batch.data[8 * i : 8 * i + batch.length[i]])


def decoded(world: World, step: Step, database: Database, row: int, signal: str) -> list[float]:
    """A signal of one vehicle over the second just passed, in the order of the bus."""
    vin = world.fleet.vins[row].decode()
    values: list[float] = []
    for publish in publishes(world, step):
        batch = CanBatch.FromString(publish.payload)
        if batch.vin != vin or "up_raw" in publish.topic:
            continue
        for i, identifier in enumerate(batch.id):
            data = batch.data[8 * i : 8 * i + batch.length[i]]
            found = database.decode_message(identifier, data, decode_choices=False)
            assert isinstance(found, dict)
            if signal in found:
                values.append(float(found[signal]))  # type: ignore[arg-type]
    return values


def test_frames_show_what_the_telemetry_shows(database: Database) -> None:
    world = make()
    earlier = None
    for _ in range(30):
        step = world.advance()
        core = next(batch for batch in step.batches if batch.group == "core")
        speed, voltage = (float(core.signals[name][0]) for name in ("speed", "pack_voltage"))
        values = decoded(world, step, database, 0, "VehicleSpeed")
        if earlier is not None:
            assert len(values) == 100
            assert values == pytest.approx(earlier + (speed - earlier) * np.arange(100) / 100, abs=0.006)
        earlier = speed
    assert earlier is not None
    assert earlier > 0
    assert 300 < voltage < 500


def frames_of(world: World, step: Step, row: int) -> list[tuple[int, bytes]]:
    vin = world.fleet.vins[row].decode()
    batches = (CanBatch.FromString(p.payload) for p in publishes(world, step) if p.topic.endswith("/user/can"))
    return [(i, b.data[8 * k : 8 * k + 8]) for b in batches if b.vin == vin for k, i in enumerate(b.id)]


def test_faults_show_on_the_wire_and_end(database: Database) -> None:
    world = make()
    for _ in range(12):
        world.advance()
    faults, motion, pack = world.buses.faults, MESSAGES["VehicleMotion"], MESSAGES["BatteryPack"]
    rows = np.array([1])
    faults.missing[faults.message_index["BatteryPack"], rows] = True
    faults.wrong_checksum[faults.message_index["VehicleMotion"], rows] = True
    faults.counter_jump[faults.message_index["VehicleMotion"], rows] += 4
    faults.freeze("VehicleSpeed", rows)
    ill = frames_of(world, world.advance(), 1)
    assert pack.id not in {identifier for identifier, _ in ill}
    moved = [data for identifier, data in ill if identifier == motion.id]
    head = bytes((motion.id & 0xFF, motion.id >> 8))
    assert len(moved) == 100
    assert all(data[7] == crc8(head + data[:7]) ^ 0x5A for data in moved)
    assert moved[0][6] & 0xF == (12 * 100 + 4) % 15
    assert len({data[:2] for data in moved}) == 1  # the speed stands still
    assert {data[:2] for i, data in frames_of(world, world.advance(), 1) if i == motion.id} == {moved[0][:2]}
    faults.missing[:] = faults.wrong_checksum[:] = False
    faults.release("VehicleSpeed", rows)
    faults.bus_off[faults.sender_index["BMS"], rows] = True
    faults.error_rate[rows] = 30.0
    found = publishes(world, world.advance())
    batches = [CanBatch.FromString(p.payload) for p in found if p.topic.endswith("/user/can")]
    mine = {b.bus: b for b in batches if b.vin == world.fleet.vins[1].decode()}
    assert {database.get_message_by_frame_id(i).senders[0] for i in mine["battery"].id} == {"OBC"}
    others = {b.bus: b for b in batches if b.vin == world.fleet.vins[0].decode()}
    assert 10 < mine["powertrain"].error_frames < 60
    assert others["powertrain"].error_frames == 0
    assert mine["powertrain"].load > others["powertrain"].load
    well = mine["powertrain"]
    again = [well.data[8 * k : 8 * k + 8] for k, i in enumerate(well.id) if i == motion.id]
    assert all(data[7] == crc8(head + data[:7]) for data in again)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{vehicles: 0}", "at least 1"),
        ("{vehicles: 2, busses: [body]}", "did you mean 'buses'"),
        ("{vehicles: 2, buses: [powertrian]}", "powertrain"),
        ("{vehicles: 2, buses: [body, body]}", "twice"),
        ("{vehicles: 2, buses: []}", "at least one entry"),
        ("{}", "'vehicles' is missing"),
    ],
)
def test_a_wrong_can_block_is_named_with_its_place(written: str, told: str) -> None:
    text = BUSES.replace("{vehicles: 3, buses: [powertrain, battery]}", written)
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, name="s.yaml")
    assert re.search(r"s\.yaml:11:\d+: fleets\.0\.telemetry\.can", str(caught.value))
    assert told in str(caught.value)


def test_a_spoilt_frame_costs_its_bits_again_and_an_error_flag() -> None:
    """Every frame spoilt once: twice the bits, and for each frame the flag with all that follows it."""
    well, ill = make(), make()
    ill.buses.faults.error_rate[1] = 1e6
    for world in (well, ill):
        world.advance()
    for clean, spoilt in zip(well.advance().can, ill.advance().can, strict=True):
        assert clean.errors is not None
        assert spoilt.errors is not None
        assert clean.load is not None
        assert spoilt.load is not None
        assert clean.errors.tolist() == [0, 0, 0]
        assert spoilt.errors.tolist() == [0, spoilt.counts[1], 0]
        bits = 2 * clean.load[1] * BIT_RATE + clean.counts[1] * ERROR_FRAME_BITS
        assert spoilt.load[1] * BIT_RATE == pytest.approx(bits, rel=1e-6)
        assert (spoilt.load[[0, 2]] == clean.load[[0, 2]]).all()

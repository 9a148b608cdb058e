"""Raw CAN over MQTT: batches of a world as packets, and the reader of docs/can.md against a run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import cantools
import numpy as np
import pytest
from cantools.database.can import Database

from jinqiao.base.errors import ScenarioError
from jinqiao.gateway.mqtt.decoding import decode
from jinqiao.gateway.mqtt.fields import frame
from jinqiao.gateway.mqtt.packets import Publish
from jinqiao.sandbox.run.can_stream import CanStream
from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.world import World
from jinqiao.telemetry.v1.can_pb2 import CanBatch
from jinqiao.vehicles.can.crc import crc8
from jinqiao.vehicles.can.database import MESSAGES, of_bus
from jinqiao.vehicles.can.dbc import dbc_text
from support.programs import JINQIAO, Program

DOCS = Path(__file__).parent.parent.parent / "docs" / "can.md"
SCENARIO = """
name: Buses
seed: 5
start: 2026-11-23T08:00+08:00
duration: 2 min
fleets:
  - name: instrumented
    count: 4
    models: {bmw-i4-edrive40-2022: 1, bmw-ix3-2021: 1}
    agenda: {cycle: WLTC}
    telemetry: {can: {vehicles: 3, buses: [powertrain, battery]}}
  - name: plain
    count: 3
    models: {bmw-ix3-2021: 1}
    agenda: {cycle: UDDS}
"""


@pytest.fixture(scope="module")
def database() -> Database:
    found = cantools.database.load_string(dbc_text(of_bus(None), "All"), "dbc", strict=True)
    assert isinstance(found, Database)
    return found


def make(text: str = SCENARIO) -> tuple[World, CanStream]:
    world = World(parse_scenario(text), seed=5)
    return world, CanStream(world, "a1JinqiaoEV", world.fleet.vins)


def publishes(stream: CanStream) -> list[Publish]:
    found = []
    for packets in stream.packets():
        assert packets.matrix.shape[0] == len(packets.vehicles)
        for row in packets.matrix:
            whole = row.tobytes()
            found_frame = frame(whole, 0)
            assert found_frame is not None
            body, end = found_frame
            assert end == len(whole)
            packet = decode(whole[0], whole[body:end])
            assert isinstance(packet, Publish)
            found.append(packet)
    return found


def test_chosen_vehicles_send_chosen_buses_on_both_topics(database: Database) -> None:
    world, stream = make()
    assert stream.rows.tolist() == [0, 1, 2]
    world.advance()
    assert publishes(stream) == []  # a course needs two samples
    world.advance()
    found = publishes(stream)
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


def decoded(stream: CanStream, database: Database, row: int, signal: str) -> list[float]:
    """A signal of one vehicle over the second just passed, in the order of the bus."""
    vin = stream._vins[row].decode()
    values: list[float] = []
    for publish in publishes(stream):
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
    world, stream = make()
    earlier = None
    for _ in range(30):
        batches, _ = world.advance()
        core = next(batch for batch in batches if batch.group == "core")
        speed, voltage = (float(core.signals[name][0]) for name in ("speed", "pack_voltage"))
        values = decoded(stream, database, 0, "VehicleSpeed")
        if earlier is not None:
            assert len(values) == 100
            assert values == pytest.approx(earlier + (speed - earlier) * np.arange(100) / 100, abs=0.006)
        earlier = speed
    assert earlier is not None
    assert earlier > 0
    assert 300 < voltage < 500


def frames_of(stream: CanStream, row: int) -> list[tuple[int, bytes]]:
    vin = stream._vins[row].decode()
    batches = (CanBatch.FromString(p.payload) for p in publishes(stream) if p.topic.endswith("/user/can"))
    return [(i, b.data[8 * k : 8 * k + 8]) for b in batches if b.vin == vin for k, i in enumerate(b.id)]


def test_faults_show_on_the_wire_and_end(database: Database) -> None:
    world, stream = make()
    for _ in range(12):
        world.advance()
        list(stream.packets())
    faults, motion, pack = stream.faults, MESSAGES["VehicleMotion"], MESSAGES["BatteryPack"]
    rows = np.array([1])
    faults.missing[faults.message_index["BatteryPack"], rows] = True
    faults.wrong_checksum[faults.message_index["VehicleMotion"], rows] = True
    faults.counter_jump[faults.message_index["VehicleMotion"], rows] += 4
    faults.freeze("VehicleSpeed", rows)
    world.advance()
    ill = frames_of(stream, 1)
    assert pack.id not in {identifier for identifier, _ in ill}
    moved = [data for identifier, data in ill if identifier == motion.id]
    head = bytes((motion.id & 0xFF, motion.id >> 8))
    assert len(moved) == 100
    assert all(data[7] == crc8(head + data[:7]) ^ 0x5A for data in moved)
    assert moved[0][6] & 0xF == (12 * 100 + 4) % 15
    assert len({data[:2] for data in moved}) == 1  # the speed stands still
    world.advance()
    assert {data[:2] for i, data in frames_of(stream, 1) if i == motion.id} == {moved[0][:2]}
    faults.missing[:] = faults.wrong_checksum[:] = False
    faults.release("VehicleSpeed", rows)
    faults.bus_off[faults.sender_index["BMS"], rows] = True
    faults.error_rate[rows] = 30.0
    world.advance()
    found = publishes(stream)
    batches = [CanBatch.FromString(p.payload) for p in found if p.topic.endswith("/user/can")]
    mine = {b.bus: b for b in batches if b.vin == stream._vins[1].decode()}
    assert {database.get_message_by_frame_id(i).senders[0] for i in mine["battery"].id} == {"OBC"}
    others = {b.bus: b for b in batches if b.vin == stream._vins[0].decode()}
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
    text = SCENARIO.replace("{vehicles: 3, buses: [powertrain, battery]}", written)
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, name="s.yaml")
    assert re.search(r"s\.yaml:11:\d+: fleets\.0\.telemetry\.can", str(caught.value))
    assert told in str(caught.value)


@pytest.mark.program
def test_the_reader_of_the_documentation_reads_a_run(tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert example is not None
    assert sum(bool(line.strip()) for line in example[1].splitlines()) <= 18
    (tmp_path / "reader.py").write_text(example[1])
    (tmp_path / "s.yaml").write_text(SCENARIO)
    subprocess.run([*JINQIAO, "can", "dbc", "--out", str(tmp_path / "all.dbc")], check=True)
    program = Program("run", str(tmp_path / "s.yaml"), "--mqtt-port", "0", "--for", "60s", "-q")
    ready = program.ready
    arguments = ["127.0.0.1", str(ready["mqtt_port"]), ready["app_user"], ready["app_password"]]
    reader = subprocess.Popen(
        [sys.executable, str(tmp_path / "reader.py"), *arguments, str(tmp_path / "all.dbc")],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert reader.stdout is not None
        heard = ""
        while "VehicleSpeed" not in heard or "PackVoltage" not in heard:
            line = reader.stdout.readline()
            assert line, "the reader ended"
            heard += line
    finally:
        reader.kill()
        reader.communicate(timeout=20)
        program.interrupt()
        _, lines, _ = program.finish()
    # Three vehicles, two buses, two topics.
    published = lines[-1]["summary"]["published"]["can_batch"]
    assert published > 0
    assert published % (3 * 2 * 2) == 0

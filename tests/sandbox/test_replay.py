"""`jinqiao replay`: what a subscriber hears of a recording, how clones differ, and wrong input."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiomqtt
import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jinqiao.base.errors import InputError
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.file import load_registry
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.gateway.recordings.files import create, open_recording
from jinqiao.gateway.recordings.mcap_writer import McapWriter
from jinqiao.gateway.recordings.parts import Info, Messages, Part
from jinqiao.sandbox.recordings import replay, timeline
from jinqiao.sandbox.recordings.identities import Identities, clone_names
from jinqiao.sandbox.recordings.lateness import Lateness
from jinqiao.sandbox.recordings.rewriting import rewritten
from jinqiao.sandbox.run.outside import parse_broker
from jinqiao.telemetry.v1.telemetry_pb2 import VehicleSample
from jinqiao.vehicles.vin import is_valid_vin
from support.gateway import running_gateway
from support.programs import Program
from support.recordings import NOW_MS, events, messages, samples

Start = Callable[..., Program]
Heard = list[tuple[str, bytes]]

REGISTRY = """\
products:
  - product_key: a1realPK001
    name: real
    devices:
      - {device_name: car1, device_secret: secret0123456789abcdef}
      - {device_name: car2, device_secret: secret9876543210fedcba}
applications:
  - {username: backend, password: change-me, products: [a1realPK001]}
"""


def recorded(path: Path, parts: list[Part]) -> Path:
    sink = create(path, Info("a1JinqiaoEV"))
    for part in parts:
        sink.write(part)
    sink.close()
    return path


def rewritten_by(path: Path, change: Callable[[pa.Table], pa.Table]) -> Path:
    """The same folder, each of its tables changed as another program might."""
    for file in path.glob("*/*.parquet"):
        pq.write_table(change(pq.read_table(file)), file)
    return path


async def listen(port: int, count: int, begin: Callable[[], None], user: str | None = None) -> Heard:
    heard: Heard = []
    client = aiomqtt.Client("127.0.0.1", port, username=user, password="change-me" if user else None)
    async with asyncio.timeout(20), client:
        await client.subscribe("#" if user is None else "/sys/+/+/thing/event/#")
        await asyncio.to_thread(begin)
        async for message in client.messages:
            heard.append((str(message.topic), bytes(message.payload)))
            if len(heard) == count:
                break
    return heard


def replayed(start: Start, path: Path, count: int, *options: str) -> tuple[Heard, dict[str, Any]]:
    """What a subscriber of a plain broker hears, and the report."""
    programs: list[Program] = []
    with running_gateway(Platform(Registry([], anonymous=True))) as gateway:
        port = gateway.ports["mqtt_port"]

        def begin() -> None:
            programs.append(start("replay", str(path), "--to", f"mqtt://127.0.0.1:{port}", "-q", *options))

        heard = asyncio.run(listen(port, count, begin))
        if "--loop" in options:
            assert programs[0].ready
            programs[0].interrupt()
        status, lines, errors = programs[0].finish()
    assert status == 0, errors
    found: dict[str, Any] = lines[-1]["replayed"]
    return heard, found


def fleet_parts() -> list[Part]:
    parts: list[Part] = []
    for second in range(3):
        parts += [samples("core", NOW_MS + 400 * second, 2, seed=second), events(NOW_MS + 400 * second)]
    return parts


@pytest.mark.parametrize("name", ["drive.mcap", "drive.parquet"])
def test_a_recording_is_heard_as_it_was_but_now(start: Start, tmp_path: Path, name: str) -> None:
    path = recorded(tmp_path / name, fleet_parts())
    began_ms = time.time_ns() // 1_000_000
    heard, report = replayed(start, path, 9)
    assert (report["sent"], report["ended"], report["devices"]) == (9, "finished", 2)
    assert report["wall_s"] >= 0.8
    posts = [json.loads(payload) for topic, payload in heard if topic.endswith("/property/post")]
    times = [post["params"]["VehicleSpeed"]["time"] for post in posts]
    assert times[-1] - times[0] == 800
    assert began_ms <= times[0] <= time.time_ns() // 1_000_000
    for second in range(3):
        original = samples("core", NOW_MS + 400 * second, 2, seed=second)
        for row, post in enumerate(posts[2 * second : 2 * second + 2]):
            assert post["params"]["VehicleSpeed"]["value"] == pytest.approx(original.columns["speed"][row], abs=1e-4)
            assert post["params"]["GeoLocation"]["value"]["Longitude"] == original.columns["longitude"][row]
    happened = [(topic, json.loads(payload)) for topic, payload in heard if "charging:Plugged" in topic]
    assert len(happened) == 3
    topic, post = happened[0]
    assert topic == "/sys/a1JinqiaoEV/LBVHN3805PS000001/thing/event/charging:Plugged/post"
    assert post["params"]["value"]["Station"] == "Lujiazui 陆家嘴"
    ids = [int(json.loads(p)["id"]) for t, p in heard if "/LBVHN3805PS000001/" in t]
    assert ids == [1, 2, 3, 4, 5, 6]


def _shuffled(table: pa.Table) -> pa.Table:
    return table.take(list(reversed(range(len(table)))))


def _with_a_nan(table: pa.Table) -> pa.Table:
    if "speed" not in table.column_names:
        return table
    speeds = [float("nan"), *table["speed"].to_pylist()[1:]]
    return table.set_column(table.column_names.index("speed"), "speed", pa.array(speeds, pa.float64()))


@pytest.mark.parametrize("speed", ["1", "max"])
def test_a_recording_out_of_order_is_replayed_in_the_order_of_time(start: Start, tmp_path: Path, speed: str) -> None:
    path = rewritten_by(recorded(tmp_path / "drive.parquet", fleet_parts()), _shuffled)
    heard, report = replayed(start, path, 9, "--speed", speed)
    posts = [json.loads(payload) for topic, payload in heard if topic.endswith("/property/post")]
    times = [post["params"]["VehicleSpeed"]["time"] for post in posts]
    assert times == sorted(times)
    assert times[-1] - times[0] == 800
    assert any("are older than one before them, by up to 0.800 s" in problem for problem in report["problems"])


@pytest.mark.parametrize("name", ["drive.parquet", "drive.mcap"])
def test_a_recording_too_far_out_of_order_is_refused_with_how_to_sort_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(replay, "_MOST_HELD", 5)
    path = recorded(tmp_path / name, fleet_parts()[::-1])
    replaying = replay.Replay(replay.ReplayOptions(path, parse_broker("mqtt://127.0.0.1:1")))
    with pytest.raises(InputError, match=r"about \d+ would have to be held in memory, expected at most 5") as caught:
        asyncio.run(replaying.go(print))
    how = str(caught.value).partition("sort it first: ")[2]
    assert how.startswith(f"mcap sort {path}" if name == "drive.mcap" else "in DuckDB")


def test_the_way_to_sort_a_recording_in_duckdb_works(tmp_path: Path) -> None:
    path = recorded(tmp_path / "drive.parquet", fleet_parts()[::-1])
    found = timeline.survey(open_recording(path))
    assert found.disorder.rows
    for kind in ("core", "events"):
        (tmp_path / "sorted" / kind).mkdir(parents=True)
        target = tmp_path / "sorted" / kind / "0.parquet"
        duckdb.sql(f"COPY (FROM '{path}/{kind}/*.parquet' ORDER BY time) TO '{target}'")
    in_order = timeline.survey(open_recording(tmp_path / "sorted"))
    assert (in_order.disorder.rows, in_order.messages) == (0, found.messages)
    assert in_order.devices == found.devices


def test_one_nan_costs_its_value_only(start: Start, tmp_path: Path) -> None:
    path = rewritten_by(recorded(tmp_path / "drive.parquet", fleet_parts()), _with_a_nan)
    heard, report = replayed(start, path, 9)
    posts = [json.loads(payload) for topic, payload in heard if topic.endswith("/property/post")]
    assert sorted("VehicleSpeed" in post["params"] for post in posts) == [False, *[True] * 5]
    assert (report["sent"], report["ended"]) == (9, "finished")
    assert any("1 values of speed are unusable" in problem for problem in report["problems"])


def test_clones_are_cars_of_their_own(start: Start, tmp_path: Path) -> None:
    part = samples("core", NOW_MS, 1)
    part.device_names[:] = b"LBVHN3804PS000007"
    assert is_valid_vin("LBVHN3804PS000007")
    path = recorded(tmp_path / "car.mcap", [part])
    heard, report = replayed(start, path, 60, "--clones", "60", "--speed", "20", "--product-key", "a1other0001")
    assert (report["sent"], report["devices"], report["clones"]) == (60, 60, 60)
    devices = {topic.split("/")[3] for topic, _ in heard}
    assert {topic.split("/")[2] for topic, _ in heard} == {"a1other0001"}
    assert len(devices) == 60
    assert all(is_valid_vin(name) and name[:8] == "LBVHN380" and name[9] == "P" for name in devices)
    posts = {topic.split("/")[3]: json.loads(payload)["params"] for topic, payload in heard}
    places = [(p["GeoLocation"]["value"]["Longitude"], p["GeoLocation"]["value"]["Latitude"]) for p in posts.values()]
    assert len(set(places)) == 60
    home = posts["LBVHN3804PS000007"]["GeoLocation"]["value"]
    assert home["Longitude"] == part.columns["longitude"][0]
    assert max(abs(east - home["Longitude"]) for east, _ in places) <= 0.0201
    times = sorted({p["VehicleSpeed"]["time"] for p in posts.values()})
    assert len(times) == 50, "spread over the slots of time"


def test_protobuf_and_the_next_round(start: Start, tmp_path: Path) -> None:
    path = recorded(tmp_path / "drive.parquet", [samples("core", NOW_MS, 2), samples("core", NOW_MS + 1000, 2)])
    heard, report = replayed(start, path, 10, "--format", "protobuf", "--loop", "--speed", "20")
    assert report["ended"] == "interrupted"
    assert report["sent"] >= 10
    found = [VehicleSample.FromString(payload) for _, payload in heard]
    assert [sample.sequence for sample in found] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert {topic.rsplit("/", 2)[1:] == ["user", "telemetry"] for topic, _ in heard} == {True}
    times = [sample.time_ms for sample in found]
    assert times == sorted(times)
    assert times[4] - times[0] == 100, "a second of pause after a second, 20 times as fast"


def test_live_messages_go_out_byte_for_byte_but_for_their_times(start: Start, tmp_path: Path) -> None:
    at = NOW_MS
    alink = b'{"id" : "61","params":{"VehicleSpeed":{"value": 42.5,"time":%d}},"serial":%d}' % (at - 20, at)
    topics = ["/sys/pk/carA/thing/event/property/post", "plant/line1", "/sys/pk/carA/thing/event/property/post"]
    payloads = [alink, b"\x00\xff raw", alink]
    part = Messages(np.array([at, at + 100, at + 200]) * 1_000_000, topics, payloads, [0] * 3, [False] * 3)
    began_ms = time.time_ns() // 1_000_000
    heard, _ = replayed(start, recorded(tmp_path / "live.mcap", [part]), 3)
    assert [topic for topic, _ in heard] == topics
    assert heard[1][1] == b"\x00\xff raw"
    for number, (_, payload) in enumerate((heard[0], heard[2])):
        post = json.loads(payload)
        told = post["params"]["VehicleSpeed"]["time"]
        assert began_ms - 20 <= told - 200 * number <= time.time_ns() // 1_000_000
        kept = alink.replace(b'"time":%d' % (at - 20), b'"time":%d' % told).replace(b'"61"', b'"%d"' % (number + 1))
        assert payload == kept, "a number that is no time stays, though it looks like one"


def test_device_triples_replay_onto_a_platform(start: Start, tmp_path: Path) -> None:
    path = recorded(tmp_path / "drive.mcap", fleet_parts())
    known = tmp_path / "registry.yaml"
    known.write_text(REGISTRY)
    programs: list[Program] = []
    with running_gateway(Platform(load_registry(known))) as gateway:
        port = gateway.ports["mqtt_port"]

        def begin() -> None:
            programs.append(
                start("replay", str(path), "--to", f"mqtt://127.0.0.1:{port}", "--devices", str(known), "-q")
            )

        heard = asyncio.run(listen(port, 6, begin, "backend"))
        status, lines, errors = programs[0].finish()
    assert status == 0, errors
    assert {topic.split("/")[2] + "/" + topic.split("/")[3] for topic, _ in heard} <= {
        "a1realPK001/car1",
        "a1realPK001/car2",
    }
    assert lines[-1]["replayed"]["sent"] == 9


def test_a_cut_recording_is_replayed_as_far_as_it_goes(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "drive.mcap"
    sink = McapWriter(path, Info("a1JinqiaoEV"))
    for part in fleet_parts():
        sink.write(part)
    sink.flush()
    whole = path.stat().st_size
    sink.close()
    path.write_bytes(path.read_bytes()[: whole + 5])
    _, report = replayed(start, path, 9)
    assert report["sent"] == 9
    assert "offset" in report["problems"][0]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("absent.mcap",), 2, "absent.mcap: no such file or folder"),
        (("notes.txt",), 2, "notes.txt: offset 0: found b'just wor', expected"),
        (("empty.mcap",), 2, "found no messages to replay"),
        (("drive.mcap", "--speed", "fast"), 2, "--speed: found 'fast'"),
        (("drive.mcap", "--to", "tcp://h"), 2, "--to: found 'tcp://h'"),
        (("drive.mcap", "--product-key", "a/b"), 2, "--product-key: found 'a/b'"),
        (("drive.mcap", "--to", "mqtt://127.0.0.1:1"), 3, "does not answer"),
        (("drive.mcap", "--devices", "registry.yaml", "--clones", "2"), 2, "--devices: found 2 devices, expected 4"),
    ],
)
def test_wrong_input_is_explained(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], status: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("just words, no recording")
    (tmp_path / "registry.yaml").write_text(REGISTRY)
    recorded(tmp_path / "empty.mcap", [])
    recorded(tmp_path / "drive.mcap", fleet_parts())
    code, _, errors = start("replay", *arguments).finish_text()
    assert code == status, errors
    assert message in errors


def test_names_that_are_no_vins_get_numbers() -> None:
    names = clone_names(np.array([b"car-1", b"tbox"]), 11)
    assert names[:3].tolist() == [b"car-1", b"car-1-01", b"car-1-02"]
    assert len(set(names.tolist())) == 22


def test_clones_of_many_vins_are_all_different() -> None:
    vins = [f"LBVHN380{check}PS{number:06d}" for number in range(40) for check in "0123456789X"]
    known = np.array([vin.encode() for vin in vins if is_valid_vin(vin)])
    names = Identities(known.tolist(), 100).names.tolist()
    assert len(set(names)) == len(names) == 4000
    assert all(is_valid_vin(name.decode()) for name in names)


def test_a_clone_speaks_of_itself() -> None:
    payload = (
        b'{"id":"5","params":{"deviceName":"carA","GeoLocation":{"value":{"Longitude":121.480000,"Latitude":31.2}}}}'
    )
    found = rewritten("/sys/pk/carA/x", payload, later_ms=0, number=9, names=("carA", "carB"), away=(0.01, -0.06))
    told = json.loads(found)
    assert told["id"] == "9"
    assert told["params"]["deviceName"] == "carB"
    assert b'"Longitude":121.490000,"Latitude":31.1}' in found


def test_bytes_and_broken_json_pass_as_they_are() -> None:
    for payload in (b"", b"\x00{", b'{"id":"7",', b"[1,2]", bytes(range(256))):
        found = rewritten("t", payload, later_ms=5, number=7, names=("a", "a"), away=(0.0, 0.0))
        assert found == payload


def test_lateness_keeps_percentiles_in_fixed_memory() -> None:
    late = Lateness()
    assert late.as_json() == {}
    for hundredth in range(100):
        late.add(hundredth / 1000, 10)
    late.add(-1.0, 5)
    assert late.as_json()["max"] == 99.0
    assert late.as_json()["p50"] == pytest.approx(49.5, abs=1)
    assert late.as_json()["p99"] == pytest.approx(98, abs=1.1)


def test_messages_of_devices_keep_their_order(start: Start, tmp_path: Path) -> None:
    path = recorded(tmp_path / "live.parquet", [messages(NOW_MS * 1_000_000, 50)])
    heard, report = replayed(start, path, 50, "--speed", "max")
    assert [topic for topic, _ in heard] == list(messages(0, 50).topics)
    assert "late_ms" not in report

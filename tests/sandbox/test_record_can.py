"""CAN and the labels of faults in a run's recordings and stores: what a listener at the broker heard, and no less."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import can
import pytest

from jinqiao.device.links.fleet import Address
from jinqiao.gateway.recordings.files import open_recording
from jinqiao.gateway.recordings.parts import Messages
from jinqiao.sandbox.recordings.convert import convert
from jinqiao.sandbox.recordings.listener import Listener
from jinqiao.sandbox.run.console import NoTable
from jinqiao.sandbox.run.options import RunOptions
from jinqiao.sandbox.run.running import Running
from jinqiao.sandbox.run.session import Ended, run
from jinqiao.sandbox.sinks import parse_sink
from jinqiao.telemetry.v1.can_pb2 import CanBatch
from support.influx_fake import influx_fake

duckdb = pytest.importorskip("duckdb")
pytestmark = pytest.mark.program

SCENARIO = """\
name: Buses that break
seed: 5
start: 2026-11-23T08:00+08:00
duration: 40 s
fleets:
  - name: instrumented
    count: 3
    models: {bmw-i4-edrive40-2022: 1}
    agenda: {cycle: WLTC}
    initial_soc: 0.8
    telemetry: {can: {vehicles: 2}}
faults:
  - {at: 5 s, on: all, fault: can_missing_message, message: BatteryPack, for: 10 s}
  - {at: 8 s, on: any, fault: can_error_frames, rate: 20, for: 5 s}
  - {at: 20 s, on: instrumented, fault: dtc, code: P0A80}
"""
#: By topic: the payloads in their order.
Heard = dict[str, list[bytes]]


def by_topic(*parts: Messages) -> Heard:
    found: Heard = {}
    for part in parts:
        for topic, payload in zip(part.topics, part.payloads, strict=True):
            found.setdefault(topic, []).append(payload)
    return found


async def recorded(folder: Path, *sinks: str) -> tuple[Ended, Heard]:
    """Run the scenario into these sinks with a listener at its broker; what that heard of CAN and labels."""
    scenario = folder / "buses.yaml"
    scenario.write_text(SCENARIO)
    options = RunOptions(scenario=scenario, speed=None, mqtt_port=0, sinks=tuple(parse_sink(sink) for sink in sinks))
    listeners: list[Listener] = []
    heard: list[Messages] = []

    async def ready(running: Running) -> None:
        assert running.gateway is not None
        address = Address("127.0.0.1", running.gateway.mqtt_port)
        filters = ["/+/+/user/can", "/sys/+/+/thing/model/up_raw", "/+/+/user/label"]
        listeners.append(Listener(address, options.app_user, options.app_password, filters))
        await listeners[0].open()

    async def settled(running: Running) -> None:
        async with asyncio.timeout(10):
            wanted = sum(running.summary.published[kind] for kind in ("can_batch", "label"))
            while sum(map(len, heard)) < wanted:
                heard.append(listeners[0].take())
                await asyncio.sleep(0.01)
        await listeners[0].close()

    ended = await run(options, NoTable(), ready, settled)
    assert ended.fault is None
    return ended, by_topic(*heard)


@pytest.mark.asyncio
async def test_a_recording_has_the_can_and_the_labels_that_a_listener_hears(tmp_path: Path) -> None:
    mcap, parquet = tmp_path / "run.mcap", tmp_path / "run.parquet"
    ended, heard = await recorded(tmp_path, f"record:{mcap}", f"record:{parquet}", "null")
    published = ended.summary.published
    for path in (mcap, parquet):
        source = open_recording(path)
        messages = [part for part in source.parts() if isinstance(part, Messages)]
        assert by_topic(*messages) == heard
        assert source.problems == []
        report = ended.summary.sinks[f"recording {path.name}"]
        assert report["messages"] == published["can_batch"] + published["label"] == sum(map(len, messages))
        assert "lost" not in report
        assert report["samples"] == published["property_post"]
    assert Counter(topic.rsplit("/", 1)[1] for topic in heard) == {"can": 2, "up_raw": 2, "label": 3}
    counted = ended.summary.sinks["null"]
    assert (counted["labels"], counted["can"]) == (published["label"], published["can_batch"] // 2)


@pytest.mark.asyncio
async def test_a_log_converted_from_a_recording_has_the_frames_that_were_published(tmp_path: Path) -> None:
    _, heard = await recorded(tmp_path, f"record:{tmp_path / 'run.mcap'}")
    published = Counter(
        (batch.start_ms * 1000 + later_us, number, batch.data[8 * at : 8 * at + batch.length[at]])
        for topic, payloads in heard.items()
        if topic.endswith("/user/can")
        for batch in map(CanBatch.FromString, payloads)
        for at, (later_us, number) in enumerate(zip(batch.offset_us, batch.id, strict=True))
    )
    found = await asyncio.to_thread(convert, tmp_path / "run.mcap", tmp_path / "run.log")
    assert found["converted"] == {"can_frames": published.total()}
    assert published.total() > 10_000
    with can.CanutilsLogReader(tmp_path / "run.log") as log:
        frames = Counter((round(frame.timestamp * 1e6), frame.arbitration_id, bytes(frame.data)) for frame in log)
    assert frames == published


@pytest.mark.asyncio
async def test_stores_keep_the_labels(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with influx_fake() as fake:
        ended, heard = await recorded(tmp_path, f"parquet:{out}", f"influx:{fake.url}?token=t")
    labels: list[dict[str, Any]] = [
        json.loads(payload) for topic, said in heard.items() if topic.endswith("/label") for payload in said
    ]
    expected = Counter(
        (label["time"], label["vehicle"], label["fault"], label["phase"], json.dumps(label["parameters"]))
        for label in labels
    )
    rows = duckdb.sql(
        f"SELECT epoch_ms(time), vehicle, fault, phase, parameters FROM '{out}/labels-*.parquet'"
    ).fetchall()
    assert Counter((*row[:4], json.dumps(json.loads(row[4]))) for row in rows) == expected
    points = [line for line in fake.lines if line.startswith("label,")]
    assert len(points) == len(labels) == 2 * 2 + 2 + 3
    assert any(
        line.startswith("label,fault=dtc,fleet=")
        and ",phase=once,product=a1JinqiaoEV,vehicle=" in line
        and 'count=1i,code="P0A80" ' in line
        for line in points
    )
    for name in ("parquet", "influx"):
        report = ended.summary.sinks[name]
        rest = sum(ended.summary.published[kind] for kind in ("property_post", "event_post"))
        assert (report["written"], report["dropped"], report["lost"]) == (rest + len(labels), 0, 0)

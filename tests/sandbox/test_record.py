"""`jinqiao run --record` and `jinqiao record`, as a user has them: files, ends, wrong input."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiomqtt
import orjson
import pytest
from mcap.reader import make_reader

from jinqiao.gateway.recordings.files import open_recording
from support.gateway import running_gateway
from support.programs import Program
from support.recordings import flat

Start = Callable[..., Program]


def test_a_run_is_recorded_as_it_was_published(start: Start, scenarios: Path, tmp_path: Path) -> None:
    """The same numbers, times and values as the posts on the wire."""
    mcap, parquet, live = tmp_path / "run.mcap", tmp_path / "run.parquet", tmp_path / "live.mcap"
    program = start(
        *("run", str(scenarios / "two-cars.yaml"), "--mqtt-port", "0", "--for", "100s", "--speed", "10", "-q"),
        *("--record", str(mcap), "--record", str(parquet), "--app-password", "pw"),
    )
    listener = start("record", str(live), "--from", f"mqtt://app:pw@127.0.0.1:{program.ready['mqtt_port']}")
    assert listener.ready == {"file": str(live)}
    status, lines, errors = program.finish()
    assert status == 0, errors
    outlets = lines[-1]["summary"]["outlets"]
    listener.interrupt()
    status, told, errors = listener.finish()
    assert status == 0, errors

    ours, theirs = open_recording(mcap), open_recording(parquet)
    rows = flat(ours.parts())
    assert flat(theirs.parts()) == rows
    assert ours.problems == theirs.problems == []
    fleets = orjson.loads(ours.info.more["fleets"])
    assert {fleet: list(models) for fleet, models in fleets.items()} == {
        "dynamometer": ["bmw-i4-edrive40-2022"],
        "commuters": ["bmw-i3-edrive35l-2022"],
    }
    assert {name for models in fleets.values() for own in models.values() for name in own} == {
        name.decode() for _, name, _, _ in rows["core"]
    }
    assert theirs.info.more["fleets"] == ours.info.more["fleets"]
    assert outlets["recording run.mcap"] == outlets["recording run.parquet"]
    assert outlets["recording run.mcap"]["samples"] == len(rows["core"]) + len(rows["detail"]) > 40
    with mcap.open("rb") as file:
        assert len(list(make_reader(file, validate_crcs=True).iter_messages("/telemetry/core"))) == len(rows["core"])

    heard = flat(open_recording(live).parts())["messages"]
    assert told[-1]["recorded"]["messages"] == len(heard) > 10
    known = {(name.decode(), number): (at, values) for at, name, number, values in rows["core"]}
    compared = 0
    for _, topic, payload, _, _ in heard:
        post = orjson.loads(payload)
        if "VehicleSpeed" in post["params"]:
            at, values = known[topic.split("/")[3], int(post["id"])]
            assert post["params"]["VehicleSpeed"]["time"] == at
            assert post["params"]["VehicleSpeed"]["value"] == pytest.approx(values["speed"], abs=1e-5)
            assert post["params"]["GeoLocation"]["value"]["Longitude"] == values["longitude"]
            compared += 1
    assert compared > 10


@pytest.mark.program
def test_a_full_disk_ends_the_recording_and_not_the_run(scenarios: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.mcap"
    command = f"ulimit -f 1400; exec {shlex.quote(sys.executable)} -m jinqiao.sandbox.entry run"
    command += f" {scenarios / 'jinqiao-morning.yaml'} --for 150s --speed max -q --vehicles 4000"
    command += f" --mqtt-port 0 --http-port 0 --record {path}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert f"recording stopped: {path} cannot be written any more: File too large" in done.stderr
    summary = orjson.loads(done.stdout.splitlines()[-1])["summary"]
    outlet = summary["outlets"]["recording run.mcap"]
    assert outlet["lost"] > 0
    rows = {kind: len(found) for kind, found in flat(open_recording(path).parts()).items()}
    assert 0 < sum(rows.values()) == outlet["samples"] + outlet.get("events", 0)
    assert sum(rows.values()) + outlet["lost"] == summary["messages"]


async def publish(port: int, messages: list[tuple[str, bytes]]) -> None:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        for topic, payload in messages:
            await client.publish(topic, payload, qos=1)


def test_payloads_are_kept_as_they_came(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "live.mcap"
    sent = [("plant/line1", bytes(range(256))), ("plant/line2", b""), ("plant/line1", b'{"a": 1.0}\n')]
    with running_gateway(platform()) as gateway:
        port = gateway.ports["mqtt_port"]
        listener = start("record", str(path), "--from", f"mqtt://127.0.0.1:{port}", "--topic", "plant/#", "-n", "3")
        assert listener.ready
        asyncio.run(publish(port, sent))
        status, lines, errors = listener.finish()
    assert status == 0, errors
    assert lines == [
        {"recorded": {"file": str(path), "messages": 3, "lost_connections": 0, "overflowed": 0, "refused_filters": []}}
    ]
    rows = flat(open_recording(path).parts())["messages"]
    assert [(topic, payload) for _, topic, payload, _, _ in rows] == sent


def platform() -> Any:
    from jinqiao.gateway.platform.platform import Platform
    from support.gateway import registry

    return Platform(registry(anonymous=True))


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("drive.mpac",), 2, "found the ending '.mpac' (did you mean '.mcap'?)"),
        (("drive.mcap", "--from", "127.0.0.1:1883"), 2, "--from: found '127.0.0.1:1883', expected mqtt://"),
        (("drive.mcap", "--from", "mqtt://127.0.0.1:1"), 3, "the broker at 127.0.0.1:1 does not answer"),
        (("drive.mcap", "--for", "5 parsecs"), 2, "--for: "),
        (("drive.mcap", "--topic", "a/#/b"), 2, "--topic: topic filter 'a/#/b': # must be the last level"),
        (("drive.parquet", "--from", "mqtt://127.0.0.1:1"), 3, "the broker at 127.0.0.1:1 does not answer"),
    ],
)
def test_wrong_input_is_explained(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], status: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, errors = start("record", *arguments).finish_text()
    assert code == status
    assert message in errors
    assert not list(tmp_path.iterdir())  # nothing is left that would refuse the next attempt

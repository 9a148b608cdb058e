"""The other commands: serve, watch, catalog, bench."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.signals import SIGNALS
from jinqiao.gateway import front as front_module
from jinqiao.gateway.config import Ports
from jinqiao.gateway.front import Front
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.sandbox.cli import app
from jinqiao.vehicles.can.database import MESSAGES
from support.programs import JINQIAO, Program

Start = Callable[..., Program]

REGISTRY = """\
products:
  - product_key: a1carPK0001
    name: T-Box
    devices:
      - {device_name: tbox001, device_secret: secret0123456789abcdef}
applications:
  - {username: backend, password: change-me, products: [a1carPK0001]}
"""


def test_the_catalogue_is_listed_and_shown(start: Start) -> None:
    code, lines, _ = start("catalog", "list", "--json").finish()
    assert code == 0
    ids = {row["id"] for row in lines[0]}  # type: ignore[index]
    assert {"bmw-i3-edrive35l-2022", "bmw-ix3-2021", "bmw-i4-edrive40-2022", "bmw-i7-xdrive60-2023"} <= ids
    narrow = {**os.environ, "COLUMNS": "60", "FORCE_COLOR": "1"}  # as on a small terminal
    shown = subprocess.run(
        [*JINQIAO, "catalog", "list"], capture_output=True, text=True, timeout=30, env=narrow, check=True
    )
    assert all(f" {vehicle_id} " in shown.stdout for vehicle_id in ids)
    code, lines, _ = start("catalog", "show", "bmw-i4-edrive40-2022", "--json").finish()
    assert code == 0
    assert lines[0]["battery"]["net_kwh"] == 80.7


def test_a_device_posts_to_a_served_registry_and_is_answered(start: Start, tmp_path: Path) -> None:
    registry = tmp_path / "registry.yaml"
    registry.write_text(REGISTRY)
    program = start("serve", "--registry", str(registry), "--mqtt-port", "0", "--http-port", "0")
    port = program.ready["mqtt_port"]
    # The password is the vector of alibaba-iot-platform.md, appendix B (npm SDK 1.2.8).
    device = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id="a1carPK0001&tbox001|securemode=3,signmethod=hmacsha1,timestamp=1795333543958,lan=NodeJS,_v=1.2.8|",
    )
    device.username_pw_set("tbox001&a1carPK0001", "6cc7a97ef8092300f632ec473c6907af8ca1ec48")
    topic = "/sys/a1carPK0001/tbox001/thing/event/property/post"
    heard: list[dict[str, object]] = []
    device.on_message = lambda *arguments: heard.append(json.loads(arguments[-1].payload))
    device.on_connect = lambda client, *_: client.subscribe(f"{topic}_reply")
    device.on_subscribe = lambda client, *_: client.publish(
        topic, json.dumps({"id": "7", "version": "1.0", "params": {"VehicleSpeed": 42.5, "Nonsense": 1}})
    )
    device.connect("127.0.0.1", port, keepalive=60)
    for _ in range(100):
        device.loop(0.05)
        if heard:
            break
    device.disconnect()
    device.loop(0.05)
    assert heard[0]["code"] == 200
    assert heard[0]["id"] == "7"
    assert heard[0]["data"] == {"Nonsense": "tsl parse: params not exist"}
    program.interrupt()
    code, _, told = program.finish()
    assert code == 0
    assert "served 1 messages" in told


def test_serve_names_the_port_that_is_taken(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, errors = start("serve", "--plain-mqtt", "--mqtt-port", str(port), "--http-port", "0").finish()
    assert code == 3
    assert str(port) in errors
    assert "--mqtt-port" in errors


def test_serve_names_the_http_port_that_is_taken(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ("serve", "--plain-mqtt", "--mqtt-port", "0", "--http-port", str(port))
        code, _, errors = start(*arguments).finish()
    assert code == 3
    assert str(port) in errors
    assert "--http-port" in errors


def test_a_run_shows_its_metrics(start: Start, scenarios: Path) -> None:
    program = start("run", str(scenarios / "two-cars.yaml"), "--mqtt-port", "0", "--for", "30s", "-q")
    port = program.ready["http_port"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        assert b"jinqiao_connections 1.0" in answer.read()
    program.interrupt()
    assert program.finish()[0] == 130


def test_a_broken_registry_is_explained(start: Start, tmp_path: Path) -> None:
    registry = tmp_path / "registry.yaml"
    registry.write_text(REGISTRY.replace("device_secret", "device_secrte"))
    code, _, errors = start("serve", "--registry", str(registry), "--mqtt-port", "0", "--http-port", "0").finish()
    assert code == 2
    assert "registry.yaml:5:" in errors
    assert "device_secret" in errors


def test_watch_follows_a_run(start: Start, scenarios: Path) -> None:
    run = start("run", str(scenarios / "two-cars.yaml"), "--mqtt-port", "0", "--for", "20s", "-q")
    ready = run.ready
    watch = [*JINQIAO, "watch", "--mqtt-port", str(ready["mqtt_port"]), "--password", ready["app_password"]]
    told = subprocess.run([*watch, "-n", "2", "--raw"], capture_output=True, text=True, timeout=30, check=True).stdout
    posts = [json.loads(line) for line in told.splitlines()]
    assert len(posts) == 2
    assert all(post["topic"].startswith(f"/sys/{ready['product_key']}/") for post in posts)
    refused = subprocess.run([*watch[:-1], "wrong"], capture_output=True, text=True, timeout=30, check=False)
    assert refused.returncode == 3
    assert "user" in refused.stderr
    run.interrupt()
    assert run.finish()[0] == 130


def test_bench_render_prints_one_json_object(start: Start) -> None:
    code, lines, _ = start("bench", "render", "--vehicles", "500", "--seconds", "0.1", "--json").finish()
    assert code == 0
    (found,) = lines
    assert found["vehicles"] == 500
    assert found["timed_properties"] == len({signal.identifier.split(".")[0] for signal in SIGNALS.group("core")})
    assert found["ratio"] == pytest.approx(found["posts_per_s"] / found["orjson_posts_per_s"], rel=0.01)
    assert set(found["machine"]) == {"cpu", "cores", "system", "python", "date"}


def test_bench_stores_writes_and_renders(start: Start) -> None:
    code, lines, errors = start("bench", "stores", "--vehicles", "2000", "--seconds", "0.2", "--json").finish()
    assert code == 0, errors
    (found,) = lines
    parquet, influx = found["parquet"], found["influx"]
    assert parquet["written"] == parquet["taken"] >= 2000
    assert parquet["dropped"] == 0
    assert parquet["files"] >= 1
    assert found["signals"] == len(SIGNALS.group("core"))
    rates = influx["points_per_s"] / influx["influxdb_client_points_per_s"]
    assert influx["ratio"] == pytest.approx(rates, rel=0.01, abs=0.051)
    # A line has every signal's name and a value, the measurement, two tags and the time.
    assert influx["bytes_per_point"] > sum(len(signal.name) + 3 for signal in SIGNALS.group("core"))


def test_bench_can_packs_what_cantools_does() -> None:
    done = CliRunner().invoke(app, ["bench", "can", "--vehicles", "3", "--seconds", "0.1", "--json"])
    found = json.loads(done.stdout)  # other bytes than cantools' would have ended it
    assert found["messages"] == sum(message.protected for message in MESSAGES.values())
    assert found["whole_buses"]["frames"] == 3 * sum(message.per_second for message in MESSAGES.values())
    assert found["ratio"] == pytest.approx(found["frames_per_s"] / found["cantools_frames_per_s"], rel=0.01)


def test_bench_end_to_end_delivers_everything(start: Start) -> None:
    arguments = ["bench", "end-to-end", "--vehicles", "300", "--seconds", "5", "--peer-seconds", "1", "--json"]
    code, lines, errors = start(*arguments).finish(100)
    assert code == 0, errors
    found = lines[0]
    for part in ("real_time", "flat_out"):
        assert found[part]["received"] == found[part]["posts"] > 0
        assert set(found[part]["cpu_s"]) == {"simulator", "gateway", "subscriber"}
    assert found["paho"]["received"] == found["paho"]["sent"] > 0


def test_bench_broker_delivers_everything(start: Start) -> None:
    arguments = ["bench", "broker", "--seconds", "0.2", "--rounds", "1", "--publishers", "50", "--json"]
    code, lines, errors = start(*arguments).finish(110)
    assert code == 0, errors
    for load in ("flood_qos0", "flood_qos1", "flood_qos0_permissions", "flood_qos1_permissions", "fan_out"):
        assert lines[0][load]["jinqiao"]["delivered"] == 1.0, load


def test_bench_connections_logs_everybody_in(start: Start) -> None:
    arguments = ["bench", "connections", "--connections", "200", "--publishing", "100"]
    arguments += ["--seconds", "0.5", "--rounds", "1", "--json"]
    code, lines, errors = start(*arguments).finish(60)
    assert code == 0, errors
    assert lines[0]["idle"]["online"] == 200
    assert lines[0]["publishing"]["jinqiao"]["all_delivered"] is True


def test_bench_posts_matches_every_reply(start: Start) -> None:
    arguments = ["bench", "posts", "--connections", "50", "--seconds", "0.3", "--json"]
    code, lines, errors = start(*arguments).finish(60)
    assert code == 0, errors
    assert lines[0]["properties"] == 10
    for form in ("bare", "timed"):
        found = lines[0][form]
        assert found["sent"] == found["replied"] >= 50
        assert found["refused"] == 0


@pytest.mark.program
def test_the_module_runs_like_the_program() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "jinqiao.sandbox.entry", "--help"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "jinqiao run scenarios/jinqiao-morning.yaml" in told.stdout


def test_an_http_port_nobody_asked_for_gives_way_and_one_that_was_asked_for_is_named(tmp_path: Path) -> None:
    async def both() -> tuple[int, str]:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(front_module, "USUAL_HTTP_PORT", port)
                usual = Front(Platform(Registry()))
                found = await usual.start(Ports(mqtt=0, http_usual=True, certs=tmp_path))
                await usual.close()
            asked = Front(Platform(Registry()))
            with pytest.raises(EnvironmentFault) as fault:
                await asked.start(Ports(mqtt=0, http=port, certs=tmp_path))
            assert found["http_port"] != port
            return port, str(fault.value)

    port, told = asyncio.run(both())
    assert str(port) in told
    assert "--http-port" in told

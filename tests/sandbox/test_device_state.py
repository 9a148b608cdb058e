"""What commands show of a device while a server runs: who is online, last values, shadow, and the log as it grows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from jinqiao.gateway.platform.devices.device_log import LogEntry
from jinqiao.sandbox.cli import app
from jinqiao.sandbox.commands.inspection import added
from support.programs import Program

Start = Callable[..., Program]
PK = "a1carPK0001"


def jinqiao(*arguments: str | Path) -> str:
    return CliRunner(env={"COLUMNS": "140"}).invoke(app, [*map(str, arguments)], catch_exceptions=False).stdout


def reported(*arguments: str | Path) -> Any:
    return json.loads(jinqiao(*arguments, "--json"))


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    jinqiao("product", "add", "--data", data, "--name", "T-Box", "--key", PK)
    for name in ("one", "two"):
        jinqiao("device", "add", PK, name, "--data", data)
    return data


def device(port: int, data: Path, name: str) -> paho.Client:
    credentials = reported("device", "show", PK, name, "--data", data)
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=credentials["client_id"])
    client.username_pw_set(credentials["username"], credentials["password"])
    client.connect("127.0.0.1", port, keepalive=60)
    client.loop_start()
    return client


def online(data: Path) -> dict[str, bool]:
    return {row["device_name"]: row["online"] for row in reported("device", "list", PK, "--data", data)}


def test_last_values_and_shadow_are_shown_and_who_is_online_while_a_server_runs(start: Start, tmp_path: Path) -> None:
    data = folder(tmp_path)
    show = ("device", "show", PK, "one", "--data", data, "--values")
    fresh = reported(*show)
    assert (fresh["online"], fresh["since_ms"], fresh["values"], fresh["shadow"]) == (False, 0, {}, None)
    assert "online: never" in jinqiao(*show)

    server = start("serve", "--data", str(data), "--mqtt-port", "0")
    port = server.ready["mqtt_port"]
    one, two = device(port, data, "one"), device(port, data, "two")
    system = f"/sys/{PK}/one/thing"
    values = {"VehicleSpeed": {"value": 42.5, "time": 1_795_388_461_000}, "Odometer": 7.0}
    one.publish(f"{system}/event/property/post", json.dumps({"id": "1", "params": values}), 1)
    tags = [{"attrKey": "colour", "attrValue": "red"}]
    one.publish(f"{system}/deviceinfo/update", json.dumps({"id": "2", "version": "1.0", "params": tags}), 1)
    one.publish(f"/ota/device/inform/{PK}/one", json.dumps({"id": "3", "params": {"version": "1.2"}}), 1)
    shadow = {"method": "update", "state": {"reported": {"door": "open"}}, "version": 5}
    one.publish(f"/shadow/update/{PK}/one", json.dumps(shadow), 1)
    until(lambda: reported(*show)["values"] and reported(*show)["shadow"] and online(data)["two"])

    known = reported(*show)
    assert known["values"]["VehicleSpeed"] == {"value": 42.5, "time_ms": 1_795_388_461_000}
    assert known["tags"] == {"colour": "red"}
    assert known["versions"] == {"default": "1.2"}
    assert known["shadow"] == {"version": 5, "reported": {"door": "open"}, "desired": {}}
    assert (known["online"], known["address"]) == (True, "127.0.0.1")
    shown = jinqiao(*show)
    assert "online: since 20" in shown
    assert '"door": "open"' in shown
    (speed,) = [line.split() for line in shown.splitlines() if "VehicleSpeed" in line]
    assert speed == ["VehicleSpeed", "42.5", "2026-11-22", "23:01:01+00:00"]

    two.disconnect()
    two.loop_stop()
    until(lambda: not online(data)["two"])
    assert online(data)["one"]
    server.process.kill()
    server.finish()
    assert not online(data)["one"], "nobody is online where nobody serves"
    again = start("serve", "--data", str(data), "--mqtt-port", "0")
    assert again.ready
    one.loop_stop()
    assert not online(data)["one"], "what a killed server left behind is put right"
    assert "no, until 20" in jinqiao("device", "list", PK, "--data", data)


def test_a_log_is_followed_until_ctrl_c(start: Start, tmp_path: Path) -> None:
    data = folder(tmp_path)
    port = start("serve", "--data", str(data), "--mqtt-port", "0").ready["mqtt_port"]
    one = device(port, data, "one")
    one.publish("/first", "x", 1)
    until(lambda: jinqiao("log", "--data", data))
    following = start("log", "--data", str(data), "--follow", "--json")
    assert following.line()["topic"] == "/first"
    for topic in ("/second", "/third"):
        one.publish(topic, "x", 1)
        assert following.line()["topic"] == topic
    following.interrupt()
    assert following.finish() == (0, [], "")
    one.loop_stop()


def entry(number: int) -> LogEntry:
    return LogEntry(number // 2, PK, "one", "/t", 9236, "no")


def test_what_a_log_has_more_is_found_though_old_entries_made_room() -> None:
    whole = [entry(number) for number in range(40)]
    for known, now, more in ((whole[:5], whole[:5], 0), (whole[:5], whole[:8], 3), (whole[:5], whole[3:8], 3)):
        assert list(added(known, now)) == now[len(now) - more :]
    assert list(added(whole[:5], whole[20:25])) == whole[20:25]
    assert list(added([], whole[:2])) == whole[:2]


def test_a_long_name_takes_two_lines_of_a_list_at_most_and_is_no_markup(tmp_path: Path) -> None:
    def narrow(*arguments: str) -> str:
        return CliRunner(env={"COLUMNS": "80"}).invoke(app, [*arguments, "--data", str(tmp_path / "data")]).stdout

    narrow("product", "add", "--name", "[red]金" * 300, "--key", "a1carPK0009")
    device_name = "tbox-" + "0" * 26 + "1"
    narrow("device", "add", "a1carPK0009", device_name, "--nickname", "k" * 32)
    products = narrow("product", "list")
    assert len(products.splitlines()) == 3
    assert "[red]金[red]" in products
    assert "…" in products
    devices = narrow("device", "list", "a1carPK0009")
    assert "…" not in devices, "the whole of an identity is shown"
    assert devices.count("0") == 26

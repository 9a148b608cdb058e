"""What `jinqiao serve` shows: lines with `-v`, a table on a terminal."""

from __future__ import annotations

import io
import logging
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console

from jinqiao.gateway.platform.events import PropertiesAccepted
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.devices import ListedDevices
from jinqiao.gateway.platform.registry.registry import Product, Registry
from jinqiao.sandbox.serve_view import DeviceTable, log_devices
from jinqiao.wire.alink.ev_thing_model import ev_thing_model
from support.programs import JINQIAO, Program

PK = "a1carPK0001"
REGISTRY = Path(__file__).parent.parent / "golden" / "acceptance" / "registry.yaml"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def platform() -> Platform:
    names = {f"d{number}": "s" for number in range(3)}
    return Platform(Registry([Product(PK, "T-Box", ev_thing_model(PK), ListedDevices(names))]))


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "jinqiao.serve"]


def refuse(platform: Platform, device_name: str, message: str = "device disabled") -> None:
    platform.log.record(PK, device_name, "CONNECT", 6204, message)


def connect(platform: Platform, name: str, address: str = "10.0.0.1:5000") -> None:
    device = platform.registry.device(PK, name)
    assert device is not None
    platform.parts.presence.terminal_connected(device, address)


def leave(platform: Platform, name: str) -> None:
    device = platform.registry.device(PK, name)
    assert device is not None
    platform.parts.presence.terminal_disconnected(device)


def test_refusals_are_written_quoted_and_not_without_end(platform: Platform, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    log_devices(platform.events, clock)
    with caplog.at_level(logging.INFO, "jinqiao.serve"):
        refuse(platform, "d1\x1b[2J\n", "a\nb")
        for _ in range(250):
            refuse(platform, "d1")
        clock.now += 11
        refuse(platform, "d2")
    found = lines(caplog)
    assert found[0] == f"refused  '{PK}/d1\\x1b[2J\\n' 'CONNECT': 6204 'a\\nb'"
    assert len(found) == 100 + 2
    assert found[-2:] == ["151 more refusals were left out", f"refused  '{PK}/d2' 'CONNECT': 6204 'device disabled'"]


def test_the_table_shows_the_latest_active_first_and_nothing_of_strangers(platform: Platform) -> None:
    clock = Clock()
    table = DeviceTable(platform.registry, platform.events, clock)
    refuse(platform, "d1")
    refuse(platform, "nobody")
    refuse(platform, "d2", "\x1b[2J")

    def drawn(rows: int) -> str:
        file = io.StringIO()
        Console(file=file, width=140, color_system=None).print(table.draw(rows))
        return file.getvalue()

    shown = drawn(10)
    assert [line.split()[0] for line in shown.splitlines()[1:3]] == [f"{PK}/d2", f"{PK}/d1"]
    assert "nobody" not in shown
    assert "\x1b" not in shown
    assert "0 of 3 devices online" in shown
    assert f"{PK}/d1" not in drawn(1)
    connect(platform, "d0")
    device = platform.registry.device(PK, "d0")
    platform.events.emit(PropertiesAccepted, device, {}, {}, 0)
    clock.now += 7
    first = drawn(10).splitlines()[1].split()
    assert first == [f"{PK}/d0", "online", "10.0.0.1:5000", "1", "0", "7", "s", "ago"]
    assert "1 of 3 devices online" in drawn(10)
    leave(platform, "d0")
    assert "0 of 3 devices online" in drawn(10)


class Login(paho.Client):
    """A connection that notes whether it was refused."""

    failed = False


def log_in(port: int, credentials: tuple[str, str, str]) -> Login:
    client_id, user, password = credentials
    client = Login(CallbackAPIVersion.VERSION2, client_id=client_id)

    def connected(client: Login, *answer: Any) -> None:
        client.failed = answer[2].is_failure

    client.on_connect = connected  # type: ignore[assignment]
    client.username_pw_set(user, password)
    client.connect("127.0.0.1", port, keepalive=60)
    client.loop_start()
    return client


#: The vector of alibaba-iot-platform.md, appendix B (npm SDK 1.2.8).
TBOX = (
    "a1carPK0001&tbox001|securemode=3,signmethod=hmacsha1,timestamp=1795333543958,lan=NodeJS,_v=1.2.8|",
    "tbox001&a1carPK0001",
    "6cc7a97ef8092300f632ec473c6907af8ca1ec48",
)


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_verbose_writes_a_line_for_login_refusal_and_logout(start: Callable[..., Program]) -> None:
    program = start("serve", "--registry", str(REGISTRY), "--mqtt-port", "0", "-v")
    port = program.ready["mqtt_port"]
    device = log_in(port, TBOX)
    until(device.is_connected)
    device.publish("/not/mine", "x", qos=1).wait_for_publish(10)
    device.disconnect()
    device.loop_stop()
    stranger = log_in(port, (*TBOX[:2], "wrong"))
    until(lambda: stranger.failed)
    stranger.loop_stop()
    program.interrupt()
    shown = program.finish()[2]
    told = [line.partition(" INFO ")[2] for line in shown.splitlines() if " INFO " in line]
    assert [line.split()[0] for line in told] == ["online", "refused", "offline", "refused"]
    assert told[0].startswith(f"online   {PK}/tbox001 from 127.0.0.1")
    assert told[1] == f"refused  '{PK}/tbox001' '/not/mine': 9236 'topic authorization failed'"
    assert told[3] == f"refused  '{PK}/tbox001' 'CONNECT': 6287 'wrong password'"


@pytest.mark.program
def test_a_terminal_gets_the_table_and_is_left_clean() -> None:
    screen, terminal = pty.openpty()
    try:
        command = [*JINQIAO, "serve", "--registry", str(REGISTRY), "--mqtt-port", "0", "--http-port", "0"]
        program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=terminal)
        shown = b""
        while b"devices online" not in shown:
            assert select.select([screen], [], [], 30)[0], shown
            shown += os.read(screen, 65_536)
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=30)
        assert program.returncode == 0
        while select.select([screen], [], [], 0.5)[0]:
            shown += os.read(screen, 65_536)
    finally:
        os.close(screen)
        os.close(terminal)
    assert b"last refusal" in shown
    assert shown.rstrip().splitlines()[-1].endswith(b"\x1b[2Kserved 0 messages, 0 delivered"), "the table is gone"

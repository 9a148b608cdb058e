"""A fleet that speaks protobuf, beside one that speaks Alink, as a stock MQTT client hears them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from jinqiao.telemetry.v1.telemetry_pb2 import Group, VehicleEvent, VehicleSample
from support.programs import Program

Start = Callable[..., Program]


async def hear(ready: dict[str, Any], until: int) -> list[tuple[str, bytes]]:
    """What an application gets until it has `until` protobuf messages."""
    heard: list[tuple[str, bytes]] = []
    async with (
        asyncio.timeout(60),
        aiomqtt.Client("127.0.0.1", ready["mqtt_port"], username="app", password=ready["app_password"]) as client,
    ):
        await client.subscribe(f"/{ready['product_key']}/+/user/#")
        await client.subscribe(f"/sys/{ready['product_key']}/+/thing/event/#")
        async for message in client.messages:
            heard.append((str(message.topic), bytes(message.payload)))
            if sum("/user/" in topic for topic, _ in heard) == until:
                break
    return heard


def test_each_fleet_speaks_its_form(start: Start, scenarios: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "mixed.yaml"
    text = (scenarios / "two-cars.yaml").read_text()
    first, second = text.split("  - name: commuters")
    scenario.write_text(
        first.replace("parked: 1 min}", "parked: 1 min, format: protobuf}") + "  - name: commuters" + second
    )
    program = start("run", str(scenario), "--mqtt-port", "0", "--for", "90s", "--speed", "10", "-q")
    heard = asyncio.run(hear(program.ready, 30))
    program.interrupt()
    status, lines, errors = program.finish()
    assert status == 130, errors
    published = lines[-1]["summary"]["published"]
    assert published["protobuf_sample"] >= 30
    assert published["property_post"] >= 1

    alink = {topic.split("/")[3] for topic, _ in heard if topic.startswith("/sys/")}
    devices = {topic.split("/")[2] for topic, _ in heard if "/user/" in topic}
    assert len(devices) == 1
    assert not devices & alink
    samples = [VehicleSample.FromString(payload) for topic, payload in heard if topic.endswith("/user/telemetry")]
    events = [VehicleEvent.FromString(payload) for topic, payload in heard if topic.endswith("/user/events")]
    assert {message.device_name for message in (*samples, *events)} == devices
    numbers = sorted(message.sequence for message in (*samples, *events))
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    core = [sample for sample in samples if sample.group == Group.GROUP_CORE]
    assert len(core) > 15
    for sample in core:
        assert sample.HasField("gear")
        assert not sample.HasField("soc_true"), "no cloud sees it"
        assert sample.pack_voltage * sample.pack_current / 1000 == pytest.approx(sample.pack_power, abs=0.3)


def test_a_wrong_format_is_named(start: Start, scenarios: Path, tmp_path: Path) -> None:
    scenario = tmp_path / "wrong.yaml"
    text = (scenarios / "two-cars.yaml").read_text()
    scenario.write_text(text.replace("parked: 1 min}", "parked: 1 min, format: protobuff}", 1))
    status, _, errors = start("validate", str(scenario)).finish_text()
    assert status == 2
    assert "fleets.0.telemetry.format: found 'protobuff', expected 'alink' or 'protobuf'" in errors

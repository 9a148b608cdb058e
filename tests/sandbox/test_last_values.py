"""The cloud side of a running fleet knows the newest value of every property that its vehicles post."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from jinqiao.base.signals import GROUPS, SIGNALS, by_property
from jinqiao.sandbox.product import PRODUCT_KEY
from jinqiao.sandbox.run.console import NoTable
from jinqiao.sandbox.run.options import RunOptions
from jinqiao.sandbox.run.running import Running
from jinqiao.sandbox.run.session import run
from support.back_end import BackEnd
from support.openapi import Caller

pytestmark = pytest.mark.program

#: Two that drive without end, and post one group every second and the other seldom.
SCENARIO = """\
name: last values
start: 2026-11-23T03:00+08:00
duration: 40 s
place: jinqiao
weather: {ambient: 10 degC}
fleets:
  - {name: drivers, count: 2, models: {bmw-i4-edrive40-2022: 1}, agenda: {cycle: US06}, initial_soc: 0.8,
     telemetry: {driving: 1 s, charging: 10 s, parked: 1 min, detail: 7 s}}
charging_stations: []
"""


@pytest.mark.asyncio
async def test_a_vehicles_status_has_both_telemetry_groups_with_the_newest_values(tmp_path: Path) -> None:
    scenario = tmp_path / "values.yaml"
    scenario.write_text(SCENARIO, encoding="utf-8")
    options = RunOptions(scenario=scenario, seed=4, speed=20.0, mqtt_port=0, http_port=0)
    known: dict[str, Any] = {}

    async def ready(running: Running) -> None:
        assert running.gateway is not None
        login = (running.options.app_user, running.options.app_password)
        app = BackEnd(running.gateway.ports["mqtt_port"], *login, PRODUCT_KEY)
        await asyncio.to_thread(app.follow, f"/sys/{PRODUCT_KEY}/+/thing/event/property/post")
        known.update(app=app, cloud=Caller(running.gateway.ports["http_port"], login))

    async def settled(running: Running) -> None:
        await asyncio.sleep(0.2)
        known["app"].close()
        for device in (vin.decode() for vin in running.world.fleet.vins):
            known[device] = await asyncio.to_thread(
                known["cloud"], "QueryDevicePropertyStatus", ProductKey=PRODUCT_KEY, DeviceName=device
            )

    ended = await run(options, NoTable(), ready, settled)
    assert ended.fault is None
    assert ended.running is not None
    newest: dict[str, dict[str, tuple[Any, str]]] = {vin.decode(): {} for vin in ended.running.world.fleet.vins}
    for topic, message in known["app"].drain():
        for name, timed in message["params"].items():
            newest[topic.split("/")[3]][name] = (timed["value"], str(timed["time"]))
    posted = {name for group in GROUPS for name in by_property(SIGNALS.group(group))}
    for device, expected in newest.items():
        rows = known[device]["Data"]["List"]["PropertyStatusInfo"]
        told = {row["Identifier"]: (_read(row["Value"]), row["Time"]) for row in rows if "Time" in row}
        assert expected.keys() == posted
        assert told == {name: (_read(_text(value)), time) for name, (value, time) in expected.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text

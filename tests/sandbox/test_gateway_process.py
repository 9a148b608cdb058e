"""The gateway process as its parent knows it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.telemetry import Step
from jinqiao.device.links.shared import SharedLink
from jinqiao.gateway.config import FleetConfig, Ports, ServiceConfig
from jinqiao.gateway.stores.parquet import ParquetStore
from jinqiao.sandbox.run.child import GatewayProcess
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Publish
from support.openapi import Caller
from support.telemetry import batch

pytestmark = pytest.mark.program

NAMES = np.array([b"LBV%014d" % i for i in range(3)], "S17")
TOPIC = f"/sys/a1JinqiaoEV/{NAMES[0].decode()}/thing/event/property/post"


@asynccontextmanager
async def gateway(
    port: int = 0, http: int | None = None, telemetry: Path | None = None, **more: Any
) -> AsyncIterator[GatewayProcess]:
    process = await GatewayProcess.spawn()
    try:
        await process.configure(
            ServiceConfig(
                ports=Ports(mqtt=port, http=http),
                fleet=FleetConfig("a1JinqiaoEV", "s3cret", ("app", "pw"), ("house", "pw"), telemetry=telemetry),
                **more,
            ),
            NAMES,
        )
        yield process
    finally:
        await process.close()


@pytest.mark.asyncio
async def test_a_cancelled_question_does_not_shift_the_answers() -> None:
    async with gateway() as process:
        link = await SharedLink.connect("127.0.0.1", process.mqtt_port, "house", "pw", lossless=True)
        for turn in range(1, 6):
            asked = asyncio.create_task(process.stats())
            await asyncio.sleep(0)  # the question is on its way, its asker goes away
            asked.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asked
            await link.send(encode(Publish(TOPIC, b"{}")))
            await link.flush()
            assert (await process.stats())["received"]["property_post"] == turn
        await link.close()


@pytest.mark.asyncio
async def test_the_child_ends_with_its_input_and_the_question_after_says_so() -> None:
    async with gateway() as process:
        pass
    assert await process.gone == 0
    with pytest.raises(EnvironmentFault, match="gateway process"):
        await process.stats()


@pytest.mark.asyncio
async def test_a_port_in_use_is_an_environment_fault_with_the_way_out() -> None:
    async with gateway() as process:
        with pytest.raises(EnvironmentFault, match=rf"{process.mqtt_port}[\s\S]*--mqtt-port"):
            async with gateway(process.mqtt_port):
                pass


@pytest.mark.asyncio
async def test_what_the_run_writes_is_the_vehicles_past(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    store = ParquetStore(tmp_path)
    store.open("a1JinqiaoEV", [name.decode() for name in NAMES])
    sent = [batch(3, turn) for turn in range(4)]
    await store.take(Step(0, tuple(sent)))
    store.close()
    async with gateway(http=0, telemetry=tmp_path) as process:
        call = Caller(process.ports["http_port"], key=("app", "pw"))
        who = {"ProductKey": "a1JinqiaoEV", "DeviceName": NAMES[1].decode(), "Identifier": "StateOfCharge"}
        span = {"StartTime": sent[0].time_ms, "EndTime": sent[-1].time_ms, "PageSize": 3, "Asc": 1}
        data = (await asyncio.to_thread(call, "QueryDevicePropertyData", **who, **span))["Data"]
    assert (data["NextValid"], data["NextTime"]) == (True, sent[3].time_ms)
    shown = [float(info["Value"]) for info in data["List"]["PropertyInfo"]]
    assert shown == [round(float(one.signals["soc_displayed"][1]), 1) for one in sent[:3]]

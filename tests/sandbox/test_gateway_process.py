"""The gateway process as its parent knows it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.telemetry import Event
from jinqiao.device.links.shared import SharedLink
from jinqiao.gateway.config import FleetConfig, Ports, ServiceConfig
from jinqiao.sandbox.run.child import GatewayProcess
from jinqiao.sandbox.run.gateway_child import gateway_ahead
from jinqiao.wire.crossing import crossing_packets, presence_packet
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Connect, Publish, Subscribe
from jinqiao.wire.render import PostRenderer
from jinqiao.wire.render.events import event_post
from jinqiao.wire.render.fixed import fixed
from jinqiao.wire.render.said import SaidBatch, SaidPacket
from support.back_end import BackEnd
from support.openapi import Caller
from support.telemetry import NOW_MS, batch

pytestmark = pytest.mark.program

NAMES = np.array([b"LBV%014d" % i for i in range(3)], "S17")
TOPIC = f"/sys/a1JinqiaoEV/{NAMES[0].decode()}/thing/event/property/post"


@asynccontextmanager
async def gateway(port: int = 0, http: int | None = None, **more: Any) -> AsyncIterator[GatewayProcess]:
    process = await GatewayProcess.spawn()
    try:
        await process.configure(
            ServiceConfig(
                ports=Ports(mqtt=port, http=http),
                fleet=FleetConfig("a1JinqiaoEV", "s3cret", ("app", "pw"), ("house", "pw")),
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
async def test_what_vehicles_say_is_known_and_remembered_though_nobody_listens() -> None:
    sent = [fixed(batch(3, turn)) for turn in range(4)]
    event = Event(NOW_MS + 1000, 1, "TripFinished", {"DistanceKm": 2.5})
    said = SaidPacket(
        event.time_ms, event.vehicle, "event_post", event_post(PostRenderer("a1JinqiaoEV", NAMES), event, 1)
    )
    async with gateway(http=0) as process:
        link = await SharedLink.connect("127.0.0.1", process.mqtt_port, "house", "pw", lossless=True)
        for turn, one in enumerate(sent):
            batches = [SaidBatch("property_post", one, np.full(3, turn + 1, np.int32))]
            for packet in crossing_packets(
                [said] if turn == 1 else [], [(b, b.records(one.vehicles)) for b in batches]
            ):
                await link.send(packet)
        await link.flush()
        call = Caller(process.ports["http_port"], key=("app", "pw"))
        who = {"ProductKey": "a1JinqiaoEV", "DeviceName": NAMES[1].decode()}
        soc = {"Identifier": "StateOfCharge", "PageSize": 3, "Asc": 1}
        span = {"StartTime": NOW_MS, "EndTime": NOW_MS + 60_000}
        status = (await asyncio.to_thread(call, "QueryDevicePropertyStatus", **who))["Data"]["List"]
        data = (await asyncio.to_thread(call, "QueryDevicePropertyData", **who, **soc, **span))["Data"]
        events = (await asyncio.to_thread(call, "QueryDeviceEventData", **who, **span))["Data"]["List"]["EventInfo"]
        stats = await process.stats()
        await link.close()
    expected = [f"{one.signals['soc_displayed'][1] / 10}" for one in sent]
    last = {info["Identifier"]: info for info in status["PropertyStatusInfo"]}["StateOfCharge"]
    assert (last["Value"], last["Time"]) == (expected[3], str(NOW_MS + 3000))
    assert (data["NextValid"], data["NextTime"]) == (True, NOW_MS + 3000)
    assert [info["Value"] for info in data["List"]["PropertyInfo"]] == expected[:3]
    assert [(info["Identifier"], info["OutputData"]) for info in events] == [("TripFinished", '{"DistanceKm":2.5}')]
    assert (stats["received"]["property_post"], stats["delivered"]) == (12, 0)


@pytest.mark.asyncio
@pytest.mark.parametrize("lossless", [False, True])
async def test_a_simulator_may_wait_for_a_slow_subscriber_from_a_moment_on_or_no_longer(*, lossless: bool) -> None:
    """Beside a quick one: what waits for the slow one stays within the high-water mark, or grows with what is sent."""
    async with gateway() as process:
        link = await SharedLink.connect("127.0.0.1", process.mqtt_port, "house", "pw", lossless=not lossless)
        await process.lossless(lossless=lossless)
        readers = [
            asyncio.create_task(_read(process.mqtt_port, name, pause_s=s)) for name, s in (("a", 0), ("b", 0.05))
        ]
        while (await process.stats())["connections"] < 3:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        packet, deepest = encode(Publish(TOPIC, b"{%s}" % (b" " * 65_536))), 0
        for turn in range(256):
            sending = asyncio.create_task(link.send(packet))
            if not (await asyncio.wait({sending}, timeout=0.2))[0]:
                break  # it is held back
            if turn % 16 == 0:
                deepest = max(deepest, (await process.stats())["deepest_queue_bytes"])
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        await sending
        await link.close()
    assert (deepest < 8 << 20) == lossless


async def _read(port: int, name: str, pause_s: float) -> None:
    """A subscriber that takes a breath after every 64 KiB."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(encode(Connect(name, True, 60, "app", b"pw")) + encode(Subscribe(1, ((TOPIC, 0),))))
    try:
        while await reader.read(65_536):
            await asyncio.sleep(pause_s)
    finally:
        writer.close()


@pytest.mark.asyncio
async def test_a_vehicle_without_its_network_is_offline_for_clients_and_calls_until_it_is_back() -> None:
    name = NAMES[1].decode()
    who = {"ProductKey": "a1JinqiaoEV", "DeviceName": name}
    command = {**who, "Identifier": "HonkAndFlash", "Args": "{}"}
    async with gateway(http=0) as process:
        came: list[str] = []
        link = await SharedLink.connect(
            "127.0.0.1", process.mqtt_port, "house", "pw", lossless=True, on_message=lambda one: came.append(one.topic)
        )
        call = Caller(process.ports["http_port"], key=("app", "pw"))
        app = await asyncio.to_thread(BackEnd, process.mqtt_port, "app", "pw", "a1JinqiaoEV")
        found = []
        for online in (False, True):
            await link.send(presence_packet(np.array([1]), online, NOW_MS + online))
            await link.flush()
            status = (await asyncio.to_thread(call, "GetDeviceStatus", **who))["Data"]
            await asyncio.to_thread(call, "InvokeThingService", **command)
            await asyncio.to_thread(app.tell, name, "thing/service/property/set", {"id": "1", "params": {}})
            await link.flush()
            found.append((status["Status"], int(status["Timestamp"]), len(came)))
        app.close()
        await link.close()
    assert found == [("OFFLINE", NOW_MS, 0), ("ONLINE", NOW_MS + 1, 2)]


def test_a_gateway_that_was_started_ahead_and_that_nobody_took_is_ended() -> None:
    with gateway_ahead() as child:
        assert child is not None
        assert child.process.poll() is None
    assert child.process.returncode is not None


@pytest.mark.asyncio
async def test_a_gateway_that_was_started_ahead_serves_and_outlives_the_block_of_who_took_it() -> None:
    with gateway_ahead() as child:
        process = await GatewayProcess.spawn(child)
    await process.configure(ServiceConfig(ports=Ports(mqtt=0)), NAMES[:0])
    assert process.mqtt_port
    await process.close()
    assert await process.gone == 0


def test_no_gateway_is_started_ahead_where_none_is_needed() -> None:
    with gateway_ahead(needed=False) as child:
        assert child is None

"""A whole service: a message over a socket reaches a consumer of its group, and a fleet its default group."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np

from jinqiao.gateway.config import FleetConfig, Ports, ServiceConfig
from jinqiao.gateway.platform.events import TelemetryBatch
from jinqiao.gateway.service import Service
from jinqiao.wire.alink.signature import client_content, sign
from jinqiao.wire.amqp.message import ForwardedMessage, decode_message
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Connect, Publish
from support.cloud_world import ACCEPTANCE, DN, PK
from support.queues import Taker
from support.telemetry import batch, crossed, names

KEY = "a1JinqiaoEV"
NAMES = np.array([name.encode() for name in names(10)])
#: The consumer group of the acceptance registry, which has this product.
GROUP = "jqConsumerGroup01"


def consumer(service: Service, key: str) -> Taker:
    group = service.groups.group(key)
    assert group is not None
    taker = Taker()
    taker.join(group)
    return taker


async def came(taker: Taker, count: int) -> list[ForwardedMessage]:
    """The first messages that a consumer gets."""
    async with asyncio.timeout(20):
        while len(taker.got) < count:
            await asyncio.sleep(0.01)
    return [decode_message(body) for _, body, _ in taker.got]


def test_a_device_speaks_and_a_consumer_of_the_registrys_group_hears_it(tmp_path: Path) -> None:
    async def run() -> None:
        service = Service(ServiceConfig(Ports(mqtt=0), ACCEPTANCE / "registry.yaml", tmp_path))
        taken = await service.start()
        taker = consumer(service, GROUP)
        reader, writer = await asyncio.open_connection("127.0.0.1", taken["mqtt_port"])
        device = service.platform.registry.device(PK, DN)
        assert device is not None
        password = sign("hmacsha256", device.secret, client_content("c", DN, PK))
        login = Connect("c|signmethod=hmacsha256|", username=f"{DN}&{PK}", password=password.encode(), keep_alive_s=60)
        post = json.dumps({"id": "7", "params": {"VehicleSpeed": 42.5}}).encode()
        writer.write(encode(login) + encode(Publish(f"/sys/{PK}/{DN}/thing/event/property/post", post, 1, packet_id=1)))
        status, property_post = await came(taker, 2)
        assert await reader.readexactly(8) == b"\x20\x02\x00\x00\x40\x02\x00\x01"  # CONNACK, PUBACK
        writer.close()
        gone = (await came(taker, 3))[2]
        assert [status.topic, gone.topic] == [f"/as/mqtt/status/{PK}/{DN}"] * 2
        assert json.loads(property_post.body)["requestId"] == "7"
        assert json.loads(gone.body)["offlineReasonCode"] == 400
        await service.close()

    asyncio.run(run())


def test_a_simulated_fleet_reaches_the_default_group_as_soon_as_that_has_a_consumer() -> None:
    async def run() -> None:
        fleet = FleetConfig(KEY, "s", ("app", "pw"), ("simulator", "pw"))
        service = Service(ServiceConfig(Ports(mqtt=0), fleet=fleet), NAMES)
        await service.start()
        said = crossed(batch(10))
        service.platform.events.emit(TelemetryBatch, KEY, said)
        group = service.groups.group("DEFAULT_GROUP")
        assert group is not None
        assert group.status().received == 0
        taker = consumer(service, "DEFAULT_GROUP")
        async with asyncio.timeout(20):
            while not taker.got:
                service.platform.events.emit(TelemetryBatch, KEY, said)
                await asyncio.sleep(0.05)
        assert [message.topic.split("/")[2] for message in (await came(taker, 10))[:10]] == names(10)
        await service.close()

    asyncio.run(run())

"""`jinqiao bench broker`: what a message costs the broker, beside mosquitto on the same machine in the same minutes.

Flood: one publisher flat out to one wildcard subscriber. Fan-out: a flood to ten subscribers, and a thousand
connections with a message a second each to a hundred. The cost is the broker's processor time per message published.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass
from typing import Any

from jinqiao.base.system import raise_file_limit
from jinqiao.device.links.fleet import Address, FleetLinks
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Connect

from .broker_process import PRODUCT_KEY
from .brokers import INSTALL_MOSQUITTO, Broker, find_mosquitto, finished, mosquitto, own_broker, python
from .machine import machine, ratio
from .packets import Stamped, packet_bytes

__all__ = ["Sent", "bench_broker", "publish_steadily"]

_PAYLOAD = 400
_PLAIN = "bench"
#: Downlinks of a product: what an application may publish, and subscribe.
_PERMITTED = f"/sys/{PRODUCT_KEY}"
#: Name, QoS, subscribers, whether an application publishes under its permissions.
_FLOODS = (
    ("flood_qos0", 0, 1, False),
    ("flood_qos1", 1, 1, False),
    ("flood_qos0_permissions", 0, 1, True),
    ("flood_qos1_permissions", 1, 1, True),
    ("flood_to_10", 0, 10, False),
)
_APPLICATION = {"user": "app", "password": "app"}


async def bench_broker(seconds: float, rounds: int, publishers: int) -> dict[str, Any]:
    """The figures; of several rounds the cheapest counts, since other load only ever adds."""
    raise_file_limit()
    program = find_mosquitto()
    async with own_broker() as own:
        if program is None:
            found = await _measure([own], seconds, rounds, publishers)
            return found | {"mosquitto": INSTALL_MOSQUITTO, "machine": machine()}
        async with mosquitto(program) as peer:
            found = await _measure([own, peer], seconds, rounds, publishers)
    return found | {"machine": machine()}


async def _measure(brokers: list[Broker], seconds: float, rounds: int, publishers: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, qos, subscribers, permissions in _FLOODS:
        best: dict[str, dict[str, Any]] = {}
        for _ in range(rounds):
            for broker in brokers:
                figures = await _flood(broker, seconds, qos=qos, subscribers=subscribers, permissions=permissions)
                if broker.name not in best or figures["cpu_us"] < best[broker.name]["cpu_us"]:
                    best[broker.name] = figures
        found[name] = _with_ratio(best)
    best = {}
    for broker in brokers:
        best[broker.name] = await _fan_out(broker, seconds, publishers)
    found["fan_out"] = _with_ratio(best)
    return found


def _with_ratio(best: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if "mosquitto" not in best:
        return dict(best)
    return {**best, "cheaper_than_mosquitto": ratio(best["mosquitto"]["cpu_us"], best["jinqiao"]["cpu_us"])}


async def _flood(broker: Broker, seconds: float, *, qos: int, subscribers: int, permissions: bool) -> dict[str, Any]:
    """`permissions`: an application publishes what only it may; mosquitto knows no such thing and does without."""
    checked = permissions and broker.name == "jinqiao"
    prefix = f"{_PERMITTED}" if permissions else _PLAIN
    login = _APPLICATION if checked else {}
    shape = {"prefix": prefix, "qos": qos, "payload": _PAYLOAD, "suffix": "thing/service/bench" if permissions else ""}
    sink = await _sink(broker, f"{prefix}/#", subscribers, qos, login, shape)
    before = broker.cpu_s()
    asked = {"port": broker.port, "seconds": seconds, **login, **shape}
    sent = await finished(await python("source", json.dumps(asked)))
    received = await finished(sink, str(sent["sent"] * subscribers))
    cpu_s = broker.cpu_s() - before
    return {
        "cpu_us": round(cpu_s / sent["sent"] * 1e6, 3),
        "messages_per_s": round(sent["sent"] / sent["seconds"]),
        "sent": sent["sent"],
        "delivered": round(received["received"] / (sent["sent"] * subscribers), 4),
    }


async def _fan_out(broker: Broker, seconds: float, publishers: int) -> dict[str, Any]:
    shape = {"prefix": _PLAIN, "qos": 0, "payload": _PAYLOAD, "suffix": ""}
    links = FleetLinks(
        Address("127.0.0.1", broker.port), lambda row: encode(Connect(f"p{os.getpid()}-{row}", keep_alive_s=300))
    )
    await links.connect(range(publishers))
    sink = await _sink(broker, f"{_PLAIN}/#", 100, 0, {}, shape)
    before = broker.cpu_s()
    packets = Stamped(_PLAIN, publishers, _PAYLOAD)
    published = await publish_steadily(links, packets, 1.0, max(seconds, 1.0))
    sent, took_s = published.messages, published.seconds
    received = await finished(sink, str(sent * 100))
    cpu_s = broker.cpu_s() - before
    await links.close()
    return {
        "cpu_us": round(cpu_s / sent * 1e6, 1),
        "deliveries_per_s": round(received["received"] / took_s),
        "delivered": round(received["received"] / (sent * 100), 4),
        "latency_ms": received.get("latency_ms", {}),
    }


@dataclass(frozen=True, slots=True)
class Sent:
    """What publishers sent in so many seconds; `refused` is what their links did not take, and is not in `messages`.

    `late` is what they left out: a publisher that had stood still would catch up in a burst, above the rate it is to
    have, and it would be counted against the broker.
    """

    messages: int
    refused: int
    late: int
    seconds: float


async def publish_steadily(links: FleetLinks, packets: Stamped, per_second: float, seconds: float) -> Sent:
    """Every link publishes so often, evenly spread, and never two messages at once."""
    count = len(links)
    began = time.perf_counter()
    number = messages = late = 0
    while (elapsed := time.perf_counter() - began) < seconds:
        due = int(elapsed * count * per_second)
        behind = max(due - number - count, 0)
        late += behind
        for each in range(number + behind, due):
            messages += links.send(each % count, packets.packet(each % count))
        number = due
        await asyncio.sleep(0.001)
    return Sent(messages, number - late - messages, late, time.perf_counter() - began)


async def _sink(
    broker: Broker, topic_filter: str, subscribers: int, qos: int, login: dict[str, str], shape: dict[str, Any]
) -> asyncio.subprocess.Process:
    size, stamp_at = packet_bytes(shape["prefix"], shape["payload"], qos, shape["suffix"])
    asked = {"port": broker.port, "filter": topic_filter, "subscribers": subscribers, "qos": qos, "size": size}
    process = await python("sink", json.dumps(asked | {"stamp_at": stamp_at} | login))
    assert process.stdout is not None
    await process.stdout.readline()
    return process

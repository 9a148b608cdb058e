"""`jinqiao bench connections`: a fleet with a connection per vehicle, each logged in with its own credentials.

Three parts: the storm of logins and what each idle connection costs broker and client; two thousand of them with five
messages a second each, beside mosquitto (which checks nothing); and what one publish costs the lean client.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from typing import Any

from jinqiao.base.errors import InputError
from jinqiao.gateway.links.fleet import Address, FleetLinks
from jinqiao.gateway.mqtt.encoding import encode
from jinqiao.gateway.mqtt.packets import Connect
from jinqiao.gateway.platform.devices import FleetDevices
from jinqiao.gateway.vehicle_links import device_login

from ..system import raise_file_limit
from .broker import publish_steadily
from .broker_process import PRODUCT_KEY, device_names
from .brokers import INSTALL_MOSQUITTO, Broker, find_mosquitto, finished, mosquitto, own_broker, python
from .machine import machine, ratio, resident_bytes
from .packets import Stamped

__all__ = ["bench_connections"]

_SECRET = "bench"
_PAYLOAD = 400
_PER_SECOND = 5.0
_SETTLE_S = 2.0
#: Files this process needs besides its connections.
_OTHER_FILES = 200


async def bench_connections(
    connections: int, publishing: int, seconds: float, rounds: int, storm_per_s: float
) -> dict[str, Any]:
    """The figures; raises InputError when the system allows fewer files than connections."""
    raise_file_limit()
    _check_file_limit(connections)
    publishing = min(publishing, connections)
    names = device_names(connections)
    devices = FleetDevices(names, fleet_secret=_SECRET)

    def login(row: int) -> bytes:
        name = names[row].decode()
        secret = devices.secret(name)
        assert secret is not None
        return device_login(PRODUCT_KEY, name, secret)

    program = find_mosquitto()
    async with own_broker(connections, _SECRET) as broker:
        idle, links = await _storm(broker, login, connections, storm_per_s)
        await links.close()
        if program is None:
            ours = await _cheapest([(broker, login)], rounds, publishing, seconds)
        else:
            async with mosquitto(program) as peer:
                ours = await _cheapest([(broker, login), (peer, _stranger)], rounds, publishing, seconds)
    found: dict[str, Any] = {"connections": publishing, "per_second": _PER_SECOND, **ours}
    if program is None:
        found["mosquitto"] = INSTALL_MOSQUITTO
    else:
        found["cost_to_mosquitto"] = ratio(ours["jinqiao"]["broker_cpu_us"], ours["mosquitto"]["broker_cpu_us"])
    return {"idle": idle, "publishing": found, "machine": machine()}


async def _cheapest(
    brokers: list[tuple[Broker, Callable[[int], bytes]]], rounds: int, connections: int, seconds: float
) -> dict[str, dict[str, Any]]:
    """The brokers in turn, several times; of each the round that cost it least, since other load only ever adds."""
    best: dict[str, dict[str, Any]] = {}
    for _ in range(rounds):
        for broker, login in brokers:
            figures = await _publish(broker, login, connections, seconds)
            before = best.get(broker.name, figures)
            everything = figures["all_delivered"] and before["all_delivered"]
            cheaper = min(before, figures, key=lambda found: float(found["broker_cpu_us"]))
            best[broker.name] = cheaper | {"all_delivered": everything}
    return best


def _check_file_limit(connections: int) -> None:
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < connections + _OTHER_FILES:
        raise InputError(f"--connections {connections}: this process may open {soft} files only; see `ulimit -Hn`")


def _stranger(row: int) -> bytes:
    return encode(Connect(f"bench-{os.getpid()}-{row}", True, 300))


async def _storm(
    broker: Broker, login: Callable[[int], bytes], connections: int, storm_per_s: float
) -> tuple[dict[str, Any], FleetLinks]:
    """Everybody logs in as fast as the rate allows; then nobody says anything."""
    links = FleetLinks(Address("127.0.0.1", broker.port), login, storm_per_s=storm_per_s)
    broker_before, client_before = broker.resident_bytes(), resident_bytes()
    cpu_before, began = broker.cpu_s(), time.perf_counter()
    await links.connect(range(connections))
    storm_s = time.perf_counter() - began
    await asyncio.sleep(_SETTLE_S)
    figures = {
        "connections": connections,
        "online": links.online,
        "storm_s": round(storm_s, 2),
        "broker_kb_per_connection": round((broker.resident_bytes() - broker_before) / connections / 1000, 2),
        "client_kb_per_connection": round((resident_bytes() - client_before) / connections / 1000, 2),
        "broker_cpu_ms_per_login": round((broker.cpu_s() - cpu_before) / connections * 1e3, 3),
    }
    return figures, links


async def _publish(broker: Broker, login: Callable[[int], bytes], connections: int, seconds: float) -> dict[str, Any]:
    """Everybody publishes to a topic of its own, and one subscriber takes it all."""
    links = FleetLinks(Address("127.0.0.1", broker.port), login)
    await links.connect(range(connections))
    packets = _topics(connections)
    size, stamp_at = packets.size, packets.size - _PAYLOAD
    asked: dict[str, Any] = {"port": broker.port, "filter": f"/{PRODUCT_KEY}/+/user/update", "subscribers": 1, "qos": 0}
    if broker.name == "jinqiao":
        asked |= {"user": "app", "password": "app"}
    sink = await python("sink", json.dumps(asked | {"size": size, "stamp_at": stamp_at}))
    assert sink.stdout is not None
    await sink.stdout.readline()
    cpu_before = broker.cpu_s()
    sent, took_s = await publish_steadily(links, packets, _PER_SECOND, seconds)
    received = await finished(sink, str(sent))
    broker_s = broker.cpu_s() - cpu_before
    client_us = _cost_of_a_publish(links, packets)
    await links.close()
    return {
        "sent_per_s": round(sent / took_s),
        "all_delivered": received["received"] == sent,
        "latency_ms": received.get("latency_ms", {}),
        "broker_cpu_us": round(broker_s / sent * 1e6, 2),
        "client_us_per_publish": client_us,
    }


def _cost_of_a_publish(links: FleetLinks, packets: Stamped) -> float:
    """Processor time of one publish of a ready packet, µs, each on a connection of its own."""
    rows = [packets.packet(row) for row in range(len(links))]
    began = time.process_time()
    for row, packet in enumerate(rows):
        links.send(row, packet)
    return round((time.process_time() - began) / len(rows) * 1e6, 2)


def _topics(count: int) -> Stamped:
    """`/{product}/bench00001/user/update`: what a device may publish without the platform looking into it."""
    return Stamped(f"/{PRODUCT_KEY}/bench", count, _PAYLOAD, suffix="user/update", joint="")

"""`jinqiao bench connections`: a fleet with a connection per vehicle, each logged in with its own credentials.

Three parts: the storm of logins and what each idle connection costs broker and client; two thousand of them with five
messages a second each, beside mosquitto (which checks nothing, and once more with passwords and permissions), over TCP,
with MQTT 5 and over TLS; and what one publish costs the lean client.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import InputError
from jinqiao.base.system import raise_file_limit
from jinqiao.device.links.fleet import Address, FleetLinks
from jinqiao.device.links.login import device_login
from jinqiao.gateway.platform.registry.fleet_devices import FleetDevices
from jinqiao.wire.mqtt.decoding import decode
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import Connect

from ..certificates import make_certificates
from .broker import publish_steadily
from .broker_process import PRODUCT_KEY, device_names
from .brokers import INSTALL_MOSQUITTO, Broker, Checks, find_mosquitto, finished, mosquitto, own_broker, python
from .machine import machine, ratio, resident_bytes
from .packets import Stamped

__all__ = ["bench_connections"]


@dataclass(frozen=True, slots=True)
class _Load:
    """How the publishers speak."""

    name: str
    level: int = 4
    tls: bool = False


_LOADS = (_Load("publishing"), _Load("publishing_mqtt5", level=5), _Load("publishing_tls", tls=True))
_LOSSES = ("lost", "lost_to_rates", "not_taken_by_links", "left_out_by_a_late_publisher")
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
    # Each load has devices of its own: the platform allows five logins a minute.
    names = device_names(connections + (len(_LOADS) - 1) * publishing)
    devices = FleetDevices(names, fleet_secret=_SECRET)

    def login(row: int) -> bytes:
        name = names[row].decode()
        secret = devices.secret(name)
        assert secret is not None
        return device_login(PRODUCT_KEY, name, secret)

    program = find_mosquitto()
    async with AsyncExitStack() as stack:
        certificates = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        make_certificates(certificates)
        own = await stack.enter_async_context(own_broker(len(names), _SECRET, certificates))
        peers: list[tuple[Broker, Callable[[int], bytes]]] = [(own, login)]
        checking = []
        if program is not None:
            peer = await stack.enter_async_context(mosquitto(program, certificates=certificates))
            peers.append((peer, _stranger))
            strict = await stack.enter_async_context(mosquitto(program, checks=_checks(names[:publishing])))
            checking.append((strict, _known(names)))
        idle, links = await _storm(own, login, connections, storm_per_s)
        await links.close()
        found: dict[str, Any] = {"idle": idle}
        for number, load in enumerate(_LOADS):
            rows = range(number and connections + (number - 1) * publishing, len(names))[:publishing]
            brokers = peers + (checking if load is _LOADS[0] else [])
            figures = await _cheapest(brokers, rounds, load, rows, seconds)
            found[load.name] = {"connections": publishing, "per_second": _PER_SECOND, **figures}
            if program is None:
                found[load.name]["mosquitto"] = INSTALL_MOSQUITTO
            for other in figures.keys() - {own.name}:
                cost, others = (figures[name]["broker_cpu_us"] for name in (own.name, other))
                found[load.name][f"cost_to_{other}"] = ratio(cost, others)
    return found | {"machine": machine()}


async def _cheapest(
    brokers: list[tuple[Broker, Callable[[int], bytes]]], rounds: int, load: _Load, rows: range, seconds: float
) -> dict[str, dict[str, Any]]:
    """The brokers in turn, several times; of each the round that cost it least, since other load only ever adds."""
    best: dict[str, dict[str, Any]] = {}
    for _ in range(rounds):
        for broker, login in brokers:
            figures = await _publish(broker, login, load, rows, seconds)
            before = best.get(broker.name, figures)
            cheaper = min(before, figures, key=lambda found: float(found["broker_cpu_us"]))
            # What went wrong in any round is reported.
            worst = {what: max(before[what], figures[what]) for what in _LOSSES}
            everything = figures["all_delivered"] and before["all_delivered"]
            best[broker.name] = cheaper | worst | {"all_delivered": everything}
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


async def _publish(
    broker: Broker, login: Callable[[int], bytes], load: _Load, rows: range, seconds: float
) -> dict[str, Any]:
    """Everybody publishes to a topic of its own, and one subscriber takes it all."""
    address = Address("127.0.0.1", broker.port)
    if load.tls:
        address = Address("127.0.0.1", broker.tls_port, _unverified())
    links = FleetLinks(address, lambda number: _at_level(login(rows[number]), load.level), level=load.level)
    await links.connect(range(len(rows)))
    packets = Stamped(
        # What a device may publish without the platform looking into it.
        f"/{PRODUCT_KEY}/bench",
        len(rows),
        _PAYLOAD,
        suffix="user/update",
        joint="",
        level=load.level,
        first_topic=rows.start,
    )
    size, stamp_at = packets.size, packets.size - _PAYLOAD
    asked: dict[str, Any] = {"port": broker.port, "filter": f"/{PRODUCT_KEY}/+/user/update", "subscribers": 1, "qos": 0}
    if broker.name != "mosquitto":
        asked |= {"user": "app", "password": "app"}
    sink = await python("sink", json.dumps(asked | {"size": size, "stamp_at": stamp_at, "level": load.level}))
    assert sink.stdout is not None
    await sink.stdout.readline()
    cpu_before, throttled_before = broker.cpu_s(), await broker.throttled()
    published = await publish_steadily(links, packets, _PER_SECOND, seconds)
    sent = published.messages
    received = await finished(sink, str(sent))
    broker_s = broker.cpu_s() - cpu_before
    client_us = _cost_of_a_publish(links, packets)
    await links.close()
    return {
        "sent_per_s": round(sent / published.seconds),
        "all_delivered": received["received"] == sent,
        "lost": sent - received["received"],
        "lost_to_rates": await broker.throttled() - throttled_before,
        "not_taken_by_links": published.refused,
        "left_out_by_a_late_publisher": published.late,
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


def _at_level(login: bytes, level: int) -> bytes:
    """The same CONNECT at another protocol level."""
    edges = frame(login, 0)
    assert edges is not None
    packet = decode(login[0], login[edges[0] :])
    assert isinstance(packet, Connect)
    return encode(replace(packet, level=level))


def _checks(names: NDArray[np.bytes_]) -> Checks:
    """What our broker checks, as far as mosquitto can: who it is, and that a device publishes under its own name."""
    passwords = {name.decode(): _SECRET for name in names} | {"app": "app"}
    readable = f"user app\ntopic read /{PRODUCT_KEY}/+/user/update\n"
    return Checks(passwords, f"{readable}pattern write /{PRODUCT_KEY}/%u/user/update\n")


def _known(names: NDArray[np.bytes_]) -> Callable[[int], bytes]:
    def login(row: int) -> bytes:
        name = names[row].decode()
        return encode(Connect(f"bench-{os.getpid()}-{row}", True, 300, name, _SECRET.encode()))

    return login


def _unverified() -> ssl.SSLContext:
    """For a server on this machine whose certificate was made a moment ago."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context

"""Mutated packets against a broker in memory: nothing breaks, nothing stays behind, nobody else notices.

`JINQIAO_FUZZ=1000000` sets how many packets are mutated; a failure names the seed of its stream.
"""

from __future__ import annotations

import gc
import os
import random
from pathlib import Path

import pytest

from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.broker.session import Session
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Connect, Publish, Subscribe
from jinqiao.wire.mqtt.properties import Property
from support.mqtt_memory import Client, House

PACKETS = int(os.environ.get("JINQIAO_FUZZ", "4000"))
PER_STREAM = 8
PLAIN = {"max_qos": 2, "retains": True, "identifiers": True, "max_filters": 1000, "max_subscriptions": 1000}
LIMITS = Limits(
    retained_messages=50,
    offline_sessions=20,
    known_topic_bytes=10_000,
    cached_topics=500,
    connect_timeout_s=1e9,
    linger_s=1e9,
)
#: Bytes that mean something somewhere: lengths, flags, wildcards, ends of ranges.
TELLING = [
    0x00,
    0x01,
    0x02,
    0x7F,
    0x80,
    0xFF,
    0x10,
    0x30,
    0x32,
    0x34,
    0x82,
    0xE0,
    ord("+"),
    ord("#"),
    ord("/"),
    ord("$"),
]


def corpus() -> dict[int, list[bytes]]:
    packets: dict[int, list[bytes]] = {4: [], 5: []}
    for line in (Path(__file__).parent / "corpus" / "mqtt.txt").read_text().splitlines():
        if not line.startswith("#"):
            level, packet, _ = line.split(" ", 2)
            packets[int(level)].append(bytes.fromhex(packet))
    return packets


CORPUS = corpus()


def mutated(rng: random.Random, packet: bytes) -> bytes:
    """A packet with up to three changes; sometimes its length is put right again, to come past the first checks."""
    data = bytearray(packet)
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(data)) if data else 0
        match rng.randrange(7):
            case 0 if data:
                data[at] ^= 1 << rng.randrange(8)
            case 1 if data:
                data[at] = rng.choice(TELLING)
            case 2:
                data[at:at] = bytes(rng.choice(TELLING) for _ in range(rng.randrange(1, 5)))
            case 3:
                del data[at : at + rng.randrange(1, 6)]
            case 4:
                data += data[at:]
            case 5 if data:
                data[at] = rng.randrange(256)
            case _:
                del data[at + 1 :]
    if rng.random() < 0.7 and 2 <= len(data) < 0x82 and packet[1] < 0x80:
        data[1] = len(data) - 2
    return bytes(data)


class Bystanders:
    """A listener and a publisher of each version who do nothing wrong, and to whom nothing must happen."""

    def __init__(self, house: House) -> None:
        self.pairs: list[tuple[Client, Client]] = []
        for level in (4, 5):
            listener = house.client(f"listener {level}", level=level)
            listener.send(Subscribe(1, ((f"calm/{level}/#", 1),)))
            listener.received()
            self.pairs.append((listener, house.client(f"publisher {level}", level=level)))
        self.number = 0

    def check(self) -> None:
        self.number += 1
        for listener, publisher in self.pairs:
            listener.received()
            publisher.send(*(Publish(f"calm/{level}/t", b"%d" % self.number) for level in (4, 5)))
            assert [m.payload for m in listener.messages()] == [b"%d" % self.number]
            publisher.received()
            assert not listener.closed
            assert not publisher.closed


def stream(rng: random.Random, level: int) -> bytes:
    packets = [rng.choice(CORPUS[level]) for _ in range(PER_STREAM)]
    return b"".join(mutated(rng, packet) if rng.random() < 0.6 else packet for packet in packets)


def attack(house: House, seed: int) -> None:
    """One client that logs in, in order or not, and sends a stream in pieces."""
    rng = random.Random(seed)
    level = rng.choice((4, 5))
    client = house.client(None, level=level)
    name = f"fuzz {rng.randrange(5)}"
    if rng.random() < 0.9:
        properties = {Property.SESSION_EXPIRY: rng.choice((0, 5)), Property.TOPIC_ALIAS_MAXIMUM: rng.choice((0, 2))}
        client.send(encode(Connect(name, rng.random() < 0.5, level=level, properties=properties if level == 5 else {})))
    else:
        client.feed(mutated(rng, CORPUS[level][0]))
    data = stream(rng, level)
    while data:
        cut = rng.choice((1, 7, 64, len(data)))
        client.feed(data[:cut])
        data = data[cut:]
    if rng.random() < 0.2:
        client.connection.pause_writing()
    client.lose()
    if rng.random() < 0.3:
        house.at(house.broker.dispatcher.now + rng.choice((0.0, 0.3, 6.0)))


@pytest.mark.timeout(0)
def test_no_mutated_packet_disturbs_anybody(caplog: pytest.LogCaptureFixture) -> None:
    house = House(LIMITS)
    house.policy.limits = PLAIN
    bystanders = Bystanders(house)
    for seed in range(max(PACKETS // PER_STREAM, 1)):
        attack(house, seed)
        assert house.broker.counters.refused["fault"] == 0, f"seed {seed}: {caplog.text[-2000:]}"
        assert house.broker.counters.refused["policy_fault"] == 0, f"seed {seed}"
        if seed % 20 == 0:
            bystanders.check()
            house.policy.log.clear()
    bystanders.check()
    assert_nothing_is_left(house)


def assert_nothing_is_left(house: House) -> None:
    """With the sessions expired, all that is kept is the bystanders' and the retained messages."""
    broker = house.broker
    house.at(broker.dispatcher.now + LIMITS.session_expiry_s + 10.0)
    assert len(broker.absent) == 0
    assert len(broker.dispatcher.timers) == 0
    assert len(broker.sessions) == len(house.connections) == 4
    assert broker.counters.connections == 4
    assert broker.dispatcher.held == 0
    assert not broker.dispatcher.congested
    assert len(broker.router._trie) == 5, "the bystanders' two filters, which begin alike"
    assert not broker.router._groups
    assert len(broker.retained) <= LIMITS.retained_messages
    gc.collect()
    assert sum(isinstance(each, Session) and each.broker is broker for each in gc.get_objects()) == 4


def test_the_corpus_is_read() -> None:
    assert all(len(packets) > 25 for packets in CORPUS.values())

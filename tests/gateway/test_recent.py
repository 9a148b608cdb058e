"""What trusted connections published last: found in the runs of packets, bounded, and nothing of others."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.mqtt.encoding import encode
from jinqiao.gateway.mqtt.packets import Publish
from jinqiao.gateway.mqtt.recent import RecentRuns
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry import Registry, simulated_product
from support.mqtt import BrokerThread


def packet(topic: str, payload: bytes, qos: int = 0) -> bytes:
    return encode(Publish(topic, payload, qos, packet_id=7 if qos else 0))


topics = st.sampled_from(["a", "ab", "/sys/p/d", "/sys/p/d/x", "0", "\x01"])
#: Payloads that look like packets and topics.
payloads = st.one_of(st.binary(max_size=300), st.builds(packet, topics, st.binary(max_size=4), st.sampled_from([0, 1])))


@given(st.lists(st.lists(st.tuples(topics, payloads, st.sampled_from([0, 1])), min_size=1), max_size=5))
def test_the_newest_payload_of_each_topic_is_found(runs: list[list[tuple[str, bytes, int]]]) -> None:
    recent = RecentRuns(1 << 20)
    expected: dict[str, bytes] = {}
    inner: set[bytes] = set()
    for run in runs:
        recent.take(b"".join(packet(*message) for message in run))
        expected.update({topic: payload for topic, payload, _ in run})
        inner.update(payload for _, payload, _ in run)
    for topic, payload in expected.items():
        found = recent.last(topic)
        # A payload that holds a packet on this topic cannot be told from one; JSON holds none, for it has no zero byte.
        assert found == payload or any(found is not None and found in whole for whole in inner)
    assert recent.last("nowhere") is None


def test_the_oldest_runs_are_forgotten() -> None:
    recent = RecentRuns(100)
    recent.take(packet("a", b"1"))
    recent.take(packet("b", bytes(90)))
    assert (recent.last("a"), recent.last("b")) == (None, bytes(90))


@pytest.fixture
def broker() -> Iterator[BrokerThread]:
    thread = BrokerThread()
    yield thread
    thread.close()


def test_the_broker_remembers_trusted_connections_only(broker: BrokerThread) -> None:
    house, other = broker.client("house:trusted"), broker.client("other")
    house.send(Publish("dev/1/post", b"before"))
    list(house.messages())
    assert broker.call(broker.server.last_payload, "dev/1/post") is None
    broker.call(broker.server.remember, 1 << 20)
    for client, payload in ((house, b"first"), (house, b"second"), (other, b"foreign")):
        client.send(Publish("dev/1/post", payload))
        list(client.messages())
    assert broker.call(broker.server.last_payload, "dev/1/post") == b"second"


def test_a_simulated_vehicles_values_are_read_when_asked_for() -> None:
    product = simulated_product("ev", np.array([b"LBV00000000000001"], dtype="S17"), fleet_secret="fleet")
    platform = Platform(Registry([product]))
    device = platform.registry.device("ev", "LBV00000000000001")
    assert device is not None
    assert platform.last_values(device) == {}
    post = json.dumps({"id": "1", "params": {"VehicleSpeed": {"value": 42.5, "time": 9}}}).encode()
    asked: list[str] = []
    platform.last_payload = lambda topic: asked.append(topic) or post  # type: ignore[func-returns-value]
    assert platform.last_values(device) == {"VehicleSpeed": (42.5, 9)}
    assert asked == ["/sys/ev/LBV00000000000001/thing/event/property/post"]

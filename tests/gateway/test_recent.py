"""What trusted connections published last: found in the runs of packets, bounded, and nothing of others."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.broker.recent import RecentRuns
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.fleet_devices import simulated_product
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Publish
from support.carrier import NotingCarrier
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
    assert broker.call(broker.server.last_payloads, "dev/1/post") == []
    broker.call(broker.server.remember, 1 << 20)
    for client, payload in ((house, b"first"), (house, b"second"), (other, b"foreign")):
        client.send(Publish("dev/1/post", payload))
        list(client.messages())
    assert broker.call(broker.server.last_payloads, "dev/1/post") == [b"second"]


def test_a_simulated_vehicles_values_are_read_when_asked_for() -> None:
    product = simulated_product("ev", np.array([b"LBV00000000000001"], dtype="S17"), fleet_secret="fleet")
    platform = Platform(Registry([product]))
    device = platform.registry.device("ev", "LBV00000000000001")
    assert device is not None
    assert platform.parts.states.last_values(device) == {}
    core = _post(2, VehicleSpeed=(42.5, 9), StateOfCharge=(55.0, 9))
    detail = _post(1, **{"battery:PackPower": (11.85, 5), "StateOfCharge": (56.0, 5)})
    carrier = NotingCarrier([core, detail])
    platform.carried_by(carrier)
    assert platform.parts.states.last_values(device) == {
        "VehicleSpeed": (42.5, 9),
        "StateOfCharge": (55.0, 9),
        "battery:PackPower": (11.85, 5),
    }
    assert carrier.asked == ["/sys/ev/LBV00000000000001/thing/event/property/post"]


def _post(number: int, **values: tuple[float, int]) -> bytes:
    params = {name: {"value": value, "time": time} for name, (value, time) in values.items()}
    message = {"id": str(number), "params": params}
    return json.dumps(message, separators=(",", ":")).encode()


def test_the_last_message_of_each_kind_is_found_wherever_its_run_ends() -> None:
    recent = RecentRuns(1 << 20)
    old, core, detail, odd = _post(1, A=(1, 1)), _post(2, A=(2, 2)), _post(3, B=(3, 3)), _post(4, C=(4, 4))
    other = packet("u", _post(9, B=(9, 9)))
    recent.take(packet("t", detail) + other)
    recent.take(packet("t", old) + packet("t", odd) + packet("t", core) + other)
    assert recent.last_of_each("t", frozenset()) == [core]  # nothing more is wanted
    assert recent.last_of_each("t", {b"A", b"B"}) == [core, odd, detail]
    assert recent.last_of_each("t", {b"nothing begins so"}) == [core, odd, detail]


def test_what_is_said_often_does_not_push_out_what_is_said_seldom() -> None:
    recent = RecentRuns(10_000)
    seldom = _post(0, B=(0, 0))
    recent.take(packet("t", seldom))
    for number in range(1000):
        recent.take(packet("t", _post(number, A=(number, number))))
    assert recent.last_of_each("t", {b"A", b"B"}) == [_post(999, A=(999, 999)), seldom]


def test_marks_without_end_are_bounded() -> None:
    recent = RecentRuns(1 << 20)
    for number in range(100):
        recent.take(packet("t", _post(number, **{f"P{number}": (0, number)})))
    assert len(recent.last_of_each("t", {b"no such"})) == 8
    assert len(recent._shelves) == 8

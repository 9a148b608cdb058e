"""A client's rates on its connection: what is within passes, the rest is dropped, counted and told once a second."""

from __future__ import annotations

import pytest

from jinqiao.gateway.broker.limits import Limits
from jinqiao.wire.mqtt.packets import Puback, Publish, Subscribe
from jinqiao.wire.mqtt.rates import Rates
from support.mqtt_memory import Client, House

RATES = Rates(up_qos0=3, up_qos1=2, down=5, bytes_per_s=1_000, down_unacknowledged=4)


@pytest.fixture
def house() -> House:
    return House()


def metered(house: House, client_id: str = "device") -> Client:
    house.policy.limits = {"rates": RATES}
    client = house.client(client_id)
    house.policy.limits = {}
    return client


def heard(client: Client) -> list[bytes]:
    return [packet.payload for packet in client.received() if isinstance(packet, Publish)]


def subscribed(client: Client, qos: int = 0) -> Client:
    client.send(Subscribe(1, (("t", qos),)))
    client.received()
    return client


def test_beyond_the_rate_messages_are_dropped_with_no_error_on_the_wire(house: House) -> None:
    listener = subscribed(house.client("listener"))
    device = metered(house)
    for second in (10.0, 11.0):
        house.at(second)
        device.send(*(Publish("t", b"%d" % number) for number in range(10)))
        assert heard(listener) == [b"0", b"1", b"2"]
        assert device.received() == []
    assert house.broker.counters.throttled == {"up_qos0": 14}
    assert house.policy.log.count(("throttled", "device t")) == 2
    assert not device.closed


def test_each_qos_has_its_rate_and_what_is_dropped_is_acknowledged(house: House) -> None:
    listener = subscribed(house.client("listener"))
    device = metered(house)
    house.at(10.0)
    device.send(*(Publish("t", b"%d" % number, 1, packet_id=number) for number in range(1, 6)))
    device.send(Publish("t", b"zero"))
    assert device.received() == [Puback(number) for number in range(1, 6)]
    assert heard(listener) == [b"1", b"2", b"zero"]


def test_bytes_have_a_rate_too(house: House) -> None:
    listener = subscribed(house.client("listener"))
    device = metered(house)
    house.at(10.0)
    device.send(Publish("t", bytes(600)), Publish("t", bytes(600)), Publish("t", bytes(100)))
    assert [len(payload) for payload in heard(listener)] == [600, 100]
    assert house.broker.counters.throttled == {"up_bytes": 1}


def test_a_device_is_sent_no_more_than_its_rate_whatever_the_run_is(house: House) -> None:
    device = subscribed(metered(house))
    publisher = house.client("publisher")
    house.at(10.0)
    publisher.send(*(Publish("t", b"%d" % number) for number in range(4)))
    publisher.send(*(Publish("t", b"%d" % number) for number in range(4, 9)))
    assert heard(device) == [b"0", b"1", b"2", b"3", b"4"]
    assert house.broker.counters.throttled == {"down": 4}
    house.at(11.0)
    publisher.send(Publish("t", b"again"))
    assert heard(device) == [b"again"]


def test_unacknowledged_messages_are_bounded_until_they_are_acknowledged(house: House) -> None:
    device = subscribed(metered(house), qos=1)
    publisher = house.client("publisher")
    house.at(10.0)
    publisher.send(*(Publish("t", b"%d" % number, 1, packet_id=number) for number in range(1, 6)))
    sent = [packet for packet in device.received() if isinstance(packet, Publish)]
    assert [packet.payload for packet in sent] == [b"1", b"2", b"3", b"4"]
    assert house.broker.counters.throttled == {"down_unacknowledged": 1}
    device.send(*(Puback(packet.packet_id) for packet in sent))
    house.at(11.0)
    publisher.send(Publish("t", b"more", 1, packet_id=9))
    assert heard(device) == [b"more"]


def test_a_steady_client_within_its_rate_loses_nothing(house: House) -> None:
    listener = subscribed(house.client("listener"))
    device = metered(house)
    for number in range(120):  # three a second for 40 s, on a clock that ticks four times a second
        at = 100 + number / 3
        house.at(int(at * 4) / 4)
        device.send(Publish("t", b"%d" % number))
    assert len(heard(listener)) == 120


def test_nobody_else_has_rates(house: House) -> None:
    listener = subscribed(house.client("listener"))
    other = house.client("other")
    house.at(10.0)
    other.send(*(Publish("t", b"x") for _ in range(500)))
    assert len(heard(listener)) == 500


def test_a_refused_publish_ends_the_connection_where_the_policy_wants_it(house: House) -> None:
    house.policy.limits = {"cut_off": True}
    strict = house.client("strict")
    strict.send(Publish("secret", b"", 1, packet_id=1))
    assert strict.closed
    assert house.broker.counters.refused["publish"] == 1


def test_an_address_has_its_share_of_connections() -> None:
    house = House(Limits(connections_per_address=2))
    first, second = house.client("1"), house.client("2")
    third = house.client(None)
    assert third.closed
    assert not first.closed
    assert house.broker.counters.refused == {"connections_per_address": 1}
    second.connection.connection_lost(None)
    third.connection.connection_lost(None)
    assert not house.client("4").closed
    assert house.broker.addresses == {"192.0.2.1": 2}


def test_retained_messages_and_other_single_ones_count_too(house: House) -> None:
    publisher = house.client("publisher")
    house.at(10.0)
    house.policy.limits = {"retains": True}
    keeper = house.client("keeper")
    house.policy.limits = {}
    keeper.send(*(Publish(f"kept/{number}", b"x", retain=True) for number in range(9)))
    device = metered(house)
    device.send(Subscribe(1, (("kept/+", 0),)))
    assert len(heard(device)) == RATES.down
    assert house.broker.counters.throttled == {"down": 4}
    assert not publisher.closed

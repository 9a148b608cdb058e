"""A client whose profile limits it to a QoS: what it is granted, may publish, and finds when it comes back."""

from __future__ import annotations

import pytest

from jinqiao.wire.mqtt.packets import Connack, Connect, PacketType, Puback, Publish, Signal, Suback, Subscribe, Will
from jinqiao.wire.mqtt.properties import Property
from jinqiao.wire.mqtt.reasons import Reason
from support.mqtt_memory import Client, House


@pytest.fixture
def house() -> House:
    return House()


def client(house: House, name: str, max_qos: int, **connect: object) -> Client:
    house.policy.limits = {"max_qos": max_qos, "retains": True}
    found = house.client(name, **connect)
    house.policy.limits = {}
    return found


def subscribe(found: Client, qos: int) -> int:
    found.send(Subscribe(1, (("a", qos),)))
    answer = next(packet for packet in found.received() if isinstance(packet, Suback))
    return answer.codes[0]


def test_no_more_is_granted_and_delivered_than_the_profile_allows(house: House) -> None:
    limited, publisher = client(house, "limited", 0), client(house, "publisher", 2)
    assert subscribe(limited, 2) == 0
    publisher.send(Publish("a", b"1", 1, packet_id=1))
    publisher.send(Publish("a", b"2", 2, packet_id=2))
    assert [(m.payload, m.qos) for m in limited.messages()] == [(b"1", 0), (b"2", 0)]
    assert house.broker.dispatcher.held == 0


@pytest.mark.parametrize("qos", [1, 2])
def test_a_message_above_it_ends_the_connection_and_goes_nowhere(house: House, qos: int) -> None:
    listener, limited = client(house, "listener", 2), client(house, "limited", 0)
    subscribe(listener, 2)
    limited.send(Publish("a", b"fine"))
    limited.send(Publish("a", b"not", qos, packet_id=1))
    assert limited.closed
    assert [m.payload for m in listener.messages()] == [b"fine"]


def test_mqtt_5_is_told_the_maximum_and_why_it_is_disconnected(house: House) -> None:
    """[MQTT5-3.2.2-9, 11]."""
    limited = client(house, "limited", 0, level=5)
    assert isinstance(limited.connack, Connack)
    assert limited.connack.properties[Property.MAXIMUM_QOS] == 0
    limited.send(Publish("a", b"x", 1, packet_id=1))
    (farewell,) = limited.received()
    assert isinstance(farewell, Signal)
    assert (farewell.type, farewell.reason) == (PacketType.DISCONNECT, Reason.QOS_NOT_SUPPORTED)


def test_a_will_is_sent_no_higher(house: House) -> None:
    listener = client(house, "listener", 2)
    subscribe(listener, 2)
    client(house, "limited", 0, will=Will("a", b"gone", 1, False)).lose()
    assert [(m.payload, m.qos) for m in listener.messages()] == [(b"gone", 0)]


@pytest.mark.parametrize("level", [4, 5])
def test_a_session_that_comes_back_under_a_lower_limit_gets_what_waited_at_that(house: House, level: int) -> None:
    properties = {Property.SESSION_EXPIRY: 100} if level == 5 else {}
    before = client(house, "car", 2, clean_session=False, level=level, properties=properties)
    assert subscribe(before, 2) == 2
    publisher = client(house, "publisher", 2)
    publisher.send(Publish("a", b"sent", 1, packet_id=1))
    before.lose()
    publisher.send(Publish("a", b"1", 1, packet_id=2))
    publisher.send(Publish("a", b"2", 2, packet_id=3))
    assert house.broker.dispatcher.held > 0
    after = client(house, "car", 0, clean_session=False, level=level, properties=properties)
    waited = [(m.payload, m.qos, m.duplicate) for m in after.backlog if isinstance(m, Publish)]
    assert waited == [(b"sent", 0, False), (b"1", 0, False), (b"2", 0, False)]
    assert house.broker.dispatcher.held == 0
    # And its subscription is one at QoS 0 from now on.
    publisher.send(Publish("a", b"3", 1, packet_id=4))
    assert [(m.payload, m.qos) for m in after.messages()] == [(b"3", 0)]
    after.lose()
    again = client(house, "car", 2, clean_session=False, level=level, properties=properties)
    assert again.backlog == []


def test_under_a_limit_of_one_what_waited_at_two_comes_at_one(house: House) -> None:
    before = client(house, "car", 2, clean_session=False)
    subscribe(before, 2)
    publisher = client(house, "publisher", 2)
    publisher.send(Publish("a", b"on its way", 2, packet_id=1))
    (sent,) = before.messages()
    before.send(Puback(sent.packet_id, PacketType.PUBREC))
    before.lose()
    publisher.send(Publish("a", b"2", 2, packet_id=2))
    after = client(house, "car", 1, clean_session=False)
    # The exchange that had come to PUBREL goes on [MQTT-4.4.0-1].
    assert Puback(sent.packet_id, PacketType.PUBREL) in after.backlog
    (message,) = (packet for packet in after.backlog if isinstance(packet, Publish))
    assert (message.payload, message.qos) == (b"2", 1)
    after.send(Puback(sent.packet_id, PacketType.PUBCOMP), Puback(message.packet_id))
    assert house.broker.dispatcher.held == 0


def test_at_first_nobody_may_publish_anything(house: House) -> None:
    stranger = Client(house, None)
    stranger.send(Connect("x"), Publish("a", b"x", 1, packet_id=1))
    assert [type(packet) for packet in stranger.received()] == [Connack, Puback]

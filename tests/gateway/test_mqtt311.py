"""MQTT 3.1.1 on the plain profile, by the standard's requirement numbers: retained, wills, sessions, QoS 2."""

from __future__ import annotations

import pytest

from jinqiao.gateway.broker.limits import Limits
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import (
    Connack,
    Connect,
    PacketType,
    Puback,
    Publish,
    Signal,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
)
from support.mqtt_memory import Client, House

PLAIN = {"max_qos": 2, "retains": True, "identifiers": True, "max_filters": 1000, "max_subscriptions": 1000}


def plain_house(limits: Limits | None = None) -> House:
    house = House(limits)
    house.policy.limits = PLAIN
    return house


@pytest.fixture
def house() -> House:
    return plain_house()


def subscribed(house: House, name: str, *filters: str, qos: int = 2, **connect: object) -> Client:
    client = house.client(name, **connect)
    client.send(Subscribe(1, tuple((topic_filter, qos) for topic_filter in filters)))
    assert client.received()[0] == Suback(1, (qos,) * len(filters))
    return client


def pubrec(packet_id: int) -> Puback:
    return Puback(packet_id, PacketType.PUBREC)


def pubrel(packet_id: int) -> Puback:
    return Puback(packet_id, PacketType.PUBREL)


def pubcomp(packet_id: int) -> Puback:
    return Puback(packet_id, PacketType.PUBCOMP)


# Retained messages.


def test_a_retained_message_awaits_new_subscribers(house: House) -> None:
    """[MQTT-3.3.1-5, 6, 8]: the last one, with RETAIN set."""
    publisher = house.client("publisher")
    publisher.send(Publish("a/b", b"old", retain=True), Publish("a/b", b"new", 1, True, packet_id=1))
    publisher.send(Publish("a/c", b"not kept"))
    listener = house.client("listener")
    listener.send(Subscribe(1, (("a/+", 1),)))
    suback, message = listener.received()
    assert suback == Suback(1, (1,))
    assert message == Publish("a/b", b"new", 1, True, packet_id=message.packet_id)  # type: ignore[union-attr]


def test_subscribing_again_brings_it_again(house: House) -> None:
    """[MQTT-3.8.4-3]."""
    house.client("publisher").send(Publish("a", b"kept", retain=True))
    listener = subscribed(house, "listener", "a")
    listener.send(Subscribe(2, (("a", 0),)))
    assert listener.received() == [Suback(2, (0,)), Publish("a", b"kept", retain=True)]


def test_those_who_were_there_get_it_without_the_flag(house: House) -> None:
    """[MQTT-3.3.1-9]."""
    listener = subscribed(house, "listener", "a")
    house.client("publisher").send(Publish("a", b"x", retain=True))
    assert listener.messages() == [Publish("a", b"x")]


def test_an_empty_one_deletes(house: House) -> None:
    """[MQTT-3.3.1-10, 11]."""
    publisher = house.client("publisher")
    publisher.send(Publish("a", b"x", retain=True), Publish("a", b"", retain=True))
    assert subscribed(house, "listener", "#").messages() == []
    assert (len(house.broker.retained), house.broker.retained.bytes) == (0, 0)


@pytest.mark.parametrize(
    ("topic_filter", "found"),
    [
        ("#", {"a", "a/b", "a/b/c", "/x"}),
        ("+", {"a"}),
        ("a/#", {"a", "a/b", "a/b/c"}),
        ("+/+", {"a/b", "/x", "$SYS/x"} - {"$SYS/x"}),
        ("a/b", {"a/b"}),
        ("$SYS/#", {"$SYS/x"}),
        ("a/+/c", {"a/b/c"}),
        ("b/#", set()),
    ],
)
def test_retained_messages_are_found_by_filter(house: House, topic_filter: str, found: set[str]) -> None:
    """[MQTT-4.7.2-1] and § 4.7.1 hold for them as well."""
    publisher = house.client("publisher")
    publisher.send(*(Publish(topic, b"x", retain=True) for topic in ("a", "a/b", "a/b/c", "/x", "$SYS/x")))
    listener = house.client("listener")
    listener.send(Subscribe(1, ((topic_filter, 0),)))
    assert {message.topic for message in listener.messages()} == found


def test_devices_on_3_1_1_retain_nothing(house: House) -> None:
    house.policy.limits = {}
    listener, device = subscribed(house, "listener", "a", qos=0), house.client("device")
    device.send(Publish("a", b"x", retain=True), Publish("a", b"y", 1, True, packet_id=1))
    assert [(m.payload, m.retain) for m in listener.messages()] == [(b"x", False), (b"y", False)]
    assert device.received() == [Puback(1)]
    assert len(house.broker.retained) == 0
    told = [what for kind, what in house.policy.log if kind == "refused"]
    assert told == ["device a: RETAIN is for MQTT 5 here: its messages are delivered, and not retained"]  # once


# Wills.


def will_after(house: House, end: str) -> list[Publish]:
    listener = subscribed(house, "listener", "will")
    client = house.client("client", keep_alive_s=10, will=Will("will", b"gone", 1, True))
    if end == "DISCONNECT":
        client.leave()
    elif end == "loss":
        client.lose()
    elif end == "keep-alive":
        house.at(16.0)
    elif end == "breach":
        client.send(b"\xf0\x00")
    else:
        house.client("client")
    return listener.messages()


@pytest.mark.parametrize("end", ["loss", "keep-alive", "breach", "take-over"])
def test_the_will_of_a_lost_client_is_published(house: House, end: str) -> None:
    """[MQTT-3.1.2-8, 17]: retained, as it was asked."""
    assert [(m.payload, m.qos, m.retain) for m in will_after(house, end)] == [(b"gone", 1, False)]
    assert len(house.broker.retained) == 1


def test_a_goodbye_takes_the_will_back(house: House) -> None:
    """[MQTT-3.1.2-10]."""
    assert will_after(house, "DISCONNECT") == []


def test_a_will_needs_permission(house: House) -> None:
    listener = subscribed(house, "listener", "#")
    house.client("client", will=Will("secret", b"gone")).lose()
    assert listener.messages() == []


def test_a_fault_of_the_policy_costs_the_will_and_no_more(house: House) -> None:
    """Whoever ends the session: the loss of the connection, or the broker's own clock."""
    client = house.client("client", will=Will("new", b"gone"))
    house.policy.kind = lambda *_: 1 // 0  # type: ignore[method-assign]
    client.lose()
    assert house.broker.counters.refused["policy_fault"] == 1
    assert not house.broker.sessions


def test_devices_on_3_1_1_have_no_will(house: House) -> None:
    listener = subscribed(house, "listener", "#")
    house.policy.limits = {}
    house.client("client", will=Will("a", b"gone")).lose()
    assert listener.messages() == []


# Sessions.


def test_a_session_goes_on(house: House) -> None:
    """[MQTT-3.1.2-4, 5; 3.2.2-2, 3]: subscriptions stay, QoS 1 and 2 wait, CONNACK says so."""
    first = subscribed(house, "one", "a", clean_session=False)
    assert first.connack == Connack(0, False)
    first.leave()
    publisher = house.client("publisher")
    publisher.send(*(Publish("a", b"%d" % qos, qos, packet_id=qos and 9) for qos in (0, 1, 2)))
    second = house.client("one", clean_session=False)
    assert second.connack == Connack(0, True)
    assert [(m.payload, m.qos, m.duplicate) for m in second.backlog] == [(b"1", 1, False), (b"2", 2, False)]  # type: ignore[union-attr]
    publisher.send(Publish("a", b"live"))
    assert second.messages() == [Publish("a", b"live")]


def test_a_clean_session_begins_anew(house: House) -> None:
    """[MQTT-3.1.2-6; 3.2.2-1]."""
    subscribed(house, "one", "a", clean_session=False).leave()
    house.client("publisher").send(Publish("a", b"x", 1, packet_id=1))
    assert house.client("one").connack == Connack(0, False)
    house.client("one").leave()
    again = house.client("one", clean_session=False)
    assert (again.connack, again.backlog) == (Connack(0, False), [])
    assert house.broker.dispatcher.held == 0


def test_what_was_not_acknowledged_comes_again(house: House) -> None:
    """[MQTT-4.4.0-1; 3.3.1-1]: in order, with DUP and the identifiers of before."""
    listener = subscribed(house, "one", "a", clean_session=False)
    house.client("publisher").send(*(Publish("a", b"%d" % n, 1 + n % 2, packet_id=n) for n in range(1, 7)))
    sent = listener.messages()
    acknowledged = next(message for message in sent if message.payload == b"2")
    listener.send(Puback(acknowledged.packet_id))
    listener.lose()
    again = house.client("one", clean_session=False).backlog
    expected = [message for message in sent if message is not acknowledged]
    assert [(m.payload, m.packet_id, m.qos, m.duplicate) for m in again] == [  # type: ignore[union-attr]
        (m.payload, m.packet_id, m.qos, True) for m in expected
    ]


def test_after_pubrec_only_pubrel_comes_again(house: House) -> None:
    """[MQTT-4.3.3-1]."""
    listener = subscribed(house, "one", "a", clean_session=False)
    house.client("publisher").send(Publish("a", b"x", 2, packet_id=1))
    (message,) = listener.messages()
    listener.send(pubrec(message.packet_id))
    assert listener.received() == [pubrel(message.packet_id)]
    listener.lose()
    again = house.client("one", clean_session=False)
    assert again.backlog == [pubrel(message.packet_id)]
    again.send(pubcomp(message.packet_id))
    again.lose()
    assert house.client("one", clean_session=False).backlog == []


def test_a_take_over_hands_the_session_on(house: House) -> None:
    """[MQTT-3.1.4-2]: the older connection is closed, its session goes on in the new one."""
    first = subscribed(house, "one", "a", clean_session=False)
    house.client("publisher").send(Publish("a", b"x", 1, packet_id=1))
    second = house.client("one", clean_session=False)
    assert first.closed
    assert second.connack == Connack(0, True)
    assert [m.payload for m in second.backlog] == [b"x"]  # type: ignore[union-attr]
    first.lose()
    house.client("publisher").send(Publish("a", b"y"))
    assert second.messages() == [Publish("a", b"y")]


def test_what_waits_for_an_absent_client_is_bounded() -> None:
    house = plain_house(Limits(offline_queue_bytes=10_000))
    subscribed(house, "one", "a", clean_session=False).leave()
    publisher = house.client("publisher")
    for number in range(1, 101):
        publisher.send(Publish("a", b"x" * 1_000, 1, packet_id=number))
    assert 8_000 < house.broker.dispatcher.held <= 10_000
    assert house.broker.counters.dropped > 80
    assert not house.broker.dispatcher.congested
    assert not publisher.transport.reading_paused
    again = house.client("one", clean_session=False)
    assert len(again.backlog) == 100 - house.broker.counters.dropped
    # Until they are acknowledged they may have to be sent again.
    assert 8_000 < house.broker.dispatcher.held <= 10_000
    again.send(*(Puback(message.packet_id) for message in again.backlog if isinstance(message, Publish)))
    assert house.broker.dispatcher.held == 0


def test_sessions_end_when_nobody_comes_back() -> None:
    house = plain_house(Limits(session_expiry_s=100, offline_sessions=2))
    for name in ("one", "two", "three"):
        subscribed(house, name, "a", clean_session=False).leave()
    assert len(house.broker.absent) == 2
    assert house.client("one", clean_session=False).connack == Connack(0, False)
    house.at(101.0)
    assert len(house.broker.absent) == 0
    assert len(house.broker.router._trie) == 0


def test_coming_and_going_leaves_nothing_behind(house: House) -> None:
    """Each absence has a timer that is due in days."""
    for _ in range(1_000):
        house.client("one", clean_session=False).leave()
    assert len(house.broker.dispatcher.timers) < 200
    house.client("one", clean_session=False)
    house.at(1e9)
    assert len(house.broker.dispatcher.timers) == 0


def test_a_lost_permission_ends_a_subscription_at_the_next_login(house: House) -> None:
    subscribed(house, "one", "a", "b", clean_session=False).leave()
    house.policy.may_subscribe = lambda _, topic_filter: topic_filter == "b"  # type: ignore[method-assign]
    again = house.client("one", clean_session=False)
    house.client("publisher").send(Publish("a", b"1"), Publish("b", b"2"))
    assert again.messages() == [Publish("b", b"2")]


def test_what_waits_for_a_lost_permission_is_not_delivered(house: House) -> None:
    subscribed(house, "one", "a", "+/b", clean_session=False).leave()
    burst = [Publish(topic, b"kept" if topic == "a" else b"lost", 1, packet_id=9) for topic in ("a", "x/b", "y/b", "a")]
    house.client("publisher").send(*burst)
    house.policy.may_subscribe = lambda _, topic_filter: topic_filter == "a"  # type: ignore[method-assign]
    again = house.client("one", clean_session=False)
    assert [m.payload for m in again.backlog if isinstance(m, Publish)] == [b"kept", b"kept"]
    again.send(*(Puback(m.packet_id) for m in again.backlog if isinstance(m, Publish)))
    assert house.broker.dispatcher.held == 0


def test_a_pushed_to_device_keeps_its_session(house: House) -> None:
    """The platform keeps QoS 1 downlinks for an offline device."""
    device = house.client("one:auto", clean_session=False)
    device.send(Unsubscribe(1, ("dev/one/x/answer",)))
    assert device.received() == [Unsuback(1)]
    device.lose()
    house.broker.publish("dev/one/answer", b"kept", 1)
    house.broker.publish("dev/one/x/answer", b"not wanted", 1)
    again = house.client("one:auto", clean_session=False)
    assert [m.payload for m in again.backlog] == [b"kept"]  # type: ignore[union-attr]


# QoS 2.


def test_exactly_once_from_a_publisher(house: House) -> None:
    """[MQTT-4.3.3-2]: sent again before PUBREL it is not delivered again; after PUBREL it is another message."""
    listener, publisher = subscribed(house, "listener", "a", qos=0), house.client("publisher")
    publisher.send(Publish("a", b"1", 2, packet_id=7), Publish("a", b"1", 2, False, True, 7))
    assert publisher.received() == [pubrec(7), pubrec(7)]
    publisher.send(pubrel(7), pubrel(7))
    assert publisher.received() == [pubcomp(7), pubcomp(7)]
    publisher.send(Publish("a", b"2", 2, packet_id=7))
    assert [message.payload for message in listener.messages()] == [b"1", b"2"]


def test_exactly_once_over_a_loss(house: House) -> None:
    """[MQTT-4.4.0-1]: the identifiers of received messages are session state (§ 4.1)."""
    listener = subscribed(house, "listener", "a", qos=0)
    publisher = house.client("publisher", clean_session=False)
    publisher.send(Publish("a", b"1", 2, packet_id=7))
    publisher.lose()
    again = house.client("publisher", clean_session=False)
    again.send(Publish("a", b"1", 2, False, True, 7), pubrel(7))
    assert again.received() == [pubrec(7), pubcomp(7)]
    assert len(listener.messages()) == 1


def test_exactly_once_to_a_subscriber(house: House) -> None:
    """[MQTT-4.3.3-1]."""
    listener = subscribed(house, "listener", "a")
    house.client("publisher").send(Publish("a", b"x", 2, packet_id=1))
    (message,) = listener.messages()
    assert (message.qos, message.payload) == (2, b"x")
    listener.send(Puback(message.packet_id))  # of the wrong kind: changes nothing
    listener.send(pubrec(message.packet_id), pubcomp(message.packet_id))
    assert listener.received() == [pubrel(message.packet_id)]
    window = house.broker.sessions["listener"].outbox.window
    assert window is not None
    assert not window.in_flight


def test_the_lower_qos_of_both_counts(house: House) -> None:
    """[MQTT-3.8.4-6], for all nine pairs."""
    listeners = [subscribed(house, f"listener {qos}", "a", qos=qos) for qos in range(3)]
    house.client("publisher").send(*(Publish("a", b"%d" % qos, qos, packet_id=qos) for qos in range(3)))
    for granted, listener in enumerate(listeners):
        assert [m.qos for m in listener.messages()] == [min(granted, qos) for qos in range(3)]


def test_overlapping_subscriptions_bring_one_message_at_the_highest_qos(house: House) -> None:
    """§ 3.3.5: one of the two ways it leaves open."""
    listener = house.client("listener")
    listener.send(Subscribe(1, (("TopicA/#", 2), ("+/C", 1))))
    house.client("publisher").send(Publish("TopicA/C", b"x", 2, packet_id=1))
    assert [message.qos for message in listener.messages()] == [2]


def test_the_window_holds_for_qos_2_too() -> None:
    house = plain_house(Limits(unacknowledged=3))
    listener, publisher = subscribed(house, "listener", "a"), house.client("publisher")
    publisher.send(*(Publish("a", b"%d" % number, 2, packet_id=number) for number in range(1, 6)))
    first = listener.messages()
    assert [message.payload for message in first] == [b"1", b"2", b"3"]
    listener.send(pubrec(first[0].packet_id))
    assert listener.messages() == []
    listener.send(pubcomp(first[0].packet_id))
    assert [message.payload for message in listener.messages()] == [b"4"]


@pytest.mark.parametrize("rounds", [1, 5, 60])
def test_a_window_that_lasts_keeps_no_more_than_it_must(rounds: int) -> None:
    """One message is never acknowledged, thousands of others are: the memory of what was sent stays small."""
    house = plain_house(Limits(unacknowledged=10))
    listener, publisher = subscribed(house, "one", "a", qos=1, clean_session=False), house.client("publisher")
    publisher.send(Publish("a", b"stuck", 1, packet_id=65_535))
    listener.received()
    for number in range(rounds):
        publisher.send(*(Publish("a", b"%d" % number, 1, packet_id=1 + i) for i in range(5)))
        listener.send(*(Puback(message.packet_id) for message in listener.messages()))
    window = house.broker.sessions["one"].outbox.window
    assert window is not None
    assert window._sent is not None
    assert len(window._sent) <= 40
    listener.lose()
    again = house.client("one", clean_session=False).backlog
    assert [(m.payload, m.packet_id, m.duplicate) for m in again] == [(b"stuck", 65_535, True)]  # type: ignore[union-attr]


# Logins.


def test_keep_alive_0_is_for_ever(house: House) -> None:
    """[MQTT-3.1.2-24]."""
    client = house.client("one", keep_alive_s=0)
    house.at(1e7)
    assert not client.closed


def test_empty_client_identifiers(house: House) -> None:
    """[MQTT-3.1.3-7, 8]."""
    assert house.client("").connack == Connack(0)
    refused = house.client(None)
    refused.send(Connect("", clean_session=False))
    assert refused.received() == [Connack(2)]
    assert refused.closed


def test_a_shared_subscription_serves_one_at_a_time(house: House) -> None:
    one, two = subscribed(house, "one", "$share/g/a"), subscribed(house, "two", "$share/g/a")
    publisher = house.client("publisher")
    for number in range(10):
        publisher.send(Publish("a", b"%d" % number, number % 2, packet_id=number % 2 and number))
    got = [one.messages(), two.messages()]
    assert [len(messages) for messages in got] == [5, 5]
    two.send(Unsubscribe(2, ("$share/g/a",)))
    publisher.send(Publish("a", b"x"))
    assert one.messages() == [Publish("a", b"x")]
    one.leave()
    assert len(house.broker.router._trie) == 0


def test_a_member_away_is_passed_over(house: House) -> None:
    """A shared subscription goes on with those who are there."""
    subscribed(house, "one", "$share/g/a", clean_session=False).leave()
    two = subscribed(house, "two", "$share/g/a")
    house.client("publisher").send(*(Publish("a", b"%d" % n, 1, packet_id=n) for n in range(1, 4)))
    assert len(two.messages()) == 3
    two.leave()
    house.client("publisher").send(Publish("a", b"kept", 1, packet_id=9))
    assert [m.payload for m in house.client("one", clean_session=False).backlog] == [b"kept"]  # type: ignore[union-attr]


def test_the_stream_goes_on_behind_what_is_looked_at(house: House) -> None:
    """QoS 2, RETAIN and ordinary messages mixed in one read keep their order."""
    listener, publisher = subscribed(house, "listener", "#", qos=0), house.client("publisher")
    packets = [
        Publish("a", b"%d" % number, number % 3, number % 5 == 0, packet_id=number % 3 and number)
        for number in range(1, 40)
    ]
    publisher.send(b"".join(map(encode, packets)), Signal(PacketType.PINGREQ))
    assert [message.payload for message in listener.messages()] == [packet.payload for packet in packets]
    answers = publisher.received()
    assert [a.packet_id for a in answers if isinstance(a, Puback)] == [p.packet_id for p in packets if p.qos]
    assert answers[-1] == Signal(PacketType.PINGRESP)

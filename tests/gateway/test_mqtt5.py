"""MQTT 5 on the plain profile, by the standard's requirement numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from jinqiao.gateway.broker.limits import Limits
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import (
    Connack,
    Connect,
    Packet,
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
from jinqiao.wire.mqtt.properties import Property
from jinqiao.wire.mqtt.reasons import Reason
from support.mqtt_memory import Client, House

P = Property
PLAIN = {"max_qos": 2, "retains": True, "identifiers": True, "max_filters": 1000, "max_subscriptions": 1000}
#: Subscription options (§ 3.8.3.1).
NO_LOCAL, AS_PUBLISHED, IF_NEW, NEVER = 0x04, 0x08, 0x10, 0x20


def plain_house(limits: Limits | None = None) -> House:
    house = House(limits)
    house.policy.limits = PLAIN
    return house


@pytest.fixture
def house() -> House:
    return plain_house()


def five(house: House, name: str = "five", properties: Mapping[Property, Any] | None = None, **connect: Any) -> Client:
    return house.client(name, level=5, properties=properties or {}, **connect)


def subscribed(client: Client, topic_filter: str, options: int = 2, identifier: int = 0) -> Client:
    properties = {P.SUBSCRIPTION_IDENTIFIER: (identifier,)} if identifier else {}
    client.send(Subscribe(1, ((topic_filter, options),), properties))
    assert client.received()[0] == Suback(1, (options & 3,))
    return client


def told(client: Client) -> list[int]:
    """Reasons of the DISCONNECTs that came."""
    return [p.reason for p in client.received() if isinstance(p, Signal) and p.type is PacketType.DISCONNECT]


def login(house: House, connect: Connect) -> tuple[Client, list[Packet]]:
    client = house.client(None, level=5)
    client.send(connect)
    return client, client.received()


# CONNECT and CONNACK.


def test_connack_tells_what_is_offered(house: House) -> None:
    """§ 3.2.2.3."""
    connack = five(house, "", {P.SESSION_EXPIRY: 10}, keep_alive_s=30).connack
    assert isinstance(connack, Connack)
    told = dict(connack.properties)
    assert told.pop(P.ASSIGNED_CLIENT_ID).startswith("auto-")  # [MQTT5-3.1.3-6, 3.2.2-16]
    assert told == {
        P.SERVER_KEEP_ALIVE: 30,
        P.RECEIVE_MAXIMUM: 100,
        P.TOPIC_ALIAS_MAXIMUM: 20,
        P.MAXIMUM_PACKET_SIZE: 262_144,
        P.SESSION_EXPIRY: 10,
    }


def test_connack_tells_a_device_what_it_may_not(house: House) -> None:
    house.policy.limits = {}
    connack = five(house).connack
    assert isinstance(connack, Connack)
    wanted = {P.MAXIMUM_QOS: 1, P.RETAIN_AVAILABLE: 0, P.SUBSCRIPTION_IDENTIFIERS_AVAILABLE: 0}
    assert {name: connack.properties[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("connect", "reason"),
    [
        (Connect("a", level=5, properties={P.AUTHENTICATION_METHOD: "SCRAM"}), Reason.BAD_AUTHENTICATION_METHOD),
        (Connect("a", username="nobody", level=5), Reason.BAD_CREDENTIALS),
        (Connect("a", username="fault", level=5), Reason.SERVER_UNAVAILABLE),
    ],
)
def test_refusals_have_their_reason(house: House, connect: Connect, reason: int) -> None:
    """[MQTT5-4.12.0-1; 3.2.2-7]."""
    client, answers = login(house, connect)
    assert answers == [Connack(reason)]
    assert client.closed


@pytest.mark.parametrize(
    ("will", "reason"),
    [(Will("a", b"", 2), Reason.QOS_NOT_SUPPORTED), (Will("a", b"", retain=True), Reason.RETAIN_NOT_SUPPORTED)],
)
def test_a_will_that_is_not_supported_is_refused(house: House, will: Will, reason: int) -> None:
    """[MQTT5-3.2.2-12, 13]."""
    house.policy.limits = {}
    _, answers = login(house, Connect("a", will=will, level=5))
    assert answers == [Connack(reason)]


def test_a_take_over_is_told(house: House) -> None:
    """[MQTT5-3.1.4-3]."""
    first = five(house)
    five(house)
    assert told(first) == [Reason.SESSION_TAKEN_OVER]
    assert first.closed


def test_silence_is_told(house: House) -> None:
    client = five(house, keep_alive_s=10)
    house.at(16.0)
    assert told(client) == [Reason.KEEP_ALIVE_TIMEOUT]


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"\x10\x0d\0\4MQTT\5\2\0\0\0\0\0", Reason.PROTOCOL_ERROR),  # [MQTT5-3.1.0-2]
        (b"\xf0\x00", Reason.PROTOCOL_ERROR),  # AUTH without a method
        (b"\x30\x04\0\1a\x7f", Reason.MALFORMED),
        (b"\x36\x06\0\1a\0\1\0", Reason.MALFORMED),  # [MQTT5-3.3.1-4]
        (b"\x30\x07\0\1a\x03\x23\0\0", Reason.TOPIC_ALIAS_INVALID),  # [MQTT5-3.3.2-8]
        (b"\x30\x07\0\1a\x03\x23\0\x15", Reason.TOPIC_ALIAS_INVALID),  # [MQTT5-3.3.2-9]
        (b"\x30\x06\0\0\x03\x23\0\1", Reason.PROTOCOL_ERROR),
        (b"\x30\x06\0\1a\x02\x0b\1", Reason.PROTOCOL_ERROR),  # [MQTT5-3.3.4-6]
        (b"\x30\xff\xff\xff\x7f", Reason.PACKET_TOO_LARGE),  # [MQTT5-3.2.2-15]
        (b"\x82\x03\0\1\0", Reason.PROTOCOL_ERROR),  # [MQTT5-3.8.3-2]
    ],
)
def test_breaches_are_told(house: House, packet: bytes, reason: int) -> None:
    """[MQTT5-4.13.1-1; 3.14.2-1]: DISCONNECT with the reason, then the end; nobody else is disturbed."""
    other, client = five(house, "other"), five(house)
    client.send(packet)
    assert told(client) == [reason]
    assert client.closed
    assert not other.closed


def test_a_breach_before_connect_gets_no_word(house: House) -> None:
    client = house.client(None, level=5)
    client.send(b"\x30\x04\0\1a\0")
    assert client.transport.written == b""
    assert client.closed


def test_qos_2_where_it_is_not_offered(house: House) -> None:
    """[MQTT5-3.2.2-11]."""
    house.policy.limits = {}
    client = five(house)
    client.send(Publish("a", b"", 2, packet_id=1))
    assert told(client) == [Reason.QOS_NOT_SUPPORTED]


# Between the versions.


def test_each_subscriber_gets_its_own_version(house: House) -> None:
    """Runs of one version are read by the other, at each QoS, and properties come through where there are any."""
    four = house.client("four")
    four.send(Subscribe(1, (("a/#", 1),)))
    four.received()
    at_5 = subscribed(five(house, "five"), "a/#", 1)
    old, new = house.client("old"), five(house, "new")
    for sender in (old, new):
        sender.send(*(Publish(f"a/{n}", b"%d" % n, n % 2, packet_id=n % 2 and 10 + n) for n in range(6)))
    expected = [(f"a/{n}", b"%d" % n, n % 2) for n in range(6)] * 2
    for reader in (four, at_5):
        assert [(m.topic, m.payload, m.qos) for m in reader.messages()] == expected
    new.send(Publish("a/x", b"x", 1, packet_id=1, properties={P.CONTENT_TYPE: "text"}))
    assert [m.payload for m in four.messages()] == [b"x"]
    assert [m.properties for m in at_5.messages()] == [{P.CONTENT_TYPE: "text"}]


def test_long_runs_go_as_they_are_within_a_version(house: House) -> None:
    """The fast path: the same bytes, in one write."""
    reader, writer = subscribed(five(house, "reader"), "a", 0), five(house, "writer")
    data = b"".join(encode(Publish("a", b"%d" % n), 5) for n in range(100))
    writes: list[bytes] = []
    reader.transport.write = writes.append  # type: ignore[method-assign]
    writer.send(data)
    assert writes == [data]


def test_properties_that_need_no_change_take_the_fast_path(house: House) -> None:
    """The same bytes within the version; and every other form of them is right."""
    told = {P.CONTENT_TYPE: "text", P.USER_PROPERTY: (("k", "v"),)}
    reader, four = subscribed(five(house, "reader"), "a", 1), house.client("four")
    four.send(Subscribe(1, (("a", 1),)))
    four.received()
    own = subscribed(five(house, "own", {P.TOPIC_ALIAS_MAXIMUM: 1}), "a", 1, 9)
    writer = five(house, "writer")
    packets = [
        Publish("a", b"%d" % n, n // 4, packet_id=n // 4 and n, properties=told if n % 2 else {}) for n in range(8)
    ]
    writer.send(b"".join(encode(packet, 5) for packet in packets))
    assert reader.messages() == packets
    assert four.messages() == [Publish("a", p.payload, p.qos, packet_id=p.packet_id) for p in packets]
    assert [(m.payload, m.qos, dict(m.properties)) for m in own.messages()] == [
        (p.payload, p.qos, {P.TOPIC_ALIAS: 1, P.SUBSCRIPTION_IDENTIFIER: (9,), **p.properties}) for p in packets
    ]


def test_properties_that_reach_into_the_next_packet_are_a_breach(house: House) -> None:
    """Though they would be known ones there."""
    reader, writer = subscribed(five(house, "reader"), "#", 0), five(house, "writer")
    known = b"\x04\x03\0\x01t"
    writer.send(b"\x30\x08\0\1a" + known)
    assert len(reader.messages()) == 1
    writer.send(b"\x30\x06\0\1a" + known)
    assert told(writer) == [Reason.MALFORMED]
    assert reader.messages() == []


def test_the_memory_of_properties_is_bounded(house: House) -> None:
    writer = five(house, "writer")
    for number in range(3_000):
        writer.send(Publish("a", b"", properties={P.CORRELATION_DATA: b"%d" % number}))
    assert len(house.broker.passing) <= 1_000


def test_what_the_house_answers_comes_without_the_properties(house: House) -> None:
    """The policy sees payloads, whatever the version."""
    device = five(house, "one:auto")
    device.send(Publish("dev/one/ask", b"0"), Publish("dev/one/ask", b"1", 1, packet_id=3))
    assert [m.payload for m in device.messages()] == [b"0", b"1"]
    device.send(Publish("dev/one/ask", b"2", properties={P.CONTENT_TYPE: "text"}))
    assert [m.payload for m in device.messages()] == [b"2"]
    device.send(Publish("dev/one/ask", b"3", 2 - 1, packet_id=9, properties={P.MESSAGE_EXPIRY: 7}))
    assert [m.payload for m in device.messages()] == [b"3"]


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_properties_are_passed_through(house: House, qos: int) -> None:
    """[MQTT5-3.3.2-4, 15, 16, 17, 18, 20]."""
    reader, writer = subscribed(five(house, "reader"), "a"), five(house, "writer")
    properties = {
        P.PAYLOAD_FORMAT: 1,
        P.CONTENT_TYPE: "text/plain",
        P.RESPONSE_TOPIC: "b",
        P.CORRELATION_DATA: b"334",
        P.USER_PROPERTY: (("a", "2"), ("c", "3"), ("a", "1")),
    }
    writer.send(Publish("a", b"x", qos, packet_id=qos, properties=properties))
    assert [message.properties for message in reader.messages()] == [properties]


def test_without_permission_the_reason_says_so(house: House) -> None:
    """§ 3.4.2.1, 3.5.2.1: 0x87, in the order of the messages."""
    client = five(house)
    client.send(
        Publish("a", b"", 1, packet_id=1),
        Publish("secret", b"", 1, packet_id=2),
        Publish("a", b"", 1, packet_id=3),
        Publish("secret", b"", 2, packet_id=4),
        Puback(4, PacketType.PUBREL),
    )
    kinds = PacketType
    assert client.received() == [
        Puback(1),
        Puback(2, kinds.PUBACK, Reason.NOT_AUTHORIZED),
        Puback(3),
        Puback(4, kinds.PUBREC, Reason.NOT_AUTHORIZED),
        Puback(4, kinds.PUBCOMP, Reason.PACKET_IDENTIFIER_NOT_FOUND),
    ]


# Sessions.


def test_a_session_lasts_as_long_as_it_was_asked_to(house: House) -> None:
    """[MQTT5-3.1.2-23]; § 3.14.2.2.2: DISCONNECT may ask anew."""
    five(house, properties={}).leave()
    assert five(house, clean_session=False).connack.session_present is False
    subscribed(five(house, properties={P.SESSION_EXPIRY: 5}), "a").leave()
    house.at(4.0)
    again = five(house, clean_session=False, properties={P.SESSION_EXPIRY: 5})
    assert again.connack.session_present is True
    again.leave()
    house.at(10.0)
    again = five(house, clean_session=False, properties={P.SESSION_EXPIRY: 1})
    assert again.connack.session_present is False
    again.leave(properties={P.SESSION_EXPIRY: 5})
    house.at(14.0)
    again = five(house, clean_session=False, properties={P.SESSION_EXPIRY: 1})
    assert again.connack.session_present is True
    again.leave(properties={P.SESSION_EXPIRY: 0})
    assert five(house, clean_session=False).connack.session_present is False


def test_a_session_of_no_length_cannot_be_made_longer(house: House) -> None:
    """§ 3.14.2.2.2: a protocol error."""
    client = five(house)
    client.send(Signal(PacketType.DISCONNECT, 0, {P.SESSION_EXPIRY: 5}))
    assert client.closed
    assert len(house.broker.absent) == 0


def test_a_session_may_change_its_version(house: House) -> None:
    """What waits is sent in the form of the connection that takes it."""
    first = house.client("one", clean_session=False)
    first.send(Subscribe(1, (("a", 1),)))
    first.received()
    writer = house.client("writer")
    writer.send(Publish("a", b"1", 1, packet_id=1))
    first.lose()
    writer.send(*(Publish("a", b"%d" % n, 1, packet_id=n) for n in (2, 3)))
    second = five(house, "one", {P.SESSION_EXPIRY: 100, P.TOPIC_ALIAS_MAXIMUM: 5}, clean_session=False)
    assert [m.payload for m in second.backlog] == [b"1", b"2", b"3"]  # type: ignore[union-attr]
    second.lose()
    third = house.client("one", clean_session=False)
    assert [(m.payload, m.duplicate) for m in third.backlog] == [(b"1", True), (b"2", True), (b"3", True)]  # type: ignore[union-attr]
    third.lose()
    fourth = five(house, "one", {P.SESSION_EXPIRY: 100}, clean_session=False)
    assert [m.payload for m in fourth.backlog] == [b"1", b"2", b"3"]  # type: ignore[union-attr]


def test_messages_expire(house: House) -> None:
    """[MQTT5-3.3.2-5, 6]: dropped after their time, else told how much is left."""
    subscribed(five(house, "one", {P.SESSION_EXPIRY: 100}), "a").leave()
    writer = five(house, "writer")
    for qos in (1, 2):
        for seconds in (1, 6):
            writer.send(Publish("a", b"%d" % seconds, qos, packet_id=qos, properties={P.MESSAGE_EXPIRY: seconds}))
            writer.send(Puback(qos, PacketType.PUBREL))
    house.at(3.0)
    again = five(house, "one", {P.SESSION_EXPIRY: 100}, clean_session=False)
    assert [(m.payload, m.properties) for m in again.backlog] == [  # type: ignore[union-attr]
        (b"6", {P.MESSAGE_EXPIRY: 3}),
        (b"6", {P.MESSAGE_EXPIRY: 3}),
    ]
    first, second = (m.packet_id for m in again.backlog)  # type: ignore[union-attr]
    again.send(Puback(first))
    again.send(Puback(second, PacketType.PUBREC), Puback(second, PacketType.PUBCOMP))
    assert house.broker.dispatcher.held == 0


def test_retained_messages_expire(house: House) -> None:
    writer = five(house, "writer")
    writer.send(Publish("a", b"x", retain=True, properties={P.MESSAGE_EXPIRY: 5, P.USER_PROPERTY: (("k", "v"),)}))
    house.at(2.0)
    reader = five(house, "reader")
    reader.send(Subscribe(1, (("a", 0),)))
    assert [m.properties for m in reader.messages()] == [{P.MESSAGE_EXPIRY: 3, P.USER_PROPERTY: (("k", "v"),)}]
    house.at(6.0)
    reader.send(Subscribe(1, (("a", 0),)))
    assert reader.messages() == []


# Wills.


@pytest.mark.parametrize(("delay", "expiry", "due"), [(3, 5, 3.0), (5, 0, 0.0), (5, 2, 2.0), (0, 9, 0.0)])
def test_the_will_waits_for_its_delay_or_the_end_of_the_session(
    house: House, delay: int, expiry: int, due: float
) -> None:
    """[MQTT5-3.1.3-9], § 3.1.3.2.2: whichever is first."""
    reader = subscribed(five(house, "reader"), "will")
    will = Will("will", b"gone", 1, properties={P.WILL_DELAY: delay, P.CONTENT_TYPE: "text"})
    five(house, "one", {P.SESSION_EXPIRY: expiry}, will=will).lose()
    house.at(max(due - 0.1, 0.0))
    assert (reader.messages() == []) == (due > 0)
    house.at(due + 0.5)
    assert [(m.payload, m.properties) for m in reader.messages()] == ([(b"gone", {P.CONTENT_TYPE: "text"})] * (due > 0))


def test_who_comes_back_in_time_leaves_no_will(house: House) -> None:
    """[MQTT5-3.1.3-9]; a clean start ends the session, and that sends it."""
    reader = subscribed(five(house, "reader"), "will")
    will = Will("will", b"gone", properties={P.WILL_DELAY: 3})
    five(house, "one", {P.SESSION_EXPIRY: 5}, will=will).lose()
    again = five(house, "one", {P.SESSION_EXPIRY: 5}, will=will, clean_session=False)
    house.at(10.0)
    assert reader.messages() == []
    again.lose()
    five(house, "one")
    assert [message.payload for message in reader.messages()] == [b"gone"]


@pytest.mark.parametrize(
    ("reason", "published"),
    [(Reason.SUCCESS, False), *((reason, True) for reason in Reason if reason >= 0x80 or reason == 0x04)],
)
def test_a_goodbye_takes_the_will_back_only_if_all_was_well(house: House, reason: Reason, published: bool) -> None:
    """[MQTT5-3.1.2-8, 10], § 3.14.4: discarded if the reason is 0x00, published with any other."""
    reader = subscribed(five(house, "reader"), "will")
    five(house, "one", will=Will("will", b"gone")).leave(reason=reason)
    assert [message.payload for message in reader.messages()] == [b"gone"] * published


def test_a_goodbye_with_a_reason_and_a_session_that_lasts_leaves_the_will_its_delay(house: House) -> None:
    """§ 3.1.3.2.2; a reason of success takes the will back for the whole session."""
    reader = subscribed(five(house, "reader"), "will")
    will = Will("will", b"gone", properties={P.WILL_DELAY: 3})
    for gone_at, reason, expected in ((0.0, Reason.SUCCESS, []), (10.0, Reason.UNSPECIFIED, [b"gone"])):
        house.at(gone_at)
        five(house, "one", {P.SESSION_EXPIRY: 9}, will=will).leave(reason=reason)
        house.at(gone_at + 2.9)
        assert reader.messages() == []
        house.at(gone_at + 9.9)
        assert [message.payload for message in reader.messages()] == expected


def test_a_goodbye_that_breaks_the_rules_leaves_the_will(house: House) -> None:
    """§ 3.14.2.2.2: a session that was to end cannot be made to last; the connection ends as after any such error."""
    reader = subscribed(five(house, "reader"), "will")
    five(house, "one", will=Will("will", b"gone")).leave(properties={P.SESSION_EXPIRY: 9})
    assert house.broker.counters.refused["malformed"] == 1
    assert [message.payload for message in reader.messages()] == [b"gone"]


# Topic aliases.


def test_the_clients_topic_aliases(house: House) -> None:
    """§ 3.3.2.3.4: set, used, set anew, forgotten with the connection [MQTT5-3.3.2-7]."""
    reader = subscribed(five(house, "reader"), "+", 0)
    writer = five(house, "writer", {P.SESSION_EXPIRY: 100})
    alias = {P.TOPIC_ALIAS: 1}
    writer.send(*(Publish(topic, b"", properties=alias) for topic in ("a", "", "b", "")))
    messages = reader.messages()
    assert [message.topic for message in messages] == ["a", "a", "b", "b"]
    assert all(not message.properties for message in messages)
    writer.lose()
    again = five(house, "writer", {P.SESSION_EXPIRY: 100}, clean_session=False)
    again.send(Publish("", b"", properties=alias))
    assert told(again) == [Reason.PROTOCOL_ERROR]


def test_our_topic_aliases(house: House) -> None:
    """[MQTT5-3.1.2-26, 27]: as many as the client allows, at every QoS; none if it says nothing."""
    reader = subscribed(five(house, "reader", {P.TOPIC_ALIAS_MAXIMUM: 1}), "#")
    silent = subscribed(five(house, "silent"), "#")
    writer = five(house, "writer")
    for qos in range(3):
        writer.send(Publish("a", b"", qos, packet_id=qos), Publish("b", b"", qos, packet_id=10 * qos))
    messages = reader.messages()
    assert [(m.topic, m.properties.get(P.TOPIC_ALIAS)) for m in messages] == [("a", 1), ("b", None)] + [
        ("", 1),
        ("b", None),
    ] * 2
    assert all(P.TOPIC_ALIAS not in message.properties for message in silent.messages())


# Flow control.


def test_receive_maximum_of_the_client(house: House) -> None:
    """[MQTT5-3.3.4-9]."""
    reader = subscribed(five(house, "reader", {P.RECEIVE_MAXIMUM: 2}), "a")
    writer = five(house, "writer")
    writer.send(*(Publish("a", b"%d" % n, 1 + n % 2, packet_id=n) for n in range(1, 5)))
    first = reader.messages()
    assert [message.payload for message in first] == [b"1", b"2"]
    reader.send(Puback(first[1].packet_id))
    assert [message.payload for message in reader.messages()] == [b"3"]
    reader.send(Puback(first[0].packet_id, PacketType.PUBREC, Reason.UNSPECIFIED))
    assert [message.payload for message in reader.messages()] == [b"4"]  # a PUBREC that refuses ends it (§ 4.3.3)


def test_our_receive_maximum() -> None:
    """[MQTT5-3.3.4-7, 8]."""
    house = plain_house(Limits(receive_maximum=3))
    client = five(house)
    client.send(*(Publish("a", b"", 2, packet_id=n) for n in (1, 2, 3)))
    client.send(Puback(2, PacketType.PUBREL), Publish("a", b"", 2, packet_id=4))
    assert not client.closed
    client.received()
    client.send(Publish("a", b"", 2, packet_id=5))
    assert told(client) == [Reason.RECEIVE_MAXIMUM_EXCEEDED]


def test_maximum_packet_size_of_the_client(house: House) -> None:
    """[MQTT5-3.1.2-24, 25]: what is longer is dropped as if it had been sent; it takes no room in the window."""
    reader = subscribed(five(house, "reader", {P.MAXIMUM_PACKET_SIZE: 64, P.RECEIVE_MAXIMUM: 1}), "a")
    five(house, "writer").send(
        *(Publish("a", b"x" * size, qos, packet_id=qos) for qos in (0, 1) for size in (32, 64, 100)),
    )
    assert [len(message.payload) for message in reader.messages()] == [32, 32]
    window = house.broker.sessions["reader"].outbox.window
    assert window is not None
    assert len(window.in_flight) == 1


# Subscriptions.


def test_no_local(house: House) -> None:
    """[MQTT5-3.8.3-3]."""
    one = subscribed(five(house, "one"), "a", 1 | NO_LOCAL)
    two = subscribed(five(house, "two"), "a", 1 | NO_LOCAL)
    one.send(Publish("a", b"0"), Publish("a", b"1", 1, packet_id=1), Publish("a", b"2", 2, packet_id=2))
    assert one.messages() == []
    assert [message.payload for message in two.messages()] == [b"0", b"1", b"2"]


def test_retain_as_published(house: House) -> None:
    """[MQTT5-3.3.1-12, 13]."""
    told = subscribed(five(house, "told"), "a", AS_PUBLISHED)
    plain = subscribed(five(house, "plain"), "a", 0)
    five(house, "writer").send(Publish("a", b"1"), Publish("a", b"2", retain=True))
    assert [message.retain for message in told.messages()] == [False, True]
    assert [message.retain for message in plain.messages()] == [False, False]


def test_retain_handling(house: House) -> None:
    """[MQTT5-3.3.1-9 to 11]."""
    five(house, "writer").send(Publish("a", b"kept", retain=True))
    reader = five(house, "reader")
    counts = []
    for options in (NEVER, IF_NEW, 0, 0):
        reader.send(Subscribe(1, (("a", options),)))
        counts.append(len(reader.messages()))
    assert counts == [0, 0, 1, 1]
    new = five(house, "new")
    new.send(Subscribe(1, (("a", IF_NEW),)))
    assert [message.retain for message in new.messages()] == [True]


def test_subscription_identifiers(house: House) -> None:
    """[MQTT5-3.3.4-3, 4, 5]: one message, with those of all subscriptions that match."""
    one = subscribed(five(house, "one"), "a", 2, 456_789)
    two = subscribed(subscribed(five(house, "two"), "a", 2, 2), "a/#", 2, 3)
    two.send(Publish("a", b"x", 1, packet_id=1))
    assert [message.properties for message in one.messages()] == [{P.SUBSCRIPTION_IDENTIFIER: (456_789,)}]
    (message,) = two.messages()
    assert set(message.properties[P.SUBSCRIPTION_IDENTIFIER]) == {2, 3}
    two.send(Subscribe(1, (("a", 0),)), Unsubscribe(2, ("a/#",)), Publish("a", b"y"))
    assert [message.properties for message in two.messages()] == [{}]


def test_identifiers_where_they_are_not_offered(house: House) -> None:
    """§ 3.2.2.3.12."""
    house.policy.limits = {}
    client = five(house)
    client.send(Subscribe(1, (("a", 0),), {P.SUBSCRIPTION_IDENTIFIER: (1,)}))
    assert told(client) == [Reason.IDENTIFIERS_NOT_SUPPORTED]


def test_answers_have_a_reason_for_each_filter(house: House) -> None:
    """[MQTT5-3.8.4-6; 3.11.3-1, 2]."""
    client = five(house)
    client.send(Subscribe(1, (("a", 2), ("secret", 0), ("b", 1))), Unsubscribe(2, ("a", "never")))
    assert client.received() == [
        Suback(1, (2, Reason.NOT_AUTHORIZED, 1)),
        Unsuback(2, (Reason.SUCCESS, Reason.NO_SUBSCRIPTION_EXISTED)),
    ]


def test_shared_subscriptions_go_to_one_member_in_its_own_form(house: House) -> None:
    """[MQTT5-4.8.2-3 to 6]; retained messages are not sent for them (§ 4.8.2)."""
    five(house, "writer").send(Publish("a", b"kept", retain=True))
    members = [
        subscribed(five(house, "alias", {P.TOPIC_ALIAS_MAXIMUM: 3}), "$share/g/a"),
        subscribed(five(house, "plain"), "$share/g/a"),
        subscribed(five(house, "named"), "$share/g/a", 2, 7),
        house.client("four"),
    ]
    members[3].send(Subscribe(1, (("$share/g/a", 2),)))
    assert members[3].received() == [Suback(1, (2,))]
    writer = five(house, "writer")
    for number in range(12):
        writer.send(Publish("a", b"%d" % number, number % 3, packet_id=number % 3 and 1 + number))
    got = [member.messages() for member in members]
    assert [len(messages) for messages in got] == [3, 3, 3, 3]
    assert sorted(int(message.payload) for messages in got for message in messages) == list(range(12))
    assert all(message.properties == {P.SUBSCRIPTION_IDENTIFIER: (7,)} for message in got[2])


def test_shared_and_ordinary_beside_each_other(house: House) -> None:
    one = subscribed(subscribed(five(house, "one"), "$share/g/a"), "a")
    five(house, "two").send(Publish("a", b"x"))
    assert len(one.messages()) == 2

"""One conversation at a time, without sockets: the state table walked, the fast path against the plain reading."""

from __future__ import annotations

import itertools
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.gateway.broker.conversation import TRANSITIONS
from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.broker.session import State
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
)
from jinqiao.wire.mqtt.properties import Property
from jinqiao.wire.mqtt.reasons import Reason
from support.examples import examples
from support.mqtt_memory import House


@pytest.fixture
def house() -> House:
    return House()


ANY_OF_TYPE: dict[PacketType, Packet] = {
    PacketType.CONNECT: Connect("again"),
    PacketType.CONNACK: Connack(),
    PacketType.PUBLISH: Publish("a", b""),
    PacketType.PUBACK: Puback(1),
    PacketType.PUBREC: Puback(1, PacketType.PUBREC),
    PacketType.PUBREL: Puback(1, PacketType.PUBREL),
    PacketType.PUBCOMP: Puback(1, PacketType.PUBCOMP),
    PacketType.SUBSCRIBE: Subscribe(1, (("a", 0),)),
    PacketType.SUBACK: Suback(1, (0,)),
    PacketType.UNSUBSCRIBE: Unsubscribe(1, ("a",)),
    PacketType.UNSUBACK: Unsuback(1),
    PacketType.PINGREQ: Signal(PacketType.PINGREQ),
    PacketType.PINGRESP: Signal(PacketType.PINGRESP),
    PacketType.DISCONNECT: Signal(PacketType.DISCONNECT),
    PacketType.AUTH: Signal(PacketType.AUTH),
}


@pytest.mark.parametrize("state", [State.OPENED, State.CONNECTED])
@pytest.mark.parametrize("kind", PacketType)
def test_every_packet_in_every_state_does_what_the_table_says(house: House, state: State, kind: PacketType) -> None:
    client = house.client("client" if state is State.CONNECTED else None)
    session = client.connection.session
    assert session is not None
    client.send(ANY_OF_TYPE[kind])
    expected = TRANSITIONS[state].get(kind, State.CLOSED)
    assert session.state is expected
    assert client.closed is (expected is State.CLOSED)
    assert house.broker.counters.refused["malformed"] == (kind not in TRANSITIONS[state])


def test_ping_subscribe_unsubscribe_are_answered_in_order(house: House) -> None:
    client = house.client()
    client.send(
        Signal(PacketType.PINGREQ),
        Subscribe(7, (("a/+", 2), ("secret/#", 1), ("b", 0))),
        Unsubscribe(9, ("b", "never")),
    )
    assert client.received() == [Signal(PacketType.PINGRESP), Suback(7, (1, 0x80, 0)), Unsuback(9)]


def test_limits_of_filters_and_subscriptions_fail_what_is_beyond(house: House) -> None:
    house.policy.limits = {"max_filters": 2, "max_subscriptions": 3}
    client = house.client()
    client.send(Subscribe(1, (("a", 0), ("b", 0), ("c", 0))))
    client.send(Subscribe(2, (("c", 0), ("d", 0))), Subscribe(3, (("a", 1),)))
    assert client.received() == [Suback(1, (0, 0, 0x80)), Suback(2, (0, 0x80)), Suback(3, (1,))]
    assert house.broker.counters.refused["subscribe"] == 2


def test_a_message_without_permission_is_acknowledged_and_dropped(house: House) -> None:
    listener, client = house.client("listener"), house.client()
    listener.send(Subscribe(1, (("#", 1),)))
    client.send(
        Publish("ok", b"1"), Publish("secret", b"2"), Publish("secret", b"3", 1, packet_id=5), Publish("ok", b"4")
    )
    assert client.received() == [Puback(5)]
    assert [packet.payload for packet in listener.received() if isinstance(packet, Publish)] == [b"1", b"4"]
    assert house.broker.counters.refused["publish"] == 2
    assert dict(house.broker.counters.received) == {"ok": 2}


def test_permissions_are_asked_again_when_they_changed(house: House) -> None:
    client = house.client()
    client.send(Publish("a", b""))
    house.policy.may_publish = lambda *_: False  # type: ignore[method-assign]
    client.send(Publish("a", b""))
    assert house.broker.counters.refused["publish"] == 0
    house.broker.permissions_changed()
    client.send(Publish("a", b""))
    assert house.broker.counters.refused["publish"] == 1


def test_the_memory_of_permissions_is_bounded_in_bytes() -> None:
    house = House(Limits(known_topic_bytes=2_000))
    client = house.client()
    for number in range(50):
        client.send(Publish(f"open/{number:090}", b""), Publish(f"secret/{number:090}", b""))
    session = client.connection.session
    assert session is not None
    assert 0 < len(session.permitted) + len(session._refused) <= 10


def test_long_topics_are_never_remembered() -> None:
    house = House()
    client = house.client()
    session = client.connection.session
    assert session is not None
    client.send(*(Publish(f"{name}/{'x' * 257}{number}", b"") for name in ("open", "secret") for number in range(50)))
    assert len(session.permitted) == len(session._refused) == len(house.broker.router.routes) == 0
    assert house.broker.counters.received == {"x" * 257 + str(number): 1 for number in range(50)}


@pytest.mark.parametrize("level", [4, 5])
def test_a_topic_too_long_for_the_client_is_refused_with_its_reason(house: House, level: int) -> None:
    house.policy.limits = {"longest_topic": 256}
    client = house.client(level=level)
    client.send(Publish("x" * 257, b"", 1, packet_id=1), Publish("x" * 256, b"", 1, packet_id=2))
    reason = Reason.TOPIC_NAME_INVALID if level == 5 else Reason.SUCCESS
    assert client.received() == [Puback(1, reason=reason), Puback(2)]
    assert house.policy.log[-1] == ("refused", f"client {'x' * 40}: topic of 257 bytes, 256 at most")


def test_an_alias_is_no_way_to_have_a_long_topic_kept(house: House) -> None:
    house.policy.limits = {"longest_topic": 256}
    client = house.client(level=5)
    long = "x" * 60_000
    client.send(*(Publish(long, b"", properties={Property.TOPIC_ALIAS: alias}) for alias in range(1, 21)))
    session = client.connection.session
    assert session is not None
    assert session.aliases is not None
    assert sum(map(len, session.aliases.values())) < 6_000
    client.send(Publish("", b"", 1, packet_id=1, properties={Property.TOPIC_ALIAS: 1}))
    assert client.received() == [Puback(1, reason=Reason.TOPIC_NAME_INVALID)]


def test_retain_and_duplicate_are_not_passed_on(house: House) -> None:
    listener, client = house.client("listener"), house.client()
    listener.send(Subscribe(1, (("#", 1),)))
    listener.received()
    client.send(Publish("a", b"0", retain=True), Publish("a", b"1", 1, retain=True, duplicate=True, packet_id=3))
    assert listener.received() == [Publish("a", b"0"), Publish("a", b"1", 1, packet_id=3)]
    assert client.received() == [Puback(3)]


def test_each_subscriber_gets_the_qos_it_was_granted(house: House) -> None:
    at_1, at_0, client = house.client("at 1"), house.client("at 0"), house.client()
    at_1.send(Subscribe(1, (("#", 1),)))
    at_0.send(Subscribe(1, (("#", 0),)))
    at_1.received(), at_0.received()
    client.send(*(Publish("topic", b"x" * (100 * number), 1, packet_id=number) for number in range(1, 4)))
    client.send(Publish("topic", b"at 0"))
    bodies = [b"x" * 100, b"x" * 200, b"x" * 300]
    expected = [Publish("topic", body, 1, packet_id=number) for number, body in enumerate(bodies, 1)]
    assert at_1.received() == [*expected, Publish("topic", b"at 0")]
    assert at_0.received() == [Publish("topic", body) for body in [*bodies, b"at 0"]]
    assert client.received() == [Puback(1), Puback(2), Puback(3)]


def test_equal_identifiers_of_two_publishers_are_told_apart(house: House) -> None:
    listener, one, two = house.client("listener"), house.client("one"), house.client("two")
    listener.send(Subscribe(1, (("#", 1),)))
    listener.received()
    one.send(Publish("a", b"1", 1, packet_id=1), Publish("a", b"2", 1, packet_id=2))
    two.send(Publish("b", b"3", 1, packet_id=1), Publish("b", b"4", 1, packet_id=3))
    received = [packet for packet in listener.received() if isinstance(packet, Publish)]
    assert [packet.payload for packet in received] == [b"1", b"2", b"3", b"4"]
    assert len({packet.packet_id for packet in received}) == 4


def test_no_more_than_the_window_is_unacknowledged(house: House) -> None:
    listener, client = house.client("listener"), house.client()
    listener.send(Subscribe(1, (("#", 1),)))
    listener.received()
    client.send(*(Publish("a", b"%d" % number, 1, packet_id=number) for number in range(1, 251)))
    first = listener.received()
    assert [packet.payload for packet in first] == [b"%d" % number for number in range(1, 101)]  # type: ignore[union-attr]
    listener.send(Puback(5), Puback(6), Puback(60_000))
    assert [packet.payload for packet in listener.received()] == [b"101", b"102"]  # type: ignore[union-attr]
    listener.send(*(Puback(number) for number in range(1, 103)))
    rest = [packet.payload for packet in listener.received()]  # type: ignore[union-attr]
    assert rest == [b"%d" % number for number in range(103, 203)]
    listener.send(*(Puback(number) for number in range(103, 203)))
    assert len(listener.received()) == 48
    assert house.broker.dispatcher.held == 0


def test_answers_of_the_house_come_after_what_they_answer(house: House) -> None:
    device, listener = house.client("one:auto"), house.client("listener")
    listener.send(Subscribe(1, (("dev/#", 0),)))
    listener.received()
    device.send(Publish("dev/one/ask", b"0"), Publish("dev/one/ask", b"1"))
    assert [packet.topic for packet in listener.received()] == [  # type: ignore[union-attr]
        "dev/one/ask",
        "dev/one/ask",
        "dev/one/answer",
        "dev/one/answer",
    ]
    answers = device.received()
    assert [(packet.payload, packet.qos) for packet in answers] == [(b"0", 0), (b"1", 1)]  # type: ignore[union-attr]
    assert dict(house.broker.counters.published) == {"answer": 2}


def test_a_device_that_unsubscribes_is_not_pushed_to(house: House) -> None:
    device = house.client("one:auto")
    device.send(Unsubscribe(1, ("dev/one/answer",)), Publish("dev/one/ask", b""))
    assert device.received() == [Unsuback(1)]
    device.send(Subscribe(2, (("dev/one/answer", 0),)), Publish("dev/one/ask", b""))
    assert device.received() == [Suback(2, (0,)), Publish("dev/one/answer", b"")]


def test_trusted_clients_are_neither_checked_nor_answered(house: House) -> None:
    simulator, listener = house.client("sim:trusted"), house.client("listener")
    listener.send(Subscribe(1, (("#", 0),)))
    listener.received()
    simulator.send(Publish("secret", b""), Publish("dev/one/ask", b""))
    assert listener.received() == [Publish("secret", b""), Publish("dev/one/ask", b"")]


def test_a_second_login_takes_over(house: House) -> None:
    first = house.client("one", keep_alive_s=30)
    first.send(Subscribe(1, (("a", 0),)))
    second = house.client("one")
    assert first.closed
    first.connection.connection_lost(None)
    assert house.policy.log == [("connected", "one"), ("connected", "one")]
    assert list(house.broker.sessions.values()) == [second.connection.session]
    assert house.broker.router.route(b"a").targets == ()
    second.connection.connection_lost(None)
    assert house.policy.log[-1] == ("disconnected", "one")


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        (Connect("x", username="nobody"), 4),
        (Connect("x", username="fault"), 3),
        (Connect("", clean_session=False), 2),
        (Connect("", level=3), 2),
    ],
)
def test_refused_logins_are_told_why(house: House, packet: Connect, code: int) -> None:
    client = house.client(None)
    client.send(packet)
    assert client.received() == [Connack(code)]
    assert client.closed
    assert house.broker.sessions == {}


def test_another_login_on_a_connection_in_use_closes_it(house: House) -> None:
    """[MQTT-3.1.0-2], whatever the version."""
    client = house.client()
    client.send(b"\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x03abc")
    assert client.received() == []
    assert client.closed


def test_other_levels_are_refused_with_code_1(house: House) -> None:
    client = house.client(None)
    client.send(b"\x10\x0f\x00\x04MQTT\x09\x02\x00\x3c\x00\x03abc")
    assert client.received() == [Connack(1)]
    assert client.closed


def test_mqtt_3_1_is_spoken(house: House) -> None:
    client = house.client("old", level=3)
    client.send(Signal(PacketType.PINGREQ))
    assert client.received() == [Signal(PacketType.PINGRESP)]


def test_two_clients_without_identifier_are_two(house: House) -> None:
    house.client(""), house.client("")
    assert len(house.broker.sessions) == 2


def test_keep_alive_is_one_and_a_half_times(house: House) -> None:
    client, eternal = house.client("one", keep_alive_s=10), house.client("two", keep_alive_s=0)
    house.at(14.0)
    assert not client.closed
    client.send(Signal(PacketType.PINGREQ))
    house.at(28.0)
    assert not client.closed
    house.at(29.5)
    assert client.closed
    house.at(1e6)
    assert not eternal.closed
    assert house.broker.counters.refused["keep_alive"] == 1


def test_a_stranger_must_log_in_in_time_however_it_dribbles(house: House) -> None:
    client = house.client(None)
    for second, byte in enumerate(encode(Connect("slow"))[:-1]):
        house.at(float(second) / 2)
        client.feed(bytes((byte,)))
    assert not client.closed
    house.at(10.5)
    assert client.closed


def test_a_closing_connection_that_takes_nothing_is_cut_off(house: House) -> None:
    client = house.client()
    house.at(1.0)
    client.send(b"\xf0\x00")
    house.at(5.0)
    assert not client.transport.aborted
    house.at(6.5)
    assert client.transport.aborted


def test_connections_beyond_the_limit_are_closed() -> None:
    house = House(Limits(connections=2))
    house.client("one"), house.client("two")
    third = house.client(None)
    assert third.closed
    third.send(Connect("three"))
    assert third.received() == []
    assert house.broker.counters.refused["connections"] == 1


def test_whoever_never_reads_its_answers_is_closed(house: House) -> None:
    client = house.client()
    client.connection.pause_writing()
    for _ in range(60):
        client.send(Publish("a", b"", 1, packet_id=1), encode(Publish("a", b"", 1, packet_id=1)) * 5_000)
    assert client.closed
    assert house.broker.dispatcher.held == 0


@pytest.mark.parametrize(
    ("packets", "why"),
    [
        (b"\x31\x00", "topic"),
        (b"\x30\x00", "topic"),
        (b"\x30\x01\x00", "topic"),
        (b"\x30\x03\x00\x09a", "topic"),
        (b"\x30\x05\x00\x03a/#", "wildcard"),
        (b"\x30\x02\x00\x00", "4.7.3-1"),
        (b"\x30\x04\x00\x02\xff\xff", "UTF-8"),
        (b"\x32\x04\x00\x01a\x00", "identifier"),
        (b"\x32\x05\x00\x01a\x00\x00", "identifier 0"),
        (b"\x34\x05\x00\x01a\x00\x01", "QoS 2"),
        (b"\x36\x05\x00\x01a\x00\x01", "QoS 3"),
        (b"\x38\x03\x00\x01a", "duplicate"),
        (b"\x40\x03\x00\x01a", "too many"),
        (b"\x40\x02\x00\x00", "identifier 0"),
        (b"\x30\xff\xff\xff\xff\x01", "four bytes"),
        (b"\x30\xff\xff\xff\x7f", "payload"),
        (b"\xc0\xff\xff\x7f", "packet of"),
        (b"\xf0\x00", "reserved"),
        (b"\xc1\x00", "flags"),
    ],
)
def test_what_breaks_the_rules_closes_after_what_kept_them(
    house: House, packets: bytes, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    listener, client = house.client("listener"), house.client()
    listener.send(Subscribe(1, (("#", 0),)))
    listener.received()
    with caplog.at_level(logging.WARNING, "jinqiao.gateway.broker"):
        client.send(Publish("a", b"before"), packets, Publish("a", b"after"))
    assert client.closed
    assert listener.received() == [Publish("a", b"before")]
    assert not listener.closed
    assert [why in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize("before", [b"", b"\x30\x03\0\1a", b"\x30\x03\0\1a" * 2])
@pytest.mark.parametrize("packet", [b"\xff\0", b"\xff", b"\xff\xff\xff\xff\xff"])
def test_no_byte_is_taken_for_a_packet_that_came_before(house: House, before: bytes, packet: bytes) -> None:
    client = house.client()
    client.send(before + packet + b"\0\0")
    assert client.closed
    assert house.broker.counters.refused["fault"] == 0


def test_payloads_are_limited_to_the_byte(house: House) -> None:
    house.policy.limits = {"max_payload": 200}
    client = house.client()
    client.send(Publish("topic", b"x" * 200), Publish("topic", b"x" * 200, 1, packet_id=1))
    assert not client.closed
    client.send(Publish("topic", b"x" * 201))
    assert client.closed


def test_an_oversized_packet_is_refused_before_it_is_collected(house: House) -> None:
    client = house.client()
    client.feed(b"\x30\xff\xff\xff\x01")
    assert client.closed


def test_many_bad_peers_make_few_lines(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "jinqiao.gateway.broker"):
        for number in range(100):
            house.client(f"bad {number}").send(b"\xf0\x00")
        assert len(caplog.records) == 20
        house.at(11.0)
        house.client("worse").send(b"\xf0\x00")
    assert "80 more" in caplog.records[20].getMessage()


def test_a_fault_of_the_policy_costs_one_message(house: House) -> None:
    client = house.client("one:auto")
    client.send(Publish("dev/one/ask", b"fault"), Publish("dev/one/ask", b"fine"))
    assert client.received() == [Publish("dev/one/answer", b"fine")]
    assert house.broker.counters.refused["policy_fault"] == 1


def test_a_fault_of_the_broker_costs_one_connection(house: House, caplog: pytest.LogCaptureFixture) -> None:
    client, other = house.client("one"), house.client("two")
    house.policy.kind = lambda *_: 1 // 0  # type: ignore[method-assign]
    client.send(Publish("new", b""))
    assert client.closed
    assert not other.closed
    assert "fault in the broker" in caplog.text


TOPICS = ["a", "b/c", "dev/one/ask", "secret", "long/" + "x" * 300]
messages = st.builds(
    lambda topic, size, qos, retain, duplicate, packet_id: Publish(
        topic, b"p" * size, qos, retain, duplicate and qos > 0, packet_id if qos else 0
    ),
    st.sampled_from(TOPICS),
    st.sampled_from([0, 1, 3, 3, 3, 120, 200, 20_000]),
    st.integers(0, 1),
    st.sampled_from([False, False, False, True]),
    st.booleans(),
    st.integers(1, 65_535),
)
others = st.sampled_from([Signal(PacketType.PINGREQ), Puback(3), Subscribe(1, (("a", 1),)), Unsubscribe(1, ("a",))])


@settings(max_examples=examples(60))
@given(st.lists(st.one_of(messages, messages, others), max_size=30), st.lists(st.integers(0, 60_000), max_size=6))
def test_however_the_stream_is_cut_the_same_messages_arrive(packets: list[Packet], cuts: list[int]) -> None:
    house = House()
    at_0, at_1, client = house.client("at 0"), house.client("at 1"), house.client("one:auto")
    at_0.send(Subscribe(1, (("#", 0),)))
    at_1.send(Subscribe(1, (("#", 1),)))
    at_0.received(), at_1.received()
    stream = b"".join(map(encode, packets))
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    for start, stop in itertools.pairwise(places):
        client.feed(stream[start:stop])
    assert not client.closed
    sent = [packet for packet in packets if isinstance(packet, Publish) and packet.topic != "secret"]
    plain = [(packet.topic, packet.payload) for packet in sent]
    received = [packet for packet in at_0.received() if isinstance(packet, Publish)]
    assert [(p.topic, p.payload) for p in received if not p.topic.endswith("answer")] == plain
    assert all(not (p.qos or p.retain or p.duplicate) for p in received)
    received = [packet for packet in at_1.received() if isinstance(packet, Publish)]
    for qos in (0, 1):
        assert [(p.topic, p.payload) for p in received if p.qos == qos and not p.topic.endswith("answer")] == [
            (p.topic, p.payload) for p in sent if p.qos == qos
        ]
    acknowledged = [packet.packet_id for packet in client.received() if isinstance(packet, Puback)]
    assert acknowledged == [p.packet_id for p in packets if isinstance(p, Publish) and p.qos]
    assert sum(house.broker.counters.received.values()) == len(sent)


@settings(max_examples=examples(150))
@given(
    st.lists(st.one_of(messages, others), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), max_size=4),
    st.integers(1, 500),
)
def test_no_stream_disturbs_the_house(packets: list[Packet], changes: list[tuple[int, int]], step: int) -> None:
    house = House()
    bystander, client = house.client("bystander"), house.client()
    stream = bytearray(b"".join(map(encode, packets)))[:5_000]
    for place, value in changes:
        stream[place % len(stream)] = value
    for start in range(0, len(stream), step):
        client.feed(bytes(stream[start : start + step]))
    assert house.broker.counters.refused["fault"] == 0
    assert not bystander.closed
    bystander.send(Signal(PacketType.PINGREQ))
    assert bystander.received() == [Signal(PacketType.PINGRESP)]
    client.connection.connection_lost(None)
    assert house.broker.dispatcher.held == 0
    assert len(house.broker.sessions) == 1

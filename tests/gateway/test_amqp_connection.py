"""A consumer's connection, without sockets: what each step is answered, and what ends it."""

from __future__ import annotations

import base64
import logging
from typing import Any

import pytest

from jinqiao.gateway.forwarding.bounds import Bounds as QueueBounds
from jinqiao.gateway.forwarding.group import Group
from jinqiao.wire.amqp.errors import Condition
from jinqiao.wire.amqp.frames import AMQP_HEADER, SASL_HEADER, Frame, encode_frame
from jinqiao.wire.amqp.performatives import (
    RECEIVER,
    SENDER,
    Accepted,
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Flow,
    Modified,
    Open,
    Rejected,
    Released,
    Source,
    Target,
    Transfer,
)
from jinqiao.wire.amqp.sasl import Outcome, Plain, SaslInit, SaslMechanisms, SaslOutcome
from support.amqp_peer import AmqpHouse, AmqpPeer, credentials, forwarded


@pytest.fixture
def house() -> AmqpHouse:
    return AmqpHouse()


@pytest.fixture
def peer(house: AmqpHouse) -> AmqpPeer:
    return AmqpPeer(house)


@pytest.fixture
def group(house: AmqpHouse) -> Group:
    return house.groups["g1"]


@pytest.fixture
def consumer(peer: AmqpPeer) -> AmqpPeer:
    """With a receiver and no credit."""
    peer.open()
    peer.attach()
    peer.said.clear()
    return peer


def ended_with(peer: AmqpPeer) -> tuple[str, str]:
    """Condition and text of the close that ended it."""
    assert peer.closed
    error = peer.one(Close).error
    return error.condition, error.description


# Logging in.


def test_a_consumer_logs_in_and_opens(peer: AmqpPeer) -> None:
    peer.open()
    assert peer.headers == [SASL_HEADER, AMQP_HEADER]
    assert peer.one(SaslMechanisms).sasl_server_mechanisms == ("PLAIN",)
    assert peer.one(SaslOutcome).code == Outcome.OK
    found = peer.one(Open)
    assert found.idle_time_out is not None
    assert found.idle_time_out <= 60_000
    assert not peer.closed


def test_everything_may_come_in_one_packet(peer: AmqpPeer, group: Group) -> None:
    plain = credentials()
    init = SaslInit("PLAIN", f"\0{plain.user_name}\0{plain.password}".encode())
    said: list[Any] = [
        Open("c", idle_time_out=60_000),
        Begin(None, 0, 100, 100),
        Attach("r", 0, RECEIVER, source=Source(), target=Target()),
        Flow(0, 100, 0, 100, 0, 0, 10),
    ]
    group.put(forwarded(b"a"))
    frames = b"".join(encode_frame(Frame(0, each)) for each in said)
    peer.send(SASL_HEADER + encode_frame(Frame(0, init, type=1)) + AMQP_HEADER + frames)  # type: ignore[arg-type]
    assert peer.bodies() == [b"a"]


@pytest.mark.parametrize(
    ("plain", "mechanism"),
    [
        (Plain(credentials().user_name, "wrong"), "PLAIN"),
        (credentials(group="unknown"), "PLAIN"),
        (Plain("", ""), "PLAIN"),
        (credentials(), "ANONYMOUS"),
        (credentials(), "EXTERNAL"),
    ],
)
def test_who_may_not_come_in_hears_outcome_1(
    peer: AmqpPeer, plain: Plain, mechanism: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        peer.login(plain, mechanism)
        peer.send(AMQP_HEADER * 3)
    assert peer.one(SaslOutcome).code == Outcome.AUTH
    assert peer.closed
    assert len(caplog.records) == 1


@pytest.mark.parametrize("header", [AMQP_HEADER, b"AMQP\2\1\0\0", b"AMQP\3\0\x09\1", b"GET / HTTP/1.1", b"\x10\x0c\0"])
def test_another_protocol_hears_which_header_is_expected(peer: AmqpPeer, header: bytes) -> None:
    peer.send(header)
    assert bytes(peer.octets) == SASL_HEADER
    assert peer.closed


def test_a_stranger_cannot_send_a_large_frame(peer: AmqpPeer) -> None:
    peer.send(SASL_HEADER)
    peer.send((513).to_bytes(4, "big") + b"\2\1\0\0")
    assert peer.closed


@pytest.mark.parametrize("idle_ms", [None, 0, 8_000, 29_999, 300_001])
def test_an_idle_time_out_that_is_not_within_bounds_is_refused(peer: AmqpPeer, idle_ms: int | None) -> None:
    peer.open(idle_ms)
    assert ended_with(peer)[0] == Condition.NOT_ALLOWED
    assert peer.take(Open)


@pytest.mark.parametrize("idle_ms", [30_000, 300_000])
def test_the_bounds_of_the_idle_time_out_are_within(peer: AmqpPeer, idle_ms: int) -> None:
    peer.open(idle_ms)
    assert not peer.closed


def test_a_client_has_128_connections(house: AmqpHouse, peer: AmqpPeer) -> None:
    house.others = 127
    peer.open()
    assert not peer.closed
    house.others = 128
    more = AmqpPeer(house)
    more.open()
    assert ended_with(more)[0] == Condition.RESOURCE_LIMIT_EXCEEDED


# Time.


def test_a_stranger_has_ten_seconds(peer: AmqpPeer) -> None:
    peer.login()
    peer.pass_s(10)
    assert not peer.closed
    peer.pass_s(1)
    assert peer.closed


def test_a_receiver_is_due_within_fifteen_seconds(peer: AmqpPeer) -> None:
    peer.open()
    peer.say(Begin(None, 0, 100, 100))
    peer.pass_s(15)
    assert not peer.closed
    peer.pass_s(1)
    assert ended_with(peer) == (Condition.NOT_ALLOWED, "no receiver within 15 s")


def test_a_new_receiver_is_due_within_fifteen_seconds_after_the_old_one(consumer: AmqpPeer) -> None:
    consumer.pass_s(30)
    consumer.say(Detach(0, True))
    consumer.pass_s(15)
    assert not consumer.closed
    consumer.pass_s(1)
    assert consumer.closed


def test_heartbeats_are_sent_to_a_silent_link(consumer: AmqpPeer) -> None:
    consumer.pass_s(29)
    assert [frame.performative for frame in consumer.said] == [None]
    consumer.pass_s(29)
    assert len(consumer.said) == 2


def test_a_silent_client_is_given_up_and_its_messages_go_back(consumer: AmqpPeer, group: Group) -> None:
    consumer.flow(10)
    group.put(forwarded(b"a"))
    for _ in range(4):
        consumer.pass_s(100)
        consumer.send(encode_frame(Frame(0)))  # a heartbeat
    assert not consumer.closed
    consumer.pass_s(120)
    assert not consumer.closed
    consumer.pass_s(1)
    assert ended_with(consumer)[0] == Condition.RESOURCE_LIMIT_EXCEEDED
    assert group.status().clients == ()
    assert group.accumulated == 1


# The receiver.


def test_a_receiver_is_attached_with_the_null_address_that_it_named(peer: AmqpPeer) -> None:
    peer.open()
    peer.attach()
    found = peer.one(Attach)
    assert (found.name, found.role, found.source.address, found.initial_delivery_count) == ("r", SENDER, None, 0)
    assert peer.one(Begin).remote_channel == 0


def test_messages_come_as_far_as_there_is_credit(consumer: AmqpPeer, group: Group) -> None:
    group.put(forwarded(b"a", b"b", b"c"))
    consumer.house.world.turn()
    assert consumer.bodies() == []
    consumer.flow(2)
    assert consumer.bodies() == [b"a", b"b"]
    consumer.flow(1, count=1)  # written before it had read the second: nothing is left of it
    assert consumer.bodies() == []
    consumer.flow(1, count=2)
    assert consumer.bodies() == [b"c"]


def test_no_more_frames_come_than_the_session_takes(consumer: AmqpPeer, group: Group) -> None:
    group.put(forwarded(b"a", b"b", b"c"))
    consumer.flow(10, window=2)
    assert consumer.bodies() == [b"a", b"b"]
    consumer.say(Flow(2, 2, 0, 100))  # of the session alone
    assert consumer.bodies() == [b"c"]


def test_a_message_larger_than_a_frame_comes_in_several(peer: AmqpPeer, group: Group) -> None:
    peer.open(most=512)
    peer.attach(credit=10, window=3)
    large = bytes(range(256)) * 16
    group.put(forwarded(large, b"small"))
    peer.house.world.turn()
    frames = peer.said
    transfers = [frame for frame in frames if isinstance(frame.performative, Transfer)]
    assert len(transfers) == 3  # as many as the session takes
    peer.said = []
    peer.say(Flow(3, 1_000, 0, 100, 0, 0, 10))
    peer.said = transfers + peer.said
    assert peer.bodies() == [large, b"small"]


def test_a_receiver_may_ask_how_things_stand(consumer: AmqpPeer) -> None:
    consumer.flow(7, echo=True)
    found = consumer.one(Flow)
    assert (found.handle, found.link_credit, found.delivery_count, found.next_outgoing_id) == (0, 7, 0, 0)


def test_a_drained_receiver_gets_what_there_is_and_hears_that_its_credit_is_used_up(
    consumer: AmqpPeer, group: Group
) -> None:
    group.put(forwarded(b"a"))
    consumer.flow(5, drain=True)
    assert consumer.bodies() == [b"a"]
    found = consumer.one(Flow)
    assert (found.link_credit, found.delivery_count, found.drain) == (0, 5, True)
    group.put(forwarded(b"b"))
    consumer.house.world.turn()
    assert consumer.bodies() == []
    consumer.flow(1, count=5)
    assert consumer.bodies() == [b"b"]


def test_a_receiver_that_drains_gets_all_that_there_is_however_much(consumer: AmqpPeer, group: Group) -> None:
    body = b"x" * 100_000
    group.put(forwarded(*[body] * 100))
    consumer.flow(200, drain=True)
    assert len(consumer.bodies()) == 100
    assert consumer.one(Flow).delivery_count == 200


def test_a_drain_without_messages_is_answered_once(consumer: AmqpPeer) -> None:
    consumer.say(*[Flow(0, 100, 0, 100, 0, 0, 5, drain=True)] * 3)
    assert [(found.link_credit, found.delivery_count) for found in consumer.take(Flow)] == [(0, 5)]


def test_a_client_that_does_not_read_is_sent_no_more(consumer: AmqpPeer, group: Group) -> None:
    consumer.flow(10)
    consumer.connection.writable(False)
    group.put(forwarded(b"a"))
    consumer.house.world.turn()
    assert consumer.bodies() == []
    consumer.connection.writable(True)
    consumer.house.world.turn()
    assert consumer.bodies() == [b"a"]


def test_bodies_come_in_base64_for_who_asked(peer: AmqpPeer, group: Group) -> None:
    peer.login(credentials(more=",encode=base64"))
    peer.send(AMQP_HEADER)
    peer.say(Open("c", idle_time_out=60_000))
    peer.attach(credit=5)
    group.put(forwarded(b"\0\1", b""))
    peer.house.world.turn()
    assert peer.bodies() == [base64.b64encode(b"\0\1"), b""]


# Dispositions.


@pytest.mark.parametrize("state", [Accepted(), Rejected()])
def test_what_is_accepted_or_rejected_is_gone(consumer: AmqpPeer, group: Group, state: Any) -> None:
    group.put(forwarded(*(b"%d" % n for n in range(10))))
    consumer.flow(10)
    consumer.settle(0, 3, state)
    consumer.settle(5, None, state)
    assert group.accumulated == 5
    consumer.settle(2, 7, state)
    assert group.accumulated == 2
    consumer.settle(10, 0x7FFF_FFF0, state)  # what was never sent
    assert group.accumulated == 2
    consumer.settle(0, 0xFFFF_FFF0, state)
    assert group.accumulated == 0


@pytest.mark.parametrize(
    ("state", "tries"), [(Released(), 0), (Modified(), 0), (Modified(delivery_failed=True), 1), (None, 1)]
)
def test_what_is_released_comes_again(consumer: AmqpPeer, group: Group, state: Any, tries: int) -> None:
    group.put(forwarded(b"a", b"b"))
    consumer.flow(3)
    consumer.messages()
    consumer.settle(0, 0, state)
    ((number, message),) = consumer.messages()
    assert (number, message.body, message.tries) == (2, b"a", tries)


def test_an_outcome_that_is_not_settled_is_settled_by_us(consumer: AmqpPeer, group: Group) -> None:
    group.put(forwarded(b"a", b"b"))
    consumer.flow(3)
    consumer.settle(0, 1, Accepted(), settled=False)
    assert consumer.one(Disposition) == Disposition(SENDER, 0, 1, True, Accepted())
    assert group.accumulated == 0


def test_a_receiver_may_have_everything_settled(peer: AmqpPeer, group: Group) -> None:
    peer.open()
    peer.attach(credit=5, snd_settle_mode=1)
    assert peer.one(Attach).snd_settle_mode == 1
    group.put(forwarded(b"a"))
    peer.house.world.turn()
    assert peer.one(Transfer).settled
    assert group.accumulated == 0


def test_what_is_not_settled_within_thirty_seconds_goes_to_another_consumer(
    house: AmqpHouse, consumer: AmqpPeer, group: Group
) -> None:
    group.put(forwarded(b"a"))
    consumer.flow(3)
    other = AmqpPeer(house)
    other.open()
    other.attach(credit=5)
    consumer.pass_s(31)
    ((_, message),) = other.messages()
    assert (message.body, message.tries) == (b"a", 1)


def test_delivery_ids_go_on_where_a_receiver_is_attached_again(consumer: AmqpPeer, group: Group) -> None:
    group.put(forwarded(b"a", b"b"))
    consumer.flow(1)
    assert [number for number, _ in consumer.messages()] == [0]
    consumer.say(Detach(0, True))
    assert consumer.one(Detach).closed
    consumer.say(Attach("r", 0, RECEIVER, source=Source(), target=Target()))
    consumer.say(Flow(1, 100, 0, 100, 0, 0, 5))
    assert [(number, message.tries) for number, message in consumer.messages()] == [(1, 1), (2, 0)]
    consumer.settle(1, 2)
    assert group.accumulated == 0


# What is refused.


def test_a_sender_is_refused_and_the_receiver_stays(consumer: AmqpPeer, group: Group) -> None:
    consumer.say(Attach("s", 1, SENDER, source=Source(), target=Target("x"), initial_delivery_count=0))
    assert consumer.one(Attach).role == RECEIVER
    found = consumer.one(Detach)
    assert (found.closed, found.error.condition) == (True, Condition.NOT_ALLOWED)
    consumer.say(Detach(1, True))
    group.put(forwarded(b"a"))
    consumer.flow(1)
    assert consumer.bodies() == [b"a"]


def test_a_second_receiver_is_refused(consumer: AmqpPeer) -> None:
    consumer.say(Attach("r2", 1, RECEIVER, source=Source(), target=Target()))
    assert consumer.one(Detach).error.condition == Condition.RESOURCE_LIMIT_EXCEEDED
    consumer.say(Begin(None, 0, 10, 10), Attach("r3", 0, RECEIVER, source=Source(), target=Target()), channel=1)
    assert consumer.one(Detach).error.condition == Condition.RESOURCE_LIMIT_EXCEEDED
    assert not consumer.closed


def test_who_opens_200_links_is_ended(consumer: AmqpPeer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        consumer.say(*(Attach(f"r{n}", n, RECEIVER, source=Source(), target=Target()) for n in range(1, 200)))
    assert ended_with(consumer)[0] == Condition.RESOURCE_LIMIT_EXCEEDED
    assert len(consumer.take(Attach)) == 16
    assert len(caplog.records) == 2  # the first refusal, and the end


def test_who_begins_200_sessions_is_ended(peer: AmqpPeer) -> None:
    peer.open()
    for channel in range(200):
        peer.say(Begin(None, 0, 10, 10), channel=channel)
    assert ended_with(peer)[0] == Condition.FRAMING_ERROR
    assert len(peer.take(Begin)) == 8


def test_a_full_group_is_refused(house: AmqpHouse, peer: AmqpPeer) -> None:
    house.groups["g1"] = Group("g1", house.world.clock, QueueBounds(clients=1))
    peer.open()
    peer.attach()
    more = AmqpPeer(house)
    more.open()
    more.attach()
    assert more.one(Detach).error.condition == Condition.RESOURCE_LIMIT_EXCEEDED


def test_a_group_that_is_gone_is_refused(house: AmqpHouse, peer: AmqpPeer) -> None:
    peer.open()
    house.groups.clear()
    peer.attach()
    assert peer.one(Detach).error.condition == Condition.NOT_FOUND


@pytest.mark.parametrize(
    ("performative", "channel", "condition"),
    [
        (Begin(None, 0, 1, 1), 0, Condition.NOT_ALLOWED),
        (Begin(None, 0, 1, 1), 8, Condition.FRAMING_ERROR),
        (Attach("r", 0, RECEIVER), 0, Condition.HANDLE_IN_USE),
        (Attach("r", 0, RECEIVER), 5, Condition.NOT_ALLOWED),
        (Flow(0, 1, 0, 1), 5, Condition.NOT_ALLOWED),
        (Transfer(0, 0, b"t"), 0, Condition.UNATTACHED_HANDLE),
        (Disposition(RECEIVER, 0), 5, Condition.NOT_ALLOWED),
        (End(), 5, Condition.NOT_ALLOWED),
        (Open("again"), 0, Condition.NOT_ALLOWED),
        (Accepted(), 0, Condition.NOT_ALLOWED),
        (Source(), 0, Condition.NOT_ALLOWED),
    ],
)
def test_what_may_not_be_said_ends_the_connection(
    consumer: AmqpPeer, performative: Any, channel: int, condition: Condition, group: Group
) -> None:
    consumer.say(performative, channel=channel)
    assert ended_with(consumer)[0] == condition
    assert group.status().clients == ()


@pytest.mark.parametrize(
    ("octets", "condition"),
    [
        (b"\0\1\0\0\2\0\0\0", Condition.FRAMING_ERROR),
        (b"\0\0\0\x0c\2\0\0\0\0\x53\x10\x45", Condition.INVALID_FIELD),
        (b"\0\0\0\x0c\2\0\0\0\xff\xff\xff\xff", Condition.DECODE_ERROR),
        (b"\0\0\0\x0c\2\1\0\0\0\x53\x41\x45", Condition.INVALID_FIELD),
    ],
)
def test_garbage_ends_the_connection(consumer: AmqpPeer, octets: bytes, condition: Condition) -> None:
    consumer.send(octets)
    assert ended_with(consumer)[0] == condition
    before = len(consumer.octets)
    consumer.send(b"more")
    assert len(consumer.octets) == before


@pytest.mark.parametrize("said", [None, Flow(0, 10, 0, 10), Disposition(RECEIVER, 0, None, True, Released())])
def test_too_many_frames_in_a_second_end_the_connection(said: Any) -> None:
    peer = AmqpPeer(AmqpHouse(frames_per_s=100, flows_per_s=100))
    peer.open()
    peer.attach()
    frame = encode_frame(Frame(0, said))
    peer.send(frame * 90)
    peer.pass_s(1)
    peer.send(frame * 90)
    assert not peer.closed
    peer.send(frame * 20)
    assert ended_with(peer)[0] == Condition.RESOURCE_LIMIT_EXCEEDED


# Sessions, and the end.


def test_the_jms_clients_second_session_has_the_receiver(peer: AmqpPeer, group: Group) -> None:
    """Its first session is for the connection's own matters."""
    peer.open()
    peer.say(Begin(None, 1, 2_047, 2_147_483_647, 65_535))
    peer.attach(channel=1, credit=5)
    group.put(forwarded(b"a"))
    peer.house.world.turn()
    (frame,) = [each for each in peer.said if isinstance(each.performative, Transfer)]
    assert frame.channel == 1
    peer.say(End(), channel=0)
    peer.say(Disposition(RECEIVER, 0, 0, True, Accepted()), channel=1)
    assert group.accumulated == 0
    assert not peer.closed


def test_a_session_without_the_link_says_how_it_stands(consumer: AmqpPeer) -> None:
    consumer.say(Begin(None, 7, 10, 10), channel=2)
    consumer.say(Flow(0, 10, 7, 10, echo=True), channel=2)
    found = consumer.one(Flow)
    assert (found.handle, found.next_incoming_id) == (None, 7)


def test_a_session_that_ends_takes_its_receiver_with_it(consumer: AmqpPeer, group: Group) -> None:
    consumer.say(End())
    assert consumer.take(End)
    assert group.status().clients == ()
    consumer.attach(credit=1)
    group.put(forwarded(b"a"))
    consumer.house.world.turn()
    assert consumer.bodies() == [b"a"]


def test_a_close_is_answered(consumer: AmqpPeer, group: Group) -> None:
    group.put(forwarded(b"a"))
    consumer.flow(1)
    consumer.say(Close())
    assert consumer.one(Close).error is None
    assert consumer.closed
    assert group.status().clients == ()
    assert group.accumulated == 1


def test_a_lost_socket_gives_messages_back(house: AmqpHouse, consumer: AmqpPeer, group: Group) -> None:
    group.put(forwarded(b"a"))
    consumer.flow(1)
    consumer.connection.lost()
    other = AmqpPeer(house)
    other.open()
    other.attach(credit=1)
    ((_, message),) = other.messages()
    assert message.tries == 1


def test_the_platform_ends_a_connection(consumer: AmqpPeer) -> None:
    consumer.connection.end(Condition.RESOURCE_DELETED, "the access key is gone")
    assert ended_with(consumer) == (Condition.RESOURCE_DELETED, "the access key is gone")

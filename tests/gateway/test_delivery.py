"""Slow subscribers: bounded, counted in messages, and nobody's problem but their own."""

from __future__ import annotations

import json

import pytest

from jinqiao.gateway.broker.counters import Counters
from jinqiao.gateway.broker.limits import Limits
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import PacketType, Puback, Publish, Subscribe
from jinqiao.wire.mqtt.properties import Property
from support.mqtt_memory import Client, House

MESSAGE = Publish("a", b"x" * 995)
SIZE = len(encode(MESSAGE))
LIMITS = Limits(
    queue_bytes=100 * SIZE,
    total_queue_bytes=150 * SIZE,
    high_water_bytes=40 * SIZE,
    stalled_after_s=1.0,
    unacknowledged=10,
)


@pytest.fixture
def house() -> House:
    return House(LIMITS)


def subscriber(house: House, name: str, qos: int = 0) -> Client:
    client = house.client(name)
    client.send(Subscribe(1, (("#", qos),)))
    client.received()
    return client


def publish(client: Client, count: int, qos: int = 0) -> None:
    client.send(*[Publish("a", MESSAGE.payload, qos, packet_id=qos and 1 + number) for number in range(count)])


def test_a_stuck_subscriber_loses_whole_runs_and_nobody_else_does(house: House) -> None:
    stuck, reading, publisher = subscriber(house, "stuck"), subscriber(house, "reading"), house.client("pub")
    stuck.connection.pause_writing()
    for _ in range(10):
        publish(publisher, 30)
        assert len(reading.received()) == 30
    counters = house.broker.counters
    assert house.broker.dispatcher.held <= LIMITS.queue_bytes
    assert counters.dropped == counters.dropped_by["stuck"] == 300 - 90
    assert counters.delivered == 300
    stuck.connection.resume_writing()
    assert len(stuck.received()) == 90
    assert house.broker.dispatcher.held == 0
    assert counters.delivered == 390


def test_what_all_may_hold_together_is_bounded(house: House) -> None:
    stuck = [subscriber(house, f"stuck {number}") for number in range(3)]
    publisher = house.client("pub")
    for client in stuck:
        client.connection.pause_writing()
    for _ in range(90):
        publish(publisher, 1)
    assert house.broker.dispatcher.held == 150 * SIZE
    assert house.broker.counters.dropped == 270 - 150
    for client in stuck:
        client.connection.connection_lost(None)
    assert house.broker.dispatcher.held == 0
    assert not house.broker.dispatcher.congested


def test_qos_1_waits_for_the_window_within_bounds(house: House) -> None:
    stuck, publisher = subscriber(house, "never acknowledges", 1), house.client("pub")
    for _ in range(200):
        publish(publisher, 1, qos=1)
    assert len(stuck.received()) == 10
    assert house.broker.dispatcher.held <= LIMITS.queue_bytes
    assert house.broker.counters.dropped == 200 - 10 - LIMITS.queue_bytes // (SIZE + 2)


def test_who_had_to_wait_may_go_on_when_three_quarters_of_the_queue_are_gone(house: House) -> None:
    """Not at the first message taken: it would wait again at once, and be stopped and started for each of them."""
    slow, lossless = subscriber(house, "slow", 1), house.client("one:lossless")
    publish(lossless, 60, qos=1)
    held = [house.broker.dispatcher.held]
    while lossless.transport.reading_paused:
        for message in slow.messages():
            slow.send(Puback(message.packet_id))
            held.append(house.broker.dispatcher.held)
            if not lossless.transport.reading_paused:
                break
    quarter = LIMITS.high_water_bytes / 4
    assert held[0] > LIMITS.high_water_bytes
    assert held[-2] > quarter >= held[-1]


def test_a_lossless_publisher_waits_for_a_reader_that_is_behind(house: House) -> None:
    slow, fast = subscriber(house, "slow"), subscriber(house, "fast")
    lossless, other = house.client("one:lossless"), house.client("two")
    slow.connection.pause_writing()
    publish(lossless, 39)
    assert not lossless.transport.reading_paused
    publish(lossless, 2)
    assert lossless.transport.reading_paused
    publish(other, 1)
    assert not other.transport.reading_paused, "another subscriber is served, so this one would rather lose"
    for tenth in range(1, 50):  # five seconds, in which it reads a little all the time
        slow.transport.unsent = 1_000_000 - tenth
        house.at(tenth / 10)
        assert lossless.transport.reading_paused
    slow.connection.resume_writing()
    assert not lossless.transport.reading_paused
    assert len(slow.received()) == len(fast.received()) == 42
    assert house.broker.counters.dropped == 0


def test_nobody_waits_for_a_reader_that_does_not_read(house: House) -> None:
    stuck, lossless = subscriber(house, "stuck"), house.client("one:lossless", keep_alive_s=1)
    subscriber(house, "reading")
    stuck.connection.pause_writing()
    stuck.transport.unsent = 1_000_000
    publish(lossless, 50)
    assert lossless.transport.reading_paused
    house.at(0.9)
    assert lossless.transport.reading_paused
    house.at(1.1)
    assert not lossless.transport.reading_paused
    publish(lossless, 40)
    publish(lossless, 40)
    assert not lossless.transport.reading_paused
    assert house.broker.counters.dropped == 40
    # It comes back to life: from now on it is waited for again.
    stuck.transport.unsent = 500_000
    house.at(1.2)
    publish(lossless, 1)
    assert lossless.transport.reading_paused


def test_a_publisher_that_waits_is_not_blamed_for_its_silence(house: House) -> None:
    slow, lossless = subscriber(house, "slow"), house.client("one:lossless", keep_alive_s=2)
    slow.connection.pause_writing()
    publish(lossless, 50)
    for second in range(1, 20):
        slow.transport.unsent = 1_000_000 - second
        house.at(second / 2)
    assert not lossless.closed
    slow.connection.resume_writing()
    house.at(11.0)
    assert not lossless.closed
    house.at(14.0)
    assert lossless.closed


def test_a_flood_to_one_subscriber_runs_at_its_pace_for_a_while(house: House) -> None:
    slow, publisher = subscriber(house, "slow"), house.client("pub")
    slow.connection.pause_writing()
    publish(publisher, 50)
    assert publisher.transport.reading_paused
    slow.connection.resume_writing()
    assert not publisher.transport.reading_paused
    slow.connection.pause_writing()
    publish(publisher, 50)
    for tenth in range(1, 12):
        slow.transport.unsent = 1_000_000 - tenth
        house.at(tenth / 10)
    assert not publisher.transport.reading_paused, "who does not ask for lossless waits a moment, not for ever"


def test_publishers_that_wait_are_released_when_the_subscriber_goes(house: House) -> None:
    slow, lossless = subscriber(house, "slow"), house.client("one:lossless")
    slow.connection.pause_writing()
    publish(lossless, 50)
    slow.connection.connection_lost(None)
    assert not lossless.transport.reading_paused


def test_one_write_per_subscriber_and_turn(house: House) -> None:
    reading, publisher = subscriber(house, "reading"), house.client("pub")
    writes = []
    reading.transport.write = writes.append  # type: ignore[method-assign]
    data = encode(MESSAGE)
    for _ in range(5):
        publisher.connection.data_received(data)
    house.turn()
    assert writes == [data * 5]


def test_a_turn_of_very_much_is_written_early(house: House) -> None:
    reading, publisher = subscriber(house, "reading"), house.client("pub")
    run = encode(MESSAGE) * 200
    for _ in range(6):
        publisher.connection.data_received(run)
    assert len(reading.transport.written) > 1 << 20


def test_order_is_kept_over_pause_and_resume(house: House) -> None:
    slow, publisher = subscriber(house, "slow", 1), house.client("pub")
    sent = 0
    for step in range(20):
        if step % 4 == 1:
            slow.connection.pause_writing()
        if step % 4 == 3:
            slow.connection.resume_writing()
        publisher.send(Publish("a", b"%d" % sent, step % 2, packet_id=step % 2 and step))
        sent += 1
    slow.connection.resume_writing()
    house.turn()
    received = [packet for packet in slow.received() if isinstance(packet, Publish)]
    assert [int(packet.payload) for packet in received] == list(range(sent))
    slow.send(*(Puback(packet.packet_id) for packet in received if packet.qos))
    assert house.broker.dispatcher.held == 0


def test_names_that_lost_messages_are_counted_together_when_they_are_too_many() -> None:
    counters = Counters()
    for number in range(1_500):
        counters.drop(f"client {number}", 2)
    assert counters.dropped == sum(counters.dropped_by.values()) == 3_000
    assert counters.dropped_by["(others)"] == 2 * 500
    assert json.loads(json.dumps(counters.snapshot()))["dropped"] == 3_000


def test_a_stuck_mqtt_5_subscriber_with_wishes_of_its_own_is_bounded_too(house: House) -> None:
    """Messages in their own form, with aliases: what is dropped is not told by an alias that nobody heard of."""
    house.policy.limits = {"max_qos": 2}
    stuck = house.client("stuck", level=5, properties={Property.TOPIC_ALIAS_MAXIMUM: 5})
    stuck.send(Subscribe(1, (("#", 2),)))
    stuck.received()
    reading, publisher = subscriber(house, "reading"), house.client("pub")
    stuck.connection.pause_writing()
    for _ in range(20):
        publish(publisher, 20)
        publish(publisher, 10, qos=1)
        assert len(reading.received()) == 30
    publisher.received()
    assert house.broker.dispatcher.held <= LIMITS.queue_bytes
    assert house.broker.counters.dropped_by["stuck"] > 400
    stuck.connection.resume_writing()
    messages = stuck.messages()
    assert [message.topic for message in messages] == ["a"] + [""] * (len(messages) - 1)
    stuck.send(*(Puback(message.packet_id) for message in messages if message.qos))
    while more := [message for message in stuck.messages() if message.qos]:
        stuck.send(*(Puback(message.packet_id) for message in more))
    assert house.broker.dispatcher.held == 0


def lasting(house: House, name: str, qos: int) -> Client:
    house.policy.limits = {"max_qos": 2}
    client = house.client(name, clean_session=False)
    client.send(Subscribe(1, (("#", qos),)))
    client.received()
    return client


def test_what_lasting_sessions_keep_of_unfinished_messages_counts_in_total(house: House) -> None:
    # Ten are on their way to each of twenty: more than all may hold together.
    readers = [lasting(house, f"reader {number}", 1) for number in range(20)]
    publisher = house.client("pub")
    for _ in range(10):
        publish(publisher, 1, qos=1)
    held = house.broker.dispatcher.held
    assert LIMITS.total_queue_bytes - 20 * SIZE < held <= LIMITS.total_queue_bytes + SIZE
    assert house.broker.counters.dropped > 0
    # Half of each one's are acknowledged, then all; messages on their way are kept in runs till then.
    for reader in readers:
        found = reader.messages()
        reader.send(*[Puback(message.packet_id) for message in found])
    assert house.broker.dispatcher.held == 0
    publish(publisher, 1, qos=1)
    assert all(len(reader.messages()) == 1 for reader in readers)


def test_what_was_kept_is_given_back_with_the_session(house: House) -> None:
    reader, publisher = lasting(house, "reader", 1), house.client("pub")
    publish(publisher, 5, qos=1)
    assert house.broker.dispatcher.held >= 5 * SIZE
    reader.lose()
    assert 5 * SIZE <= house.broker.dispatcher.held < 10 * SIZE
    again = house.client("reader", clean_session=False)
    assert 5 * SIZE <= house.broker.dispatcher.held < 10 * SIZE
    again.send(*[Puback(message.packet_id) for message in again.backlog if isinstance(message, Publish)])
    assert house.broker.dispatcher.held == 0
    publish(publisher, 5, qos=1)
    again.lose()
    house.client("reader")
    assert house.broker.dispatcher.held == 0


def test_finished_messages_at_qos_2_are_not_kept(house: House) -> None:
    reader, publisher = lasting(house, "reader", 2), house.client("pub")
    for number in range(1, 200):
        publisher.send(Publish("a", MESSAGE.payload, 2, packet_id=number))
        publisher.send(Puback(number, PacketType.PUBREL))
        (message,) = reader.messages()
        reader.send(Puback(message.packet_id, PacketType.PUBREC))
        reader.received()
        reader.send(Puback(message.packet_id, PacketType.PUBCOMP))
    assert house.broker.dispatcher.held == 0

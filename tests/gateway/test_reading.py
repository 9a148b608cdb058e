"""Clients that are read together: what the short way does must be what the long way does."""

from __future__ import annotations

import asyncio
import random
import select
import time
from collections import defaultdict
from collections.abc import Iterator

import pytest

from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.broker.reading import SMALL_READ
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Connect, Puback, Publish, Signal, Will
from jinqiao.wire.mqtt.packets import PacketType as Type
from jinqiao.wire.mqtt.rates import Rates
from support.mqtt import BrokerThread, NewLoop, RawClient, running_broker

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="sockets are read by the event loop here")


@pytest.fixture(params=["asyncio", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> NewLoop:
    if request.param == "asyncio":
        return asyncio.new_event_loop
    return pytest.importorskip("uvloop").new_event_loop


@pytest.fixture
def broker(new_loop: NewLoop) -> Iterator[BrokerThread]:
    with running_broker(new_loop=new_loop) as running:
        yield running


def listener(broker: BrokerThread, *filters: str, **connect: object) -> RawClient:
    client = broker.client("listener", **connect)
    client.subscribe(*(filters or ("#",)))
    return client


def of_mqtt_5(broker: BrokerThread, client_id: str) -> RawClient:
    client = broker.socket()
    client.send(Connect(client_id, level=5))
    assert client.socket.recv(100)[0] == 0x20
    return client


def heard(client: RawClient, count: int) -> list[Publish]:
    return [client.expect(Publish) for _ in range(count)]


def test_of_many_publishers_each_ones_messages_arrive_whole_and_in_order(broker: BrokerThread) -> None:
    # Enough of them that the turns wait for more; lengths around every border: of the fixed header, of a short read.
    reader = listener(broker)
    publishers = [broker.client(f"p{number}") for number in range(30)]
    chance = random.Random(7)
    sizes = [0, 1, 90, 118, 119, 120, 121, 122, 400, 2_000, SMALL_READ - 12, SMALL_READ - 8, SMALL_READ, 20_000]
    sent: dict[str, list[bytes]] = defaultdict(list)
    for _ in range(60):
        for number, publisher in enumerate(publishers):
            payload = chance.randbytes(1) * chance.choice(sizes)
            topic = f"t/{number:02d}/{len(sent) % 2}"
            publisher.send(Publish(topic, payload))
            sent[topic].append(payload)
    found: dict[str, list[bytes]] = defaultdict(list)
    for message in heard(reader, 60 * 30):
        found[message.topic].append(message.payload)
    assert found == sent
    stats = broker.stats()
    assert stats["received_total"] == stats["delivered"] == 60 * 30
    assert stats["dropped"] == 0


def test_bytes_are_counted_whichever_way_they_went(broker: BrokerThread) -> None:
    publisher = broker.client("p")
    before = broker.stats()["bytes_in"]
    packets = [encode(Publish("a", b"x" * size)) for size in (10, 10, 10, 300, SMALL_READ)] + [b"\xc0\0"]
    for packet in packets:
        publisher.send(packet)
        time.sleep(0.01)
    publisher.expect(Signal)
    assert broker.stats()["bytes_in"] - before == sum(map(len, packets))


def test_a_packet_in_drips_is_one_packet(broker: BrokerThread) -> None:
    reader, publisher = listener(broker), broker.client("p")
    for _ in range(2):
        publisher.send(Publish("a/b", b"whole"))
        for byte in encode(Publish("a/b", b"drip" * 40)):
            publisher.send(bytes((byte,)))
            time.sleep(0.0002)
    assert [message.payload for message in heard(reader, 4)] == [b"whole", b"drip" * 40] * 2


def test_a_whole_packet_behind_a_cut_one_is_its_rest(broker: BrokerThread) -> None:
    # The rest of the first packet looks like a packet of its own.
    reader, publisher = listener(broker), broker.client("p")
    inner = encode(Publish("a", b"inner"))
    publisher.send(Publish("a", b"first"))
    outer = encode(Publish("a", b"outer" + inner))
    publisher.send(outer[: -len(inner)])
    assert heard(reader, 1)[0].payload == b"first"
    time.sleep(0.05)
    publisher.send(inner)
    assert heard(reader, 1)[0].payload == b"outer" + inner
    assert list(reader.messages()) == []


def test_last_words_are_heard_when_the_end_comes_with_them(broker: BrokerThread) -> None:
    broker.policy.limits = {"retains": True}
    reader = listener(broker)
    for number in range(20):
        publisher = broker.client(f"p{number}", will=Will("will", b"%d" % number, 0, False))
        publisher.send(Publish("a", b"known"))
        publisher.send(Publish("a", b"last"))
        publisher.close()
    found = heard(reader, 60)
    assert sum(message.topic == "will" for message in found) == 20
    assert sum(message.payload == b"last" for message in found) == 20
    assert broker.stats()["connections"] == 1


def test_a_long_packet_and_then_the_end_are_read_to_the_end(broker: BrokerThread) -> None:
    reader, publisher = listener(broker), broker.client("p")
    payload = bytes(200_000)
    publisher.send(Publish("a", payload))
    publisher.close()
    assert heard(reader, 1)[0].payload == payload


def test_what_is_not_permitted_does_not_become_so(broker: BrokerThread) -> None:
    reader, publisher = listener(broker, "a", "b/#"), broker.client("p")
    for _ in range(3):
        publisher.send(Publish("b/secret", b"no"))
        publisher.send(Publish("a", b"yes"))
        time.sleep(0.02)
    assert [message.payload for message in heard(reader, 3)] == [b"yes"] * 3
    assert broker.stats()["refused"] == {"publish": 3}


def test_permission_is_asked_again_after_it_was_taken_back(broker: BrokerThread) -> None:
    reader, publisher = listener(broker), broker.client("p")
    publisher.send(Publish("a", b"1"))
    assert heard(reader, 1)[0].payload == b"1"
    broker.policy.may_publish = lambda _principal, _topic: False  # type: ignore[method-assign]
    broker.call(broker.server.permissions_changed)
    publisher.send(Publish("a", b"2"))
    publisher.send(Signal(Type.PINGREQ))
    publisher.expect(Signal)
    assert list(reader.messages()) == []


def test_a_topic_longer_than_its_packet_is_none(broker: BrokerThread) -> None:
    reader, publisher = listener(broker), broker.client("p")
    publisher.send(Publish("a", b""))
    publisher.send(b"\x30\x03\x00\x02a")
    assert publisher.is_closed()
    assert [message.payload for message in reader.messages()] == [b""]


def test_new_subscribers_get_the_next_message_and_former_ones_do_not(broker: BrokerThread) -> None:
    first, second, publisher = broker.client("first"), broker.client("second"), broker.client("p")
    first.subscribe("a")

    def publish(payload: bytes) -> None:
        publisher.send(Publish("a", payload))
        publisher.send(Signal(Type.PINGREQ))
        publisher.expect(Signal)

    publish(b"0")
    second.subscribe("a")
    publish(b"1")
    assert [message.payload for message in first.messages()] == [b"0", b"1"]
    first.unsubscribe("a")
    publish(b"2")
    assert list(first.messages()) == []
    assert [message.payload for message in second.messages()] == [b"1", b"2"]


@pytest.mark.parametrize("topic_filter", ["a/b", "a/+", "#"])
def test_a_new_subscriber_hears_publishers_that_go_on_with_the_topic_they_are_at(
    broker: BrokerThread, topic_filter: str
) -> None:
    # Nothing but PUBLISH of one topic, each alone in its read: what was found out about the topic at the first one
    # serves all others, until the subscription comes.
    first, publisher, later = broker.client("first"), broker.client("p"), broker.client("later")
    first.subscribe("a/b")

    def publish(*payloads: bytes) -> list[bytes]:
        for payload in payloads:
            publisher.send(Publish("a/b", payload))
            assert first.expect(Publish).payload == payload
        return list(payloads)

    publish(b"0", b"1", b"2")
    later.subscribe(topic_filter)
    sent = publish(b"3", b"4")
    assert [message.payload for message in later.messages()] == sent
    later.unsubscribe(topic_filter)
    publish(b"5")
    assert list(later.messages()) == []


def test_each_subscriber_gets_its_own_level_from_publishers_of_both(broker: BrokerThread) -> None:
    readers = [broker.client("r4"), of_mqtt_5(broker, "r5")]
    readers[0].subscribe("#")
    readers[1].send(b"\x82\x07\x00\x01\x00\x00\x01#\x00")
    assert readers[1].socket.recv(100)[0] == 0x90
    publishers = [of_mqtt_5(broker, f"p{n}") if n % 2 else broker.client(f"p{n}") for n in range(20)]
    for _ in range(3):
        for number, publisher in enumerate(publishers):
            publisher.send(encode(Publish("topic", b"%d" % number), 4 + number % 2))
    expected = sum(len(encode(Publish("topic", b"%d" % number))) for number in range(20)) * 3
    # At level 5 each has the length of its properties more, which is one byte.
    for length, reader in zip((expected, expected + 60), readers, strict=True):
        data = b""
        while len(data) < length:
            data += reader.socket.recv(1 << 16)
        assert len(data) == length
        assert all(encode(Publish("topic", b"%d" % n), 5 if length > expected else 4) in data for n in range(20))


def test_a_message_to_its_own_sender_with_no_local_stays_away(broker: BrokerThread) -> None:
    client = of_mqtt_5(broker, "both")
    client.send(b"\x82\x07\x00\x01\x00\x00\x01a\x04")
    client.socket.recv(100)
    for _ in range(3):
        client.send(encode(Publish("a", b"mine"), 5))
    client.send(Signal(Type.PINGREQ))
    assert client.socket.recv(100) == encode(Signal(Type.PINGRESP))


def test_beyond_its_rate_a_client_is_dropped_from_and_nobody_else(new_loop: NewLoop) -> None:
    with running_broker(new_loop=new_loop) as broker:
        reader = listener(broker)
        broker.policy.limits = {"rates": Rates(5, 5, 100, 100_000, 10)}
        metered = [broker.client(f"m{number}") for number in range(12)]
        for number, client in enumerate(metered):
            for _ in range(20 if number == 3 else 4):
                client.send(Publish(f"t/{number}", b"x"))
                time.sleep(0.0005)
            client.send(Signal(Type.PINGREQ))
            client.expect(Signal)
        found = [message.topic for message in reader.messages()]
        stats = broker.stats()
        # A second may end in between: then it is five once more. A machine that is busy may make it some of them.
        assert 5 <= found.count("t/3") <= 10
        assert stats["throttled"]["up_qos0"] == 20 - found.count("t/3")
        assert len(found) - found.count("t/3") == 11 * 4


@pytest.mark.long
@pytest.mark.parametrize("qos", [0, 1])
def test_what_waited_in_the_kernel_while_the_loop_stood_still_is_not_dropped(new_loop: NewLoop, qos: int) -> None:
    with running_broker(new_loop=new_loop) as broker:
        reader = listener(broker)
        broker.policy.limits = {"rates": Rates(4, 4, 100, 100_000, 10)}
        device = broker.client("device")
        device.send(*(Publish("t", b"before", qos, packet_id=qos and number) for number in range(1, 5)))
        heard(reader, 4)
        broker.block(1.5)
        for number in range(5, 11):
            time.sleep(0.25)
            device.send(Publish("t", b"meanwhile", qos, packet_id=qos and number))
        heard(reader, 6)
        assert broker.stats()["throttled"] == {}
        assert [device.expect(Puback).packet_id for _ in range(10 * qos)] == [*range(1, 10 * qos + 1)]


def test_a_client_that_is_pushed_a_topic_does_not_hear_itself_there(broker: BrokerThread) -> None:
    device, reader = broker.client("car:auto"), listener(broker, "dev/#")
    for number in range(5):
        device.send(Publish("dev/car/answer", b"%d" % number))
        assert reader.expect(Publish).payload == b"%d" % number
    reader.send(Publish("dev/car/answer", b"from elsewhere"))
    assert device.expect(Publish).payload == b"from elsewhere"


def test_the_house_is_asked_about_what_it_handles(broker: BrokerThread) -> None:
    device = broker.client("car:auto")
    for number in range(3):
        device.send(Publish("dev/car/ask", b"q%d" % number))
        assert device.expect(Publish).payload == b"q%d" % number


@pytest.mark.long
def test_a_client_that_speaks_is_not_silent() -> None:
    with running_broker() as broker:
        publisher = broker.client("p", keep_alive_s=1)
        broker.client("quiet", keep_alive_s=1)
        for _ in range(15):
            publisher.send(Publish("a", b"x"))
            time.sleep(0.2)
        assert broker.stats()["refused"] == {"keep_alive": 1}
        publisher.send(Signal(Type.PINGREQ))
        publisher.expect(Signal)


def test_taking_over_a_connection_in_the_middle_of_traffic(broker: BrokerThread) -> None:
    reader = listener(broker)
    former = [broker.client(f"p{number}") for number in range(20)]
    for client in former:
        client.send(Publish("a", b"former"))
    assert {message.payload for message in heard(reader, 20)} == {b"former"}
    present = [broker.socket() for _ in former]
    for number, client in enumerate(present):
        client.send(encode(Connect(f"p{number}")) + encode(Publish("a", b"present")) * 2)
    assert {message.payload for message in heard(reader, 40)} == {b"present"}
    assert all(client.is_closed() for client in former)
    assert broker.stats()["connections"] == 21


def test_qos_1_between_the_others_keeps_its_place(broker: BrokerThread) -> None:
    reader, publishers = listener(broker), [broker.client(f"p{number}") for number in range(12)]
    for step in range(5):
        for number, publisher in enumerate(publishers):
            publisher.send(Publish(f"t/{number}", b"%d a" % step))
            publisher.send(Publish(f"t/{number}", b"%d b" % step, 1, packet_id=step + 1))
    order: dict[str, list[bytes]] = defaultdict(list)
    for message in heard(reader, 120):
        order[message.topic].append(message.payload)
    assert set(map(tuple, order.values())) == {tuple(b"%d %c" % (step, ab) for step in range(5) for ab in b"ab")}
    for publisher in publishers:
        assert [publisher.expect(Puback).packet_id for _ in range(5)] == [1, 2, 3, 4, 5]


def test_a_publisher_that_had_to_wait_is_read_on(new_loop: NewLoop) -> None:
    limits = Limits(queue_bytes=4 << 20, high_water_bytes=1 << 19)
    with running_broker(limits, new_loop) as broker:
        reader, publisher = listener(broker), broker.client("sim:lossless")
        reader.socket.settimeout(20)
        count, payload = 20_000, bytes(1_000)
        publisher.socket.settimeout(0.3)
        block, sent = encode(Publish("a", payload)) * 100, 0
        try:
            while sent < count:
                publisher.socket.sendall(block)
                sent += 100
            raise AssertionError("nobody had to wait")
        except TimeoutError:
            # What was cut off is unknown: the broker must have everything before it.
            assert sent < count
        assert len(heard(reader, sent)) == sent
        assert broker.stats()["dropped"] == 0


def test_when_it_is_calm_again_an_answer_does_not_wait(broker: BrokerThread) -> None:
    # A hundred round trips; while turns wait for more, each would take 3 ms at the least.
    busy = [broker.client(f"p{number}") for number in range(20)]
    for _ in range(20):
        for client in busy:
            client.send(Publish("a", b"x"))
    time.sleep(0.2)
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(20):
            busy[0].send(Signal(Type.PINGREQ))
            busy[0].expect(Signal)
        best = min(best, time.perf_counter() - began)
    assert best < 20 * 0.003


def test_a_client_may_change_its_topic_and_its_routes_may_change_under_it(broker: BrokerThread) -> None:
    reader, publishers = listener(broker, "a/#"), [broker.client(f"p{number}") for number in range(10)]
    later, expected = broker.client("later"), {"a": 0, "b": 0}
    for step in range(12):
        for number, publisher in enumerate(publishers):
            to = "ab"[(step // 3 + number) % 2]
            publisher.send(Publish(f"{to}/{number}", b"%d" % step))
            publisher.send(Signal(Type.PINGREQ))
            publisher.expect(Signal)
            expected[to] += to == "a" or step > 5
        if step == 5:
            later.subscribe("b/#")
    assert {message.topic[0] for message in later.messages()} == {"b"}
    assert broker.stats()["delivered"] == sum(expected.values())
    assert len(list(reader.messages())) == expected["a"]

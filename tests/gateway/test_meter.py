"""A client's rates on its connection: what is within passes, the rest is dropped, counted and told once a second."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.broker.limits import Limits
from jinqiao.wire.alink.limits import DEVICE_RATES
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import PacketType, Puback, Publish, Subscribe
from jinqiao.wire.mqtt.rates import Rates
from jinqiao.wire.mqtt.reasons import Reason
from support.mqtt_memory import Client, House

RATES = Rates(up_qos0=3, up_qos1=2, down=5, bytes_per_s=1_000, down_unacknowledged=4)


@pytest.fixture
def house() -> House:
    return House()


def metered(house: House, client_id: str = "device", rates: Rates = RATES, **connect: object) -> Client:
    house.policy.limits = {"rates": rates}
    client = house.client(client_id, **connect)
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


@pytest.mark.parametrize(
    ("level", "beyond"),
    [(4, []), (5, [Puback(number, reason=Reason.QUOTA_EXCEEDED) for number in (3, 4, 5)])],
)
def test_each_qos_has_its_rate_and_what_is_dropped_is_not_acknowledged(
    house: House, level: int, beyond: list[Puback]
) -> None:
    listener = subscribed(house.client("listener"))
    device = metered(house, level=level)
    house.at(10.0)
    device.send(*(Publish("t", b"%d" % number, 1, packet_id=number) for number in range(1, 6)))
    device.send(Publish("t", b"zero"))
    assert device.received() == [Puback(1), Puback(2), *beyond]
    assert heard(listener) == [b"1", b"2", b"zero"]


def test_what_was_dropped_may_be_sent_again(house: House) -> None:
    listener = subscribed(house.client("listener"))
    device = metered(house)
    house.at(10.0)
    device.send(*(Publish("t", b"%d" % number, 1, packet_id=number) for number in range(1, 5)))
    house.at(11.0)
    device.send(*(Publish("t", b"%d" % number, 1, packet_id=number, duplicate=True) for number in (3, 4)))
    assert device.received() == [Puback(number) for number in (1, 2, 3, 4)]
    assert heard(listener) == [b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize(("level", "answer"), [(4, []), (5, [Puback(9, PacketType.PUBREC, Reason.QUOTA_EXCEEDED)])])
def test_at_qos_2_what_is_dropped_has_not_come(house: House, level: int, answer: list[Puback]) -> None:
    house.policy.limits = {"max_qos": 2}
    listener = subscribed(house.client("listener"))
    house.policy.limits = {"max_qos": 2, "rates": RATES}
    device = house.client("device", level=level)
    house.at(10.0)
    device.send(*(Publish("t", b"", 1, packet_id=number) for number in (1, 2)))
    device.received()
    device.send(Publish("t", b"late", 2, packet_id=9))
    assert device.received() == answer
    house.at(11.0)
    device.send(Publish("t", b"late", 2, packet_id=9))
    assert device.received() == [Puback(9, PacketType.PUBREC)]
    assert heard(listener) == [b"", b"", b"late"]


def test_what_is_refused_counts_like_any_other(house: House) -> None:
    """Else a device without permission could publish as much as it likes."""
    device = metered(house, level=5)
    house.at(10.0)
    device.send(*(Publish(f"secret/{number}", b"", 1, packet_id=number) for number in range(1, 5)))
    reasons = [packet.reason for packet in device.received() if isinstance(packet, Puback)]
    assert reasons == [Reason.NOT_AUTHORIZED] * 2 + [Reason.QUOTA_EXCEEDED] * 2
    assert house.broker.counters.refused["publish"] == 2


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


# A broker that stands still: its clients have done nothing wrong.


class Sender:
    """A device that sends so many a second, whatever the broker does; what was sent waits until it is read."""

    def __init__(self, house: House, per_second: float, qos: int = 0, rates: Rates = DEVICE_RATES) -> None:
        self.house, self.per_second, self.qos = house, per_second, qos
        self.device = metered(house, rates=rates)
        self.listener = subscribed(house.client("listener"))
        self.began, self.sent = house.time, 0
        self.heard = self.acknowledged = 0

    def read(self) -> None:
        """What has been sent by now comes in one read."""
        due = int((self.house.time - self.began) * self.per_second)
        for number in range(self.sent, due):
            self.device.connection.data_received(
                encode(Publish("t", b"x", self.qos, packet_id=self.qos and number + 1))
            )
        self.sent = due
        self.house.turn()
        self.heard += len(heard(self.listener))
        self.acknowledged += len(self.device.received())

    def run(self, seconds: float, step: float = 0.25) -> None:
        """A broker that has time: a tick, and a read."""
        for _ in range(int(seconds / step)):
            self.house.stand_still(self.house.time + step)
            self.house.broker.dispatcher.catch_up()  # as the server does at each tick
            self.house.at(self.house.time)
            self.read()

    def stall(self, seconds: float) -> None:
        """Then what came is read before the clock is moved, as an event loop does."""
        self.house.stand_still(self.house.time + seconds)
        self.read()


@pytest.mark.parametrize(
    ("qos", "per_second", "stall_s"), [(0, 5, 8.0), (1, 5, 3.0), (0, 29, 8.0), (1, 9, 3.0), (0, 29, 59.0), (0, 29, 0.6)]
)
def test_what_was_sent_in_time_is_not_dropped_because_the_broker_stood_still(
    house: House, qos: int, per_second: float, stall_s: float
) -> None:
    house.at(100.0)
    sender = Sender(house, per_second, qos)
    for _ in range(3):
        sender.run(3.3)
        sender.stall(stall_s)
    sender.run(5.0)
    assert house.broker.counters.throttled == {}
    assert sender.heard == sender.sent > 3 * per_second * stall_s
    assert sender.acknowledged == (sender.sent if qos else 0)


def test_a_client_whose_turn_comes_late_after_a_stall_loses_nothing_either(house: House) -> None:
    """With thousands of clients it takes seconds to read what came meanwhile, and the clock ticks again."""
    house.at(100.0)
    sender = Sender(house, 5)
    house.stand_still(108.0)
    house.broker.dispatcher.catch_up()
    for tick in range(1, 13):
        house.at(108.0 + tick / 4)
    sender.read()
    assert sender.heard == sender.sent == 55


@pytest.mark.parametrize("stall_s", [0.0, 0.4, 8.0])
def test_too_much_is_too_much_also_right_after_a_stall(house: House, stall_s: float) -> None:
    house.at(100.0)
    sender = Sender(house, 60)
    sender.run(2.0)
    if stall_s:
        sender.stall(stall_s)
    before = sender.heard
    sender.run(3.0)
    passed_s = house.time - 100.0
    assert sender.heard <= 30 * (passed_s + 1)
    assert sender.heard - before <= 30 * 4
    assert house.broker.counters.throttled["up_qos0"] == sender.sent - sender.heard


@given(st.lists(st.tuples(st.floats(0.25, 3.0), st.floats(0.0, 5.0)), min_size=1, max_size=30), st.sampled_from([0, 1]))
def test_over_a_long_time_it_is_never_more_than_the_rate(pauses: list[tuple[float, float]], qos: int) -> None:
    house = House()
    house.at(100.0)
    sender = Sender(house, 40, qos)
    for run_s, stall_s in pauses:
        sender.run(run_s)
        sender.stall(stall_s)
    assert sender.heard <= (10 if qos else 30) * (house.time - 100.0 + 1) + 1e-6


def test_an_old_stall_is_no_credit(house: House) -> None:
    house.at(100.0)
    sender = Sender(house, 0.0)
    sender.stall(50.0)
    house.broker.dispatcher.catch_up()
    for tick in range(1, 4 * 60):
        house.at(150.0 + tick / 4)
    sender.device.send(*(Publish("t", b"") for _ in range(100)))
    assert len(heard(sender.listener)) == 30


def test_what_goes_down_to_a_device_is_treated_alike(house: House) -> None:
    device, publisher = subscribed(metered(house, rates=DEVICE_RATES)), house.client("publisher")
    house.at(100.0)
    publisher.send(*(Publish("t", b"") for _ in range(50)))
    house.stand_still(108.0)
    publisher.send(*(Publish("t", b"") for _ in range(400)))
    assert len(heard(device)) == 450
    publisher.send(*(Publish("t", b"") for _ in range(100)))
    assert len(heard(device)) == 0
    assert house.broker.counters.throttled == {"down": 100}


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
    assert house.broker.door.doors.addresses == {"192.0.2.1": 2}


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

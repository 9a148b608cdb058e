"""Listeners that hold the end of a step: until they have taken everything, and nobody else ever."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import ProtocolError
from jinqiao.base.telemetry import Step
from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.broker.lock_step import LockStep
from jinqiao.gateway.simulated.intake import FleetIntake
from jinqiao.wire.crossing import crossing_packets
from jinqiao.wire.mqtt.decoding import decode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import Packet, PacketType, Puback, Publish, Signal, Subscribe, Unsubscribe
from jinqiao.wire.mqtt.properties import Property
from jinqiao.wire.render import StepRenderer
from jinqiao.wire.stepping import FIRST_BYTE, STEP_ENDS, Held, read_held, report_of
from support.mqtt_memory import Client, House
from support.sandbox import Sandbox
from support.telemetry import NOW_MS, batch, names

NAMES = ("product", "other")
KEY, VEHICLES = "a1JinqiaoEV", np.array([name.encode() for name in names(6)])


class Simulator:
    """The simulator's end: what came back, packets of MQTT and reports about the end of a step in their order."""

    def __init__(self, house: House, client: Client | None = None, names: tuple[str, ...] = NAMES[:1]) -> None:
        broker = house.broker
        broker.lock_step = LockStep(names, broker.dispatcher, house.soon.append)
        self.client = client or house.client("simulator:trusted,lossless")

    def publish(self, *topics: str, qos: int = 0) -> None:
        self.client.send(*(Publish(topic, b"x", qos, packet_id=qos and 9) for topic in topics))

    def end_step(self) -> None:
        self.client.feed(STEP_ENDS)

    def received(self) -> list[Packet | Held]:
        data, self.client.transport.written = self.client.transport.written, b""
        found: list[Packet | Held] = []
        while data:
            bounds = frame(data, 0)
            assert bounds is not None
            body, data, first = data[bounds[0] : bounds[1]], data[bounds[1] :], data[0]
            found.append(read_held(body) if first == FIRST_BYTE else decode(first, body))
        return found

    @property
    def goes_on(self) -> bool:
        """Whether the step has ended since the last look."""
        return Held() in self.received()


@pytest.fixture
def house() -> House:
    return House()


def listener(house: House, name: str = "product", qos: int = 1, **connect: Any) -> Client:
    client = house.client(name, **connect)
    client.send(Subscribe(1, (("#", qos),)))
    client.received()
    return client


def acknowledge(client: Client, *messages: Publish) -> None:
    client.send(*(Puback(message.packet_id) for message in messages))


def test_a_step_waits_for_the_last_acknowledgement(house: House) -> None:
    simulator, product = Simulator(house), listener(house)
    simulator.publish("a", "b")
    simulator.end_step()
    first, second = product.messages()
    acknowledge(product, second)
    assert not simulator.goes_on
    acknowledge(product, first)
    assert simulator.goes_on
    simulator.end_step()
    assert simulator.goes_on, "a step in which nothing was sent"


def test_what_was_published_at_qos_0_can_be_acknowledged_by_the_named_client_only(house: House) -> None:
    simulator, product, other = Simulator(house), listener(house), listener(house, "somebody else")
    simulator.publish("a", "b", "b")
    simulator.end_step()
    heard = product.messages()
    assert [(message.topic, message.qos) for message in heard] == [("a", 1), ("b", 1), ("b", 1)]
    assert len({message.packet_id for message in heard}) == 3
    assert [message.qos for message in other.messages()] == [0, 0, 0]
    acknowledge(product, *heard)
    assert simulator.goes_on


def test_columns_hold_the_clock_as_packets_do() -> None:
    heard = []
    renderer = StepRenderer(KEY, VEHICLES, VEHICLES)
    said = renderer.say(Step(NOW_MS, (batch(len(VEHICLES)),)))
    for columns in (True, False):
        house = House()
        simulator, product = Simulator(house), listener(house)
        if columns:
            router = house.broker.router
            house.broker.intake = FleetIntake(router, KEY, VEHICLES, lambda _: None, lambda _: None)
            batches = [(one, one.records(one.batch.vehicles)) for one in said.batches]
            simulator.client.feed(b"".join(crossing_packets([], batches)))
        else:
            simulator.client.feed(b"".join(bytes(block.data) for _, block in renderer.render(said)))
        simulator.end_step()
        assert not simulator.goes_on
        messages = product.messages()
        acknowledge(product, *messages)
        assert simulator.goes_on
        heard.append([(message.topic, message.payload, message.qos) for message in messages])
    assert heard[0] == heard[1]
    assert len(heard[0]) == 6
    assert {qos for *_, qos in heard[0]} == {1}


def test_other_clients_hold_nothing(house: House) -> None:
    simulator, product, other = Simulator(house), listener(house), listener(house, "somebody else")
    other.connection.pause_writing()
    simulator.publish("a", qos=1)
    simulator.end_step()
    assert not simulator.goes_on
    acknowledge(product, *product.messages())
    assert simulator.goes_on
    assert not other.messages()


def test_at_qos_0_a_step_ends_when_the_socket_has_taken_everything(house: House) -> None:
    simulator, product = Simulator(house), listener(house, qos=0)
    assert product.transport.high == 1, "the transport reports as soon as a message does not fit"
    simulator.publish("a")
    simulator.end_step()
    assert simulator.goes_on
    product.connection.pause_writing()
    simulator.publish("a", "b")
    simulator.end_step()
    assert not simulator.goes_on
    product.connection.resume_writing()
    house.turn()
    assert simulator.goes_on
    assert [message.qos for message in product.messages()] == [0, 0, 0]


def test_a_step_waits_until_the_client_is_connected_and_has_subscribed(house: House) -> None:
    simulator = Simulator(house)
    simulator.end_step()
    house.at(0.5)
    assert simulator.received() == [Held(("product",))]
    product = house.client("product")
    house.at(1.0)
    assert simulator.received() == [Held(("product",))]
    product.send(Subscribe(1, (("nothing/comes/here", 1),)))
    assert simulator.goes_on
    product.send(Unsubscribe(2, ("nothing/comes/here",)))
    simulator.publish("a")
    simulator.end_step()
    assert simulator.goes_on, "who is subscribed to nothing any more holds nothing"


def test_a_client_that_went_is_waited_for(house: House) -> None:
    simulator, product = Simulator(house), listener(house)
    simulator.publish("a")
    simulator.end_step()
    product.lose()
    house.at(0.5)
    assert simulator.received() == [Held(("product",))]
    product = house.client("product")
    assert not simulator.goes_on
    product.send(Subscribe(1, (("#", 1),)))
    assert simulator.goes_on, "a clean session: what it had not acknowledged is gone"


def test_a_lasting_session_finds_what_it_missed_and_acknowledges_that(house: House) -> None:
    simulator, product = Simulator(house), listener(house, clean_session=False)
    simulator.publish("a")
    product.lose()
    simulator.publish("b")
    simulator.end_step()
    assert not simulator.goes_on
    product = house.client("product", clean_session=False)
    again = [packet for packet in product.backlog if isinstance(packet, Publish)]
    assert [(message.topic, message.qos, message.duplicate) for message in again] == [("a", 1, True), ("b", 1, False)]
    assert not simulator.goes_on
    acknowledge(product, *again)
    assert simulator.goes_on


def test_a_second_login_takes_over_the_clock_too(house: House) -> None:
    simulator, before = Simulator(house), listener(house)
    simulator.publish("a")
    simulator.end_step()
    after = listener(house)
    assert before.closed
    assert simulator.goes_on
    simulator.publish("b")
    simulator.end_step()
    assert not simulator.goes_on
    acknowledge(after, *after.messages())
    assert simulator.goes_on


def test_a_small_window_is_passed_through_before_the_step_ends(house: House) -> None:
    simulator = Simulator(house)
    product = listener(house, level=5, properties={Property.RECEIVE_MAXIMUM: 2})
    simulator.publish("a", "b", "c", "d", "e")
    simulator.end_step()
    heard: list[str] = []
    while not simulator.goes_on:
        messages = product.messages()
        assert 0 < len(messages) <= 2
        heard += [message.topic for message in messages]
        acknowledge(product, *messages)
    assert heard == ["a", "b", "c", "d", "e"]


@given(st.lists(st.integers(1, 7), min_size=1, max_size=12), st.sampled_from([4, 5]), st.integers(1, 12))
def test_messages_come_once_and_in_order_whatever_the_window(runs: list[int], level: int, window: int) -> None:
    house = House(Limits(unacknowledged=window))
    simulator, product = Simulator(house), listener(house, level=level)
    sent = [f"t/{run}/{number}" for run, count in enumerate(runs) for number in range(count)]
    start = 0
    for count in runs:
        simulator.publish(*sent[start : start + count])
        start += count
    simulator.end_step()
    heard = []
    while not simulator.goes_on:
        messages = product.messages()
        assert messages
        heard += [message.topic for message in messages]
        acknowledge(product, *messages)
    assert heard == sent
    assert house.broker.dispatcher.held == 0


@pytest.mark.parametrize(
    ("topic_filter", "connect", "subscribe"),
    [
        ("t/#", {"level": 5, "properties": {Property.TOPIC_ALIAS_MAXIMUM: 5}}, {}),
        ("t/#", {"level": 5, "properties": {Property.MAXIMUM_PACKET_SIZE: 200}}, {}),
        ("t/#", {"level": 5}, {"properties": {Property.SUBSCRIPTION_IDENTIFIER: (7,)}}),
        ("$share/group/t/#", {}, {}),
    ],
)
def test_subscribers_with_packets_of_their_own_hold_the_clock_too(
    house: House, topic_filter: str, connect: dict[str, Any], subscribe: dict[str, Any]
) -> None:
    house.policy.limits = {"identifiers": True}
    simulator, product = Simulator(house), house.client("product", **connect)
    product.send(Subscribe(1, ((topic_filter, 1),), **subscribe))
    product.received()
    simulator.publish("t/a", "t/a", "t/b")
    simulator.end_step()
    assert not simulator.goes_on
    messages = product.messages()
    assert [message.qos for message in messages] == [1, 1, 1]
    acknowledge(product, *messages)
    assert simulator.goes_on


def test_qos_2_is_taken_when_its_exchange_is_complete(house: House) -> None:
    house.policy.limits = {"max_qos": 2}
    simulator, product = Simulator(house), listener(house, qos=2)
    simulator.publish("a", qos=2)
    simulator.client.send(Puback(9, PacketType.PUBREL))
    simulator.end_step()
    (message,) = product.messages()
    assert message.qos == 2
    product.send(Puback(message.packet_id, PacketType.PUBREC))
    assert not simulator.goes_on
    product.send(Puback(message.packet_id, PacketType.PUBCOMP))
    assert simulator.goes_on


def test_what_a_listener_said_before_its_acknowledgement_comes_before_the_end_of_the_step(house: House) -> None:
    simulator, product = Simulator(house), listener(house)
    simulator.client.send(Subscribe(1, (("command", 0),)))
    product.received()
    simulator.publish("a")
    simulator.end_step()
    simulator.received()
    (message,) = product.messages()
    product.send(Publish("command", b"go"), Puback(message.packet_id))
    command, *rest = simulator.received()
    assert isinstance(command, Publish)
    assert rest == [], "it is subscribed to everything, its own command too"
    acknowledge(product, *product.messages())
    assert simulator.goes_on


def test_pings_are_answered_while_a_step_is_held(house: House) -> None:
    simulator = Simulator(house)
    simulator.end_step()
    simulator.client.send(Signal(PacketType.PINGREQ))
    assert simulator.received() == [Signal(PacketType.PINGRESP)]


def test_several_clients_are_all_waited_for_and_reported(house: House) -> None:
    simulator, product = Simulator(house, names=NAMES), listener(house)
    simulator.publish("a", "b")
    simulator.end_step()
    house.at(0.5)
    assert simulator.received() == [Held(("other",), (("product", 2),))]
    acknowledge(product, *product.messages())
    assert not simulator.goes_on
    listener(house, "other")
    assert simulator.goes_on


def test_reports_come_a_few_times_a_second_however_many_steps_there_were(house: House) -> None:
    simulator, product = Simulator(house), listener(house)
    for _ in range(100):
        simulator.end_step()
        assert simulator.goes_on
    simulator.publish("a")
    simulator.end_step()
    for tick in range(1, 9):
        house.at(tick / 4)
    assert 4 <= len(simulator.received()) <= 8
    acknowledge(product, *product.messages())
    assert simulator.goes_on
    house.at(10.0)
    assert not simulator.received()


def test_a_simulator_that_is_gone_is_not_answered(house: House) -> None:
    simulator = Simulator(house)
    simulator.end_step()
    simulator.client.lose()
    listener(house)
    house.at(1.0)
    assert not simulator.received()


def test_a_device_is_named_by_what_stands_before_the_first_bar() -> None:
    for name in ("c", "c|securemode=3,_ss=1|"):
        sandbox = Sandbox()
        lock_step = sandbox.broker.lock_step = LockStep((name,), sandbox.broker.dispatcher, sandbox.soon.append)
        sandbox.device(name="another")
        assert lock_step.held() == Held((name,))
        sandbox.device(parameters="securemode=3,_ss=1")
        assert not lock_step.held(), "it is pushed its downlinks, and need not subscribe"


def test_nobody_but_the_simulator_may_end_a_step(house: House) -> None:
    Simulator(house)
    stranger = house.client("stranger")
    stranger.feed(STEP_ENDS)
    assert stranger.closed


@given(
    st.lists(st.text(max_size=20), max_size=4),
    st.dictionaries(st.text(max_size=20), st.integers(1, 2**31), max_size=4),
)
def test_a_report_is_read_as_it_was_written(missing: list[str], behind: dict[str, int]) -> None:
    held = Held(tuple(missing), tuple(behind.items()))
    packet = report_of(held)
    bounds = frame(packet, 0)
    assert bounds is not None
    assert packet[0] == FIRST_BYTE
    assert read_held(packet[bounds[0] : bounds[1]]) == held


@given(st.binary(min_size=1, max_size=40))
def test_what_is_no_report_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_held(body)

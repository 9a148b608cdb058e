"""A client's messages are acknowledged when what the house keeps of them is kept, in order; nothing else waits."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jinqiao.wire.mqtt.packets import PacketType, Puback, Publish, Signal, Subscribe
from support.mqtt_memory import House


class Held:
    """Keeps until the test says that it has kept."""

    def __init__(self) -> None:
        self.behind = False
        self.waiting: list[Callable[[], None]] = []

    def then(self, call: Callable[[], None]) -> None:
        self.waiting.append(call)

    def kept(self) -> None:
        self.behind = False
        waiting, self.waiting = self.waiting, []
        for call in waiting:
            call()


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def held(house: House) -> Held:
    house.broker.acknowledging = held = Held()
    return held


@pytest.mark.parametrize("level", [4, 5])
def test_acknowledgements_wait_and_everything_else_goes_on(house: House, held: Held, level: int) -> None:
    reader, client = house.client("reader"), house.client("device", level=level)
    reader.send(Subscribe(1, (("a", 0),)))
    reader.received()
    held.behind = True
    client.send(Publish("a", b"1", 1, packet_id=1), Signal(PacketType.PINGREQ), Publish("a", b"2", 1, packet_id=2))
    assert client.received() == [Signal(PacketType.PINGRESP)]
    assert [message.payload for message in reader.messages()] == [b"1", b"2"]
    held.kept()
    house.turn()
    assert client.received() == [Puback(1), Puback(2)]
    client.send(Publish("a", b"3", 1, packet_id=3))
    assert client.received() == [Puback(3)]


def test_refusals_do_not_overtake_them(house: House, held: Held) -> None:
    client = house.client("device", level=5)
    held.behind = True
    client.send(Publish("a", b"1", 1, packet_id=1), Publish("secret/a", b"2", 1, packet_id=2))
    assert client.received() == []
    held.kept()
    house.turn()
    assert [packet.packet_id for packet in client.received() if isinstance(packet, Puback)] == [1, 2]


def test_exactly_once_waits_too(house: House, held: Held) -> None:
    house.policy.limits = {"max_qos": 2}
    client = house.client("device", level=5)
    held.behind = True
    client.send(Publish("a", b"1", 2, packet_id=1))
    assert client.received() == []
    held.kept()
    house.turn()
    assert client.received() == [Puback(1, PacketType.PUBREC)]


def test_what_the_policy_keeps_of_a_message_is_waited_for_whichever_way_it_goes(house: House, held: Held) -> None:
    house.policy.limits = {"max_qos": 2}
    client = house.client("device", level=5)
    client.send(Publish("kept", b"", 1, packet_id=9))
    client.received()

    def receive(*_: object) -> tuple[()]:
        held.behind = True
        return ()

    house.policy.receive = receive  # type: ignore[method-assign, assignment]
    house.policy.handles = lambda _: True  # type: ignore[method-assign, assignment]
    house.broker.router.forget_all()
    for number, qos in ((1, 1), (2, 2)):
        client.send(Publish("kept", b"", qos, packet_id=number))
        assert client.received() == []
        held.kept()
        house.turn()
        assert len(client.received()) == 1


def test_a_client_that_has_gone_is_not_acknowledged(house: House, held: Held) -> None:
    client = house.client("device")
    held.behind = True
    client.send(Publish("a", b"1", 1, packet_id=1))
    client.leave()
    client.received()
    held.kept()
    house.turn()
    assert client.received() == []


def test_a_client_that_does_not_read_them_is_put_out(house: House, held: Held) -> None:
    client = house.client("device")
    held.behind = True
    session = client.connection.session
    assert session is not None
    client.connection.pause_writing()
    for _ in range(5):
        session.acknowledge(b"\x40\x02\0\1" * 65_535)
    held.kept()
    assert client.closed
    assert house.broker.counters.refused["malformed"] == 1

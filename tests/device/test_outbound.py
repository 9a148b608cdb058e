"""The one way out: which connection a packet takes, at which QoS, and what is counted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from jinqiao.base.telemetry import CanSecond, Event, Label, Step
from jinqiao.device.agent.car import Outgoing
from jinqiao.device.outbound import Outbound, Sent
from jinqiao.wire.crossing import read_crossing, read_presence
from jinqiao.wire.mqtt.decoding import decode
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import Publish
from jinqiao.wire.render import Packets, StepRenderer
from support.telemetry import NOW_MS, batch

KEY = "a1JinqiaoEV"
NAMES = np.array([b"LBV%014d" % i for i in range(6)], "S17")
#: Who has a connection of their own, and who of them is online.
OWN, ONLINE = (1, 2, 4), (1, 4)


@dataclass
class Shared:
    """The shared connection: what was written, and what was published at which QoS."""

    written: list[bytes] = field(default_factory=list)
    published: list[tuple[bytes, int]] = field(default_factory=list)
    full: bool = False

    async def send(self, data: memoryview | bytes) -> None:
        self.written.append(bytes(data))

    async def publish(self, packet: bytes, qos: int) -> bool:
        self.published.append((packet, qos))
        return not self.full


@dataclass
class Own:
    """Connections of the rows `OWN`."""

    sent: list[tuple[int, bytes, int]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(OWN)

    def owns(self, vehicles: np.ndarray) -> np.ndarray:
        owned = np.zeros(len(NAMES), bool)
        owned[list(OWN)] = True
        found: np.ndarray = owned[vehicles]
        return found

    def is_online(self, row: int) -> bool:
        return row in ONLINE

    def send(self, row: int, packet: bytes, qos: int = 0) -> bool:
        self.sent.append((row, packet, qos))
        return row in ONLINE


def split(data: bytes) -> Iterator[Publish]:
    at = 0
    while at < len(data):
        edges = frame(data, at)
        assert edges is not None
        packet = decode(data[at], data[edges[0] : edges[1]])
        assert isinstance(packet, Publish)
        yield packet
        at = edges[1]


def made(shared: Shared | None, own: Own | None) -> Outbound:
    return Outbound(shared, own, Sent())  # type: ignore[arg-type]


def renderer() -> StepRenderer:
    return StepRenderer(KEY, NAMES, NAMES)


async def sent(out: Outbound, step: Step, by: StepRenderer | None = None) -> None:
    by = by or renderer()
    await out.send(by, by.say(step))


LABEL = Label(NOW_MS, "dtc", "once", np.arange(6, dtype=np.int32), {"code": "P0A80"})


def test_labels_go_over_own_connections_and_over_the_shared_one_of_whom_is_offline() -> None:
    shared, own = Shared(), Own()
    out = made(shared, own)
    asyncio.run(sent(out, Step(NOW_MS, labels=(LABEL,))))
    assert [row for row, _, _ in own.sent] == list(ONLINE)
    for row, packet, qos in own.sent:
        (message,) = split(packet)
        assert (message.topic, qos) == (f"/{KEY}/{NAMES[row].decode()}/user/label", 0)
        assert json.loads(message.payload)["vehicle"] == NAMES[row].decode()
    assert [packet.topic.split("/")[2] for data in shared.written for packet in split(data)] == [
        NAMES[row].decode() for row in (0, 2, 3, 5)
    ]
    assert out.sent.published == {"label": 6}
    assert out.sent.not_sent == 0


def test_without_a_shared_connection_a_label_of_whom_is_offline_is_not_sent() -> None:
    own = Own()
    out = made(None, own)
    asyncio.run(sent(out, Step(NOW_MS, labels=(replace(LABEL, vehicles=np.array(OWN, np.int32)),))))
    assert [row for row, _, _ in own.sent] == list(OWN)
    assert out.sent.not_sent == len(OWN) - len(ONLINE) == 1


def test_a_block_is_divided_between_the_connections() -> None:
    shared, own = Shared(), Own()
    out = made(shared, own)
    asyncio.run(sent(out, Step(NOW_MS, (batch(6),))))
    (rest,) = shared.written
    assert [packet.topic.split("/")[3] for packet in split(rest)] == [NAMES[row].decode() for row in (0, 3, 5)]
    assert [(row, next(split(packet)).topic.split("/")[3]) for row, packet, _ in own.sent] == [
        (row, NAMES[row].decode()) for row in OWN
    ]
    assert (out.sent.published, out.sent.not_sent) == ({"property_post": 6}, 1)
    assert out.sent.published_bytes == len(rest) + sum(len(packet) for _, packet, _ in own.sent)


def test_without_own_connections_a_block_is_one_write() -> None:
    shared = Shared()
    asyncio.run(sent(made(shared, None), Step(NOW_MS, (batch(6),))))
    (data,) = shared.written
    assert len(list(split(data))) == 6


@pytest.mark.parametrize(("row", "went"), [(1, True), (2, False)])
def test_an_answer_over_an_own_connection_keeps_its_qos(row: int, went: bool) -> None:
    shared, own = Shared(), Own()
    out = made(shared, own)
    topic = f"/shadow/update/{KEY}/{NAMES[row].decode()}"
    asyncio.run(out.say(Outgoing(row, topic, b"{}", 1)))
    assert own.sent == [(row, encode(Publish(topic, b"{}")), 1)]
    assert (shared.published, out.sent.published, out.sent.not_sent) == ([], {"shadow_update": 1}, int(not went))


@pytest.mark.parametrize("full", [False, True])
def test_an_answer_over_the_shared_connection_keeps_its_qos(full: bool) -> None:
    shared = Shared(full=full)
    out = made(shared, Own())
    asyncio.run(out.say(Outgoing(0, "/a/b/user/update", b"{}", 1)))
    asyncio.run(out.say(Outgoing(3, "/a/b/user/update", b"{}")))
    assert [qos for _, qos in shared.published] == [1, 0]
    assert (out.sent.messages, out.sent.not_sent) == (2, 2 * full)


def test_what_has_no_connection_at_all_is_not_sent() -> None:
    out = made(None, Own())
    asyncio.run(sent(out, Step(NOW_MS, (batch(6),))))
    asyncio.run(out.say(Outgoing(0, "/a/b/user/update", b"{}", 1)))
    assert out.sent.not_sent == 1 + 3 + 1


FRAMES = CanSecond(
    NOW_MS - 1000,
    "powertrain",
    np.array([0, 1], np.int32),
    np.array([2, 1]),
    *(np.array([5, 9, 7], kind) for kind in (np.uint32, np.uint32, np.uint8)),
    np.zeros((3, 8), np.uint8),
)


def test_the_digest_does_not_depend_on_where_things_go() -> None:
    """Which connection they take, who renders them, and what vehicles answer, changes nothing."""
    step = Step(NOW_MS, (batch(6),), (Event(NOW_MS, 1, "TripFinished", {"Distance": 1.5}),), (FRAMES,), (LABEL,))
    found = set()
    for crossing in (False, True):
        for shared, own in ((Shared(), None), (Shared(), Own()), (None, Own())):
            out = Outbound(shared, own, Sent(), crossing=crossing)  # type: ignore[arg-type]
            asyncio.run(sent(out, step))
            asyncio.run(out.say(Outgoing(0, "/a/b/user/update", b"{}")))
            found.add((out.sent.digest.hexdigest(), tuple(out.sent.published.items()), out.sent.published_bytes))
    assert len(found) == 1


@pytest.mark.parametrize("without", ["batches", "events", "can", "labels"])
def test_the_digest_covers_all_that_is_said(without: str) -> None:
    whole = Step(NOW_MS, (batch(6),), (Event(NOW_MS, 1, "TripFinished", {"Distance": 1.5}),), (FRAMES,), (LABEL,))
    digests = set()
    for step in (whole, replace(whole, **{without: ()})):
        out = made(Shared(), None)
        asyncio.run(sent(out, step))
        digests.add(out.sent.digest.hexdigest())
    assert len(digests) == 2


def test_columns_cross_to_our_own_gateway_and_own_connections_get_packets() -> None:
    shared, own = Shared(), Own()
    out = Outbound(shared, own, Sent(), crossing=True)  # type: ignore[arg-type]
    events = tuple(Event(NOW_MS, row, "TripFinished", {}) for row in (0, 1))
    asyncio.run(sent(out, Step(NOW_MS, (batch(6),), events, (), (LABEL,))))
    labels, crossed = shared.written
    assert [packet.topic.split("/")[-1] for packet in split(labels)] == ["label"] * 4
    edges = frame(crossed, 0)
    assert edges is not None
    found_events, (found,) = read_crossing(crossed[edges[0] :])
    assert [event.vehicle for event in found_events] == [0]
    assert (found.kind, found.batch.vehicles.tolist(), found.ids.tolist()) == ("property_post", [0, 3, 5], [2, 1, 1])
    # Vehicle 1: its label, its event before the sample of its moment.
    said = [next(split(packet)).topic.split("/")[-2] for row, packet, _ in own.sent if row == 1]
    assert said == ["user", "TripFinished", "property"]


def test_what_is_due_together_is_one_write_but_for_large_blocks() -> None:
    shared = Shared()
    out = made(shared, None)
    small = [encode(Publish(f"t/{i}", b"x")) for i in range(4)]
    large = encode(Publish("t/large", bytes(1 << 17)))
    packets = [small[0], small[1], large, small[2], small[3]]
    asyncio.run(out.send_together("replayed", [Packets.single(packet, -1) for packet in packets]))
    assert shared.written == [small[0] + small[1], large, small[2] + small[3]]
    assert (out.sent.published, out.sent.not_sent) == ({"replayed": 5}, 0)


def test_a_sender_that_nobody_knows_has_no_connection_of_its_own() -> None:
    packet = encode(Publish("t", b"x"))
    shared, own = Shared(), Own()
    asyncio.run(made(shared, own).send_together("replayed", [Packets.single(packet, -1)]))
    assert (shared.written, own.sent) == ([packet], [])
    out = made(None, own)
    asyncio.run(out.send_together("replayed", [Packets.single(packet, -1), Packets.single(packet, 4)]))
    assert (own.sent, out.sent.not_sent) == ([(4, packet, 0)], 1)


# Who has lost its network.


@pytest.mark.parametrize("crossing", [True, False])
def test_our_own_gateway_is_told_who_is_away_of_those_that_share_a_connection(crossing: bool) -> None:
    shared, back = Shared(), list[int]()
    out = Outbound(shared, Own(), Sent(), crossing=crossing, on_back=back.append)  # type: ignore[arg-type]
    asyncio.run(out.presence(np.arange(6), False, NOW_MS))
    assert back == []
    asyncio.run(out.presence(np.array([3, 4]), True, NOW_MS + 1000))
    asyncio.run(out.presence(np.array(OWN), True, NOW_MS + 1000))
    found = []
    for packet in shared.written:
        edges = frame(packet, 0)
        assert edges is not None
        found.append(read_presence(packet[edges[0] :]))
    told = [(said.vehicles.tolist(), said.online, said.time_ms) for said in found]
    assert told == ([([0, 3, 5], False, NOW_MS), ([3], True, NOW_MS + 1000)] if crossing else [])
    assert back == [3]

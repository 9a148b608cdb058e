"""Columns of simulated vehicles become packets for those who listen: the same messages as if they came as packets."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.base.telemetry import Batch, Event, Step
from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.simulated.intake import FleetIntake
from jinqiao.wire.crossing import crossing_packets
from jinqiao.wire.mqtt.packets import Subscribe, Unsubscribe
from jinqiao.wire.render import StepRenderer
from support.examples import examples
from support.mqtt_memory import Client, House
from support.telemetry import NOW_MS, batch, names

KEY, COUNT = "a1JinqiaoEV", 6
NAMES = np.array([name.encode() for name in names(COUNT)])
EVERYTHING = "/sys/+/+/thing/event/property/post"


def post_of(row: int) -> str:
    return f"/sys/{KEY}/{NAMES[row].decode()}/thing/event/property/post"


def row_of(name: str) -> int | None:
    found = np.flatnonzero(name.encode() == NAMES)
    return int(found[0]) if len(found) else None


class Town:
    """A broker whose simulator says steps: as columns, or as the packets that they would be rendered to."""

    def __init__(self, *, columns: bool, limits: Limits | None = None, protobuf: np.ndarray | None = None) -> None:
        self.house = House(limits)
        self.heard: list[Any] = []
        broker = self.house.broker
        if columns:
            broker.intake = FleetIntake(broker.router, KEY, NAMES, row_of, self.heard.append)
        self.columns = columns
        self.simulator = self.house.client("simulator:trusted,lossless")
        self.renderer = StepRenderer(KEY, NAMES, NAMES, protobuf)

    def listener(self, name: str, *filters: tuple[str, int], level: int = 4) -> Client:
        client = self.house.client(name, level=level)
        client.send(Subscribe(1, filters))
        client.received()
        return client

    def say(self, step: Step) -> None:
        said = self.renderer.say(step)
        if self.columns:
            batches = [(one, one.records(one.batch.vehicles)) for one in said.batches]
            self.simulator.feed(b"".join(crossing_packets(said.events, batches)))
        else:
            self.simulator.feed(b"".join(bytes(block.data) for _, block in self.renderer.render(said)))


def told(client: Client) -> list[tuple[str, bytes, int]]:
    return [(message.topic, message.payload, message.qos) for message in client.messages()]


def by_device(messages: list[tuple[str, bytes, int]]) -> dict[str, list[tuple[str, bytes, int]]]:
    """What each device said, in its order; in which order those of one second are heard is nobody's promise."""
    found: dict[str, list[tuple[str, bytes, int]]] = {}
    for message in messages:
        found.setdefault(re.findall("LBV[0-9]+", message[0])[0], []).append(message)
    return found


def seconds(turns: int, detail: int) -> Step:
    """A stretch: core each second, detail once, events between."""
    several = [batch(COUNT, turn) for turn in range(turns)]
    columns = {name: np.concatenate([one.signals[name] for one in several]) for name in several[0].signals}
    core = Batch(np.concatenate([one.time_ms for one in several]), "core", np.tile(several[0].vehicles, turns), columns)
    events = [Event(NOW_MS + 1000 * turn, turn % COUNT, "TripFinished", {"Distance": 1.5}) for turn in range(turns)]
    return Step(NOW_MS + 1000 * turns, (core, batch(COUNT, detail, "detail")), tuple(events))


FILTERS = st.sampled_from(
    [EVERYTHING, "#", f"/sys/{KEY}/+/thing/#", f"/sys/{KEY}/{NAMES[2].decode()}/#", post_of(1), post_of(4), "/other/#",
     f"/{KEY}/+/user/telemetry", "/sys/+/+/thing/event/+/post", "+/sys/#", "/sys/#"]
)  # fmt: skip


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(st.tuples(st.lists(FILTERS, min_size=1, max_size=3, unique=True), st.sampled_from([4, 5])), max_size=4),
    st.lists(st.booleans(), min_size=COUNT, max_size=COUNT),
    st.integers(1, 4),
)
def test_every_subscriber_hears_what_it_would_of_packets(
    subscribers: list[tuple[list[str], int]], speaks: list[bool], turns: int
) -> None:
    found = []
    for columns in (True, False):
        town = Town(columns=columns, protobuf=np.array(speaks))
        clients = [
            town.listener(f"c{number}", *((topic, number % 2) for topic in topics), level=level)
            for number, (topics, level) in enumerate(subscribers)
        ]
        town.say(Step(NOW_MS - 1000, (batch(COUNT, 9),)))
        town.say(seconds(turns, turns - 1))
        counters = town.house.broker.counters
        found.append(([by_device(told(client)) for client in clients], dict(counters.received), counters.delivered))
    assert found[0] == found[1]


def test_nothing_is_rendered_for_nobody() -> None:
    town = Town(columns=True)
    town.listener("elsewhere", ("/other/#", 0), (f"/sys/{KEY}/nobody/thing/event/property/post", 0))

    def rendered(*_: object) -> Any:
        raise AssertionError("rendered for nobody")

    intake: Any = town.house.broker.intake
    intake._renderer.samples = rendered
    town.say(Step(NOW_MS, (batch(COUNT),)))
    assert town.house.broker.counters.received == {"post": COUNT}
    assert [len(said) for said in town.heard] == [COUNT]


def test_only_the_device_that_is_subscribed_is_rendered() -> None:
    town = Town(columns=True)
    listener = town.listener("one", (post_of(2), 0))
    intake: Any = town.house.broker.intake
    sizes, samples = [], intake._renderer.samples
    intake._renderer.samples = lambda said: sizes.append(len(said)) or samples(said)
    town.say(Step(NOW_MS, (batch(COUNT),)))
    assert [message.topic for message in listener.messages()] == [post_of(2)]
    assert sizes == [1]


def test_who_comes_goes_and_comes_again_hears_what_is_said_meanwhile() -> None:
    town = Town(columns=True)
    town.say(Step(NOW_MS, (batch(COUNT),)))
    one, everything = town.listener("one", (post_of(3), 0)), town.listener("all", (EVERYTHING, 0))
    town.say(Step(NOW_MS, (batch(COUNT),)))
    assert (len(one.messages()), len(everything.messages())) == (1, COUNT)
    one.send(Unsubscribe(2, (post_of(3),)))
    everything.lose()
    one.received()
    town.say(Step(NOW_MS, (batch(COUNT),)))
    assert one.messages() == []
    one.send(Subscribe(3, ((EVERYTHING, 0),)))
    one.received()
    town.say(Step(NOW_MS, (batch(COUNT),)))
    assert len(one.messages()) == COUNT


@pytest.mark.parametrize("elsewhere", ["/other/#", "/ext/rrpc/#", "/sys/another/+/thing/#", "/a", f"/sys/{KEY}/x/#"])
def test_a_filter_that_matches_no_post_makes_nobody_look_again(elsewhere: str) -> None:
    town = Town(columns=True)
    town.say(Step(NOW_MS, (batch(COUNT),)))
    looked: list[bytes] = []
    router: Any = town.house.broker.router
    common = router.common
    router.common = lambda topic: looked.append(topic) or common(topic)
    town.listener("elsewhere", (elsewhere, 0))
    town.say(Step(NOW_MS, (batch(COUNT),)))
    assert looked == []


@pytest.mark.parametrize("level", [4, 5])
def test_a_group_gets_each_message_once(level: int) -> None:
    town = Town(columns=True)
    share = f"$share/workers/{EVERYTHING}"
    clients = [town.listener(f"worker {number}", (share, 0), level=level) for number in range(3)]
    for turn in range(6):
        town.say(Step(NOW_MS, (batch(COUNT, turn),)))
    got = [[(topic, payload) for topic, payload, _ in told(client)] for client in clients]
    assert all(got)
    assert len({message for some in got for message in some}) == sum(map(len, got)) == 6 * COUNT


def test_the_simulator_waits_for_a_subscriber_that_cannot_follow() -> None:
    town = Town(columns=True, limits=Limits(high_water_bytes=4096))
    slow = town.listener("slow", (EVERYTHING, 0))
    slow.connection.pause_writing()
    town.say(Step(NOW_MS, (batch(COUNT),)))
    assert town.simulator.transport.reading_paused
    slow.connection.resume_writing()
    town.house.turn()
    assert not town.simulator.transport.reading_paused
    assert len(slow.messages()) == COUNT


def test_nobody_else_may_send_columns() -> None:
    town = Town(columns=True)
    stranger, listener = town.house.client("stranger"), town.listener("all", (EVERYTHING, 0))
    said = town.renderer.say(Step(NOW_MS, (batch(COUNT),)))
    stranger.feed(b"".join(crossing_packets((), [(one, one.records(one.batch.vehicles)) for one in said.batches])))
    assert stranger.closed
    assert listener.messages() == []
    assert town.heard == []


@pytest.mark.parametrize("rows", [[-1], [COUNT]])
def test_a_vehicle_that_is_none_ends_the_connection_and_nothing_else(rows: list[int]) -> None:
    town = Town(columns=True)
    listener = town.listener("all", (EVERYTHING, 0))
    (one,) = town.renderer.say(Step(NOW_MS, (batch(1),))).batches
    stray = replace(one, batch=replace(one.batch, vehicles=np.array(rows, np.int32)))
    town.simulator.feed(b"".join(crossing_packets((), [(stray, stray.records(stray.batch.vehicles))])))
    assert town.simulator.closed
    assert (listener.messages(), town.heard) == ([], [])

"""What is forwarded of a simulated fleet: byte for byte what is forwarded of one device with the same values."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.signals import GROUPS
from jinqiao.base.telemetry import Event
from jinqiao.gateway.forwarding.fleet_bodies import FleetBodies
from jinqiao.gateway.forwarding.messages import Messages
from jinqiao.gateway.platform.events import EventAccepted, PropertiesAccepted, SimulatedEvent
from jinqiao.gateway.platform.forwarded import posts
from jinqiao.gateway.platform.forwarded.status import status
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.fleet_devices import simulated_product
from jinqiao.gateway.platform.registry.record import iot_id
from jinqiao.gateway.platform.registry.registry import Device, Registry
from jinqiao.wire.amqp.message import decode_message, encode_message
from jinqiao.wire.render import PostRenderer, StepRenderer
from jinqiao.wire.render.events import event_post
from jinqiao.wire.render.said import SaidBatch
from support.telemetry import NOW_MS, batch, crossed, names

KEY, COUNT, ID = "a1JinqiaoEV", 10, 1_795_333_508_413_000_000
NAMES = np.array([name.encode() for name in names(COUNT)])
PRODUCT = simulated_product(KEY, NAMES, fleet_secret="s")
SOURCES = Platform(Registry([PRODUCT])).parts.forwarded.sources
RECEIVED_MS = NOW_MS + 77
#: JSON allows spaces there: before a number, and before the text of a post's number.
PADDING = re.compile(rb'(?<=[:\[,]) +(?=[-\d"])')


class Ids:
    """Message ids as the platform hands them out."""

    def __init__(self, first: int = ID) -> None:
        self.next = first

    def __call__(self, count: int) -> int:
        first, self.next = self.next, self.next + count
        return first


def bodies(first_id: int = ID) -> FleetBodies:
    return FleetBodies(PRODUCT, NAMES, SOURCES, Ids(first_id))


def each(blocks: Any) -> list[bytes]:
    return [block.single_at(row) for block in blocks for row in range(len(block))]


def device(vehicle: int) -> Device:
    return Device(PRODUCT, names(COUNT)[vehicle], "")


def alone(said: SaidBatch, row: int, message_id: int) -> bytes:
    """The message that a device of that name would have caused with the same post; numbers as the post writes them."""
    renderer = PostRenderer(KEY, NAMES)
    vehicle = int(said.batch.vehicles[row])
    (packet,) = renderer.blocks(said.batch.rows(slice(row, row + 1)), said.ids[row : row + 1])
    post = json.loads(packet.payload(0), parse_float=_Text, parse_int=_Text)
    event = PropertiesAccepted(device(vehicle), post["params"], {}, RECEIVED_MS, request_id=post["id"])
    (message,) = posts.properties(SOURCES, event)
    body = orjson.dumps(message.values, default=lambda text: orjson.Fragment(str(text)))
    return encode_message(message.topic, str(message_id), RECEIVED_MS, 1, body)


class _Text:
    """A number as it is written."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


def without_padding(message: bytes) -> bytes:
    found = decode_message(message)
    body = PADDING.sub(b"", found.body)
    return encode_message(found.topic, found.message_id, found.generated_ms, found.qos, body)


@pytest.mark.parametrize("group", GROUPS)
@given(turn=st.integers(0, 2**31 - 1), number=st.integers(1, 99_999_999), first_id=st.integers(10**18, 10**19 - 100))
def test_a_fleets_posts_are_those_of_devices_one_by_one(group: str, turn: int, number: int, first_id: int) -> None:
    came = crossed(batch(COUNT, turn % 1000, group))
    said = SaidBatch(came.kind, came.batch, (came.ids + number - 1).astype(np.int32))
    found = each(bodies(first_id).posts(said, RECEIVED_MS))
    assert len(found) == COUNT
    for row, message in enumerate(found):
        assert without_padding(message) == alone(said, row, first_id + row)


def test_posts_of_several_instants_carry_their_own_times() -> None:
    came = crossed(batch(COUNT))
    times = NOW_MS + 1000 * (np.arange(COUNT) // 4)
    said = SaidBatch(came.kind, replace(came.batch, time_ms=times, records=None), came.ids)
    found = each(bodies().posts(said, RECEIVED_MS))
    shown = [json.loads(decode_message(message).body)["items"]["VehicleSpeed"]["time"] for message in found]
    assert shown == times.tolist()


def test_a_fleets_posts_differ_from_their_posts_in_nothing_but_the_envelope() -> None:
    said = crossed(batch(COUNT))
    (block,) = PostRenderer(KEY, NAMES).blocks(said.batch, said.ids)
    for row, message in enumerate(each(bodies().posts(said, RECEIVED_MS))):
        body = decode_message(message).body
        items = body[body.index(b'"items":') + 8 : -1]
        assert items in block.payload(row)


@pytest.mark.parametrize("first_id", [10**18 + 10**8 - 3, 10**18 + 10**4 - 3, ID])
def test_message_ids_count_on_over_any_carry(first_id: int) -> None:
    found = [decode_message(message).message_id for message in each(bodies(first_id).posts(crossed(batch(10)), 1))]
    assert found == [str(first_id + row) for row in range(10)]


@pytest.mark.parametrize("online", [True, False])
def test_a_fleet_comes_and_goes_as_devices_do(online: bool) -> None:
    vehicles = np.array([3, 1, 7], np.int32)
    for row, message in enumerate(each(bodies().presence(vehicles, RECEIVED_MS, NOW_MS, online=online))):
        one = status(device(int(vehicles[row])), NOW_MS, "127.0.0.1", None if online else 400)
        assert message == encode_message(one.topic, str(ID + row), RECEIVED_MS, 1, orjson.dumps(one.values))


def test_an_event_is_that_of_a_device() -> None:
    packet = event_post(PostRenderer(KEY, NAMES), Event(NOW_MS, 4, "TripFinished", {"Distance": 1.5}), 12)
    message = bodies().event(SimulatedEvent(KEY, 4, NOW_MS, packet), RECEIVED_MS)
    accepted = EventAccepted(device(4), "TripFinished", {"Distance": 1.5}, NOW_MS, RECEIVED_MS, request_id="12")
    (one,) = posts.event(SOURCES, accepted)
    assert message.data == encode_message(one.topic, str(ID), RECEIVED_MS, 1, orjson.dumps(one.values))
    assert json.loads(decode_message(message.data).body)["iotId"] == iot_id(KEY, names(COUNT)[4])


def test_samples_are_forwarded_as_they_are_published() -> None:
    said = crossed(batch(COUNT), "protobuf_sample")
    (block,) = StepRenderer(KEY, NAMES, NAMES).samples(said)
    expected = [block.message(row) for row in range(COUNT)]
    found = [decode_message(message) for message in each(bodies().payloads(said, RECEIVED_MS))]
    assert [(message.topic, message.body) for message in found] == expected


def test_a_block_owns_its_bytes() -> None:
    made = bodies()
    first: Messages = next(made.posts(crossed(batch(COUNT)), RECEIVED_MS))
    before = bytes(first.data)
    list(made.posts(crossed(batch(COUNT, 1)), RECEIVED_MS))
    assert first.data == before

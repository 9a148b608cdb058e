"""Messages that are spoilt: always the same, whole packets still, and each in its own way."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.telemetry import Step
from jinqiao.telemetry.v1.telemetry_pb2 import VehicleSample
from jinqiao.wire.mqtt.decoding import decode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import Publish
from jinqiao.wire.render import StepRenderer
from jinqiao.wire.render.malformed import MALFORMED, NUMBERS, WAYS, Malformed, spoilt
from support.telemetry import batch, names

NAMES = np.array([name.encode() for name in names(3)])
KEYS = st.integers(0, 2**64 - 1)


def said(*, protobuf: bool = False) -> bytes:
    """A vehicle's message as it should be."""
    renderer = StepRenderer("a1JinqiaoEV", NAMES, NAMES, np.full(3, protobuf))
    ((_, block),) = renderer.blocks(Step(0, (batch(3),)))
    return block.packet(1)


POST, SAMPLE = said(), said(protobuf=True)


def read(packet: bytes) -> Publish:
    edges = frame(packet, 0)
    assert edges is not None
    assert edges[1] == len(packet)
    message = decode(packet[0], packet[edges[0] :])
    assert isinstance(message, Publish)
    return message


def made(kind: Malformed, key: int = 1, packet: bytes = POST) -> Publish:
    found = spoilt(NUMBERS[kind], packet, key, protobuf=packet is SAMPLE)
    assert found is not None
    return read(found)


@given(st.sampled_from(MALFORMED), KEYS, st.booleans())
def test_a_spoilt_message_is_a_whole_packet_another_than_it_was_and_the_same_each_time(
    kind: Malformed, key: int, protobuf: bool
) -> None:
    packet = SAMPLE if protobuf else POST
    found = spoilt(NUMBERS[kind], packet, key, protobuf=protobuf)
    assert found == spoilt(NUMBERS[kind], packet, key, protobuf=protobuf)
    if found is None:
        assert protobuf
        assert WAYS[kind].protobuf is None
        return
    message, whole = read(found), read(packet)
    assert (message.topic, message.payload) != (whole.topic, whole.payload)
    assert (message.topic == whole.topic) == (kind != "wrong_topic")
    assert (message.qos, message.retain) == (0, False)


@pytest.mark.parametrize("kind", ["wrong_type", "out_of_range", "null", "wrong_time", "unknown_property", "oversize"])
@given(key=KEYS)
def test_what_is_not_spoilt_of_a_post_stays_as_it_was(kind: Malformed, key: int) -> None:
    whole, found = orjson.loads(read(POST).payload), orjson.loads(made(kind, key).payload)
    different = {name for name in found["params"] if found["params"][name] != whole["params"].get(name)}
    assert len(different) == 1
    assert {**found, "params": 0} == {**whole, "params": 0}
    assert list(found["params"])[: len(whole["params"])] == list(whole["params"])


def test_different_messages_are_spoilt_in_different_places() -> None:
    assert len({made("truncated", key).payload for key in range(20)}) > 15
    assert len({made("wrong_type", key).payload for key in range(20)}) > 5


@pytest.mark.parametrize("kind", ["truncated", "empty", "not_utf8", "nan", "huge_number", "deep_nesting"])
@given(key=KEYS)
def test_what_is_no_json_is_none(kind: Malformed, key: int) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(made(kind, key).payload)


def test_an_oversize_message_is_above_what_the_platform_takes() -> None:
    assert len(made("oversize").payload) > 262_144
    assert len(made("oversize", packet=SAMPLE).payload) > 262_144


def test_a_property_that_comes_twice_has_two_values() -> None:
    pairs: list[tuple[str, Any]] = []
    json.loads(made("duplicate_key").payload, object_pairs_hook=lambda found: pairs.extend(found) or dict(found))
    names = [name for name, _ in pairs]
    twice = {name for name in names if names.count(name) == 2} - {"value", "time"}
    assert len(twice) == 1


@pytest.mark.parametrize("kind", ["truncated", "wrong_type", "huge_number", "not_utf8"])
def test_most_spoilt_samples_cannot_be_read_and_none_says_what_it_should(kind: Malformed) -> None:
    whole = VehicleSample.FromString(read(SAMPLE).payload)
    unread = 0
    expected = 10 if kind != "wrong_type" else 0
    for key in range(50):
        try:
            assert VehicleSample.FromString(made(kind, key, SAMPLE).payload) != whole
        except DecodeError:
            unread += 1
    assert unread >= expected


def test_an_unknown_field_of_a_sample_is_passed_over() -> None:
    found = VehicleSample.FromString(made("unknown_property", 1, SAMPLE).payload)
    whole = VehicleSample.FromString(read(SAMPLE).payload)
    found.DiscardUnknownFields()
    assert found == whole

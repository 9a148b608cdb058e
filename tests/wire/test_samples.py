"""Protobuf samples are byte for byte what Google's serialiser writes for the same values, and read back by column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.base.signals import GROUPS, SIGNALS
from jinqiao.base.telemetry import Batch, Event
from jinqiao.telemetry.v1.telemetry_pb2 import Group, VehicleEvent, VehicleSample
from jinqiao.wire.mqtt.decoding import decode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import Publish
from jinqiao.wire.render import PostRenderer, SampleRenderer
from jinqiao.wire.render.events import event_output
from jinqiao.wire.render.packets import BLOCK_ROWS
from jinqiao.wire.render.samples import layout_of, read_samples
from support.examples import examples

NOW_MS = 1_795_333_508_413


def renderer(count: int) -> SampleRenderer:
    return SampleRenderer(PostRenderer("a1JinqiaoEV", np.array([b"LBV%014d" % i for i in range(count)], "S17")))


def published(packet: bytes) -> Publish:
    edges = frame(packet, 0)
    assert edges is not None
    assert edges[1] == len(packet)
    message = decode(packet[0], packet[edges[0] : edges[1]])
    assert isinstance(message, Publish)
    return message


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Signals of a group (all or some) with values in and around their ranges."""
    group = draw(st.sampled_from(GROUPS))
    rows = SIGNALS.group(group)
    count = draw(st.integers(1, 4))
    names = [signal.name for signal in rows]
    chosen = draw(st.sets(st.sampled_from(names), min_size=1)) if draw(st.booleans()) else set(names)
    columns: dict[str, Any] = {}
    for signal in rows:
        if signal.name not in chosen:
            continue
        span = signal.high - signal.low
        value = (
            st.floats(signal.low - span, signal.high + span)
            if signal.dtype[0] == "f"
            else st.integers(int(signal.low), int(signal.high))
        )
        columns[signal.name] = np.array(draw(st.lists(value, min_size=count, max_size=count)), signal.dtype)
    return Batch.at(draw(st.integers(1, 2**62)), group, np.arange(count, dtype=np.int32), columns)


@given(batches())
@settings(max_examples=examples(150))
def test_bytes_are_those_of_google(batch: Batch) -> None:
    (block,) = renderer(4).blocks(batch)
    for row in range(len(batch)):
        message = published(block.packet(row))
        name = f"LBV{row:014d}"
        assert message.topic == f"/a1JinqiaoEV/{name}/user/telemetry"
        expected = VehicleSample(
            time_ms=int(batch.time_ms[row]),
            device_name=name,
            sequence=1,
            group=Group.Value(f"GROUP_{batch.group.upper()}"),
        )
        for signal, column in batch.signals.items():
            known = SIGNALS[signal]
            value = min(max(column[row].item(), known.low), known.high)
            exact = round(value * 10**known.decimals) / 10**known.decimals
            setattr(expected, signal, exact if known.dtype[0] == "f" else int(value))
        assert message.payload == expected.SerializeToString(deterministic=True)


@given(batches())
@settings(max_examples=examples(50))
def test_rows_read_back_by_column(batch: Batch) -> None:
    (block,) = renderer(4).blocks(batch)
    layout = layout_of(block.payload(0))
    assert layout is not None
    assert layout.group == batch.group
    assert set(layout.signals) == set(batch.signals)
    rows = read_samples(block.matrix[:, block.head :], layout)
    assert rows is not None
    assert rows["device_name"].tolist() == [b"LBV%014d" % i for i in range(len(batch))]
    parsed = [VehicleSample.FromString(block.payload(row)) for row in range(len(batch))]
    for name in batch.signals:
        assert rows[name].tolist() == [getattr(sample, name) for sample in parsed]


@given(st.binary(max_size=80), st.integers(0, 200))
def test_bytes_with_a_layout_are_a_sample_and_others_never_fail(noise: bytes, cut: int) -> None:
    batch = Batch.at(NOW_MS, "core", np.zeros(1, np.int32), {"speed": np.ones(1, "f4"), "gear": np.ones(1, "u1")})
    (block,) = renderer(1).blocks(batch)
    row = block.payload(0)
    for data in (noise, row[:cut] + noise, row + noise):
        if layout_of(data) is not None:
            assert VehicleSample.FromString(data).SerializeToString(deterministic=True) == data
    assert layout_of(row + b"\x00") is None


def test_a_row_of_another_layout_among_them_is_seen() -> None:
    batch = Batch.at(NOW_MS, "core", np.arange(3, dtype=np.int32), {"speed": np.ones(3, "f4")})
    (block,) = renderer(3).blocks(batch)
    layout = layout_of(block.payload(0))
    assert layout is not None
    matrix = block.matrix[:, block.head :].copy()
    matrix[2, -6] ^= 1
    assert read_samples(matrix, layout) is None


def test_each_device_counts_its_own_messages_over_blocks_and_events() -> None:
    count = BLOCK_ROWS + 3
    samples = renderer(count)
    batch = Batch.at(NOW_MS, "core", np.arange(count, dtype=np.int32), {"speed": np.zeros(count, "f4")})
    sizes = [len(block) for block in samples.blocks(batch)]
    assert sizes == [BLOCK_ROWS, 3]
    event = Event(NOW_MS, 2, "charging:Plugged", {"Power": 11.5, "Station": "Lujiazui", "Bay": 3})
    message = published(samples.event(event, 2))
    assert message.topic == "/a1JinqiaoEV/LBV00000000000002/user/events"
    parsed = VehicleEvent.FromString(message.payload)
    assert (parsed.sequence, parsed.identifier, parsed.time_ms) == (2, "charging:Plugged", NOW_MS)
    assert event_output(parsed) == dict(event.output)


def test_a_value_that_is_not_finite_is_refused() -> None:
    batch = Batch.at(NOW_MS, "core", np.zeros(1, np.int32), {"speed": np.array([np.nan], "f4")})
    with pytest.raises(ValueError, match="speed"):
        list(renderer(1).blocks(batch))

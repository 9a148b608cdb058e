"""Rendered posts parse to exactly the values that went in, at the stated decimals."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.base.signals import GROUPS, SIGNALS, Signal
from jinqiao.base.telemetry import Batch
from jinqiao.wire.render import PostRenderer
from jinqiao.wire.render.numbers import LAST_ID
from jinqiao.wire.render.numerals import numeral
from jinqiao.wire.render.packets import BLOCK_ROWS
from support.examples import examples

NOW_MS = 1_795_333_508_413


def text_of(numbers: Any, row: int) -> str:
    return b"".join(piece.texts()[row].ljust(piece.width) for piece in numbers.pieces).decode()


@given(st.lists(st.integers(-99_999_999, 99_999_999), min_size=1, max_size=40))
def test_whole_numbers_read_back(values: list[int]) -> None:
    numbers = numeral(np.array(values, np.int64), 0)
    texts = [text_of(numbers, row) for row in range(len(values))]
    assert [int(text) for text in texts] == values
    assert len({len(text) for text in texts}) == 1
    assert all("- " not in text and not text.strip().startswith(("00", "-0")) for text in texts if int(text))


@given(st.integers(1, 6), st.data())
def test_decimals_read_back(decimals: int, data: st.DataObject) -> None:
    bound = 9_999 * 10**decimals
    values = data.draw(st.lists(st.integers(-bound, bound), min_size=1, max_size=40))
    numbers = numeral(np.array(values, np.int64), decimals)
    for row, value in enumerate(values):
        text = text_of(numbers, row)
        assert Decimal(text) == Decimal(value).scaleb(-decimals)
        assert len(text.rpartition(".")[2]) == decimals
        json.loads(text)  # a JSON number: no leading zeros, no gap after the sign


@given(st.lists(st.integers(1, 99_999_999), min_size=1, max_size=40))
def test_quoted_numbers_have_the_quote_before_the_first_digit(values: list[int]) -> None:
    numbers = numeral(np.array(values), 0, mark='"', marked=np.ones(len(values), bool))
    assert [json.loads(text_of(numbers, row) + '"') for row in range(len(values))] == [str(v) for v in values]


def test_nine_digits_before_the_point_are_refused() -> None:
    with pytest.raises(ValueError, match="eight digits"):
        numeral(np.array([100_000_000]), 0)


def expected(value: Any, signal: Signal) -> Decimal:
    """The value at the signal's decimals, by decimal arithmetic instead of the renderer's."""
    exact = Decimal(float(value)).quantize(Decimal(1).scaleb(-signal.decimals), ROUND_HALF_EVEN)
    return min(max(exact, Decimal(str(signal.low))), Decimal(str(signal.high)))


def column(signal: Signal) -> st.SearchStrategy[Any]:
    if signal.dtype[0] != "f":
        return st.integers(int(signal.low), int(signal.high))
    if signal.dtype == "f8":  # on the last decimal: a tie between two decimals is not representable, so not defined
        unit = 10**signal.decimals
        return st.integers(int(signal.low * unit), int(signal.high * unit)).map(lambda i: i / unit)
    return st.floats(signal.low, signal.high, width=32)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    group = draw(st.sampled_from(GROUPS))
    count = draw(st.integers(1, 5))
    vehicles = sorted(draw(st.sets(st.integers(0, 9), min_size=count, max_size=count)))
    signals = {s.name: np.array([draw(column(s)) for _ in range(count)], s.dtype) for s in SIGNALS.group(group)}
    return Batch.at(draw(st.integers(10**12, 10**13 - 1)), group, np.array(vehicles, np.int32), signals)


def post_renderer(count: int = 10) -> PostRenderer:
    return PostRenderer("a1JinqiaoEV", np.array([b"LBV%014d" % i for i in range(count)], "S17"))


def published(packet: bytes) -> tuple[str, dict[str, Any]]:
    """Topic and parsed payload of one PUBLISH packet, by a reader of its own."""
    assert packet[0] == 0x30
    length, at, shift = 0, 1, 0
    while True:
        length |= (packet[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if packet[at - 1] < 0x80:
            break
    assert length == len(packet) - at
    size = int.from_bytes(packet[at : at + 2], "big")
    topic = packet[at + 2 : at + 2 + size].decode()
    return topic, json.loads(packet[at + 2 + size :], parse_float=Decimal, parse_int=Decimal)


def lookup(params: dict[str, Any], signal: Signal) -> Decimal:
    name, _, member = signal.identifier.partition(".")
    name, _, index = name.partition("[")
    value = params[name]["value"]
    if member:
        value = value[member]
    return value[int(index.rstrip("]"))] if index else value


@settings(max_examples=examples(60))
@given(batches())
def test_every_row_parses_to_the_values_that_went_in(batch: Batch) -> None:
    (block,) = post_renderer().blocks(batch)
    for row, vehicle in enumerate(batch.vehicles):
        topic, post = published(block.packet(row))
        assert topic == f"/sys/a1JinqiaoEV/LBV{vehicle:014d}/thing/event/property/post"
        assert (post["id"], post["version"], post["method"]) == ("1", "1.0", "thing.event.property.post")
        assert post["sys"] == {"ack": 0}
        assert {value["time"] for value in post["params"].values()} == {int(batch.time_ms[row])}
        for signal in SIGNALS.group(batch.group):
            assert lookup(post["params"], signal) == expected(batch.signals[signal.name][row], signal), signal.name


def core(count: int, **given: Any) -> dict[str, Any]:
    signals = {s.name: np.full(count, s.low, s.dtype) for s in SIGNALS.group("core")}
    return signals | {name: np.asarray(values, SIGNALS[name].dtype) for name, values in given.items()}


def test_a_batch_larger_than_a_block_keeps_order_and_counts_each_device_once() -> None:
    count = 2 * BLOCK_ROWS + 7
    speeds = np.linspace(0, 250, count)
    renderer = post_renderer(count)
    batch = Batch.at(NOW_MS, "core", np.arange(count, dtype=np.int32), core(count, speed=speeds))
    for turn in (1, 2):
        posts = [published(b.packet(row)) for b in renderer.blocks(batch) for row in range(len(b))]
        assert [topic.split("/")[3] for topic, _ in posts] == [f"LBV{i:014d}" for i in range(count)]
        assert {post["id"] for _, post in posts} == {str(turn)}
        assert [float(p["params"]["VehicleSpeed"]["value"]) for _, p in posts] == [
            round(float(s), 1) for s in np.float32(speeds)
        ]


def test_sequence_numbers_start_again_after_the_last() -> None:
    renderer = post_renderer(3)
    renderer.numbers.last[:] = [LAST_ID, 9_999, 0]
    (block,) = renderer.blocks(Batch.at(NOW_MS, "core", np.arange(3, dtype=np.int32), core(3)))
    assert [published(block.packet(row))[1]["id"] for row in range(3)] == ["1", "10000", "1"]


def test_values_beyond_the_range_are_clipped_and_not_a_number_is_refused() -> None:
    rows = np.arange(2, dtype=np.int32)
    (block,) = post_renderer().blocks(
        Batch.at(NOW_MS, "core", rows, core(2, speed=[900, -3], soc_displayed=[50, 100.4]))
    )
    read = [published(block.packet(row))[1]["params"] for row in range(2)]
    assert [p["VehicleSpeed"]["value"] for p in read] == [300, 0]
    assert [p["StateOfCharge"]["value"] for p in read] == [50, 100]
    with pytest.raises(ValueError, match="pack_power"):
        list(post_renderer().blocks(Batch.at(NOW_MS, "core", rows, core(2, pack_power=[1, np.nan]))))

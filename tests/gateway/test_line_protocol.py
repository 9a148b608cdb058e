"""Rendered lines hold exactly the values that went in, in the form influxdb-client itself gives a point."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.base.signals import GROUPS, SIGNALS
from jinqiao.base.telemetry import Batch, Event, Label
from jinqiao.gateway.stores.line_protocol import LineRenderer, event_line, label_line
from jinqiao.gateway.stores.traits import Trait
from jinqiao.wire.render.packets import BLOCK_ROWS
from support.examples import examples
from support.telemetry import NOW_MS, batch, names

LINE = re.compile(
    r"telemetry,product=a1JinqiaoEV,vehicle=(?P<vehicle>(?:\\.|[^, ])+) (?P<fields>[^ ]+) (?P<time>\d{13})"
)


def rendered(of: Batch, device_names: list[str] | None = None) -> list[str]:
    renderer = LineRenderer("a1JinqiaoEV", device_names or names(int(of.vehicles.max()) + 1))
    blocks = list(renderer.blocks(of))
    assert [block.count(b"\n") for block, _ in blocks] == [count for _, count in blocks]
    return b"".join(block for block, _ in blocks).decode().splitlines()


def read(line: str) -> tuple[str, dict[str, Any], int]:
    match = LINE.fullmatch(line)
    assert match is not None, line
    fields: dict[str, Any] = {}
    for pair in match["fields"].split(","):
        name, _, text = pair.partition("=")
        fields[name] = int(text[:-1]) if text.endswith("i") else Decimal(text)
    return match["vehicle"], fields, int(match["time"])


@pytest.mark.parametrize("group", GROUPS)
def test_each_line_is_one_sample(group: str) -> None:
    count = BLOCK_ROWS + 3
    sample = batch(count, group=group)
    lines = [read(line) for line in rendered(sample)]
    assert [vehicle for vehicle, _, _ in lines] == names(count)
    assert {time_ms for _, _, time_ms in lines} == {NOW_MS}
    for signal in SIGNALS.group(group):
        shown = [fields[signal.name] for _, fields, _ in lines]
        assert {type(value) for value in shown} == {Decimal if signal.dtype[0] == "f" else int}
        clipped = np.clip(sample.signals[signal.name].astype("f8"), signal.low, signal.high)
        assert np.abs(np.array(shown, "f8") - clipped).max() <= 0.5 * 10**-signal.decimals + 1e-9, signal.name


@settings(max_examples=examples(50))
@given(st.lists(st.floats(-500, 500, width=32), min_size=1, max_size=8), st.data())
def test_any_widths_together(speeds: list[float], data: st.DataObject) -> None:
    count = len(speeds)
    odometers = data.draw(st.lists(st.floats(0, 999_999), min_size=count, max_size=count))
    powers = data.draw(st.lists(st.floats(-999, 999, width=32), min_size=count, max_size=count))
    signals = {"speed": np.array(speeds, "f4"), "odometer": np.array(odometers), "pack_power": np.array(powers, "f4")}
    for line, odometer, power in zip(
        rendered(Batch.at(NOW_MS, "core", np.arange(count, dtype=np.int32), signals)), odometers, powers, strict=True
    ):
        _, fields, _ = read(line)
        assert abs(float(fields["odometer"]) - odometer) <= 0.00051
        assert abs(float(fields["pack_power"]) - power) <= 0.0051


def test_names_of_any_length_and_characters() -> None:
    odd = ["a", "with space", "with,comma=and equals", "x" * 32]
    lines = rendered(batch(4), odd)
    found = [read(line)[0] for line in lines]
    assert found == ["a", r"with\ space", r"with\,comma\=and\ equals", "x" * 32]


def test_a_value_that_is_not_finite_is_refused() -> None:
    signals = {"speed": np.array([np.nan], "f4")}
    with pytest.raises(ValueError, match="speed"):
        rendered(Batch.at(NOW_MS, "core", np.zeros(1, np.int32), signals))


def test_events_as_the_client_would_write_them() -> None:
    point = pytest.importorskip("influxdb_client").Point
    output = {"Energy": 12.5, "Stops": 3, "Reason": 'a "quoted" \\ word, with = and space'}
    event = Event(NOW_MS, 0, "trip:Finished", output)
    expected = point("event").tag("identifier", "trip:Finished").tag("product", "p").tag("vehicle", "a b")
    expected.field("count", 1)
    for name, value in output.items():
        expected.field(name, value)
    expected.time(NOW_MS, write_precision="ms")

    def parts(line: str) -> tuple[str, set[str]]:
        head, _, rest = line.strip().partition(" count=")
        return head, set(f"count={rest}".split(","))

    theirs = expected.to_line_protocol()
    ours = event_line(event, "p", "a b").decode()
    assert ours.partition(r"a\ b ")[0] == theirs.partition(r"a\ b ")[0]
    assert ours.rpartition(" ")[2].strip() == theirs.rpartition(" ")[2]
    assert 'Reason="a \\"quoted\\" \\\\ word, with = and space"' in ours
    assert 'Reason="a \\"quoted\\" \\\\ word, with = and space"' in theirs
    assert "Energy=12.5" in ours
    assert "Stops=3i" in ours
    assert "count=1i" in ours


def test_fleet_and_model_are_tags_of_every_point() -> None:
    traits = {
        "fleet": Trait(("night shift", "vans"), np.array([0, 1], dtype=np.int32)),
        "model": Trait(("x-1",), np.zeros(2, dtype=np.int32)),
    }
    device_names = names(2)
    sample = b"".join(lines for lines, _ in LineRenderer("p", device_names, traits).blocks(batch(2))).decode()
    label = Label(NOW_MS, "dtc", "once", np.array([1], dtype=np.int32))
    assert [line.rpartition(" vehicle_state=")[0] for line in sample.splitlines()] == [
        rf"telemetry,fleet=night\ shift,model=x-1,product=p,vehicle={device_names[0]}",
        f"telemetry,fleet=vans,model=x-1,product=p,vehicle={device_names[1]}",
    ]
    event = event_line(Event(NOW_MS, 0, "TripFinished"), "p", "v", traits).decode()
    assert event.startswith(r"event,fleet=night\ shift,identifier=TripFinished,model=x-1,product=p,vehicle=v count=")
    told = label_line(label, 1, "p", "v", traits).decode()
    assert told.startswith("label,fault=dtc,fleet=vans,model=x-1,phase=once,product=p,vehicle=v count=")

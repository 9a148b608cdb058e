"""Steps cross as columns, and what is read at the other end is what was said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.base.errors import ProtocolError
from jinqiao.base.signals import GROUPS
from jinqiao.base.telemetry import Batch, Event, Step
from jinqiao.wire.crossing import (
    FIRST_BYTE,
    crossing_packets,
    is_presence,
    presence_packet,
    read_crossing,
    read_presence,
)
from jinqiao.wire.digest import RunDigest
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.render import StepRenderer
from jinqiao.wire.render.said import Said
from support.examples import examples
from support.telemetry import NOW_MS, batch, names

KEY = "a1JinqiaoEV"


def renderer(count: int, **speaks: np.ndarray) -> StepRenderer:
    own = np.array([name.encode() for name in names(count)])
    return StepRenderer(KEY, own, own, **speaks)


def crossed(said: Said) -> list[bytes]:
    whole = [(one, one.records(one.batch.vehicles)) for one in said.batches]
    return list(crossing_packets(said.events, whole))


def payload(packet: bytes) -> bytes:
    edges = frame(packet, 0)
    assert edges is not None
    assert (packet[0], edges[1]) == (FIRST_BYTE, len(packet))
    return packet[edges[0] :]


def stretch(count: int, turns: int, group: str = "core") -> Batch:
    """Several instants of the same vehicles."""
    return joined([batch(count, turn, group) for turn in range(turns)])


def joined(several: list[Batch]) -> Batch:
    columns = {name: np.concatenate([one.signals[name] for one in several]) for name in several[0].signals}
    times = np.concatenate([one.time_ms for one in several])
    return Batch(times, several[0].group, np.concatenate([one.vehicles for one in several]), columns)


@settings(max_examples=examples(40))
@given(st.sampled_from(GROUPS), st.integers(1, 40), st.integers(1, 4), st.integers(0, 3))
def test_what_is_read_is_what_was_said(group: str, count: int, turns: int, events: int) -> None:
    happened = tuple(Event(NOW_MS, row % count, "TripFinished", {"Distance": float(row)}) for row in range(events))
    said = renderer(count).say(Step(NOW_MS, (stretch(count, turns, group),), happened))
    (packet,) = crossed(said)
    found_events, (found,) = read_crossing(payload(packet))
    (sent,) = said.batches
    assert found_events == said.events
    assert (found.kind, found.batch.group) == (sent.kind, group)
    assert found.ids.tolist() == sent.ids.tolist()
    assert found.batch.time_ms.tolist() == sent.batch.time_ms.tolist()
    assert found.batch.vehicles.tolist() == sent.batch.vehicles.tolist()
    assert list(found.batch.signals) == list(sent.batch.signals)
    for name, column in sent.batch.signals.items():
        assert found.batch.signals[name].tolist() == column.tolist()


def test_a_large_step_is_several_packets_and_its_events_are_in_the_first() -> None:
    said = renderer(10_000).say(Step(NOW_MS, (batch(10_000),), (Event(NOW_MS, 1, "TripFinished", {}),)))
    read = [read_crossing(payload(packet)) for packet in crossed(said)]
    assert [len(events) for events, _ in read] == [1, 0, 0]
    assert np.concatenate([part.batch.vehicles for _, (part,) in read]).tolist() == list(range(10_000))


@pytest.mark.parametrize(("count", "turns", "together"), [(3000, 7, 2), (100, 90, 41), (9000, 2, 1)])
def test_a_long_stretch_crosses_in_spans_of_time_each_with_its_events(count: int, turns: int, together: int) -> None:
    events = tuple(Event(NOW_MS + 1000 * turn, 1, "TripFinished", {}) for turn in (*range(turns), turns))
    core, detail = (stretch(count, turns, group) for group in GROUPS)
    said = renderer(count).say(Step(NOW_MS, (core, detail.rows(slice(count, None))), events))
    read = [read_crossing(payload(packet)) for packet in crossed(said)]
    assert [event for some, _ in read for event in some] == said.events
    for group, whole in zip(GROUPS, said.batches, strict=True):
        parts = [part for _, batches in read for part in batches if part.batch.group == group]
        assert np.concatenate([part.ids for part in parts]).tolist() == whole.ids.tolist()
        assert np.concatenate([part.batch.vehicles for part in parts]).tolist() == whole.batch.vehicles.tolist()
    until_ms = 0
    for some, batches in read:
        assert min([event.time_ms for event in some] + [int(part.batch.time_ms[0]) for part in batches]) >= until_ms
        until_ms = max([event.time_ms for event in some] + [int(part.batch.time_ms[-1]) for part in batches])
        assert len({int(part.batch.time_ms[0]) // 1000 for part in batches}) <= together


def test_nothing_crosses_as_nothing() -> None:
    assert crossed(renderer(1).say(Step(NOW_MS))) == []


@settings(max_examples=examples(200))
@given(st.data())
def test_rubbish_is_refused_and_nothing_else_happens(data: st.DataObject) -> None:
    (packet,) = crossed(renderer(3).say(Step(NOW_MS, (batch(3),), (Event(NOW_MS, 1, "TripFinished", {}),))))
    whole = payload(packet)
    damaged = data.draw(
        st.one_of(
            st.binary(max_size=64),
            st.integers(0, len(whole) - 1).map(lambda end: whole[:end]),
            st.tuples(st.integers(0, 150), st.integers(0, 255)).map(
                lambda at: whole[: at[0]] + bytes([at[1]]) + whole[at[0] + 1 :]
            ),
        )
    )
    try:
        read_crossing(damaged)
    except ProtocolError:
        return
    assert len(damaged) == len(whole)  # another value in the right place


def test_rubbish_behind_a_step_is_refused() -> None:
    (packet,) = crossed(renderer(3).say(Step(NOW_MS, (batch(3),))))
    with pytest.raises(ProtocolError, match="expected"):
        read_crossing(payload(packet) + b"x")


# Who is there.


@given(st.lists(st.integers(0, 2**31 - 1), max_size=20), st.booleans(), st.integers(0, 2**42), st.integers(0, 999))
def test_who_comes_and_goes_is_read_as_it_was_said(rows: list[int], online: bool, time_ms: int, reason: int) -> None:
    found = payload(presence_packet(np.array(rows, np.intp), online, time_ms, reason))
    assert is_presence(found)
    said = read_presence(found)
    assert (said.vehicles.tolist(), said.online, said.time_ms, said.reason) == (rows, online, time_ms, reason)


def test_a_step_is_not_about_presence() -> None:
    (packet,) = crossed(renderer(3).say(Step(NOW_MS, (batch(3),))))
    assert not is_presence(payload(packet))
    with pytest.raises(ProtocolError):
        read_presence(payload(packet))


@settings(max_examples=examples(200))
@given(st.data())
def test_a_damaged_presence_is_refused_or_another_one(data: st.DataObject) -> None:
    whole = payload(presence_packet(np.arange(3), False, NOW_MS))
    damaged = data.draw(
        st.one_of(
            st.binary(max_size=64),
            st.integers(0, len(whole) - 1).map(lambda end: whole[:end]),
            st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)).map(
                lambda at: whole[: at[0]] + bytes([at[1]]) + whole[at[0] + 1 :]
            ),
        )
    )
    try:
        said = read_presence(damaged)
    except ProtocolError:
        return
    assert len(said.vehicles) == 3


# Stretches: the same bytes, in order, however many seconds are taken together.


def sent_of(steps: list[Step], count: int, speaks: np.ndarray) -> list[tuple[str, bytes]]:
    by = renderer(count, protobuf=speaks)
    return [(kind, block.packet(row)) for step in steps for kind, block in by.blocks(step) for row in range(len(block))]


@pytest.mark.parametrize("speaking", [[], [1], [0, 1, 2]])
def test_a_stretch_is_the_same_packets_in_the_same_order_as_its_seconds(speaking: list[int]) -> None:
    count, turns = 3, 5
    speaks = np.isin(np.arange(count), speaking)
    events = [Event(NOW_MS + 1000 * turn, turn % count, "TripFinished", {}) for turn in (0, 1, 1, 3)]
    seconds = []
    for turn in range(turns):
        own = tuple(event for event in events if event.time_ms == NOW_MS + 1000 * turn)
        more = (batch(count, turn, "detail"),) if turn in (1, 4) else ()
        seconds.append(Step(NOW_MS + 1000 * turn, (batch(count, turn), *more), own))
    details = [step.batches[1] for step in seconds if len(step.batches) > 1]
    together = Step(seconds[-1].until_ms, (stretch(count, turns), joined(details)), tuple(events))
    assert sent_of([together], count, speaks) == sent_of(seconds, count, speaks)


# The digest.


def digest_of(steps: list[Step], count: int, towns: list[slice]) -> RunDigest:
    by, digest = renderer(count), RunDigest(towns)
    for step in steps:
        said = by.say(step)
        digest.add_packets(said.labels)
        digest.add_packets(said.events)
        for one in said.batches:
            digest.add_rows(one, one.records(digest.local(one.batch.vehicles)))
    return digest


def test_the_digest_does_not_depend_on_the_stretch() -> None:
    seconds = [Step(NOW_MS + 1000 * turn, (batch(6, turn),)) for turn in range(4)]
    together = [Step(NOW_MS + 3000, (stretch(6, 4),))]
    for towns in ([slice(0, 6)], [slice(0, 2), slice(2, 3), slice(3, 6)]):
        found = {digest_of(steps, 6, towns).hexdigest() for steps in (seconds, together)}
        assert len(found) == 1


def test_the_digest_of_a_town_does_not_depend_on_the_towns_beside_it() -> None:
    whole = batch(6)
    first = whole.rows(slice(0, 2))
    both = digest_of([Step(NOW_MS, (whole,))], 6, [slice(0, 2), slice(2, 6)]).towns()
    alone = digest_of([Step(NOW_MS, (first,))], 2, [slice(0, 2)]).towns()
    assert both[0] == alone[0]
    moved = Batch(whole.time_ms[2:], "core", whole.vehicles[2:] - 2, {n: c[2:] for n, c in whole.signals.items()})
    assert both[1] == digest_of([Step(NOW_MS, (moved,))], 4, [slice(0, 4)]).towns()[0]


def test_the_digest_sees_one_decimal_of_one_value() -> None:
    plain, other = batch(6), batch(6)
    other.signals["odometer"][3] += 0.001
    digests = {digest_of([Step(NOW_MS, (one,))], 6, [slice(0, 6)]).hexdigest() for one in (plain, other)}
    assert len(digests) == 2

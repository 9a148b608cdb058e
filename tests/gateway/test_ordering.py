"""Parts put in the order of time by how much they are out of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.recordings import ordering
from jinqiao.gateway.recordings.ordering import Disorder, in_order
from jinqiao.gateway.recordings.parts import CanFrame, Events, Messages, Part, times_ns
from support.recordings import NOW_MS, events, flat, samples


def part_at(kind: str, times: list[int]) -> Part:
    """One row a time (ms after now); what it holds says where it stood."""
    if kind == "samples":
        rows = samples("core", NOW_MS, len(times))
        rows.time_ms[:] = [NOW_MS + at for at in times]
        return rows
    if kind == "events":
        return Events([events(NOW_MS + at).events[0] for at in times])
    if kind == "messages":
        at_ns = np.array([(NOW_MS + at) * 1_000_000 for at in times], np.int64)
        numbers = range(len(times))
        topics, payloads = [f"t/{n}" for n in numbers], [b"%d" % n for n in numbers]
        return Messages(at_ns, topics, payloads, [0] * len(times), [False] * len(times))
    return [CanFrame((NOW_MS + at) * 1_000_000, "can0", n, b"") for n, at in enumerate(times)]


def by_time(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    def time(row: Any) -> int:
        if hasattr(row, "event"):
            return int(row.event.time_ms)
        return int(row.time_ns if isinstance(row, CanFrame) else row[0])

    return {kind: sorted(found, key=time) for kind, found in rows.items()}


@pytest.mark.parametrize("rows", [1, 4, 65_536])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["samples", "events", "messages", "frames"]),
            st.lists(st.integers(-50, 50), min_size=1, max_size=6),
        ),
        max_size=12,
    )
)
def test_any_disorder_is_put_in_order_and_nothing_is_lost(rows: int, made: list[tuple[str, list[int]]]) -> None:
    parts = [part_at(*one) for one in made]
    disorder = Disorder()
    for part in parts:
        disorder.add(times_ns(part))
    before, ordering._ROWS = ordering._ROWS, rows
    try:
        found = list(in_order(iter(parts), disorder.most_ns))
    finally:
        ordering._ROWS = before
    times = [at for part in found for at in times_ns(part).tolist()]
    assert times == sorted(times)
    assert flat(found) == by_time(flat(parts))  # rows of one time keep their order: sorted() is stable
    assert (disorder.most_ns == 0) == (disorder.rows == 0)


def test_disorder_is_measured_over_parts() -> None:
    disorder = Disorder()
    for times in ([0, 5], [3, 9], [9, 9], [4]):
        disorder.add(np.array(times, np.int64))
    assert (disorder.most_ns, disorder.rows) == (5, 2)


def test_a_slight_disorder_holds_little_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "_ROWS", 10)
    taken = 0

    def parts() -> Any:
        nonlocal taken
        for number in range(100):
            taken += 1
            yield part_at("frames", [number * 10 + 5, number * 10])

    first = next(in_order(parts(), 5_000_000))
    assert len(first) >= 1
    assert taken <= 10

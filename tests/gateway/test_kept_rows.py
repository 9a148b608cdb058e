"""Rows that are kept in memory: every one that is young enough is found, in pages, and never more than the bound."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.simulated.kept_rows import KeptRows
from jinqiao.wire.render.fixed import row_type

ONE, OTHER = row_type(("speed",)), row_type(("speed", "odometer"))
VEHICLES, TIMES = 3, 20

batches = st.lists(
    st.tuples(
        st.sampled_from([ONE, OTHER]),
        st.sets(st.tuples(st.integers(0, TIMES - 1), st.integers(0, VEHICLES - 1)), min_size=1),
    ),
    max_size=12,
)


@given(batches, st.integers(1, 5), st.booleans(), st.integers(300, 20_000))
def test_pages_hold_every_row_that_is_kept_once(
    said: list[tuple[np.dtype, set[tuple[int, int]]]], page: int, ascending: bool, most_bytes: int
) -> None:
    kept = KeptRows(most_bytes)
    expected: list[tuple[np.dtype, int, int, int]] = []
    for kind, moments in said:
        ordered = sorted(moments)
        rows = np.zeros(len(ordered), kind)
        rows["time_ms"] = [time_ms for time_ms, _ in ordered]
        rows["id"] = len(expected) + np.arange(len(ordered))
        vehicles = np.array([vehicle for _, vehicle in ordered], np.int32)
        expected += [(kind, vehicle, time_ms, len(expected) + at) for at, (time_ms, vehicle) in enumerate(ordered)]
        kept.take(vehicles, rows)
        assert kept.held_bytes <= max(most_bytes, 2 * (OTHER.itemsize + 4))
    found = set()
    for kind in (ONE, OTHER):
        for vehicle in range(VEHICLES):
            first, last = 0, TIMES
            while True:
                rows = kept.find(kind.names or (), vehicle, (first, last), page, ascending=ascending)
                times = rows["time_ms"].tolist()
                assert times == sorted(times, reverse=not ascending)
                later = [time_ms for time_ms in times[page:] if time_ms != times[0]]
                here = rows if not later else rows[rows["time_ms"] != later[0]]
                found |= {(kind, vehicle, int(row["time_ms"]), int(row["id"])) for row in here}
                if not later:
                    break
                first, last = (later[0], last) if ascending else (first, later[0])
    assert found <= set(expected)
    if len(expected) * (OTHER.itemsize + 4) < most_bytes // 4:
        assert found == set(expected)
    youngest = expected[-1:]
    assert set(youngest) <= found


def test_of_many_rows_only_those_of_a_page_come_back() -> None:
    kept = KeptRows(1 << 24)
    rows = np.zeros(100_000, ONE)
    rows["time_ms"] = np.arange(100_000)
    vehicles = np.resize(np.array([0, 1], np.int32), 100_000)
    kept.take(vehicles, rows)
    found = kept.find(ONE.names or (), 1, (0, 10**6), 10, ascending=True)["time_ms"].tolist()
    assert found == list(range(1, 23, 2))
    found = kept.find(ONE.names or (), 1, (0, 10**6), 10, ascending=False)["time_ms"].tolist()
    assert found == list(range(99_999, 99_977, -2))

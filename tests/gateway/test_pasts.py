"""Several pasts answer as one."""

from __future__ import annotations

import pytest

from jinqiao.gateway.platform.devices.past import NO_HISTORY, Page, Pasts, Query, Row, cut


class Kept:
    """A past of rows (identifier, time)."""

    def __init__(self, *rows: tuple[str, int]) -> None:
        self.rows = [Row(identifier, time_ms, {"value": f"{identifier}{time_ms}"}) for identifier, time_ms in rows]

    def ask(self, query: Query) -> Page:
        found = [row for row in self.rows if query.from_ms <= row.time_ms <= query.to_ms]
        found.sort(key=lambda row: row.time_ms, reverse=not query.ascending)
        return cut(found, query.page, ascending=query.ascending, together=query.together)


def query(page: int, *, ascending: bool = True, kind: str = "property", **span: int) -> Query:
    span = {"from_ms": 0, "to_ms": 100} | span
    return Query(kind, "pk", "dn", ("a", "b"), span["from_ms"], span["to_ms"], page, ascending)


def test_nobody_keeps_anything() -> None:
    assert Pasts(NO_HISTORY, NO_HISTORY).ask(query(3)) is None


def test_who_keeps_nothing_changes_nothing() -> None:
    kept = Kept(("a", 1), ("a", 2), ("a", 3))
    assert Pasts(NO_HISTORY, kept).ask(query(2)) == kept.ask(query(2))


@pytest.mark.parametrize("kind", ["property", "event"])
@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("page", [1, 2, 3, 10])
def test_every_row_comes_once_and_in_order(page: int, ascending: bool, kind: str) -> None:
    both = Pasts(
        Kept(("a", 1), ("a", 4), ("a", 5), ("a", 9), ("b", 5)),
        Kept(("a", 2), ("b", 3), ("a", 6), ("a", 7), ("a", 8), ("b", 10)),
    )
    seen: list[tuple[str, int]] = []
    span: dict[str, int] = {}
    while True:
        found = both.ask(query(page, ascending=ascending, kind=kind, **span))
        assert found is not None
        assert found.rows
        seen += [(row.identifier, row.time_ms) for row in found.rows]
        if found.next_ms is None:
            break
        span["from_ms" if ascending else "to_ms"] = found.next_ms
    assert len(seen) == len(set(seen)) == 11
    times = [time_ms for _, time_ms in seen]
    assert times == sorted(times, reverse=not ascending)

"""Questions about what a device said, and how long answers are cut into pages.

A page ends between two times, never within one: a caller that continues from `next_ms` gets every row once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

__all__ = ["NO_HISTORY", "Kind", "Page", "Past", "Pasts", "Query", "Row", "cut"]

#: Which table is asked.
Kind = str


@dataclass(frozen=True, slots=True)
class Query:
    """Rows of one device with `from_ms` ≤ time ≤ `to_ms` (UTC), at most `page` of each identifier.

    `identifiers` empty means all of them, then `page` holds for all together. Rows that arrived before `since_ms` are
    of another device that had the same name.
    """

    kind: Kind
    product_key: str
    device_name: str
    identifiers: tuple[str, ...]
    from_ms: int
    to_ms: int
    page: int
    ascending: bool
    since_ms: int = 0

    @property
    def together(self) -> bool:
        """Whether a page is one of all identifiers, as it is of everything but properties."""
        return self.kind != "property" or not self.identifiers


class Row(NamedTuple):
    """`values` are the members the kind has beside time and identifier, as text."""

    identifier: str
    time_ms: int
    values: Mapping[str, str]


class Page(NamedTuple):
    """Rows in the order asked for; `next_ms` is the time of the first row that was left out, None if there is none."""

    rows: Sequence[Row]
    next_ms: int | None = None


class Past(Protocol):
    """What knows the past of devices: a history on a disk, or the memory of simulated vehicles."""

    def ask(self, query: Query) -> Page | None:
        """The rows; None when the past is not kept. May take a while; called from any thread."""


class _NoHistory:
    """Nothing is kept."""

    def ask(self, query: Query) -> Page | None:  # noqa: ARG002
        return None


NO_HISTORY: Past = _NoHistory()


class Pasts:
    """Several of them as one; what one has said is not kept by another."""

    def __init__(self, *pasts: Past) -> None:
        self._pasts = pasts

    def ask(self, query: Query) -> Page | None:
        """The rows of all that keep such, in order; None if none does."""
        pages = [page for past in self._pasts if (page := past.ask(query)) is not None]
        if len(pages) < 2:
            return pages[0] if pages else None
        sign = 1 if query.ascending else -1
        end = min((page.next_ms for page in pages if page.next_ms is not None), key=lambda ms: sign * ms, default=None)
        rows = [row for page in pages for row in page.rows if end is None or sign * row.time_ms < sign * end]
        rows.sort(key=lambda row: sign * row.time_ms)
        joined = cut(rows, query.page, ascending=query.ascending, together=query.together)
        return joined if joined.next_ms is not None else Page(joined.rows, end)


def cut(rows: Sequence[Row], page: int, *, ascending: bool, together: bool) -> Page:
    """A page of rows that are in order; there may be more than `page` of an identifier (of all, if `together`).

    Where more rows than a page holds have one and the same time, the page is as long as they are.
    """
    sign = 1 if ascending else -1
    seen: dict[str, list[int]] = {}
    for row in rows:
        seen.setdefault("" if together else row.identifier, []).append(row.time_ms)
    ends = []
    for times in seen.values():
        if len(times) > page:
            end = times[page]
            if end == times[0]:
                later = [time_ms for time_ms in times if time_ms != end]
                if not later:
                    continue
                end = later[0]
            ends.append(end)
    if not ends:
        return Page(rows)
    end = min(ends, key=lambda time_ms: sign * time_ms)
    return Page([row for row in rows if sign * row.time_ms < sign * end], end)

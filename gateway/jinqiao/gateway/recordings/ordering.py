"""Parts in the order of time, whatever the order in the file.

How far a recording is out of order is measured when it is surveyed (`Disorder`): the most that a row is older than one
before it. Rows are then held back by that much and let go sorted, so that a slight disorder, as several writers of one
file make it, costs a moment's memory, and only a shuffled recording is held whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .parts import CanFrame, Events, Messages, Part, Samples, merged, times_ns

__all__ = ["Disorder", "in_order"]

#: So many rows are let go together.
_ROWS = 65_536


class Disorder:
    """`most_ns` is by how much a row was older than one before it, at most; `rows` how many were."""

    def __init__(self) -> None:
        self.most_ns = 0
        self.rows = 0
        self._latest_ns: int | None = None

    def add(self, times: NDArray[np.int64]) -> None:
        """The times of the next rows in the file."""
        before = times[0] if self._latest_ns is None else self._latest_ns
        latest = np.maximum(np.maximum.accumulate(times), before)
        self.most_ns = max(self.most_ns, int((latest - times).max()))
        self.rows += int((times < latest).sum())
        self._latest_ns = int(latest[-1])


def in_order(parts: Iterator[Part], most_ns: int) -> Iterator[Part]:
    """The same rows in the order of time, given by how much they are out of it; rows of one time keep their order."""
    if not most_ns:
        yield from parts
        return
    held: dict[object, list[Part]] = {}
    latest, fresh, kept = -(2**63), 0, 0
    for part in parts:
        if not len(part):
            continue
        held.setdefault(_alike(part), []).append(part)
        fresh += len(part)
        latest = max(latest, int(times_ns(part).max()))
        if fresh >= max(_ROWS, kept):  # what stayed is gone through again only when as much has come anew
            yield from _let_go(held, latest - most_ns)
            fresh, kept = 0, sum(len(part) for some in held.values() for part in some)
    yield from _let_go(held, None)


def _alike(part: Part) -> object:
    """What parts have in common that can be joined."""
    return (part.group, tuple(part.columns)) if isinstance(part, Samples) else type(part)


def _let_go(held: dict[object, list[Part]], before_ns: int | None) -> Iterator[Part]:
    """Everything held that is older, sorted; what is not stays, as one part a kind."""
    ready: list[Iterator[Part]] = []
    for key, parts in list(held.items()):
        joined = _joined(parts)
        times = times_ns(joined)
        order = np.argsort(times, kind="stable")
        cut = len(order) if before_ns is None else int(np.searchsorted(times[order], before_ns))
        if cut:
            ready.append(iter([_rows(joined, order[:cut])]))
        held[key] = [_rows(joined, np.sort(order[cut:]))] if cut < len(order) else []
    yield from merged(ready)


def _joined(parts: list[Part]) -> Part:
    first = parts[0] if parts else []
    if len(parts) == 1:
        return first
    if isinstance(first, Samples):
        some: list[Samples] = parts  # type: ignore[assignment]
        columns = {name: np.concatenate([part.columns[name] for part in some]) for name in first.columns}
        names = np.concatenate([part.device_names for part in some])
        times = np.concatenate([part.time_ms for part in some])
        return Samples(first.group, times, names, np.concatenate([part.sequence for part in some]), columns)
    if isinstance(first, Events):
        return Events([told for part in parts for told in part.events])  # type: ignore[union-attr]
    if isinstance(first, Messages):
        columns_: list[list[Any]] = [
            [value for part in parts for value in getattr(part, name)]
            for name in ("topics", "payloads", "qos", "retain")
        ]
        return Messages(np.concatenate([times_ns(part) for part in parts]), *columns_)
    frames: list[CanFrame] = [frame for part in parts for frame in part]  # type: ignore[union-attr]
    return frames


def _rows(part: Part, chosen: NDArray[np.intp]) -> Part:
    if isinstance(part, Samples):
        return part.rows(chosen)
    if isinstance(part, Events):
        return Events([part.events[row] for row in chosen.tolist()])
    if isinstance(part, Messages):
        columns: list[list[Any]] = [
            [values[row] for row in chosen.tolist()] for values in (part.topics, part.payloads, part.qos, part.retain)
        ]
        return Messages(part.time_ns[chosen], *columns)
    return [part[row] for row in chosen.tolist()]

"""Which vehicles the platform can reach."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...run.running import Running

__all__ = ["offline", "online"]


def online(run: Running, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether these vehicles, shape (m,), have a network, and a connection: the one that all share, or their own."""
    there = _have_network(run)[rows]
    if run.own:
        owned = np.flatnonzero(run.own.owns(rows.astype(np.int32)))
        there[owned] &= [run.own.is_online(row) for row in rows[owned].tolist()]
    return there


def offline(run: Running) -> int:
    """How many vehicles of the run do not."""
    there = _have_network(run)
    if len(run.own) != run.own.online:
        there = online(run, np.arange(len(there)))
    return int(len(there) - there.sum())


def _have_network(run: Running) -> NDArray[np.bool_]:
    """Who has one, and is back from having had none; shape (n,)."""
    there: NDArray[np.bool_] = run.world.coverage.outages == 0
    if run.out.conveyor is not None:
        there[run.out.conveyor.network.absences.away] = False
    return there

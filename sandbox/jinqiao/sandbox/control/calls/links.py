"""Which vehicles the platform can reach."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...run.running import Running

__all__ = ["offline", "online"]


def online(run: Running, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether these vehicles, shape (m,), have a network, and a connection: the one that all share, or their own."""
    there = np.ones(len(rows), np.bool_)
    if run.own:
        owned = np.flatnonzero(run.own.owns(rows.astype(np.int32)))
        there[owned] = [run.own.is_online(row) for row in rows[owned].tolist()]
    if run.out.conveyor is not None:
        there &= run.out.conveyor.network.online(rows)
    return there


def offline(run: Running) -> int:
    """How many vehicles of the run have none."""
    if run.out.conveyor is not None:
        return int(np.count_nonzero(~online(run, np.arange(run.world.fleet.n))))
    return len(run.own) - run.own.online

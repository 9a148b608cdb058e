"""Which vehicles have no network: the state that outages set, in time, by fault or by place.

What a vehicle without a network does (it keeps what it would say, and comes back) is the affair of `device/network`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Coverage", "CoverageChange"]

Rows = NDArray[np.intp]


class CoverageChange(NamedTuple):
    """These vehicles, shape (m,), rising, have lost their network, or have it again."""

    lost: bool
    rows: Rows


class Coverage:
    """Of n vehicles: `outages` (n,), int16, how many there are for each. Several may meet."""

    def __init__(self, n: int) -> None:
        self.outages = np.zeros(n, np.int16)
        #: What has changed and nobody has taken; empty in a world without outages.
        self.changes: list[CoverageChange] = []

    def lose(self, rows: Rows) -> None:
        """One more outage for each of these vehicles."""
        self._change(rows, 1, 1)

    def regain(self, rows: Rows) -> None:
        """One fewer."""
        self._change(rows, -1, 0)

    def take_changes(self) -> list[CoverageChange]:
        """Who has lost the network or has it again since the last call, in its order."""
        taken, self.changes = self.changes, []
        return taken

    def _change(self, rows: Rows, by: int, news: int) -> None:
        self.outages[rows] += by
        changed = rows[self.outages[rows] == news]
        if len(changed):
            self.changes.append(CoverageChange(by > 0, changed))

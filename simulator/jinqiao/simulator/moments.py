"""What vehicles were like at several seconds, kept until somebody samples them all at once.

A signal is a function of a car's state, row by row, and asks fifty calls of NumPy whether there are ten rows or ten
thousand. So a small fleet's states are copied second by second, in a few calls, and become signals together. Nothing
about a sample may depend on what stands beside it: then the signals are the same, bit for bit, as taken at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import GROUPS
from jinqiao.vehicles.columns import Columns

if TYPE_CHECKING:
    from .town import Town

__all__ = ["MANY_ROWS", "MOST_ROWS", "Moments"]

#: Kept rows that are sampled at the latest: ten seconds of 10,000 vehicles that report every ten.
MOST_ROWS = 16_384
#: A second in which more report is sampled by itself, as their calls cost less than copies of their states.
MANY_ROWS = 4096


class Moments:
    """Up to `MOST_ROWS` states; of the first `count` rows `vehicles` says whose they are, `second` when.

    `state` has the columns of the fleet, `entry` and `metres` are the movement's, `ambient_degc` and `dark` the town's,
    `spec` is the vehicle's number of intervals and datum then, `wanted` says of each group whether it is to be sampled;
    all have a row for each state.
    """

    def __init__(self, town: Town) -> None:
        self._town = town
        self.count = 0
        self.state = Columns(MOST_ROWS)
        self.vehicles = np.zeros(MOST_ROWS, np.int32)
        self.second = np.zeros(MOST_ROWS, np.int32)
        self.entry = np.zeros(MOST_ROWS, np.int32)
        self.metres = np.zeros(MOST_ROWS)
        self.spec = np.zeros(MOST_ROWS, np.int16)
        self.ambient_degc = np.zeros(MOST_ROWS, np.float32)
        self.dark = np.zeros(MOST_ROWS, np.bool_)
        self.wanted = {group: np.zeros(MOST_ROWS, np.bool_) for group in GROUPS}

    def room_for(self, rows: int) -> bool:
        """Whether so many more find room."""
        return self.count + rows <= MOST_ROWS

    def keep(
        self, rows: NDArray[np.intp], wanted: Mapping[str, NDArray[np.bool_]], spec: NDArray[np.int16], now_s: int
    ) -> None:
        """Copy the states of these vehicles, at `now_s`, for these groups of each; there must be room."""
        town, start = self._town, self.count
        self.count = stop = start + len(rows)
        here = slice(start, stop)
        self.state.take(town.fleet, rows, start)
        self.vehicles[here] = rows
        self.second[here] = now_s
        self.entry[here] = town.movement.entry[rows]
        self.metres[here] = town.movement.metres[rows]
        self.spec[here] = spec
        self.ambient_degc[here] = town.ambient_degc
        self.dark[here] = town.fleet.dark
        for group, mine in self.wanted.items():
            mine[here] = wanted[group]

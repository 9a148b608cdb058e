"""What is wrong, at this moment, with the messages of which vehicles: the state that message faults set.

The vehicles report as always; it is what they send that is late, doubled, out of order, lost or malformed. Read by
whatever carries messages out of the world (`device/network`, and the picker of malformed payloads).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLUMNS", "MessageFaultState"]

Rows: TypeAlias = NDArray[np.intp]

#: The columns: name → dtype. Shares are of a vehicle's messages, 0 … 1; `malformed` is a number that its kind gives,
#: 0 for none.
COLUMNS: dict[str, type[np.generic]] = {
    "late": np.float64,
    "late_s": np.float64,
    "duplicate": np.float64,
    "out_of_order": np.float64,
    "lost": np.float64,
    "malformed": np.uint8,
    "malformed_share": np.float64,
}
#: Here the fault that began last counts; everywhere else the one that does most.
_LAST_COUNTS = frozenset({"malformed"})


@dataclass(frozen=True, slots=True)
class _Active:
    rows: Rows
    values: dict[str, float]


class MessageFaultState:
    """Of `n` vehicles, a column of shape (n,) for each of `COLUMNS`; rows are fleet rows.

    `any` says whether anything is wrong with anybody, `overlaps` (n,), int16, how many faults a vehicle has now.
    `changes` counts beginnings and ends, for those who keep something that follows from the columns.
    """

    def __init__(self, n: int) -> None:
        self.any = False
        self.changes = 0
        self.overlaps = np.zeros(n, np.int16)
        self.late = np.zeros(n)
        self.late_s = np.zeros(n)
        self.duplicate = np.zeros(n)
        self.out_of_order = np.zeros(n)
        self.lost = np.zeros(n)
        self.malformed = np.zeros(n, np.uint8)
        self.malformed_share = np.zeros(n)
        self._active: list[_Active] = []

    def begin(self, rows: Rows, **values: float) -> None:
        """These columns get these values in these rows; where several faults meet, the greater one counts.

        Of `malformed` it is the one that began last. Raises KeyError for a column that there is not.
        """
        if unknown := values.keys() - COLUMNS.keys():
            raise KeyError(*sorted(unknown))
        self._active.append(_Active(rows, values))
        self._apply(self._active[-1])
        self.overlaps[rows] += 1
        self._changed()

    def end(self, rows: Rows, **values: float) -> None:
        """What began with these rows and values is over; what else these vehicles have goes on."""
        for place, one in enumerate(self._active):
            if one.values == values and np.array_equal(one.rows, rows):
                del self._active[place]
                break
        else:
            raise ValueError("no such fault of messages is active")
        for name in values:
            getattr(self, name)[rows] = 0
        for one in self._active:
            if one.values.keys() & values.keys():
                self._apply(one)
        self.overlaps[rows] -= 1
        self._changed()

    def _apply(self, one: _Active) -> None:
        for name, value in one.values.items():
            column = getattr(self, name)
            column[one.rows] = value if name in _LAST_COUNTS else np.maximum(column[one.rows], value)

    def _changed(self) -> None:
        self.any = bool(self._active)
        self.changes += 1

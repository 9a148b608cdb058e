"""What is wrong on the buses of some vehicles: set by faults, read when frames are made."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from .database import MESSAGES, SENDERS

__all__ = ["CanFaultState"]

#: Error flag, the other nodes' flags after it, delimiter and intermission; the broken frame itself comes on top.
ERROR_FRAME_BITS = 6 + 6 + 8 + 3


class CanFaultState:
    """Columns of n vehicles; everything is well at first.

    `missing` and `wrong_checksum` count the faults that hold, `counter_jump` is by how much a counter is ahead: shape
    (messages, n), in the order of `MESSAGES`. `bus_off` counts likewise, (senders, n), in the order of `SENDERS`;
    `error_rate` (n,) is error frames per second and bus;
    `stuck` maps a signal's name to its frozen values (n,), NaN where it moves.
    """

    message_index: Mapping[str, int] = {name: index for index, name in enumerate(MESSAGES)}
    sender_index: Mapping[str, int] = {name: index for index, name in enumerate(SENDERS)}

    def __init__(self, n: int) -> None:
        self.missing = np.zeros((len(MESSAGES), n), dtype=np.int16)
        self.wrong_checksum = np.zeros((len(MESSAGES), n), dtype=np.int16)
        self.counter_jump = np.zeros((len(MESSAGES), n), dtype=np.int64)
        self.bus_off = np.zeros((len(SENDERS), n), dtype=np.int16)
        self.error_rate = np.zeros(n)
        self.stuck: dict[str, NDArray[np.float64]] = {}

    def silent(self, message: str) -> NDArray[np.bool_]:
        """Vehicles where nobody sends this message, shape (n,)."""
        off = self.bus_off[self.sender_index[MESSAGES[message].sender]]
        silent: NDArray[np.bool_] = (self.missing[self.message_index[message]] + off) > 0
        return silent

    def freeze(self, signal: str, rows: NDArray[np.intp]) -> None:
        """Let a signal keep, in these vehicles, the value that its next frame has."""
        n = len(self.error_rate)
        values = self.stuck.setdefault(signal, np.full(n, np.nan))
        values[rows] = np.inf  # "the next one", see `hold`

    def release(self, signal: str, rows: NDArray[np.intp]) -> None:
        """Let it move again."""
        if signal in self.stuck:
            self.stuck[signal][rows] = np.nan
            if np.isnan(self.stuck[signal]).all():
                del self.stuck[signal]

    def hold(
        self, signal: str, values: NDArray[np.float64], awake: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float64]:
        """Values (k, n) of a signal with its frozen ones in place; only a bus that is awake has a next frame."""
        frozen = self.stuck.get(signal)
        if frozen is None:
            return values
        fresh = np.isinf(frozen) if awake is None else np.isinf(frozen) & awake
        frozen[fresh] = values[0, fresh]
        return np.where(np.isnan(frozen), values, frozen)

"""Faults of messages: some come late, twice, behind the next one, or never. Each message draws for itself."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.keyed import purpose_number

from .link import SECOND_US, Arrivals
from .paths import Paths

__all__ = ["MessageColumns", "Spoilt", "spoil"]

I8s = NDArray[np.int64]
Flags = NDArray[np.bool_]
F8s = NDArray[np.float64]

#: A message that comes behind the next one is late by half as much again as the vehicle's interval, at least by this.
_BEHIND_US = 1_500_000
#: A duplicate is what a sender repeats whose acknowledgement was lost: a retransmission timeout later.
_REPEATED_US = 300_000
#: What has left its vehicle's order comes at the end of its second.
_LAST_TURN = 999
_LATE, _TWICE, _BEHIND, _LOST = (purpose_number(f"message {name}") for name in ("late", "twice", "behind", "lost"))


class MessageColumns(Protocol):
    """What is wrong with whose messages: shares 0 … 1 of them, shape (n,); `any`: anything at all."""

    any: bool
    late: F8s
    late_s: F8s
    duplicate: F8s
    out_of_order: F8s
    lost: F8s


class Spoilt(NamedTuple):
    """m messages after their faults: when each arrives, which are lost, and which come once more, when."""

    arrivals: Arrivals
    lost: Flags
    twice: Flags
    again: Arrivals


def spoil(faults: MessageColumns, paths: Paths, vehicles: NDArray[np.int32], arrivals: Arrivals) -> Spoilt:
    """What becomes of messages that would have arrived so."""

    def drawn(shares: NDArray[Any], purpose: int) -> Flags:
        share = shares[vehicles]
        if not share.any():
            return np.zeros(len(vehicles), np.bool_)
        words = paths.words(vehicles, purpose, arrivals.numbers)
        return np.asarray((words >> np.uint64(11)).astype(np.float64) * 2.0**-53 < share)

    late, behind = drawn(faults.late, _LATE), drawn(faults.out_of_order, _BEHIND)
    by_us = np.where(late, np.rint(faults.late_s[vehicles] * 1e6).astype(np.int64), 0)
    by_us += np.where(behind, np.maximum(arrivals.gap_ms * 1500, _BEHIND_US), 0)
    moved = late | behind
    arrivals = _later(arrivals, by_us, moved)
    twice = drawn(faults.duplicate, _TWICE)
    again = _later(arrivals, np.full(len(vehicles), _REPEATED_US), twice)
    return Spoilt(arrivals, drawn(faults.lost, _LOST), twice, again)


def _later(arrivals: Arrivals, by_us: I8s, moved: Flags) -> Arrivals:
    time_us = arrivals.time_us + by_us
    turn_ms = np.where(moved, time_us // SECOND_US * 1000 + _LAST_TURN, arrivals.turn_ms)
    return arrivals._replace(time_us=np.where(moved, time_us, arrivals.time_us), turn_ms=turn_ms)

"""Who sends when on a bus: the lowest identifier that waits wins, and a frame once begun is not interrupted.

Many buses (one a vehicle) are settled at once; the only loop is over the frames of one bus.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .frame_bits import BIT_RATE, INTERFRAME_BITS

__all__ = ["Sent", "arbitrate"]

BIT_S = 1.0 / BIT_RATE


class Sent(NamedTuple):
    """In the order of the bus: which instance, when its last bit ended, s; both of shape (n, instances)."""

    instance: NDArray[np.intp]
    time_s: NDArray[np.float64]


def arbitrate(
    release_s: NDArray[np.float64], counts: NDArray[np.intp], bits: NDArray[np.int64], free_s: NDArray[np.float64]
) -> Sent:
    """Send all instances of all messages, each as soon as it is released and the bus is won.

    Messages stand in the order of their identifiers; message m has `counts[m]` instances, which follow one another in
    `release_s` (instances,) and `bits` (n, instances). `free_s` (n,) is when each bus is free; it is moved on. An
    instance of no bits is not sent and delays nobody; it keeps its place in the result.
    """
    rows = np.arange(len(bits))
    first = np.concatenate(([0], np.cumsum(counts)[:-1])).astype(np.intp)
    # Each message's releases end with "never", so that no pointer needs a check.
    padded_first = first + np.arange(len(counts))
    padded = np.full(len(release_s) + len(counts), np.inf)
    padded[np.arange(len(release_s)) + np.repeat(np.arange(len(counts)), counts)] = release_s
    pointer = np.tile(padded_first, (len(bits), 1))
    waiting = padded[pointer]
    instance = np.empty(bits.shape, dtype=np.intp)
    ended = np.empty(bits.shape)
    for step in range(bits.shape[1]):
        np.maximum(free_s, waiting.min(axis=1), out=free_s)  # an idle bus waits for the next release
        winner = (waiting <= free_s[:, None]).argmax(axis=1)
        place = pointer[rows, winner]
        chosen = place - winner
        size = bits[rows, chosen]
        free_s += size * BIT_S
        instance[:, step] = chosen
        ended[:, step] = free_s - np.where(size > 0, INTERFRAME_BITS * BIT_S, 0.0)
        place += 1
        pointer[rows, winner] = place
        waiting[rows, winner] = padded[place]
    return Sent(instance, ended)

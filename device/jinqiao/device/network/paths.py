"""What the network of each vehicle is like: latency as quantiles, loss, bandwidth, and the keys of its draws.

A draw depends on the vehicle, what for, and how many messages went before: never on what else is drawn. Only whole
numbers and exact products are computed with, so that a message is as late on every machine, whoever else sends.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.keyed import GAMMA, MASK, mixed, purpose_number

__all__ = ["POINTS", "Paths", "grid"]

I8s = NDArray[np.int64]
U8s = NDArray[np.uint64]
Whole = NDArray[np.integer[Any]]

#: Steps of a table of quantiles: beyond the last one, a draw in 4096, a distribution is cut off.
POINTS = 4096
_BITS = 12
#: Bits of a draw that say where between two points it lies.
_BETWEEN = 20
_LOSS = 24
#: Bytes of a TCP segment: Ethernet's 1500 less the headers of IP, TCP and TLS records.
_SEGMENT = 1400
#: Linux waits at least so long for an acknowledgement (TCP_RTO_MIN, 200 ms; RFC 6298 advises a second), beside the
#: round trip that it has measured; it waits twice as long after each further loss (RFC 6298, 5.5).
_LEAST_RTO_US = 200_000
#: A sender gives up when it has waited so often (Linux's tcp_retries2 is 15; at most half of all packets are lost).
_MOST_RETRIES = 12
#: A message of many segments loses one of them with this chance at most.
_MOST_LOST = 0.9


def grid() -> NDArray[np.float64]:
    """The shares at which a latency's quantiles are wanted, shape (POINTS + 1,), above 0 and below 1."""
    shares = np.arange(POINTS + 1) / POINTS
    shares[0], shares[-1] = 0.25 / POINTS, 1 - 0.25 / POINTS
    return shares


class Paths:
    """Of n vehicles with `keys` (n,), uint64.

    `latencies_us`, shape (k, POINTS + 1), int64, are the quantiles of k distributions, `which` (n,) says whose is
    which; `jitter_us` (n,), int64; `loss` (n,), 0 … 1; `bandwidth_bps` (n,), inf without an end.
    """

    def __init__(
        self,
        keys: U8s,
        latencies_us: I8s,
        which: Whole,
        jitter_us: I8s,
        loss: NDArray[np.float64],
        bandwidth_bps: NDArray[np.float64],
    ) -> None:
        self.keys = keys
        self._table = np.ascontiguousarray(latencies_us).ravel()
        self._row = which.astype(np.int64) * (POINTS + 1)
        self._jitter_us = jitter_us if jitter_us.any() else None
        self._loss = loss if loss.any() else None
        #: Microseconds a byte takes; None where nothing ends bandwidth.
        self._byte_us = 8e6 / bandwidth_bps if np.isfinite(bandwidth_bps).any() else None
        #: RFC 6298: the smoothed round trip, of twice the median latency, and four times its deviation, both at rest.
        median = np.asarray(latencies_us)[:, POINTS // 2][which]
        spread = np.asarray(latencies_us)[:, POINTS * 3 // 4][which] - median
        self.round_trip_us: I8s = 2 * median
        self._rto_us: I8s = 2 * median + np.maximum(4 * spread, _LEAST_RTO_US)

    @property
    def n(self) -> int:
        return len(self.keys)

    def words(self, vehicles: NDArray[np.int32], purpose: int, numbers: Whole) -> U8s:
        """64 bits for each message: whose, what for, and its number among the vehicle's."""
        at = numbers.astype(np.uint64)
        at += np.uint64(purpose & MASK)
        at *= np.uint64(GAMMA)
        at ^= self.keys[vehicles]
        return mixed(at)

    def service_us(self, vehicles: NDArray[np.int32], sizes: I8s) -> I8s | None:
        """How long each message keeps its vehicle's link busy; None where none does."""
        if self._byte_us is None:
            return None
        return np.ceil(sizes * self._byte_us[vehicles]).astype(np.int64)

    def latency_us(self, vehicles: NDArray[np.int32], numbers: Whole, sizes: I8s) -> I8s:
        """How long each is on its way, retransmissions included, without waiting for the one before."""
        words = self.words(vehicles, _LATENCY, numbers)
        took = self._quantile(vehicles, words)
        if self._jitter_us is not None:
            took += self._jitter(vehicles, words)
            np.maximum(took, 0, out=took)
        if self._loss is not None:
            self._add_retransmissions(took, vehicles, numbers, sizes)
        return took

    def _quantile(self, vehicles: NDArray[np.int32], words: U8s) -> I8s:
        """Between two points of the table as the crow flies, by the upper 32 bits."""
        upper = (words >> np.uint64(64 - _BITS - _BETWEEN)).astype(np.int64)
        at = self._row[vehicles]
        at += upper >> _BETWEEN
        low = self._table[at]
        at += 1
        step = self._table[at]
        step -= low
        upper &= (1 << _BETWEEN) - 1
        step *= upper
        step >>= _BETWEEN
        low += step
        return low

    def _jitter(self, vehicles: NDArray[np.int32], words: U8s) -> I8s:
        """Uniform to either side, as Linux's netem does it, by the lower 32 bits."""
        assert self._jitter_us is not None
        share = (words & np.uint64(0xFFFFFFFF)).astype(np.int64) - (1 << 31)
        return share * self._jitter_us[vehicles] >> 31

    def _add_retransmissions(
        self,
        took_us: I8s,
        vehicles: NDArray[np.int32],
        numbers: Whole,
        sizes: I8s,
    ) -> None:
        """A lost segment is sent again when the retransmission timer has run out: 1, then 2, 4 … timeouts later.

        Telemetry sends one small message at a time: no three duplicate acknowledgements come for a fast retransmit
        (RFC 5681, 3.2), so that the timer is all that helps.
        """
        assert self._loss is not None
        loss = self._loss[vehicles]
        if not loss.any():
            return
        share = (self.words(vehicles, _LOST, numbers) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        segments = np.maximum((sizes + _SEGMENT - 1) // _SEGMENT, 1)
        lost = np.minimum(loss * segments, _MOST_LOST)  # that any of them is: their chances, added up
        hit = np.flatnonzero(share < lost)
        if not len(hit):
            return
        rest, chance, rto_us = share[hit], lost[hit], self._rto_us[vehicles[hit]]
        again = loss[hit]
        waited = np.zeros(len(hit), np.int64)
        for retry in range(_MOST_RETRIES):
            more = rest < chance
            if not more.any():
                break
            waited += np.where(more, rto_us << retry, 0)
            chance = chance * again
        took_us[hit] += waited


_LATENCY = purpose_number("network latency")
_LOST = purpose_number("network loss")

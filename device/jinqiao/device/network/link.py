"""When messages arrive: each vehicle's link sends one after the other, and TCP delivers them in that order.

Times are whole microseconds since the run's start. For messages that stand vehicle by vehicle, in the order in which
each sends, both rules are one running maximum:

    departed[i] = max(sent[i], departed[i - 1]) + service[i]
    arrived[i]  = max(departed[i] + latency[i], arrived[i - 1])

What is remembered of a vehicle is the last of each, so it is all one how many messages are taken together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .paths import Paths

__all__ = ["Arrivals", "Link", "Queue"]

I8s = NDArray[np.int64]

SECOND_US = 1_000_000


class Queue(NamedTuple):
    """m messages: `vehicles` never falls, and each vehicle's stand in the order in which it sends them.

    `sent_us` is when (of a vehicle never falling), `made_ms` when what they say was so, `sizes` are bytes; shape (m,).
    """

    vehicles: NDArray[np.int32]
    sent_us: I8s
    made_ms: I8s
    sizes: I8s


class Arrivals(NamedTuple):
    """When each arrives, shape (m,): `time_us`; and `turn_ms`, by which all vehicles' messages are ordered.

    `numbers`, uint32, count the messages of a vehicle; `gap_ms` is how long before its moment the one before was.

    A turn is the second of the arrival, and counts on by one where a vehicle has messages of another moment in it: so
    those of one turn and vehicle are of one moment, and turns of a vehicle never fall.
    """

    time_us: I8s
    turn_ms: I8s
    numbers: NDArray[np.uint32]
    gap_ms: I8s


class Link:
    """What is remembered of n vehicles between two calls."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        n = paths.n
        #: Messages that each has sent.
        self._count = np.zeros(n, np.uint32)
        self._free_us = np.zeros(n, np.int64)
        self._arrived_us = np.zeros(n, np.int64)
        self._turn_ms = np.zeros(n, np.int64)
        self._made_ms = np.zeros(n, np.int64)
        self._gap_ms = np.zeros(n, np.int64)

    def pass_on(self, queue: Queue) -> Arrivals:
        """When these messages arrive, each later than all that was passed on before of its vehicle, or with it."""
        vehicles, sent_us, made_ms, sizes = queue
        paths, runs = self.paths, _Runs(vehicles)
        numbers = self._count[vehicles]
        if runs.several:
            numbers = numbers + runs.place.astype(np.uint32)
        latency_us = paths.latency_us(vehicles, numbers, sizes)
        service_us = paths.service_us(vehicles, sizes)
        departed_us = sent_us
        if service_us is not None:
            departed_us = runs.one_by_one(sent_us, service_us, self._free_us[runs.vehicles])
            self._free_us[runs.vehicles] = departed_us[runs.last]
        time_us = runs.at_least_before(departed_us + latency_us, self._arrived_us[runs.vehicles])
        self._arrived_us[runs.vehicles] = time_us[runs.last]
        since_ms = made_ms - runs.before(made_ms, self._made_ms[runs.vehicles])
        self._made_ms[runs.vehicles] = made_ms[runs.last]
        gap_ms = runs.last_positive(since_ms, self._gap_ms[runs.vehicles])
        self._gap_ms[runs.vehicles] = gap_ms[runs.last]
        turn_ms = self._turns(runs, time_us, since_ms)
        self._count[runs.vehicles] = numbers[runs.last] + np.uint32(1)
        return Arrivals(time_us, turn_ms, numbers, gap_ms)

    def cut(self, rows: NDArray[np.intp], now_us: int) -> None:
        """The connections of these vehicles end: what is on its way is lost, and nothing has to wait for it."""
        for column in (self._free_us, self._arrived_us):
            column[rows] = np.minimum(column[rows], now_us)

    def _turns(self, runs: _Runs, time_us: I8s, since_ms: I8s) -> I8s:
        second_ms = time_us // SECOND_US
        second_ms *= 1000
        turn_ms = runs.counted_on(second_ms, (since_ms != 0).astype(np.int64), self._turn_ms[runs.vehicles])
        self._turn_ms[runs.vehicles] = turn_ms[runs.last]
        return turn_ms


class _Runs:
    """The runs of equal vehicles: where each begins and ends, and the place of every message in its run."""

    def __init__(self, vehicles: NDArray[np.int32]) -> None:
        count = len(vehicles)
        begins = np.ones(count, np.bool_)
        np.not_equal(vehicles[1:], vehicles[:-1], out=begins[1:])
        self.first = np.flatnonzero(begins)
        self.last = np.append(self.first[1:], count) - 1
        self.vehicles = vehicles[self.first]
        self.several = len(self.first) < count
        if self.several:
            self._run = np.cumsum(begins) - 1
            self.place = np.arange(count) - self.first[self._run]

    def before(self, values: I8s, earlier: I8s) -> I8s:
        """The value before each, of its run; before the first of a run what `earlier` says, shape (runs,)."""
        if not self.several:
            return earlier
        shifted = np.empty_like(values)
        shifted[1:] = values[:-1]
        shifted[self.first] = earlier
        return shifted

    def at_least_before(self, values: I8s, earlier: I8s) -> I8s:
        """Each value, or that before it in its run if that is larger."""
        if not self.several:
            return np.maximum(values, earlier)
        values = values.copy()
        values[self.first] = np.maximum(values[self.first], earlier)
        lowest = int(values.min())
        # Every run begins above all values of the one before, so that one maximum runs through all of them.
        span = int(values.max()) - lowest + 1
        lift = self._run * span
        values -= lowest
        values += lift
        np.maximum.accumulate(values, out=values)
        values -= lift
        values += lowest
        return values

    def one_by_one(self, ready: I8s, takes: I8s, free: I8s) -> I8s:
        """When each is done that takes so long and begins when it is ready and the one before is done."""
        if not self.several:
            return np.asarray(np.maximum(ready, free) + takes)
        done = np.cumsum(takes)
        begun = ready - (done - takes)
        begun[self.first] = np.maximum(ready[self.first], free) - (done - takes)[self.first]
        return self.at_least_before(begun, begun[self.first]) + done

    def counted_on(self, values: I8s, steps: I8s, earlier: I8s) -> I8s:
        """Each value, or if that is larger the one before it plus its step."""
        if not self.several:
            return np.asarray(np.maximum(values, earlier + steps))
        total = np.cumsum(steps)
        rest = values - total
        return self.at_least_before(rest, earlier - (total - steps)[self.first]) + total

    def last_positive(self, values: I8s, earlier: I8s) -> I8s:
        """Each value above 0; for others the last one before it in its run, or what `earlier` says."""
        if not self.several:
            return np.where(values > 0, values, earlier)
        places = np.arange(len(values))
        known = np.where(values > 0, places, -1)
        known[self.first] = self.first
        np.maximum.accumulate(known, out=known)
        values = values.copy()
        begin = values[self.first]
        values[self.first] = np.where(begin > 0, begin, earlier)
        return np.asarray(values[known])

"""Who is offline, until when, and what the platform notices of it: columns of all vehicles.

A T-Box that has lost its network tries to come back at once, then after pauses that double from a second to a minute,
each shortened at random by up to a half (as `links/fleet.py` does on real connections): the cars of an area that comes
back do not meet the platform all at once. The first attempt with a network succeeds, three round trips later: TCP's
handshake, TLS 1.3's (RFC 8446) and CONNECT.

A platform does not see that a radio is gone. It ends a connection on which nothing has come for one and a half
keep-alives (MQTT 3.1.1, 3.1.2.10), counted here from the beginning of the outage.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.keyed import purpose_number

from .paths import Paths

__all__ = ["NEVER_US", "Absences", "Presence"]

I8s = NDArray[np.int64]
Rows = NDArray[np.intp]

NEVER_US = np.iinfo(np.int64).max // 4
_FIRST_PAUSE_US, _LONGEST_PAUSE_US = 1_000_000, 60_000_000
_DOUBLINGS = 6
_ROUND_TRIPS = 3
_PAUSE = purpose_number("network reconnect")
#: Attempts of one outage: a year of the longest pauses would be more, and no run is as long.
_MOST_ATTEMPTS = 1 << 20


class Presence(NamedTuple):
    """What happens to the connections of these vehicles at a moment, simulated UTC.

    `lost`: their network is gone. `noticed`: the platform ends what it thinks is their connection. `back`: they have
    logged in again; `known` are those of them whose absence it had noticed.
    """

    time_ms: int
    what: Literal["lost", "noticed", "back"]
    rows: Rows
    known: Rows = np.zeros(0, np.intp)


class Absences:
    """Of the vehicles of `paths`; `keep_alive_us` (n,), int64. Times are microseconds since the run's `start_ms`."""

    def __init__(self, paths: Paths, keep_alive_us: I8s, start_ms: int) -> None:
        self._paths, self._start_ms = paths, start_ms
        self._patience_us = keep_alive_us * 3 // 2
        n = paths.n
        #: From when on each is online: 0 for always, NEVER_US while it has no network.
        self.online_us: I8s = np.zeros(n, np.int64)
        self._gone_us: I8s = np.zeros(n, np.int64)
        self._outages = np.zeros(n, np.uint32)
        #: Whom the platform believes to be offline.
        self._noticed = np.zeros(n, np.bool_)
        #: Rows that are offline, or were so at the last look; rising.
        self._away: Rows = np.zeros(0, np.intp)
        self.reconnects = 0
        self._offline_us = 0

    def __bool__(self) -> bool:
        return len(self._away) > 0

    def lose(self, rows: Rows, now_us: int) -> None:
        """These have no network from now on."""
        fresh = rows[self.online_us[rows] <= now_us]
        self._gone_us[fresh] = now_us
        self.online_us[rows] = NEVER_US
        self._outages[rows] += 1
        self._away = np.union1d(self._away, rows)

    def regain(self, rows: Rows, now_us: int) -> None:
        """These have a network again, and are online as soon as they find out."""
        self.online_us[rows] = self._first_attempt(rows, now_us) + _ROUND_TRIPS * self._paths.round_trip_us[rows]

    def pass_time(self, until_us: int) -> list[Presence]:
        """What has become of them up to a moment, in the order of time."""
        if not len(self._away):
            return []
        rows = self._away
        notice_us = self._gone_us[rows] + self._patience_us[rows]
        online_us = self.online_us[rows]
        noticed = (notice_us <= until_us) & (notice_us < online_us) & ~self._noticed[rows]
        back = online_us <= until_us
        found = self._grouped("noticed", rows[noticed], notice_us[noticed])
        self._noticed[rows[noticed]] = True
        returned = rows[back]
        for one in self._grouped("back", returned, online_us[back]):
            found.append(one._replace(known=one.rows[self._noticed[one.rows]]))
        self._noticed[returned] = False
        self._away = rows[~back]
        self.reconnects += len(returned)
        self._offline_us += int((online_us[back] - self._gone_us[returned]).sum())
        return sorted(found, key=lambda one: one.time_ms)

    @property
    def away(self) -> Rows:
        """Who is offline, rising."""
        return self._away

    def offline(self) -> int:
        """How many are offline."""
        return len(self._away)

    def offline_s(self, now_us: int) -> float:
        """How long vehicles have been offline, all together, s."""
        return (self._offline_us + int((now_us - self._gone_us[self._away]).sum())) / 1e6

    def _first_attempt(self, rows: Rows, now_us: int) -> I8s:
        """When each tries for the first time from now on, as it has done since it was gone."""
        at_us = self._gone_us[rows]
        waiting = np.arange(len(rows))
        for attempt in range(_MOST_ATTEMPTS):
            waiting = waiting[at_us[waiting] < now_us]
            if not len(waiting):
                break
            numbers = (self._outages[rows[waiting]].astype(np.uint64) << np.uint64(20)) + np.uint64(attempt)
            share = (self._paths.words(rows[waiting].astype(np.int32), _PAUSE, numbers) >> np.uint64(44)).astype(
                np.int64
            )
            pause_us = min(_FIRST_PAUSE_US << min(attempt, _DOUBLINGS), _LONGEST_PAUSE_US)
            at_us[waiting] += pause_us - (pause_us * share >> 21)
        return np.maximum(at_us, now_us)

    def _grouped(self, what: Literal["noticed", "back"], rows: Rows, times_us: I8s) -> list[Presence]:
        """One for each millisecond."""
        times_ms = self._start_ms - (-times_us // 1000)
        return [Presence(time_ms, what, rows[times_ms == time_ms]) for time_ms in np.unique(times_ms).tolist()]

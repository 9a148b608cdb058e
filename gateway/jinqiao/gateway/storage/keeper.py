"""A platform that remembers: changes are kept before they are made, everything else within half a second.

`Keeper` listens to the platform's events. What somebody is assured has happened (a registration, a shadow, a tag) is
one transaction each, before the change; the device log and last values of properties follow in `round`, because a post
is acknowledged without waiting for a disk. `round` also takes over what the command line has changed meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.platform.devices.device_log import LogEntry
from jinqiao.gateway.platform.events import Deleted, PlatformEvent, PropertiesAccepted, Refused
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.registry import Device

from .kinds import KEPT, RESTORE, row_of
from .registry import REGISTRY_KINDS, take_over
from .sqlite import MOST_OF_STRANGERS, Row, Storage

__all__ = ["Keeper", "attach", "restore"]

_logger = logging.getLogger(__name__)

#: After taking over what others have changed strangers' questions bring nothing about for as long as that took, after a
#: failure for so many seconds.
_REST_S = 0.5
#: Devices whose last values are kept in one round, entries of the device log that wait for one.
_PER_ROUND, _MOST_WAITING = 500, 10_000


def attach(platform: Platform, storage: Storage) -> Keeper:
    """Give a platform its memory, and keep what changes from now on."""
    restore(platform, storage)
    return Keeper(platform, storage)


def restore(platform: Platform, storage: Storage) -> None:
    """Give a platform its memory. Raises EnvironmentFault for a row that cannot be one."""
    for row in storage.rows():
        if row.kind not in REGISTRY_KINDS and row.kind in RESTORE:
            with storage.reading(row):
                RESTORE[row.kind](platform.parts, row)


class Keeper:
    """Keeps what one platform says has changed."""

    def __init__(self, platform: Platform, storage: Storage, clock: Callable[[], float] = time.monotonic) -> None:
        self._platform, self._storage, self._clock = platform, storage, clock
        #: Whether others have changed something that is not taken over yet, and until when nobody is to ask for it.
        self._behind, self._rests_until_s = False, 0.0
        self._entries: deque[LogEntry] = deque(maxlen=_MOST_WAITING)
        #: What strangers did is kept apart, and less of it.
        self._strangers: deque[LogEntry] = deque(maxlen=MOST_OF_STRANGERS)
        #: Devices whose property values have changed since the last round.
        self._fresh: dict[str, Device] = {}
        events = platform.events
        events.subscribe(tuple(kept.event for kept in KEPT), self._keep, before_ack=True)
        events.bracket(storage.transaction)
        platform.parts.elsewhere.watched_by(self._take_over_now)
        events.subscribe(Refused, self._log)
        events.subscribe(PropertiesAccepted, self._note)
        events.subscribe(Deleted, lambda event: self._fresh.pop(event.device.identity, None))

    def round(self) -> None:
        """Keep what nobody was told is kept, and take over what others have changed. Raises EnvironmentFault."""
        self._keep_lazily()
        self._take_over()

    def _take_over(self) -> bool:
        """Take over what others have changed, if they have; what fails is tried again."""
        self._behind = self._storage.changed_elsewhere() or self._behind
        if not self._behind:
            return False
        began_s = self._clock()
        self._rests_until_s = began_s + _REST_S
        take_over(self._platform, self._storage)
        self._behind = False
        self._rests_until_s = 2 * self._clock() - began_s
        return True

    def _take_over_now(self) -> bool:
        """The same between two rounds, because somebody asks for what is not known; not too often for what it costs."""
        try:
            return self._clock() >= self._rests_until_s and self._take_over()
        except EnvironmentFault as fault:
            _logger.error("%s", fault)
            return False

    def close(self) -> None:
        """Keep what is left."""
        while self._fresh:
            self._keep_lazily()
        self._keep_lazily()

    def _keep(self, event: PlatformEvent) -> None:
        row = row_of(event)
        if not self._is_simulated(row.product_key):
            self._storage.keep_all([row])

    def _log(self, event: Refused) -> None:
        (self._strangers if event.stranger else self._entries).append(LogEntry.of(event))

    def _note(self, event: PropertiesAccepted) -> None:
        if not event.device.product.devices.simulated:
            self._fresh[event.device.identity] = event.device

    def _is_simulated(self, product_key: str) -> bool:
        """Simulated vehicles are born anew with each run; what the last one left would change the next."""
        product = self._platform.registry.product(product_key)
        return product is not None and product.devices.simulated

    def _keep_lazily(self) -> None:
        for waiting in (self._entries, self._strangers):
            entries = tuple(waiting)
            if entries:
                self._storage.write_log(entries, strangers=waiting is self._strangers)
                for _ in entries:
                    waiting.popleft()
        rows = list(self._last_values())
        if rows:
            self._storage.keep_all(rows)
            for row in rows:
                del self._fresh[row.key]

    def _last_values(self) -> Iterator[Row]:
        for device in list(self._fresh.values())[:_PER_ROUND]:
            yield Row("properties", device.identity, self._platform.parts.states.of(device).dump_of("properties"))

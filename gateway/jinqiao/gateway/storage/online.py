"""Who is online, for commands on a data folder: written within a second, because nobody is promised that it is kept.

What stands there counts while a server has the folder; one that was killed leaves devices online behind, which the next
one puts right when it starts.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from jinqiao.gateway.platform.events import Deleted, Offline, Online
from jinqiao.gateway.platform.listeners import Events
from jinqiao.gateway.platform.registry.registry import Device

from .folder_lock import is_served
from .sqlite import Row, Storage

__all__ = ["KIND", "OnlineKeeper", "Seen", "seen"]

#: Kind of their rows.
KIND = "online"
#: Devices that are written in one round.
_PER_ROUND = 500


class Seen(NamedTuple):
    """Whether a device is online, and since when it has been or not: UTC ms, 0 for never seen."""

    online: bool
    since_ms: int
    address: str = ""


def seen(storage: Storage, folder: Path) -> dict[str, Seen]:
    """What is known of each device of this data folder that ever was online, by identity."""
    served = is_served(folder)
    return {
        row.key: Seen(row.value["online"] and served, row.value["since_ms"], row.value["address"])
        for row in storage.rows(KIND)
    }


class OnlineKeeper:
    """Keeps who comes and goes. Vehicles of our own simulator are always there, and not written down."""

    def __init__(self, events: Events, storage: Storage) -> None:
        self._storage = storage
        #: What is not written yet, by identity.
        self._fresh: dict[str, Seen] = {}
        stale = [_row(row.key, Seen(False, row.value["since_ms"], row.value["address"]))
                 for row in storage.rows(KIND) if row.value["online"]]  # fmt: skip
        if stale:
            storage.keep_all(stale)
        events.subscribe(Online, lambda event: self._note(event.device, Seen(True, event.time_ms, event.address)))
        events.subscribe(Offline, lambda event: self._note(event.device, Seen(False, event.time_ms)))
        events.subscribe(Deleted, lambda event: self._fresh.pop(event.device.identity, None))

    def round(self) -> None:
        """Write what has changed since. Raises EnvironmentFault."""
        while self._fresh:
            chosen = dict(list(self._fresh.items())[:_PER_ROUND])
            self._storage.keep_all([_row(identity, one) for identity, one in chosen.items()])
            for identity in chosen:
                del self._fresh[identity]

    def _note(self, device: Device, one: Seen) -> None:
        if not device.product.devices.simulated:
            self._fresh[device.identity] = one


def _row(identity: str, one: Seen) -> Row:
    return Row(KIND, identity, one._asdict())

"""How many devices of a product there are in each state, and which: kept up to date, so that nobody has to count.

A fleet of 100,000 simulated vehicles is online with its simulator: only those are noted that differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import filterfalse, islice
from typing import Literal, NamedTuple

from ..events import Offline, Online, ProductDeleted
from ..listeners import Events
from ..registry.record import DeviceRecord
from ..registry.registry import Device, Product

__all__ = ["Census", "Counted", "State"]

State = Literal["inactive", "online", "offline", "disabled"]


class Counted(NamedTuple):
    """Devices of a product: all, those that were ever online, those that are."""

    devices: int
    activated: int
    online: int


class _Names:
    """Names of one product's devices: here are those that differ from what most are."""

    __slots__ = ("activated", "away", "disabled", "online")

    def __init__(self) -> None:
        self.activated: set[str] = set()
        self.disabled: set[str] = set()
        #: By a connection of their own, a gateway's, or another protocol.
        self.online: set[str] = set()
        #: Simulated ones that had a connection of their own, and have none now.
        self.away: set[str] = set()


class Census:
    """Follows records (`put`) and events; asks presence about simulated vehicles."""

    def __init__(self, events: Events) -> None:
        self._products: dict[str, _Names] = {}
        self._simulator_is_there: Callable[[], bool] = bool
        self._is_connected: Callable[[str], bool] = bool
        self._cut_off: Callable[[str], set[str]] = lambda _: set()
        events.subscribe(ProductDeleted, lambda event: self._products.pop(event.product_key, None))
        events.subscribe(Online, lambda event: self._came(event.device))
        events.subscribe(Offline, lambda event: self._went(event.device))

    def ask(
        self,
        simulator_is_there: Callable[[], bool],
        is_connected: Callable[[str], bool],
        cut_off: Callable[[str], set[str]],
    ) -> None:
        """Whom to ask whether simulated vehicles are online, whether one of them is by itself, and which of a product
        have lost their network.
        """
        self._simulator_is_there, self._is_connected, self._cut_off = simulator_is_there, is_connected, cut_off

    def put(self, identity: str, record: DeviceRecord | None) -> None:
        """A device has this record now; None: it is not there any more."""
        product_key, _, name = identity.partition("/")
        names = self._names(product_key)
        _keep(names.activated, name, record is not None and record.activated_ms > 0)
        _keep(names.disabled, name, record is not None and record.disabled)
        if record is None or not record.activated_ms:
            names.online.discard(name)
            names.away.discard(name)

    def count(self, product: Product) -> Counted:
        """Everything, in the time that it takes to look at those that differ."""
        total, names = len(product.devices), self._names_of(product)
        if product.devices.simulated and self._simulator_is_there():
            return Counted(total, total, total - len(self._absent(product.key, names)))
        return Counted(total, len(names.activated), len(names.online - names.disabled))

    def in_state(self, product: Product, state: State, first: int, count: int) -> tuple[int, list[str]]:
        """How many devices are in this state, and some of them: of the product's order, from this one on."""
        if state == "disabled":
            return self._among(product, self._names(product.key).disabled, first, count)
        names = self._names_of(product)
        if product.devices.simulated and self._simulator_is_there():
            absent = self._absent(product.key, names)
            if state == "online":
                return self._but(product, absent, first, count)
            return self._among(product, absent - names.disabled if state == "offline" else set(), first, count)
        if state == "online":
            return self._among(product, names.online - names.disabled, first, count)
        if state == "inactive":
            return self._but(product, names.activated | names.disabled, first, count)
        return self._among(product, names.activated - names.online - names.disabled, first, count)

    def _among(self, product: Product, wanted: set[str], first: int, count: int) -> tuple[int, list[str]]:
        found: Iterator[str] = filter(wanted.__contains__, product.devices)
        return len(wanted), list(islice(found, first, first + count)) if wanted else []

    def _but(self, product: Product, others: set[str], first: int, count: int) -> tuple[int, list[str]]:
        total = len(product.devices) - len(others)
        if not others:
            return total, product.devices.some(first, count)
        return total, list(islice(filterfalse(others.__contains__, product.devices), first, first + count))

    def _absent(self, product_key: str, names: _Names) -> set[str]:
        """Simulated ones that are not online although their simulator is there. Who has no network may still be
        connected by another protocol.
        """
        cut = self._cut_off(product_key)
        connected = {name for name in cut & names.online if self._is_connected(f"{product_key}/{name}")}
        return names.away | names.disabled | (cut - connected)

    def _names_of(self, product: Product) -> _Names:
        """The same of a product. No event says when a vehicle is its simulator's again: then presence is asked."""
        names = self._names(product.key)
        if product.devices.simulated and not self._simulator_is_there():
            names.online = {name for name in names.online if self._is_connected(f"{product.key}/{name}")}
        return names

    def _names(self, product_key: str) -> _Names:
        names = self._products.get(product_key)
        if names is None:
            names = self._products[product_key] = _Names()
        return names

    def _came(self, device: Device) -> None:
        names = self._names(device.product.key)
        names.online.add(device.name)
        names.away.discard(device.name)

    def _went(self, device: Device) -> None:
        names = self._names(device.product.key)
        names.online.discard(device.name)
        if device.product.devices.simulated:
            names.away.add(device.name)


def _keep(names: set[str], name: str, here: bool) -> None:
    if here:
        names.add(name)
    else:
        names.discard(name)

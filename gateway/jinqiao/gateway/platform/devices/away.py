"""Simulated vehicles that share a connection and are not there: columns, since an area of a town goes at once.

All vehicles of a simulator are online with its connection. Those that have lost their network are marked here until
they are back, or the simulator itself is gone. Where nobody ever was away there are no columns, and NumPy is not
imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..registry.registry import Device, Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["AwayVehicles", "Seen"]


class Seen(NamedTuple):
    """Whether a vehicle is away, and since when that is so, simulated UTC, ms."""

    away: bool
    since_ms: int


class _Columns(NamedTuple):
    """Of a product's n vehicles, shape (n,): who is away, since when (0: as long as its simulator), and who has had a
    connection of its own, which speaks for it from then on.
    """

    away: NDArray[np.bool_]
    since_ms: NDArray[np.int64]
    own: NDArray[np.bool_]


class AwayVehicles:
    """Marks vehicles by product and row of `FleetDevices`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._products: dict[str, _Columns] = {}
        #: Names of those that are away, for questions about single ones.
        self._names: dict[str, set[str]] = {}

    def mark(
        self, product_key: str, vehicles: NDArray[np.int32], time_ms: int, *, online: bool
    ) -> tuple[NDArray[np.int32], list[str]] | None:
        """These vehicles, shape (m,), have gone or come; those for which that is news, with their names, None where it
        is for none.
        """
        if product_key not in self._products and online:
            return None
        columns = self._columns(product_key)
        fresh = vehicles[(columns.away[vehicles] == online) & ~columns.own[vehicles]]
        columns.away[fresh] = not online
        columns.since_ms[fresh] = time_ms
        if not len(fresh):
            return None
        devices: Any = self._registry.products[product_key].devices
        names: list[str] = devices.names_of(fresh)
        known = self._names.setdefault(product_key, set())
        if online:
            known.difference_update(names)
        else:
            known.update(names)
        return fresh, names

    def speaks_for_itself(self, device: Device) -> None:
        """The vehicle has a connection of its own from now on."""
        row = self._row(device)
        if row is not None:
            columns = self._columns(device.product.key)
            columns.own[row], columns.away[row] = True, False
            self.names(device.product.key).discard(device.name)

    def seen(self, device: Device) -> Seen | None:
        """How a vehicle was seen last; None for one that has been there as long as its simulator."""
        columns = self._products.get(device.product.key)
        row = self._row(device) if columns is not None else None
        if columns is None or row is None or not columns.since_ms[row]:
            return None
        return Seen(bool(columns.away[row]), int(columns.since_ms[row]))

    def is_away(self, product_key: str, name: str) -> bool:
        """Whether a vehicle of the simulator's connection is not there."""
        return name in self._names.get(product_key, ())

    def rows(self, product_key: str) -> NDArray[np.bool_] | None:
        """Which vehicles are away, shape (n,); None where none ever was."""
        columns = self._products.get(product_key)
        return None if columns is None else columns.away

    def names(self, product_key: str) -> set[str]:
        """The names of those that are away."""
        return self._names.setdefault(product_key, set())

    def clear(self) -> None:
        """The simulator is gone: its next one begins with all vehicles."""
        for columns in self._products.values():
            columns.away[:] = False
            columns.since_ms[:] = 0
        self._names.clear()

    def _columns(self, product_key: str) -> _Columns:
        columns = self._products.get(product_key)
        if columns is None:
            import numpy as np

            n = len(self._registry.products[product_key].devices)
            columns = _Columns(np.zeros(n, np.bool_), np.zeros(n, np.int64), np.zeros(n, np.bool_))
            self._products[product_key] = columns
        return columns

    def _row(self, device: Device) -> int | None:
        devices: Any = device.product.devices
        found: int | None = devices.row(device.name) if devices.simulated else None
        return found

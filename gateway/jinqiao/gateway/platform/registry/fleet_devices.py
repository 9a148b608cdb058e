"""The devices of a simulated fleet: a hundred thousand names in one array, and secrets made when somebody asks.

A fleet keeps 17 bytes a device: its sorted names. Secrets are derived from one fleet secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.wire.alink.ev_thing_model import ev_thing_model
from jinqiao.wire.alink.signature import fleet_device_secret

from .about import NOTHING, About, CarColumns
from .registry import Product

__all__ = ["FleetDevices", "simulated_product"]

#: Names that become text at once when all are looked through.
_DECODED = 1_000


class FleetDevices:
    """Devices of a simulated fleet: `names` is an array of bytes, shape (n,), such as the fleet's VINs ('S17').

    All leave the factory with `factory_versions`: 100,000 vehicles need not inform of them one by one. `cars` says what
    they are, in the order of `names`.

    Raises ValueError when a name appears twice.
    """

    simulated = True

    def __init__(
        self,
        names: NDArray[np.bytes_],
        *,
        fleet_secret: str,
        factory_versions: Mapping[str, str] | None = None,
        cars: CarColumns | None = None,
    ) -> None:
        self.factory_versions: Mapping[str, str] = dict(factory_versions or {})
        self._rows = np.argsort(names).astype(np.int32)
        self._names: NDArray[Any] = names[self._rows]
        self._cars = cars
        self._model_of = cars.numbers() if cars is not None else None
        if len(self._names) > 1 and bool(np.any(self._names[1:] == self._names[:-1])):
            raise ValueError("a device name appears twice in the fleet")
        #: Where the name of each row stands among the sorted ones; made when somebody asks.
        self._places: NDArray[np.int32] | None = None
        self._fleet_secret = fleet_secret
        self.added = len(self._names)

    def newest(self, count: int) -> Iterable[str]:  # noqa: ARG002  (all of them came at once)
        return self

    def secret(self, device_name: str) -> str | None:
        """32 hex digits, as the platform's secrets have."""
        if device_name not in self:
            return None
        return fleet_device_secret(self._fleet_secret, device_name)

    def __contains__(self, device_name: str) -> bool:
        return self._place(device_name) is not None

    def _place(self, device_name: str) -> int | None:
        """Where a name stands among the sorted ones."""
        # A longer needle would make NumPy widen (copy) the whole array; a NUL would be cut off as padding.
        if not 0 < len(device_name) <= self._names.itemsize or not device_name.isascii() or "\0" in device_name:
            return None
        place = int(np.searchsorted(self._names, np.bytes_(device_name, "ascii").astype(self._names.dtype)))
        found = place < len(self._names) and bool(self._names[place] == device_name.encode())
        return place if found else None

    def row(self, device_name: str) -> int | None:
        """Its place in the names that were given, which is the vehicle's row; None if there is none."""
        place = self._place(device_name)
        return None if place is None else int(self._rows[place])

    def names_of(self, rows: NDArray[np.int32]) -> list[str]:
        """The names of these rows, shape (m,), in their order."""
        if self._places is None:
            self._places = np.empty(len(self._names), np.int32)
            self._places[self._rows] = np.arange(len(self._names), dtype=np.int32)
        return [name.decode() for name in self._names[self._places[rows]].tolist()]

    def about(self, device_name: str) -> About:
        """Its model and fleet."""
        row = self.row(device_name)
        if row is None or self._cars is None or self._model_of is None:
            return NOTHING
        return self._cars.about(row, int(self._model_of[row]))

    def tagged(self, wanted: Mapping[str, str], own: Mapping[str, Mapping[str, str]]) -> NDArray[np.bytes_]:
        """Names of those that have all of these tags, sorted; `own` are tags that have been set since the factory, by
        name: such a tag counts instead of the factory's."""
        found = np.zeros(len(self._names), np.bool_)
        if self._cars is not None and self._model_of is not None:
            found = self._cars.having(wanted, self._model_of)
        for name, tags in own.items():
            row = self.row(name)
            if row is not None and not wanted.keys().isdisjoint(tags):
                every = {**self.about(name).tags, **tags}
                found[row] = all(every.get(key) == value for key, value in wanted.items())
        return self._names[found[self._rows]]

    def __len__(self) -> int:
        return len(self._names)

    def some(self, first: int, count: int) -> list[str]:
        """Of 100,000 those that are wanted, not all."""
        return [name.decode() for name in self._names[first : first + count].tolist()]

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self._names), _DECODED):
            yield from self.some(first, _DECODED)


def simulated_product(
    product_key: str,
    names: NDArray[np.bytes_],
    *,
    fleet_secret: str,
    name: str = "Simulated EV",
    factory_versions: Mapping[str, str] | None = None,
    cars: CarColumns | None = None,
) -> Product:
    """The product of a simulated fleet with the EV thing model; `names`, shape (n,), bytes, are its devices' names."""
    devices = FleetDevices(names, fleet_secret=fleet_secret, factory_versions=factory_versions, cars=cars)
    return Product(product_key, name, ev_thing_model(product_key), devices, raw_is_forwarded=True)

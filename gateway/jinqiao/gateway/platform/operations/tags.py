"""Tags of devices: set and taken away by a back end, and devices found by them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..parts import Parts
from ..registry.accounts import Account
from ..registry.registry import Device, Product
from .errors import OperationError, Reason
from .reach import Reach

if TYPE_CHECKING:  # commands on a data folder start without it
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MOST_TAGS", "Tagged", "Tags"]

#: Tags of a device that a back end may set, and in one call (SaveDeviceProp).
MOST_TAGS = 100
#: Of the keys that a device may use itself, and dots.
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,100}")
#: Characters of a value, as a device may set it itself.
_LONGEST_VALUE = 4_096


@dataclass(frozen=True, slots=True)
class Tagged:
    """Devices that were found, product by product: names as texts, or those of a fleet as an array of bytes."""

    found: Sequence[tuple[Product, Sequence[str] | NDArray[np.bytes_]]]

    def __len__(self) -> int:
        return sum(len(names) for _, names in self.found)

    def names(self, first: int, count: int) -> list[tuple[Product, str]]:
        """Products and names of some of them, from this one on."""
        page: list[tuple[Product, str]] = []
        for product, names in self.found:
            some = names[first : first + count - len(page)] if first < len(names) else ()
            page += [(product, name if isinstance(name, str) else bytes(name).decode()) for name in some]
            first = max(0, first - len(names))
        return page


class Tags:
    """Tags that simulated vehicles have from the factory can be overwritten and hidden; both last for the run."""

    def __init__(self, parts: Parts, reach: Reach) -> None:
        self._parts, self._reach = parts, reach

    def of(self, account: Account, device: Device) -> Mapping[str, str]:
        """Its tags; those of the factory may be overwritten."""
        self._reach.allow(account, device)
        factory, own = device.product.devices.about(device.name).tags, self._parts.states.of(device).tags
        return {**factory, **own} if not factory else {k: v for k, v in {**factory, **own}.items() if v or k not in own}

    def save(self, account: Account, device: Device, tags: Mapping[str, str]) -> None:
        """Set tags, all of these or none. Raises BAD_TAG, TOO_MANY_TAGS."""
        self._reach.allow(account, device)
        for key, value in tags.items():
            if not _KEY.fullmatch(key):
                raise OperationError(Reason.BAD_TAG, f"{key!r:.40} is not a tag's key")
            if not 0 < len(value) <= _LONGEST_VALUE:
                raise OperationError(Reason.BAD_TAG, f"{key}: a value has 1 to {_LONGEST_VALUE} characters")
        if len(self._parts.states.of(device).tags.keys() | tags.keys()) > MOST_TAGS:
            raise OperationError(Reason.TOO_MANY_TAGS, f"a device has at most {MOST_TAGS} tags")
        with self._parts.states.changing(device, "tags") as draft:
            draft.tags.update(tags)

    def delete(self, account: Account, device: Device, key: str) -> None:
        """Take a tag away; one that is not there is no error. One of the factory's is hidden by an empty one."""
        self._reach.allow(account, device)
        with self._parts.states.changing(device, "tags") as draft:
            draft.tags.pop(key, None)
            if key in device.product.devices.about(device.name).tags:
                draft.tags[key] = ""

    def find(self, account: Account, wanted: Mapping[str, str]) -> Tagged:
        """The devices that have all of these tags, at least one tag, among those that the account sees."""
        found: list[tuple[Product, Sequence[str] | NDArray[np.bytes_]]] = []
        for product in self._parts.registry.products.values():
            if not account.sees(product.key):
                continue
            if product.devices.simulated:
                found.append((product, _of_fleet(product, wanted, self._parts.tags.of_product(product.key))))
            else:
                found.append((product, self._parts.tags.find(product.key, wanted)))
        return Tagged(found)


def _of_fleet(
    product: Product, wanted: Mapping[str, str], own: Mapping[str, Mapping[str, str]]
) -> Sequence[str] | NDArray[np.bytes_]:
    """Those of a simulated fleet: on columns, for a fleet is 100,000."""
    from ..registry.fleet_devices import FleetDevices

    devices = product.devices
    return devices.tagged(wanted, own) if isinstance(devices, FleetDevices) else ()

"""Many devices at once: names are checked and applied for, then registered under the id of that application."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..parts import Parts
from ..products.batch import Batch
from ..provisioning import DEVICE_NAME, MOST_DEVICES
from ..registry.accounts import Account
from ..registry.devices import ListedDevices
from ..registry.registry import Product
from .devices import LONGEST_NICKNAME
from .errors import OperationError, Reason
from .reach import Reach

__all__ = ["MOST_AT_ONCE", "Batches", "Checked"]

#: Devices of one application (BatchRegisterDevice).
MOST_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Checked:
    """What is wrong with names, and the batch where nothing is."""

    batch: Batch | None
    invalid: Sequence[str]
    taken: Sequence[str]
    bad_nicknames: Sequence[str]


class Batches:
    """Raises NO_BATCH for an id that is not there, or is about a product that the account does not see."""

    def __init__(self, parts: Parts, reach: Reach) -> None:
        self._parts, self._reach = parts, reach

    def find(self, account: Account, batch_id: int, product: Product | None = None) -> Batch:
        batch = self._parts.batches.get(batch_id)
        if batch is None or not account.sees(batch.product_key):
            raise OperationError(Reason.NO_BATCH)
        if product is not None and product.key != batch.product_key:
            raise OperationError(Reason.NO_BATCH)
        return batch

    def check(self, account: Account, product: Product, names: Sequence[str], nicknames: Mapping[str, str]) -> Checked:
        """Whether devices of these names can be registered; if all can, a batch of them. Raises NOT_REGISTERED."""
        self._make_room(account, product, len(names))
        invalid = [name for name in names if not DEVICE_NAME.fullmatch(name)]
        seen: set[str] = set()
        taken = []
        for name in names:
            if name in seen or product.devices.secret(name) is not None:
                taken.append(name)
            seen.add(name)
        bad = [nickname for nickname in nicknames.values() if len(nickname) > LONGEST_NICKNAME]
        if invalid or taken or bad:
            return Checked(None, invalid, taken, bad)
        batch = self._parts.batches.add(product.key, account.name, list(names), dict(nicknames))
        return Checked(batch, (), (), ())

    def register(self, account: Account, product: Product, batch_id: int) -> Batch:
        """Register the devices of a batch, soon. Raises BATCH_BUSY where that has been asked for."""
        batch = self.find(account, batch_id, product)
        if batch.status != "CHECK_SUCCESS":
            raise OperationError(Reason.BATCH_BUSY)
        self._make_room(account, product, len(batch.names))
        self._parts.batches.begin(batch)
        return batch

    def register_random(self, account: Account, product: Product, count: int) -> Batch:
        """The same of devices with names of ours."""
        self._make_room(account, product, count)
        names = [secrets.token_hex(10) for _ in range(count)]
        batch = self._parts.batches.add(product.key, account.name, names, {})
        self._parts.batches.begin(batch)
        return batch

    def _make_room(self, account: Account, product: Product, count: int) -> None:
        self._reach.product(account, product.key)
        if not isinstance(product.devices, ListedDevices):
            raise OperationError(Reason.NOT_REGISTERED, "vehicles of a run are those of its scenario", 403)
        if len(product.devices) + count > MOST_DEVICES:
            raise OperationError(Reason.NOT_REGISTERED, f"a product has at most {MOST_DEVICES:,} devices", 403)

"""Registering many devices: names are checked and remembered under an id, then registered a few at a time."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial

from ..errands import Errands
from ..events import BatchChanged, ProductDeleted
from ..listeners import Events
from ..provisioning import Provisioning
from ..registry.registry import Registry
from .batch import Batch

__all__ = ["MOST_BATCHES", "Batches"]

#: Batches of an account that are remembered; the oldest one that is not being registered makes room.
MOST_BATCHES = 50
#: Devices that are registered in one change: one row of each, on the disk together.
_AT_ONCE = 50


class Batches:
    """Batches by their id. What is kept as being registered goes on when the platform is there again (`resume`)."""

    def __init__(
        self,
        registry: Registry,
        provisioning: Provisioning,
        errands: Errands,
        events: Events,
        now_ms: Callable[[], int],
    ) -> None:
        self._registry, self._provisioning, self._errands = registry, provisioning, errands
        self._events, self._now_ms = events, now_ms
        self._batches: dict[int, Batch] = {}
        events.subscribe(ProductDeleted, lambda event: self._forget_product(event.product_key))

    def get(self, batch_id: int) -> Batch | None:
        return self._batches.get(batch_id)

    def add(self, product_key: str, owner: str, names: list[str], nicknames: dict[str, str]) -> Batch:
        """Remember names that may be registered."""
        batch_id = secrets.randbelow(9 * 10**6) + 10**6
        while batch_id in self._batches:
            batch_id += 1
        batch = Batch(batch_id, product_key, owner, self._now_ms(), tuple(names), nicknames)
        with self._events.together():
            own = [known for known in self._batches.values() if known.owner == owner and known.status != "CREATE"]
            for known in own[: max(0, len(own) - MOST_BATCHES + 1)]:
                self._change(replace(known, names=()))
            self._change(batch)
        return batch

    def begin(self, batch: Batch) -> None:
        """Register its devices, soon."""
        begun = replace(batch, status="CREATE")
        self._change(begun)
        self._errands.run(self._register(begun))

    def resume(self) -> None:
        """Go on with what was under way when the platform ended."""
        for batch in [batch for batch in self._batches.values() if batch.status == "CREATE"]:
            self._errands.run(self._register(batch))

    def restore(self, batch: Batch) -> None:
        """Remember what was kept; nobody is notified."""
        self._batches[batch.id] = batch

    def _register(self, batch: Batch) -> Generator[float, None, None]:
        refused: list[str] = []
        for first in range(0, len(batch.names), _AT_ONCE):
            product = self._registry.product(batch.product_key)
            if product is None or batch.id not in self._batches:
                return
            some = {name: batch.nicknames.get(name, "") for name in batch.names[first : first + _AT_ONCE]}
            refused += self._provisioning.register_many(product, some, batch.id)
            yield 0.0
        self._change(replace(batch, status="CREATE_SUCCESS", refused=tuple(refused)))

    def _change(self, batch: Batch) -> None:
        announced = self._events.change(BatchChanged, batch)
        self._events.make(partial(self._put, batch))
        announced.done()

    def _put(self, batch: Batch) -> None:
        if batch.names:
            self._batches[batch.id] = batch
        else:
            self._batches.pop(batch.id, None)

    def _forget_product(self, product_key: str) -> None:
        for batch in [batch for batch in self._batches.values() if batch.product_key == product_key]:
            del self._batches[batch.id]

"""Products that come, change and go while the platform runs. Each change is announced, and kept, before it is made."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from ..events import ProductChanged, ProductDeleted
from ..listeners import Events
from ..outbound import Outbound
from ..registry.registry import Product, Registry

__all__ = ["Products"]


class Products:
    """The only place where a product of a running platform is changed.

    A product stays the same object as long as it is there, because connections, devices and work under way hold it:
    what is published or renamed is so for all of them at once.
    """

    def __init__(self, registry: Registry, events: Events, out: Outbound) -> None:
        self._registry, self._events, self._out = registry, events, out

    def add(self, product: Product) -> None:
        """There is a product more; its owner sees it."""
        announced = self._events.change(ProductChanged, product)
        self._events.make(partial(self._put, product))
        announced.done()

    def _put(self, product: Product) -> None:
        self._registry.products[product.key] = product
        self._registry.grant_owned()
        self._out.products_changed()

    def change(self, product: Product, **facts: Any) -> None:
        """Another name, thing model or record: fields of Product."""
        fresh = replace(product, **facts)
        announced = self._events.change(ProductChanged, fresh)
        self._events.make(partial(self._take, product, fresh))
        announced.done()

    def _take(self, product: Product, fresh: Product) -> None:
        others = product.record.topics != fresh.record.topics
        product.take(fresh)
        if others:
            self._out.products_changed()

    def delete(self, product: Product) -> None:
        """A product without devices goes, and with it everything that is kept of it."""
        announced = self._events.change(ProductDeleted, product.key)
        self._events.make(partial(self.forget, product.key))
        announced.done()

    def forget(self, product_key: str) -> None:
        """A product is not there any more; nobody is asked."""
        if self._registry.products.pop(product_key, None) is not None:
            self._out.products_changed()

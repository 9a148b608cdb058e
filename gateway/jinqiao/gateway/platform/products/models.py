"""Thing models that are edited: a draft for each product, and the versions that were published of it.

Devices are judged by the model that the product has, which is the last one published.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from jinqiao.wire.alink.tsl_document import compiled

from ..events import ModelDrafted, ModelVersionChanged, ProductDeleted
from ..listeners import Events
from ..registry.registry import Product
from .products import Products

__all__ = ["MOST_VERSIONS", "ModelVersion", "ThingModels"]

#: Versions of a product's thing model that are remembered; the oldest makes room.
MOST_VERSIONS = 10


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """`created_ms` is UTC ms."""

    version: str
    description: str
    created_ms: int
    tsl: Mapping[str, Any]


class ThingModels:
    """Drafts and versions by product key. Documents that come in are whole ones, and right."""

    def __init__(self, products: Products, events: Events, now_ms: Callable[[], int]) -> None:
        self._products, self._events, self._now_ms = products, events, now_ms
        self._drafts: dict[str, Mapping[str, Any]] = {}
        #: Oldest first.
        self._versions: dict[str, dict[str, ModelVersion]] = {}
        events.subscribe(ProductDeleted, lambda event: self.forget(event.product_key))

    def draft(self, product: Product) -> Mapping[str, Any]:
        """The document that is edited; until it is, the published one."""
        return self._drafts.get(product.key, product.thing_model.tsl)

    def versions(self, product: Product) -> list[ModelVersion]:
        """Those that are remembered, latest first."""
        return list(self._versions.get(product.key, {}).values())[::-1]

    def version(self, product: Product, version: str) -> ModelVersion | None:
        return self._versions.get(product.key, {}).get(version)

    def set_draft(self, product: Product, tsl: Mapping[str, Any]) -> None:
        """Edit: this is what the next version will be."""
        announced = self._events.change(ModelDrafted, product.key, tsl)
        self._events.make(partial(self.restore_draft, product.key, tsl))
        announced.done()

    def publish(self, product: Product, version: str, description: str) -> None:
        """The draft is the product's thing model from now on, under this version. Raises ModelError."""
        model = compiled(self.draft(product), product.thing_model.validation)
        known = self._versions.get(product.key, {})
        with self._events.together():
            for old in list(known)[: max(0, len(known) - MOST_VERSIONS + 1)]:
                self._put(product.key, ModelVersion(old, "", 0, {}))
            self._put(product.key, ModelVersion(version, description, self._now_ms(), model.tsl))
            self._products.change(product, thing_model=model)
            announced = self._events.change(ModelDrafted, product.key, None)
            self._events.make(partial(self.restore_draft, product.key, None))
            announced.done()

    def _put(self, product_key: str, version: ModelVersion) -> None:
        """Remember a version; one without a document is forgotten."""
        fields = version.version, version.description, version.created_ms, version.tsl or None
        announced = self._events.change(ModelVersionChanged, product_key, *fields)
        self._events.make(partial(self.restore_version, product_key, version))
        announced.done()

    def restore_draft(self, product_key: str, tsl: Mapping[str, Any] | None) -> None:
        """Remember what was kept; nobody is notified."""
        if tsl is None:
            self._drafts.pop(product_key, None)
        else:
            self._drafts[product_key] = tsl

    def restore_version(self, product_key: str, version: ModelVersion) -> None:
        """The same of a version."""
        versions = self._versions.setdefault(product_key, {})
        versions.pop(version.version, None)
        if version.tsl:
            versions[version.version] = version
            if len(versions) > 1:
                self._versions[product_key] = dict(sorted(versions.items(), key=lambda each: each[1].created_ms))

    def forget(self, product_key: str) -> None:
        """The product is not there any more."""
        self._drafts.pop(product_key, None)
        self._versions.pop(product_key, None)

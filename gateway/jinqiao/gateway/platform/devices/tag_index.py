"""Devices by their tags: those that devices and back ends have set, found without looking at any other device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

__all__ = ["TagIndex"]

Tags = Mapping[str, str]
_NONE: Tags = MappingProxyType({})


class TagIndex:
    """Tags of devices by product and name, and device names by product, key and value."""

    def __init__(self) -> None:
        self._tags: dict[str, dict[str, Tags]] = {}
        self._having: dict[tuple[str, str, str], dict[str, None]] = {}

    def put(self, identity: str, value: Any) -> None:
        """A device has these tags now."""
        product_key, _, name = identity.partition("/")
        fresh: Tags = value or _NONE
        known = self._tags.get(product_key, {}).get(name, _NONE)
        for key, text in known.items():
            if fresh.get(key) != text:
                self._drop((product_key, key, text), name)
        for key, text in fresh.items():
            if known.get(key) != text:
                self._having.setdefault((product_key, key, text), {})[name] = None
        if fresh:
            self._tags.setdefault(product_key, {})[name] = fresh
        elif known:
            del self._tags[product_key][name]

    def _drop(self, place: tuple[str, str, str], name: str) -> None:
        names = self._having[place]
        del names[name]
        if not names:
            del self._having[place]

    def of_product(self, product_key: str) -> Mapping[str, Tags]:
        """Tags by device name, of those that have any."""
        return self._tags.get(product_key, {})

    def find(self, product_key: str, wanted: Tags) -> Sequence[str]:
        """Names of a product's devices that have all of these tags, at least one."""
        sets = [self._having.get((product_key, key, text), {}) for key, text in wanted.items()]
        fewest = min(sets, key=len)
        others = [names for names in sets if names is not fewest]
        return [name for name in fewest if all(name in names for names in others)] if others else list(fewest)

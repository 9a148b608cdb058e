"""A consumer group, and what a product's messages are subscribed to, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..registry.accounts import Account

__all__ = ["DEFAULT_GROUP", "ConsumerGroupDefinition", "SubscribeRelation", "default_key"]

#: The group that every account has.
DEFAULT_GROUP = "DEFAULT_GROUP"


@dataclass(frozen=True, slots=True)
class ConsumerGroupDefinition:
    """`key` names its queue: its id, but for the default groups of accounts that see some products only.

    `owner` is the name of the account that made it, '' for those of the registry file and the default group of all that
    see everything. `products` are what a group of the registry file is about; an account sees it that sees all of them.
    """

    key: str
    id: str
    name: str
    owner: str
    created_ms: int
    products: frozenset[str] | None = None

    def is_visible_to(self, account: Account) -> bool:
        """Whether it exists for this account."""
        if account.products is None or (self.owner and self.owner == account.name):
            return True
        return bool(self.products) and self.products <= account.products if self.products is not None else False

    def dump(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "products": sorted(self.products) if self.products is not None else None}

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> ConsumerGroupDefinition:
        """From what `dump` made."""
        products = values["products"]
        return cls(**{**values, "products": frozenset(products) if products is not None else None})


@dataclass(frozen=True, slots=True)
class SubscribeRelation:
    """The messages of a product of these kinds (`forwarded.kinds.KINDS`) go to each of these groups, by their keys."""

    product_key: str
    owner: str
    kinds: frozenset[str]
    groups: tuple[str, ...]

    def dump(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "kinds": sorted(self.kinds), "groups": list(self.groups)}

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> SubscribeRelation:
        """From what `dump` made."""
        return cls(**{**values, "kinds": frozenset(values["kinds"]), "groups": tuple(values["groups"])})


def default_key(account: Account) -> str:
    """The queue of an account's default group: one for all that see everything, else one of its own."""
    return DEFAULT_GROUP if account.products is None else f"{DEFAULT_GROUP}@{account.name}"

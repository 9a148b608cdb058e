"""What the platform notes about a product beside its name and thing model: what its maker said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

__all__ = ["DEFAULT_TOPICS", "Operation", "ProductRecord", "ProductTopic"]

#: What a device may do on topics of a class: publish, subscribe, both.
Operation = Literal["PUB", "SUB", "ALL"]


@dataclass(frozen=True, slots=True)
class ProductTopic:
    """A class of topics `/{product key}/{device name}/user/{name}`; `id` is unique among all products."""

    id: int
    name: str
    operation: Operation
    description: str = ""


#: What every product has from the beginning: number, name and operation.
DEFAULT_TOPICS: tuple[tuple[str, Operation], ...] = (("update", "PUB"), ("update/error", "PUB"), ("get", "SUB"))


@dataclass(frozen=True, slots=True)
class ProductRecord:
    """`created_ms` is UTC ms, 0 where nobody noted it; `owner` is the account that made it, '' for the operator.

    `topics` None: nobody has defined any, and devices may use all below `user/`.
    """

    description: str = ""
    created_ms: int = 0
    owner: str = ""
    #: What the platform takes down and does nothing with: how its devices are connected, which category it is of.
    net_type: str = ""
    protocol_type: str = ""
    category_key: str = ""
    #: Devices speak bytes of their own, whether or not there is a script that reads them.
    is_raw: bool = False
    topics: tuple[ProductTopic, ...] | None = None

    def dump(self) -> dict[str, Any]:
        """As JSON values: what is not as at the beginning."""
        return {name: value for name, value in asdict(self).items() if value != getattr(_EMPTY, name)}

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> ProductRecord:
        """From what `dump` gave, perhaps of another version: what is unknown is left out."""
        known = {field.name for field in fields(cls)}
        found = {name: value for name, value in values.items() if name in known}
        if found.get("topics") is not None:
            found["topics"] = tuple(ProductTopic(**topic) for topic in found["topics"])
        return cls(**found)


_EMPTY = ProductRecord()

"""Devices that are registered together, under an id that their names were checked under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

__all__ = ["Batch", "BatchStatus"]

BatchStatus = Literal["CHECK_SUCCESS", "CREATE", "CREATE_SUCCESS"]


@dataclass(frozen=True, slots=True)
class Batch:
    """`refused` are names that were taken by the time that they were to be registered."""

    id: int
    product_key: str
    owner: str
    created_ms: int
    names: Sequence[str]
    nicknames: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    status: BatchStatus = "CHECK_SUCCESS"
    refused: Sequence[str] = ()

    def dump(self) -> dict[str, Any] | None:
        """As JSON values; None where there is nothing to keep."""
        if not self.names:
            return None
        return {
            "id": self.id,
            "owner": self.owner,
            "created_ms": self.created_ms,
            "names": list(self.names),
            "nicknames": dict(self.nicknames),
            "status": self.status,
            "refused": list(self.refused),
        }

    @classmethod
    def load(cls, product_key: str, values: Mapping[str, Any]) -> Batch:
        """The way back."""
        return cls(product_key=product_key, **values)

"""What is said of a group of devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["DeviceGroup"]


@dataclass(frozen=True, slots=True)
class DeviceGroup:
    """`owner` is the name of the account that made it, `super_id` the group that it is in, or ''."""

    id: str
    name: str
    owner: str
    created_ms: int
    description: str = ""
    super_id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def dump(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

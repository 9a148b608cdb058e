"""A job: which devices are to run a firmware, and how that goes about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

__all__ = ["State", "Target", "UpgradeJob"]

#: COMPLETED is never kept: it is what comes of tasks that are all over.
State = Literal["PLANNED", "IN_PROGRESS", "COMPLETED", "CANCELED"]
Target = Literal["ALL", "SPECIFIC", "GRAY", "GROUP"]


@dataclass(frozen=True, slots=True)
class UpgradeJob:
    """Times in UTC ms, 0 for none; `sources` empty for any version; `names` are SPECIFIC's devices.

    A static job is for the devices that fit when it begins, a dynamic one for those that report a source version later,
    too (with `dynamic_mode` 2: for those alone). Until its tasks are all made, a job is not `spread`.
    """

    id: str
    product_key: str
    firmware_id: str
    target: Target = "ALL"
    is_dynamic: bool = False
    is_verification: bool = False
    sources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    group_id: str = ""
    gray_percent: str = ""
    scheduled_ms: int = 0
    finish_ms: int = 0
    per_minute: int = 0
    overwrites: bool = False
    push: bool = True
    confirm: bool = False
    timeout_minutes: int = 0
    retry_minutes: int = -1
    retries: int = 0
    dynamic_mode: int = 1
    protocol: str = "HTTPS"
    tags: Mapping[str, str] = field(default_factory=dict)
    created_ms: int = 0
    started_ms: int = 0
    modified_ms: int = 0
    state: State = "IN_PROGRESS"
    spread: bool = False

    def dump(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> UpgradeJob:
        """From what `dump` gave, perhaps of another version: what is unknown is left out."""
        known = {one.name: values[one.name] for one in fields(cls) if one.name in values}
        return cls(**{**known, "sources": tuple(known["sources"]), "names": tuple(known["names"])})

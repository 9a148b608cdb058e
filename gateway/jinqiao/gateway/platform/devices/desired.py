"""Desired properties: what the cloud wants a device's properties to be, each value with a version of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

__all__ = ["Desired", "DesiredProperties", "VersionConflict"]


class Desired(NamedTuple):
    """One desired value; `time_ms` is UTC."""

    value: Any
    version: int
    time_ms: int


class VersionConflict(Exception):
    """Somebody else has set the property meanwhile."""

    def __init__(self, identifier: str, stored: int) -> None:
        super().__init__(f"{identifier}: the stored version is {stored}")
        self.identifier = identifier


@dataclass(slots=True)
class DesiredProperties:
    """Values by identifier. Versions count from 1 and go on counting after a value is deleted."""

    entries: dict[str, Desired] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    def set(self, values: Mapping[str, Any], versions: Mapping[str, int] | None, now_ms: int) -> dict[str, int]:
        """Want these values; returns their new versions. Raises VersionConflict, and then nothing has changed."""
        for identifier, expected in (versions or {}).items():
            stored = self.versions.get(identifier, 0)
            if identifier in values and expected != stored:
                raise VersionConflict(identifier, stored)
        for identifier, value in values.items():
            version = self.versions[identifier] = self.versions.get(identifier, 0) + 1
            self.entries[identifier] = Desired(value, version, now_ms)
        return {identifier: self.versions[identifier] for identifier in values}

    def delete(self, identifier: str, version: int | None = None) -> bool:
        """Want it no longer; with a version only if that is the stored one. Whether it was there and is gone."""
        entry = self.entries.get(identifier)
        if entry is None or (version is not None and version != entry.version):
            return False
        del self.entries[identifier]
        return True

    def dump(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"entries": {name: list(entry) for name, entry in self.entries.items()}, "versions": dict(self.versions)}

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> DesiredProperties:
        entries = {name: Desired(*entry) for name, entry in values.get("entries", {}).items()}
        return cls(entries, dict(values.get("versions", {})))

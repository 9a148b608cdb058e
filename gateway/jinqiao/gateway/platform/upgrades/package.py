"""What is known of a firmware beside the image itself, and of the modules that a product's firmware is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..devices.ota import Firmware

__all__ = ["Module", "Package"]


@dataclass(frozen=True, slots=True)
class Package:
    """An update package of a product. Times in UTC ms. Where it `needs_verification`, a job on few devices
    (`verify_job`) has to succeed before others may begin. A difference is for devices that run `source_version`."""

    id: str
    product_key: str
    firmware: Firmware
    name: str = ""
    description: str = ""
    source_version: str = ""
    created_ms: int = 0
    modified_ms: int = 0
    needs_verification: bool = False
    verify_job: str = ""

    def dump(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def load(cls, product_key: str, package_id: str, values: Mapping[str, Any]) -> Package:
        """From what `dump` gave, or from a mere firmware, which is what was kept once."""
        if "firmware" not in values:
            return cls(package_id, product_key, Firmware(**values))
        return cls(**{**values, "firmware": Firmware(**values["firmware"])})


@dataclass(frozen=True, slots=True)
class Module:
    """A part of a product's devices with a version of its own. Times in UTC ms."""

    product_key: str
    name: str
    alias: str = ""
    description: str = ""
    created_ms: int = 0
    modified_ms: int = 0

    def dump(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

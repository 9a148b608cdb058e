"""A product's remote configuration: one file, which its devices get by `thing.config.get` or are pushed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

__all__ = ["RemoteConfig"]


@dataclass(slots=True)
class RemoteConfig:
    """A product's configuration; without content there is none (6710), switched off nobody gets it (6713)."""

    enabled: bool = True
    content: bytes | None = None
    path: str = ""

    @property
    def id(self) -> str:
        return hashlib.sha256(self.content or b"").hexdigest()[:32]

    def data(self, base_url: str) -> dict[str, Any]:
        """As it is sent to a device."""
        content = self.content or b""
        return {
            "configId": self.id,
            "configSize": len(content),
            "sign": hashlib.sha256(content).hexdigest(),
            "signMethod": "Sha256",
            "url": base_url + self.path,
            "getType": "file",
        }

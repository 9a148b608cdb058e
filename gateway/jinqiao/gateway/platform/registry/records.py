"""What the platform notes about a device beside its name and secret, and the id under which its cloud side knows it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .registry import Device, Registry

__all__ = ["DeviceRecord", "IotIds", "iot_id"]

#: Characters of the platform's `iotId`: 20 of them are the device's, the rest are the same everywhere.
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_OWN, _COMMON = 20, "000100"


@dataclass(slots=True)
class DeviceRecord:
    """Times in UTC ms, 0 for never."""

    nickname: str = ""
    created_ms: int = 0
    activated_ms: int = 0
    online_ms: int = 0
    address: str = ""
    disabled: bool = False
    #: Password of a device registered without pre-registration (`authType=connwl`), which has no secret of its own.
    token: str = ""

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> DeviceRecord:
        """From what `dump` gave, perhaps of another version: what is unknown is left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


def iot_id(product_key: str, device_name: str) -> str:
    """The device's id on the cloud side: always the same for the same device, and it tells nothing."""
    number = int.from_bytes(hashlib.sha256(f"{product_key}\0{device_name}".encode()).digest()[:16])
    digits = []
    for _ in range(_OWN):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(digits) + _COMMON


class IotIds:
    """From an id back to its device. The ids are worked out when the first one is asked for, and again after a miss."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._names: dict[str, tuple[str, str]] = {}
        self._counted = -1

    def find(self, wanted: str) -> Device | None:
        known = self._names.get(wanted)
        if known is None and (count := self._count()) != self._counted:
            self._counted = count
            self._names = {iot_id(*names): names for names in self._all()}
            known = self._names.get(wanted)
        return self._registry.device(*known) if known is not None else None

    def _count(self) -> int:
        return sum(len(product.devices) for product in self._registry.products.values())

    def _all(self) -> Iterable[tuple[str, str]]:
        for product in self._registry.products.values():
            for name in product.devices:
                yield product.key, name

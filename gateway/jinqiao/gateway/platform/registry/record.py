"""What the platform notes about a device beside its name and secret, and the id under which its cloud side knows it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

__all__ = ["DeviceRecord", "iot_id"]

#: Characters of the platform's `iotId`: 20 of them are the device's, the rest are the same everywhere.
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_OWN, _COMMON = 20, "000100"


@dataclass(frozen=True, slots=True)
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
    #: Identity of the gateway that had it registered, as one of its sub-devices.
    registered_by: str = ""
    #: Id of the batch that it was registered with, 0 for none.
    batch: int = 0

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> DeviceRecord:
        """From what `dump` gave, perhaps of another version: what is unknown is left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


def iot_id(product_key: str, device_name: str) -> str:
    """The device's id on the cloud side: always the same for the same device, and it reveals nothing."""
    number = int.from_bytes(hashlib.sha256(f"{product_key}\0{device_name}".encode()).digest()[:16])
    digits = []
    for _ in range(_OWN):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(digits) + _COMMON

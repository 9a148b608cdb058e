"""The devices of a product: names and secrets, listed one by one or made for a simulated fleet.

A simulated fleet of 100,000 keeps 17 bytes a device: its sorted names. Secrets are derived from one fleet secret when
somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jinqiao.wire.alink.signature import fleet_device_secret

__all__ = ["Devices", "FleetDevices", "ListedDevices"]


class Devices(Protocol):
    """Names of one product's devices, and their secrets."""

    #: Whether the house's own simulator speaks for these devices.
    simulated: bool
    #: Software versions by OTA module that every device runs until it informs of another one.
    factory_versions: Mapping[str, str]

    def secret(self, device_name: str) -> str | None:
        """The device's secret, or None when there is no such device."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[str]: ...


class ListedDevices:
    """Devices of a registry file, and those registered since."""

    simulated = False

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self.factory_versions: Mapping[str, str] = {}
        self._secrets = dict(secrets)

    def secret(self, device_name: str) -> str | None:
        return self._secrets.get(device_name)

    def add(self, device_name: str, secret: str) -> None:
        """Register a device, or give a known one this secret."""
        self._secrets[device_name] = secret

    def remove(self, device_name: str) -> bool:
        """Forget a device; whether there was one."""
        return self._secrets.pop(device_name, None) is not None

    def __len__(self) -> int:
        return len(self._secrets)

    def __iter__(self) -> Iterator[str]:
        return iter(self._secrets)


class FleetDevices:
    """Devices of a simulated fleet: `names` is an array of bytes, shape (n,), such as the fleet's VINs ('S17').

    All leave the factory with `factory_versions`: 100,000 vehicles need not inform of them one by one.

    Raises ValueError when a name stands twice.
    """

    simulated = True

    def __init__(
        self, names: NDArray[np.bytes_], *, fleet_secret: str, factory_versions: Mapping[str, str] | None = None
    ) -> None:
        self.factory_versions: Mapping[str, str] = dict(factory_versions or {})
        self._names: NDArray[Any] = np.sort(names)
        if len(self._names) > 1 and bool(np.any(self._names[1:] == self._names[:-1])):
            raise ValueError("a device name stands twice in the fleet")
        self._fleet_secret = fleet_secret

    def secret(self, device_name: str) -> str | None:
        """32 hex digits, as the platform's secrets have."""
        if device_name not in self:
            return None
        return fleet_device_secret(self._fleet_secret, device_name)

    def __contains__(self, device_name: str) -> bool:
        # A longer needle would make NumPy widen (copy) the whole array; a NUL would be cut off as padding.
        if not 0 < len(device_name) <= self._names.itemsize or not device_name.isascii() or "\0" in device_name:
            return False
        row = int(np.searchsorted(self._names, np.bytes_(device_name, "ascii").astype(self._names.dtype)))
        return row < len(self._names) and bool(self._names[row] == device_name.encode())

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return (name.decode() for name in self._names.tolist())

"""The devices of a product: names and secrets, listed one by one (those of a simulated fleet: `fleet_devices`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Protocol

from .about import NOTHING, About

__all__ = ["Devices", "ListedDevices"]


class Devices(Protocol):
    """Names of one product's devices, and their secrets."""

    #: Whether the house's own simulator speaks for these devices.
    simulated: bool
    #: Software versions by OTA module that every device runs until it informs of another one.
    factory_versions: Mapping[str, str]
    #: How many were ever added; it only grows.
    added: int

    def newest(self, count: int) -> Iterable[str]:
        """At least the last `count` that were added and are there still."""

    def secret(self, device_name: str) -> str | None:
        """The device's secret, or None when there is no such device."""

    def about(self, device_name: str) -> About:
        """What is known of it from the factory."""

    def some(self, first: int, count: int) -> list[str]:
        """Names from this one on, in the order in which they are iterated."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[str]: ...


class ListedDevices:
    """Devices of a registry file, and those registered since."""

    simulated = False

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self.factory_versions: Mapping[str, str] = {}
        self._secrets = dict(secrets)
        self.added = len(self._secrets)

    def newest(self, count: int) -> Iterable[str]:
        return islice(reversed(self._secrets), count)

    def secret(self, device_name: str) -> str | None:
        return self._secrets.get(device_name)

    def about(self, device_name: str) -> About:  # noqa: ARG002  (nothing is known of any)
        return NOTHING

    def some(self, first: int, count: int) -> list[str]:
        return list(islice(self._secrets, first, first + count))

    def add(self, device_name: str, secret: str) -> None:
        """Register a device, or give a known one this secret."""
        self.added += device_name not in self._secrets
        self._secrets[device_name] = secret

    def remove(self, device_name: str) -> bool:
        """Forget a device; whether there was one."""
        return self._secrets.pop(device_name, None) is not None

    def __len__(self) -> int:
        return len(self._secrets)

    def __iter__(self) -> Iterator[str]:
        return iter(self._secrets)

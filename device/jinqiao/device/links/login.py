"""Connections of single vehicles: each logs in with its own device credentials, as a real T-Box does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.wire.alink.signature import client_content, sign
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Connect

from .fleet import KEEP_ALIVE_S, Address, FleetLinks, OnMessage, OnOnline

__all__ = ["VehicleLinks", "device_login"]


def device_login(product_key: str, device_name: str, secret: str, *, pushed: bool = False) -> bytes:
    """CONNECT with a device's credentials, signed as the platform asks (no timestamp: it is optional).

    `pushed` asks the platform for its downlinks without SUBSCRIBE (`_ss=1`), remote calls on their own topics too.
    """
    client_id = f"{product_key}.{device_name}"
    password = sign("hmacsha256", secret, client_content(client_id, device_name, product_key))
    about = f"{client_id}|securemode=3,signmethod=hmacsha256{',_ss=1,ext=1' if pushed else ''}|"
    return encode(Connect(about, True, KEEP_ALIVE_S, f"{device_name}&{product_key}", password.encode()))


class VehicleLinks:
    """The connections of all vehicles that have one. Rows are fleet rows, `names` their devices, shape (n,)."""

    def __init__(
        self,
        address: Address,
        product_key: str,
        names: NDArray[np.bytes_],
        secret: Callable[[str], str | None],
        *,
        on_message: OnMessage | None = None,
        on_online: OnOnline | None = None,
    ) -> None:
        self._product_key, self._names, self._secret = product_key, names, secret
        self._pushed = on_message is not None
        self._owned = np.zeros(len(names), bool)
        self._links = FleetLinks(address, self._login, on_message=on_message, on_online=on_online)

    def __len__(self) -> int:
        return len(self._links)

    def owns(self, vehicles: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of these vehicles have a connection of their own, shape (m,)."""
        return self._owned[vehicles]

    @property
    def online(self) -> int:
        return self._links.online

    def is_online(self, row: int) -> bool:
        """Whether this vehicle's own connection is there now."""
        return self._links.is_online(row)

    async def connect(self, rows: Iterable[int], stop: asyncio.Event) -> None:
        """Log these vehicles in and wait for all answers; raises EnvironmentFault when none gets in."""
        wanted = np.fromiter(rows, np.int32)
        self._owned[wanted] = True
        await self._links.connect(wanted.tolist(), stop)

    def send(self, row: int, packet: bytes, qos: int = 0) -> bool:
        """Publish one ready QoS 0 packet on the vehicle's own connection; false when it cannot go."""
        return self._links.send(row, packet, qos)

    async def flush(self) -> None:
        """Return when what was sent has been routed, and what was sent to the vehicles before has come."""
        await self._links.flush()

    async def cut(self, rows: NDArray[np.integer[Any]]) -> None:
        """Those of these vehicles that have a connection lose it, without goodbye, until `restore`."""
        await self._links.cut(rows[self._owned[rows]].tolist())

    async def restore(self, rows: NDArray[np.integer[Any]]) -> None:
        """They log in again; returns when they have."""
        await self._links.restore(rows[self._owned[rows]].tolist())

    async def close(self) -> None:
        """Say goodbye and close."""
        await self._links.close()

    def _login(self, row: int) -> bytes:
        name = self._names[row].decode()
        secret = self._secret(name)
        assert secret is not None, name
        return device_login(self._product_key, name, secret, pushed=self._pushed)

"""Connections of single vehicles: each logs in with its own device credentials, as a real T-Box does.

One `asyncio.Protocol` object per vehicle and no task; one task keeps all of them alive and brings lost ones back.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import EnvironmentFault, ProtocolError
from jinqiao.gateway.mqtt.decoding import decode
from jinqiao.gateway.mqtt.encoding import encode
from jinqiao.gateway.mqtt.fields import frame
from jinqiao.gateway.mqtt.packets import Connack, Connect, PacketType, Signal
from jinqiao.gateway.platform.devices import FleetDevices
from jinqiao.gateway.platform.signature import client_content, sign

__all__ = ["VehicleLinks"]

KEEP_ALIVE_S = 300  # the platform allows 30 to 1200 and advises more than 300 for fleets behind a mobile network
_STORM_PER_S = 1000  # logins begun per second at the start
_RETRY_FIRST_S, _RETRY_LAST_S = 1.0, 60.0
_START_TIMEOUT_S = 60.0
_BUFFER = 256 * 1024  # a vehicle whose socket is stuck drops its posts beyond this
_PING = encode(Signal(PacketType.PINGREQ))


class VehicleLink(asyncio.Protocol):
    """One vehicle's connection: logs in, takes packets, and remembers when it was lost."""

    __slots__ = ("_first", "_login", "_rest", "_transport", "failures", "lost_at", "online")

    def __init__(self, login: bytes, first: asyncio.Future[bool] | None) -> None:
        self._login = login
        self._first = first
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self.online = False
        self.lost_at = 0.0
        self.failures = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._login)

    def data_received(self, data: bytes) -> None:
        self._rest += data
        try:
            while self._rest and (edges := frame(self._rest, 0)) is not None and edges[1] <= len(self._rest):
                packet = decode(self._rest[0], self._rest[edges[0] : edges[1]])
                self._rest = self._rest[edges[1] :]
                if isinstance(packet, Connack):
                    self.online = packet.code == 0
                    self.failures = 0 if self.online else self.failures
                    self._tell(self.online)
        except ProtocolError:
            self.close()

    def connection_lost(self, _: Exception | None) -> None:
        self.online = False
        self._transport = None
        self.failures += 1
        self.lost_at = time.perf_counter()
        self._tell(False)

    def _tell(self, online: bool) -> None:
        if self._first is not None and not self._first.done():
            self._first.set_result(online)

    def send(self, packet: bytes) -> bool:
        """Write one packet; False while offline or when the socket is stuck."""
        transport = self._transport
        if not self.online or transport is None or transport.get_write_buffer_size() > _BUFFER:
            return False
        transport.write(packet)
        return True

    def ready_again(self, now: float) -> bool:
        """Whether a lost link has waited long enough: doubling pauses, spread so that not all return at once."""
        if self._transport is not None:
            return False
        pause = min(_RETRY_FIRST_S * 2.0 ** min(self.failures - 1, 10), _RETRY_LAST_S)
        return now - self.lost_at > pause * random.uniform(0.5, 1.0)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class VehicleLinks:
    """The connections of all vehicles that have one. Rows are fleet rows."""

    def __init__(self, host: str, port: int, product_key: str, names: NDArray[np.bytes_], fleet_secret: str) -> None:
        self._host, self._port, self._product_key = host, port, product_key
        self._names, self._devices = names, FleetDevices(names, fleet_secret=fleet_secret)
        self._links: dict[int, VehicleLink] = {}
        self._owned = np.zeros(len(names), bool)
        self._care: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._links)

    def owns(self, vehicles: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of these vehicles have a connection of their own, shape (m,)."""
        return self._owned[vehicles]

    def online(self) -> int:
        return sum(link.online for link in self._links.values())

    async def connect(self, rows: Iterable[int], stop: asyncio.Event) -> None:
        """Log these vehicles in and wait for all answers; raises EnvironmentFault when none gets in."""
        loop = asyncio.get_running_loop()
        began, answers = time.perf_counter(), []
        for number, row in enumerate(rows):
            ahead_s = number / _STORM_PER_S - (time.perf_counter() - began)
            if ahead_s > 0:
                await asyncio.sleep(ahead_s)
            if stop.is_set():
                return
            first: asyncio.Future[bool] = loop.create_future()
            answers.append(first)
            await self._open(row, VehicleLink(self._login(row), first))
        done, _ = await asyncio.wait(answers, timeout=_START_TIMEOUT_S)
        if not any(answer.result() for answer in done):
            raise EnvironmentFault(f"none of {len(answers)} vehicles could log in at {self._host}:{self._port}")
        if self._care is None:
            self._care = asyncio.create_task(self._look_after())

    def send(self, row: int, packet: bytes) -> bool:
        """Publish one ready packet on the vehicle's own connection; False when it is offline."""
        return self._links[row].send(packet)

    async def close(self) -> None:
        if self._care is not None:
            self._care.cancel()
        for link in self._links.values():
            link.close()
        await asyncio.sleep(0)

    def _login(self, row: int) -> bytes:
        """CONNECT with the device's own credentials, signed as the platform asks (no timestamp: it is optional)."""
        name = self._names[row].decode()
        secret = self._devices.secret(name)
        assert secret is not None
        client_id = f"{self._product_key}.{name}"
        password = sign("hmacsha256", secret, client_content(client_id, name, self._product_key))
        told = f"{client_id}|securemode=3,signmethod=hmacsha256|"
        return encode(Connect(told, True, KEEP_ALIVE_S, f"{name}&{self._product_key}", password.encode()))

    async def _open(self, row: int, link: VehicleLink) -> None:
        self._links[row] = link
        self._owned[row] = True
        try:
            await asyncio.get_running_loop().create_connection(lambda: link, self._host, self._port)
        except OSError:
            link.connection_lost(None)

    async def _look_after(self) -> None:
        """Ping every link in time, and bring back the lost ones."""
        pinged = time.perf_counter()
        while True:
            await asyncio.sleep(0.5)
            now = time.perf_counter()
            if now - pinged > KEEP_ALIVE_S / 2:
                pinged = now
                for link in self._links.values():
                    link.send(_PING)
            for row, link in list(self._links.items()):
                if link.ready_again(now):
                    await self._open(row, link)

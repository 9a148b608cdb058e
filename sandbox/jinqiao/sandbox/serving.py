"""What `jinqiao serve` puts together: broker, platform, cloud side over HTTP, and the data folder."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.mqtt.policy import Downlink
from jinqiao.gateway.mqtt.server import Server
from jinqiao.gateway.platform import persistence
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry import Registry, load_registry
from jinqiao.gateway.platform.storage import Row, Storage

from .system import OTHER_PORT

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["House", "Ports", "known_registry", "open_storage", "ready_line"]

_logger = logging.getLogger(__name__)

#: Seconds between looks at what is not kept at once: the device log, last values, changes by the command line.
_ROUND_S = 0.5
#: Devices whose last values are kept in one round.
_PER_ROUND = 500


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to listen; None: not at all, 0: any free port."""

    host: str
    mqtt: int
    http: int | None = None


def open_storage(data: Path | None) -> Storage | None:
    """The file of a data folder, if there is to be one."""
    return Storage(data) if data is not None else None


def known_registry(file: Path | None, storage: Storage | None) -> Registry:
    """What is known at the start: the registry file's, the folder's, or both."""
    read = load_registry(file) if file is not None else None
    if storage is None:
        return read if read is not None else Registry()
    return persistence.seed(storage, read) if read is not None else persistence.load_kept(storage)


class House:
    """Broker, platform and what is behind them, from start to close."""

    def __init__(self, registry: Registry, storage: Storage | None) -> None:
        self.platform = Platform(registry, clock_ms=lambda: time.time_ns() // 1_000_000)
        self.server = Server(self.platform)
        self.http_port: int | None = None
        self._storage = storage
        self._logged = 0
        self._rounds: asyncio.Task[None] | None = None
        self._open = AsyncExitStack()
        if storage is not None:
            persistence.attach(self.platform, storage)
        self.platform.send = self._publish
        self.platform.deliver = lambda identity, downlink: self.server.deliver(identity, downlink)
        self.platform.close_session = self.server.end
        self.platform.reconsider = self.server.reconsider

    async def start(self, ports: Ports) -> None:
        """Listen; raises EnvironmentFault if an address cannot be had."""
        try:
            await self.server.start(ports.host, ports.mqtt)
        except EnvironmentFault as fault:
            raise EnvironmentFault(f"{fault}\n  {OTHER_PORT}") from fault
        self._open.push_async_callback(self.server.close)
        if ports.http is not None:
            await self._start_http(ports.host, ports.http)
        if self._storage is not None:
            self._rounds = asyncio.create_task(self._go_round(self._storage))

    async def close(self) -> None:
        """End all connections and keep what is left."""
        await self._open.aclose()
        if self._rounds is not None:
            self._rounds.cancel()
            await asyncio.gather(self._rounds, return_exceptions=True)
        if self._storage is not None:
            while self.platform.fresh_properties:
                self._keep_lazily(self._storage)
            self._keep_lazily(self._storage)
            self._storage.close()

    async def _start_http(self, host: str, port: int) -> None:
        from jinqiao.gateway.http.port import HttpPort

        try:
            listening = HttpPort(host, port)
        except EnvironmentFault as fault:
            raise EnvironmentFault(f"{fault}\n  {OTHER_PORT.replace('mqtt', 'http')}") from fault
        self._open.push_async_callback(listening.close)
        self.http_port = listening.port
        address = f"[{host}]" if ":" in host else host
        self.platform.base_url = f"http://{address}:{listening.port}"
        mqtt_address = (host, self.server.port)

        def make() -> Starlette:
            from starlette.applications import Starlette

            from jinqiao.gateway.cloud.app import routes
            from jinqiao.gateway.cloud.cloud import Cloud

            return Starlette(routes=routes(Cloud(self.platform, mqtt_address=mqtt_address)))

        listening.serve(make)

    def _publish(self, downlink: Downlink) -> None:
        self.server.publish(downlink.topic, downlink.payload, downlink.qos)

    async def _go_round(self, storage: Storage) -> None:
        while True:
            await asyncio.sleep(_ROUND_S)
            try:
                self._keep_lazily(storage)
                if storage.changed_elsewhere():
                    persistence.refresh(self.platform, storage)
            except EnvironmentFault as fault:
                _logger.error("%s", fault)

    def _keep_lazily(self, storage: Storage) -> None:
        """Keep what nobody was told is kept: the device log, and last values of properties."""
        log = self.platform.log
        fresh = min(log.total - self._logged, len(log))
        if fresh:
            storage.write_log(list(log)[-fresh:])
            self._logged = log.total
        changed = self.platform.fresh_properties
        rows: list[Row] = []
        while changed and len(rows) < _PER_ROUND:
            product_key, _, device_name = changed.pop().partition("/")
            value = self.platform.state(product_key, device_name).dump_of("properties")
            rows.append(Row("properties", product_key, device_name, value))
        if rows:
            storage.keep_all(rows)


def ready_line(house: House, ports: Ports) -> str:
    """The JSON line that tells a program where the house listens."""
    told: dict[str, str | int] = {"mqtt_host": ports.host, "mqtt_port": house.server.port}
    if house.http_port is not None:
        told["http_port"] = house.http_port
    return json.dumps({"ready": told})

"""What `jinqiao serve` puts together: broker, platform, cloud side over HTTP, and the data folder."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.gbt32960.listener import Listener
from jinqiao.gateway.history.history import History
from jinqiao.gateway.platform.platform import Platform, RatesOf
from jinqiao.gateway.platform.registry.file import load_registry
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.gateway.storage import persistence
from jinqiao.gateway.storage.sqlite import Row, Storage
from jinqiao.wire.gbt32960.frame import USUAL_PORT

from .gateway import Gateway, Ports
from .system import other_port

__all__ = ["House", "known_registry", "open_history", "open_storage"]

_logger = logging.getLogger(__name__)

#: Seconds between looks at what is not kept at once: the device log, last values, changes by the command line.
_ROUND_S = 0.5
#: Devices whose last values are kept in one round.
_PER_ROUND = 500


def open_storage(data: Path | None) -> Storage | None:
    """The file of a data folder, if there is to be one."""
    return Storage(data) if data is not None else None


def known_registry(file: Path | None, storage: Storage | None) -> Registry:
    """What is known at the start: the registry file's, the folder's, or both."""
    read = load_registry(file) if file is not None else None
    if storage is None:
        return read if read is not None else Registry()
    return persistence.seed(storage, read) if read is not None else persistence.load_kept(storage)


def open_history(data: Path | None, days: float) -> History | None:
    """The past in a data folder: kept where there is one, days are to be kept, and the libraries for it are there."""
    if data is None or not days:
        return None
    try:
        return History(data / "history", days=days)
    except InputError as error:
        _logger.warning("%s; only last values are known", error)
        return None


class House:
    """The gateway and the data folder behind it, from start to close."""

    def __init__(
        self,
        registry: Registry,
        storage: Storage | None,
        *,
        limits: Limits | None = None,
        rates: RatesOf = "all",
        cut_off: bool = False,
        history: History | None = None,
    ) -> None:
        self.platform = Platform(registry, clock_ms=_now_ms, rates=rates, cut_off=cut_off)
        if storage is not None:
            persistence.attach(self.platform, storage)
        if history is not None:
            self.platform.history = history
        self._history = history
        self.gateway = Gateway(self.platform, limits)
        self._storage = storage
        self._logged = 0
        self._rounds: asyncio.Task[None] | None = None
        self.gbt32960: Listener | None = None

    async def start(self, ports: Ports, gbt32960_port: int | None = None) -> dict[str, int]:
        """Listen; returns the ports by name. Raises EnvironmentFault if an address cannot be had.

        Without `gbt32960_port` the usual port is taken if nobody else has it.
        """
        taken = await self.gateway.start(ports)
        try:
            taken |= await self._start_gbt32960(ports.host, gbt32960_port)
        except EnvironmentFault:
            await self.gateway.close()
            raise
        if self._storage is not None:
            self._rounds = asyncio.create_task(self._go_round(self._storage))
        return taken

    async def _start_gbt32960(self, host: str, port: int | None) -> dict[str, int]:
        listener = Listener(self.platform)
        try:
            found = await listener.start(host, USUAL_PORT if port is None else port)
        except EnvironmentFault as fault:
            if port is None:  # nobody asked for it
                _logger.info("GB/T 32960: %s", fault)
                return {}
            raise EnvironmentFault(f"{fault}\n  {other_port('--gbt32960-port')}") from fault
        self.gbt32960 = listener
        return {"gbt32960_port": found}

    async def close(self) -> None:
        """End all connections and keep what is left."""
        if self.gbt32960 is not None:
            await self.gbt32960.close()
        await self.gateway.close()
        if self._rounds is not None:
            self._rounds.cancel()
            await asyncio.gather(self._rounds, return_exceptions=True)
        if self._history is not None:
            await asyncio.to_thread(self._history.close)
        if self._storage is not None:
            while self.platform.fresh_properties:
                self._keep_lazily(self._storage)
            self._keep_lazily(self._storage)
            self._storage.close()

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


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

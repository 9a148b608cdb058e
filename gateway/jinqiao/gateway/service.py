"""The platform's end as one thing: the only place that wires broker, platform, storage, history and HTTP together.

`jinqiao serve` and the gateway process of `jinqiao run` are both a `Service`, made from the same `ServiceConfig`; so
whatever listens to the platform or calls it is there in both. The configuration is plain values, because it crosses a
pipe.
"""

from __future__ import annotations

import asyncio
import logging
import time

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import EnvironmentFault, InputError

from .broker.limits import Limits
from .config import FleetConfig, ServiceConfig
from .front import Front
from .history.history import History
from .history.telemetry import TelemetryPast
from .platform.devices.past import NO_HISTORY, Page, Past, Query
from .platform.platform import Platform
from .platform.registry.file import load_registry
from .platform.registry.fleet_devices import simulated_product
from .platform.registry.registry import Application, Product, Registry
from .storage.folder_lock import FolderLock
from .storage.keeper import Keeper, attach
from .storage.online import OnlineKeeper
from .storage.registry import load_kept, seed
from .storage.sqlite import Storage

__all__ = ["Service"]

_logger = logging.getLogger(__name__)

#: Seconds between looks at what is not kept at once: the device log, last values, changes by the command line.
_ROUND_S = 0.5
#: The simulator's latest traffic, in which a cloud call finds a vehicle's last values.
_REMEMBERED_BYTES = 64 << 20


class Service:
    """Everything of the platform's end, from start to close.

    Raises RegistryError or InputError for a registry that cannot be, EnvironmentFault for a folder that cannot.
    """

    def __init__(self, config: ServiceConfig, vehicles: NDArray[np.bytes_] | None = None) -> None:
        self._config = config
        self._storage = Storage(config.data) if config.data is not None else None
        self._lock: FolderLock | None = None
        try:
            self._lock = FolderLock(config.data) if config.data is not None else None
            registry = _registry(config, self._storage, vehicles)
            self._history = _history(config)
            past = _past(config, self._history)
            self.platform = Platform(
                registry,
                clock_ms=_now_ms,
                simulator=config.fleet.simulator if config.fleet is not None else None,
                rates=config.rates,
                cut_off=config.cut_off,
                past=past,
            )
            self._keeper = attach(self.platform, self._storage) if self._storage is not None else None
            self._online = OnlineKeeper(self.platform.events, self._storage) if self._storage is not None else None
        except BaseException:
            self._leave_folder()
            raise
        if self._history is not None:
            self._history.listen(self.platform.events)
        limits = Limits(connections=config.connections, connections_per_address=config.connections_per_address)
        self.front = Front(self.platform, limits)
        if config.fleet is not None:
            self.front.server.remember(_REMEMBERED_BYTES)
        self._rounds: asyncio.Task[None] | None = None

    @property
    def remembers(self) -> bool:
        """Whether there is a data folder, in which devices may still be registered."""
        return self._storage is not None

    async def start(self) -> dict[str, int]:
        """Listen; returns the ports by name. Raises EnvironmentFault if an address cannot be had."""
        taken = await self.front.start(self._config.ports)
        if self._lock is not None:
            self._lock.note(taken)
        if self._keeper is not None and self._online is not None:
            self._rounds = asyncio.create_task(_go_round(self._keeper, self._online))
        return taken

    async def close(self) -> None:
        """End all connections and keep what is left."""
        await self.front.close()
        if self._rounds is not None:
            self._rounds.cancel()
            await asyncio.gather(self._rounds, return_exceptions=True)
        if self._history is not None:
            await asyncio.to_thread(self._history.close)
        if self._online is not None:
            self._online.round()
        if self._keeper is not None:
            self._keeper.close()
        self._leave_folder()

    def _leave_folder(self) -> None:
        if self._storage is not None:
            self._storage.close()
        if self._lock is not None:
            self._lock.release()


class _ByProduct:
    """The past of simulated vehicles is in the run's telemetry, that of all others in the history."""

    def __init__(self, simulated: str, telemetry: Past, others: Past) -> None:
        self._simulated, self._telemetry, self._others = simulated, telemetry, others

    def ask(self, query: Query) -> Page | None:
        past = self._telemetry if query.product_key == self._simulated else self._others
        return past.ask(query)


def _registry(config: ServiceConfig, storage: Storage | None, vehicles: NDArray[np.bytes_] | None) -> Registry:
    """What is known at the start: the registry file's, the folder's, both, and the simulated fleet."""
    kept = (row.product_key for row in storage.rows("product")) if storage is not None else ()
    file = load_registry(config.registry, kept) if config.registry is not None else None
    if storage is None:
        registry = file if file is not None else Registry()
    else:
        registry = seed(storage, file) if file is not None else load_kept(storage)
    registry.anonymous = registry.anonymous or config.anonymous
    if config.fleet is not None:
        _add_fleet(registry, config.fleet, vehicles)
    return registry


def _add_fleet(registry: Registry, fleet: FleetConfig, vehicles: NDArray[np.bytes_] | None) -> None:
    if fleet.product_key in registry.products:
        raise InputError(f"the registry has a product {fleet.product_key!r}, which is that of the simulated vehicles")
    names = vehicles if vehicles is not None else np.zeros(0, dtype="S1")
    registry.products[fleet.product_key] = _product(fleet, names)
    user, password = fleet.application
    known = registry.applications.get(user)
    if known is not None and known.password != password:
        raise InputError(
            f"the registry has an application {user!r} with another password\n"
            "  choose another name with --app-user, or give its password with --app-password"
        )
    seen = known.products | {fleet.product_key} if known is not None and known.products is not None else None
    registry.applications[user] = Application(user, password, seen)


def _product(fleet: FleetConfig, names: NDArray[np.bytes_]) -> Product:
    return simulated_product(
        fleet.product_key,
        names,
        fleet_secret=fleet.fleet_secret,
        factory_versions=fleet.factory_versions,
        cars=fleet.cars,
    )


def _history(config: ServiceConfig) -> History | None:
    """The past in a data folder: kept where there is one, days are to be kept, and the libraries for it are there."""
    if config.data is None or not config.history_days:
        return None
    try:
        return History(config.data / "history", days=config.history_days)
    except InputError as error:
        _logger.warning("%s; only last values are known", error)
        return None


def _past(config: ServiceConfig, history: History | None) -> Past:
    others: Past = history if history is not None else NO_HISTORY
    fleet = config.fleet
    if fleet is None or fleet.telemetry is None:
        return others
    return _ByProduct(fleet.product_key, TelemetryPast(fleet.telemetry), others)


async def _go_round(keeper: Keeper, online: OnlineKeeper) -> None:
    while True:
        await asyncio.sleep(_ROUND_S)
        try:
            keeper.round()
            online.round()
        except EnvironmentFault as fault:
            _logger.error("%s", fault)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

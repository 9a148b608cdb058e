"""The platform's end as one thing: the only place that wires broker, platform, storage, history and HTTP together.

`jinqiao serve` and the gateway process of `jinqiao run` are both a `Service`, made from the same `ServiceConfig`; so
whatever listens to the platform or calls it is there in both. The configuration is plain values, because it crosses a
pipe.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.wire.crossing import VehiclesPresent
from jinqiao.wire.render.said import SaidBatch, SaidPacket

from .broker.delivery.outbox import Outbox
from .broker.limits import Limits
from .broker.policy import Principal
from .broker.router import Route, Router
from .config import FleetConfig, ServiceConfig
from .controlled import Controlled
from .forwarding.clock import Clock
from .forwarding.forwarder import Forwarder
from .forwarding.group import Group
from .forwarding.groups import Groups
from .forwarding.queues import GroupQueues
from .front import Front
from .history.history import History
from .platform.devices.past import NO_HISTORY, Past, Pasts
from .platform.events import SimulatedEvent, TelemetryBatch
from .platform.platform import Platform
from .platform.registry.accounts import Account
from .platform.registry.fleet_devices import FleetDevices, simulated_product
from .platform.registry.registry import Application, Product, Registry
from .rules.engine import Engine
from .rules.judge import EngineJudge
from .simulated.intake import FleetIntake
from .simulated.past import FleetPast
from .storage.folder_lock import FolderLock
from .storage.keeper import Keeper, attach
from .storage.online import OnlineKeeper
from .storage.registry import load_kept, seed
from .storage.sqlite import Storage

__all__ = ["Service", "fleet_intake"]

_logger = logging.getLogger(__name__)

#: Seconds between looks at what is not kept at once: the device log, last values, changes by the command line.
_ROUND_S = 0.5
#: Consumer groups look so often at what was not acknowledged.
_TICK_S = 1.0
#: Where in a data folder messages for consumer groups wait.
_FORWARDING = "forwarding"


class Service:
    """Everything of the platform's end, from start to close.

    Raises RegistryError or InputError for a registry that cannot be, EnvironmentFault for a folder that cannot.
    """

    def __init__(
        self,
        config: ServiceConfig,
        vehicles: NDArray[np.bytes_] | None = None,
        controlled: Controlled | None = None,
    ) -> None:
        self._config = config
        self._storage = Storage(config.data) if config.data is not None else None
        self._lock: FolderLock | None = None
        try:
            self._lock = FolderLock(config.data) if config.data is not None else None
            registry = _registry(config, self._storage, vehicles)
            self._history = _history(config)
            fleet_past = _fleet_past(config, registry)
            #: The queues of consumer groups, for those who forward and those who consume.
            self.groups = _groups(config)
            self.platform = Platform(
                registry,
                clock_ms=_now_ms,
                simulator=config.fleet.simulator if config.fleet is not None else None,
                rates=config.rates,
                cut_off=config.cut_off,
                past=_past(self._history, fleet_past),
                queues=GroupQueues(self.groups),
            )
            self._keeper = attach(self.platform, self._storage) if self._storage is not None else None
            self._online = OnlineKeeper(self.platform.events, self._storage) if self._storage is not None else None
        except BaseException:
            self._leave_folder()
            raise
        for past in (self._history, fleet_past):
            if past is not None:
                past.listen(self.platform.events)
        limits = Limits(connections=config.connections, connections_per_address=config.connections_per_address)
        self.rules = Engine(self.platform, data=config.data)
        self.front = Front(
            self.platform,
            limits,
            groups=self.groups,
            group_of=self._group_of,
            rules=self.rules,
            lenient_clock=config.lenient_clock,
            controlled=controlled,
        )
        if config.fleet is not None and vehicles is not None:
            self.front.server.read_steps(fleet_intake(self.platform, config.fleet.product_key, vehicles))
            self.platform.parts.followed.begin(config.fleet.product_key, everything=config.fleet.followed)
            if config.fleet.lock_step:
                self.front.server.hold_for(config.fleet.lock_step)
        self._forwarder = self._forward(vehicles)
        self.front.server.acknowledge_after(self.groups.keeping)
        self._tasks: list[asyncio.Task[None]] = []

    def _group_of(self, account: Account, group_id: str) -> Group | None:
        """The queue that a consumer with this account's key takes from."""
        found = self.platform.parts.subscriptions.visible(account, group_id)
        return None if found is None else self.groups.group(found.key)

    def _forward(self, vehicles: NDArray[np.bytes_] | None) -> Forwarder:
        """Forward to the consumer groups, of a simulated fleet everything to the default group: the first consumer of
        somebody who tries the sandbox is to see something."""
        forwarder, fleet = Forwarder(self.platform, self.groups), self._config.fleet
        if fleet is not None and vehicles is not None:
            forwarder.add_fleet(self.platform.registry.products[fleet.product_key], vehicles)
            forwarder.subscribe_default(fleet.product_key)
            self.rules.add_fleet(self.platform.registry.products[fleet.product_key], vehicles)
        return forwarder

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
            self._tasks.append(asyncio.create_task(_go_round(self._keeper, self._online)))
        self._tasks.append(asyncio.create_task(_tick(self.groups, self._forwarder, self.rules)))
        return taken

    async def close(self) -> None:
        """End all connections and keep what is left."""
        await self.front.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.rules.close()
        await asyncio.to_thread(self.groups.close)
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


def fleet_intake(
    platform: Platform, product_key: str, vehicles: NDArray[np.bytes_]
) -> Callable[[Router[Outbox]], FleetIntake[Route[Outbox]]]:
    """What reads the steps of a simulator, made of a router: they are announced, then rendered for those who listen.

    `vehicles`, shape (n,), are the names of its product's devices.
    """
    row_of = _fleet_devices(platform.registry, product_key).row
    events, presence = platform.events, platform.parts.presence

    def take(said: SaidBatch) -> None:
        events.emit(TelemetryBatch, product_key, said)

    def take_event(said: SaidPacket) -> None:
        if said.kind == "event_post":
            events.emit(SimulatedEvent, product_key, said.vehicle, said.time_ms, said.data)

    def take_presence(said: VehiclesPresent) -> None:
        rows, time_ms, online, reason = said.vehicles, said.time_ms, said.online, said.reason
        presence.vehicles_changed(product_key, rows, time_ms, online=online, reason=reason)

    def client_of(row: int) -> Principal | None:
        device = platform.registry.device(product_key, vehicles[row].decode())
        return None if device is None else platform.client_of(device)

    return lambda router: FleetIntake(router, product_key, vehicles, row_of, take, take_event, take_presence, client_of)


def _registry(config: ServiceConfig, storage: Storage | None, vehicles: NDArray[np.bytes_] | None) -> Registry:
    """What is known at the start: the registry file's, the folder's, both, and the simulated fleet."""
    kept = (
        (row.product_key for row in storage.rows("product") if "deleted" not in row.value)
        if storage is not None
        else ()
    )
    file = None
    if config.registry is not None:
        from .platform.registry.file import load_registry  # the languages of files: not for a fleet alone

        file = load_registry(config.registry, kept, EngineJudge())
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


def _fleet_past(config: ServiceConfig, registry: Registry) -> FleetPast | None:
    """The past of simulated vehicles, if there are any."""
    if config.fleet is None:
        return None
    key = config.fleet.product_key
    return FleetPast(key, _fleet_devices(registry, key).row)


def _fleet_devices(registry: Registry, product_key: str) -> FleetDevices:
    devices = registry.products[product_key].devices
    assert isinstance(devices, FleetDevices)
    return devices


def _past(history: History | None, fleet_past: FleetPast | None) -> Past:
    others: Past = history if history is not None else NO_HISTORY
    return others if fleet_past is None else Pasts(fleet_past, others)


def _groups(config: ServiceConfig) -> Groups:
    return Groups(Clock.of_loop(_now_ms), folder=config.data / _FORWARDING if config.data is not None else None)


async def _tick(groups: Groups, forwarder: Forwarder, rules: Engine) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        for each in (groups, forwarder, rules):
            try:
                each.tick()
            except Exception:  # redelivery, retention and the rest go on
                _logger.exception("a second's work of %s failed", type(each).__name__)


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

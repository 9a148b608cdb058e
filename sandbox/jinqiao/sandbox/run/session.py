"""A run from start to summary: world → batches → packets → broker, held to the clock, watched, and ended cleanly."""

from __future__ import annotations

import asyncio
import gc
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.telemetry import Batch
from jinqiao.gateway.house import HouseLink
from jinqiao.gateway.links.fleet import Address
from jinqiao.gateway.platform.fleet_devices import FleetDevices
from jinqiao.gateway.platform.ota import DEFAULT_MODULE
from jinqiao.gateway.vehicle_links import VehicleLinks
from jinqiao.simulator.check import Checker, Violation
from jinqiao.simulator.scenario import Scenario, load_scenario
from jinqiao.simulator.software import FACTORY_VERSION
from jinqiao.simulator.world import World

from ..system import process_age_s
from .can_stream import CanStream
from .child import GatewayProcess
from .console import NoTable, View
from .diagnostics import Diagnostics
from .downlinks import Downlinks
from .faults import FaultInjector
from .options import RunOptions
from .outlets import Outlet
from .pace import Pace
from .present import Present
from .publish import Publisher
from .stores import scenario_outlets, telemetry_folder
from .summary import Summary

__all__ = ["HOUSE_USER", "PRODUCT_KEY", "Run"]

PRODUCT_KEY = "a1JinqiaoEV"  # eleven characters, as the platform's product keys have
HOUSE_USER = "jinqiao-simulator"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_STATS_EVERY_S = 0.5
_SHOW_EVERY_S = 0.25

Hook = Callable[["Run"], Awaitable[None]]


class Run:
    """One `jinqiao run`: `go` returns the summary, `fault` says what broke, if anything did."""

    def __init__(self, options: RunOptions) -> None:
        self.options = options
        self.began = time.perf_counter() - process_age_s()
        self.stop = asyncio.Event()
        self.fault: EnvironmentFault | None = None
        self.closing = False
        self.pace = Pace(options.speed)
        self.gateway: GatewayProcess | None = None
        self.scenario: Scenario = load_scenario(options.scenario)
        self.outlets: tuple[Outlet, ...] = (*options.outlets, *scenario_outlets(self.scenario.sinks))
        seed = next((s for s in (options.seed, self.scenario.seed) if s is not None), None)
        self.seed = secrets.randbelow(2**31) if seed is None else seed
        self.world: World | None = None
        self.summary = Summary(self.scenario.name, self.seed, 0)
        self.publisher: Publisher | None = None
        self.can: CanStream | None = None
        self.own: VehicleLinks | None = None
        self.faults: FaultInjector | None = None
        self.checker: Checker | None = None
        self.gateway_stats: dict[str, Any] = {}
        self.house_password = secrets.token_urlsafe(16)
        self.downlinks = Downlinks()

    def view(self) -> View:
        """The run at this moment, for the console."""
        stats = self.gateway_stats
        return View(
            title=f"金桥 {self.scenario.name}",
            speed="max" if self.options.speed is None else f"{self.options.speed:g}×",
            simulated_ms=self.world.time_ms if self.world else self.scenario.start_ms,
            states=self.world.counts() if self.world else {},
            published=self.summary.published,
            sample=self.publisher.sample if self.publisher else None,
            clients=max(stats.get("connections", 1) - 1, 0),  # without our own
            delivered=stats.get("delivered", 0),
            dropped=stats.get("dropped", 0),
        )

    async def go(self, console: NoTable, ready: Hook, settled: Hook | None = None) -> Summary:
        """Run until the scenario, `--for`, Ctrl-C or a fault ends it.

        `ready` is awaited once the ports listen and before the first telemetry, `settled` when everything published has
        been forwarded and the gateway still runs.
        """
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._interrupted)
        async with AsyncExitStack() as stack:
            try:
                link = await self._start(stack)
                await ready(self)
                with console:
                    watching = asyncio.create_task(self._watch(console))
                    stack.callback(watching.cancel)
                    await self._simulate(link)
                    watching.cancel()
                    await self._settle(link)
                    if settled is not None:
                        await settled(self)
            except EnvironmentFault as fault:
                if self.gateway is not None:  # a broken connection is seen before the death that caused it
                    await asyncio.wait({self.gateway.gone}, timeout=0.5)
                self._broke(fault)
            finally:
                self.closing = True
                self._close_books()
        return self.summary

    def _interrupted(self) -> None:
        """End cleanly; whoever presses Ctrl-C once more does not want to wait for that."""
        self.summary.ended = "interrupted"
        self.stop.set()
        for number in _SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)

    def _broke(self, fault: EnvironmentFault) -> None:
        self.fault = self.fault or fault
        self.summary.ended = "failed"
        self.stop.set()

    async def _start(self, stack: AsyncExitStack) -> HouseLink | None:
        options = self.options
        if options.broker is None:
            self.gateway = await GatewayProcess.spawn()
            stack.push_async_callback(self.gateway.close)
        world = self.world = World(self.scenario, seed=self.seed, vehicles=self._vehicles())
        # A large fleet stays: a garbage collection that looked at all of it would take a third of a second.
        gc.freeze()
        fleet = world.fleet
        self.summary.vehicles = fleet.n
        if self.options.check:
            self.checker = Checker(fleet.models, fleet.model_of, fleet.vins)
        fleet_secret = secrets.token_hex(16)
        if self.gateway is not None:
            await self._configure(self.gateway, fleet.vins, fleet_secret)
        link = await self._shared_link()
        if link is not None:
            stack.push_async_callback(link.close)
        names, key = fleet.vins, PRODUCT_KEY
        secret: Callable[[str], str | None] = FleetDevices(names, fleet_secret=fleet_secret).secret
        if options.devices is not None:
            names, key, secret = options.devices.names[: fleet.n], options.devices.product_key, options.devices.secret
        on_platform = options.broker is None or options.devices is not None
        heard = self.downlinks.heard_by if on_platform else None
        own = VehicleLinks(self._address(), key, names, secret, heard=heard, came=self.downlinks.came)
        stack.push_async_callback(own.close)
        for _, rows, spec in world.fleets:
            if spec.connection == "per_vehicle" or options.devices is not None:
                await own.connect(range(rows.start, rows.stop), self.stop)
        protobuf = np.zeros(fleet.n, bool)
        for _, rows, spec in world.fleets:
            protobuf[rows] = spec.telemetry.format == "protobuf"
        self.publisher = Publisher(key, names, link, own, self.summary, protobuf=protobuf)
        self.own, self.can = own, CanStream(world, key, names)
        if self.scenario.faults:
            self.faults = FaultInjector(world, self.can, self.seed, key, names)
        for outlet in self.outlets:
            await outlet.open(world, key, [name.decode() for name in names.tolist()])
            stack.push_async_callback(self._close_outlet, outlet)
        stack.push_async_callback(self.downlinks.close)
        agent = await self.downlinks.open(
            world,
            key,
            names,
            self.publisher,
            link,
            on_platform=on_platform,
            reach=Present(world, self.pace, self.downlinks, self.faults).reach,
            shown=self._show,
        )
        agent.responders["down_raw"] = Diagnostics(world).respond
        return link

    async def _close_outlet(self, outlet: Outlet) -> None:
        same = sum(name.partition(" ")[0] == outlet.name for name in self.summary.outlets)
        self.summary.outlets[f"{outlet.name} {same + 1}" if same else outlet.name] = await outlet.close()

    def _vehicles(self) -> int | None:
        """How many vehicles there are to be; with device triples no more than those."""
        devices, wanted = self.options.devices, self.options.vehicles
        if devices is None:
            return wanted
        return min(wanted or len(devices.names), len(devices.names))

    def _address(self) -> Address:
        broker, gateway = self.options.broker, self.gateway
        if broker is not None:
            return broker.address()
        assert gateway is not None
        return Address(self.options.mqtt_host, gateway.mqtt_port)

    async def _shared_link(self) -> HouseLink | None:
        """The connection for all vehicles that have none of their own; real devices all have one."""
        broker, address = self.options.broker, self._address()
        if self.options.devices is not None:
            return None
        user: str | None = HOUSE_USER
        password: str | None = self.house_password
        client_id = None
        if broker is not None:
            user, password, client_id = broker.username, broker.password, f"jinqiao-{secrets.token_hex(4)}"
        lossless = self.options.speed is None
        return await HouseLink.connect(
            address.host,
            address.port,
            user,
            password,
            lossless=lossless,
            client_id=client_id,
            heard=self.downlinks.heard,
            tls=address.tls,
        )

    async def _configure(self, gateway: GatewayProcess, vins: NDArray[np.bytes_], fleet_secret: str) -> None:
        await gateway.configure(
            {
                "do": "simulated_fleet",
                "host": self.options.mqtt_host,
                "mqtt_port": self.options.mqtt_port,
                "mqtts_port": self.options.mqtts_port,
                "http_port": self.options.http_port,
                "http_usual": self.options.http_usual,
                "https_port": self.options.https_port,
                "certs": str(self.options.certs.absolute()),
                # Vehicles that live ten times as fast say ten times as much: no device's rate can hold for them.
                "rates": "all" if self.options.speed == 1.0 else "real",
                "history": telemetry_folder(self.outlets),
                "product_key": PRODUCT_KEY,
                "device_count": len(vins),
                "fleet_secret": fleet_secret,
                "factory_versions": {DEFAULT_MODULE: FACTORY_VERSION},
                "app": [self.options.app_user, self.options.app_password],
                "house": [HOUSE_USER, self.house_password],
            },
            vins.tobytes(),
        )
        gateway.gone.add_done_callback(self._gateway_ended)

    def _gateway_ended(self, gone: asyncio.Task[int]) -> None:
        if not gone.cancelled() and not self.closing:
            self._broke(
                EnvironmentFault(f"the gateway process ended (exit status {gone.result()}); the run stops here")
            )

    async def _simulate(self, link: HouseLink | None) -> None:
        world, publisher = self.world, self.publisher
        assert world is not None
        assert publisher is not None
        limits = [self.scenario.duration_s, self.options.for_s]
        end_s = min(limit for limit in limits if limit is not None)
        self.pace.start()
        present = Present(world, self.pace, self.downlinks, self.faults)
        while (second := present.next_second()) < end_s and await self.pace.until(second, self.stop):
            async with self.downlinks.turn:
                struck = await self._strike(world, second, link)
                if world.next_busy_s() <= second if struck else present.arrive(second):
                    await self._second(world, publisher, link)
                await self.downlinks.tick()
        await self.pace.until(end_s, self.stop)
        self.summary.wall_s = self.pace.wall_s()
        self.summary.simulated_s = float(min(world.elapsed_s, end_s) if self.stop.is_set() else end_s)

    async def _second(self, world: World, publisher: Publisher, link: HouseLink | None) -> None:
        """Run one busy second and publish what it brings."""
        batches, events = world.advance()
        for batch in batches:
            await publisher.post(batch)
        if self.checker is not None:
            self._tell(self.checker.read(batches))
        for event in events:
            await publisher.event(event)
        if self.can is not None and self.own is not None:
            await self.can.publish(link, self.own, self.summary)
        for outlet in self.outlets:
            await outlet.take(batches, events)
        if self.summary.first_telemetry_s is None and self.summary.messages:
            self.summary.first_telemetry_s = time.perf_counter() - self.began
        if link is not None:
            if batches:
                await link.probe()
            self.summary.latencies_ms.extend(link.take_latencies_ms())

    async def _show(self, batches: list[Batch]) -> None:
        """What cars said in answer to a command goes to the outlets, too."""
        for outlet in self.outlets:
            await outlet.take(batches, [])

    async def _strike(self, world: World, second: int, link: HouseLink | None) -> bool:
        """Begin and end the faults of this second; whether there were any, which may have made it a busy one."""
        if self.faults is None or self.own is None or self.faults.next_s() > second:
            return False
        world.idle_until(second)
        await self.faults.publish(self.faults.run(second), link, self.own, self.summary)
        return True

    def _tell(self, violations: list[Violation]) -> None:
        for violation in violations:
            print(f"check: {violation}", file=sys.stderr)

    async def _watch(self, console: NoTable) -> None:
        """Redraw the console and refresh the gateway's counters until cancelled."""
        asked = 0.0
        while True:
            with suppress(EnvironmentFault):
                if self.gateway is not None and time.perf_counter() - asked >= _STATS_EVERY_S:
                    asked = time.perf_counter()
                    self.gateway_stats = await self.gateway.stats()
            console.show(self.view())
            await asyncio.sleep(_SHOW_EVERY_S)

    async def _settle(self, link: HouseLink | None) -> None:
        """Let the broker finish what it was sent, then read our gateway's counters for the last time."""
        if link is not None:
            await link.flush()
            self.summary.latencies_ms.extend(link.take_latencies_ms())
        if self.gateway is not None:
            self.gateway_stats = await self.gateway.stats()

    def _close_books(self) -> None:
        summary = self.summary
        summary.gateway = self.gateway_stats
        if not summary.wall_s and summary.messages:
            summary.wall_s = self.pace.wall_s()
        if self.world is not None:
            summary.states = self.world.counts()
            summary.commands = self.world.command_outcomes
            summary.simulated_s = summary.simulated_s or float(self.world.elapsed_s)
        summary.behind_s = self.pace.behind_s
        summary.downlinks = self.downlinks.report()
        if self.checker is not None:
            summary.check = self.checker.as_json()

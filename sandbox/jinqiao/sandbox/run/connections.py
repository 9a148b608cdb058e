"""A run's connections to its broker: the one that vehicles share, and those that single vehicles have."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from jinqiao.device.links.fleet import Address
from jinqiao.device.links.login import VehicleLinks
from jinqiao.device.links.shared import SharedLink
from jinqiao.simulator.world import World
from jinqiao.wire.alink.signature import fleet_device_secret

from ..product import PRODUCT_KEY
from .child import GatewayProcess
from .inbox import Inbox
from .options import RunOptions
from .own_gateway import Logins

__all__ = ["Connections", "Identities", "address_of", "identities"]


@dataclass(frozen=True, slots=True)
class Identities:
    """Who the vehicles are on the broker: devices `names`, shape (n,), of one product.

    `on_platform`: there is a platform behind the broker, which pushes downlinks and keeps desired values.
    """

    product_key: str
    names: NDArray[np.bytes_]
    on_platform: bool


def identities(options: RunOptions, world: World) -> Identities:
    """The device triples that were given; otherwise a vehicle is called by its VIN."""
    devices = options.devices
    if devices is not None:
        return Identities(devices.product_key, devices.names[: world.fleet.n], True)
    return Identities(PRODUCT_KEY, world.fleet.vins, options.broker is None)


def address_of(options: RunOptions, gateway: GatewayProcess | None) -> Address:
    """Where the broker is: somebody else's, or that of our gateway."""
    if options.broker is not None:
        return options.broker.address()
    if gateway is None:
        raise ValueError("a run without a broker needs a gateway of its own")
    return Address(options.mqtt_host, gateway.mqtt_port)


@dataclass(frozen=True, slots=True)
class Connections:
    """Opens what a run needs at `address`; what comes over it goes to `inbox`."""

    options: RunOptions
    address: Address
    logins: Logins
    inbox: Inbox

    async def shared(self, stack: AsyncExitStack) -> SharedLink | None:
        """The connection of all vehicles that have none of their own; real devices all have one."""
        options, address = self.options, self.address
        if options.devices is not None:
            return None
        user: str | None = self.logins.user
        password: str | None = self.logins.password
        client_id = None
        if options.broker is not None:
            user, password = options.broker.username, options.broker.password
            client_id = f"jinqiao-{secrets.token_hex(4)}"
        link = await SharedLink.connect(
            address.host,
            address.port,
            user,
            password,
            lossless=options.lossless,
            client_id=client_id,
            on_message=self.inbox.on_message,
            tls=address.tls,
        )
        stack.push_async_callback(link.close)
        return link

    async def own(self, world: World, who: Identities, stop: asyncio.Event, stack: AsyncExitStack) -> VehicleLinks:
        """The connections of vehicles that log in by themselves, once all have been answered."""
        devices, inbox = self.options.devices, self.inbox
        secret: Callable[[str], str | None] = partial(fleet_device_secret, self.logins.fleet_secret)
        if devices is not None:
            secret = devices.secret
        on_message = inbox.on_own_message if who.on_platform else None
        own = VehicleLinks(
            self.address, who.product_key, who.names, secret, on_message=on_message, on_online=inbox.on_online
        )
        stack.push_async_callback(own.close)
        for _, rows, spec in world.fleets:
            if spec.connection == "per_vehicle" or devices is not None:
                await own.connect(range(rows.start, rows.stop), stop)
        return own

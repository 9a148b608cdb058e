"""The gateway of a run that has one of its own: started, configured, watched, and ended."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.config import FleetConfig, Ports, ServiceConfig
from jinqiao.gateway.platform.registry.about import CarColumns
from jinqiao.simulator.software import FACTORY_VERSION
from jinqiao.simulator.world import World
from jinqiao.vehicles.vehicle_file import VehicleModel
from jinqiao.wire.alink.limits import DEFAULT_MODULE

from ..product import PRODUCT_KEY
from .child import GatewayProcess
from .ending import Ending
from .gateway_child import GatewayChild
from .options import RunOptions

__all__ = ["Logins", "configure", "own_gateway"]

_SIMULATOR = "jinqiao-simulator"


@dataclass(frozen=True, slots=True)
class Logins:
    """Credentials of one run: of the simulator's own connection, and what all device secrets are derived from."""

    user: str = _SIMULATOR
    password: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    fleet_secret: str = field(default_factory=lambda: secrets.token_hex(16))


@asynccontextmanager
async def own_gateway(ending: Ending, child: GatewayChild | None = None) -> AsyncIterator[GatewayProcess]:
    """A gateway process, not yet configured; its death meanwhile ends the run."""
    gateway = await GatewayProcess.spawn(child)
    closing = False

    def ended(gone: asyncio.Task[int]) -> None:
        if not gone.cancelled() and not closing and gateway.ports:
            ending.broke(
                EnvironmentFault(f"the gateway process ended (exit status {gone.result()}); the run stops here")
            )

    gateway.gone.add_done_callback(ended)
    try:
        yield gateway
    except EnvironmentFault:
        await asyncio.wait({gateway.gone}, timeout=0.5)  # a broken connection is seen before the death that caused it
        raise
    finally:
        closing = True
        await gateway.close()


async def configure(
    gateway: GatewayProcess,
    options: RunOptions,
    logins: Logins,
    world: World,
    *,
    followed: bool = False,
) -> None:
    """Let it serve these vehicles, and say what products do about them if they are `followed`.

    Returns when its ports listen. Raises InputError or EnvironmentFault.
    """
    config = ServiceConfig(
        ports=Ports(
            host=options.mqtt_host,
            http_host=options.http_host,
            mqtt=options.mqtt_port,
            mqtts=options.mqtts_port,
            http=options.http_port,
            http_usual=options.http_usual,
            http_at_once=options.paused,
            certs=options.certs.absolute(),
            https=options.https_port,
            amqp=options.amqp_port,
            amqp_usual=options.amqp_usual,
            amqps=options.amqps_port,
        ),
        registry=options.registry,
        data=options.data,
        lenient_clock=options.lenient_clock,
        # Vehicles that live ten times as fast say ten times as much: no device's rate can hold for them.
        rates="all" if options.speed == 1.0 else "real",
        fleet=FleetConfig(
            PRODUCT_KEY,
            logins.fleet_secret,
            application=(options.app_user, options.app_password),
            simulator=(logins.user, logins.password),
            factory_versions={DEFAULT_MODULE: FACTORY_VERSION},
            cars=_cars(world),
            lock_step=options.lock_step,
            control_token=options.control_token,
            followed=followed,
        ),
    )
    await gateway.configure(config, world.fleet.vins)


def _cars(world: World) -> CarColumns:
    """What the vehicles are, as an application reads it in nicknames and tags."""
    fleet = world.fleet
    sizes = [(name, rows.stop - rows.start) for name, rows, _ in world.fleets]
    towns = [(town.place.name, len(town)) for town in world.towns] if len(world.towns) > 1 else []
    return CarColumns.of(sizes, [_tags(model) for model in fleet.models], fleet.model_of, towns)


def _tags(model: VehicleModel) -> dict[str, str]:
    """`name`, and the tags of each vehicle of this model: what an application that charges it needs to know."""
    tags = {
        "name": f"{model.make} {model.model} {model.model_year}",
        "model": model.id,
        "battery_kwh": f"{model.battery.net_kwh:g}",
    }
    if model.charging is not None:
        tags["ac_kw"] = f"{model.charging.ac_kw:g}"
        tags["dc_kw"] = f"{max(kw for _, kw in model.charging.dc_curve):g}"
    return tags

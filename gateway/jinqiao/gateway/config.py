"""What a service of the platform's end is asked to be: plain values, which cross a pipe as JSON.

Imports none of what it configures, so that the simulator's process loads no server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .broker.limits import Limits
from .platform.auth.rates import RatesOf
from .platform.registry.about import CarColumns

__all__ = ["HISTORY_DAYS", "FleetConfig", "Ports", "ServiceConfig"]

#: The platform keeps what devices said for 30 days.
HISTORY_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to listen: 0 takes any free port, None none. `certs` is the folder that `jinqiao certs` wrote.

    `http_host` is where HTTP is served, if that is not where MQTT is; it also opens to the network what else answers
    this machine only, since somebody has thought about it.
    `http_usual` takes the usual HTTP port, or any free one where something else has it: nobody asked for that one; so
    does `amqp_usual`. With `http_at_once` the web server does not wait for its first request to be made.
    `gbt32960_allowed` are addresses and SIM cards (ICCID) of vehicles that may log in over GB/T 32960; none: all.
    """

    host: str = "127.0.0.1"
    mqtt: int = 1883
    mqtts: int | None = None
    http: int | None = None
    http_usual: bool = False
    http_at_once: bool = False
    certs: Path = Path("certs")
    #: The same as `http`, over TLS.
    https: int | None = None
    gbt32960: int | None = None
    gbt32960_allowed: tuple[str, ...] = ()
    http_host: str | None = None
    amqp: int | None = None
    amqp_usual: bool = False
    #: The same as `amqp`, over TLS.
    amqps: int | None = None


@dataclass(frozen=True, slots=True)
class FleetConfig:
    """A simulated fleet on this platform; the devices' names cross beside the configuration.

    `application` is the credential of the user's back end, which is also an access key; `simulator` that of the
    connection over which the vehicles speak. `cars` says what they are: model and fleet. `lock_step` names clients that
    hold the end of the simulator's steps. `control_token` is what `/control` asks for; None: there is none.
    `followed`: the simulator wants to know what products do about its vehicles.
    """

    product_key: str
    fleet_secret: str
    application: tuple[str, str]
    simulator: tuple[str, str]
    factory_versions: Mapping[str, str] = field(default_factory=dict)
    cars: CarColumns | None = None
    lock_step: tuple[str, ...] = ()
    control_token: str | None = None
    followed: bool = False


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """What to serve, to whom and where.

    `registry` is a file of products and devices, `data` a folder in which they and their state outlive the process;
    `history_days` is how long what devices said is kept there, 0: not at all. `fleet` adds simulated vehicles.
    """

    ports: Ports = field(default_factory=Ports)
    registry: Path | None = None
    data: Path | None = None
    history_days: float = HISTORY_DAYS
    fleet: FleetConfig | None = None
    anonymous: bool = False
    rates: RatesOf = "all"
    cut_off: bool = False
    #: Cloud calls may be of any time.
    lenient_clock: bool = False
    connections: int = Limits().connections
    connections_per_address: int = Limits().connections_per_address

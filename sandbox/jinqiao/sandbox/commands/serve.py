"""`jinqiao serve`: the platform alone, for your own devices."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jinqiao.base.errors import InputError
from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.config import HISTORY_DAYS, Ports, ServiceConfig

from .options import (
    AmqpPort,
    AmqpsPort,
    Certs,
    HttpHost,
    HttpPort,
    HttpsPort,
    LenientClock,
    MqttHost,
    MqttPort,
    MqttsPort,
)

__all__ = ["serve"]

_DEFAULT = Limits()


def serve(
    registry: Annotated[
        Path | None, typer.Option(help="Products, devices and applications (YAML).", show_default=False)
    ] = None,
    mqtt_port: MqttPort = 1883,
    mqtts_port: MqttsPort = None,
    http_port: HttpPort = None,
    https_port: HttpsPort = None,
    mqtt_host: MqttHost = "127.0.0.1",
    http_host: HttpHost = None,
    certs: Certs = Path("certs"),
    amqp_port: AmqpPort = None,
    amqps_port: AmqpsPort = None,
    gbt32960_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Also serve the GB/T 32960 cloud gateway, on this port (usually 8999; 0 takes any free one).",
            show_default=False,
        ),
    ] = None,
    gbt32960_allow: Annotated[
        list[str] | None,
        typer.Option(
            help="Address or ICCID from which vehicles may log in over GB/T 32960; may be repeated.",
            show_default="all",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps devices and their state after the server ends.", show_default=False),
    ] = None,
    history_days: Annotated[
        float, typer.Option(min=0, help="With --data: days to keep property values and events; 0 keeps none.")
    ] = HISTORY_DAYS,
    plain_mqtt: Annotated[
        bool, typer.Option("--plain-mqtt", help="Also accept clients without a user name, on ordinary topics.")
    ] = False,
    rates: Annotated[
        bool,
        typer.Option(
            "--rates/--no-rates", help="Enforce the platform's message rates and logins per minute, for each device."
        ),
    ] = True,
    cut_off: Annotated[
        bool, typer.Option("--cut-off", help="Disconnect a device that publishes without permission.")
    ] = False,
    lenient_clock: LenientClock = False,
    max_connections: Annotated[int, typer.Option(min=1, help="Most connections at once.")] = _DEFAULT.connections,
    max_connections_per_address: Annotated[
        int, typer.Option(min=1, help="Most connections at once from one remote address.")
    ] = _DEFAULT.connections_per_address,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log every login, logout and refusal, instead of a table.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No table of devices on a terminal.")] = False,
) -> None:
    """Serve the platform for the devices of a registry: MQTT by its rules, and cloud calls over HTTP.

    With --data, changes made by devices and cloud calls are kept in a folder, which --registry seeds. Stop with Ctrl-C.
    If standard output is not a terminal, one JSON line says where the server listens.

    \b
    Example:
      jinqiao serve --registry registry.yaml --mqtt-port 1883 --http-port 8080
      jinqiao serve --data my-devices --http-port 8080
      jinqiao serve --plain-mqtt --mqtt-port 1884
    """
    if registry is None and data is None and not plain_mqtt:
        raise InputError(
            "nothing to serve: give --registry FILE, --data DIR, or --plain-mqtt for a broker without devices"
        )
    from ..serving import serve_until_stopped  # the service itself: not for --help

    config = ServiceConfig(
        ports=Ports(
            host=mqtt_host,
            http_host=http_host,
            mqtt=mqtt_port,
            mqtts=mqtts_port,
            http=http_port,
            http_usual=http_port is None,
            certs=certs,
            https=https_port,
            amqp=amqp_port,
            amqp_usual=amqp_port is None,
            amqps=amqps_port,
            gbt32960=gbt32960_port,
            gbt32960_allowed=tuple(gbt32960_allow or ()),
        ),
        registry=registry,
        data=data,
        history_days=history_days,
        anonymous=plain_mqtt,
        rates="all" if rates else "none",
        cut_off=cut_off,
        lenient_clock=lenient_clock,
        connections=max_connections,
        connections_per_address=max_connections_per_address,
    )
    serve_until_stopped(config, verbose=verbose, quiet=quiet)

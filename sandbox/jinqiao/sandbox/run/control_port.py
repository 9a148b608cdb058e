"""Where `/control` is reached: on the gateway's HTTP port, or, with somebody else's broker, on one of the run's own."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.system import other_port
from jinqiao.gateway.controlled import PREFIX

from .child import GatewayProcess
from .options import RunOptions

if TYPE_CHECKING:  # a web server's
    from jinqiao.gateway.web.port import HttpPort

__all__ = ["control_url", "own_http"]

#: What a client on this machine connects to where the port listens on all addresses.
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}


async def own_http(options: RunOptions, stack: AsyncExitStack) -> HttpPort | None:
    """The HTTP port of a run without a gateway, if it is to have one. Raises EnvironmentFault when it is taken."""
    if options.broker is None or options.http_port is None:
        return None
    from jinqiao.gateway.web.port import HttpPort

    try:
        port = HttpPort(_host(options), options.http_port)
    except EnvironmentFault as fault:
        raise EnvironmentFault(f"{fault}\n  {other_port('--http-port')}") from fault
    stack.push_async_callback(port.close)
    return port


def control_url(options: RunOptions, gateway: GatewayProcess | None, http: HttpPort | None) -> str | None:
    """The address of `/control`; None where there is no HTTP port."""
    port = http.port if http is not None else None if gateway is None else gateway.ports.get("http_port")
    if port is None:
        return None
    host = _ANY.get(_host(options), _host(options))
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{PREFIX}"


def _host(options: RunOptions) -> str:
    return options.mqtt_host if options.http_host is None else options.http_host

"""Broker, platform and HTTP port of one process: all that listens, started and ended together."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.broker.server import Server
from jinqiao.gateway.broker.tls import server_context
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.web.port import HttpPort

from .system import file_limit, other_port

__all__ = ["USUAL_HTTP_PORT", "Gateway", "Ports"]

_logger = logging.getLogger(__name__)

#: Where HTTP is served unless told otherwise.
USUAL_HTTP_PORT = 8080

#: Files kept free for listeners, the event loop, and whoever must be told that there is no room.
_SPARE_FILES = 32
_SERVER, _SERVER_KEY = "server.pem", "server-key.pem"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to listen: 0 takes any free port, None none. `certs` is the folder that `jinqiao certs` wrote.

    `http_usual` takes the usual HTTP port, or any free one where something else has it: nobody asked for that one.
    """

    host: str = "127.0.0.1"
    mqtt: int = 1883
    mqtts: int | None = None
    http: int | None = None
    http_usual: bool = False
    certs: Path = Path("certs")
    #: The same as `http`, over TLS.
    https: int | None = None


class Gateway:
    """Everything of `platform` that others can connect to."""

    def __init__(self, platform: Platform, limits: Limits | None = None) -> None:
        self.server = Server(platform, limits=_within_files(limits or Limits()))
        self._platform = platform
        self._http: HttpPort | None = None
        self._https: HttpPort | None = None
        self._made: Any = None
        self._making = threading.Lock()
        self._mqtt_address = ("", 0)
        platform.send = self._publish
        platform.deliver = self.server.deliver
        platform.close_session = self.server.end
        platform.reconsider = self.server.reconsider

    async def start(self, ports: Ports) -> dict[str, int]:
        """Listen; returns the ports by name. Raises EnvironmentFault, naming the option, or InputError."""
        taken: dict[str, int] = {}
        tls = None
        if ports.mqtts is not None or ports.https is not None:
            tls = server_context(ports.certs / _SERVER, ports.certs / _SERVER_KEY)
        option = "--mqtt-port"
        try:
            taken["mqtt_port"] = await self.server.start(ports.host, ports.mqtt)
            if ports.mqtts is not None:
                option = "--mqtts-port"
                taken["mqtts_port"] = await self.server.start(ports.host, ports.mqtts, tls=tls)
            option = "--http-port"
            self._http = _http_port(ports)
            if self._http is not None:
                taken["http_port"] = self._http.port
            if ports.https is not None:
                option = "--https-port"
                self._https = HttpPort(ports.host, ports.https, tls)
                taken["https_port"] = self._https.port
        except EnvironmentFault as fault:
            await self.close()
            raise EnvironmentFault(f"{fault}\n  {other_port(option)}") from fault
        self._mqtt_address = (ports.host, taken["mqtt_port"])
        if self._http is not None:
            host = f"[{ports.host}]" if ":" in ports.host else ports.host
            self._platform.base_url = f"http://{host}:{taken['http_port']}"
            self._http.serve(self._application)
        if self._https is not None:
            self._https.serve(self._application)
        return taken

    async def close(self) -> None:
        """End all connections and listeners."""
        for port in (self._http, self._https):
            if port is not None:
                await port.close()
        await self.server.close()

    def _application(self) -> Any:
        """One for both ports, which share what it remembers. Called in threads."""
        from jinqiao.gateway.web.app import application

        with self._making:
            if self._made is None:
                self._made = application(self.server, self._platform, self._mqtt_address)
            return self._made

    def _publish(self, downlink: Downlink) -> None:
        self.server.publish(downlink.topic, downlink.payload, downlink.qos)


def _http_port(ports: Ports) -> HttpPort | None:
    if not ports.http_usual:
        return None if ports.http is None else HttpPort(ports.host, ports.http)
    try:
        return HttpPort(ports.host, USUAL_HTTP_PORT)
    except EnvironmentFault:
        found = HttpPort(ports.host, 0)
        _logger.warning("HTTP port %d is taken: listening on %d instead", USUAL_HTTP_PORT, found.port)
        return found


def _within_files(limits: Limits) -> Limits:
    """No more connections than the system lets this process open: refused in time they are told, not dropped."""
    files = file_limit()
    if files is None or files - _SPARE_FILES >= limits.connections:
        return limits
    return replace(limits, connections=max(files - _SPARE_FILES, 1))

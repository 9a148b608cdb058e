"""All that others can connect to, started and ended together: broker, HTTP port, GB/T 32960 gateway."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import Any

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.system import file_limit, other_port
from jinqiao.wire.gbt32960.frame import USUAL_PORT

from .broker.limits import Limits
from .broker.server import Server
from .broker.tls import server_context
from .config import Ports
from .gbt32960.listener import Listener
from .platform.platform import Platform
from .web.port import HttpPort

__all__ = ["USUAL_HTTP_PORT", "Front"]

_logger = logging.getLogger(__name__)

#: Where HTTP is served unless told otherwise.
USUAL_HTTP_PORT = 8080

#: Files kept free for listeners, the event loop, and whoever must be told that there is no room.
_SPARE_FILES = 32
_SERVER, _SERVER_KEY = "server.pem", "server-key.pem"


class Front:
    """Everything of `platform` that others can connect to."""

    def __init__(self, platform: Platform, limits: Limits | None = None) -> None:
        self.server = Server(platform, limits=_within_files(limits or Limits()))
        platform.carried_by(self.server)
        self.gbt32960: Listener | None = None
        self._platform = platform
        self._http: HttpPort | None = None
        self._https: HttpPort | None = None
        self._made: Any = None
        self._making = threading.Lock()
        self._mqtt_address = ("", 0)

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
            option = "--gbt32960-port"
            taken |= await self._start_gbt32960(ports)
        except EnvironmentFault as fault:
            await self.close()
            raise EnvironmentFault(f"{fault}\n  {other_port(option)}") from fault
        self._mqtt_address = (ports.host, taken["mqtt_port"])
        if self._http is not None:
            host = f"[{ports.host}]" if ":" in ports.host else ports.host
            self._platform.parts.downloads.served_at(f"http://{host}:{taken['http_port']}")
            self._http.serve(self._application)
        if self._https is not None:
            self._https.serve(self._application)
        return taken

    async def _start_gbt32960(self, ports: Ports) -> dict[str, int]:
        if ports.gbt32960 is None and not ports.gbt32960_usual:
            return {}
        listener = Listener(self._platform)
        try:
            found = await listener.start(ports.host, USUAL_PORT if ports.gbt32960 is None else ports.gbt32960)
        except EnvironmentFault as fault:
            if ports.gbt32960 is None:  # nobody asked for it
                _logger.info("GB/T 32960: %s", fault)
                return {}
            raise
        self.gbt32960 = listener
        return {"gbt32960_port": found}

    async def close(self) -> None:
        """End all connections and listeners."""
        if self.gbt32960 is not None:
            await self.gbt32960.close()
        for port in (self._http, self._https):
            if port is not None:
                await port.close()
        await self.server.close()

    def _application(self) -> Any:
        """One for both ports, which share what it remembers. Called in threads: what it is made of takes a while to
        import, and MQTT listens meanwhile."""
        from .openapi.app import routes as cloud_routes
        from .openapi.cloud import Cloud
        from .web.app import application
        from .web.backends import backend_routes
        from .web.page import page_route

        with self._making:
            if self._made is None:
                cloud = Cloud(self._platform, mqtt_address=self._mqtt_address)
                page = page_route(self._platform, self.server, self._mqtt_address)
                self._made = application(self.server, [page, *backend_routes(self._platform), *cloud_routes(cloud)])
            return self._made


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

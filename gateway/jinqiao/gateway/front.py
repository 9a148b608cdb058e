"""All that others can connect to, started and ended together: broker, HTTP port, GB/T 32960 gateway."""

from __future__ import annotations

import asyncio
import gc
import logging
import ssl
import threading
from typing import TYPE_CHECKING, Any

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.base.system import file_limit, other_port

from .amqp.listener import AmqpListener, GroupOf
from .broker.limits import Limits
from .broker.server import Server
from .broker.tls import server_context
from .config import Ports
from .controlled import Controlled
from .doors import Doors
from .forwarding.groups import Groups
from .gbt32960.listener import Listener
from .platform.platform import Platform
from .rules.engine import Engine
from .web.bounds import HttpBounds
from .web.port import HttpPort

if TYPE_CHECKING:  # brings a web server's figures, which `serve --help` needs not
    from prometheus_client.registry import Collector

__all__ = ["USUAL_AMQP_PORT", "USUAL_HTTP_PORT", "Front"]

_logger = logging.getLogger(__name__)

#: Where HTTP is served by default.
USUAL_HTTP_PORT = 8080
#: … and AMQP (AMQP 1.0 part 2 § 2.3.1, IANA).
USUAL_AMQP_PORT = 5672

#: Files kept free for listeners, the event loop, and clients that must be turned away.
_SPARE_FILES = 32
#: What HTTP, and GB/T 32960, may take of the rest: half is left for MQTT.
_SHARE = 0.25
_SERVER, _SERVER_KEY = "server.pem", "server-key.pem"


class Front:
    """Everything of `platform` that others can connect to; with a `lenient_clock` cloud calls may be of any time.

    A `controlled` run answers below `/control`.
    """

    def __init__(
        self,
        platform: Platform,
        limits: Limits | None = None,
        http_bounds: HttpBounds | None = None,
        groups: Groups | None = None,
        *,
        group_of: GroupOf | None = None,
        rules: Engine | None = None,
        lenient_clock: bool = False,
        controlled: Controlled | None = None,
    ) -> None:
        limits, self._http_bounds = limits or Limits(), http_bounds or HttpBounds()
        # Refused in time they hear of it, and none of the doors can take the files of the others.
        files = file_limit()
        sockets = None if files is None else max(files - _SPARE_FILES, 1)
        self._doors = Doors(sockets, limits.connections_per_address)
        self.server = Server(platform, limits=limits, doors=self._doors)
        self._http_door = self._doors.door(self._http_bounds.connections, _SHARE)
        platform.carried_by(self.server)
        self.gbt32960: Listener | None = None
        self._platform = platform
        #: The queues of consumer groups, if there are any.
        self._groups = groups
        #: For consumers over AMQP; None where there are no groups.
        self.amqp = AmqpListener(platform, group_of, doors=self._doors) if group_of is not None else None
        self._rules = rules
        self._lenient_clock, self._controlled = lenient_clock, controlled
        self._http: HttpPort | None = None
        self._https: HttpPort | None = None
        self._made: Any = None
        self._making = threading.Lock()
        self._mqtt_address = ("", 0)
        self._open_to_all = False

    async def start(self, ports: Ports) -> dict[str, int]:
        """Listen; returns the ports by name. Raises EnvironmentFault, naming the option, or InputError."""
        _check_hosts(ports)
        loop = asyncio.get_running_loop()
        self._platform.parts.aside.begin(loop.call_soon_threadsafe)
        self._platform.parts.errands.begin(loop.call_later)
        self._platform.parts.batches.resume()
        taken: dict[str, int] = {}
        tls = None
        if ports.mqtts is not None or ports.https is not None or ports.amqps is not None:
            tls = server_context(ports.certs / _SERVER, ports.certs / _SERVER_KEY)
        option = "--mqtt-port"
        try:
            taken["mqtt_port"] = await self.server.start(ports.host, ports.mqtt)
            if ports.mqtts is not None:
                option = "--mqtts-port"
                taken["mqtts_port"] = await self.server.start(ports.host, ports.mqtts, tls=tls)
            option = "--http-port"
            self._http = self._http_port(ports)
            if self._http is not None:
                taken["http_port"] = self._http.port
            if ports.https is not None:
                option = "--https-port"
                self._https = self._listen_http(ports, ports.https, tls)
                taken["https_port"] = self._https.port
            option = "--amqp-port"
            taken |= await self._start_amqp(ports)
            if ports.amqps is not None and self.amqp is not None:
                option = "--amqps-port"
                taken["amqps_port"] = await self.amqp.start(ports.host, ports.amqps, tls)
            option = "--gbt32960-port"
            taken |= await self._start_gbt32960(ports)
        except EnvironmentFault as fault:
            await self.close()
            raise EnvironmentFault(f"{fault}\n  {other_port(option)}") from fault
        self._mqtt_address = (ports.host, taken["mqtt_port"])
        if self._http is not None:
            host = _http_host(ports)
            host = f"[{host}]" if ":" in host else host
            self._platform.parts.downloads.served_at(f"http://{host}:{taken['http_port']}")
        self._open_to_all = ports.http_host is not None
        for port in (self._http, self._https):
            if port is not None:
                port.serve(self._application, at_once=ports.http_at_once)
        return taken

    async def _start_amqp(self, ports: Ports) -> dict[str, int]:
        if self.amqp is None:
            return {}
        if not ports.amqp_usual:
            return {} if ports.amqp is None else {"amqp_port": await self.amqp.start(ports.host, ports.amqp)}
        try:
            return {"amqp_port": await self.amqp.start(ports.host, USUAL_AMQP_PORT)}
        except EnvironmentFault:
            found = await self.amqp.start(ports.host, 0)
            _logger.warning("AMQP port %d is taken: listening on %d instead", USUAL_AMQP_PORT, found)
            return {"amqp_port": found}

    async def _start_gbt32960(self, ports: Ports) -> dict[str, int]:
        if ports.gbt32960 is None:
            return {}
        listener = Listener(self._platform, doors=self._doors, allowed=ports.gbt32960_allowed)
        found = await listener.start(ports.host, ports.gbt32960)
        self.gbt32960 = listener
        return {"gbt32960_port": found}

    async def close(self) -> None:
        """End all connections and listeners."""
        if self.gbt32960 is not None:
            await self.gbt32960.close()
        if self.amqp is not None:
            await self.amqp.close()
        for port in (self._http, self._https):
            if port is not None:
                await port.close()
        await self.server.close()
        self._platform.parts.aside.end()
        self._platform.parts.errands.end()

    def _application(self) -> Any:
        """One for both ports, which share what it remembers. Called in threads: what it is made of takes a while to
        import, and MQTT listens meanwhile."""
        from .forwarding.metrics import GroupMetrics
        from .openapi.app import CloudCalls
        from .openapi.app import routes as cloud_routes
        from .openapi.cloud import Cloud
        from .rules.metrics import RuleMetrics
        from .web.app import application
        from .web.backends import backend_routes
        from .web.control import ControlDoor
        from .web.page import page_route

        with self._making:
            if self._made is None:
                cloud = Cloud(self._platform, mqtt_address=self._mqtt_address, lenient_clock=self._lenient_clock)
                page = page_route(self._platform, self.server, self._mqtt_address)
                trusting = backend_routes(self._platform)
                collectors: list[Collector] = [GroupMetrics(self._groups)] if self._groups is not None else []
                if self._rules is not None:
                    collectors.append(RuleMetrics(self._rules))
                calls = CloudCalls(cloud)
                routes = [page, *cloud_routes(cloud, calls)]
                open_to_all, run = self._open_to_all, self._controlled
                control = None if run is None else ControlDoor(run, open_to_all=open_to_all)
                self._made = application(
                    self.server, routes, trusting, collectors, calls=calls, control=control, open_to_all=open_to_all
                )
                gc.freeze()  # what was imported stays: to walk through it again and again takes 30 ms each time
            return self._made

    def _http_port(self, ports: Ports) -> HttpPort | None:
        if not ports.http_usual:
            return None if ports.http is None else self._listen_http(ports, ports.http)
        try:
            return self._listen_http(ports, USUAL_HTTP_PORT)
        except EnvironmentFault:
            found = self._listen_http(ports, 0)
            _logger.warning("HTTP port %d is taken: listening on %d instead", USUAL_HTTP_PORT, found.port)
            return found

    def _listen_http(self, ports: Ports, port: int, tls: ssl.SSLContext | None = None) -> HttpPort:
        return HttpPort(
            _http_host(ports),
            port,
            tls,
            door=self._http_door,
            bounds=self._http_bounds,
            turned_away=self.server.turned_away,
        )


def _http_host(ports: Ports) -> str:
    return ports.host if ports.http_host is None else ports.http_host


def _check_hosts(ports: Ports) -> None:
    """An empty host, as of a shell variable that is not set, would listen everywhere without a word."""
    for option, host in (("--mqtt-host", ports.host), ("--http-host", ports.http_host)):
        if host is not None and not host.strip():
            raise InputError(f"{option} is empty\n  give an address, or 0.0.0.0 to listen on all of this machine's")

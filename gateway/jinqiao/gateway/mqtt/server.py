"""The broker at work: listening, ticking, closing. Runs on any asyncio event loop; uvloop makes it much cheaper."""

from __future__ import annotations

import asyncio
from typing import Any

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.mqtt.allocator import keep_freed_blocks
from jinqiao.gateway.mqtt.broker import Broker
from jinqiao.gateway.mqtt.connection import Connection
from jinqiao.gateway.mqtt.counters import Counters
from jinqiao.gateway.mqtt.limits import Limits
from jinqiao.gateway.mqtt.policy import Downlink, Policy
from jinqiao.gateway.mqtt.recent import RecentRuns

__all__ = ["Server"]

#: One timer for all connections: it moves the broker's clock and looks for slow subscribers …
_TICK_S = 0.25
#: … and every so many ticks for silent peers. [MQTT-3.1.2-24] asks for no better than a second.
_TICKS_PER_SWEEP = 4
#: Connections the kernel may hold for us: a fleet that comes back comes all at once.
_BACKLOG = 4_096
#: On closing: time for what has been accepted, then for the last words of each connection.
_ACCEPT_S, _FAREWELL_S = 0.01, 1.0


class Server:
    """An MQTT broker on a TCP port, with the house's own rules behind `policy`."""

    def __init__(self, policy: Policy, *, limits: Limits | None = None) -> None:
        self._policy = policy
        self._limits = limits or Limits()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._broker = Broker(policy, self._limits, self._call_soon)
        self._connections: set[Connection] = set()
        self._listeners: list[asyncio.Server] = []
        self._timer: asyncio.TimerHandle | None = None
        self._ticks = 0

    @property
    def port(self) -> int:
        """The port of the first listener; with port 0 the one that was free."""
        if not self._listeners:
            raise EnvironmentFault("the broker is not listening")
        return int(self._listeners[0].sockets[0].getsockname()[1])

    @property
    def counters(self) -> Counters:
        """Live counters: do not write to them."""
        return self._broker.counters

    async def start(self, host: str = "127.0.0.1", port: int = 1883) -> None:
        """Listen; raises EnvironmentFault if the address cannot be had."""
        loop = asyncio.get_running_loop()
        self._loop = loop
        try:
            listener = await loop.create_server(self._connection, host, port, backlog=_BACKLOG)
        except OSError as error:
            raise EnvironmentFault(f"cannot listen on {host} port {port}: {error.strerror or error}") from error
        keep_freed_blocks()
        self._listeners.append(listener)
        if self._timer is None:
            self._tick()

    async def close(self) -> None:
        """Stop listening, send what is pending and end all connections."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        listeners, self._listeners = self._listeners, []
        # A socket accepted a moment ago becomes a connection a few turns later, and only while its listener is open.
        await asyncio.sleep(_ACCEPT_S)
        for listener in listeners:
            listener.close()
        for connection in list(self._connections):
            if connection.session is not None:
                connection.session.close()
        deadline = asyncio.get_running_loop().time() + _FAREWELL_S
        while self._connections and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
        for connection in list(self._connections):
            connection.abort()
        while self._connections:
            await asyncio.sleep(0)
        for listener in listeners:
            await listener.wait_closed()

    def publish(self, topic: str, payload: bytes, qos: int = 0) -> None:
        """Publish for the house itself, to subscribers and to the device the topic is pushed to.

        Raises ProtocolError for a topic that is none.
        """
        self._broker.publish(topic, payload, qos)

    def deliver(self, identity: str, downlink: Downlink) -> None:
        """The same to one client, whatever it is subscribed to."""
        self._broker.deliver(identity, downlink.topic, downlink.payload)

    def end(self, identity: str) -> None:
        """End the connection of an identity, if it has one."""
        self._broker.end(identity)

    def reconsider(self, identity: str, about: str = "") -> None:
        """Ask the policy again what this identity may publish and is pushed, and about subscriptions with `about`."""
        self._broker.reconsider(identity, about)

    def remember(self, most_bytes: int) -> None:
        """From now on remember what trusted connections publish, that many bytes of it."""
        self._broker.recent = RecentRuns(most_bytes)

    def last_payload(self, topic: str) -> bytes | None:
        """The payload that a trusted connection published last on this topic, if it is remembered."""
        recent = self._broker.recent
        return recent.last(topic) if recent is not None else None

    def permissions_changed(self) -> None:
        """Ask the policy again about every topic before the next message."""
        self._broker.permissions_changed()

    def stats(self) -> dict[str, Any]:
        """The counters and the depth of the queues, as values that JSON knows."""
        dispatcher = self._broker.dispatcher
        return {
            **self._broker.counters.snapshot(),
            "sessions": len(self._broker.sessions),
            "queued_bytes": dispatcher.held,
            "congested": len(dispatcher.congested),
            "cached_topics": len(self._broker.router.routes),
        }

    def _connection(self) -> Connection:
        return Connection(self._broker, self._connections)

    def _call_soon(self, function: Any) -> None:
        assert self._loop is not None
        self._loop.call_soon(function)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._broker.dispatcher.tick(now)
        self._ticks += 1
        if self._ticks % _TICKS_PER_SWEEP == 0:
            for connection in list(self._connections):
                connection.check_patience(now)
        self._timer = loop.call_later(_TICK_S, self._tick)

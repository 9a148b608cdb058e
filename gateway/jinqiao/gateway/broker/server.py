"""The broker at work: listening, ticking, closing. Runs on any asyncio event loop; uvloop makes it much cheaper."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from jinqiao.base.errors import EnvironmentFault

from ..doors import Door, Doors, Gate, Seat, listening_sockets
from .allocator import keep_freed_blocks
from .broker import Broker
from .connection import Connection
from .counters import Counters
from .delivery.dispatcher import TICK_S
from .delivery.outbox import Outbox
from .intake import Intake
from .limits import Limits
from .lock_step import LockStep
from .policy import Acknowledging, Downlink, Extras, Policy
from .reading import Reader, make_reader
from .router import Router
from .sys_topics import INTERVAL_S, sys_messages

__all__ = ["Server"]

#: One timer for all connections moves the broker's clock and looks for slow subscribers, and every so many ticks for
#: silent peers. [MQTT-3.1.2-24] asks for no better than a second.
_TICKS_PER_SWEEP = 4
#: Ticks whose lateness is remembered: ten seconds.
_LAG_TICKS = 40
#: Connections the kernel may hold for us: a fleet that comes back comes all at once.
_BACKLOG = 4_096
#: On closing: time for what has been accepted, then for the last words of each connection.
_ACCEPT_S, _FAREWELL_S = 0.01, 1.0


class Server:
    """An MQTT broker on TCP and TLS ports, with the house's own rules behind `policy`.

    Its figures are published on `$SYS/broker/…` every `sys_interval_s` seconds; 0 is never.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        limits: Limits | None = None,
        sys_interval_s: float = INTERVAL_S,
        doors: Doors | None = None,
    ) -> None:
        self._policy = policy
        self._limits = limits or Limits()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._broker = Broker(policy, self._limits, self._call_soon, time.monotonic, doors)
        self._connections: set[Connection] = set()
        self._listeners: list[asyncio.Server | Gate] = []
        self._reader: Reader | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ticks = 0
        self._tick_due = self._started_at = 0.0
        self._lags_s: deque[float] = deque([0.0], maxlen=_LAG_TICKS)
        self._sys_interval_s = sys_interval_s
        self._sys_due = float("inf")

    @property
    def port(self) -> int:
        """The port of the first listener; with port 0 the one that was free."""
        if not self._listeners:
            raise EnvironmentFault("the broker is not listening")
        return _port(self._listeners[0])

    @property
    def counters(self) -> Counters:
        """Live counters: do not write to them."""
        return self._broker.counters

    async def start(self, host: str = "127.0.0.1", port: int = 1883, *, tls: ssl.SSLContext | None = None) -> int:
        """Listen, once more if called again; returns the port. Raises EnvironmentFault if the address cannot be had."""
        loop = asyncio.get_running_loop()
        self._loop = loop
        if tls is not None:
            # Who has not finished the handshake counts, too. What TLS has decrypted is the transport's: no use looking
            # at the socket.
            broker = self._broker
            listeners: list[asyncio.Server | Gate] = [
                Gate(each, broker.door, self._seated, broker.turned_away, tls)
                for each in listening_sockets(host, port, _BACKLOG)
            ]
        else:
            try:
                listeners = [await loop.create_server(self._plain_connection, host, port, backlog=_BACKLOG)]
            except OSError as error:
                raise EnvironmentFault(f"cannot listen on {host} port {port}: {error.strerror or error}") from error
        keep_freed_blocks()
        self._listeners += listeners
        if self._reader is None:
            self._reader = make_reader(self._broker, loop)
        if self._timer is None:
            self._tick_due = self._started_at = loop.time()
            if self._sys_interval_s:
                self._sys_due = self._started_at
            self._tick()
        return _port(listeners[0])

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
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def publish(self, topic: str, payload: bytes, qos: int = 0, extras: Extras | None = None) -> None:
        """Publish for the house itself, to subscribers and to the device the topic is pushed to.

        Raises ProtocolError for an invalid topic.
        """
        self._broker.publish(topic, payload, qos, extras)

    def deliver(self, identity: str, downlink: Downlink) -> None:
        """The same to one client, whatever it is subscribed to."""
        self._broker.deliver(identity, downlink.topic, downlink.payload)

    def takes(self, identity: str, topic: str, size: int) -> bool | None:
        """Whether a message that a client sent by another way is within the rates of its connection, if it has one."""
        return self._broker.takes(identity, topic, size)

    def end(self, identity: str, *, for_good: bool = False) -> None:
        """End the connection of an identity, if it has one; `for_good` also the session that would go on."""
        self._broker.end(identity, for_good=for_good)

    def reconsider(self, identity: str, about: str = "") -> None:
        """Ask the policy again what this identity may publish and is pushed, and about subscriptions with `about`."""
        self._broker.reconsider(identity, about)

    def read_steps(self, make: Callable[[Router[Outbox]], Intake]) -> None:
        """From now on steps of the simulator are read by what `make` makes of the router."""
        self._broker.intake = make(self._broker.router)

    def acknowledge_after(self, acknowledging: Acknowledging) -> None:
        """From now on messages of clients are acknowledged when what came before is kept; the simulator's at once."""
        self._broker.acknowledging = acknowledging

    def hold_for(self, client_ids: Iterable[str]) -> None:
        """From now on these clients hold the end of the simulator's steps until they have taken what was sent."""
        self._broker.lock_step = LockStep(client_ids, self._broker.dispatcher, self._call_soon)

    def permissions_changed(self) -> None:
        """Ask the policy again about every topic before the next message."""
        self._broker.permissions_changed()

    @property
    def door(self) -> Door:
        """Where connections are let in."""
        return self._broker.door

    def turned_away(self, reason: str, peer: str) -> None:
        """Count a connection that another door of this process has no room for."""
        self._broker.turned_away(reason, peer)

    def connection(self, seat: Seat | None = None, *, foreign: bool = False) -> Connection:
        """The protocol of one more client, for whatever transport carries it.

        `seat` is what the connection has been let in with, if it was; `foreign`: it comes from a web page elsewhere.
        """
        return Connection(self._broker, self._connections, seat=seat, foreign=foreign)

    def _seated(self, seat: Seat) -> Connection:
        return self.connection(seat)

    def _plain_connection(self) -> Connection:
        return Connection(self._broker, self._connections, self._reader)

    def stats(self) -> dict[str, Any]:
        """The counters and the depth of the queues, as values that JSON knows."""
        dispatcher = self._broker.dispatcher
        now = self._loop.time() if self._loop is not None else 0.0
        return {
            **self._broker.counters.snapshot(),
            "sessions": len(self._broker.sessions) + len(self._broker.absent),
            "absent": len(self._broker.absent),
            "retained": len(self._broker.retained),
            "queued_bytes": dispatcher.held,
            "congested": len(dispatcher.congested),
            "deepest_queue_bytes": max((outbox.held for outbox in dispatcher.congested), default=0),
            "cached_topics": len(self._broker.router.routes),
            "loop_lag_s": round(max(self._lags_s), 6),
            "uptime_s": round(now - self._started_at, 3),
        }

    def hold_back(self, *, lossless: bool) -> None:
        """Whether our simulator waits for subscribers that are behind, from its next message on."""
        for session in self._broker.sessions.values():
            if session.principal is not None and session.principal.kind == "simulator":
                session.lossless = lossless

    def _call_soon(self, function: Any) -> None:
        assert self._loop is not None
        self._loop.call_soon(function)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        dispatcher = self._broker.dispatcher
        stood_still_s = dispatcher.catch_up()
        now = dispatcher.now
        self._lags_s.append(max(now - self._tick_due, 0.0))
        dispatcher.tick(now)
        self._ticks += 1
        # After a stall what clients said meanwhile is read first: it is not they who were silent.
        if self._ticks >= _TICKS_PER_SWEEP and (stood_still_s < 1.0 or self._ticks >= 2 * _TICKS_PER_SWEEP):
            self._ticks = 0
            for connection in list(self._connections):
                connection.check_patience(now)
        if now >= self._sys_due:
            self._sys_due = now + self._sys_interval_s
            for topic, payload in sys_messages(self.stats()):
                self._broker.publish(topic, payload, retain=True)
        self._tick_due = now + TICK_S
        self._timer = loop.call_later(TICK_S, self._tick)


def _port(listener: asyncio.Server | Gate) -> int:
    if isinstance(listener, Gate):
        return listener.port
    return int(listener.sockets[0].getsockname()[1])

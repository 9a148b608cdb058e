"""The simulator's own connection to the broker: whole blocks of ready packets out, downlinks and answers to pings back.

One connection, read by one task. `send` waits while too much is queued, so the broker's back-pressure reaches the
simulator by itself.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from jinqiao.base.errors import EnvironmentFault, ProtocolError
from jinqiao.wire.mqtt.decoding import decode
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import Connack, Connect, Packet, PacketType, Puback, Publish, Signal, Subscribe
from jinqiao.wire.stepping import FIRST_BYTE as STEP
from jinqiao.wire.stepping import STEP_ENDS, Held, read_held

from .unacknowledged import Unacknowledged
from .wires import Wire, open_wire

__all__ = ["SharedLink"]

_KEEP_ALIVE_S = 60
_ANSWER_TIMEOUT_S = 30.0
_PING = encode(Signal(PacketType.PINGREQ))
_GOODBYE = encode(Signal(PacketType.DISCONNECT))
#: Bytes of a packet from the broker; a longer one is passed over. The platform's payloads end at a quarter of it.
_LONGEST = 1 << 20

#: QoS 1 messages of all vehicles on their way: a second of a storm of upgrades.
_UNACKNOWLEDGED = 20_000

#: Called with each message from the broker, on the event loop; it must be quick.
OnMessage = Callable[[Publish], None]


class SharedLink:
    """A trusted MQTT 3.1.1 connection. Raises EnvironmentFault once it is lost."""

    def __init__(self, wire: Wire, on_message: OnMessage | None = None) -> None:
        self._wire = wire
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self._rest = b""
        #: Pings on their way: when each was sent, and who waits for its answer, if anybody does.
        self._pings: deque[tuple[float, asyncio.Future[None] | None]] = deque()
        self._latencies_ms: list[float] = []
        self.unacknowledged = Unacknowledged(_UNACKNOWLEDGED)
        #: The end of a step that our gateway has not answered yet, and who hears its reports.
        self._step: tuple[asyncio.Future[None], Callable[[Held], None]] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._lost: str | None = None

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        username: str | None,
        password: str | None,
        *,
        lossless: bool,
        client_id: str | None = None,
        on_message: OnMessage | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> SharedLink:
        """Log in to our broker as its simulator, or to somebody else's under a `client_id`.

        `lossless` asks our broker to hold this connection back while a subscriber that is reading is behind,
        `on_message` to push the downlinks of the simulated vehicles; of somebody else's broker they must be subscribed.
        """
        wire = None
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                wire = await open_wire(host, port, tls)
            link = cls(wire, on_message)
            name = client_id or f"{username}|lossless={int(lossless)},_ss={int(on_message is not None)}|"
            login = Connect(name, True, _KEEP_ALIVE_S, username, None if password is None else password.encode())
            answer = await link._ask(encode(login))
            if not isinstance(answer, Connack) or answer.code:
                raise EnvironmentFault(f"the broker refused the simulator: {answer}")
        except (OSError, TimeoutError, EnvironmentFault) as error:
            if wire is not None:
                await wire.close(b"")
            if isinstance(error, EnvironmentFault):
                raise
            raise EnvironmentFault(f"the broker at {host}:{port} does not answer: {error}") from error
        link._tasks = [asyncio.create_task(link._read()), asyncio.create_task(link._keep_alive())]
        return link

    async def send(self, data: memoryview | bytes) -> None:
        """Send ready packets, whole. The data is copied: the caller may use its memory again at once."""
        if self._lost is not None:
            raise EnvironmentFault(self._lost)
        try:
            await self._wire.send(bytes(data))
        except OSError as error:
            self._lose(f"the connection to the broker broke: {error}")
            raise EnvironmentFault(str(self._lost)) from error

    async def publish(self, packet: bytes, qos: int) -> bool:
        """Send one ready QoS 0 PUBLISH, at QoS 1 if asked; false when too many wait for their acknowledgement."""
        if qos:
            numbered = self.unacknowledged.take(packet)
            if numbered is None:
                return False
            packet = numbered
        await self.send(packet)
        return True

    async def subscribe(self, filters: Sequence[str]) -> None:
        """Ask for the messages of these filters at QoS 1; a broker that refuses one leaves us without it."""
        for number, topic_filter in enumerate(filters, 1):
            await self.send(encode(Subscribe(number, ((topic_filter, 1),))))

    async def probe(self) -> None:
        """Ask the broker for an answer behind everything sent so far; see `take_latencies_ms`."""
        self._pings.append((time.perf_counter(), None))
        await self.send(_PING)

    def take_latencies_ms(self) -> list[float]:
        """How long the broker took each time to route what was sent before a ping, and to answer it, ms."""
        taken, self._latencies_ms = self._latencies_ms, []
        return taken

    @property
    def unconfirmed_s(self) -> float:
        """How long ago the oldest ping was sent that the broker has not answered, s; 0 without one."""
        return time.perf_counter() - self._pings[0][0] if self._pings else 0.0

    async def flush(self) -> None:
        """Return when the broker has routed everything that was sent (it answers pings in order)."""
        pong: asyncio.Future[None] = self._loop.create_future()
        self._pings.append((time.perf_counter(), pong))
        await self.send(_PING)
        try:
            await asyncio.wait_for(pong, _ANSWER_TIMEOUT_S)
        except TimeoutError as error:
            raise EnvironmentFault("the broker does not answer the simulator's ping") from error

    async def end_step(self, report: Callable[[Held], None]) -> asyncio.Future[None]:
        """Ask our own gateway for an answer when the listeners that hold the clock have taken all that was sent.

        Until it is there `report` is called with whom it waits for. However long that takes, pings are answered.
        """
        ended: asyncio.Future[None] = self._loop.create_future()
        self._step = ended, report
        await self.send(STEP_ENDS)
        return ended

    async def close(self) -> None:
        """Say goodbye and close."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._wire.close(_GOODBYE if self._lost is None else b"")

    async def _ask(self, request: bytes) -> Packet:
        await self._wire.send(request)
        return await asyncio.wait_for(self._next(), _ANSWER_TIMEOUT_S)

    async def _next(self) -> Packet:
        while True:
            edges = frame(self._rest, 0) if self._rest else None
            if edges is not None and edges[1] > _LONGEST:
                await self._pass_over(edges[1])
                continue
            if edges is not None and edges[1] <= len(self._rest):
                first, body, self._rest = self._rest[0], self._rest[edges[0] : edges[1]], self._rest[edges[1] :]
                if first != STEP:
                    return decode(first, body)
                self._take_report(read_held(body))
                continue
            data = await self._wire.read()
            if not data:
                raise ConnectionResetError("closed by the broker")
            self._rest += data

    async def _pass_over(self, length: int) -> None:
        """Read this packet to its end and keep nothing of it."""
        while len(self._rest) < length:
            length -= len(self._rest)
            self._rest = await self._wire.read()
            if not self._rest:
                raise ConnectionResetError("closed by the broker")
        self._rest = self._rest[length:]

    async def _read(self) -> None:
        try:
            while True:
                packet = await self._next()
                if isinstance(packet, Publish):
                    await self._hear(packet)
                else:
                    self._take(packet)
        except EnvironmentFault:
            return  # the connection is known to be lost
        except (OSError, ProtocolError) as error:
            self._lose(f"the connection to the broker broke: {error}")

    async def _hear(self, message: Publish) -> None:
        if message.qos == 1:
            await self.send(encode(Puback(message.packet_id)))
        if self._on_message is not None:
            self._on_message(message)

    def _take(self, packet: Packet) -> None:
        if isinstance(packet, Puback):
            self.unacknowledged.acknowledged(packet.packet_id)
        elif isinstance(packet, Signal) and packet.type is PacketType.PINGRESP and self._pings:
            sent, waiting = self._pings.popleft()
            self._latencies_ms.append((time.perf_counter() - sent) * 1e3)
            if waiting is not None and not waiting.done():
                waiting.set_result(None)

    def _take_report(self, held: Held) -> None:
        """Our gateway says what holds the step, or that nothing does any more."""
        if self._step is None:
            return
        ended, report = self._step
        if held:
            report(held)
            return
        self._step = None
        if not ended.done():
            ended.set_result(None)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(_KEEP_ALIVE_S / 2)
            with suppress(EnvironmentFault):
                await self.flush()

    def _lose(self, why: str) -> None:
        self._lost = self._lost or why
        for _, waiting in self._pings:
            if waiting is not None and not waiting.done():
                waiting.set_exception(EnvironmentFault(why))
        self._pings.clear()
        if self._step is not None and not self._step[0].done():
            self._step[0].set_exception(EnvironmentFault(why))

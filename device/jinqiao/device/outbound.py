"""The one way out of a car: over the connection that all share, or over its own where it has one.

Everything that vehicles publish passes here, ready for the wire: rendered telemetry, what agents answer, a recording's
messages. Here and nowhere else is decided which connection a packet takes and at which QoS, and counted what went and
what could not. What is to happen to telemetry on its way (a network that delays or loses) happens before, to what is
`Said` (`network/`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jinqiao.wire.alink.routing import find
from jinqiao.wire.crossing import crossing_packets, presence_packet
from jinqiao.wire.digest import RunDigest
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Publish
from jinqiao.wire.render import Packets, StepRenderer
from jinqiao.wire.render.said import Said, SaidPacket

from .agent.car import Outgoing
from .links.login import VehicleLinks
from .links.shared import SharedLink

__all__ = ["Block", "Outbound", "Sent"]

#: A larger block is written by itself: a copy would make what follows late.
_LARGE_BYTES = 1 << 16


class Block(Protocol):
    """Ready QoS 0 PUBLISH packets, one for each of `vehicles`, shape (m,), int32; -1 is a sender that nobody knows.

    Its memory may be used again as soon as it is sent.
    """

    @property
    def vehicles(self) -> NDArray[np.int32]: ...

    @property
    def data(self) -> memoryview | bytes:
        """All packets, one after the other."""

    def __len__(self) -> int: ...

    def packet(self, row: int) -> bytes:
        """One of them, by its place here."""

    def some(self, chosen: NDArray[np.bool_]) -> memoryview | bytes:
        """Those of the chosen places, shape (m,), one after the other."""


@dataclass(slots=True)
class Sent:
    """What was published: packets by kind of topic, bytes, and how many could not go because a connection was away.

    `digest` runs over what is said in all steps, whether it could go or not.
    """

    published: Counter[str] = field(default_factory=Counter)
    published_bytes: int = 0
    not_sent: int = 0
    digest: RunDigest = field(default_factory=RunDigest)

    def add(self, kind: str, packets: int, size: int) -> None:
        """Count packets of one kind, `size` bytes in all."""
        self.published[kind] += packets
        self.published_bytes += size

    @property
    def messages(self) -> int:
        return self.published.total()


class Outbound:
    """Sends for all vehicles, and counts in `sent`. `shared` is the connection of those that have none in `own`.

    With `crossing`, at the other end of `shared` is our own gateway, which renders telemetry itself. `on_back` is
    called with the row of each vehicle that is online again over the shared connection, as if it had logged in there,
    `on_answer` with each answer that has gone and says what it answers.
    """

    def __init__(
        self,
        shared: SharedLink | None,
        own: VehicleLinks | None,
        sent: Sent,
        *,
        crossing: bool = False,
        on_back: Callable[[int], object] | None = None,
        on_answer: Callable[[Outgoing], object] | None = None,
    ) -> None:
        self._shared, self._own, self._crossing = shared, own, crossing
        self._on_back, self._on_answer = on_back, on_answer
        self.sent = sent

    async def send(self, renderer: StepRenderer, said: Said, *, noted: bool = False) -> None:
        """Publish a step, which is counted here unless `note` has done it. Raises EnvironmentFault when `shared` is
        lost.
        """
        records = self._records(said)
        if not noted:
            self._note(renderer, said, records)
        if self._crossing and self._shared is not None:
            await self._cross(self._shared, renderer, said, records)
        else:
            await self._write_labels(said.labels)
            await self._write(block for _, block in renderer.render(replace(said, labels=[], can=())))
        for second in said.can:
            for block in renderer.frames(second):
                if not noted:
                    self._note_block("can_batch", block)
                await self._write([block])

    def note(self, renderer: StepRenderer, said: Said) -> None:
        """Count what will be sent in several parts, and take its digest."""
        self._note(renderer, said, self._records(said))
        for second in said.can:
            for block in renderer.frames(second):
                self._note_block("can_batch", block)

    def _records(self, said: Said) -> list[NDArray[Any]]:
        """The rows of each batch, as they are in the digest and when they cross."""
        return [one.records(self.sent.digest.local(one.batch.vehicles)) for one in said.batches]

    def _note(self, renderer: StepRenderer, said: Said, records: Sequence[NDArray[Any]]) -> None:
        digest = self.sent.digest
        digest.add_packets(said.labels)
        digest.add_packets(said.events)
        digest.add_packets(said.posts)
        for one, rows in zip(said.batches, records, strict=True):
            digest.add_rows(one, rows)
            self.sent.add(one.kind, len(one), len(one) * renderer.packet_bytes(one))
        for packet in (*said.labels, *said.events, *said.posts):
            self.sent.add(packet.kind, 1, len(packet.data))

    def _note_block(self, kind: str, block: Packets) -> None:
        self.sent.digest.add_block(kind, block)
        self.sent.add(kind, len(block), len(block.data))

    async def _cross(
        self, shared: SharedLink, renderer: StepRenderer, said: Said, records: Sequence[NDArray[Any]]
    ) -> None:
        """Labels and posts as packets, then columns; vehicles with connections of their own send theirs themselves."""
        await self._write_labels(said.labels)
        await self._write(Packets.single(one.data, one.vehicle) for one in said.posts)
        events: Sequence[SaidPacket] = said.events
        batches = list(zip(said.batches, records, strict=True))
        if self._own:
            mine = [self._own.owns(one.batch.vehicles) for one in said.batches]
            owned = self._own.owns(np.array([event.vehicle for event in events], np.int32))
            parts = [one.some(some) for one, some in zip(said.batches, mine, strict=True) if some.any()]
            apart = Said([], [event for event, own in zip(events, owned, strict=True) if own], parts, ())
            await self._write(block for _, block in renderer.render(apart))
            events = [event for event, own in zip(events, owned, strict=True) if not own]
            batches = [(one.some(~some), rows[~some]) for (one, rows), some in zip(batches, mine, strict=True)]
        for packet in crossing_packets(events, [(one, rows) for one, rows in batches if len(one)]):
            await shared.send(packet)

    async def _write_labels(self, labels: Sequence[SaidPacket]) -> None:
        """What is true of a vehicle is said whether it is online or not: over the shared connection if it is not."""
        own, shared = self._own, self._shared
        if not own or shared is None:
            await self._write(Packets.single(one.data, one.vehicle) for one in labels)
            return
        shared_ones = []
        for one in labels:
            if own.owns(np.array([one.vehicle], np.int32))[0] and own.is_online(one.vehicle):
                self.sent.not_sent += not own.send(one.vehicle, one.data)
            else:
                shared_ones.append(one.data)
        if shared_ones:
            await shared.send(b"".join(shared_ones))

    async def _write(self, blocks: Iterable[Block]) -> None:
        """Send what is rendered, small blocks as one write."""
        small: list[memoryview | bytes] = []
        for block in blocks:
            shared = self._after_own(block)
            if self._shared is None or not len(shared):
                continue
            if len(shared) < _LARGE_BYTES:
                small.append(bytes(shared))
                continue
            if small:
                await self._shared.send(b"".join(small))
                small = []
            await self._shared.send(shared)
        if self._shared is not None and small:
            await self._shared.send(b"".join(small))

    async def say(self, message: Outgoing) -> None:
        """Publish what a vehicle answers, or says by itself. When it is asked is the wall clock's matter: no digest."""
        found = find(message.topic)
        packet = encode(Publish(message.topic, message.payload))
        self.sent.add(found.row.kind if found is not None else "other", 1, len(packet))
        own = self._own
        if own and own.owns(np.array([message.row], np.int32))[0]:
            went = own.send(message.row, packet, message.qos)
        elif self._shared is not None:
            went = await self._shared.publish(packet, message.qos)
        else:
            went = False
        self.sent.not_sent += not went
        if went and message.answers is not None and self._on_answer is not None:
            self._on_answer(message)

    async def presence(self, rows: NDArray[np.integer[Any]], online: bool, time_ms: int) -> None:
        """These vehicles, shape (m,), have lost their connection at `time_ms`, simulated UTC, or have it again.

        Our own gateway is notified of those that share one, in the order of what else they say; for it they are offline
        until they are back. Who has a connection of its own loses and opens that, and a foreign broker knows of
        connections only. Raises EnvironmentFault when `shared` is lost.
        """
        if self._own:
            rows = rows[~self._own.owns(rows.astype(np.int32))]
        if self._shared is None or not len(rows):
            return
        if self._crossing:
            await self._shared.send(presence_packet(rows, online, time_ms))
        if online and self._on_back is not None:
            for row in rows.tolist():
                self._on_back(row)

    async def cut(self, rows: NDArray[np.integer[Any]]) -> None:
        """The connections that these vehicles have of their own end, without a word."""
        if self._own:
            await self._own.cut(rows)

    async def restore(self, rows: NDArray[np.integer[Any]]) -> None:
        """They log in again."""
        if self._own:
            await self._own.restore(rows)

    async def send_together(self, kind: str, blocks: Sequence[Block]) -> None:
        """Publish what is due at one moment, small blocks as one write. Not part of the digest."""
        self.sent.add(kind, sum(map(len, blocks)), sum(len(block.data) for block in blocks))
        await self._write(blocks)

    def _after_own(self, block: Block) -> memoryview | bytes:
        """Send what has a connection of its own; what is left is for the shared one."""
        own, left, rest = self._own, len(block), block.data
        if own:
            apart = own.owns(block.vehicles) & (block.vehicles >= 0)
            for row in np.flatnonzero(apart).tolist():
                self.sent.not_sent += not own.send(int(block.vehicles[row]), block.packet(row))
                left -= 1
            if left < len(block):
                rest = block.some(~apart) if left else b""
        if self._shared is None:
            self.sent.not_sent += left
            return b""
        return rest

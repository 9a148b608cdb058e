"""Steps of the simulator become packets for those who listen, and nothing for nobody.

What is subscribed is rendered by the code that renders in the simulator's process where there is no gateway of our own:
a subscriber sees the same bytes. Order is that of turns, which are times unless a network made messages late; in one
turn an event comes before the samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import ProtocolError
from jinqiao.wire.crossing import VehiclesPresent, is_presence, read_crossing, read_presence
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.render import StepRenderer
from jinqiao.wire.render.malformed import KIND as MALFORMED
from jinqiao.wire.render.said import SaidBatch, SaidPacket

from .door import Door, R, Router
from .routes import FleetRoutes

__all__ = ["FleetIntake"]

#: Topics by kind of packet, with `{}` for the device name behind the product key.
_TOPICS = {"property_post": "/sys/{key}/{}/thing/event/property/post", "protobuf_sample": "/{key}/{}/user/telemetry"}
#: Adjacent runs of one route are joined up to this.
_JOIN_BYTES = 256 << 10

#: Called with each batch and each event, before it is forwarded.
OnBatch = Callable[[SaidBatch], object]
OnEvent = Callable[[SaidPacket], object]
#: Called when vehicles have come or gone, behind all that they said before.
OnPresence = Callable[[VehiclesPresent], object]
#: The client that a vehicle, by its row, is when it is not trusted; None for one that may not be there.
ClientOf = Callable[[int], Any]


class FleetIntake(Generic[R]):
    """Reads steps of the vehicles `names`, shape (n,), of one product; `row_of` finds one by its name."""

    def __init__(
        self,
        router: Router[R],
        product_key: str,
        names: NDArray[np.bytes_],
        row_of: Callable[[str], int | None],
        on_batch: OnBatch,
        on_event: OnEvent = lambda _: None,
        on_presence: OnPresence = lambda _: None,
        client_of: ClientOf = lambda _: None,
    ) -> None:
        self._router = router
        self._renderer = StepRenderer(product_key, names, names)
        self._names = names
        self._on_batch, self._on_event, self._on_presence = on_batch, on_event, on_presence
        self._client_of = client_of
        self._routes = {
            kind: FleetRoutes(router, topic.replace("{key}", product_key), names, row_of)
            for kind, topic in _TOPICS.items()
        }

    def take(self, payload: bytes, door: Door[R]) -> None:
        """Act on one step, or on who comes and goes. Raises ProtocolError if it is neither."""
        if is_presence(payload):
            present = read_presence(payload)
            self._check_rows(present.vehicles)
            self._on_presence(present)
            return
        events, batches = read_crossing(payload)
        self._check(events, batches)
        for event in events:
            self._on_event(event)
        for said in batches:
            self._on_batch(said)
        out: _Runs[R] = _Runs(door)
        for _, _, run in sorted(self._runs(door, events, batches), key=lambda found: found[:2]):
            run(out)
        out.flush()

    def _check(self, events: Sequence[SaidPacket], batches: Sequence[SaidBatch]) -> None:
        n = len(self._names)
        if any(said.kind not in self._routes for said in batches):
            raise ProtocolError("a step with a kind of telemetry that nobody knows")
        for said in batches:
            self._check_rows(said.batch.vehicles)
        if any(not 0 <= event.vehicle < n for event in events):
            raise ProtocolError(f"an event of a vehicle that is none of {n}")

    def _check_rows(self, vehicles: NDArray[np.int32]) -> None:
        n = len(self._names)
        if len(vehicles) and not 0 <= int(vehicles.min()) <= int(vehicles.max()) < n:
            raise ProtocolError(f"a step with a vehicle that is none of {n}")

    def _runs(
        self, door: Door[R], events: Sequence[SaidPacket], batches: Sequence[SaidBatch]
    ) -> Iterator[tuple[int, int, Callable[[_Runs[R]], None]]]:
        """Time, place among what is of that time, and what hands it on."""
        for number, event in enumerate(events):
            if event.kind == MALFORMED:
                yield event.turn_ms, number, partial(self._take_untrusted, event, door)
                continue
            route = self._router.route(_topic_of(event.data))
            door.count(route, 1)
            yield event.turn_ms, number, partial(_Runs.add, route=route, packets=event.data, messages=1)
        for number, said in enumerate(batches, len(events)):
            wanted = self._wanted(door, said)
            if wanted is None:
                continue
            some, numbers = wanted
            routes = self._routes[some.kind].routes
            turns = some.turns_ms
            if turns[0] == turns[-1]:
                yield int(turns[0]), number, partial(self._hand_on, some, numbers, routes)
            else:
                yield from ((turn_ms, number, run) for turn_ms, run in self._by_turn(some, numbers, routes))

    def _take_untrusted(self, said: SaidPacket, door: Door[R], out: _Runs[R]) -> None:
        """What a vehicle says that is malformed, behind all that was said before."""
        out.flush()
        client = self._client_of(said.vehicle)
        if client is not None and not door.take_untrusted(client, said.data):
            # It is put out, and logs in again at once; but for the others the connection goes on.
            row = np.array([said.vehicle], np.int32)
            for online in (False, True):
                self._on_presence(VehiclesPresent(row, online, said.turn_ms))

    def _wanted(self, door: Door[R], said: SaidBatch) -> tuple[SaidBatch, NDArray[np.int32]] | None:
        """Those of a batch that somebody hears, with their route numbers, and counts all; None if that is nobody.

        Within a turn those of one route stand together.
        """
        known = self._routes[said.kind]
        numbers, counts = known.split(said.batch.vehicles)
        there = np.flatnonzero(counts)
        for number in there.tolist():
            door.count(known.routes[number], int(counts[number]))
        heard = there[known.heard[there]]
        if not len(heard):
            return None
        if len(there) == 1:
            return said, numbers
        places = np.flatnonzero(known.heard[numbers])
        if len(heard) > 1:
            turns = said.turns_ms[places]
            places = places[np.lexsort((numbers[places], turns))]
        return said.some(places), numbers[places]

    def _hand_on(self, said: SaidBatch, numbers: NDArray[np.int32], routes: list[R], out: _Runs[R]) -> None:
        """Samples of one turn, block by block."""
        start = 0
        for block in self._renderer.samples(said):
            here = numbers[start : start + len(block)]
            start += len(block)
            for first, last in pairwise(_edges(here)):
                out.add(routes[here[first]], block.rows(first, last).data, last - first)

    def _by_turn(
        self, said: SaidBatch, numbers: NDArray[np.int32], routes: list[R]
    ) -> Iterator[tuple[int, Callable[[_Runs[R]], None]]]:
        """Samples of several turns, rendered together."""
        data, width = self._whole(said)
        turns = said.turns_ms
        changes = np.flatnonzero((turns[1:] != turns[:-1]) | (numbers[1:] != numbers[:-1])) + 1
        for first, last in pairwise([0, *changes.tolist(), len(said)]):
            packets = memoryview(data)[first * width : last * width]
            route = routes[numbers[first]]
            yield int(turns[first]), partial(_Runs.add, route=route, packets=packets, messages=last - first)

    def _whole(self, said: SaidBatch) -> tuple[bytes, int]:
        """All packets of a batch, one after the other, and the length of each."""
        data = b"".join([bytes(block.data) for block in self._renderer.samples(said)])
        return data, len(data) // len(said)


class _Runs(Generic[R]):
    """Hands packets on; what follows one another on one route goes together."""

    def __init__(self, door: Door[R]) -> None:
        self._door = door
        self._route: R | None = None
        self._parts: list[bytes | memoryview] = []
        self._bytes = self._messages = 0

    def add(self, route: R, packets: bytes | memoryview, messages: int) -> None:
        """Packets that are whole; their memory may be used again afterwards if they are longer than what is joined."""
        if route is not self._route or self._bytes + len(packets) > _JOIN_BYTES:
            self.flush()
            self._route = route
        if len(packets) > _JOIN_BYTES // 2:
            self.flush()
            self._door.forward(route, bytes(packets), messages)
            return
        self._route = route
        self._parts.append(bytes(packets))
        self._bytes += len(packets)
        self._messages += messages

    def flush(self) -> None:
        """Hand on what has been gathered."""
        if self._parts and self._route is not None:
            self._door.forward(self._route, b"".join(self._parts), self._messages)
        self._parts, self._bytes, self._messages, self._route = [], 0, 0, None


def _edges(numbers: NDArray[np.int32]) -> list[int]:
    """Where the runs of one route begin, and the end."""
    if numbers[0] == numbers[-1] and (numbers == numbers[0]).all():
        return [0, len(numbers)]
    return [0, *(np.flatnonzero(numbers[1:] != numbers[:-1]) + 1).tolist(), len(numbers)]


def _topic_of(packet: bytes) -> bytes:
    """The topic of a whole PUBLISH."""
    bounds = frame(packet, 0)
    if bounds is None:
        raise ProtocolError("an event that is no whole packet")
    at = bounds[0] + 2
    return packet[at : at + int.from_bytes(packet[at - 2 : at], "big")]

"""How a step crosses from the simulator's process to its gateway's: one packet on the connection that there is.

The packet's type is 15, which MQTT 3.1.1 reserves; only a trusted connection may send it (`broker.stream`). Its place
among the other packets is its order, and back-pressure is the connection's. Payload: length of the head (4 bytes,
big-endian), head (JSON: events as [time, vehicle, kind, bytes, turn], batches as [kind, group, signals, rows, whether
some come late]), the events' packets, and for each batch `vehicles` (int32), records (`render.fixed.row_type`) and, if
some come late, their turns (int64), little-endian.

Who is there crosses in packets of its own (`presence_packet`), in its order among the steps. Payload: four bytes that
no head's length has, length of the head, head (JSON: online, time_ms, reason, count), and the rows (int32).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from jinqiao.base.errors import ProtocolError

from .mqtt.fields import remaining_length
from .render.fixed import row_type
from .render.said import SaidBatch, SaidPacket

__all__ = [
    "FIRST_BYTE",
    "MOST_BYTES",
    "VehiclesPresent",
    "crossing_packets",
    "is_presence",
    "presence_packet",
    "read_crossing",
    "read_presence",
]

FIRST_BYTE = 0xF0
#: Rows of one packet: the receiver renders them and sees who cannot follow before it takes the next.
_MOST_ROWS = 4096
#: No packet is longer than this; and no more of one is events, which a fault may make large.
MOST_BYTES = 16 << 20
_MOST_EVENT_BYTES = 4 << 20
#: What a packet about presence begins with: a head would be longer than any packet.
_PRESENCE = b"\xff\xff\xff\xff"
#: Why a vehicle is not there, as the platform numbers reasons: its connection has ended.
_ENDED = 400


_Batches = Sequence[tuple[SaidBatch, NDArray[Any]]]


def crossing_packets(events: Sequence[SaidPacket], batches: _Batches) -> Iterator[bytes]:
    """The packets of a step: events, and each batch with its records, both in order of turns. Nothing for nothing.

    A large step is several packets, one span of time after the other; a span of one instant is cut once more, and its
    events are in the first packet.
    """
    for happened, parts in _spans(events, batches):
        *whole, now = _lots(happened)
        yield from (_packet(lot, ()) for lot in whole)
        rows = sum(len(said) for said, _ in parts)
        if rows <= 2 * _MOST_ROWS:
            if rows or now:
                yield _packet(now, parts)
            continue
        first = now
        for said, records in parts:
            for start in range(0, len(said), _MOST_ROWS):
                part = slice(start, start + _MOST_ROWS)
                yield _packet(first, [(said.some(part), records[part])])
                first = ()


def _spans(events: Sequence[SaidPacket], batches: _Batches) -> Iterator[tuple[Sequence[SaidPacket], _Batches]]:
    """A step cut by time: spans of `_MOST_ROWS` or somewhat more, twice as many at most unless an instant has more."""
    heavy = sum(len(event.data) for event in events) > _MOST_EVENT_BYTES
    if not batches or (not heavy and sum(len(said) for said, _ in batches) <= 2 * _MOST_ROWS):
        yield events, batches
        return
    times = sorted({turn_ms for said, _ in batches for turn_ms in said.turns_ms[said.edges[:-1]].tolist()})
    ends = np.array([np.searchsorted(said.turns_ms, times, side="right") for said, _ in batches])
    counts = np.diff(ends.sum(axis=0), prepend=0).tolist()
    start, begun, rows = np.zeros(len(batches), np.intp), 0, 0
    for number, (count, following) in enumerate(zip(counts, [*counts[1:], 0], strict=True)):
        rows += count
        if following and not heavy and rows < _MOST_ROWS and rows + following <= 2 * _MOST_ROWS:
            continue
        over = begun
        while over < len(events) and events[over].turn_ms <= times[number]:
            over += 1
        stop = ends[:, number]
        some = [slice(*edge) for edge in zip(start.tolist(), stop.tolist(), strict=True)]
        parts = [(said.some(part), records[part]) for part, (said, records) in zip(some, batches, strict=True)]
        yield events[begun:over], [(said, records) for said, records in parts if len(said)]
        start, begun, rows = stop, over, 0
    yield events[begun:], ()


def _lots(events: Sequence[SaidPacket]) -> list[Sequence[SaidPacket]]:
    """Events, in lots that fit into a packet; one at least."""
    starts, size = [0], 0
    for place, event in enumerate(events):
        size += len(event.data)
        if size > _MOST_EVENT_BYTES and place > starts[-1]:
            starts.append(place)
            size = len(event.data)
    return [events[start:stop] for start, stop in pairwise([*starts, len(events)])]


def _packet(events: Sequence[SaidPacket], batches: _Batches) -> bytes:
    head = orjson.dumps(
        {
            "events": [
                [event.time_ms, event.vehicle, event.kind, len(event.data), event.arrives_ms] for event in events
            ],
            "batches": [
                [said.kind, said.batch.group, list(said.batch.signals), len(said), said.arrives_ms is not None]
                for said, _ in batches
            ],
        }
    )
    parts: list[Any] = [len(head).to_bytes(4, "big"), head, *(event.data for event in events)]
    for said, records in batches:
        parts += [said.batch.vehicles.astype("<i4", copy=False).tobytes(), records.tobytes()]
        if said.arrives_ms is not None:
            parts.append(said.arrives_ms.astype("<i8", copy=False).tobytes())
    return b"".join((bytes((FIRST_BYTE,)), remaining_length(sum(map(len, parts))), *parts))


def read_crossing(payload: bytes) -> tuple[list[SaidPacket], list[SaidBatch]]:
    """Events and batches of such a packet. Raises ProtocolError for what is none."""
    try:
        at = 4 + int.from_bytes(payload[:4], "big")
        head = orjson.loads(payload[4:at])
        events = []
        for time_ms, vehicle, kind, length, arrives_ms in head["events"]:
            events.append(SaidPacket(time_ms, vehicle, kind, payload[at : at + length], arrives_ms))
            at += length
        batches = []
        for kind, group, names, count, is_late in head["batches"]:
            kinds = row_type(tuple(names))
            vehicles = np.frombuffer(payload, "<i4", count, at)
            rows = np.frombuffer(payload, kinds, count, at + vehicles.nbytes)
            at += vehicles.nbytes + rows.nbytes
            turns = np.frombuffer(payload, "<i8", count, at) if is_late else None
            at += 0 if turns is None else turns.nbytes
            batches.append(SaidBatch.of_records(kind, group, vehicles, rows, turns))
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"a step that cannot be read: {error}") from error
    if at != len(payload):
        raise ProtocolError(f"a step of {len(payload)} bytes, expected {at}")
    return events, batches


class VehiclesPresent(NamedTuple):
    """Vehicles, shape (m,), int32, that have come (`online`) or gone at `time_ms`, simulated UTC; `reason` is the
    platform's code for why they have gone.
    """

    vehicles: NDArray[np.int32]
    online: bool
    time_ms: int
    reason: int = _ENDED


def presence_packet(rows: NDArray[np.integer[Any]], online: bool, time_ms: int, reason: int = _ENDED) -> bytes:
    """The packet that says that these vehicles, shape (m,), have come or gone at `time_ms`, simulated UTC."""
    head = orjson.dumps({"online": online, "time_ms": time_ms, "reason": reason, "count": len(rows)})
    parts = (_PRESENCE, len(head).to_bytes(4, "big"), head, rows.astype("<i4").tobytes())
    return b"".join((bytes((FIRST_BYTE,)), remaining_length(sum(map(len, parts))), *parts))


def is_presence(payload: bytes) -> bool:
    """Whether a crossing packet's payload is about presence, not a step."""
    return payload.startswith(_PRESENCE)


def read_presence(payload: bytes) -> VehiclesPresent:
    """What such a packet says. Raises ProtocolError for what is none."""
    try:
        at = 8 + int.from_bytes(payload[4:8], "big")
        head = orjson.loads(payload[8:at])
        vehicles = np.frombuffer(payload, "<i4", offset=at) if at < len(payload) else np.zeros(0, np.int32)
        online, count, times = head["online"], head["count"], (head["time_ms"], head["reason"])
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"a presence that cannot be read: {error}") from error
    if not is_presence(payload) or type(online) is not bool or not all(type(time) is int for time in times):
        raise ProtocolError("a presence that is none")
    if len(vehicles) != count:
        raise ProtocolError(f"a presence of {len(vehicles)} vehicles, expected {count}")
    return VehiclesPresent(vehicles, online, *times)

"""The fast path: from the bytes of one read to runs of packets (sans-I/O).

A QoS 0 PUBLISH without RETAIN looks the same going out as it came in: DUP is 0, there is no packet identifier. So
consecutive ones with the same route are not taken apart but forwarded as one slice, the same object for all
subscribers; and so, nearly always, are those at QoS 1 (see `delivery.window`). Per message only the fixed header and
the topic are looked at; per run everything else.
"""

from __future__ import annotations

from collections.abc import Container
from struct import Struct

from jinqiao.base.errors import ProtocolError
from jinqiao.gateway.broker.delivery.outbox import Outbox
from jinqiao.gateway.broker.delivery.runs import AcknowledgedRun
from jinqiao.wire.crossing import FIRST_BYTE as CROSSING
from jinqiao.wire.crossing import MOST_BYTES
from jinqiao.wire.mqtt.decoding import decode
from jinqiao.wire.mqtt.fields import FieldReader, frame
from jinqiao.wire.mqtt.packets import PacketType, Publish
from jinqiao.wire.mqtt.properties import CONSUMED, Property, decode_properties
from jinqiao.wire.mqtt.reasons import Reason
from jinqiao.wire.mqtt.topics import check_name
from jinqiao.wire.stepping import FIRST_BYTE as STEP

from .conversation import handle
from .crossing import SessionDoor
from .policy import ANSWERED_IN_PLACE, Downlink
from .receiving import receive
from .router import Route
from .session import Session, State

__all__ = ["first_packet", "walk"]

#: Whole first bytes: CONNECT; PUBLISH at QoS 0 without flags, and at QoS 1; PUBACK.
_CONNECT, _PUBLISH, _PUBLISH_QOS_1, _PUBACK = 0x10, 0x30, 0x32, 0x40
#: Bits of a PUBLISH's first byte (§ 3.3.1): DUP, both bits of QoS, RETAIN.
_DUPLICATE, _QOS, _RETAIN = 8, 6, 1
#: What a PUBLISH may hold besides its payload: a topic with its length, a packet identifier.
_MAX_HEAD = 2 + 65_535 + 2
_NO_ID = b"\0\0"
#: Different sets of properties that are remembered as passed on.
_KNOWN_PROPERTIES = 1_000
#: What no packet begins with: no byte would do, since a peer may send any.
_NO_HEADER: bytes | tuple[bytes, ...] = ()
#: PUBACKs read at once, and the identifiers of so many in a row.
_PUBACK_ROW = 128
_PUBACK_IDS = [Struct(">" + "2xH" * count) for count in range(_PUBACK_ROW + 1)]


def first_packet(session: Session, data: bytes) -> int:
    """Act on CONNECT, from somebody who may be anybody; returns where it ends, or 0 if it is not all there.

    Raises ProtocolError for anything else.
    """
    if data and data[0] != _CONNECT:
        raise ProtocolError(f"first packet begins with {data[0]:#04x}, not with CONNECT [MQTT-3.1.0-1]")
    bounds = frame(data, 0)
    if bounds is None:
        return 0
    body, stop = bounds
    if stop > session.broker.limits.control_packet_bytes:
        raise ProtocolError(f"CONNECT of {stop} bytes")
    if stop > len(data):
        return 0
    handle(session, data[0], data[body:stop])
    return stop


def walk(session: Session, data: bytes, position: int = 0) -> int:
    """Act on all whole packets from `position` on; returns where the first one begins that is cut.

    Raises ProtocolError at the first packet that breaks the rules, after everything before it has been acted on.
    """
    # Local names throughout, and next to no call per message: this loop is the broker's cost.
    router = session.broker.router
    known_route = router.routes.get
    guarded, small, max_qos = session.guarded, session.small_bytes, session.max_qos
    # Clients with rates are checked for each message, others once per topic.
    permitted: Container[bytes] = session.permitted if session.meter is None else ()
    begins_with, size, five = data.startswith, len(data), session.level == 5
    passing, skip = session.broker.passing, 0
    # The run being gathered: where it starts, its length in messages, its route and first byte; for QoS 1 the places
    # of packet ends and identifiers as well.
    start, messages, run_first, watched = position, 0, _PUBLISH, False
    route: Route[Outbox] | None = None
    refusal = Reason.SUCCESS
    ends: list[int] = []
    ids_at: list[int] = []
    # What is owed at the end, however it comes: PUBACKs, and what the policy wants published.
    received: list[bytes] = []
    downlinks: list[Downlink] = []
    # A fleet's packets are mostly of one length, and so are its topics. `header` is the fixed header and topic length
    # of a packet whose length came twice: a packet that begins the same is cut at the same offsets, without decoding.
    header, header_first, topic_at, payload_at, packet_bytes = _NO_HEADER, 0, 0, 0, 0
    try:
        while position < size:
            if begins_with(header, position):
                first, payload, stop = header_first, position + payload_at, position + packet_bytes
                if stop > size:
                    break
            else:
                first, body = data[position], position + 3
                if body < size and (low := data[position + 1]) > 0x7F and 0 < (high := data[position + 2]) < 0x80:
                    stop = body + low + (high << 7) - 0x80
                else:
                    bounds = frame(data, position)
                    if bounds is None:
                        break
                    body, stop = bounds
                if stop - body > small:
                    _check_size(session, data, body, stop - body, first)
                if stop > size:
                    break
                if (first != _PUBLISH and first != _PUBLISH_QOS_1) or stop - body < 2:
                    if messages:
                        _forward(session, route, data[start:position], messages, ends, ids_at)
                    _settle(session, received, downlinks)
                    ends, ids_at, messages = [], [], 0
                    position = _other(session, data, position, body, stop)
                    if session.state is not State.CONNECTED:
                        break
                    start = position
                    continue
                topic_at = body + 2 - position
                payload = body + 2 + (data[body] << 8) + data[body + 1]
                if payload + (first - _PUBLISH) > stop:
                    # 0x32 - 0x30 are the two bytes of a packet identifier.
                    raise ProtocolError("PUBLISH ends within its topic name or packet identifier")
                if stop - position == packet_bytes:
                    header, header_first, payload_at = data[position : body + 2], first, payload - position
                else:
                    header, packet_bytes = _NO_HEADER, stop - position
            topic = data[position + topic_at : payload]
            if five:
                # Without properties, or with such as are passed on as they came, it goes like any other; `payload`
                # stays where the identifier is.
                at = payload + (first - _PUBLISH)
                skip = data[at] + 1 if at < stop else 0
                if skip != 1 and not (0 < skip <= stop - at and _pass(passing, data[at : at + skip])):
                    if messages:
                        _forward(session, route, data[start:position], messages, ends, ids_at)
                    _settle(session, received, downlinks)
                    ends, ids_at, messages = [], [], 0
                    _receive(session, data, position, position + topic_at - 2, stop)
                    position = stop
                    start = position
                    continue
            if guarded and topic not in permitted and (refusal := session.refusal(topic, first, stop - position)):
                found = None
            else:
                found = known_route(topic) or router.route(topic)
            if found is not route or first != run_first:
                if messages:
                    _forward(session, route, data[start:position], messages, ends, ids_at)
                    ends, ids_at = [], []
                start, messages, route, run_first = position, 0, found, first
                watched = found is not None and (found.handled if guarded else found.handled_trusted)
            if first == _PUBLISH_QOS_1:
                if not max_qos:
                    raise ProtocolError("PUBLISH at QoS 1", Reason.QOS_NOT_SUPPORTED)
                packet_id = data[payload : payload + 2]
                if packet_id == _NO_ID:
                    raise ProtocolError("packet identifier 0 [MQTT-2.3.1-1]")
                if five and found is None:
                    _settle(session, received, downlinks)
                    session.acknowledge(b"\x40\x03" + packet_id + bytes((refusal,)))
                elif found is not None or refusal is not Reason.QUOTA_EXCEEDED:
                    # Also what may not be published: 3.1.1 has no way to say no [MQTT-3.3.5-2]. What is dropped only
                    # because there was too much of it is not acknowledged: its sender may send it again.
                    received.append(packet_id)
                ids_at.append(payload - start)
                ends.append(stop - start)
                payload += 2
            messages += 1
            position = stop
            if watched:
                downlinks += session.ask(topic, data[payload + skip : stop])
    finally:
        if messages:
            _forward(session, route, data[start:position], messages, ends, ids_at)
        _settle(session, received, downlinks)
    return position


def _forward(
    session: Session, route: Route[Outbox] | None, packets: bytes, messages: int, ends: list[int], ids_at: list[int]
) -> None:
    """Hand a run to its subscribers: of QoS 1 packets if `ends` holds any. Without a route they were refused."""
    if route is None:
        return
    broker = session.broker
    broker.counters.received[route.kind] += messages
    if route.pushed is session.outbox or route.kind in ANSWERED_IN_PLACE:
        route = route.without(session.outbox)
    if not route.targets and not route.groups:
        return
    if ends:
        run = AcknowledgedRun(packets, ends, ids_at, session.level)
        broker.forward_acknowledged(route, run, session.outbox.identity)
    else:
        broker.forward(route, packets, messages, session.level, session.outbox.identity)
    if broker.dispatcher.congested:
        session.wait_for(route.targets)


def _pass(known: set[bytes], properties: bytes) -> bool:
    """Whether properties, behind their length of one byte, are passed on to any subscriber of MQTT 5 as they are.

    False for an invalid one as well: the decoder of the packet will find out.
    """
    if properties in known:
        return True
    if properties[0] > 0x7F:
        return False
    try:
        found = decode_properties(FieldReader(properties), PacketType.PUBLISH)
        if Property.RESPONSE_TOPIC in found:
            check_name(found[Property.RESPONSE_TOPIC])
    except ProtocolError:
        return False
    if not CONSUMED.isdisjoint(found):
        return False
    if len(known) >= _KNOWN_PROPERTIES:
        known.clear()
    known.add(properties)
    return True


def _settle(session: Session, received: list[bytes], downlinks: list[Downlink]) -> None:
    """Acknowledge in the order of the messages [MQTT-4.6.0-2], and publish what the policy answered to them.

    Called when they have been forwarded, so that nobody sees an answer before its question.
    """
    if received:
        if session.state is State.CONNECTED:
            session.acknowledge(b"\x40\x02" + b"\x40\x02".join(received))
        received.clear()
    if downlinks:
        session.broker.publish_all(downlinks)
        downlinks.clear()


def _other(session: Session, data: bytes, position: int, body: int, stop: int) -> int:
    """Act on a packet that is no ordinary PUBLISH; returns where it, or the row of PUBACKs it begins, ends."""
    first = data[position]
    if first == _PUBACK and stop - body == 2:
        return _acknowledge(session, data, position)
    if first == CROSSING and not session.guarded and (intake := session.broker.intake) is not None:
        door = SessionDoor(session, walk)
        intake.take(data[body:stop], door)
        door.settle()
        return stop
    if first == STEP and not session.guarded and (lock_step := session.broker.lock_step) is not None:
        lock_step.ask(session.outbox.answer)
        return stop
    if first & 0xF0 != _PUBLISH:
        handle(session, first, data[body:stop])
        return stop
    _receive(session, data, position, body, stop)
    return stop


def _receive(session: Session, data: bytes, position: int, body: int, stop: int) -> None:
    """Act on a PUBLISH that has to be looked at: flags, QoS 2, properties."""
    first = data[position]
    qos = (first & _QOS) >> 1
    if stop - body < 2:
        raise ProtocolError("PUBLISH without a topic", Reason.MALFORMED)
    if qos == 3 or qos > session.max_qos:
        raise ProtocolError(f"PUBLISH at QoS {qos}", Reason.MALFORMED if qos == 3 else Reason.QOS_NOT_SUPPORTED)
    if first & _DUPLICATE and not qos:
        raise ProtocolError("PUBLISH at QoS 0 marked as duplicate [MQTT-3.3.1-2]", Reason.MALFORMED)
    if session.level < 5 and qos < 2 and not (first & _RETAIN and session.retains):
        # A message sent again is to us a message like others (§ 4.3.2), and RETAIN counts only from those who may:
        # without these flags it is an ordinary PUBLISH.
        if first & _RETAIN:
            session.cannot_retain(data[body + 2 : min(body + 2 + (data[body] << 8 | data[body + 1]), stop)])
        walk(session, bytes((_PUBLISH | first & _QOS,)) + data[position + 1 : stop])
        return
    packet = decode(first, data[body:stop], session.level)
    assert isinstance(packet, Publish)
    receive(session, packet, first, stop - position)


def _acknowledge(session: Session, data: bytes, position: int) -> int:
    """PUBACKs come in rows: read as many as there are at once."""
    count = min((len(data) - position) // 4, _PUBACK_ROW)
    row = data[position : position + 4 * count]
    if row[::4].count(_PUBACK) != count or row[1::4].count(2) != count:
        count, row = 1, row[:4]
    ids = _PUBACK_IDS[count].unpack(row)
    if 0 in ids:
        raise ProtocolError("packet identifier 0 [MQTT-2.3.1-1]")
    session.outbox.acknowledge(ids)
    return position + 4 * count


def _check_size(session: Session, data: bytes, body: int, length: int, first: int) -> None:
    """Refuse a packet by the length it announces, before any of it is collected."""
    if first & 0xF0 != _PUBLISH:
        crossing = first == CROSSING and not session.guarded and session.broker.intake is not None
        if length > (MOST_BYTES if crossing else session.broker.limits.control_packet_bytes):
            raise ProtocolError(f"packet of {length} bytes", Reason.PACKET_TOO_LARGE)
        return
    head = _MAX_HEAD
    if body + 2 <= len(data):
        head = 2 + (data[body] << 8 | data[body + 1]) + (2 if first & _QOS else 0)
    if length - head > session.max_payload:
        why = f"payload of {length - head} bytes or more, {session.max_payload} allowed"
        raise ProtocolError(why, Reason.PACKET_TOO_LARGE)

"""PUBLISH where it has to be taken apart, and the rest of QoS 2 (MQTT 3.1.1 § 3.3, 4.3.3; MQTT 5 § 3.3.2.3).

The fast path (`stream`) hands over what is retained, exactly once, or has properties.
"""

from __future__ import annotations

from math import inf

from jinqiao.base.errors import ProtocolError
from jinqiao.gateway.broker.delivery.message import Message
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import PacketType, Puback, Publish
from jinqiao.wire.mqtt.properties import Property, passed_on
from jinqiao.wire.mqtt.reasons import Reason

from .policy import ANSWERED_IN_PLACE
from .session import Session

__all__ = ["receive", "recorded", "release"]


def receive(session: Session, packet: Publish, first: int, size: int) -> None:
    """Route one message and acknowledge it; `first` and `size` are its packet's first byte and length."""
    broker = session.broker
    topic = _topic(session, packet)
    if packet.qos > session.max_qos:
        raise ProtocolError(f"PUBLISH at QoS {packet.qos}", Reason.QOS_NOT_SUPPORTED)
    if packet.qos == 2 and not _is_new(session, packet.packet_id):
        _acknowledge(session, packet, Reason.SUCCESS)
        return
    refusal = session.refusal(topic, first, size) if session.guarded else Reason.SUCCESS
    if refusal:
        _refuse(session, packet, refusal)
        return
    route = broker.router.route(topic)
    broker.counters.received[route.kind] += 1
    if route.pushed is session.outbox or route.kind in ANSWERED_IN_PLACE:
        route = route.without(session.outbox)
    retain = packet.retain and session.retains
    expiry_s = packet.properties.get(Property.MESSAGE_EXPIRY)
    message = Message(
        topic,
        packet.payload,
        packet.qos,
        retain,
        passed_on(packet.properties),
        inf if expiry_s is None else broker.dispatcher.now + expiry_s,
        session.outbox.identity,
    )
    broker.accept(message, route, session.principal)
    handled = route.handled if session.guarded else route.handled_trusted
    downlinks = session.ask(topic, packet.payload) if handled else ()
    _acknowledge(session, packet, Reason.SUCCESS)
    broker.publish_all(downlinks)
    if broker.dispatcher.congested:
        session.wait_for(route.targets)


def release(session: Session, packet: Puback) -> None:
    """PUBREL: the identifier is free again [MQTT-4.3.3-2]."""
    known = session.qos2_received is not None and packet.packet_id in session.qos2_received
    if known and session.qos2_received is not None:
        session.qos2_received.discard(packet.packet_id)
    reason = Reason.SUCCESS if known or session.level < 5 else Reason.PACKET_IDENTIFIER_NOT_FOUND
    session.answer(encode(Puback(packet.packet_id, PacketType.PUBCOMP, reason), session.level))


def recorded(session: Session, packet: Puback) -> None:
    """PUBREC for a QoS 2 message of ours: answered with PUBREL, unless it refuses (MQTT 5)."""
    if packet.reason >= Reason.UNSPECIFIED:
        session.outbox.finish(packet.packet_id)
        return
    known = session.outbox.release(packet.packet_id)
    reason = Reason.SUCCESS if known else Reason.PACKET_IDENTIFIER_NOT_FOUND
    session.answer(encode(Puback(packet.packet_id, PacketType.PUBREL, reason), session.level))


def _refuse(session: Session, packet: Publish, refusal: Reason) -> None:
    """A PUBREC that refuses ends the exchange (MQTT 5 § 4.3.3); what is only too much is not acknowledged before it."""
    too_much = refusal is Reason.QUOTA_EXCEEDED
    if packet.qos == 2 and session.qos2_received is not None and (session.level == 5 or too_much):
        session.qos2_received.discard(packet.packet_id)
    if session.level == 5 or not too_much:
        _acknowledge(session, packet, refusal)


def _topic(session: Session, packet: Publish) -> bytes:
    """The topic, by its name or by an alias the client gave it on this connection (MQTT 5 § 3.3.2.3.4)."""
    topic = packet.topic.encode()
    if Property.SUBSCRIPTION_IDENTIFIER in packet.properties:
        raise ProtocolError("PUBLISH of a client with a subscription identifier [MQTT5-3.3.4-6]", Reason.PROTOCOL_ERROR)
    alias = packet.properties.get(Property.TOPIC_ALIAS)
    if alias is None:
        return topic
    if not 0 < alias <= session.broker.limits.topic_aliases:
        raise ProtocolError(f"topic alias {alias} [MQTT5-3.3.2-8, 9]", Reason.TOPIC_ALIAS_INVALID)
    if session.aliases is None:
        session.aliases = {}
    if topic:
        # One that is too long is refused whatever it is, so enough of it is kept to be refused again.
        session.aliases[alias] = topic[: session.who().longest_topic + 1]
        return topic
    if alias not in session.aliases:
        raise ProtocolError(f"topic alias {alias} is not known", Reason.PROTOCOL_ERROR)
    return session.aliases[alias]


def _is_new(session: Session, packet_id: int) -> bool:
    """Whether this QoS 2 message has not been here before [MQTT-4.3.3-2]; enters it."""
    if session.qos2_received is None:
        session.qos2_received = set()
    if packet_id in session.qos2_received:
        return False
    if session.level == 5 and len(session.qos2_received) >= session.broker.limits.receive_maximum:
        raise ProtocolError("more unfinished messages than Receive Maximum", Reason.RECEIVE_MAXIMUM_EXCEEDED)
    session.qos2_received.add(packet_id)
    return True


def _acknowledge(session: Session, packet: Publish, reason: Reason) -> None:
    """Before MQTT 5 there is no way to say no [MQTT-3.3.5-2]."""
    if packet.qos:
        kind = PacketType.PUBREC if packet.qos == 2 else PacketType.PUBACK
        session.acknowledge(encode(Puback(packet.packet_id, kind, reason), session.level))

"""SUBSCRIBE and UNSUBSCRIBE, and the retained messages that come with a subscription (§ 3.8 to 3.11)."""

from __future__ import annotations

from jinqiao.base.errors import ProtocolError
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Suback, Subscribe, Unsuback, Unsubscribe
from jinqiao.wire.mqtt.properties import Property
from jinqiao.wire.mqtt.reasons import Reason
from jinqiao.wire.mqtt.topics import decode_name

from .grant import Grant
from .session import Session

__all__ = ["subscribe", "unsubscribe"]

#: SUBACK return code for a subscription that was not made (§ 3.9.3); MQTT 5 has one for each reason.
_FAILURE = 0x80
#: Subscription options (MQTT 5 § 3.8.3.1): QoS, No Local, Retain As Published; then Retain Handling.
_QOS, _NO_LOCAL, _AS_PUBLISHED, _HANDLING_AT = 3, 4, 8, 4
_IF_NEW, _NEVER = 1, 2


def subscribe(session: Session, packet: Subscribe) -> None:
    """Make the subscriptions the client may have, answer, and send what is retained for them."""
    principal, subscriptions = session.who(), session.subscriptions_of()
    identifiers = packet.properties.get(Property.SUBSCRIPTION_IDENTIFIER, ())
    if identifiers and not principal.identifiers:
        raise ProtocolError("subscription identifiers are not offered", Reason.IDENTIFIERS_NOT_SUPPORTED)
    codes: list[int] = []
    wanted: list[tuple[str, Grant]] = []
    for index, (topic_filter, options) in enumerate(packet.filters):
        qos = min(options & _QOS, session.max_qos)
        only_for = session.broker.policy.only_for(principal, topic_filter)
        grant = Grant(qos, bool(options & _NO_LOCAL), bool(options & _AS_PUBLISHED), identifiers, only_for)
        new = topic_filter not in subscriptions
        refusal = _refusal(session, index, topic_filter)
        if not refusal:
            subscriptions.add(topic_filter, grant)
            codes.append(qos)
            handling = options >> _HANDLING_AT
            if handling != _NEVER and (new or handling != _IF_NEW) and not topic_filter.startswith("$share/"):
                wanted.append((topic_filter, grant))
        else:
            codes.append(refusal if session.level == 5 else _FAILURE)
    session.answer(encode(Suback(packet.packet_id, tuple(codes)), session.level))
    if session.broker.lock_step is not None and len(subscriptions):
        session.broker.lock_step.subscribed(session.outbox)
    for topic_filter, grant in wanted:
        _send_retained(session, topic_filter, grant)


def _refusal(session: Session, index: int, topic_filter: str) -> Reason:
    """Why the client may not have the subscription that comes as number `index` of its packet, or SUCCESS."""
    broker, principal = session.broker, session.who()
    if index < principal.max_filters:
        reason, why = session.subscriptions_of().refusal(topic_filter)
    else:
        reason, why = Reason.QUOTA_EXCEEDED, f"more than {principal.max_filters} filters in one SUBSCRIBE"
    if reason:
        broker.refuse(principal, "subscribe", topic_filter, why)
        return reason
    if session.may_subscribe(topic_filter):
        return Reason.SUCCESS
    broker.counters.refused["subscribe"] += 1
    broker.journal.warning("%s may not subscribe to %.80r", session.name, topic_filter)
    return Reason.NOT_AUTHORIZED


def unsubscribe(session: Session, packet: Unsubscribe) -> None:
    """End the subscriptions, and answer whether there were any."""
    subscriptions = session.subscriptions_of()
    found = [subscriptions.remove(topic_filter) for topic_filter in packet.filters]
    codes = tuple(Reason.SUCCESS if each else Reason.NO_SUBSCRIPTION_EXISTED for each in found)
    session.answer(encode(Unsuback(packet.packet_id, codes), session.level))


def _send_retained(session: Session, topic_filter: str, grant: Grant) -> None:
    """Retained messages come with every new subscription [MQTT-3.3.1-6]; in MQTT 5 the client may say no."""
    broker = session.broker
    for message in broker.retained.match(topic_filter, broker.dispatcher.now):
        if grant.only_for and not broker.policy.is_for(grant.only_for, decode_name(message.topic)):
            continue
        session.outbox.post(message, grant, kept=True)

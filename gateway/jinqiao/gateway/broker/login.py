"""CONNECT and its answer (§ 3.1, 3.2 of MQTT 3.1.1 and 5): who it is, which session goes on, what is offered."""

from __future__ import annotations

import secrets
from typing import Any

from jinqiao.base.errors import ProtocolError
from jinqiao.gateway.broker.delivery.message import Style
from jinqiao.gateway.broker.delivery.meter import MeteredOutbox, UpMeter
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Connack, Connect, Will
from jinqiao.wire.mqtt.properties import Property
from jinqiao.wire.mqtt.reasons import CONNACK_REASONS, Reason

from .policy import Ignored, Login, Principal, Refused
from .session import Session
from .subscriptions import Subscriptions

__all__ = ["log_in", "refuse_login"]

#: CONNACK return codes (§ 3.2.2.3) as reasons to count.
_LOGIN_REFUSED = {1: "protocol_level", 2: "client_id", 3: "unavailable", 4: "credentials", 5: "not_authorised"}
_UNAVAILABLE = 3
_CLIENT_ID_REJECTED = 2
_NOT_AUTHORISED = 5
#: The longest packet MQTT has: as a maximum it is none.
_NO_MAXIMUM = 268_435_455


def log_in(session: Session, connect: Connect) -> None:
    """Admit a client and resume its session, or refuse it and close."""
    broker, client_id = session.broker, connect.client_id
    try:
        if connect.level == 5 and Property.AUTHENTICATION_METHOD in connect.properties:
            raise Refused("enhanced authentication is not offered", Reason.BAD_AUTHENTICATION_METHOD)
        if not client_id:
            # [MQTT-3.1.3-7, 8]; MQTT 3.1 knows no empty client identifier at all, MQTT 5 allows any [MQTT5-3.1.3-6].
            if connect.level < 5 and (not connect.clean_session or connect.level < 4):
                raise Refused("empty client identifier", _CLIENT_ID_REJECTED)
            client_id = f"auto-{secrets.token_hex(8)}"
        login = Login(
            client_id,
            connect.username,
            connect.password,
            connect.level,
            connect.clean_session,
            connect.keep_alive_s,
            session.peer,
        )
        principal = broker.admit(session, login, lambda principal: _check(session, connect, principal))
    except Refused as error:
        refuse_login(session, connect, error)
        return
    except Exception:
        broker.journal.exception("the policy failed on the login of %r", client_id)
        refuse_login(session, connect, ProtocolError("the policy failed", _UNAVAILABLE))
        return
    _enter(session, connect, principal, client_id)


def refuse_login(session: Session, connect: Connect | None, error: ProtocolError) -> None:
    """Say why in the client's own words, and close."""
    reason = _LOGIN_REFUSED.get(error.reason, "login")
    session.broker.counters.refused[reason] += 1
    said = {} if connect is None else {"client_id": connect.client_id, "username": connect.username}
    session.broker.journal.refused(reason, session.peer, error, **said)
    if not isinstance(error, Ignored):
        code = error.reason or _UNAVAILABLE
        level = 4 if connect is None else connect.level
        session.answer(encode(Connack(CONNACK_REASONS.get(code, code) if level == 5 else code), level))
    session.close()


def _enter(session: Session, connect: Connect, principal: Principal, client_id: str) -> None:
    broker, limits = session.broker, session.broker.limits
    session.be(principal, connect.level)
    outbox = session.outbox
    if principal.rates is not None:
        session.meter = UpMeter(broker, principal, principal.rates)
        session.outbox = outbox = MeteredOutbox(outbox, broker, principal, principal.rates)
    outbox.name, outbox.identity = principal.name, principal.identity
    session.expiry_s = _expiry_s(connect, limits.session_expiry_s)
    outbox.lasting = session.expiry_s > 0
    if connect.level == 5:
        _apply_client_limits(session, connect)
    session.will = _will(session, connect, principal)

    before = None
    if connect.clean_session:
        broker.absent.end(principal.identity)
    else:
        before = broker.absent.resume(principal.identity)
    if before is not None:
        session.subscriptions, session.qos2_received = before.subscriptions, before.qos2_received
        before.subscriptions.move(outbox, principal, session.may_subscribe)
    else:
        session.subscriptions = Subscriptions(broker.router, limits, outbox, principal)
    if broker.lock_step is not None and not principal.trusted:
        subscribed = principal.auto_subscribed or len(session.subscriptions) > 0
        broker.lock_step.enter(client_id, outbox, subscribed=subscribed)
    properties = _offer(session, connect, client_id) if connect.level == 5 else {}
    session.answer(encode(Connack(0, before is not None and connect.level > 3, properties), connect.level))
    if before is not None:
        outbox.inherit(before.outbox, session.max_qos)
    broker.enter(session, principal)


def _expiry_s(connect: Connect, longest_s: int) -> int:
    """How long the session outlives the connection. Before MQTT 5 it is a flag, for as long as we keep any."""
    if connect.level < 5:
        return 0 if connect.clean_session else longest_s
    asked: int = connect.properties.get(Property.SESSION_EXPIRY, 0)
    return min(asked, longest_s)


def _check(session: Session, connect: Connect, principal: Principal) -> None:
    """Raise Refused for what is asked of the broker, and not of the policy."""
    if session.foreign and principal.kind == "anonymous":
        # Any page that the user opens could connect: nobody but the user knows a user name and its password.
        raise Refused("a web page from another origin needs a user name", _NOT_AUTHORISED)
    _check_will(connect, principal)


def _check_will(connect: Connect, principal: Principal) -> None:
    """Raise Refused for a will that MQTT 5 has a reason code against [MQTT5-3.2.2-12, 13]."""
    will = connect.will
    if will is None or connect.level < 5:
        return
    if will.qos > principal.max_qos:
        raise Refused(f"will at QoS {will.qos}", Reason.QOS_NOT_SUPPORTED)
    if will.retain and not principal.retains:
        raise Refused("retained will", Reason.RETAIN_NOT_SUPPORTED)


def _will(session: Session, connect: Connect, principal: Principal) -> Will | None:
    """The will, if this client may leave one and may publish it."""
    will = connect.will
    if will is None:
        return None
    if not principal.retains:
        session.broker.refuse(principal, "will", will.topic, "a will is for MQTT 5 here")
        return None
    if session.guarded and not session.may_publish(will.topic.encode()):
        return None
    return will


def _apply_client_limits(session: Session, connect: Connect) -> None:
    """What an MQTT 5 client says it can take (MQTT 5 § 3.1.2.11)."""
    properties, limits, outbox = connect.properties, session.broker.limits, session.outbox
    aliases = min(properties.get(Property.TOPIC_ALIAS_MAXIMUM, 0), limits.topic_aliases)
    longest = properties.get(Property.MAXIMUM_PACKET_SIZE, _NO_MAXIMUM)
    # A maximum that no packet of ours can exceed is none, and its owner takes runs as they are.
    outbox.style = Style(5, aliases, longest if longest < limits.payload_bytes + limits.control_packet_bytes else None)
    outbox.window_size = min(limits.unacknowledged, properties.get(Property.RECEIVE_MAXIMUM, 65_535))


def _offer(session: Session, connect: Connect, client_id: str) -> dict[Property, Any]:
    """What the client may do here, where that is not the standard's default (MQTT 5 § 3.2.2.3)."""
    limits, principal = session.broker.limits, session.principal
    assert principal is not None
    offer: dict[Property, Any] = {
        Property.SERVER_KEEP_ALIVE: principal.keep_alive_s,
        Property.RECEIVE_MAXIMUM: limits.receive_maximum,
        Property.TOPIC_ALIAS_MAXIMUM: limits.topic_aliases,
        Property.MAXIMUM_PACKET_SIZE: session.max_payload,
    }
    if Property.SESSION_EXPIRY in connect.properties:
        offer[Property.SESSION_EXPIRY] = session.expiry_s
    if session.max_qos < 2:
        offer[Property.MAXIMUM_QOS] = session.max_qos
    if not principal.retains:
        offer[Property.RETAIN_AVAILABLE] = 0
    if not principal.identifiers:
        offer[Property.SUBSCRIPTION_IDENTIFIERS_AVAILABLE] = 0
    if client_id != connect.client_id:
        offer[Property.ASSIGNED_CLIENT_ID] = client_id
    return offer

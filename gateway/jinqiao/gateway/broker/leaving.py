"""How a client goes, and what stays: its session, if that lasts, and its will (§ 3.1.2.5, 3.14)."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import TYPE_CHECKING

from jinqiao.base.errors import ProtocolError
from jinqiao.gateway.broker.delivery.message import Message
from jinqiao.wire.mqtt.packets import Signal, Will
from jinqiao.wire.mqtt.properties import Property
from jinqiao.wire.mqtt.reasons import Reason

from .lasting import Lasting
from .policy import Principal
from .receiving import passed_on
from .subscriptions import Subscriptions

if TYPE_CHECKING:
    from .broker import Broker
    from .session import Session

__all__ = ["disconnect", "leave_behind"]


def disconnect(session: Session, packet: Signal) -> None:
    """The client says goodbye: no will [MQTT-3.1.2-10], unless it asks for it (MQTT 5 § 3.14.2.1)."""
    if packet.reason != Reason.DISCONNECT_WITH_WILL:
        session.will = None
    expiry_s = packet.properties.get(Property.SESSION_EXPIRY)
    if expiry_s is not None:
        if expiry_s and not session.expiry_s:
            raise ProtocolError("session expiry after 0 in CONNECT (MQTT 5 § 3.14.2.2.2)", Reason.PROTOCOL_ERROR)
        session.expiry_s = min(expiry_s, session.broker.limits.session_expiry_s)
    session.close()


def leave_behind(session: Session, principal: Principal, subscriptions: Subscriptions) -> None:
    """The connection is gone: keep the session if it lasts, and see to the will [MQTT-3.1.2-8]."""
    broker, will, send, delay_s = session.broker, session.will, None, 0
    session.will = None
    if will is not None:
        send = partial(_send_will, broker, will, principal)
        delay_s = will.properties.get(Property.WILL_DELAY, 0)
    if session.expiry_s:
        session.outbox.detach()
        lasting = Lasting(session.outbox, subscriptions, session.exact, send)
        broker.absent.keep(principal.identity, lasting, broker.dispatcher.now, session.expiry_s, delay_s)
        return
    subscriptions.end()
    session.outbox.close()
    if send is not None:
        send()


def _send_will(broker: Broker, will: Will, principal: Principal) -> None:
    """Publish the will like any message; its expiry counts from now on."""
    expiry_s = will.properties.get(Property.MESSAGE_EXPIRY)
    message = Message(
        will.topic.encode(),
        will.payload,
        min(will.qos, principal.max_qos),
        will.retain,
        passed_on(will.properties),
        inf if expiry_s is None else broker.dispatcher.now + expiry_s,
        principal.identity,
    )
    try:
        route = broker.router.route(message.topic)
        broker.counters.received[route.kind] += 1
        broker.accept(message, route)
    except Exception:
        broker.fault("the will of %s to %r could not be published", principal.name, will.topic)

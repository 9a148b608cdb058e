"""What stays when a connection ends: its session, if that lasts, and its will (§ 3.1.2.5)."""

from __future__ import annotations

from functools import partial
from math import inf

from jinqiao.gateway.broker.delivery.message import Message
from jinqiao.wire.mqtt.packets import Will
from jinqiao.wire.mqtt.properties import Property, passed_on

from .broker import Broker
from .lasting import Lasting
from .policy import Principal

__all__ = ["leave_behind"]


def leave_behind(broker: Broker, principal: Principal, remains: Lasting, will: Will | None, expiry_s: int) -> None:
    """The connection is gone: keep the session for `expiry_s`, if it lasts, and see to the will [MQTT-3.1.2-8]."""
    delay_s = 0
    if will is not None:
        remains.will = partial(_send_will, broker, will, principal)
        delay_s = will.properties.get(Property.WILL_DELAY, 0)
    if expiry_s:
        remains.outbox.detach()
        broker.absent.keep(principal.identity, remains, broker.dispatcher.now, expiry_s, delay_s)
        return
    remains.subscriptions.end()
    remains.outbox.close()
    if remains.will is not None:
        remains.will()


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
        broker.accept(message, route, principal)
    except Exception:
        broker.fault("the will of %s to %r could not be published", principal.name, will.topic)

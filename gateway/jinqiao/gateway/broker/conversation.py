"""One client's conversation (MQTT 3.1.1 chapters 3 and 4, MQTT 5 the same): which packet may come when, who acts on it.

PUBLISH and PUBACK, which come in thousands, are read by `stream`; all other packets come through `handle`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinqiao.base.errors import ProtocolError
from jinqiao.wire.mqtt.decoding import UnsupportedLevel, decode
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import PacketType, Puback, Signal
from jinqiao.wire.mqtt.properties import Property
from jinqiao.wire.mqtt.reasons import Reason

from .login import log_in, refuse_login
from .receiving import recorded, release
from .session import Session, State
from .subscribing import subscribe, unsubscribe

__all__ = ["TRANSITIONS", "handle"]

#: Which packets may come when, and where they lead. Whatever is not here closes the connection: a packet before
#: CONNECT [MQTT-3.1.0-1], a second CONNECT [MQTT-3.1.0-2], a packet that only servers send, AUTH without enhanced
#: authentication (MQTT 5 § 4.12).
TRANSITIONS: dict[State, dict[PacketType, State]] = {
    State.OPENED: {
        PacketType.CONNECT: State.CONNECTED,
    },
    State.CONNECTED: {
        PacketType.PUBLISH: State.CONNECTED,
        PacketType.PUBACK: State.CONNECTED,
        PacketType.PUBREC: State.CONNECTED,
        PacketType.PUBREL: State.CONNECTED,
        PacketType.PUBCOMP: State.CONNECTED,
        PacketType.SUBSCRIBE: State.CONNECTED,
        PacketType.UNSUBSCRIBE: State.CONNECTED,
        PacketType.PINGREQ: State.CONNECTED,
        PacketType.DISCONNECT: State.CLOSED,
    },
    State.CLOSED: {},
}

_PINGRESP = encode(Signal(PacketType.PINGRESP))


def handle(session: Session, first: int, body: bytes) -> None:
    """Act on a packet that is not a PUBLISH, given as its first byte and what follows its length.

    Raises ProtocolError.
    """
    try:
        packet = decode(first, body, session.level)
    except UnsupportedLevel as error:
        if session.state is not State.OPENED:
            raise
        refuse_login(session, None, error)
        return
    following = TRANSITIONS[session.state].get(packet.type)
    if following is None:
        raise ProtocolError(f"{packet.type.name} from a client that is {session.state.value}")
    session.state = following
    _HANDLERS[packet.type](session, packet)


def _acknowledged(session: Session, packet: Puback) -> None:
    session.outbox.acknowledge((packet.packet_id,))


def _completed(session: Session, packet: Puback) -> None:
    session.outbox.finish(packet.packet_id)


def _ping(session: Session, _: Signal) -> None:
    session.answer(_PINGRESP)


def _disconnect(session: Session, packet: Signal) -> None:
    """The client says goodbye: no will, unless it gives any reason but success (MQTT 5 § 3.14.4, [MQTT-3.1.2-10])."""
    expiry_s = packet.properties.get(Property.SESSION_EXPIRY)
    if expiry_s is not None:
        if expiry_s and not session.expiry_s:
            raise ProtocolError("session expiry after 0 in CONNECT (MQTT 5 § 3.14.2.2.2)", Reason.PROTOCOL_ERROR)
        session.expiry_s = min(expiry_s, session.broker.limits.session_expiry_s)
    if packet.reason == Reason.SUCCESS:
        session.will = None
    session.close()


_HANDLERS: dict[PacketType, Callable[[Session, Any], None]] = {
    PacketType.CONNECT: log_in,
    PacketType.PUBACK: _acknowledged,
    PacketType.PUBREC: recorded,
    PacketType.PUBREL: release,
    PacketType.PUBCOMP: _completed,
    PacketType.SUBSCRIBE: subscribe,
    PacketType.UNSUBSCRIBE: unsubscribe,
    PacketType.PINGREQ: _ping,
    PacketType.DISCONNECT: _disconnect,
}

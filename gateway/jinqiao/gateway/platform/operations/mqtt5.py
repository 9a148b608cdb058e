"""What a message to devices can carry beside its payload: `retain`, and properties of MQTT 5 (§ 3.3.2.3)."""

from __future__ import annotations

from dataclasses import dataclass

from jinqiao.gateway.broker.policy import Extras
from jinqiao.wire.mqtt.properties import Property, encode_each
from jinqiao.wire.mqtt.topics import has_wildcard

from ..registry.accounts import Account
from .errors import OperationError, Reason

__all__ = ["MOST_USER_PROPERTIES", "PLAIN", "Mqtt5"]

#: Pairs of user properties; characters of each other text; bytes of all together.
MOST_USER_PROPERTIES, _LONGEST, _MOST_BYTES = 20, 128, 16_384


@dataclass(frozen=True, slots=True)
class Mqtt5:
    """Members that are empty, or None, are not sent. A device of MQTT 3.1.1 gets topic and payload."""

    retain: bool = False
    payload_format: int | None = None
    expiry_s: int | None = None
    content_type: str = ""
    response_topic: str = ""
    correlation_data: bytes = b""
    user: tuple[tuple[str, str], ...] = ()

    def extras(self, account: Account) -> Extras | None:
        """As the broker takes them, None where there are none; raises BAD_TOPIC, TOO_LARGE."""
        if self == PLAIN:
            return None
        if has_wildcard(self.response_topic) or "\0" in self.response_topic:
            raise OperationError(Reason.BAD_TOPIC, "the response topic is not one that may be published on")
        named = {
            Property.PAYLOAD_FORMAT: self.payload_format,
            Property.CONTENT_TYPE: self.content_type,
            Property.RESPONSE_TOPIC: self.response_topic,
            Property.CORRELATION_DATA: self.correlation_data,
            Property.USER_PROPERTY: self.user,
        }
        properties = encode_each({name: value for name, value in named.items() if value not in (None, "", b"", ())})
        texts = (self.content_type, self.response_topic, self.correlation_data)
        if max(map(len, texts)) > _LONGEST or len(self.user) > MOST_USER_PROPERTIES or len(properties) > _MOST_BYTES:
            raise OperationError(Reason.TOO_LARGE, "the message's properties are too many, or too long")
        return Extras(f"account {account.name}", self.retain, properties, self.expiry_s)


PLAIN = Mqtt5()

"""The one error of this room, and the conditions it may carry (AMQP 1.0 part 2 § 2.8.15 to 2.8.19)."""

from __future__ import annotations

from enum import StrEnum

from jinqiao.base.errors import ProtocolError

__all__ = ["AmqpError", "Condition"]


class Condition(StrEnum):
    """Symbols of error conditions."""

    INTERNAL_ERROR = "amqp:internal-error"
    NOT_FOUND = "amqp:not-found"
    UNAUTHORIZED_ACCESS = "amqp:unauthorized-access"
    DECODE_ERROR = "amqp:decode-error"
    RESOURCE_LIMIT_EXCEEDED = "amqp:resource-limit-exceeded"
    NOT_ALLOWED = "amqp:not-allowed"
    INVALID_FIELD = "amqp:invalid-field"
    NOT_IMPLEMENTED = "amqp:not-implemented"
    RESOURCE_DELETED = "amqp:resource-deleted"
    ILLEGAL_STATE = "amqp:illegal-state"
    FRAME_SIZE_TOO_SMALL = "amqp:frame-size-too-small"
    CONNECTION_FORCED = "amqp:connection:forced"
    FRAMING_ERROR = "amqp:connection:framing-error"
    WINDOW_VIOLATION = "amqp:session:window-violation"
    ERRANT_LINK = "amqp:session:errant-link"
    HANDLE_IN_USE = "amqp:session:handle-in-use"
    UNATTACHED_HANDLE = "amqp:session:unattached-handle"
    DETACH_FORCED = "amqp:link:detach-forced"
    TRANSFER_LIMIT_EXCEEDED = "amqp:link:transfer-limit-exceeded"


class AmqpError(ProtocolError):
    """What a peer sent is not AMQP 1.0, or not allowed where it was sent.

    `condition` is what the peer is told; `position` is the octet within what was decoded, -1 where there is none.
    """

    def __init__(self, message: str, condition: Condition = Condition.DECODE_ERROR, position: int = -1) -> None:
        self.condition, self.position = condition, position
        super().__init__(message if position < 0 else f"{message} at octet {position}")

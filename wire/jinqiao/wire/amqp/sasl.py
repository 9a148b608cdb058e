"""The SASL layer (AMQP 1.0 part 5 § 5.3) and what a PLAIN response says (RFC 4616)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from .composite import composite, row
from .errors import AmqpError

__all__ = ["PLAIN", "Outcome", "Plain", "SaslChallenge", "SaslInit", "SaslMechanisms", "SaslOutcome", "SaslResponse"]

PLAIN: Final = "PLAIN"


class Outcome(IntEnum):
    """Field `code` of the outcome (§ 5.3.3.6)."""

    OK = 0
    AUTH = 1
    SYS = 2
    SYS_PERM = 3
    SYS_TEMP = 4


@composite(0x40, "sasl-mechanisms")
@dataclass(frozen=True, slots=True)
class SaslMechanisms:
    sasl_server_mechanisms: tuple[str, ...] = row("symbols", mandatory=True)


@composite(0x41, "sasl-init")
@dataclass(frozen=True, slots=True)
class SaslInit:
    mechanism: str = row("symbol", mandatory=True)
    initial_response: bytes | None = row("binary")
    hostname: str | None = row("string")


@composite(0x42, "sasl-challenge")
@dataclass(frozen=True, slots=True)
class SaslChallenge:
    challenge: bytes = row("binary", mandatory=True)


@composite(0x43, "sasl-response")
@dataclass(frozen=True, slots=True)
class SaslResponse:
    response: bytes = row("binary", mandatory=True)


@composite(0x44, "sasl-outcome")
@dataclass(frozen=True, slots=True)
class SaslOutcome:
    code: int = row("ubyte", mandatory=True)
    additional_data: bytes | None = row("binary")


@dataclass(frozen=True, slots=True)
class Plain:
    """User name and password of a PLAIN response."""

    user_name: str
    password: str = field(repr=False)

    @classmethod
    def parse(cls, response: bytes) -> Plain:
        """Raises AmqpError for octets that are not `[authzid] NUL authcid NUL passwd` in UTF-8."""
        parts = response.split(b"\0")
        if len(parts) != 3:
            raise AmqpError("not a PLAIN response")
        try:
            return cls(parts[1].decode(), parts[2].decode())
        except UnicodeDecodeError:
            raise AmqpError("a PLAIN response that is not UTF-8") from None

"""What a rule has made of a message, on its way to the rule's actions; and how it fared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

__all__ = ["Counts", "Output"]


@dataclass(frozen=True, slots=True)
class Output:
    """`result` is what the statement selects, bytes where it passes a payload on; `topic` and the rest are those of the
    message that it was made of."""

    rule_id: int
    rule_name: str
    result: Mapping[str, Any] | bytes
    topic: str
    product_key: str
    device_name: str
    message_id: str
    generated_ms: int

    @property
    def body(self) -> bytes:
        """The result as it is sent."""
        return self.result if isinstance(self.result, bytes) else orjson.dumps(self.result)

    def value(self, name: str) -> Any:
        """A member of the result, or `deviceName()` and `productKey()` of the message; KeyError for what is none."""
        if name in {"deviceName()", "productKey()"}:
            return self.device_name if name == "deviceName()" else self.product_key
        if isinstance(self.result, bytes):
            raise KeyError(name)
        return self.result[name]


@dataclass(slots=True)
class Counts:
    """Of one rule: messages on which its condition was true, and what its actions did with them.

    `dropped` are outputs that an action had no room for, or that were more than a fleet's rules may make in a second.
    """

    hits: int = 0
    sent: int = 0
    retried: int = 0
    failed: int = 0
    dropped: int = 0

"""A message that a statement is evaluated on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Message", "no_tags"]


def no_tags() -> Mapping[str, str]:
    """The tags of nobody."""
    return {}


@dataclass(frozen=True, slots=True)
class Message:
    """A forwarded message: `topic` without `/sys`, `body` as it is forwarded.

    `values` are those of a body that the platform made, before it was encoded; None where it is a device's own
    payload, which is read when a statement asks for it. `generated_ms`, UTC, is when the message was made; `tags` is
    called when a statement asks for a tag of the device.
    """

    topic: str
    body: bytes
    values: Any = None
    message_id: str = ""
    product_key: str = ""
    device_name: str = ""
    generated_ms: int = 0
    tags: Callable[[], Mapping[str, str]] = no_tags

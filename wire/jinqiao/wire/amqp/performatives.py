"""What peers say to each other: the nine performatives, delivery states, and both ends of a link.

One row per field, in the standard's order (AMQP 1.0 part 2 § 2.7, part 3 § 3.4 and 3.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from .composite import composite, row
from .values import Map, Value

__all__ = [
    "RECEIVER",
    "SENDER",
    "Accepted",
    "Attach",
    "Begin",
    "Close",
    "Detach",
    "Disposition",
    "End",
    "Error",
    "Flow",
    "Modified",
    "Open",
    "Received",
    "Rejected",
    "Released",
    "Source",
    "Target",
    "Transfer",
]

#: Field `role` (part 2 § 2.8.1).
SENDER: Final = False
RECEIVER: Final = True

_MOST: Final = 0xFFFF_FFFF


@composite(0x10, "open")
@dataclass(frozen=True, slots=True)
class Open:
    container_id: str = row("string", mandatory=True)
    hostname: str | None = row("string")
    max_frame_size: int = row("uint", _MOST)
    channel_max: int = row("ushort", 0xFFFF)
    idle_time_out: int | None = row("uint")
    outgoing_locales: tuple[str, ...] | None = row("symbols")
    incoming_locales: tuple[str, ...] | None = row("symbols")
    offered_capabilities: tuple[str, ...] | None = row("symbols")
    desired_capabilities: tuple[str, ...] | None = row("symbols")
    properties: Map | None = row("fields")


@composite(0x11, "begin")
@dataclass(frozen=True, slots=True)
class Begin:
    remote_channel: int | None = row("ushort", first=True)
    next_outgoing_id: int = row("uint", mandatory=True)
    incoming_window: int = row("uint", mandatory=True)
    outgoing_window: int = row("uint", mandatory=True)
    handle_max: int = row("uint", _MOST)
    offered_capabilities: tuple[str, ...] | None = row("symbols")
    desired_capabilities: tuple[str, ...] | None = row("symbols")
    properties: Map | None = row("fields")


@composite(0x12, "attach")
@dataclass(frozen=True, slots=True)
class Attach:
    name: str = row("string", mandatory=True)
    handle: int = row("uint", mandatory=True)
    role: bool = row("boolean", mandatory=True)
    snd_settle_mode: int = row("ubyte", 2)
    rcv_settle_mode: int = row("ubyte", 0)
    source: Any = row("composite")
    target: Any = row("composite")
    unsettled: Map | None = row("map")
    incomplete_unsettled: bool = row("boolean", False)
    initial_delivery_count: int | None = row("uint")
    max_message_size: int | None = row("ulong")
    offered_capabilities: tuple[str, ...] | None = row("symbols")
    desired_capabilities: tuple[str, ...] | None = row("symbols")
    properties: Map | None = row("fields")


@composite(0x13, "flow")
@dataclass(frozen=True, slots=True)
class Flow:
    next_incoming_id: int | None = row("uint", first=True)
    incoming_window: int = row("uint", mandatory=True)
    next_outgoing_id: int = row("uint", mandatory=True)
    outgoing_window: int = row("uint", mandatory=True)
    handle: int | None = row("uint")
    delivery_count: int | None = row("uint")
    link_credit: int | None = row("uint")
    available: int | None = row("uint")
    drain: bool = row("boolean", False)
    echo: bool = row("boolean", False)
    properties: Map | None = row("fields")


@composite(0x14, "transfer")
@dataclass(frozen=True, slots=True)
class Transfer:
    handle: int = row("uint", mandatory=True)
    delivery_id: int | None = row("uint")
    delivery_tag: bytes | None = row("binary")
    message_format: int | None = row("uint")
    settled: bool | None = row("boolean")
    more: bool = row("boolean", False)
    rcv_settle_mode: int | None = row("ubyte")
    state: Any = row("composite")
    resume: bool = row("boolean", False)
    aborted: bool = row("boolean", False)
    batchable: bool = row("boolean", False)


@composite(0x15, "disposition")
@dataclass(frozen=True, slots=True)
class Disposition:
    role: bool = row("boolean", mandatory=True)
    first: int = row("uint", mandatory=True)
    last: int | None = row("uint")
    settled: bool = row("boolean", False)
    state: Any = row("composite")
    batchable: bool = row("boolean", False)


@composite(0x16, "detach")
@dataclass(frozen=True, slots=True)
class Detach:
    handle: int = row("uint", mandatory=True)
    closed: bool = row("boolean", False)
    error: Any = row("composite")


@composite(0x17, "end")
@dataclass(frozen=True, slots=True)
class End:
    error: Any = row("composite")


@composite(0x18, "close")
@dataclass(frozen=True, slots=True)
class Close:
    error: Any = row("composite")


@composite(0x1D, "error")
@dataclass(frozen=True, slots=True)
class Error:
    condition: str = row("symbol", mandatory=True)
    description: str | None = row("string")
    info: Map | None = row("fields")


@composite(0x23, "received")
@dataclass(frozen=True, slots=True)
class Received:
    section_number: int = row("uint", mandatory=True)
    section_offset: int = row("ulong", mandatory=True)


@composite(0x24, "accepted")
@dataclass(frozen=True, slots=True)
class Accepted:
    """The receiver has processed the message."""


@composite(0x25, "rejected")
@dataclass(frozen=True, slots=True)
class Rejected:
    error: Any = row("composite")


@composite(0x26, "released")
@dataclass(frozen=True, slots=True)
class Released:
    """The receiver has not looked at the message."""


@composite(0x27, "modified")
@dataclass(frozen=True, slots=True)
class Modified:
    delivery_failed: bool = row("boolean", False)
    undeliverable_here: bool = row("boolean", False)
    message_annotations: Map | None = row("fields")


@composite(0x28, "source")
@dataclass(frozen=True, slots=True)
class Source:
    address: Value = row("any")
    durable: int = row("uint", 0)
    expiry_policy: str = row("symbol", "session-end")
    timeout: int = row("uint", 0)
    dynamic: bool = row("boolean", False)
    dynamic_node_properties: Map | None = row("fields")
    distribution_mode: str | None = row("symbol")
    filter: Map | None = row("fields")
    default_outcome: Any = row("composite")
    outcomes: tuple[str, ...] | None = row("symbols")
    capabilities: tuple[str, ...] | None = row("symbols")


@composite(0x29, "target")
@dataclass(frozen=True, slots=True)
class Target:
    address: Value = row("any")
    durable: int = row("uint", 0)
    expiry_policy: str = row("symbol", "session-end")
    timeout: int = row("uint", 0)
    dynamic: bool = row("boolean", False)
    dynamic_node_properties: Map | None = row("fields")
    capabilities: tuple[str, ...] | None = row("symbols")

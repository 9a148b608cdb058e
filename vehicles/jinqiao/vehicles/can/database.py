"""All messages of the car, by bus, by name and by identifier."""

from __future__ import annotations

from collections.abc import Mapping

from .message import Bus, CanMessage, CanSignal
from .messages import battery, body, powertrain

__all__ = ["MESSAGES", "SENDERS", "messages_of", "of_bus"]

#: Every message by its name, in the order of the tables.
MESSAGES: Mapping[str, CanMessage] = {
    message.name: message for table in (powertrain, battery, body) for message in table.MESSAGES
}
#: Control units that send, and what they are.
SENDERS: Mapping[str, str] = {
    "VCU": "Vehicle control unit",
    "MCU": "Motor control unit",
    "ESC": "Brake and stability control",
    "BMS": "Battery management system",
    "OBC": "On-board charger and charge control",
    "BCM": "Body control module",
    "TCU": "Telematics control unit",
}


def of_bus(bus: Bus | None) -> tuple[CanMessage, ...]:
    """The messages of one bus, or of all."""
    return tuple(message for message in MESSAGES.values() if bus is None or message.bus == bus)


def messages_of(signal: str) -> tuple[tuple[CanMessage, CanSignal], ...]:
    """Where a signal of this name stands; empty when there is none. Multiplexed values are not looked into."""
    return tuple((m, s) for m in MESSAGES.values() for s in m.signals if s.name == signal)

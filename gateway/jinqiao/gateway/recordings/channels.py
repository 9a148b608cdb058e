"""The channels of an MCAP recording, one a kind of message, each with its protobuf schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import Message

from jinqiao.telemetry.v1.location_fix_pb2 import LocationFix
from jinqiao.telemetry.v1.mqtt_message_pb2 import MqttMessage
from jinqiao.telemetry.v1.telemetry_pb2 import VehicleEvent, VehicleSample

__all__ = ["CHANNELS", "LOCATION", "Channel", "descriptor_set", "message_topic"]


@dataclass(frozen=True, slots=True)
class Channel:
    """A topic of the recording, and what its messages are."""

    topic: str
    message: type[Message]

    @property
    def schema(self) -> str:
        """Full name of the message."""
        return str(self.message.DESCRIPTOR.full_name)


LOCATION = "/location"
#: By what a part holds: a telemetry group, events, positions for viewers.
CHANNELS: dict[str, Channel] = {
    "core": Channel("/telemetry/core", VehicleSample),
    "detail": Channel("/telemetry/detail", VehicleSample),
    "event": Channel("/events", VehicleEvent),
    "location": Channel(LOCATION, LocationFix),
}
_MESSAGES = "/mqtt/"


def message_topic(topic: str) -> Channel:
    """The channel of a live MQTT topic: its kind, with nothing of the single device in it."""
    parts = topic.strip("/").split("/")
    if parts[0] == "sys" and len(parts) > 3:
        kind = "/".join(parts[3:])
    elif len(parts) > 3 and parts[2] == "user":
        kind = "/".join(parts[2:])
    else:
        kind = parts[0] or "other"
    return Channel(_MESSAGES + kind, MqttMessage)


def descriptor_set(message: type[Message]) -> bytes:
    """The FileDescriptorSet that a reader needs to understand this message, its imports first."""
    found = FileDescriptorSet()
    seen: set[str] = set()

    def add(file: Any) -> None:
        if file.name not in seen:
            seen.add(file.name)
            for imported in file.dependencies:
                add(imported)
            found.file.append(FileDescriptorProto.FromString(file.serialized_pb))

    add(message.DESCRIPTOR.file)
    return found.SerializeToString(deterministic=True)

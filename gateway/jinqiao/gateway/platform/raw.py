"""Raw data: devices that speak bytes of their own, which the product's converter turns into Alink and back.

A product without a converter still gets an answer: `up_raw_reply` is then the Alink reply with code 6200 as JSON.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from jinqiao.gateway.mqtt.policy import Downlink

from .alink import Uplink, reply
from .codes import TEXT
from .json_values import compact

if TYPE_CHECKING:
    from .registry import Device

__all__ = ["Converter", "ConverterError", "convert_down", "post_raw", "request_downlink"]

#: What a message may be about, and the topic on which it would have come as JSON.
_TOPICS = {
    "thing.event.property.post": "thing/event/property/post",
    "thing.event.property.batch.post": "thing/event/property/batch/post",
    "thing.deviceinfo.update": "thing/deviceinfo/update",
    "thing.property.desired.get": "thing/property/desired/get",
}


class ConverterError(Exception):
    """A converter did not do its work; `code` is the platform's (26001 and its like)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Converter(Protocol):
    """What the platform's scripts do; both raise ConverterError."""

    def raw_data_to_protocol(self, raw: bytes) -> dict[str, Any]:
        """A device's bytes as an Alink message."""

    def protocol_to_raw_data(self, message: dict[str, Any]) -> bytes:
        """An Alink message (a request, or a reply) as the device's bytes."""


def post_raw(uplink: Uplink) -> Iterable[Downlink]:
    """`thing.model.up_raw`: convert, act as if it had come as Alink, and answer in the device's own bytes."""
    converter = uplink.device.product.converter
    if converter is None:
        return _refused(uplink, 6200)
    try:
        message = converter.raw_data_to_protocol(uplink.payload)
        answers = list(uplink.house.receive_for(uplink.device, _topic(uplink, message), compact(message)))
        return [Downlink(f"{uplink.topic}_reply", _raw(converter, answer.payload)) for answer in answers]
    except ConverterError as error:
        return _refused(uplink, error.code)


def _topic(uplink: Uplink, message: dict[str, Any]) -> str:
    """The topic of a converted message's method."""
    method = message.get("method")
    if type(method) is not str:
        raise ConverterError(6450, TEXT[6450])
    suffix = _TOPICS.get(method)
    if suffix is None and method.startswith("thing.event.") and method.endswith(".post") and method.count(".") == 3:
        suffix = method.replace(".", "/")
    if suffix is None:
        raise ConverterError(6300, TEXT[6300])
    return f"/sys/{uplink.device.identity}/{suffix}"


def _raw(converter: Converter, payload: bytes) -> bytes:
    return converter.protocol_to_raw_data(orjson.loads(payload))


def convert_down(converter: Converter, request: bytes) -> bytes:
    """A downlink as the bytes for `down_raw`; raises ConverterError (6201 when the converter makes nothing of it)."""
    raw = _raw(converter, request)
    if not raw:
        raise ConverterError(6201, TEXT[6201])
    return raw


def request_downlink(device: Device, suffix: str, request: bytes, *, qos: int = 0) -> Downlink:
    """A request to a device: as Alink on its own topic, or for a product with a converter in bytes on `down_raw`."""
    converter = device.product.converter
    if converter is None:
        return Downlink(f"/sys/{device.identity}/{suffix}", request, qos)
    return Downlink(f"/sys/{device.identity}/thing/model/down_raw", convert_down(converter, request), qos)


def _refused(uplink: Uplink, code: int) -> Iterable[Downlink]:
    uplink.record(code, TEXT[code])
    return (reply(uplink.topic, "0", code),)

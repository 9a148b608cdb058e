"""Raw data: devices that speak bytes of their own, which the product's converter turns into Alink and back.

A product without a converter still gets an answer: `up_raw_reply` is then the Alink reply with code 6200 as JSON.
What the cloud asks of a product with a converter goes out as bytes on `down_raw`; the device answers on
`down_raw_reply` (or, as simple firmware does, on `up_raw`), and the converter makes an Alink reply of it, whose id says
which request it is for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from jinqiao.gateway.mqtt.policy import Downlink

from .alink import House, Uplink, parse_request, reply
from .codes import TEXT
from .json_values import compact

if TYPE_CHECKING:
    from .registry import Device

__all__ = [
    "DOWN_RAW",
    "Converter",
    "ConverterError",
    "answer_raw",
    "convert_down",
    "post_raw",
    "read_answer",
    "request_downlink",
]

#: What a message may be about, and the topic on which it would have come as JSON.
_TOPICS = {
    "thing.event.property.post": "thing/event/property/post",
    "thing.event.property.batch.post": "thing/event/property/batch/post",
    "thing.deviceinfo.update": "thing/deviceinfo/update",
    "thing.property.desired.get": "thing/property/desired/get",
}


#: Topic's end of what goes out in bytes.
DOWN_RAW = "thing/model/down_raw"


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
        return () if uplink.device.product.raw_is_forwarded else _refused(uplink, 6200)
    try:
        message = converter.raw_data_to_protocol(uplink.payload)
        if _is_reply(message):
            _take_reply(uplink, message)
            return ()
        answers = list(uplink.house.receive_for(uplink.device, _topic(uplink, message), _encoded(message)))
        return [Downlink(f"{uplink.topic}_reply", _raw(converter, answer.payload)) for answer in answers]
    except ConverterError as error:
        return _refused(uplink, error.code, str(error))


def answer_raw(uplink: Uplink) -> Iterable[Downlink]:
    """Convert it, find the request by its id, act as if it had come as Alink."""
    converter = uplink.device.product.converter
    if converter is None:
        uplink.record(6200, TEXT[6200])
        return ()
    try:
        message = converter.raw_data_to_protocol(uplink.payload)
        if not _is_reply(message):
            raise ConverterError(26007, "the script makes no reply (id, code) of the device's answer")
        _take_reply(uplink, message)
    except ConverterError as error:
        uplink.record(error.code, str(error))
    return ()


def _is_reply(message: dict[str, Any]) -> bool:
    return "code" in message and "method" not in message


def _take_reply(uplink: Uplink, message: dict[str, Any]) -> None:
    """A reply that nobody waits for is ignored, as one in Alink is."""
    payload = _encoded(message)
    path = uplink.house.calls.path_of(uplink.device.identity, parse_request(payload).id)
    if path is not None:
        tuple(uplink.house.receive_for(uplink.device, f"/sys/{uplink.device.identity}/{path}_reply", payload))


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


def request_downlink(house: House, device: Device, path: str, request: bytes, *, qos: int = 0) -> Downlink:
    """A request to a device: as Alink on its own topic, or for a product with a converter in bytes on `down_raw`.

    `path` is what follows the device's name in the topic, such as `thing/service/property/set`. Raises ConverterError.
    """
    converter = device.product.converter
    topic, payload = path, request
    if converter is not None:
        topic, payload = DOWN_RAW, convert_down(converter, request)
    house.calls.expect(device.identity, parse_request(request).id, path)
    return Downlink(f"/sys/{device.identity}/{topic}", payload, qos)


def read_answer(device: Device, answer: bytes) -> bytes:
    """A device's answer to a synchronous call as Alink; raises ConverterError where its converter can make no JSON."""
    converter = device.product.converter
    return answer if converter is None else _encoded(converter.raw_data_to_protocol(answer))


def _encoded(message: dict[str, Any]) -> bytes:
    try:
        return compact(message)
    except TypeError as error:  # such as a number beyond 64 bits
        raise ConverterError(26007, f"{TEXT[26007]}: {error}") from error


def _refused(uplink: Uplink, code: int, why: str = "") -> Iterable[Downlink]:
    uplink.record(code, why or TEXT[code])
    return (reply(uplink.topic, "0", code),)

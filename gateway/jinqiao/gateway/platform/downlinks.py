"""Requests to a device in the form that it understands: Alink on the topic of its own, or bytes on `down_raw`."""

from __future__ import annotations

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.requests import parse_request

from .calls import Calls
from .converters.base import Converter, ConverterError, encoded, to_raw
from .registry.registry import Device

__all__ = ["DOWN_RAW", "convert_answer", "convert_down", "request_downlink"]

#: Topic's end of what goes out in bytes.
DOWN_RAW = "thing/model/down_raw"


def convert_down(converter: Converter, request: bytes) -> bytes:
    """A downlink as the bytes for `down_raw`; raises ConverterError (6201 when the converter makes nothing of it)."""
    raw = to_raw(converter, request)
    if not raw:
        raise ConverterError(6201, TEXT[6201])
    return raw


def convert_answer(converter: Converter, answer: bytes) -> bytes:
    """A device's answer to a synchronous call as Alink; raises ConverterError where its converter can make no JSON."""
    return encoded(converter.raw_data_to_protocol(answer))


def request_downlink(
    calls: Calls, device: Device, path: str, request: bytes, *, raw: bytes | None = None, qos: int = 0
) -> Downlink:
    """A request to a device: as Alink on its own topic, or as what a converter has made of it, `raw`, on `down_raw`.

    `path` is what follows the device's name in the topic, such as `thing/service/property/set`.
    """
    calls.expect(device.identity, parse_request(request).id, path)
    if raw is not None:
        return Downlink(f"/sys/{device.identity}/{DOWN_RAW}", raw, qos)
    return Downlink(f"/sys/{device.identity}/{path}", request, qos)

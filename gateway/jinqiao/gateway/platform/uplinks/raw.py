"""Raw data: devices that speak bytes of their own, which the product's converter turns into Alink and back.

A product without a converter still gets an answer: `up_raw_reply` is then the Alink reply with code 6200 as JSON.
What the cloud asks of a product with a converter goes out as bytes on `down_raw`; the device answers on
`down_raw_reply` (or, as simple firmware does, on `up_raw`), and the converter makes an Alink reply of it, whose id says
which request it is for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.platform.converters.base import Converter, ConverterError, encoded, to_raw
from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.requests import parse_request

from .uplink import Uplink, reply

__all__ = ["answer_raw", "post_raw"]

T = TypeVar("T")

#: What a message may be about, and the topic on which it would have come as JSON.
_TOPICS = {
    "thing.event.property.post": "thing/event/property/post",
    "thing.event.property.batch.post": "thing/event/property/batch/post",
    "thing.deviceinfo.update": "thing/deviceinfo/update",
    "thing.property.desired.get": "thing/property/desired/get",
}


def post_raw(uplink: Uplink) -> Iterable[Downlink]:
    """`thing.model.up_raw`: convert, act as if it had come as Alink, and answer in the device's own bytes."""
    converter = uplink.device.product.converter
    if converter is None:
        return () if uplink.device.product.raw_is_forwarded else _refused(uplink, 6200)
    made = converter

    def take(message: dict[str, Any]) -> Iterable[Downlink]:
        if _is_reply(message):
            _take_reply(uplink, message)
            return ()
        answers = list(uplink.dispatch(uplink.device, _topic(uplink, message), encoded(message)))
        return (
            _aside(uplink, made, lambda: [to_raw(made, answer.payload) for answer in answers], say) if answers else ()
        )

    def say(answers: list[bytes]) -> Iterable[Downlink]:
        return [Downlink(f"{uplink.topic}_reply", answer) for answer in answers]

    return _aside(uplink, made, lambda: made.raw_data_to_protocol(uplink.payload), take)


def _aside(
    uplink: Uplink,
    converter: Converter,
    work: Callable[[], T],
    then: Callable[[T], Iterable[Downlink]],
    refuse: Callable[[Uplink, int, str], Iterable[Downlink]] | None = None,
) -> Iterable[Downlink]:
    """Have the converter work, beside the event loop if it is a script, and go on with what it made."""

    def go_on(outcome: T | Exception) -> Iterable[Downlink]:
        if uplink.parts.registry.device(uplink.device.product.key, uplink.device.name) is None:
            return ()  # deleted while the script worked
        try:
            if isinstance(outcome, Exception):
                raise outcome
            return then(outcome)
        except ConverterError as error:
            return (refuse or _refused)(uplink, error.code, str(error))

    return uplink.parts.aside.convert(converter, uplink.device.product.key, uplink.device.identity, work, go_on)


def answer_raw(uplink: Uplink) -> Iterable[Downlink]:
    """Convert it, find the request by its id, act as if it had come as Alink."""
    converter = uplink.device.product.converter
    if converter is None:
        uplink.record(6200, TEXT[6200])
        return ()
    made = converter

    def take(message: dict[str, Any]) -> Iterable[Downlink]:
        if not _is_reply(message):
            raise ConverterError(26007, "the script makes no reply (id, code) of the device's answer")
        _take_reply(uplink, message)
        return ()

    return _aside(uplink, made, lambda: made.raw_data_to_protocol(uplink.payload), take, _only_logged)


def _only_logged(uplink: Uplink, code: int, why: str) -> Iterable[Downlink]:
    uplink.record(code, why)
    return ()


def _is_reply(message: dict[str, Any]) -> bool:
    return "code" in message and "method" not in message


def _take_reply(uplink: Uplink, message: dict[str, Any]) -> None:
    """A reply that nobody waits for is ignored, as one in Alink is."""
    payload = encoded(message)
    path = uplink.parts.calls.path_of(uplink.device.identity, parse_request(payload).id)
    if path is not None:
        tuple(uplink.dispatch(uplink.device, f"/sys/{uplink.device.identity}/{path}_reply", payload))


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


def _refused(uplink: Uplink, code: int, why: str = "") -> Iterable[Downlink]:
    uplink.record(code, why or TEXT[code])
    return (reply(uplink.topic, "0", code),)

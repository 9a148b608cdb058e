"""Functions about the message: whose it is, where it came, when, and its payload as it is."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

from jinqiao.base.words import one_of

from ..dates import pattern
from ..limits import MAX_TEXT
from ..message import Message
from ..paths import look_up
from ..values import is_number
from .row import Argument, Function, Made, Parameter

__all__ = ["ABOUT"]

#: Hours of the platform's region ahead of UTC: China has one zone.
_REGION_HOURS = 8

_ENCODINGS = ("utf-8", "ascii", "iso-8859-1", "gbk", "utf-16", "base64")


def _attribute(key: Argument) -> Made:
    def made(values: Any, message: Message) -> str | None:
        found = key.value(values, message)
        return message.tags().get(found) if type(found) is str else None

    return made


def _device_name() -> Made:
    return lambda _, message: message.device_name


def _product_key() -> Made:
    return lambda _, message: message.product_key


def _message_id() -> Made:
    return lambda _, message: message.message_id


def _payload(encoding: Argument | None = None) -> Made:
    codec = encoding.text.lower() if encoding is not None else "utf-8"
    if codec not in _ENCODINGS:
        raise ValueError(one_of([f"'{name}'" for name in _ENCODINGS]))

    def made(_: Any, message: Message) -> str | None:
        if len(message.body) > MAX_TEXT:
            return None
        return b64encode(message.body).decode() if codec == "base64" else message.body.decode(codec, "replace")

    return made


def _in_base64(_: Argument) -> Made:
    return lambda _, message: b64encode(message.body).decode()


def _in_hex(_: Argument) -> Made:
    return lambda _, message: message.body.hex()


def _topic(level: Argument | None = None) -> Made:
    if level is None:
        return lambda _, message: message.topic
    number = level.value

    def made(values: Any, message: Message) -> str | None:
        place = number(values, message)
        levels = message.topic.split("/")
        return levels[int(place)] if is_number(place) and 1 <= place < len(levels) else None

    return made


def _timestamp(hours: int) -> Callable[..., Made]:
    def about(form: Argument | None = None) -> Made:
        if form is None:
            return lambda _, message: message.generated_ms
        show = pattern(form.text, hours)
        return lambda _, message: show(message.generated_ms)

    return about


def _flat(*properties: Argument) -> Made:
    """Property values by name, members of a struct as `Property_member`."""
    chosen = {argument.text for argument in properties}

    def made(values: Any, _: Message) -> dict[str, Any] | None:
        items = look_up(values, ("items",))
        if type(items) is not dict:
            return None
        return {
            name: value
            for identifier, item in items.items()
            if not chosen or identifier in chosen
            for name, value in _flattened(identifier, look_up(item, ("value",)))
        }

    return made


def _flattened(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if type(value) is dict:
        yield from ((f"{name}_{member}", inner) for member, inner in value.items())
    else:
        yield name, value


ABOUT = (
    Function(
        "attribute", (Parameter("key", "text"),), "text", "The device's tag of this key, or null.", about=_attribute
    ),
    Function("deviceName", (), "text", "The name of the device.", about=_device_name),
    Function("messageId", (), "text", "The platform's number of the message, 19 digits.", about=_message_id),
    Function(
        "payload",
        (Parameter("textEncoding", "constant text", optional=True),),
        "text",
        f"The payload as a text, decoded as {one_of(_ENCODINGS[:-1])}, or encoded as base64; utf-8 if none is named.",
        about=_payload,
    ),
    Function("productKey", (), "text", "The product of the device.", about=_product_key),
    Function(
        "thingPropertyFlatMap",
        (Parameter("property", "path", repeated=True),),
        "members of the result",
        "The values of these properties of a post, or of all, each as a member of its own: `Power`, and "
        "`Position_latitude` for a member of a struct. An alias makes them one object.",
        about=_flat,
    ),
    Function(
        "timestamp",
        (Parameter("format", "constant text", optional=True),),
        "number or text",
        "When the message was made: UTC milliseconds, or, in a format such as "
        r"`'yyyy-MM-dd\'T\'HH:mm:ss.SSS'`, the time of the platform's region, UTC+8.",
        about=_timestamp(_REGION_HOURS),
    ),
    Function(
        "timestamp_utc",
        (Parameter("format", "constant text", optional=True),),
        "number or text",
        "As `timestamp`, in UTC.",
        about=_timestamp(0),
    ),
    Function("to_base64", (Parameter("payload", "message"),), "text", "The payload in base64.", about=_in_base64),
    Function("to_hex", (Parameter("payload", "message"),), "text", "The payload in hex digits.", about=_in_hex),
    Function(
        "topic",
        (Parameter("number", "number", optional=True),),
        "text",
        "The topic, or one level of it, from 1; null where it has no such level.",
        about=_topic,
    ),
)

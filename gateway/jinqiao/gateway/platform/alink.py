"""Alink, the platform's JSON: requests read with care, replies to the letter.

A request is `{"id", "version", "params", "method"?, "sys"?: {"ack"}}`. Its `id` comes back as text, verbatim; the
method is derived from the topic, because several official SDKs send none; `sys.ack` 0 asks for no reply. A reply is
compact JSON with all of code, data, id, message, method and version, because clients index each without asking.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from jinqiao.gateway.mqtt.policy import Downlink

from .codes import OK, TEXT
from .house import House
from .registry import Device

if TYPE_CHECKING:
    from .state import DeviceState

__all__ = ["Handler", "House", "Outcome", "Request", "Uplink", "answered", "described", "parse_request", "reply"]

_logger = logging.getLogger(__name__)

#: How many refused names one line of the device log spells out.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Uplink:
    """A message of a device; `variables` are the named levels of its topic, such as the event's identifier."""

    device: Device
    topic: str
    variables: tuple[str, ...]
    payload: bytes
    house: House

    @property
    def state(self) -> DeviceState:
        """What is remembered of the device."""
        return self.house.state(self.device.product.key, self.device.name)

    def keep(self, kind: str) -> None:
        """One store of the device's state has changed."""
        self.house.keep(self.device, kind)

    def record(self, code: int, message: str) -> None:
        self.house.record(self.device.product.key, self.device.name, self.topic, code, message)


Handler = Callable[[Uplink], Iterable[Downlink]]


class Request(NamedTuple):
    """A request as read; `code` is not 200 when it cannot be acted upon."""

    id: str
    params: Any
    acknowledged: bool = True
    code: int = OK


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a handler made of a request: its code, the reply's `data`, and the code of each part that was refused."""

    code: int = OK
    data: Mapping[str, Any] | Sequence[Any] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def partly(cls, refused: Mapping[str, int]) -> Outcome:
        """Code 200 although something was refused: `data` names it, as the platform does."""
        return cls(OK, {name: TEXT[code] for name, code in refused.items()}, refused) if refused else DONE


DONE = Outcome()


def parse_request(payload: bytes) -> Request:
    """Read a request; total: what is no JSON object is code 6207, without a usable id 460, a method of no text 6300.

    NaN, infinities, nesting beyond 1,024 and broken UTF-8 are no JSON; of a key that stands twice the last counts.
    """
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return Request("", None, code=6207)
    if type(document) is not dict:
        return Request("", None, code=6207)
    system = document.get("sys")
    acknowledged = not (type(system) is dict and system.get("ack", 1) == 0)
    params = document.get("params")
    identifier = document.get("id")
    if type(identifier) is not str:
        if type(identifier) is not int and type(identifier) is not float:
            return Request("", params, acknowledged, 460)
        identifier = orjson.dumps(identifier).decode()
    if type(document.get("method", "")) is not str:
        return Request(identifier, params, acknowledged, 6300)
    return Request(identifier, params, acknowledged)


def reply(request_topic: str, request_id: str, code: int = OK, data: Any = None) -> Downlink:
    """The platform's reply to a request, on the request's topic with `_reply`."""
    body = {
        "code": code,
        "data": {} if data is None else data,
        "id": request_id,
        "message": TEXT[code],
        "method": method_of(request_topic),
        "version": "1.0",
    }
    return Downlink(f"{request_topic}_reply", orjson.dumps(body))


def method_of(topic: str) -> str:
    """`/sys/{pk}/{dn}/thing/event/property/post` → `thing.event.property.post`; `/ext/session/…` → `combine.login`."""
    return topic.split("/", 5 if topic.startswith("/ext/session/") else 4)[-1].replace("/", ".")


def answered(act: Callable[[Uplink, Any], Outcome]) -> Handler:
    """A topic's handler from what it does with `params`: reads the request, logs what is refused, replies if asked."""

    def handler(uplink: Uplink) -> Iterable[Downlink]:
        request = parse_request(uplink.payload)
        outcome = _done(act, uplink, request.params) if request.code == OK else Outcome(request.code)
        if outcome.code != OK:
            uplink.record(outcome.code, TEXT[outcome.code])
        elif outcome.refused:
            uplink.record(next(iter(outcome.refused.values())), described(outcome.refused))
        if not request.acknowledged:
            return ()
        return (reply(uplink.topic, request.id, outcome.code, outcome.data),)

    # The page of topics tells what each handler does.
    handler.__name__, handler.__doc__ = act.__name__, act.__doc__
    return handler


def _done(act: Callable[[Uplink, Any], Outcome], uplink: Uplink, params: Any) -> Outcome:
    """What came of it; a fault of ours is the platform's system error, and costs this message only."""
    try:
        return act(uplink, params)
    except Exception:
        _logger.exception("a message to %r failed", uplink.topic)
        return Outcome(500)


def described(refused: Mapping[str, int]) -> str:
    """The first few refused names with their texts, for the device log."""
    names = [f"{name}: {TEXT[code]}" for name, code in list(refused.items())[:_NAMED]]
    more = len(refused) - len(names)
    return "; ".join(names) + (f"; and {more} more" if more else "")

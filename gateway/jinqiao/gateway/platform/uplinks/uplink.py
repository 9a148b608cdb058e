"""What a handler works with: the message as an `Uplink`, its `Outcome`, and the reply made of both.

A handler is a function from an uplink to what is published in answer. Most are written as functions from `params` to an
`Outcome`; `answered` makes a handler of one, so that reading, logging and replying stand in one place.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.platform.devices.state import DeviceState
from jinqiao.gateway.platform.parts import Parts
from jinqiao.gateway.platform.registry.registry import Device
from jinqiao.wire.alink.codes import OK, TEXT
from jinqiao.wire.alink.requests import Request, described, parse_request, reply_body

__all__ = ["Handler", "Outcome", "Uplink", "answered", "judged", "reply"]

_logger = logging.getLogger(__name__)


class Uplink(NamedTuple):
    """A message of a device; `variables` are the named levels of its topic, such as the event's identifier.

    A tuple, because one is made for each message.
    """

    device: Device
    topic: str
    variables: tuple[str, ...]
    payload: bytes
    parts: Parts
    #: Acts on a message as if the device had published it on that topic: device, topic, payload.
    dispatch: Callable[[Device, str, bytes], Iterable[Downlink]]

    @property
    def state(self) -> DeviceState:
        """What is remembered of the device, to be read."""
        return self.parts.states.of(self.device)

    def changing(self, kind: str) -> AbstractContextManager[DeviceState]:
        """A draft of the device's state in which one store may be changed; see `DeviceStates.changing`."""
        return self.parts.states.changing(self.device, kind)

    def record(self, code: int, message: str) -> None:
        """A line of the device log."""
        self.parts.log.record(self.device.product.key, self.device.name, self.topic, code, message)


Handler = Callable[[Uplink], Iterable[Downlink]]


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


def reply(request_topic: str, request_id: str, code: int = OK, data: Any = None) -> Downlink:
    """The platform's reply to a request, on the request's topic with `_reply`."""
    return Downlink(f"{request_topic}_reply", reply_body(request_topic, request_id, code, data))


def answered(act: Callable[[Uplink, Any], Outcome]) -> Handler:
    """A topic's handler from what it does with `params`: reads the request, logs what is refused, replies if asked."""

    def params_only(uplink: Uplink, request: Request) -> Outcome:
        return act(uplink, request.params)

    params_only.__name__, params_only.__doc__ = act.__name__, act.__doc__
    return judged(params_only)


def judged(act: Callable[[Uplink, Request], Outcome]) -> Handler:
    """The same from what it does with the whole request."""

    def handler(uplink: Uplink) -> Iterable[Downlink]:
        request = parse_request(uplink.payload)
        outcome = _done(act, uplink, request) if request.code == OK else Outcome(request.code)
        if outcome.code != OK:
            uplink.record(outcome.code, TEXT[outcome.code])
        elif outcome.refused:
            uplink.record(next(iter(outcome.refused.values())), described(outcome.refused))
        if not request.acknowledged:
            return ()
        return (reply(uplink.topic, request.id, outcome.code, outcome.data),)

    # The page of topics says what each handler does.
    handler.__name__, handler.__doc__ = act.__name__, act.__doc__
    return handler


def _done(act: Callable[[Uplink, Request], Outcome], uplink: Uplink, request: Request) -> Outcome:
    """What came of it; a fault of ours is the platform's system error, and costs this message only."""
    try:
        return act(uplink, request)
    except Exception:
        _logger.exception("handling a message to %r failed", uplink.topic)
        return Outcome(500)

"""What devices answer: to calls that somebody waits for, and to requests that nobody waits for."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.platform.events import DownlinkAnswered, ServiceReplied
from jinqiao.wire.alink.codes import OK, TEXT
from jinqiao.wire.alink.json_values import object_of
from jinqiao.wire.alink.requests import parse_request

from .uplink import Uplink

__all__ = ["answer_call", "note_reply", "note_service_reply"]


def answer_call(uplink: Uplink) -> Iterable[Downlink]:
    """Handler of the topics that carry answers; their first named level is the message id."""
    uplink.parts.calls.answered(uplink.device.identity, uplink.variables[0], uplink.payload)
    return ()


def note_reply(uplink: Uplink) -> Iterable[Downlink]:
    """A device's refusal of a set or an asynchronous service goes into the device log, once.

    A reply to nothing that was asked is ignored; so is none at all, because one official SDK never answers a set.
    """
    message = object_of(uplink.payload)
    if message is None:
        uplink.record(6207, TEXT[6207])
        return ()
    identity, calls = uplink.device.identity, uplink.parts.calls
    request_id, code = parse_request(uplink.payload).id, message.get("code")
    path = calls.path_of(identity, request_id)
    if path is None or uplink.topic != f"/sys/{identity}/{path}_reply":
        return ()
    said = message.get("message")
    text = said if type(said) is str else "success" if code == OK else ""
    number = code if type(code) is int else 500
    topic, data = f"/sys/{identity}/{path}", message.get("data", {})
    parts = uplink.parts
    announced = parts.events.change(
        DownlinkAnswered, uplink.device, topic, request_id, number, text, data, parts.now_ms()
    )
    calls.settle(identity, request_id)
    parts.jobs.replied(uplink.device, request_id, code, said if type(said) is str else "")
    announced.done()
    if code != OK:
        known = number if number in TEXT else 500
        uplink.record(known, f"the device answered {code!r:.20}: {said if type(said) is str else ''}".rstrip(": "))
    return ()


def note_service_reply(uplink: Uplink) -> Iterable[Downlink]:
    """The answer to an asynchronous service: nobody waits for it, but it is recorded for queries of past calls."""
    identity, message = uplink.device.identity, object_of(uplink.payload)
    if message is not None:
        request_id = parse_request(uplink.payload).id
        if uplink.topic == f"/sys/{identity}/{uplink.parts.calls.path_of(identity, request_id)}_reply":
            output = orjson.dumps(message.get("data", {})).decode()
            parts = uplink.parts
            parts.events.emit(ServiceReplied, uplink.device, uplink.variables[0], request_id, output, parts.now_ms())
    return note_reply(uplink)

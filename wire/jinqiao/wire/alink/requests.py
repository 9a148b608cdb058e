"""Alink, the platform's JSON: requests read with care, replies to the letter.

A request is `{"id", "version", "params", "method"?, "sys"?: {"ack"}}`. Its `id` comes back as text, verbatim; the
method is derived from the topic, because several official SDKs send none; `sys.ack` 0 asks for no reply. A reply is
compact JSON with all of code, data, id, message, method and version, because clients index each without asking.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from .codes import OK, TEXT

__all__ = ["LONGEST_ID", "Request", "described", "method_of", "parse_request", "reply_body"]

#: Characters of an id. The platform's own are numbers below 2³²; one official SDK sends a number and a topic.
LONGEST_ID = 256

#: How many refused names one line of the device log spells out.
_NAMED = 5


class Request(NamedTuple):
    """A request as read; `code` is not 200 when it cannot be acted upon."""

    id: str
    params: Any
    acknowledged: bool = True
    code: int = OK


def parse_request(payload: bytes) -> Request:
    """Read a request; total: what is no JSON object is code 6207, without a usable id 460, a method of no text 6300.

    NaN, infinities, nesting beyond 1,024 and broken UTF-8 are no JSON; of a duplicate key the last value counts.
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
    if len(identifier) > LONGEST_ID:
        return Request("", params, acknowledged, 460)
    if type(document.get("method", "")) is not str:
        return Request(identifier, params, acknowledged, 6300)
    return Request(identifier, params, acknowledged)


def reply_body(request_topic: str, request_id: str, code: int = OK, data: Any = None) -> bytes:
    """The platform's reply to a request that came on this topic; it goes out on the same topic with `_reply`."""
    body = {
        "code": code,
        "data": {} if data is None else data,
        "id": request_id,
        "message": TEXT[code],
        "method": method_of(request_topic),
        "version": "1.0",
    }
    return orjson.dumps(body)


def method_of(topic: str) -> str:
    """`/sys/{pk}/{dn}/thing/event/property/post` → `thing.event.property.post`; `/ext/session/…` → `combine.login`."""
    return topic.split("/", 5 if topic.startswith("/ext/session/") else 4)[-1].replace("/", ".")


def described(refused: Mapping[str, int]) -> str:
    """The first few refused names with their texts, for the device log."""
    names = [f"{name}: {TEXT[code]}" for name, code in list(refused.items())[:_NAMED]]
    more = len(refused) - len(names)
    return "; ".join(names) + (f"; and {more} more" if more else "")

"""Posts of many values at once: history, batch, and a gateway's pack. Each value is judged as in a single post."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jinqiao.gateway.platform.events import BatchAccepted
from jinqiao.gateway.platform.events.spoken import Source
from jinqiao.gateway.platform.registry.registry import Device
from jinqiao.wire.alink.codes import OK
from jinqiao.wire.alink.limits import MOST_PROPERTIES
from jinqiao.wire.alink.requests import Request
from jinqiao.wire.alink.thing_model import refused_parameters

from .properties import AHEAD_MS
from .sub_devices import named_device
from .uplink import Outcome, Uplink, judged

__all__ = ["post_batch", "post_history", "post_pack"]

#: Events and sub-devices in one pack, records of one history, values of one batch.
MOST_EVENTS, MOST_SUB_DEVICES, MOST_RECORDS = 20, 20, 200


class _Post(NamedTuple):
    """Values of one device that belong together."""

    device: Device
    properties: Mapping[str, Any]
    events: Mapping[str, Any]


class _Refused(Exception):
    """The whole message is refused."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@judged
def post_pack(uplink: Uplink, request: Request) -> Outcome:
    """`thing.event.property.pack.post`: a gateway's own values and those of its sub-devices; one failure fails all."""
    try:
        posts = list(_pack(uplink, request.params))
        latest_ms = uplink.parts.now_ms() + AHEAD_MS
        for post in posts:
            for refused in (_refused_properties(post, latest_ms), _refused_events(post, latest_ms)):
                if refused:
                    raise _Refused(next(iter(refused.values())))
    except _Refused as refusal:
        return Outcome(refusal.code)
    with uplink.parts.events.together():
        for post in posts:
            if post.properties:
                uplink.parts.states.take_properties(post.device, post.properties, {}, uplink.parts.now_ms(), request.id)
            _take_events(uplink, post, {}, request.id, "post")
    return Outcome()


def _pack(uplink: Uplink, params: Any) -> Iterator[_Post]:
    if type(params) is not dict:
        raise _Refused(460)
    sub_devices = _list_of(params, "subDevices")
    if len(sub_devices) > MOST_SUB_DEVICES:
        raise _Refused(6357)
    posts = [_Post(uplink.device, _map_of(params, "properties"), _map_of(params, "events"))]
    for entry in sub_devices:
        device = _speaker(uplink, entry)
        posts.append(_Post(device, _map_of(entry, "properties"), _map_of(entry, "events")))
    for post in posts:
        if len(post.properties) > MOST_PROPERTIES:
            raise _Refused(6106)
        if len(post.events) > MOST_EVENTS:
            raise _Refused(6356)
    yield from posts


@judged
def post_history(uplink: Uplink, request: Request) -> Outcome:
    """`thing.event.property.history.post`: records of the past, of the device itself or a gateway's sub-devices."""
    params = request.params
    if type(params) is not list:
        return Outcome(6301)
    if not 0 < len(params) <= MOST_RECORDS:
        return Outcome(460)
    try:
        posts = [post for entry in params for post in _records(uplink, entry)]
    except _Refused as refusal:
        return Outcome(refusal.code)
    return _take(uplink, posts, request, "history")


def _records(uplink: Uplink, entry: Any) -> Iterator[_Post]:
    device = _speaker(uplink, entry)
    properties, events = _list_of(entry, "properties"), _list_of(entry, "events")
    if len(properties) + len(events) > MOST_RECORDS:
        raise _Refused(460)
    for record in (*properties, *events):
        if type(record) is not dict:
            raise _Refused(460)
        if len(record) > MOST_PROPERTIES:
            raise _Refused(6106)
    yield from (_Post(device, record, {}) for record in properties)
    yield from (_Post(device, {}, record) for record in events)


@judged
def post_batch(uplink: Uplink, request: Request) -> Outcome:
    """`thing.event.property.batch.post`: for each property and event a list of its values over time."""
    params = request.params
    if type(params) is not dict:
        return Outcome(460)
    try:
        posts = [
            *(_Post(uplink.device, {name: value}, {}) for name, value in _values(params, "properties")),
            *(_Post(uplink.device, {}, {name: value}) for name, value in _values(params, "events")),
        ]
    except _Refused as refusal:
        return Outcome(refusal.code)
    return _take(uplink, posts, request, "batch")


def _values(params: Mapping[str, Any], section: str) -> Iterator[tuple[str, Any]]:
    values = _map_of(params, section)
    if len(values) > MOST_PROPERTIES:
        raise _Refused(6106)
    count = 0
    for name, series in values.items():
        if type(series) is not list:
            raise _Refused(6301)
        count += len(series)
        if count > MOST_RECORDS:
            raise _Refused(6106)
        yield from ((name, value) for value in series)


def _take(uplink: Uplink, posts: list[_Post], request: Request, source: Source) -> Outcome:
    """Take what fits and name what does not, as a single post does; an unknown event refuses the message."""
    now_ms = uplink.parts.now_ms()
    refused: dict[str, int] = {}
    for post in posts:
        refused |= _refused_events(post, now_ms + AHEAD_MS)
        if 5160 in refused.values():
            return Outcome(5160)
    with uplink.parts.events.together():
        for post in posts:
            refused_here = _refused_properties(post, now_ms + AHEAD_MS)
            refused |= refused_here
            if post.properties:
                uplink.parts.states.take_properties(
                    post.device, post.properties, refused_here, now_ms, request.id, source
                )
            _take_events(uplink, post, _refused_events(post, now_ms + AHEAD_MS), request.id, source)
        if source == "batch":
            properties, events = (_map_of(request.params, section) for section in ("properties", "events"))
            uplink.parts.events.change(
                BatchAccepted, uplink.device, properties, events, refused, request.id, now_ms
            ).done()
    return Outcome.partly(refused)


def _take_events(uplink: Uplink, post: _Post, refused: Mapping[str, int], request_id: str, source: Source) -> None:
    now_ms = uplink.parts.now_ms()
    for identifier, event in post.events.items():
        if identifier not in refused:
            uplink.parts.states.take_event(
                post.device,
                identifier,
                event["value"],
                event.get("time"),
                now_ms,
                request_id=request_id,
                source=source,
            )


def _refused_properties(post: _Post, latest_ms: int) -> dict[str, int]:
    return post.device.product.thing_model.refused_properties(post.properties, latest_ms)


def _refused_events(post: _Post, latest_ms: int) -> dict[str, int]:
    refused = {}
    for identifier, value in post.events.items():
        code = _event_code(post.device, identifier, value, latest_ms)
        if code != OK:
            refused[identifier] = code
    return refused


def _event_code(device: Device, identifier: str, event: Any, latest_ms: int) -> int:
    model = device.product.thing_model.events.get(identifier)
    if model is None:
        return 5160
    if type(event) is not dict or type(event.get("value")) is not dict:
        return 460
    time_ms = event.get("time", 0)
    if type(time_ms) is not int or not 0 <= time_ms <= latest_ms:
        return 6326
    return next(iter(refused_parameters(model.output, event["value"]).values()), OK)


def _speaker(uplink: Uplink, entry: Any) -> Device:
    """Whose values an entry has: the sender's own, or those of a sub-device that is bound to it."""
    if type(entry) is not dict:
        raise _Refused(460)
    identity = entry.get("identity")
    device = named_device(uplink.parts, identity)
    if isinstance(device, int):
        raise _Refused(device)
    own = uplink.device.identity
    if device.identity != own and uplink.parts.topology.gateway_of(device.identity) != own:
        raise _Refused(6401)
    return device


def _map_of(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = values.get(name)
    if section is None:
        return {}
    if type(section) is not dict:
        raise _Refused(460)
    return section


def _list_of(values: Mapping[str, Any], name: str) -> list[Any]:
    section = values.get(name)
    if section is None:
        return []
    if type(section) is not list:
        raise _Refused(6301)
    return section

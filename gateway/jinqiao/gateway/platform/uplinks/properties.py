"""What the platform does with the uplinks it answers: property posts, event posts, the clock.

Each takes an `Uplink` and returns what to publish.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.limits import MOST_PROPERTIES
from jinqiao.wire.alink.requests import LONGEST_ID, Request
from jinqiao.wire.alink.thing_model import refused_parameters

from .uplink import Outcome, Uplink, judged

__all__ = ["post_event", "post_properties", "tell_time"]

#: A value dated further ahead than this is refused.
AHEAD_MS = 24 * 3_600_000


@judged
def post_properties(uplink: Uplink, request: Request) -> Outcome:
    """`thing.event.property.post`: takes what the thing model accepts and names what it does not (code stays 200)."""
    params = request.params
    if type(params) is not dict:
        return Outcome(460)
    if len(params) > MOST_PROPERTIES:
        return Outcome(6106)
    now_ms = uplink.parts.now_ms()
    refused = uplink.device.product.thing_model.refused_properties(params, now_ms + AHEAD_MS)
    uplink.parts.states.take_properties(uplink.device, params, refused, now_ms, request.id)
    return Outcome.partly(refused)


@judged
def post_event(uplink: Uplink, request: Request) -> Outcome:
    """`thing.event.{event}.post`: params are the outputs, or `{"value": outputs, "time": UTC ms}`."""
    params = request.params
    event = uplink.device.product.thing_model.events.get(uplink.variables[0])
    if event is None:
        return Outcome(5160)
    if type(params) is not dict:
        return Outcome(460)
    values, time_ms = params, None
    now_ms = uplink.parts.now_ms()
    if "value" in params:  # no output can be called so
        values, time_ms = params["value"], params.get("time")
        if type(values) is not dict:
            return Outcome(460)
        if "time" in params and (type(time_ms) is not int or not 0 <= time_ms <= now_ms + AHEAD_MS):
            return Outcome(6326)
    refused = refused_parameters(event.output, values)
    taken = {name: value for name, value in values.items() if name not in refused}
    faults = {name: (values.get(name), code) for name, code in refused.items()}
    uplink.parts.states.take_event(
        uplink.device, event.address, taken, time_ms, now_ms, refused=faults, request_id=request.id
    )
    return Outcome.partly(refused)


def tell_time(uplink: Uplink) -> Iterable[Downlink]:
    """NTP-like: the device's send time comes back with the platform's receive and send times, all as text."""
    received_ms = uplink.parts.now_ms()
    try:
        request = orjson.loads(uplink.payload)
    except orjson.JSONDecodeError:
        request = None
    sent = request.get("deviceSendTime") if type(request) is dict else None
    if (type(sent) is not str or len(sent) > LONGEST_ID) and type(sent) is not int:
        code = 6207 if type(request) is not dict else 460
        uplink.record(code, TEXT[code])
        return ()
    body = {
        "deviceSendTime": str(sent),
        "serverRecvTime": str(received_ms),
        "serverSendTime": str(uplink.parts.now_ms()),
    }
    return (Downlink(uplink.topic.removesuffix("request") + "response", orjson.dumps(body)),)

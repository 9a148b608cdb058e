"""Bodies of what devices say: properties, events, records of the past, batches, custom topics, answers to requests.

Key orders are those of the documentation's samples (73736); that of a property post is that of messages that were
received.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jinqiao.wire.alink.codes import TEXT

from ..events import BatchAccepted, CustomMessage, DownlinkAnswered, EventAccepted, PropertiesAccepted
from .message import Message, Sources, id_of

__all__ = ["DEVICE_TYPE", "answered", "batch", "custom", "event", "properties"]

#: The category of a product whose thing model is the customer's own.
DEVICE_TYPE = "CustomCategory"
_HISTORY = {"post": "", "history": "/history"}


def properties(_: Sources, said: PropertiesAccepted) -> Iterator[Message]:
    """`thing/event/property/post`, or `…/history/post`: one message a record. Of a batch see `batch`."""
    if said.source == "batch":
        return
    items, refused, now_ms, device = {}, said.refused, said.now_ms, said.device
    key, device_name = device.product.key, device.name
    for name, value in said.params.items():
        if name not in refused:
            items[name] = {"value": value, "time": now_ms} if type(value) is not dict else _timed(value, now_ms)
    values = {
        "deviceType": DEVICE_TYPE,
        "iotId": id_of(device),
        "requestId": said.request_id,
        "checkFailedData": _all_failed(said.params, refused) if refused else {},
        "productKey": key,
        "gmtCreate": now_ms,
        "deviceName": device_name,
        "items": items,
    }
    kind = "device_data" if said.source == "post" else "history"
    topic = f"/{key}/{device_name}/thing/event/property{_HISTORY[said.source]}/post"
    yield Message(kind, topic, device, values, now_ms)


def event(_: Sources, said: EventAccepted) -> Iterator[Message]:
    """`thing/event/{event}/post`, or `…/{event}/history/post`."""
    if said.source == "batch":
        return
    device, model = said.device, said.device.product.thing_model.events.get(said.identifier)
    values = {
        "identifier": said.identifier,
        "name": model.name if model is not None and model.name else said.identifier,
        "type": model.type if model is not None else "info",
        "iotId": id_of(device),
        "requestId": said.request_id,
        "productKey": device.product.key,
        "deviceName": device.name,
        "gmtCreate": said.now_ms,
        "value": said.output,
        "time": said.time_ms,
        "checkFailedData": {name: _failed(value, code) for name, (value, code) in said.refused.items()},
    }
    kind = "device_data" if said.source == "post" else "history"
    topic = f"/{device.identity}/thing/event/{said.identifier}{_HISTORY[said.source]}/post"
    yield Message(kind, topic, device, values, said.now_ms)


def batch(_: Sources, said: BatchAccepted) -> Iterator[Message]:
    """`thing/event/property/batch/post` and `thing/event/batch/post`: of each name its values over time."""
    sections = (("/property", said.properties), ("", said.events))
    for section, series in sections:
        if not series:
            continue
        refused = {name: code for name, code in said.refused.items() if name in series}
        values = {
            "deviceType": DEVICE_TYPE,
            "iotId": id_of(said.device),
            "requestId": said.request_id,
            "checkFailedData": {name: _failed(series[name], code) for name, code in refused.items()},
            "productKey": said.device.product.key,
            "gmtCreate": said.now_ms,
            "deviceName": said.device.name,
            "items": {n: [_timed(v, said.now_ms) for v in each] for n, each in series.items() if n not in refused},
        }
        topic = f"/{said.device.identity}/thing/event{section}/batch/post"
        yield Message("device_data", topic, said.device, values, said.now_ms)


def custom(_: Sources, said: CustomMessage) -> Iterator[Message]:
    """`user/…`: the payload as it came."""
    yield Message("device_data", said.topic, said.device, None, said.now_ms, said.payload)


def answered(_: Sources, said: DownlinkAnswered) -> Iterator[Message]:
    """`thing/downlink/reply/message`: what became of a request, by the topic that it went out on."""
    values = {
        "gmtCreate": said.now_ms,
        "iotId": id_of(said.device),
        "productKey": said.device.product.key,
        "deviceName": said.device.name,
        "requestId": said.request_id,
        "code": said.code,
        "message": said.message,
        "topic": said.topic,
        "data": said.data,
    }
    topic = f"/{said.device.identity}/thing/downlink/reply/message"
    yield Message("device_data", topic, said.device, values, said.now_ms)


def _timed(value: Any, now_ms: int) -> Mapping[str, Any]:
    """A value with its time, whichever way the device wrote it."""
    if type(value) is dict and "value" in value:
        return {"value": value["value"], "time": value.get("time", now_ms)}
    return {"value": value, "time": now_ms}


def _bare(value: Any) -> Any:
    return value["value"] if type(value) is dict and "value" in value else value


def _all_failed(params: Mapping[str, Any], refused: Mapping[str, int]) -> Mapping[str, Any]:
    return {name: _failed(_bare(params[name]), code) for name, code in refused.items()}


def _failed(value: Any | Sequence[Any], code: int) -> Mapping[str, Any]:
    return {"value": value, "code": code, "message": TEXT[code]}

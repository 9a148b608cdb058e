"""What a device is and does: properties, desired properties, services, shadow, its past."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson

from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.thing_model import ServiceModel, refused_parameters

from ..devices.desired import Desired, VersionConflict
from ..devices.past import NO_HISTORY, Page, Past, Query
from ..devices.state import Timed
from ..events import ServiceCalled, ServiceReplied
from ..parts import Parts
from ..registry.accounts import Account
from ..registry.registry import Device
from .awaited import Awaited, joined
from .errors import OperationError, Reason
from .reach import Reach, alink_id
from .shadow import change_shadow

__all__ = ["Things", "as_text"]

_SET = "thing/service/property/set"
_SET_METHOD = "thing.service.property.set"
#: Code of the device log for an answer that does not fit the thing model.
_BAD_ANSWER = 6205


class Things:
    """Properties, services, shadow and past of one device at a time."""

    def __init__(self, parts: Parts, reach: Reach, past: Past) -> None:
        self._parts, self._reach, self._past = parts, reach, past

    def set_properties(
        self, account: Account, device: Device, items: Mapping[str, Any], qos: int = 1
    ) -> str | Awaited[str]:
        """Ask a device to set properties; the message's id, to be waited for where a script has to convert it first.

        Several official SDKs never answer. Raises INACTIVE, and NOT_SET for what the thing model does not allow.
        """
        self._reach.active(account, device, _SET)
        wanted = _settable(device, items)
        message_id = alink_id(self._parts)
        sent = self._reach.send(device, _SET, _request(_SET_METHOD, message_id, wanted), Reason.NOT_SET, qos)
        return message_id if sent is None else sent.then(lambda _: message_id)

    def set_of_all(
        self, account: Account, devices: Sequence[Device], items: Mapping[str, Any], qos: int = 1
    ) -> Awaited[object] | None:
        """Ask devices of one product to set the same properties; what is to be waited for where a script converts them.

        Nothing is sent where the thing model does not allow it (NOT_SET). A device that was never online misses it, as
        one does that is away; the device log says so.
        """
        for device in devices:
            self._reach.allow(account, device)
        if devices:
            _settable(devices[0], items)
        present = [device for device in devices if self._reach.was_online(device, _SET)]
        return _joined(self.ask_to_set(account, device, items, qos) for device in present)

    def ask_to_set(
        self, account: Account, device: Device, items: Mapping[str, Any], qos: int = 1
    ) -> tuple[str, Awaited[None] | None]:
        """Ask a device to set properties: the message's id, and what is to be waited for. Raises NOT_SET."""
        self._reach.allow(account, device)
        wanted, message_id = _settable(device, items), alink_id(self._parts)
        return message_id, self._reach.send(
            device, _SET, _request(_SET_METHOD, message_id, wanted), Reason.NOT_SET, qos
        )

    def invoke_of_all(
        self, account: Account, devices: Sequence[Device], identifier: str, values: Mapping[str, Any], qos: int = 1
    ) -> Awaited[object] | None:
        """Call a service of devices of one product and wait for none of them: also a synchronous one is only sent.

        Raises NOT_INVOKED, and then nothing is sent; else as `set_of_all`.
        """
        for device in devices:
            self._reach.allow(account, device)
        if devices:
            _callable(devices[0], identifier, values)
        path = f"thing/service/{identifier}"
        present = [device for device in devices if self._reach.was_online(device, path)]
        return _joined(self.ask_to_run(account, device, identifier, values, qos) for device in present)

    def ask_to_run(
        self, account: Account, device: Device, identifier: str, values: Mapping[str, Any], qos: int = 1
    ) -> tuple[str, Awaited[None] | None]:
        """Call a service without waiting for its output: the message's id, and what is to be waited for. Raises
        NOT_INVOKED."""
        self._reach.allow(account, device)
        _callable(device, identifier, values)
        parts, message_id = self._parts, alink_id(self._parts)
        request = _request(f"thing.service.{identifier}", message_id, values)
        parts.events.emit(ServiceCalled, device, identifier, message_id, as_text(values), parts.now_ms())
        sent = self._reach.send(device, f"thing/service/{identifier}", request, Reason.NOT_INVOKED, qos)
        return message_id, sent

    def set_desired(
        self, account: Account, device: Device, items: Mapping[str, Any], versions: Mapping[str, int] | None = None
    ) -> tuple[str, dict[str, int]]:
        """Want properties to be so; returns the message's id and the new versions.

        An online device is notified at once, another asks when it is back. With `versions` only where those are the
        stored ones. Raises NOT_SET.
        """
        self._reach.allow(account, device)
        wanted = _settable(device, items)
        try:
            with self._parts.states.changing(device, "desired") as draft:
                fresh = draft.desired.set(wanted, versions, self._parts.now_ms())
        except VersionConflict as conflict:
            raise OperationError(Reason.NOT_SET, str(conflict)) from conflict
        message_id = alink_id(self._parts)
        if self._parts.presence.is_online(device):
            # Wished for all the same: a device that could not be notified now asks when it is back.
            with suppress(OperationError):
                self._reach.send(device, _SET, _request(_SET_METHOD, message_id, wanted), Reason.NOT_SET)
        return message_id, fresh

    def clear_desired(self, account: Account, device: Device, addresses: Sequence[str]) -> dict[str, int]:
        """Want these properties no longer, whatever they should be; the versions that they go on counting from."""
        self._reach.allow(account, device)
        with self._parts.states.changing(device, "desired") as draft:
            for address in addresses:
                draft.desired.delete(address)
        versions = self._parts.states.of(device).desired.versions
        return {address: versions.get(address, 0) for address in addresses}

    def desired(self, account: Account, device: Device) -> Mapping[str, Desired]:
        """What is wanted, by property."""
        self._reach.allow(account, device)
        return self._parts.states.of(device).desired.entries

    def last_values(self, account: Account, device: Device) -> Mapping[str, Timed]:
        """The last accepted value of each property that has one."""
        self._reach.allow(account, device)
        return self._parts.states.last_values(device)

    def invoke_service(
        self, account: Account, device: Device, identifier: str, values: Mapping[str, Any], qos: int = 1
    ) -> str | tuple[str, Awaited[dict[str, Any] | None]]:
        """Call a service: the message's id, and what is to be waited for: a synchronous service's output, or None where
        a script has to convert the request of an asynchronous one.

        Raises INACTIVE, OFFLINE (synchronous), NOT_INVOKED; the output TIMEOUT and NOT_INVOKED.
        """
        parts, path = self._parts, f"thing/service/{identifier}"
        self._reach.active(account, device, path)
        service = _callable(device, identifier, values)
        message_id = alink_id(parts)
        request = _request(f"thing.service.{identifier}", message_id, values)
        parts.events.emit(ServiceCalled, device, identifier, message_id, as_text(values), parts.now_ms())
        if service.call_type == "async":
            sent = self._reach.send(device, path, request, Reason.NOT_INVOKED, qos)
            return message_id if sent is None else (message_id, sent.then(lambda _: None))
        if not parts.presence.is_online(device):
            raise OperationError(Reason.OFFLINE, code=9201)
        asked = self._reach.call(device, path, request, Reason.NOT_INVOKED)

        def output_of(answer: bytes) -> dict[str, Any] | None:
            output = self._output(device, identifier, answer)
            parts.events.emit(ServiceReplied, device, identifier, message_id, as_text(output), parts.now_ms())
            return output

        return message_id, asked.then(output_of)

    def _output(self, device: Device, identifier: str, answer: bytes) -> dict[str, Any]:
        """What a synchronous service gave."""
        try:
            output = _data_of(answer)
            _check(
                refused_parameters(device.product.thing_model.services[identifier].output, output), Reason.NOT_INVOKED
            )
        except OperationError as error:
            topic = f"/sys/{device.identity}/thing/service/{identifier}_reply"
            self._parts.log.record(device.product.key, device.name, topic, _BAD_ANSWER, error.message)
            raise
        return output

    def shadow(self, account: Account, device: Device) -> dict[str, Any]:
        """The reply to a `get` of the shadow."""
        self._reach.allow(account, device)
        return change_shadow(self._parts, device, b'{"method":"get"}', from_cloud=True)

    def update_shadow(self, account: Account, device: Device, message: bytes) -> dict[str, Any]:
        """A shadow message of the cloud side; returns the reply. Raises SHADOW_REFUSED."""
        self._reach.allow(account, device)
        reply = change_shadow(self._parts, device, message, from_cloud=True)
        payload = reply.get("payload", {})
        if payload.get("status") != "success":
            content = payload.get("content", {})
            why = f"{content.get('errorcode')} {content.get('errormessage')}"
            raise OperationError(Reason.SHADOW_REFUSED, why, int(content.get("errorcode") or 0))
        return reply

    @property
    def keeps_history(self) -> bool:
        """Whether there is more of the past than the last values."""
        return self._past is not NO_HISTORY

    def ask_past(self, query: Query) -> Page | None:
        """What a device said; to be called beside the event loop, for it may wait for a disk.

        The query was made for a device that the asking account was shown.
        """
        return self._past.ask(query)


def _request(method: str, message_id: str, params: Any) -> bytes:
    """A downlink request, compact, as the smallest official parser needs it."""
    return orjson.dumps({"method": method, "id": message_id, "params": params, "version": "1.0.0"})


def _data_of(answer: bytes) -> dict[str, Any]:
    """`data` of a device's reply; raises NOT_INVOKED when the reply is none or carries an error's code."""
    try:
        reply = orjson.loads(answer)
    except orjson.JSONDecodeError:
        reply = None
    if type(reply) is not dict:
        raise OperationError(Reason.NOT_INVOKED, f"the device's reply: {TEXT[6207]}", 6207)
    if reply.get("code") != 200:
        message = str(reply.get("message") or "")[:256]
        raise OperationError(Reason.NOT_INVOKED, f"{reply.get('code')!r:.20} {message}".strip())
    data = reply.get("data")
    return data if type(data) is dict else {}


def _settable(device: Device, items: Mapping[str, Any]) -> dict[str, Any]:
    """The values, if every one is of a property that may be written, and fits it."""
    model = device.product.thing_model
    refused = {}
    for address, value in items.items():
        known = model.properties.get(address)
        if known is None:
            refused[address] = 6320
        elif known.access == "r":
            raise OperationError(Reason.NOT_SET, f"{address}: the property is read-only")
        elif code := known.check(value):
            refused[address] = code
    _check(refused, Reason.NOT_SET)
    if not items:
        raise OperationError(Reason.NOT_SET, "no property to set")
    return dict(items)


def _joined(sent: Iterable[tuple[str, Awaited[None] | None]]) -> Awaited[object] | None:
    return joined([awaited for _, awaited in sent if awaited is not None])


def _callable(device: Device, identifier: str, values: Mapping[str, Any]) -> ServiceModel:
    """The service, if there is one and these are its parameters."""
    service = device.product.thing_model.services.get(identifier)
    if service is None:
        raise OperationError(Reason.NOT_INVOKED, f"{TEXT[6206]}: {identifier}", 6206)
    _check(refused_parameters(service.input, values), Reason.NOT_INVOKED)
    if missing := [name for name in service.input if name not in values]:
        raise OperationError(Reason.NOT_INVOKED, f"{TEXT[6302]}: {', '.join(missing)}", 6302)
    return service


def _check(refused: Mapping[str, int], reason: Reason) -> None:
    if refused:
        message = "; ".join(f"{name}: {TEXT[code]}" for name, code in list(refused.items())[:5])
        raise OperationError(reason, message, next(iter(refused.values())))


def as_text(value: Any) -> str:
    """Values are texts on the cloud side: a text as it is, everything else as JSON."""
    return value if type(value) is str else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

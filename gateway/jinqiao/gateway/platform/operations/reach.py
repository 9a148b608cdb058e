"""What an account can reach: products and devices it does not see are refused as unknown."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.requests import parse_request

from ..calls import Call
from ..converters.base import Converter, ConverterError
from ..downlinks import DOWN_RAW, convert_answer, convert_down, request_downlink
from ..events import DownlinkAnswered
from ..parts import Parts
from ..registry.accounts import Account
from ..registry.registry import Device, Product
from .awaited import Awaited, Promise
from .errors import OperationError, Reason

__all__ = ["Reach", "alink_id"]

_logger = logging.getLogger(__name__)

#: Seconds a device has to answer a synchronous service, and a script to convert what waits for an answer.
SERVICE_TIMEOUT_S = _PATIENCE_S = 8.0
#: Alink ids are numbers below 2³¹ as text: one official SDK keeps 32 bits of them.
_ID_RANGE = 2**31
#: Codes of the device log: never online, not there, disabled.
_INACTIVE, _OFFLINE, _DISABLED = 9200, 9201, 6208


def alink_id(parts: Parts) -> str:
    """A message id as every device can read it."""
    return str(int(parts.calls.new_id()) % _ID_RANGE)


class Reach:
    """Finding what is asked about, and sending to it. Every operation goes through here."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def product(self, account: Account, product_key: str) -> Product:
        """The product of this key; raises NO_PRODUCT."""
        product = self._parts.registry.product(product_key)
        if product is None or not account.sees(product_key):
            raise OperationError(Reason.NO_PRODUCT, code=6250)
        return product

    def device(self, account: Account, product_key: str, device_name: str) -> Device:
        """The device of these names; raises NO_PRODUCT, NO_DEVICE."""
        product = self.product(account, product_key)
        device = self._parts.registry.device(product.key, device_name)
        if device is None:
            raise OperationError(Reason.NO_DEVICE, code=6100)
        return device

    def device_of_id(self, account: Account, iot_id: str) -> Device:
        """The device of the cloud side's id; raises NO_DEVICE."""
        device = self._parts.iot_ids.find(iot_id)
        if device is None or not account.sees(device.product.key):
            raise OperationError(Reason.NO_DEVICE, code=6100)
        return device

    def allow(self, account: Account, device: Device) -> None:
        """Raises NO_DEVICE for a device that the account does not see."""
        if not account.sees(device.product.key):
            raise OperationError(Reason.NO_DEVICE, code=6100)

    def active(self, account: Account, device: Device, path: str) -> None:
        """Raises INACTIVE, and logs 9200, for a device that was never online."""
        self.allow(account, device)
        if not self.was_online(device, path):
            raise OperationError(Reason.INACTIVE, code=_INACTIVE)

    def was_online(self, device: Device, path: str) -> bool:
        """Whether the device ever was; logs 9200 where it was not."""
        if self._parts.presence.status_of(device).state != "inactive":
            return True
        self._record(device, path, _INACTIVE, TEXT[_INACTIVE])
        return False

    def send(self, device: Device, path: str, request: bytes, failed: Reason, qos: int = 1) -> Awaited[None] | None:
        """Publish a request; a device that is not there does not get it, and the device log says so.

        For a product that speaks bytes of its own it is converted, by a script beside the event loop: then whether that
        could be done is to be awaited. Raises `failed`, at once or to who waits, where it could not.
        """
        parts, converter = self._parts, device.product.converter
        if not parts.presence.is_online(device):
            code = _DISABLED if parts.records.is_disabled(device.identity) else _OFFLINE
            self._record(device, path, code, TEXT[code])
            topic, request_id = f"/sys/{device.identity}/{path}", parse_request(request).id
            parts.events.emit(DownlinkAnswered, device, topic, request_id, code, TEXT[code], {}, parts.now_ms())
        if converter is None:
            parts.out.send(request_downlink(parts.calls, device, path, request, qos=qos))
            return None
        late = OperationError(failed, "26010 the script took too long", 26010)
        sent = Promise[None](Call(device.identity, ""), _PATIENCE_S, late, lambda: None)

        def publish(raw: Any) -> Iterable[Downlink]:
            if sent.over:
                return ()
            sent.keep(self._failure(device, path, raw, failed))
            if isinstance(raw, Exception):
                return ()
            return (request_downlink(parts.calls, device, path, request, raw=raw, qos=qos),)

        self._convert(device, converter, partial(convert_down, converter, request), publish)
        awaited = sent.awaited()
        return None if sent.kept else awaited

    def call(self, device: Device, path: str, request: bytes, failed: Reason) -> Awaited[bytes]:
        """Send a synchronous Alink request, in the form that the device's `ext` asks for; the answer, in Alink.

        `path` is what follows the device's name in the topic, such as `thing/service/Unlock`; for a product that speaks
        bytes of its own request and answer are converted, and `path` is that of raw data. Raises `failed` where that
        cannot be done; the result TIMEOUT.
        """
        parts, converter = self._parts, device.product.converter
        call = parts.calls.open(device.identity)
        # What is waited for is the answer once it is converted, under the same id.
        answered = Promise[bytes](
            Call(device.identity, call.message_id),
            SERVICE_TIMEOUT_S,
            OperationError(Reason.TIMEOUT),
            lambda: parts.calls.close(call),
        )
        if converter is None:
            call.when_answered(lambda: answered.keep(call.answer or b""))
            parts.out.send(self._synchronous(device, call, path, request))
            return answered.awaited()
        made = converter

        def ask(raw: Any) -> Iterable[Downlink]:
            failure = self._failure(device, path, raw, failed)
            if failure is not None:
                answered.keep(failure)
            return () if failure or answered.over else (self._synchronous(device, call, DOWN_RAW, raw),)

        def take(answer: Any) -> Iterable[Downlink]:
            if not answered.over:
                answered.keep(self._failure(device, f"{DOWN_RAW}_reply", answer, failed) or answer)
            return ()

        def read() -> None:
            self._convert(device, made, partial(convert_answer, made, call.answer or b""), take)

        call.when_answered(read)
        self._convert(device, converter, partial(convert_down, converter, request), ask)
        return answered.awaited()

    def _convert(
        self,
        device: Device,
        converter: Converter,
        work: Callable[[], bytes],
        then: Callable[[Any], Iterable[Downlink]],
    ) -> None:
        """Have a converter work, and publish what `then` makes of that, or of its error; beside what devices send."""
        who = f"cloud to {device.identity}"
        for downlink in self._parts.aside.convert(converter, device.product.key, who, work, then):
            self._parts.out.send(downlink)

    def _synchronous(self, device: Device, call: Call, ending: str, payload: bytes) -> Downlink:
        if self._parts.presence.speaks_ext(device.identity):
            return Downlink(f"/ext/rrpc/{call.message_id}/sys/{device.identity}/{ending}", payload)
        return Downlink(f"/sys/{device.identity}/rrpc/request/{call.message_id}", payload)

    def _failure(self, device: Device, path: str, outcome: Any, failed: Reason) -> OperationError | None:
        """The error to raise where a converter's work has failed, which is logged."""
        if not isinstance(outcome, Exception):
            return None
        if isinstance(outcome, ConverterError):
            return self.not_converted(device, path, outcome, failed)
        _logger.error("the converter of %s failed", device.product.key, exc_info=outcome)
        return OperationError(failed, TEXT[500], 500)

    def not_converted(self, device: Device, path: str, error: ConverterError, failed: Reason) -> OperationError:
        """A converter failed: written down, and the error to raise."""
        self._record(device, path, error.code, str(error))
        return OperationError(failed, f"{error.code} {error}", error.code)

    def _record(self, device: Device, path: str, code: int, message: str) -> None:
        self._parts.log.record(device.product.key, device.name, f"/sys/{device.identity}/{path}", code, message)

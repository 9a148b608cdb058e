"""What an account can reach: products and devices it does not see are refused as unknown."""

from __future__ import annotations

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.wire.alink.codes import TEXT

from ..calls import Call
from ..converters.base import ConverterError
from ..downlinks import DOWN_RAW, convert_down, request_downlink
from ..parts import Parts
from ..registry.accounts import Account
from ..registry.registry import Device, Product
from .errors import OperationError, Reason

__all__ = ["Reach", "alink_id"]

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
        if self._parts.presence.status_of(device).state == "inactive":
            self._record(device, path, _INACTIVE, TEXT[_INACTIVE])
            raise OperationError(Reason.INACTIVE, code=_INACTIVE)

    def send(self, device: Device, path: str, request: bytes, failed: Reason) -> None:
        """Publish a request at QoS 1; a device that is not there does not get it, and the device log says so.

        For a product that speaks bytes of its own it is converted; raises `failed` where that cannot be done.
        """
        parts = self._parts
        if not parts.presence.is_online(device):
            code = _DISABLED if parts.records.is_disabled(device.identity) else _OFFLINE
            self._record(device, path, code, TEXT[code])
        try:
            parts.out.send(request_downlink(parts.calls, device, path, request, qos=1))
        except ConverterError as error:
            raise self.not_converted(device, path, error, failed) from error

    def call(self, device: Device, path: str, payload: bytes, failed: Reason) -> Call:
        """Send a synchronous Alink request, in the form that the device's `ext` asks for; `Calls.close` the call.

        `path` is what follows the device's name in the topic, such as `thing/service/Unlock`; for a product that speaks
        bytes of its own the request is converted and `path` is that of raw data.
        """
        parts = self._parts
        converter = device.product.converter
        ending = path
        if converter is not None:
            try:
                ending, payload = DOWN_RAW, convert_down(converter, payload)
            except ConverterError as error:
                raise self.not_converted(device, path, error, failed) from error
        call = parts.calls.open(device.identity)
        if parts.presence.speaks_ext(device.identity):
            topic = f"/ext/rrpc/{call.message_id}/sys/{device.product.key}/{device.name}/{ending}"
        else:
            topic = f"/sys/{device.product.key}/{device.name}/rrpc/request/{call.message_id}"
        parts.out.send(Downlink(topic, payload))
        return call

    def not_converted(self, device: Device, path: str, error: ConverterError, failed: Reason) -> OperationError:
        """A converter failed: written down, and the error to raise."""
        self._record(device, path, error.code, str(error))
        return OperationError(failed, f"{error.code} {error}", error.code)

    def _record(self, device: Device, path: str, code: int, message: str) -> None:
        self._parts.log.record(device.product.key, device.name, f"/sys/{device.identity}/{path}", code, message)

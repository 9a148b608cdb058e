"""What an action is called with: its own parameters, read with care, and the platform that it acts on."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from jinqiao.gateway.platform.operations import OperationError, Operations
from jinqiao.gateway.platform.registry.accounts import Account
from jinqiao.gateway.platform.registry.registry import Device, Product

from .errors import ApiError, missing
from .parameters import Parameter

__all__ = ["Arguments", "gmt_time", "utc_time"]

#: Later than any time in ms that is a date.
LATEST_MS = 10**14
#: The platform's local times are those of its region.
_SHANGHAI_MS = 8 * 3_600_000


class Arguments:
    """Parameters of one call, those of the action's row and no others, and who calls.

    Every reader raises ApiError for what is not there or not readable, and KeyError for what the row does not name.
    """

    def __init__(
        self,
        known: Mapping[str, Parameter],
        parameters: Mapping[str, str],
        operations: Operations,
        account: Account,
        now_ms: Callable[[], int],
        named: list[Device] | None = None,
    ) -> None:
        #: The devices that the call has named, in the order in which they were found.
        self.named = [] if named is None else named
        self.operations, self.account, self.now_ms = operations, account, now_ms
        self._known, self._parameters = known, parameters
        for name, mandatory, listed in known.values():
            # Product and device are looked for, in the row's order; an empty list is the function's to judge.
            if mandatory and name == "IotId":
                self.device()
            elif mandatory and name == "ProductKey":
                self.product()
            elif mandatory and not listed and not parameters.get(name):
                raise missing(name)

    def _value(self, name: str) -> str | None:
        """What the call has for a parameter of the row."""
        return self._parameters.get(self._known[name].name)

    def text(self, name: str, default: str | None = None) -> str:
        """A text; without a default it is mandatory."""
        value = self._value(name)
        if value is None or (value == "" and default is None):
            if default is None:
                raise missing(name)
            return default
        return value

    def number(
        self, name: str, default: int, *, low: int = 0, high: int = 2**31 - 1, code: str = "InvalidParameter"
    ) -> int:
        """A whole number within its bounds."""
        text = self._value(name)
        if not text:
            return default
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 20 and low <= int(text) <= high):
            raise ApiError(code, f"{name} must be a whole number from {low} to {high}, found {text!r}.")
        return int(text)

    def time_ms(self, name: str) -> int:
        """A time in ms, UTC; 0 where it is not given."""
        return self.number(name, 0, high=LATEST_MS, code="iot.check.InvalidFormattedParameter")

    def object(self, name: str, default: str | None = None) -> dict[str, Any]:
        """A JSON object as text."""
        text = self.text(name, default) or "{}"
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = None
        if type(value) is not dict:
            raise ApiError("iot.check.InvalidFormattedParameter", f"{name} must be a JSON object.")
        return value

    def base64(self, name: str) -> bytes:
        """Bytes as base64."""
        text = self._value(name)
        if not text:
            raise missing(name)
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise ApiError("iot.messagebroker.MessageContentIsNotBase64Encode") from None

    def list(self, name: str) -> list[str]:
        """`Name.1`, `Name.2` … in their order."""
        name = self._known[name].name
        values: list[tuple[int, str]] = []
        for key, value in self._parameters.items():
            prefix, _, index = key.partition(".")
            if prefix == name and index.isascii() and index.isdigit() and len(index) < 9:
                values.append((int(index), value))
        return [value for _, value in sorted(values)]

    def structures(self, name: str, *members: str) -> Sequence[dict[str, str]]:
        """`Name.1.Member`, `Name.2.Member` … in their order; what is not given, or empty, is left out."""
        name = self._known[name].name
        found: dict[int, dict[str, str]] = {}
        for key, value in self._parameters.items():
            prefix, _, rest = key.partition(".")
            index, _, member = rest.partition(".")
            if prefix == name and member in members and index.isascii() and index.isdigit() and len(index) < 9:
                found.setdefault(int(index), {})[member] = value
        return [{member: value for member, value in found[n].items() if value} for n in sorted(found)]

    def flag(self, name: str, default: bool = False) -> bool:
        """`true` or `false`."""
        text = (self._value(name) or "").lower()
        if text not in {"", "true", "false"}:
            raise ApiError("InvalidParameter", f"{name} must be true or false, found {text!r}.")
        return text == "true" if text else default

    def devices(self, most: int, listed: str = "DeviceName") -> Sequence[Device]:
        """The devices that `ProductKey` and a list of names name, each once; at least one and not too many."""
        product, names = self.product(), list(dict.fromkeys(self.list(listed)))
        if not names:
            raise ApiError("iot.device.NoneDeviceNameElement")
        if len(names) > most:
            raise ApiError("InvalidParameter", f"at most {most} devices in one call.")
        return [self.device_named(product, name) for name in names]

    def product(self) -> Product:
        """The product that `ProductKey` names."""
        key = self._value("ProductKey")
        if not key:
            raise missing("ProductKey")
        return self.operations.devices.product(self.account, key)

    def device(self) -> Device:
        """The device of `IotId`, which wins, or of `ProductKey` and `DeviceName`."""
        if iot_id := self._value("IotId"):
            return self.device_of_id(iot_id)
        product = self.product()
        name = self._value("DeviceName")
        if not name:
            raise missing("DeviceName")
        return self.device_named(product, name)

    def device_of_id(self, iot_id: str) -> Device:
        try:
            return self._found(self.operations.devices.find_by_id(self.account, iot_id))
        except OperationError as unknown:
            raise ApiError("iot.device.InvalidIoTId") from unknown

    def device_named(self, product: Product, name: str) -> Device:
        return self._found(self.operations.devices.find(self.account, product.key, name))

    def _found(self, device: Device) -> Device:
        self.named.append(device)
        return device


def utc_time(ms: int) -> str:
    """`2026-11-22T07:52:36.123Z`; empty for never."""
    if not ms:
        return ""
    moment = datetime.fromtimestamp(ms / 1000, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def gmt_time(ms: int) -> str:
    """`2026-11-22 15:52:36` in the region's time; empty for never."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime((ms + _SHANGHAI_MS) // 1000)) if ms else ""

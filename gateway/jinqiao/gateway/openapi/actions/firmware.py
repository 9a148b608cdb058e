"""Actions of firmware over the air: make a firmware known, offer it to devices."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable
from typing import Any

from jinqiao.gateway.platform.devices.ota import Firmware
from jinqiao.gateway.platform.registry.registry import Device, Product
from jinqiao.wire.alink.limits import DEFAULT_MODULE

from ..action import action
from ..arguments import Arguments, utc_time
from ..errors import ApiError

__all__ = ["create_ota_firmware", "create_ota_static_upgrade_job"]

#: As callers write it → as every official SDK reads it: one refuses `MD5`.
_SIGN_METHODS = {"MD5": "Md5", "SHA256": "SHA256"}
#: Hexadecimal digits of a digest.
_DIGITS = {"Md5": 32, "SHA256": 64}
#: Bytes; larger images are refused.
_LARGEST = 1024**3
_FULL, _DIFFERENCE = 0, 1


@action(
    "CreateOTAFirmware",
    "ProductKey! DestVersion! FirmwareUrl! FirmwareSign! FirmwareSize SignMethod ModuleName Type Udi",
    "Data{FirmwareId UtcCreate}",
)
def create_ota_firmware(args: Arguments) -> dict[str, Any]:
    """The file is not fetched here, so its digest must be given: a device is always offered one."""
    product = args.product()
    method = _SIGN_METHODS.get(args.text("SignMethod", "MD5").upper())
    if method is None:
        raise ApiError("InvalidParameter", "SignMethod must be MD5 or SHA256.")
    sign = args.text("FirmwareSign")
    if len(sign) != _DIGITS[method] or set(sign) - set(string.hexdigits):
        raise ApiError(
            "InvalidParameter", f"FirmwareSign must be the {method} of the file, {_DIGITS[method]} hex digits."
        )
    firmware = Firmware(
        version=args.text("DestVersion"),
        size=args.number("FirmwareSize", 0, high=_LARGEST),
        url=args.text("FirmwareUrl"),
        sign=sign,
        sign_method=method,
        module=args.text("ModuleName", "") or DEFAULT_MODULE,
        is_diff=args.number("Type", _FULL, high=_DIFFERENCE) == _DIFFERENCE,
        ext_data=args.object("Udi", "{}"),
    )
    firmware_id = args.operations.firmware.add(args.account, product, firmware)
    return {"Data": {"FirmwareId": firmware_id, "UtcCreate": utc_time(args.now_ms())}}


@action(
    "CreateOTAStaticUpgradeJob",
    "ProductKey! FirmwareId! TargetSelection! TargetDeviceName.N SrcVersion.N",
    "Data{JobId UtcCreate}",
)
def create_ota_static_upgrade_job(args: Arguments) -> dict[str, Any]:
    """Offers the firmware to the devices that run one of the `SrcVersion.N`, to all if none is given."""
    product = args.product()
    firmware = args.operations.firmware.find(args.account, product, args.text("FirmwareId"))
    sources = set(args.list("SrcVersion"))
    job_id = secrets.token_urlsafe(18)
    chosen = [
        device
        for device in _targets(args, product)
        if not sources or args.operations.devices.versions(args.account, device).get(firmware.module, "") in sources
    ]
    args.operations.firmware.offer_all(args.account, chosen, firmware, job_id)
    return {"Data": {"JobId": job_id, "UtcCreate": utc_time(args.now_ms())}}


def _targets(args: Arguments, product: Product) -> Iterable[Device]:
    selection = args.text("TargetSelection").upper()
    if selection == "ALL":
        return [args.device_named(product, name) for name in product.devices]
    if selection != "SPECIFIC":
        raise ApiError("InvalidParameter", "TargetSelection must be ALL or SPECIFIC.")
    names = args.list("TargetDeviceName")
    if not names:
        raise ApiError("iot.device.NoneDeviceNameElement")
    return [args.device_named(product, name) for name in names]

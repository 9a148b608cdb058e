"""Actions of firmware over the air: update packages, and the modules that they are for."""

from __future__ import annotations

import string
from typing import Any

from jinqiao.gateway.platform.devices.ota import Firmware
from jinqiao.gateway.platform.operations.things import as_text
from jinqiao.gateway.platform.upgrades.package import Package
from jinqiao.wire.alink.limits import DEFAULT_MODULE

from ..action import action
from ..arguments import Arguments, utc_time
from ..errors import ApiError
from ..pages import Page
from .devices import device_names

__all__ = [
    "create_ota_firmware",
    "create_ota_module",
    "delete_ota_firmware",
    "delete_ota_module",
    "list_ota_firmware",
    "list_ota_module_by_product",
    "list_ota_module_versions_by_device",
    "modify_ota_firmware",
    "query_ota_firmware",
    "update_ota_module",
]

#: As callers write it → as every official SDK reads it: one refuses `MD5`.
_SIGN_METHODS = {"MD5": "Md5", "SHA256": "SHA256"}
#: Hexadecimal digits of a digest.
_DIGITS = {"Md5": 32, "SHA256": 64}
#: Bytes; larger images are refused.
_LARGEST = 1024**3
_FULL, _DIFFERENCE = 0, 1
#: Rows of a page.
_ROWS = 100


@action(
    "CreateOTAFirmware",
    "ProductKey! DestVersion! FirmwareUrl! FirmwareSign! FirmwareSize SignMethod ModuleName Type Udi FirmwareName "
    "FirmwareDesc SrcVersion NeedToVerify",
    "Data{FirmwareId UtcCreate}",
)
def create_ota_firmware(args: Arguments) -> dict[str, Any]:
    """The file is not fetched here, so its digest must be given: a device is always offered one. Whoever does not say
    that it needs to be verified need not verify it."""
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
    package = args.operations.firmware.add(
        args.account,
        product,
        firmware,
        name=args.text("FirmwareName", ""),
        description=args.text("FirmwareDesc", ""),
        source_version=args.text("SrcVersion", ""),
        needs_verification=args.flag("NeedToVerify"),
    )
    return {"Data": {"FirmwareId": package.id, "UtcCreate": utc_time(package.created_ms)}}


@action(
    "ListOTAFirmware",
    "ProductKey DestVersion CurrentPage! PageSize!",
    "Total PageCount CurrentPage PageSize FirmwareInfo{SimpleFirmwareInfo[FirmwareId FirmwareName FirmwareDesc "
    "ProductKey ProductName ModuleName DestVersion SrcVersion FirmwareSize FirmwareSign SignMethod Type Status "
    "UtcCreate UtcModified]}",
)
def list_ota_firmware(args: Arguments) -> dict[str, Any]:
    """Latest first; of one product, or of all that the key sees."""
    page, product = Page.of(args, _ROWS), args.product() if args.text("ProductKey", "") else None
    packages = args.operations.firmware.all(args.account, product, args.text("DestVersion", ""))
    rows = [_simple(args, package) for package in page.rows(packages)]
    return {**page.members(len(packages)), "FirmwareInfo": {"SimpleFirmwareInfo": rows}}


@action(
    "QueryOTAFirmware",
    "FirmwareId!",
    "FirmwareInfo{FirmwareId FirmwareName FirmwareDesc ProductKey ProductName ModuleName DestVersion SrcVersion "
    "FirmwareSize FirmwareSign SignMethod FirmwareUrl Udi Type Status VerifyProgress UtcCreate UtcModified}",
)
def query_ota_firmware(args: Arguments) -> dict[str, Any]:
    """`Status`: -1 needs no verification, 0 is not verified, 1 is, 2 is being verified, 3 was not found good."""
    package = args.operations.firmware.find(args.account, args.text("FirmwareId"))
    firmware = package.firmware
    more = {
        "FirmwareUrl": firmware.url,
        "Udi": as_text(dict(firmware.ext_data)) if firmware.ext_data else "",
        "VerifyProgress": 100 if args.operations.firmware.verification_of(package) in (1, 3) else 0,
    }
    return {"FirmwareInfo": {**_simple(args, package), **more}}


@action(
    "ModifyOTAFirmware",
    "FirmwareId! FirmwareName FirmwareDesc",
    "",
)
def modify_ota_firmware(args: Arguments) -> dict[str, Any]:
    """Another name or description; what is not given stays."""
    given = {"name": args.text("FirmwareName", ""), "description": args.text("FirmwareDesc", "")}
    about = {name: value for name, value in given.items() if value}
    args.operations.firmware.describe(args.account, args.text("FirmwareId"), **about)
    return {}


@action(
    "DeleteOTAFirmware",
    "FirmwareId!",
    "",
)
def delete_ota_firmware(args: Arguments) -> dict[str, Any]:
    args.operations.firmware.delete(args.account, args.text("FirmwareId"))
    return {}


# Modules.


@action(
    "CreateOTAModule",
    "ProductKey! ModuleName! AliasName Desc",
    "",
)
def create_ota_module(args: Arguments) -> dict[str, Any]:
    product, name = args.product(), args.text("ModuleName")
    alias, description = args.text("AliasName", ""), args.text("Desc", "")
    args.operations.firmware.add_module(args.account, product, name, alias, description)
    return {}


@action(
    "UpdateOTAModule",
    "ProductKey! ModuleName! AliasName Desc",
    "",
)
def update_ota_module(args: Arguments) -> dict[str, Any]:
    given = {"alias": args.text("AliasName", ""), "description": args.text("Desc", "")}
    about = {name: value for name, value in given.items() if value}
    args.operations.firmware.describe_module(args.account, args.product(), args.text("ModuleName"), **about)
    return {}


@action(
    "DeleteOTAModule",
    "ProductKey! ModuleName!",
    "",
)
def delete_ota_module(args: Arguments) -> dict[str, Any]:
    args.operations.firmware.delete_module(args.account, args.product(), args.text("ModuleName"))
    return {}


@action(
    "ListOTAModuleByProduct",
    "ProductKey!",
    "Data[ProductKey ModuleName AliasName Desc GmtCreate GmtModified]",
)
def list_ota_module_by_product(args: Arguments) -> dict[str, Any]:
    rows = [
        {
            "ProductKey": module.product_key,
            "ModuleName": module.name,
            "AliasName": module.alias,
            "Desc": module.description,
            "GmtCreate": utc_time(module.created_ms),
            "GmtModified": utc_time(module.modified_ms),
        }
        for module in args.operations.firmware.modules(args.account, args.product())
    ]
    return {"Data": rows}


@action(
    "ListOTAModuleVersionsByDevice",
    "device! CurrentPage! PageSize!",
    "Total PageCount CurrentPage PageSize Data{SimpleOTAModuleInfo[IotId ProductKey DeviceName ModuleName "
    "ModuleVersion]}",
)
def list_ota_module_versions_by_device(args: Arguments) -> dict[str, Any]:
    device, page = args.device(), Page.of(args, _ROWS)
    versions = sorted(args.operations.devices.versions(args.account, device).items())
    rows = [
        {**device_names(device), "ModuleName": module, "ModuleVersion": version}
        for module, version in page.rows(versions)
    ]
    return {**page.members(len(versions)), "Data": {"SimpleOTAModuleInfo": rows}}


def _simple(args: Arguments, package: Package) -> dict[str, Any]:
    firmware = package.firmware
    return {
        "FirmwareId": package.id,
        "FirmwareName": package.name,
        "FirmwareDesc": package.description,
        "ProductKey": package.product_key,
        "ProductName": args.operations.devices.product(args.account, package.product_key).name,
        "ModuleName": firmware.module,
        "DestVersion": firmware.version,
        "SrcVersion": package.source_version,
        "FirmwareSize": firmware.size,
        "FirmwareSign": firmware.sign,
        "SignMethod": firmware.sign_method,
        "Type": _DIFFERENCE if firmware.is_diff else _FULL,
        "Status": args.operations.firmware.verification_of(package),
        "UtcCreate": utc_time(package.created_ms),
        "UtcModified": utc_time(package.modified_ms),
    }

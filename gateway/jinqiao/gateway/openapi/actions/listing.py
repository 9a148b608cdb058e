"""Actions that list what there is: products, and the devices of one, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from jinqiao.gateway.platform.registry.registry import Device, Product

from ..action import action
from ..arguments import Arguments, gmt_time, utc_time
from ..errors import ApiError
from .devices import MOST_DEVICES, NODE_TYPE, device_detail, device_names, status_of

__all__ = ["batch_query_device_detail", "query_device", "query_product_list"]

#: Rows of a page, by the documentation of each action.
_DEVICES, _PRODUCTS, _DEFAULT_PAGE = 50, 200, 10


@action(
    "QueryProductList",
    "CurrentPage! PageSize!",
    "Data{CurrentPage PageCount PageSize Total List{ProductInfo[ProductKey ProductName NodeType DataFormat "
    "DeviceCount AuthType Description GmtCreate]}}",
)
def query_product_list(args: Arguments) -> dict[str, Any]:
    page, size = _page(args, _PRODUCTS)
    products = args.operations.devices.products(args.account)
    shown = products[(page - 1) * size : page * size]
    return {
        "Data": {
            "CurrentPage": page,
            "PageCount": -(-len(products) // size),
            "PageSize": size,
            "Total": len(products),
            "List": {"ProductInfo": [_product(product) for product in shown]},
        }
    }


@action(
    "QueryDevice",
    "ProductKey! CurrentPage PageSize",
    "Total PageCount Page PageSize Data{DeviceInfo[DeviceId IotId ProductKey DeviceName Nickname DeviceSecret "
    "DeviceStatus DeviceType GmtCreate GmtModified UtcCreate UtcModified]}",
)
def query_device(args: Arguments) -> dict[str, Any]:
    product = args.product()
    page, size = _page(args, _DEVICES)
    total = len(product.devices)
    return {
        "Total": total,
        "PageCount": -(-total // size),
        "Page": page,
        "PageSize": size,
        "Data": {"DeviceInfo": [_device(args, device) for device in _some(args, product, (page - 1) * size, size)]},
    }


@action(
    "BatchQueryDeviceDetail",
    "ProductKey! DeviceName.N!",
    "Data{Data[IotId ProductKey DeviceName ProductName Nickname DeviceSecret GmtCreate UtcCreate GmtActive UtcActive "
    "Status FirmwareVersion NodeType Region]}",
)
def batch_query_device_detail(args: Arguments) -> dict[str, Any]:
    product = args.product()
    names = args.list("DeviceName")
    if not names:
        raise ApiError("iot.device.NoneDeviceNameElement")
    if len(names) > MOST_DEVICES:
        raise ApiError("InvalidParameter", f"at most {MOST_DEVICES} devices in one call.")
    details = [device_detail(args, args.device_named(product, name)) for name in names]
    hidden = {"GmtOnline", "UtcOnline", "IpAddress", "Owner"}
    return {"Data": {"Data": [{k: v for k, v in detail.items() if k not in hidden} for detail in details]}}


def _page(args: Arguments, most: int) -> tuple[int, int]:
    """Number of the page, from 1, and its rows."""
    page, size = args.number("CurrentPage", 1), args.number("PageSize", _DEFAULT_PAGE)
    if page < 1 or not 1 <= size <= most:
        why = f"CurrentPage must be from 1 and PageSize from 1 to {most}, found {page} and {size}"
        raise ApiError("iot.common.InvalidPageParams", why)
    return page, size


def _some(args: Arguments, product: Product, first: int, count: int) -> Iterator[Device]:
    """Devices of a product from this one on, in their order."""
    for name in islice(product.devices, first, first + count):
        yield args.device_named(product, name)


def _product(product: Product) -> dict[str, Any]:
    """What the platform knows of it; when it was made is kept nowhere."""
    return {
        "ProductKey": product.key,
        "ProductName": product.name,
        "NodeType": NODE_TYPE[product.node_type],
        "DataFormat": 0 if product.converter is not None else 1,
        "DeviceCount": len(product.devices),
        "AuthType": "secret",
        "Description": "",
        "GmtCreate": 0,
    }


def _device(args: Arguments, device: Device) -> dict[str, Any]:
    names = device_names(device)
    record = args.operations.devices.record(args.account, device)
    return {
        "DeviceId": names["IotId"],
        **names,
        "Nickname": record.nickname,
        "DeviceSecret": device.secret,
        "DeviceStatus": status_of(args, device),
        "DeviceType": device.product.key,
        "GmtCreate": gmt_time(record.created_ms),
        "GmtModified": gmt_time(record.created_ms),
        "UtcCreate": utc_time(record.created_ms),
        "UtcModified": utc_time(record.created_ms),
    }

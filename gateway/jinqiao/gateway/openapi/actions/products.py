"""Actions on products: make, look at, rename, delete."""

from __future__ import annotations

from typing import Any

from jinqiao.gateway.platform.registry.product_record import ProductRecord
from jinqiao.gateway.platform.registry.registry import Product
from jinqiao.wire.alink.thing_model import Validation

from ..action import action
from ..arguments import Arguments
from ..errors import ApiError
from ..pages import Page
from .devices import NODE_TYPE

__all__ = ["create_product", "delete_product", "query_product", "query_product_list", "update_product"]

#: Rows of a page.
_MOST_ROWS = 200
_SENIOR, _BASIC = "iothub_senior", "iothub"
_SECRET = "secret"
_RAW, _ALINK = 0, 1
#: `ValidateType` → how devices' messages are validated. The platform knows the strong one of older products only.
_VALIDATIONS: dict[int, Validation] = {1: "weak", 2: "none"}
_NETS = {"WIFI": 3, "CELLULAR": 6, "ETHERNET": 7, "OTHER": 8}


@action(
    "CreateProduct",
    "ProductName! NodeType! AliyunCommodityCode AuthType CategoryKey DataFormat Description Id2 NetType ProtocolType "
    "PublishAuto ValidateType",
    "ProductKey Data{ProductKey ProductName ProductSecret NodeType DataFormat AliyunCommodityCode AuthType Id2 "
    "ProtocolType Description}",
)
def create_product(args: Arguments) -> dict[str, Any]:
    """A product whose devices speak raw data has no script yet: their raw messages are refused until it has one."""
    if args.text("AliyunCommodityCode", _SENIOR) not in {_SENIOR, _BASIC}:
        raise ApiError("iot.prod.InvalidAliyunCommodityCode")
    if (found := args.text("AuthType", _SECRET)) not in {"", _SECRET}:
        raise ApiError("InvalidParameter", f"AuthType must be secret, found {found[:50]!r}.")
    if args.flag("Id2"):
        raise ApiError("InvalidParameter", "Id2 must be false: devices are proved by their secrets.")
    net = args.text("NetType", "")
    if net and net not in _NETS:
        raise ApiError("InvalidParameter", f"NetType must be one of {', '.join(_NETS)}, found {net[:50]!r}.")
    is_gateway = args.number("NodeType", 0, high=1, code="iot.prod.InvalidNodeType") == 1
    record = ProductRecord(
        description=args.text("Description", ""),
        net_type=net,
        protocol_type=args.text("ProtocolType", "")[:32],
        category_key=args.text("CategoryKey", "")[:64],
        is_raw=args.number("DataFormat", _ALINK, high=1) == _RAW,
    )
    product = args.operations.products.create(
        args.account,
        args.text("ProductName"),
        node_type="gateway" if is_gateway else "sub_device" if record.protocol_type else "device",
        validation=_VALIDATIONS[args.number("ValidateType", 1, low=1, high=2)],
        record=record,
    )
    shown = _whole(product)
    names = ("ProductKey", "ProductName", "ProductSecret", "NodeType", "DataFormat", "AliyunCommodityCode")
    more = ("AuthType", "Id2", "ProtocolType", "Description")
    return {"ProductKey": product.key, "Data": {name: shown[name] for name in (*names, *more)}}


@action(
    "QueryProduct",
    "ProductKey!",
    "Data{ProductKey ProductName ProductSecret NodeType DataFormat DeviceCount AuthType Description GmtCreate "
    "AliyunCommodityCode CategoryKey CategoryName Id2 NetType Owner ProductStatus ProtocolType ValidateType}",
)
def query_product(args: Arguments) -> dict[str, Any]:
    return {"Data": _whole(args.product())}


@action(
    "QueryProductList",
    "CurrentPage! PageSize! AliyunCommodityCode",
    "Data{CurrentPage PageCount PageSize Total List{ProductInfo[ProductKey ProductName NodeType DataFormat "
    "DeviceCount AuthType Description GmtCreate]}}",
)
def query_product_list(args: Arguments) -> dict[str, Any]:
    """Every product has a thing model: there is none of the basic edition."""
    page = Page.of(args, _MOST_ROWS)
    products = args.operations.devices.products(args.account)
    if args.text("AliyunCommodityCode", _SENIOR) == _BASIC:
        products = []
    shown = [_summary(product) for product in page.rows(products)]
    return {"Data": {**page.members(len(products)), "List": {"ProductInfo": shown}}}


@action(
    "UpdateProduct",
    "ProductKey! ProductName! Description",
    "",
)
def update_product(args: Arguments) -> dict[str, Any]:
    description = args.text("Description", "") or None
    args.operations.products.update(args.account, args.product(), args.text("ProductName"), description)
    return {}


@action(
    "DeleteProduct",
    "ProductKey!",
    "",
)
def delete_product(args: Arguments) -> dict[str, Any]:
    """Refused while it has devices."""
    args.operations.products.delete(args.account, args.product())
    return {}


def _summary(product: Product) -> dict[str, Any]:
    record = product.record
    return {
        "ProductKey": product.key,
        "ProductName": product.name,
        "NodeType": NODE_TYPE[product.node_type],
        "DataFormat": _RAW if record.is_raw or product.converter is not None else _ALINK,
        "DeviceCount": len(product.devices),
        "AuthType": _SECRET,
        "Description": record.description,
        "GmtCreate": record.created_ms,
    }


def _whole(product: Product) -> dict[str, Any]:
    record = product.record
    validation = {name: number for number, name in _VALIDATIONS.items()}
    return {
        **_summary(product),
        "ProductSecret": product.secret or "",
        "AliyunCommodityCode": _SENIOR,
        "CategoryKey": record.category_key,
        "CategoryName": "",
        "Id2": False,
        "NetType": _NETS.get(record.net_type, _NETS["OTHER"]),
        "Owner": True,
        "ProductStatus": "DEVELOPMENT_STATUS",
        "ProtocolType": record.protocol_type,
        "ValidateType": validation.get(product.thing_model.validation, 0),
    }

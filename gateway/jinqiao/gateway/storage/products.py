"""Products as they are kept: whole, so that a folder can be served without the registry file that they came from.

Of a product that a registry file names the file's own value is kept beside it, as a digest. What was changed or deleted
by calls since stays so as long as the file says the same as before; when its words change, they count again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.platform.registry.devices import ListedDevices
from jinqiao.gateway.platform.registry.product_record import ProductRecord
from jinqiao.gateway.platform.registry.registry import Product
from jinqiao.wire.alink.thing_model import ThingModel

from .sqlite import FILE_KIND, Row

__all__ = ["dump_product", "load_product", "product_row", "rows_of_file"]


def product_row(product: Product) -> Row:
    """A product as it is kept."""
    return Row("product", product.key, dump_product(product))


def dump_product(product: Product) -> dict[str, Any]:
    """As JSON values, without its devices and its converter."""
    value = {
        "name": product.name,
        "secret": product.secret,
        "dynamic_registration": product.dynamic_registration,
        "node_type": product.node_type,
        "validation": product.thing_model.validation,
        "tsl": product.thing_model.tsl,
    }
    record = product.record.dump()
    return {**value, "record": record} if record else value


def load_product(row: Row, opened: type[ThingModel]) -> Product:
    """The way back, without devices. Raises EnvironmentFault for a thing model that is none."""
    value: Mapping[str, Any] = row.value
    try:
        model = opened(value["tsl"], validation=value["validation"])
    except (ValueError, KeyError) as error:  # pydantic's ValidationError is a ValueError
        raise EnvironmentFault(f"the kept thing model of {row.product_key!r} cannot be read: {error}") from error
    return Product(
        row.product_key,
        value["name"],
        model,
        ListedDevices({}),
        value["secret"],
        value["dynamic_registration"],
        value["node_type"],
        record=ProductRecord.load(value.get("record", {})),
    )


def rows_of_file(product: Product, known: Mapping[tuple[str, str], Any]) -> list[Row]:
    """What is to be kept of a product that a registry file names; nothing where the file says what it said before.

    `known` are the rows that there are, by kind and key.
    """
    row = product_row(product)
    digest = hashlib.sha256(orjson.dumps(row.value, option=orjson.OPT_SORT_KEYS)).hexdigest()
    if known.get(("product", product.key)) is not None and known.get((FILE_KIND, product.key)) == digest:
        return []
    return [row, Row(FILE_KIND, product.key, digest)]

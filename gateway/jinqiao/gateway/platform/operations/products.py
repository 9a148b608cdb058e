"""Products: made, described, renamed, deleted."""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import replace

from jinqiao.wire.alink.thing_model import Validation
from jinqiao.wire.alink.tsl_document import compiled, empty_tsl

from ..parts import Parts
from ..provisioning import new_secret
from ..registry.accounts import Account
from ..registry.devices import ListedDevices
from ..registry.product_record import ProductRecord
from ..registry.registry import NodeType, Product
from .errors import OperationError, Reason
from .reach import Reach

__all__ = ["LONGEST_DESCRIPTION", "MOST_PRODUCTS", "Products", "may_change"]

#: Products of an account, and of a platform whose operator calls; characters of a description (CreateProduct).
MOST_PRODUCTS, LONGEST_DESCRIPTION = 1_000, 100
#: Chinese characters, which count twice, Latin letters, digits and underscores; 4 to 30 of them.
_NAME = re.compile(r"[A-Za-z0-9_\u4e00-\u9fff]+")
_SHORTEST, _LONGEST = 4, 30
#: A product key is `a1` and nine letters and digits.
_KEY_START, _KEY_LENGTH = "a1", 9
_ALPHABET = string.ascii_letters + string.digits


class Products:
    """A product belongs to the account that makes it, which sees it from then on."""

    def __init__(self, parts: Parts, reach: Reach) -> None:
        self._parts, self._reach = parts, reach

    def create(
        self,
        account: Account,
        name: str,
        *,
        node_type: NodeType = "device",
        validation: Validation = "strong",
        record: ProductRecord | None = None,
    ) -> Product:
        """A product with an empty thing model. Raises BAD_PRODUCT, LONG_DESCRIPTION, PRODUCT_TAKEN, PRODUCT_LIMIT."""
        self._check_name(account, name)
        known = self._parts.registry.products
        owner = "" if account.products is None else account.name
        if sum(product.record.owner == owner for product in known.values()) >= MOST_PRODUCTS:
            raise OperationError(Reason.PRODUCT_LIMIT, f"an account has at most {MOST_PRODUCTS:,} products")
        key = _new_key()
        while key in known:
            key = _new_key()
        noted = replace(record or ProductRecord(), created_ms=self._parts.now_ms(), owner=owner)
        _check_description(noted.description)
        model = compiled(empty_tsl(key), validation)
        product = Product(key, name, model, ListedDevices({}), new_secret(), node_type=node_type, record=noted)
        self._parts.products.add(product)
        return product

    def update(self, account: Account, product: Product, name: str, description: str | None = None) -> None:
        """Another name, and where it is given another description. Raises as `create` does, and NOT_CHANGED."""
        may_change(self._reach.product(account, product.key))
        if name != product.name:
            self._check_name(account, name)
        record = product.record
        if description is not None:
            _check_description(description)
            record = replace(record, description=description)
        self._parts.products.change(product, name=name, record=record)

    def delete(self, account: Account, product: Product) -> None:
        """Raises NOT_CHANGED while it has devices."""
        may_change(self._reach.product(account, product.key))
        if len(product.devices):
            raise OperationError(Reason.NOT_CHANGED, f"the product has {len(product.devices):,} devices")
        self._parts.products.delete(product)

    def _check_name(self, account: Account, name: str) -> None:
        length = sum(2 if character > "\u4dff" else 1 for character in name)
        if not _NAME.fullmatch(name) or not _SHORTEST <= length <= _LONGEST:
            why = f"a name has {_SHORTEST} to {_LONGEST} letters, digits and underscores; a Chinese one counts twice"
            raise OperationError(Reason.BAD_PRODUCT, why)
        products = self._parts.registry.products.values()
        if any(product.name == name for product in products if account.sees(product.key)):
            raise OperationError(Reason.PRODUCT_TAKEN)


def may_change(product: Product) -> None:
    """Raises NOT_CHANGED for the product of simulated vehicles, which is as its run says."""
    if product.devices.simulated:
        raise OperationError(Reason.NOT_CHANGED, "the product of simulated vehicles is as their run says")


def _check_description(description: str) -> None:
    if len(description) > LONGEST_DESCRIPTION:
        why = f"a description has at most {LONGEST_DESCRIPTION} characters, found {len(description)}"
        raise OperationError(Reason.LONG_DESCRIPTION, why)


def _new_key() -> str:
    return _KEY_START + "".join(secrets.choice(_ALPHABET) for _ in range(_KEY_LENGTH))

"""Classes of custom topics: what devices of a product may publish and subscribe below `/{pk}/{dn}/user/`.

A product for which nobody has defined any lets its devices use all topics there, as a sandbox should; from the first
change on its classes are what counts, as on the platform.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..parts import Parts
from ..registry.accounts import Account
from ..registry.product_record import DEFAULT_TOPICS, Operation, ProductTopic
from ..registry.registry import Product
from .errors import OperationError, Reason
from .products import LONGEST_DESCRIPTION, may_change
from .reach import Reach

__all__ = ["MOST_TOPICS", "ProductTopics"]

#: Classes of topics of a product (limits of the platform); characters of a name.
MOST_TOPICS, _LONGEST = 50, 64
_LEVEL = re.compile(r"[A-Za-z0-9_]+")
#: Below it are all custom topics; callers may say it or not.
_ROOT = "user/"


class ProductTopics:
    """Raises NO_TOPIC for an id that is not there, or is another account's product's."""

    def __init__(self, parts: Parts, reach: Reach) -> None:
        self._parts, self._reach = parts, reach

    def all(self, account: Account, product: Product) -> Sequence[ProductTopic]:
        """Those of a product: the three that every product has, until somebody changes them."""
        topics = self._reach.product(account, product.key).record.topics
        return topics if topics is not None else _defaults(product)

    def create(
        self, account: Account, product: Product, name: str, operation: Operation, description: str = ""
    ) -> ProductTopic:
        """Raises BAD_TOPIC_NAME, TOPIC_TAKEN, TOPIC_LIMIT."""
        topics = self.all(account, product)
        if len(topics) >= MOST_TOPICS:
            raise OperationError(Reason.TOPIC_LIMIT, f"a product has at most {MOST_TOPICS} classes of topics")
        topic = ProductTopic(secrets.randbelow(9 * 10**8) + 10**8, _name(name, operation), operation, description)
        self._set(product, [*topics, topic], topic)
        return topic

    def update(
        self,
        account: Account,
        topic_id: int,
        name: str | None = None,
        operation: Operation | None = None,
        description: str | None = None,
    ) -> None:
        """Change what is given. Raises BAD_TOPIC_NAME, TOPIC_TAKEN."""

        def changed(topic: ProductTopic) -> ProductTopic:
            may = operation or topic.operation
            given = _name(name if name is not None else topic.name, may)
            return replace(topic, name=given, operation=may, description=description or topic.description)

        self._change(account, topic_id, changed)

    def delete(self, account: Account, topic_id: int) -> None:
        self._change(account, topic_id, lambda _: None)

    def _change(self, account: Account, topic_id: int, changed: Callable[[ProductTopic], ProductTopic | None]) -> None:
        for product in self._parts.registry.products.values():
            if not account.sees(product.key):
                continue
            topics = self.all(account, product)
            for topic in topics:
                if topic.id == topic_id:
                    fresh = changed(topic)
                    others = [other for other in topics if other is not topic]
                    self._set(product, [*others, fresh] if fresh is not None else others, fresh)
                    return
        raise OperationError(Reason.NO_TOPIC)

    def _set(self, product: Product, topics: Sequence[ProductTopic], fresh: ProductTopic | None) -> None:
        may_change(product)
        if fresh is not None and sum(topic.name == fresh.name for topic in topics) > 1:
            raise OperationError(Reason.TOPIC_TAKEN)
        if fresh is not None and len(fresh.description) > LONGEST_DESCRIPTION:
            why = f"a description has at most {LONGEST_DESCRIPTION} characters"
            raise OperationError(Reason.BAD_TOPIC_NAME, why)
        record = replace(product.record, topics=tuple(sorted(topics, key=lambda topic: topic.id)))
        self._parts.products.change(product, record=record)


def _defaults(product: Product) -> Sequence[ProductTopic]:
    """With ids that are always the same."""
    topics = (ProductTopic(_number(f"{product.key}#{name}"), name, may) for name, may in DEFAULT_TOPICS)
    return tuple(sorted(topics, key=lambda topic: topic.id))


def _number(text: str) -> int:
    """Ten digits, where those of created classes have nine."""
    return 10**9 + int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % 10**9


def _name(name: str, operation: Operation) -> str:
    """What follows `user/`; wildcards are for who subscribes."""
    plain = name.strip("/").removeprefix(_ROOT)
    levels = plain.split("/")
    words = levels
    if operation == "SUB":
        words = [level for level in levels[:-1] if level != "+"]
        words += [] if levels[-1] in {"+", "#"} else levels[-1:]
    if len(plain) > _LONGEST or not plain or not all(_LEVEL.fullmatch(level) for level in words):
        why = "a class of topics has levels of letters, digits and underscores; + and # only to subscribe"
        raise OperationError(Reason.BAD_TOPIC_NAME, why)
    return plain

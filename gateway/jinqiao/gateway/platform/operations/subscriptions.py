"""Consumer groups and subscribe relations: made, found, changed and deleted by the account that they belong to.

A group exists for its owner and for accounts that see all products. An account subscribes its own groups to products
that it sees; one that sees all sees the relations of others, too.
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..parts import Parts
from ..registry.accounts import Account
from ..subscriptions.definitions import DEFAULT_GROUP, ConsumerGroupDefinition, SubscribeRelation
from ..subscriptions.queues import Queues, QueueStatus
from .errors import OperationError, Reason
from .reach import Reach

__all__ = ["MOST_GROUPS", "MOST_GROUPS_OF_PRODUCT", "Subscriptions"]

#: Groups of one account, and groups that one product's messages go to.
MOST_GROUPS, MOST_GROUPS_OF_PRODUCT = 1_000, 10
#: The platform's rule for names: letters (Chinese ones count twice), digits, underscores.
_NAME = re.compile(r"[A-Za-z0-9_一-鿿぀-ヿ]+")
_SHORTEST, _LONGEST = 4, 30
_ALPHABET = string.ascii_letters + string.digits
_ID_CHARACTERS, _COMMON = 22, "000100"


class Subscriptions:
    """Raises NO_GROUP, NO_PRODUCT, and what each method names."""

    def __init__(self, parts: Parts, reach: Reach, queues: Queues) -> None:
        self._parts, self._reach, self._queues = parts, reach, queues

    # Groups.

    def create_group(self, account: Account, name: str) -> ConsumerGroupDefinition:
        """Make a group. Raises BAD_GROUP_NAME, TOO_MANY_GROUPS."""
        self._judge(account, name)
        part = self._parts.subscriptions
        if sum(group.owner == account.name for group in part.groups) >= MOST_GROUPS:
            raise OperationError(Reason.TOO_MANY_GROUPS, f"an account has at most {MOST_GROUPS} consumer groups")
        group_id = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_CHARACTERS)) + _COMMON
        group = ConsumerGroupDefinition(group_id, group_id, name, account.name, self._parts.now_ms())
        part.put(group)
        return group

    def group(self, account: Account, group_id: str) -> ConsumerGroupDefinition:
        """The group of this id, as the account sees it: its `key` names the queue."""
        part = self._parts.subscriptions
        if group_id == DEFAULT_GROUP:
            return part.default_of(account)
        group = part.group(group_id)
        if group is None or group.id != group_id or not group.is_visible_to(account):
            raise OperationError(Reason.NO_CONSUMER_GROUP)
        return group

    def groups(self, account: Account, name: str = "", *, fuzzy: bool = False) -> list[ConsumerGroupDefinition]:
        """The account's groups, its default group first; those of this name, or with `fuzzy` with it in theirs."""
        default = self._parts.subscriptions.default_of(account)
        visible = (group for group in self._parts.subscriptions.groups if self._is_listed(group, account))
        found = [default, *visible]
        return [group for group in found if not name or group.name == name or (fuzzy and name in group.name)]

    def rename_group(self, account: Account, group_id: str, name: str) -> None:
        """Give a group another name. Raises BAD_GROUP_NAME, GROUP_KEPT for the default group."""
        group = self._own(account, group_id)
        if name != group.name:
            self._judge(account, name)
            self._parts.subscriptions.put(replace(group, name=name))

    def delete_group(self, account: Account, group_id: str) -> None:
        """Delete a group and what waits for it. Raises GROUP_KEPT for the default group and one that is subscribed."""
        group = self._own(account, group_id)
        if self._parts.subscriptions.is_subscribed(group.key):
            raise OperationError(Reason.GROUP_KEPT, "the consumer group is subscribed to a product")
        self._parts.subscriptions.remove(group)

    def status(self, account: Account, group_id: str) -> QueueStatus:
        """How a group's queue stands."""
        return self._queues.status(self.group(account, group_id).key)

    def reset(self, account: Account, group_id: str) -> None:
        """Drop what waits for a group: its consumers go on with what comes from now on."""
        self._queues.clear(self.group(account, group_id).key)

    # Relations.

    def subscribe(self, account: Account, product_key: str, kinds: Iterable[str], groups: Sequence[str]) -> None:
        """Send a product's messages of these kinds to these groups. Raises SUBSCRIPTION_EXISTS, else as `change`."""
        self._reach.product(account, product_key)
        if self._find(account, product_key) is not None:
            raise OperationError(Reason.SUBSCRIPTION_EXISTS)
        self._subscribe(account, product_key, account.name, kinds, groups)

    def relation(self, account: Account, product_key: str) -> SubscribeRelation:
        """What is subscribed of a product. Raises NO_SUBSCRIPTION."""
        self._reach.product(account, product_key)
        relation = self._find(account, product_key)
        if relation is None:
            raise OperationError(Reason.NO_SUBSCRIPTION)
        return relation

    def change(self, account: Account, product_key: str, kinds: Iterable[str], groups: Sequence[str]) -> None:
        """Subscribe otherwise. Raises NO_SUBSCRIPTION, and TOO_MANY_GROUPS for none and for more than ten groups."""
        relation = self.relation(account, product_key)
        self._subscribe(account, product_key, relation.owner, kinds, groups)

    def unsubscribe(self, account: Account, product_key: str) -> None:
        """Send nothing of a product any more. Raises NO_SUBSCRIPTION."""
        self._parts.subscriptions.unsubscribe(self.relation(account, product_key))

    def add_group(self, account: Account, product_key: str, group_id: str) -> None:
        """Send what is subscribed of a product to one group more. Raises NO_SUBSCRIPTION, TOO_MANY_GROUPS."""
        relation, key = self.relation(account, product_key), self.group(account, group_id).key
        if key not in relation.groups:
            self._put(replace(relation, groups=(*relation.groups, key)))

    def remove_group(self, account: Account, product_key: str, group_id: str) -> None:
        """Send it to one group less. Raises NO_SUBSCRIPTION, NO_GROUP, and GROUP_KEPT for the last one."""
        relation, key = self.relation(account, product_key), self.group(account, group_id).key
        if key not in relation.groups:
            raise OperationError(Reason.NO_CONSUMER_GROUP, "the product is not subscribed by this consumer group")
        rest = tuple(known for known in relation.groups if known != key)
        if not rest:
            raise OperationError(Reason.GROUP_KEPT, "a subscription needs a consumer group")
        self._put(replace(relation, groups=rest))

    def visible_groups(self, account: Account, relation: SubscribeRelation) -> list[str]:
        """Ids of a relation's groups that exist for the account."""
        found = (self._parts.subscriptions.group(key) for key in relation.groups)
        return [group.id for group in found if group is not None and group.is_visible_to(account)]

    def _is_listed(self, group: ConsumerGroupDefinition, account: Account) -> bool:
        """Default groups of others are theirs alone: by the same name they would be taken for one's own."""
        return group.id != DEFAULT_GROUP and group.is_visible_to(account)

    def _own(self, account: Account, group_id: str) -> ConsumerGroupDefinition:
        if group_id == DEFAULT_GROUP:
            raise OperationError(Reason.GROUP_KEPT, "the default consumer group stays as it is")
        return self.group(account, group_id)

    def _judge(self, account: Account, name: str) -> None:
        size = sum(1 if character.isascii() else 2 for character in name)
        if not _NAME.fullmatch(name) or not _SHORTEST <= size <= _LONGEST:
            raise OperationError(Reason.BAD_GROUP_NAME)
        if any(group.name == name and group.owner == account.name for group in self._parts.subscriptions.groups):
            raise OperationError(Reason.BAD_GROUP_NAME, "there is a consumer group of this name")

    def _find(self, account: Account, product_key: str) -> SubscribeRelation | None:
        """The account's own relation; else one that the registry provides, or to who sees all, anybody's."""
        found = {relation.owner: relation for relation in self._parts.subscriptions.relations_of(product_key)}
        own = found.get(account.name)
        if own is not None or not found:
            return own
        if account.products is None:
            return next(iter(found.values()))
        provided = found.get("")
        return provided if provided is not None and self.visible_groups(account, provided) else None

    def _subscribe(
        self, account: Account, product_key: str, owner: str, kinds: Iterable[str], groups: Sequence[str]
    ) -> None:
        keys = tuple(dict.fromkeys(self.group(account, group_id).key for group_id in groups))
        self._put(SubscribeRelation(product_key, owner, frozenset(kinds), keys))

    def _put(self, relation: SubscribeRelation) -> None:
        if not 0 < len(relation.groups) <= MOST_GROUPS_OF_PRODUCT:
            why = f"a product is subscribed by 1 to {MOST_GROUPS_OF_PRODUCT} consumer groups"
            raise OperationError(Reason.TOO_MANY_GROUPS, why)
        self._parts.subscriptions.subscribe(relation)

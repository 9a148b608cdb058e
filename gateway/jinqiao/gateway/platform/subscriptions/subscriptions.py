"""Which groups there are, and who gets a message: looked up by product and kind, for a fleet several times a second."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from ..events import ConsumerGroupChanged, ConsumerGroupDeleted, SubscriptionChanged, SubscriptionDeleted
from ..forwarded.kinds import KINDS
from ..listeners import Events
from ..outbound import Outbound
from ..registry.accounts import Account
from ..registry.registry import Registry
from .definitions import DEFAULT_GROUP, ConsumerGroupDefinition, SubscribeRelation, default_key

__all__ = ["Subscriptions"]

#: Relations that the registry file, or the program, provides.
_PROVIDED = ""


class Subscriptions:
    """Definitions by key, relations by product and owner. Changes are announced, and kept, before they are made."""

    def __init__(self, events: Events, registry: Registry, out: Outbound, now_ms: Callable[[], int]) -> None:
        self._events, self._registry, self._now_ms = events, registry, now_ms
        self._groups: dict[str, ConsumerGroupDefinition] = {}
        self._relations: dict[tuple[str, str], SubscribeRelation] = {}
        #: Keys of groups by product and kind, as they are asked for.
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}
        out.watched_by(self._known.clear)
        self._groups[DEFAULT_GROUP] = ConsumerGroupDefinition(DEFAULT_GROUP, DEFAULT_GROUP, DEFAULT_GROUP, "", now_ms())
        for group in registry.consumer_groups.values():
            if group.id != DEFAULT_GROUP:
                self._groups[group.id] = ConsumerGroupDefinition(
                    group.id, group.id, group.id, "", now_ms(), group.products
                )
            for product_key in sorted(group.products):
                self.provide(product_key, group.id)

    def provide(self, product_key: str, group: str) -> None:
        """Subscribe a group to everything of a product because the program is asked to; it is kept nowhere."""
        known = self._relations.get((product_key, _PROVIDED))
        groups = (*known.groups, group) if known is not None else (group,)
        relation = SubscribeRelation(product_key, _PROVIDED, frozenset(KINDS), groups)
        self._put_relation(relation)

    # What is asked.

    def groups_for(self, product_key: str, kind: str) -> tuple[str, ...]:
        """Keys of the groups that get messages of this product and kind."""
        names = product_key, kind
        known = self._known.get(names)
        if known is None:
            found = (r.groups for r in self.relations_of(product_key) if kind in r.kinds and self._may_see(r))
            known = self._known[names] = tuple(dict.fromkeys(key for keys in found for key in keys))
        return known

    def _may_see(self, relation: SubscribeRelation) -> bool:
        """Whether its owner still sees the product: what an account may see can shrink after it has subscribed."""
        key = self._registry.all_keys.get(relation.owner)
        return key is None or key.account.sees(relation.product_key)

    @property
    def groups(self) -> Iterable[ConsumerGroupDefinition]:
        """All groups, in the order in which they were made."""
        return tuple(self._groups.values())

    def group(self, key: str) -> ConsumerGroupDefinition | None:
        """The group whose queue has this key."""
        return self._groups.get(key)

    def default_of(self, account: Account) -> ConsumerGroupDefinition:
        """The account's default group, which is made when it is first asked for."""
        key = default_key(account)
        known = self._groups.get(key)
        if known is None:
            known = ConsumerGroupDefinition(key, DEFAULT_GROUP, DEFAULT_GROUP, account.name, self._now_ms())
            self.put(known)
        return known

    def visible(self, account: Account, group_id: str) -> ConsumerGroupDefinition | None:
        """The group of this id, if it exists for this account."""
        if group_id == DEFAULT_GROUP:
            return self.default_of(account)
        found = self._groups.get(group_id)
        return found if found is not None and found.is_visible_to(account) else None

    def relations_of(self, product_key: str) -> Iterator[SubscribeRelation]:
        """What is subscribed of a product, whoever has done it."""
        return (relation for relation in tuple(self._relations.values()) if relation.product_key == product_key)

    def is_subscribed(self, key: str) -> bool:
        """Whether any relation names this group."""
        return any(key in relation.groups for relation in self._relations.values())

    # What changes.

    def put(self, group: ConsumerGroupDefinition) -> None:
        """There is a group, or it has another name. Raises what those raise who have to agree."""
        announced = self._events.change(ConsumerGroupChanged, group)
        self._events.make(partial(self.restore, group))
        announced.done()

    def remove(self, group: ConsumerGroupDefinition) -> None:
        """A group is no more."""
        announced = self._events.change(ConsumerGroupDeleted, group)
        self._events.make(partial(self._groups.pop, group.key, None))
        announced.done()

    def subscribe(self, relation: SubscribeRelation) -> None:
        """A product's messages go to these groups, instead of those that the same owner has named before."""
        announced = self._events.change(SubscriptionChanged, relation)
        self._events.make(partial(self._put_relation, relation))
        announced.done()

    def unsubscribe(self, relation: SubscribeRelation) -> None:
        """They go to nobody any more."""
        announced = self._events.change(SubscriptionDeleted, relation)
        self._events.make(partial(self._pop_relation, relation))
        announced.done()

    def restore(self, group: ConsumerGroupDefinition) -> None:
        """A group that was kept."""
        self._groups[group.key] = group

    def restore_relation(self, relation: SubscribeRelation) -> None:
        """A relation that was kept."""
        self._put_relation(relation)

    def _put_relation(self, relation: SubscribeRelation) -> None:
        self._relations[relation.product_key, relation.owner] = relation
        self._known.clear()

    def _pop_relation(self, relation: SubscribeRelation) -> None:
        self._relations.pop((relation.product_key, relation.owner), None)
        self._known.clear()

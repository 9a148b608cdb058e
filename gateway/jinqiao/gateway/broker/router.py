"""Who gets a message: from a topic to an interned set of targets, remembered per topic.

Two topics with the same kind and the same targets share one `Route` object, so the fast path checks by `is` whether the
next packet belongs to the run it is gathering. A changed subscription forgets the topics that it touches and no others,
since thousands of devices subscribe while thousands publish.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar
from weakref import WeakValueDictionary

from jinqiao.wire.mqtt.topics import decode_name, has_wildcard, matches, split_share

from .filter_trie import FilterTrie, filter_cost
from .grant import Grant, Group, combine
from .limits import Limits
from .topic_index import TopicIndex

if TYPE_CHECKING:
    from jinqiao.gateway.broker.delivery.plan import Plan

__all__ = ["Route", "Router", "TopicRules"]

S = TypeVar("S", bound=Hashable)


class TopicRules(Protocol):
    """What the router asks of the policy, once per topic."""

    def kind(self, topic: str) -> str:
        """The name under which the topic is counted."""

    def handles(self, topic: str) -> bool:
        """Whether the house acts on messages of this topic."""

    def handles_trusted(self, topic: str) -> bool:
        """Whether it does so even if a trusted connection sent them."""

    def pushed_to(self, topic: str) -> str | None:
        """Identity of the device that gets this topic unasked."""

    def is_for(self, reader: str, topic: str) -> bool:
        """Whether this topic is to be delivered to this reader."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Route(Generic[S]):
    """Where messages of some topics go; compared by identity.

    `targets` are all subscribers of their own; `grants` the same with what each was granted; of each group in `groups`
    one member gets a message. `pushed` is the one among them that did not subscribe: who is pushed a topic does not get
    its own messages back. `plan` is worked out of these at the first message.
    """

    kind: str
    handled: bool
    handled_trusted: bool
    targets: tuple[S, ...]
    grants: tuple[tuple[S, Grant], ...]
    groups: tuple[Group[S], ...] = ()
    pushed: S | None = None
    plan: Plan | None = field(default=None, init=False, repr=False)

    def without(self, subscriber: S) -> Route[S]:
        """The same, but not to this one."""
        grants = tuple(grant for grant in self.grants if grant[0] is not subscriber)
        return replace(self, targets=tuple(target for target, _ in grants), grants=grants)


@dataclass(slots=True)
class _Pushed(Generic[S]):
    """A device that gets its downlinks without SUBSCRIBE, less the filters it has UNSUBSCRIBEd from."""

    subscriber: S
    grant: Grant
    without: set[str]

    def gets(self, topic: str) -> bool:
        return not any(matches(topic_filter, topic) for topic_filter in self.without)


class Router(Generic[S]):
    """Subscriptions and pushed topics of one broker; `routes` is the cache, which the fast path only reads."""

    def __init__(self, rules: TopicRules, limits: Limits) -> None:
        self.routes: dict[bytes, Route[S]] = {}
        #: Moves whenever a route or a permission may have changed: what was found at another age has to be asked again.
        self.age = 0
        self._rules = rules
        self._limits = limits
        self._trie: FilterTrie[S | Group[S], Grant] = FilterTrie(combine)
        #: By filter, and by whose topics alone it yields: those who may not read the same are no group.
        self._groups: dict[str, dict[str, Group[S]]] = {}
        self._pushed: dict[str, _Pushed[S]] = {}
        self._interned: WeakValueDictionary[object, Route[S]] = WeakValueDictionary()
        self._index = TopicIndex()
        self._topics_pushed_to: dict[str, list[bytes]] = {}
        self._remembered = 0
        #: Called with a filter when routes of the topics that it matches may have changed.
        self._watchers: list[Callable[[str], None]] = []

    def watch(self, changed: Callable[[str], None]) -> None:
        """Let somebody who keeps routes by himself (`find`) know of each filter whose topics may go elsewhere now."""
        self._watchers.append(changed)

    def route(self, topic: bytes) -> Route[S]:
        """The route of a topic name; raises ProtocolError when it is none."""
        route = self.routes.get(topic)
        return self._find(topic) if route is None else route

    def find(self, topic: bytes) -> Route[S]:
        """The same, looked up and not remembered here."""
        return self._look_up(topic)[0]

    def named(self, before: str, after: str, words: Sequence[str]) -> list[str]:
        """Of topics `before` + word + `after` those whose word a filter names, which may have routes of their own."""
        return self._trie.named(before, after, words)

    def common(self, topic: bytes) -> Route[S] | None:
        """The route of all topics that differ from this one in a level that no filter names, if they have the same.

        They may not where a reader yields to `TopicRules.is_for`.
        """
        matched = self._trie.match(decode_name(topic)).values()
        return None if any(grant.only_for for grant in matched) else self.find(topic)

    def has_room(self, topic_filter: str) -> bool:
        """Whether one more subscription to this filter is within what all together may take."""
        return self._trie.bytes + filter_cost(topic_filter) <= self._limits.filter_bytes

    def subscribe(self, subscriber: S, topic_filter: str, grant: Grant) -> None:
        """Add a subscription (a valid filter), or change what it is granted."""
        share, shared = split_share(topic_filter)
        if not share:
            self._trie.add(topic_filter, subscriber, grant)
            self._forget(topic_filter)
            return
        groups = self._groups.setdefault(topic_filter, {})
        group = groups.get(grant.only_for)
        if group is None:
            group = groups[grant.only_for] = Group()
            self._trie.add(shared, group, Grant(2, only_for=grant.only_for))
            self._forget(shared)
        group.members[subscriber] = grant

    def unsubscribe(self, subscriber: S, topic_filter: str) -> bool:
        """End a subscription; whether there was one."""
        share, shared = split_share(topic_filter)
        if not share:
            if not self._trie.remove(topic_filter, subscriber):
                return False
            self._forget(topic_filter)
            return True
        groups = self._groups.get(topic_filter, {})
        mine = [reader for reader, group in groups.items() if subscriber in group.members]
        for reader in mine:
            group = groups[reader]
            del group.members[subscriber]
            if not group.members:
                del groups[reader]
                self._trie.remove(shared, group)
                self._forget(shared)
        if not groups:
            self._groups.pop(topic_filter, None)
        return bool(mine)

    def push(self, identity: str, subscriber: S, qos: int) -> None:
        """From now on the device gets the topics that the policy pushes to it."""
        self._pushed[identity] = _Pushed(subscriber, Grant(qos), set())
        self.forget_pushed(identity)

    def stop_pushing(self, identity: str) -> None:
        """The device is gone."""
        if self._pushed.pop(identity, None) is not None:
            self.forget_pushed(identity)

    def push_without(self, identity: str, topic_filter: str) -> None:
        """The device does not want these topics pushed."""
        self._pushed[identity].without.add(topic_filter)
        self.forget_pushed(identity)

    def push_again(self, identity: str, topic_filter: str) -> None:
        """The device wants them again."""
        self._pushed[identity].without.discard(topic_filter)
        self.forget_pushed(identity)

    def _find(self, topic: bytes) -> Route[S]:
        route, name, identity = self._look_up(topic)
        if len(topic) <= self._limits.cached_topic_bytes:
            self._remember(topic, name, identity, route)
        return route

    def _look_up(self, topic: bytes) -> tuple[Route[S], str, str | None]:
        """The route of a topic, its name, and to whom it is pushed."""
        name = decode_name(topic)
        found = self._trie.match(name)
        strays = [
            who for who, grant in found.items() if grant.only_for and not self._rules.is_for(grant.only_for, name)
        ]
        for who in strays:
            del found[who]
        identity = self._rules.pushed_to(name)
        unasked: S | None = None
        if identity is not None:
            pushed = self._pushed.get(identity)
            if pushed is not None and pushed.gets(name):
                before = found.get(pushed.subscriber)
                found[pushed.subscriber] = pushed.grant if before is None else combine(before, pushed.grant)
                unasked = pushed.subscriber if before is None else None
        handled = self._rules.handles(name)
        trusted = handled and self._rules.handles_trusted(name)
        return self._intern(self._rules.kind(name), handled, trusted, found, unasked), name, identity

    def _intern(
        self, kind: str, handled: bool, handled_trusted: bool, found: dict[S | Group[S], Grant], pushed: S | None
    ) -> Route[S]:
        key = (kind, handled, handled_trusted, frozenset(found.items()), pushed)
        route = self._interned.get(key)
        if route is None:
            groups = tuple(target for target in found if isinstance(target, Group))
            grants = tuple((target, grant) for target, grant in found.items() if not isinstance(target, Group))
            targets = tuple(target for target, _ in grants)
            route = self._interned[key] = Route(kind, handled, handled_trusted, targets, grants, groups, pushed)
        return route

    def _remember(self, topic: bytes, name: str, identity: str | None, route: Route[S]) -> None:
        # Counted per entry ever made, not per entry left: that bounds the two indexes as well, which keep the
        # forgotten ones. Starting afresh costs one match per topic in use.
        if self._remembered >= self._limits.cached_topics:
            self.forget_all()
        self._remembered += 1
        self.routes[topic] = route
        self._index.add(name, topic)
        if identity is not None:
            self._topics_pushed_to.setdefault(identity, []).append(topic)

    def _forget(self, topic_filter: str) -> None:
        self.age += 1
        for changed in self._watchers:
            changed(topic_filter)
        if has_wildcard(topic_filter):
            for topic in self._index.take(topic_filter):
                self.routes.pop(topic, None)
        else:
            self.routes.pop(topic_filter.encode(), None)

    def forget_pushed(self, identity: str) -> None:
        """Ask the rules again about the topics that were pushed to this identity."""
        self.age += 1
        for topic in self._topics_pushed_to.pop(identity, ()):
            self.routes.pop(topic, None)

    def forget_all(self) -> None:
        """Ask the rules again about every topic."""
        self.age += 1
        for changed in self._watchers:
            changed("#")
        self.routes.clear()
        self._index.clear()
        self._topics_pushed_to.clear()
        self._remembered = 0

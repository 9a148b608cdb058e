"""What one client is subscribed to: the filters it asked for, and the pushed topics it asked to be spared."""

from __future__ import annotations

from collections.abc import Callable

from jinqiao.gateway.broker.delivery.outbox import Outbox
from jinqiao.wire.mqtt.reasons import Reason
from jinqiao.wire.mqtt.topics import split_share

from .filter_trie import FilterTrie, filter_cost
from .grant import Grant
from .limits import Limits
from .policy import Principal
from .router import Router

__all__ = ["Subscriptions"]


class Subscriptions:
    """The subscriptions of a client, kept in step with the router's; they may outlive its connection."""

    __slots__ = ("_bytes", "_filters", "_limits", "_outbox", "_principal", "_router", "_without")

    def __init__(self, router: Router[Outbox], limits: Limits, outbox: Outbox, principal: Principal) -> None:
        self._limits = limits
        self._router = router
        self._outbox = outbox
        self._principal = principal
        self._filters: dict[str, Grant] = {}
        self._bytes = 0
        self._without: set[str] | None = None

    def __len__(self) -> int:
        return len(self._filters)

    def __contains__(self, topic_filter: str) -> bool:
        return topic_filter in self._filters

    def refusal(self, topic_filter: str) -> tuple[Reason, str]:
        """Which of the client's limits is in the way of a subscription, and how; SUCCESS if none is."""
        principal, longest = self._principal, self._principal.longest_topic
        if len(topic_filter) > longest:
            return Reason.TOPIC_FILTER_INVALID, f"filter of {len(topic_filter)} characters, {longest} at most"
        if topic_filter in self._filters:
            return Reason.SUCCESS, ""
        if len(self._filters) >= principal.max_subscriptions:
            return Reason.QUOTA_EXCEEDED, f"more than {principal.max_subscriptions} subscriptions"
        if self._bytes + filter_cost(topic_filter) > self._limits.filter_bytes_per_client:
            return Reason.QUOTA_EXCEEDED, "the client's filters take too much memory"
        if not self._router.has_room(topic_filter):
            return Reason.QUOTA_EXCEEDED, "all filters together take too much memory"
        return Reason.SUCCESS, ""

    def add(self, topic_filter: str, grant: Grant) -> None:
        """Subscribe, or change what a subscription is granted."""
        if topic_filter not in self._filters:
            self._bytes += filter_cost(topic_filter)
        self._filters[topic_filter] = grant
        self._router.subscribe(self._outbox, topic_filter, grant)
        if self._without and topic_filter in self._without:
            self._without.discard(topic_filter)
            self._router.push_again(self._principal.identity, topic_filter)

    def remove(self, topic_filter: str) -> bool:
        """Unsubscribe; for a device that is pushed to, its way of saying that it does not want these topics pushed."""
        found = self._filters.pop(topic_filter, None) is not None
        if found:
            self._bytes -= filter_cost(topic_filter)
            self._router.unsubscribe(self._outbox, topic_filter)
        if self._principal.auto_subscribed and len(topic_filter) <= self._principal.longest_topic:
            self._without = self._without or set()
            if len(self._without) < self._principal.max_subscriptions:
                self._without.add(topic_filter)
                self._router.push_without(self._principal.identity, topic_filter)
        return found

    def move(self, outbox: Outbox, principal: Principal, allowed: Callable[[str], bool]) -> None:
        """The client is back on another connection; what it may not have any more, it loses, or has at a lower QoS."""
        self.reconsider("", allowed)
        before, self._outbox, self._principal = self._outbox, outbox, principal
        for topic_filter, grant in list(self._filters.items()):
            self._router.unsubscribe(before, topic_filter)
            granted = self._filters[topic_filter] = grant._replace(qos=min(grant.qos, principal.max_qos))
            self._router.subscribe(outbox, topic_filter, granted)

    def spare(self) -> None:
        """Tell the router again which pushed topics the client does not want."""
        for topic_filter in self._without or ():
            self._router.push_without(self._principal.identity, topic_filter)

    def reconsider(self, about: str, allowed: Callable[[str], bool]) -> None:
        """End the subscriptions with this text in their filters that are no longer allowed, and forget what waits for
        the client because of them, or because it was pushed what is named in `about`."""
        ended = [name for name in self._filters if about in name and not allowed(name)]
        for topic_filter in ended:
            del self._filters[topic_filter]
            self._bytes -= filter_cost(topic_filter)
            self._router.unsubscribe(self._outbox, topic_filter)
        gone: FilterTrie[str, int] = FilterTrie(max)
        for topic_filter in ended:
            gone.add(split_share(topic_filter)[1], "", 0)
        self._outbox.withhold(lambda topic: self._may_still_get(topic, gone, about))

    def _may_still_get(self, topic: bytes, gone: FilterTrie[str, int], about: str) -> bool:
        """Whether a message that waits for the client may be delivered, now that some subscriptions are `gone`.

        One that was pushed stays although it would not be pushed today: a gateway's sub-devices have no session while
        it is away.
        """
        route = self._router.route(topic)
        if self._outbox in route.targets or any(self._outbox in group.members for group in route.groups):
            return True
        name = topic.decode()
        return self._principal.auto_subscribed and not gone.match(name) and not (about and about in name)

    @property
    def principal(self) -> Principal:
        """Whose they are, as at the last login."""
        return self._principal

    def end(self) -> None:
        """The session is over."""
        for topic_filter in self._filters:
            self._router.unsubscribe(self._outbox, topic_filter)
        self._filters = {}
        self._bytes = 0

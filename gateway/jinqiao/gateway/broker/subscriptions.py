"""What one client is subscribed to: the filters it asked for, and the pushed topics it asked to be spared."""

from __future__ import annotations

from collections.abc import Callable

from jinqiao.gateway.broker.delivery.outbox import Outbox

from .grant import Grant
from .policy import Principal
from .router import Router

__all__ = ["Subscriptions"]


class Subscriptions:
    """The subscriptions of a client, kept in step with the router's; they may outlive its connection."""

    __slots__ = ("_filters", "_outbox", "_principal", "_router", "_without")

    def __init__(self, router: Router[Outbox], outbox: Outbox, principal: Principal) -> None:
        self._router = router
        self._outbox = outbox
        self._principal = principal
        self._filters: dict[str, Grant] = {}
        self._without: set[str] | None = None

    def __len__(self) -> int:
        return len(self._filters)

    def __contains__(self, topic_filter: str) -> bool:
        return topic_filter in self._filters

    def add(self, topic_filter: str, grant: Grant, allowed: Callable[[str], bool]) -> bool:
        """Subscribe, or change what a subscription is granted; false beyond the client's limit or if it may not."""
        full = len(self._filters) >= self._principal.max_subscriptions and topic_filter not in self._filters
        if full or not allowed(topic_filter):
            return False
        self._filters[topic_filter] = grant
        self._router.subscribe(self._outbox, topic_filter, grant)
        if self._without and topic_filter in self._without:
            self._without.discard(topic_filter)
            self._router.push_again(self._principal.identity, topic_filter)
        return True

    def remove(self, topic_filter: str) -> bool:
        """Unsubscribe; for a device that is pushed to, its way of saying that it does not want these topics pushed."""
        found = self._filters.pop(topic_filter, None) is not None
        if found:
            self._router.unsubscribe(self._outbox, topic_filter)
        if self._principal.auto_subscribed:
            self._without = self._without or set()
            if len(self._without) < self._principal.max_subscriptions:
                self._without.add(topic_filter)
                self._router.push_without(self._principal.identity, topic_filter)
        return found

    def move(self, outbox: Outbox, principal: Principal, allowed: Callable[[str], bool]) -> None:
        """The client is back on another connection; what it may not have any more, it loses, or has at a lower QoS."""
        before, self._outbox, self._principal = self._outbox, outbox, principal
        for topic_filter, grant in list(self._filters.items()):
            self._router.unsubscribe(before, topic_filter)
            if allowed(topic_filter):
                granted = self._filters[topic_filter] = grant._replace(qos=min(grant.qos, principal.max_qos))
                self._router.subscribe(outbox, topic_filter, granted)
            else:
                del self._filters[topic_filter]

    def spare(self) -> None:
        """Tell the router again which pushed topics the client does not want."""
        for topic_filter in self._without or ():
            self._router.push_without(self._principal.identity, topic_filter)

    def reconsider(self, about: str, allowed: Callable[[str], bool]) -> None:
        """End the subscriptions with this text in their filters that are no longer allowed."""
        for topic_filter in [name for name in self._filters if about in name and not allowed(name)]:
            del self._filters[topic_filter]
            self._router.unsubscribe(self._outbox, topic_filter)

    def end(self) -> None:
        """The session is over."""
        for topic_filter in self._filters:
            self._router.unsubscribe(self._outbox, topic_filter)
        self._filters = {}

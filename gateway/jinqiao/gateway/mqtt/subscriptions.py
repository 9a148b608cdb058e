"""What one client is subscribed to: the filters it asked for, and the pushed topics it asked to be spared."""

from __future__ import annotations

from collections.abc import Callable

from jinqiao.gateway.mqtt.delivery.outbox import Outbox
from jinqiao.gateway.mqtt.policy import Principal
from jinqiao.gateway.mqtt.router import Router

__all__ = ["Subscriptions"]


class Subscriptions:
    """The subscriptions of a logged-in client, kept in step with the router's."""

    __slots__ = ("_filters", "_outbox", "_principal", "_router", "_without")

    def __init__(self, router: Router[Outbox], outbox: Outbox, principal: Principal) -> None:
        self._router = router
        self._outbox = outbox
        self._principal = principal
        self._filters: dict[str, int] = {}
        self._without: set[str] | None = None

    def __len__(self) -> int:
        return len(self._filters)

    def add(self, topic_filter: str, qos: int, allowed: Callable[[str], bool]) -> bool:
        """Subscribe, or change the QoS of a subscription; false beyond the client's limit or if it may not."""
        full = len(self._filters) >= self._principal.max_subscriptions and topic_filter not in self._filters
        if full or not allowed(topic_filter):
            return False
        self._filters[topic_filter] = qos
        self._router.subscribe(self._outbox, topic_filter, qos)
        if self._without and topic_filter in self._without:
            self._without.discard(topic_filter)
            self._router.push_again(self._principal.identity, topic_filter)
        return True

    def remove(self, topic_filter: str) -> None:
        """Unsubscribe; for a device that is pushed to, its way of saying that it does not want these topics pushed."""
        if self._filters.pop(topic_filter, None) is not None:
            self._router.unsubscribe(self._outbox, topic_filter)
        if self._principal.auto_subscribed:
            self._without = self._without or set()
            if len(self._without) < self._principal.max_subscriptions:
                self._without.add(topic_filter)
                self._router.push_without(self._principal.identity, topic_filter)

    def reconsider(self, about: str, allowed: Callable[[str], bool]) -> None:
        """End the subscriptions with this text in their filters that are no longer allowed."""
        for topic_filter in [name for name in self._filters if about in name and not allowed(name)]:
            del self._filters[topic_filter]
            self._router.unsubscribe(self._outbox, topic_filter)

    def end(self) -> None:
        """The client is gone."""
        for topic_filter in self._filters:
            self._router.unsubscribe(self._outbox, topic_filter)
        self._filters = {}

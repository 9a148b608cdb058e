"""What rules hear of simulated vehicles that come and go: a message for each, in order, and no stall for a whole area.

Few are done at once. Of many a slice at a time is done between everybody else's work, and what comes meanwhile waits
behind them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import orjson

from jinqiao.gateway.platform.errands import Errand, Errands
from jinqiao.gateway.platform.events import VehiclesPresence
from jinqiao.gateway.platform.forwarded.message import Message
from jinqiao.gateway.platform.forwarded.status import FLEET_ADDRESS, status
from jinqiao.gateway.platform.registry.registry import Device, Product

__all__ = ["FleetStatuses", "Take"]

#: Vehicles whose messages are done at once.
_AT_ONCE = 200
#: Called with a message and its body.
Take = Callable[[Message, bytes], object]


class FleetStatuses:
    """Gives `take` the message of each vehicle of an event."""

    def __init__(self, errands: Errands, take: Take) -> None:
        self._errands, self._take = errands, take
        self._waiting: deque[Iterator[None]] = deque()

    def add(self, product: Product, event: VehiclesPresence) -> None:
        """Vehicles of this product have come or gone."""
        messages = self._messages(product, event)
        if self._waiting or len(event.names) > _AT_ONCE:
            self._waiting.append(messages)
            if len(self._waiting) == 1:
                self._errands.run(self._work())
            return
        for _ in messages:
            pass

    def _work(self) -> Errand:
        while self._waiting:
            for _ in self._waiting[0]:
                yield 0
            self._waiting.popleft()

    def _messages(self, product: Product, event: VehiclesPresence) -> Iterator[None]:
        reason = None if event.online else event.reason
        for name in event.names:
            message = status(Device(product, name, ""), event.time_ms, FLEET_ADDRESS, reason)
            self._take(message, orjson.dumps(message.values))
            yield

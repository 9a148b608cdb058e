"""Who wants which messages, and the messages of those who do.

While nobody wants anything, nothing is subscribed, looked at or built. Else the part listens to the platform's events
before they are acknowledged, and announces its messages as a part of each change: a listener of `before_ack` that
cannot keep one refuses the change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ..calls import Calls
from ..events import MessageForwarded
from ..listeners import Change, Events
from ..outbound import Outbound
from .kinds import KINDS, ROWS
from .message import Sources

__all__ = ["Asks", "Forwarded"]

#: Whether a listener wants messages of this product key and kind.
Asks = Callable[[str, str], bool]


class Forwarded:
    """The platform's messages to back ends."""

    def __init__(self, events: Events, out: Outbound, calls: Calls, sources: Sources) -> None:
        self._events, self._out, self._calls = events, out, calls
        #: What body functions ask.
        self.sources = sources
        self._asks: list[Asks] = []
        self._listening = False
        out.watched_by(self._look)
        #: What they have answered.
        self._known: dict[tuple[str, str], bool] = {}
        self._known_any: dict[tuple[str, tuple[str, ...]], bool] = {}

    def wanted_by(self, asks: Asks) -> None:
        """Let this listener say what it wants; it calls `reconsider` when that has changed.

        With the product key '' it is asked for a kind of products that are not there yet, or in general.
        """
        self._asks.append(asks)
        self.reconsider()

    def reconsider(self) -> None:
        """A listener wants other messages than before. Brokers remember which topics are looked at, and ask again."""
        self._out.products_changed()

    def _look(self) -> None:
        """See whether anything is wanted: to be asked with each post costs as much as a third of taking it.

        The empty product key stands for those that are not there yet: who wants some kind of any product says so.
        """
        self._known.clear()
        self._known_any.clear()
        keys = ("", *self.sources.registry.products)
        wanted = any(asks(key, kind) for asks in self._asks for key in keys for kind in KINDS)
        if wanted and not self._listening:
            for event in ROWS:
                self._events.subscribe(event, self._forward, before_ack=True)
        elif self._listening and not wanted:
            self._events.unsubscribe(self._forward)
        self._listening = wanted

    def wants(self, product_key: str, kind: str) -> bool:
        """Whether anybody wants messages of this product and kind (`kinds.KINDS`)."""
        if not self._asks:
            return False
        names = product_key, kind
        known = self._known.get(names)
        if known is None:
            known = self._known[names] = any(asks(product_key, kind) for asks in self._asks)
        return known

    def _forward(self, event: Any) -> Change | None:
        """Announce what is to be forwarded of an event; raises what those raise who have to agree."""
        row = ROWS[type(event)]
        if row.kinds and not self._wants_any(event.device.product.key, row.kinds):
            return None
        announced: list[Change] = []
        for kind, topic, device, values, now_ms, payload in row.messages(self.sources, event):
            if self.wants(device.product.key, kind):
                body = payload if values is None else orjson.dumps(values, default=_plain)
                message_id = self._calls.new_id()
                announced.append(
                    self._events.change(MessageForwarded, kind, topic, device, body, values, message_id, now_ms)
                )
        return announced[0] if len(announced) == 1 else _together(announced)

    def _wants_any(self, product_key: str, kinds: tuple[str, ...]) -> bool:
        known = self._known_any.get((product_key, kinds))
        if known is None:
            known = self._known_any[product_key, kinds] = any(self.wants(product_key, kind) for kind in kinds)
        return known


def _together(changes: list[Change]) -> Change | None:
    if not changes:
        return None

    def say() -> None:
        for change in changes:
            change.done()

    return Change(say)


def _plain(value: Any) -> Any:
    return dict(value)

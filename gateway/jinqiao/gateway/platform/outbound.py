"""The way out: what the platform asks of the broker that carries its messages, if there is one."""

from __future__ import annotations

from collections.abc import Callable

from jinqiao.gateway.broker.policy import Carrier, Downlink

__all__ = ["Outbound"]


class Outbound:
    """Until `use` names a carrier, messages go nowhere: a platform without a broker judges and remembers anyway."""

    def __init__(self) -> None:
        self._carrier: Carrier | None = None
        self._watchers: list[Callable[[], object]] = []

    def use(self, carrier: Carrier) -> None:
        """Publish over this broker from now on."""
        self._carrier = carrier

    def send(self, downlink: Downlink) -> None:
        """Publish a message of the platform's own."""
        if self._carrier is not None:
            self._carrier.publish(downlink.topic, downlink.payload, downlink.qos, downlink.extras)

    def deliver(self, identity: str, downlink: Downlink) -> None:
        """The same to one connection, whatever it is subscribed to."""
        if self._carrier is not None:
            self._carrier.deliver(identity, downlink)

    def takes(self, identity: str, topic: str, size: int) -> bool | None:
        """Whether a message that a client sent by another way is within the rates of its connection, if it has one."""
        return None if self._carrier is None else self._carrier.takes(identity, topic, size)

    def end(self, identity: str, *, for_good: bool = False) -> None:
        """End the connection of an identity, if it has one; `for_good` also the session that would go on."""
        if self._carrier is not None:
            self._carrier.end(identity, for_good=for_good)

    def reconsider(self, identity: str, about: str = "") -> None:
        """What this identity may publish and is pushed has changed; and its subscriptions with `about` in them."""
        if self._carrier is not None:
            self._carrier.reconsider(identity, about)

    def products_changed(self) -> None:
        """Other products are there: what everybody may read and write is to be asked again."""
        for look in self._watchers:
            look()
        if self._carrier is not None:
            self._carrier.permissions_changed()

    def watched_by(self, look: Callable[[], object]) -> None:
        """Call `look` when there are other products, before the broker asks again."""
        self._watchers.append(look)

"""Broker and platform together, in memory."""

from __future__ import annotations

from typing import Any

from jinqiao.gateway.broker.broker import Broker
from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.platform.registry.registry import Application
from jinqiao.wire.alink.signature import client_content, sign
from support.alink_house import DN, PK, World
from support.mqtt_memory import Client, House

__all__ = ["Sandbox"]


class _Carried:
    """A broker as the platform's carrier, as `Server` is."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.publish, self.end, self.reconsider = broker.publish, broker.end, broker.reconsider
        self.permissions_changed, self.takes = broker.permissions_changed, broker.takes

    def deliver(self, identity: str, downlink: Downlink) -> None:
        self._broker.deliver(identity, downlink.topic, downlink.payload)


class Sandbox(House):
    """A broker with the platform behind it, wired as `jinqiao serve` does."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        platform = self.platform = self.world.platform
        broker = self.broker = Broker(platform, Limits(), self.soon.append, lambda: self.time)

        platform.carried_by(_Carried(broker))

    def device(
        self, product_key: str = PK, device_name: str = DN, parameters: str = "_ss=1", name: str = "c", **connect: Any
    ) -> Client:
        """A device's own connection; `name` is its client id before the bar, `connect` more of the CONNECT packet."""
        secret = self.world.device(product_key, device_name).secret
        password = sign("hmacmd5", secret, client_content(name, device_name, product_key))
        return self.client(
            f"{name}|{parameters}|",
            username=f"{device_name}&{product_key}",
            password=password.encode(),
            keep_alive_s=60,
            **connect,
        )

    def application(self, client_id: str = "app", **connect: Any) -> Client:
        """A customer's back end, of all products."""
        registry = self.platform.registry
        registry.applications["app"] = Application("app", "pw", frozenset(registry.products))
        return self.client(client_id, username="app", password=b"pw", **connect)

    def publish(self, topic: str, payload: bytes = b"{}") -> None:
        self.broker.publish(topic, payload)
        self.turn()

"""Broker, platform and a simulated fleet in memory, wired as the gateway process of a run does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from jinqiao.gateway.broker.broker import Broker
from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.openapi.http import Request, Response, Waiting
from jinqiao.gateway.platform.registry.registry import Application, Device
from jinqiao.gateway.service import fleet_intake
from jinqiao.wire.alink.signature import client_content, sign
from jinqiao.wire.crossing import crossing_packets, presence_packet
from jinqiao.wire.mqtt.packets import Publish
from jinqiao.wire.render.said import SaidPacket
from support.fleet_world import FLEET, NAMES, NOW_MS, Fleet
from support.mqtt_memory import Client, House
from support.openapi import signed_query

__all__ = ["FleetHouse"]


class FleetHouse(House):
    """A run's gateway with its simulator connected; `name(row)` is a vehicle's."""

    def __init__(self) -> None:
        super().__init__()
        self.fleet = Fleet()
        platform = self.platform = self.fleet.platform
        broker = self.broker = Broker(platform, Limits(), self.soon.append, lambda: self.time)
        broker.intake = fleet_intake(platform, FLEET, NAMES)(broker.router)
        platform.carried_by(_Carried(broker))
        platform.parts.followed.begin(FLEET)
        self.simulator = self.client("house|_ss=1|", username="house", password=b"pw", keep_alive_s=60)

    @staticmethod
    def name(row: int) -> str:
        return bytes(NAMES[row]).decode()

    def vehicle(self, row: int) -> Device:
        device = self.platform.registry.device(FLEET, self.name(row))
        assert device is not None
        return device

    def presence(self, rows: Sequence[int], *, online: bool, time_ms: int = NOW_MS) -> None:
        self.simulator.feed(presence_packet(np.array(rows, np.int32), online, time_ms))

    def say(self, *packets: SaidPacket) -> None:
        self.simulator.feed(b"".join(crossing_packets(packets, ())))

    def application(self, user: str = "app", products: frozenset[str] = frozenset({FLEET})) -> Client:
        self.platform.registry.applications[user] = Application(user, "pw", products)
        return self.client(user, username=user, password=b"pw", keep_alive_s=60)

    def own_connection(self, row: int) -> Client:
        device = self.vehicle(row)
        password = sign("hmacmd5", device.secret, client_content("c", device.name, FLEET)).encode()
        return self.client("c|_ss=1|", username=f"{device.name}&{FLEET}", password=password, keep_alive_s=60)

    def call(self, action: str, row: int | None = None, **arguments: Any) -> dict[str, Any]:
        """A cloud call's answer; of one that would wait for a device nothing but that."""
        if row is not None:
            arguments |= {"ProductKey": FLEET, "DeviceName": self.name(row)}
        result = self.fleet.cloud.dispatch(Request("POST", "/", signed_query(action, arguments)))
        self.turn()
        if isinstance(result, Waiting):
            return {"Waiting": True}
        assert isinstance(result, Response)
        found: dict[str, Any] = json.loads(result.body)
        return found

    def downlinks(self) -> list[Publish]:
        """What the simulator was sent for its vehicles since this was asked last."""
        return self.simulator.messages()


class _Carried:
    """A broker as the platform's carrier, as `Server` is."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.publish, self.end, self.reconsider = broker.publish, broker.end, broker.reconsider
        self.permissions_changed, self.takes = broker.permissions_changed, broker.takes

    def deliver(self, identity: str, downlink: Downlink) -> None:
        self._broker.deliver(identity, downlink.topic, downlink.payload)

"""A platform with the products of the reference's captured messages, and devices to talk to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinqiao.gateway.broker.policy import Downlink, Login, Principal
from jinqiao.gateway.platform.devices.state import DeviceState
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.devices import ListedDevices
from jinqiao.gateway.platform.registry.registry import Device, Product, Registry
from jinqiao.wire.alink.signature import client_content, sign
from jinqiao.wire.alink.thing_model import ThingModel
from support.carrier import NotingCarrier, noted

__all__ = ["DN", "NOW_MS", "PK", "SUB_DN", "SUB_PK", "VECTORS", "S", "World"]

PK, DN = "a1carPK0001", "tbox001"
SUB_PK, SUB_DN = "subpk", "subdn"
S = f"/sys/{PK}/{DN}"
NOW_MS = 1_795_333_508_000

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "auth_vectors.json").read_text(encoding="utf-8")
)


def _number(identifier: str, kind: str = "double") -> dict[str, Any]:
    return {"identifier": identifier, "name": identifier, "accessMode": "rw", "dataType": {"type": kind}}


CAR_TSL: dict[str, Any] = {
    "properties": [_number("speed"), _number("soc", "int"), _number("Counter", "int")],
    "events": [
        {"identifier": "collision", "type": "alert", "outputData": [_number("level", "int")]},
        {"identifier": "HardwareError", "type": "error", "outputData": [_number("ErrorCode", "int")]},
    ],
    "services": [],
}
SUB_TSL: dict[str, Any] = {
    "properties": [_number("Temperature")],
    "events": [{"identifier": "Low", "type": "alert", "outputData": [_number("Millivolts", "int")]}],
    "services": [],
}


class World:
    """The platform, what it published of itself, and what it wanted kept."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS
        car = Product(
            PK,
            "T-Box",
            ThingModel(CAR_TSL),
            ListedDevices({DN: "secret0123456789abcdef", "gw2": "gateway two"}),
            secret="prodsecret",
            dynamic_registration=True,
        )
        sub = Product(
            SUB_PK,
            "Sub-device",
            ThingModel(SUB_TSL),
            ListedDevices({SUB_DN: "subsecret", "other": "othersecret"}),
            secret="prodsecret",
            dynamic_registration=True,
            node_type="sub_device",
        )
        closed = Product("closedpk", "Closed", ThingModel(SUB_TSL), ListedDevices({"c1": "s"}), secret="prodsecret")
        self.platform = Platform(Registry([car, sub, closed]), clock_ms=lambda: self.now_ms)
        carrier = NotingCarrier()
        self.platform.carried_by(carrier)
        self.sent, self.delivered = carrier.sent, carrier.delivered
        self.closed, self.reconsidered = carrier.closed, carrier.reconsidered
        self.kept = noted(self.platform)

    def device(self, product_key: str = PK, device_name: str = DN) -> Device:
        device = self.platform.registry.device(product_key, device_name)
        assert device is not None
        return device

    def state(self, product_key: str = PK, device_name: str = DN) -> DeviceState:
        return self.platform.parts.states.of(self.device(product_key, device_name))

    def connect(self, product_key: str = PK, device_name: str = DN, parameters: str = "_ss=1,ext=1") -> Principal:
        """Log in as the device itself."""
        secret = self.device(product_key, device_name).secret
        password = sign("hmacmd5", secret, client_content("c", device_name, product_key))
        login = Login(f"c|{parameters}|", f"{device_name}&{product_key}", password.encode(), 4, True, 60)
        principal = self.platform.authenticate(login)
        self.platform.connected(principal)
        return principal

    def say(self, principal: Principal, topic: str, payload: Any) -> list[Downlink]:
        """Publish as the broker lets a device; raises PermissionError for a topic that is not its own."""
        if not self.platform.may_publish(principal, topic):
            raise PermissionError(topic)
        raw = payload if isinstance(payload, bytes) else payload.encode() if isinstance(payload, str) else None
        return list(self.platform.receive(principal, topic, raw if raw is not None else json.dumps(payload).encode()))

    def ask(self, principal: Principal, topic: str, payload: Any) -> dict[str, Any]:
        """Publish and take the one JSON answer, which must be compact and stand on the reply's topic."""
        (answer,) = self.say(principal, topic, payload)
        body: dict[str, Any] = json.loads(answer.payload)
        assert answer.payload == json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        if topic.startswith(("/sys/", "/ext/session/")):
            assert answer.topic == f"{topic}_reply"
            assert set(body) == {"code", "data", "id", "message", "method", "version"}
        return body

    def request(self, principal: Principal, suffix: str, params: Any, topic: str = S) -> dict[str, Any]:
        """An Alink request on one of the device's `/sys` topics."""
        return self.ask(principal, f"{topic}/{suffix}", {"id": "7", "version": "1.0", "params": params})

    def kinds_kept(self) -> list[str]:
        return [row.kind for row in self.kept if row.kind != "record"]

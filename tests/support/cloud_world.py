"""The acceptance registry as a platform without a broker, its cloud side, and devices that answer it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinqiao.gateway.broker.policy import Login, Principal
from jinqiao.gateway.openapi.cloud import Cloud
from jinqiao.gateway.openapi.http import Request, Response, Waiting
from jinqiao.gateway.platform.devices.past import NO_HISTORY, Past
from jinqiao.gateway.platform.devices.state import DeviceState
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.file import load_registry
from jinqiao.gateway.platform.registry.registry import Device
from jinqiao.wire.alink.signature import client_content, sign
from support.carrier import NotingCarrier, noted
from support.openapi import clock_ms, signed_query

__all__ = ["ACCEPTANCE", "DN", "NOW_MS", "PK", "CloudWorld"]

ACCEPTANCE = Path(__file__).parent.parent / "golden" / "acceptance"
PK, DN = "a1carPK0001", "tbox001"
NOW_MS = 1_795_333_508_123


class CloudWorld:
    """What the platform published, kept and closed is noted."""

    def __init__(self, past: Past = NO_HISTORY) -> None:
        self.now_ms = NOW_MS
        registry = load_registry(ACCEPTANCE / "registry.yaml")
        self.platform = Platform(registry, clock_ms=lambda: self.now_ms, past=past)
        self.cloud = Cloud(self.platform, mqtt_address=("127.0.0.1", 1883), clock_ms=clock_ms)
        self.carrier = NotingCarrier()
        self.platform.carried_by(self.carrier)
        self.sent, self.closed = self.carrier.sent, self.carrier.closed
        self.kept = noted(self.platform)

    def device(self, product_key: str = PK, device_name: str = DN) -> Device:
        device = self.platform.registry.device(product_key, device_name)
        assert device is not None
        return device

    def state(self, product_key: str = PK, device_name: str = DN) -> DeviceState:
        return self.platform.parts.states.of(self.device(product_key, device_name))

    def connect(self, product_key: str = PK, device_name: str = DN, ext: int = 0) -> Principal:
        device = self.device(product_key, device_name)
        password = sign("hmacmd5", device.secret, client_content("c", device_name, product_key))
        client_id, username = f"c|_ss=1,ext={ext}|", f"{device_name}&{product_key}"
        login = Login(client_id, username, password.encode(), 4, True, 60, "192.0.2.7:5555")
        principal = self.platform.authenticate(login)
        self.platform.connected(principal)
        return principal

    def dispatch(self, action: str, **arguments: Any) -> Response | Waiting:
        return self.cloud.dispatch(Request("POST", "/", signed_query(action, arguments)))

    def call(self, action: str, **arguments: Any) -> dict[str, Any]:
        """The answer of an action that need not wait, for tbox001 unless another device is named."""
        who = {} if {"ProductKey", "IotId"} & set(arguments) else {"ProductKey": PK, "DeviceName": DN}
        return self.read(self.dispatch(action, **who, **arguments))

    def wait(self, action: str, **arguments: Any) -> Waiting:
        """An action that waits for tbox001."""
        waiting = self.dispatch(action, ProductKey=PK, DeviceName=DN, **arguments)
        assert isinstance(waiting, Waiting)
        return waiting

    def post(self, url: str, form: str) -> dict[str, Any]:
        """A form sent to a registration path."""
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return self.read(self.cloud.dispatch(Request("POST", url, "", headers, form.encode())))

    def read(self, response: Response | Waiting) -> dict[str, Any]:
        assert isinstance(response, Response)
        body: dict[str, Any] = json.loads(response.body)
        return body

    def say(self, principal: Principal, topic: str, payload: bytes) -> None:
        assert self.platform.may_publish(principal, topic)
        tuple(self.platform.receive(principal, topic, payload))

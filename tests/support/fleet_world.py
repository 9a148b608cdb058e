"""A simulated fleet on a platform without a broker, and a key that sees its product alone."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from jinqiao.gateway.broker.policy import Login
from jinqiao.gateway.openapi.cloud import Cloud
from jinqiao.gateway.openapi.http import Request, Response
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.about import CarColumns
from jinqiao.gateway.platform.registry.accounts import AccessKey
from jinqiao.gateway.platform.registry.fleet_devices import simulated_product
from jinqiao.gateway.platform.registry.registry import Registry
from support.carrier import NotingCarrier
from support.openapi import ACCESS_KEY, clock_ms, signed_query

__all__ = ["CARS", "FLEET", "NAMES", "NOW_MS", "Fleet"]

FLEET = "a1JinqiaoEV"
NOW_MS = 1_795_333_508_000
#: 70 cars in the order of the scenario, which is not that of their names: 60 taxis, 10 commuters.
NAMES = np.array([b"LBV%014d" % (99 - number) for number in range(70)], "S17")
CARS = CarColumns.of(
    [("taxis", 60), ("commuters", 10)],
    [{"name": "BMW iX3 2021", "model": "bmw-ix3-2021", "battery_kwh": "74"}, {"name": "BYD Han 2022", "model": "byd"}],
    np.arange(70) % 2,
)


class Fleet:
    """A simulated fleet on a platform, its simulator connected; who calls sees its product alone."""

    def __init__(self) -> None:
        product = simulated_product(FLEET, NAMES, fleet_secret="s", cars=CARS)
        others = simulated_product("a1others000", NAMES[:1], fleet_secret="s")
        key = AccessKey(*ACCESS_KEY, frozenset({FLEET}))
        registry = Registry([product, others], access_keys=[key])
        self.platform = Platform(registry, clock_ms=lambda: NOW_MS, simulator=("house", "pw"))
        self.platform.carried_by(NotingCarrier())
        self.cloud = Cloud(self.platform, clock_ms=clock_ms)

    def call(self, action: str, **arguments: Any) -> dict[str, Any]:
        response = self.cloud.dispatch(Request("POST", "/", signed_query(action, arguments)))
        assert isinstance(response, Response)
        found: dict[str, Any] = json.loads(response.body)
        return found

    def simulator_comes(self) -> None:
        """Its connection logs in: all vehicles are online."""
        login = Login("house|_ss=1|", "house", b"pw", 4, True, 60, "127.0.0.1:5555")
        self.platform.connected(self.platform.authenticate(login))

"""`jinqiao bench openapi`: a few calls of each kind, a small fleet; and that a call of it is one that is accepted."""

from __future__ import annotations

import json
import subprocess

import pytest

from jinqiao.gateway.openapi.cloud import Cloud
from jinqiao.gateway.openapi.http import Request, Response
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import AccessKey
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.sandbox.bench.openapi_caller import signed
from support.openapi import clock_ms
from support.programs import JINQIAO


@pytest.mark.parametrize("signature", ["rpc", "acs3"])
def test_a_call_of_the_benchmark_is_signed(signature: str) -> None:
    asked = {"http_port": 80, "user": "key", "password": "secret", "product_key": "none", "devices": ["a", "b"]}
    cloud = Cloud(Platform(Registry(access_keys=[AccessKey("key", "secret")])), clock_ms=clock_ms)
    for number in range(3):
        head, *lines = signed(asked | {"signature": signature, "connections": 1}, number).decode().split("\r\n")
        method, target, _ = head.split()
        headers = dict(line.split(": ", 1) for line in lines if line)
        response = cloud.dispatch(Request(method, *target.split("?"), headers))
        assert isinstance(response, Response)
        assert json.loads(response.body)["Code"] == "iot.prod.NotExistedProduct"


@pytest.mark.program
@pytest.mark.long
def test_every_call_is_answered_and_delivered() -> None:
    asked = [*JINQIAO, "bench", "openapi", "--vehicles", "20", "--calls", "100", "--seconds", "1", "--json"]
    found = json.loads(subprocess.run(asked, capture_output=True, text=True, timeout=90, check=True).stdout)
    assert set(found["flat_out"]) == {"rpc", "acs3", "rpc_connecting"}
    for flood in found["flat_out"].values():
        assert flood["calls"] == flood["delivered"] == 100
    beside = found["beside_vehicles"]
    assert (beside["vehicles"], beside["calls"]) == (20, 200)
    assert 0 < beside["ms"]["p50"] <= beside["ms"]["p99"] <= beside["ms"]["max"]

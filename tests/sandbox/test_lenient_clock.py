"""`--lenient-clock` of both commands: cloud calls of another time are accepted, otherwise refused."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Callable
from pathlib import Path

import pytest

from support.openapi import Caller
from support.programs import Program

pytestmark = pytest.mark.program

REGISTRY = Path(__file__).parent.parent / "golden" / "acceptance" / "registry.yaml"


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("command", ["serve", "run"])
def test_a_call_of_another_time(start: Callable[..., Program], scenarios: Path, command: str, lenient: bool) -> None:
    what = [str(scenarios / "two-cars.yaml")] if command == "run" else []
    options = ["--registry", str(REGISTRY), "--mqtt-port", "0", "--amqp-port", "0", "-q"]
    program = start(command, *what, *options, *(["--lenient-clock"] if lenient else []))
    call = Caller(program.ready["http_port"])
    assert call("QueryProductList", CurrentPage="1", PageSize="10")["Success"]
    long_ago = {"CurrentPage": "1", "PageSize": "10", "Timestamp": "2020-01-01T00:00:00Z"}
    if lenient:
        assert call("QueryProductList", **long_ago)["Success"]
        return
    with pytest.raises(urllib.error.HTTPError) as refused:
        call("QueryProductList", **long_ago)
    assert refused.value.code == 400
    assert json.load(refused.value)["Code"] == "InvalidTimeStamp.Expired"
    refused.value.close()
    program.interrupt()
    assert "cloud calls with access key 'testAccessKeyId' are refused: InvalidTimeStamp.Expired" in program.finish()[2]

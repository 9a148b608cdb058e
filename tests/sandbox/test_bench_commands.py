"""`jinqiao bench commands`: a small fleet, ten commands of each kind."""

from __future__ import annotations

import json
import subprocess

import pytest

from support.programs import JINQIAO

pytestmark = pytest.mark.program


def test_every_command_comes_back_and_shows() -> None:
    asked = [*JINQIAO, "bench", "commands", "--vehicles", "20", "--commands", "10", "--json"]
    found = json.loads(subprocess.run(asked, capture_output=True, text=True, timeout=90, check=True).stdout)
    assert (found["vehicles"], found["commands"]) == (20, 10)
    # The post with the new value comes after the reply, on the same connection.
    for percentile in ("p50", "p99", "max"):
        assert found["set_to_reply_ms"][percentile] <= found["set_to_effect_ms"][percentile]
    for kind in ("set_to_reply_ms", "set_to_effect_ms", "invoke_service_sync_ms", "broker_echo_ms"):
        assert 0 < found[kind]["p50"] <= found[kind]["p99"] <= found[kind]["max"]

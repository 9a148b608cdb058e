"""Whatever comes to `/control`, it is answered, and the run can be used afterwards."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.controlled import ControlRequest
from jinqiao.sandbox.control.dispatch import Dispatcher
from jinqiao.sandbox.control.table import CALLS
from jinqiao.sandbox.run.control import Control
from jinqiao.sandbox.run.ending import Ending
from jinqiao.sandbox.run.judgement import Judgement
from jinqiao.sandbox.run.pace import Pace
from jinqiao.sandbox.run.summary import Summary
from jinqiao.simulator.scenario import load_scenario
from jinqiao.simulator.world import World

SCENARIO = """\
name: bench
start: 2026-11-23T07:00+08:00
duration: 10 min
place: jinqiao
weather: {ambient: 10 degC}
fleets:
  - {name: movers, count: 2, models: {bmw-ix3-2021: 1}, agenda: {cycle: WLTC}, initial_soc: 0.5}
  - {name: sleepers, count: 2, models: {bmw-i3-edrive35l-2022: 1}, agenda: commuter, initial_soc: 0.5}
charging_stations:
  - {name: Hub, at: [31.2497, 121.5957], connectors: [{kind: dc, power: 120 kW, count: 2}]}
"""


class Out:
    """Takes what is published."""

    conveyor = None

    async def take(self, _: Any) -> None:
        return None


class Own(tuple[()]):
    """No connections of single vehicles."""

    online = 0


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A paused run without connections: its world, its clock, its judgement."""
    path = tmp_path_factory.mktemp("bench") / "bench.yaml"
    path.write_text(SCENARIO)
    scenario = load_scenario(path)
    world, summary = World(scenario, seed=7), Summary("bench", 7, 0.0)
    pace, ending = Pace(1.0), Ending()
    return SimpleNamespace(
        options=SimpleNamespace(paused=True),
        plan=SimpleNamespace(scenario=scenario, seed=7, end_s=600),
        summary=summary,
        world=world,
        pace=pace,
        ending=ending,
        own=Own(),
        out=Out(),
        downlinks=SimpleNamespace(turn=asyncio.Lock()),
        judgement=Judgement(scenario, world, summary, remembering=True),
        control=Control(world, pace, ending, 600, paused=True, token="", url=None),
    )


def ask(run: Any, method: str, path: str, query: str = "", body: bytes = b"") -> tuple[int, Any]:
    async def carry() -> tuple[int, Any]:
        asked = asyncio.create_task(Dispatcher(run).carry(ControlRequest(method, path, query, body)))
        if (await asyncio.wait({asked}, timeout=0.05))[0]:
            answer = asked.result()
            return answer.status, json.loads(answer.body)
        asked.cancel()  # an advance: nobody lets this run go on
        await asyncio.gather(asked, return_exceptions=True)
        run.control.arrive()
        return 0, {}

    return asyncio.run(carry())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        "for",
        "speed",
        "fault",
        "on",
        "code",
        "step",
        "service",
        "set",
        "args",
        "vehicle",
        "time",
        "expect",
        "signal",
        "kind",
    ]
)
WORDS = st.sampled_from(
    [
        "30 s",
        "max",
        "dtc",
        "all",
        "any",
        "movers",
        "P0A80",
        "Lock",
        "charging:ChargeLimit",
        "physics",
        "1e999",
        "malformed_payload",
    ]
)
BODIES = (
    st.binary(max_size=60)
    | st.dictionaries(NAMES | st.text(max_size=5), WORDS | JSON, max_size=5).map(lambda it: json.dumps(it).encode())
    | JSON.map(lambda it: json.dumps(it).encode())
)
PATHS = st.sampled_from([call.path for call in CALLS]) | st.text(max_size=30).map(lambda it: f"/control/{it}")
QUERIES = st.text(max_size=30) | st.dictionaries(
    st.sampled_from(["limit", "after", "fleet", "state", "town", "since"]), st.text(max_size=8), max_size=3
).map(lambda it: "&".join(f"{name}={value}" for name, value in it.items()))


@given(
    st.sampled_from(["GET", "POST", "DELETE", "PUT", "HEAD", "x"]), PATHS, QUERIES | st.just(""), BODIES | st.just(b"")
)
def test_rubbish_is_refused_with_a_reason_and_breaks_nothing(
    run: Any, method: str, path: str, query: str, body: bytes
) -> None:
    if path == "/control/stop":
        return  # it ends the run, as it should
    status, answer = ask(run, method, path, query, body)
    assert status in (0, 200, 202, 400, 404, 405, 409), answer
    if status >= 400:
        assert set(answer["error"]) == {"pointer", "found", "expected"}
        assert answer["error"]["expected"]
    run.control.pause()
    assert ask(run, "GET", "/control/state")[1]["state"] == "paused"


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_each_call_can_be_made_and_has_the_shape_that_is_described(run: Any, call: Any) -> None:
    if call.name in ("stop", "advance"):
        return  # see test_control.py
    path = call.path.format(vin=run.world.fleet.vins[0].decode(), id="fault-0")
    body = b"" if call.example is None else json.dumps(call.example).encode().replace(b"commuters", b"movers")
    status, answer = ask(run, call.method, path, "", body)
    if call.name == "end_fault":
        assert status == 404
        return
    assert status == call.status, answer
    if hasattr(call.answer, "__dataclass_fields__"):
        assert set(answer) == set(call.answer.__dataclass_fields__)
    run.control.pause()

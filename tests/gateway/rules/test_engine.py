"""Rules as a whole: made by cloud calls or in the registry file, run on what devices and simulated vehicles say."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jinqiao.base.errors import RegistryError
from jinqiao.gateway.broker.policy import Downlink, Principal
from jinqiao.gateway.openapi.http import Response
from jinqiao.gateway.platform.events import ForGroup, TelemetryBatch
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import AccessKey
from jinqiao.gateway.platform.registry.file import load_registry
from jinqiao.gateway.platform.registry.fleet_devices import simulated_product
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.gateway.platform.rules.rule import Rule, RuleAction
from jinqiao.gateway.rules.engine import Bounds, Engine
from jinqiao.gateway.rules.judge import EngineJudge
from jinqiao.gateway.storage.keeper import attach
from jinqiao.gateway.storage.sqlite import Storage
from support.carrier import NotingCarrier
from support.cloud_world import ACCEPTANCE, DN, PK, CloudWorld
from support.telemetry import batch, crossed, names

POST = f"/sys/{PK}/{DN}/thing/event/property/post"
FAST = f'SELECT deviceName() AS who, items.VehicleSpeed.value AS speed FROM "/{PK}/+/thing/event/property/post"'


class World(CloudWorld):
    """With an engine, and rules made by calls."""

    def __init__(self, data: Path | None = None) -> None:
        super().__init__()
        self.engine = Engine(self.platform, data=data)

    def ask(self, action: str, **arguments: Any) -> dict[str, Any]:
        response = self.dispatch(action, **arguments)
        assert isinstance(response, Response)
        answer: dict[str, Any] = json.loads(response.body)
        return answer

    def rule(self, kind: str, configuration: dict[str, Any], where: str = "items.VehicleSpeed.value > 100") -> int:
        select = "deviceName() AS who, items.VehicleSpeed.value AS speed"
        made = self.ask(
            "CreateRule",
            Name="fast",
            ProductKey=PK,
            Select=select,
            ShortTopic="+/thing/event/property/post",
            TopicType="0",
            Where=where,
        )
        assert made["Success"], made
        number = made["RuleId"]
        added = self.ask("CreateRuleAction", RuleId=number, Type=kind, Configuration=json.dumps(configuration))
        assert added["Success"], added
        assert self.ask("StartRule", RuleId=number)["Success"]
        return int(number)

    def post(self, speed: float, request: str = "1") -> None:
        device = self.connect()
        body = json.dumps({"id": request, "params": {"VehicleSpeed": speed}}).encode()
        tuple(self.platform.receive(device, POST, body))


@pytest.fixture
def world() -> World:
    return World()


def test_what_a_rule_selects_is_published_on_another_topic(world: World) -> None:
    number = world.rule("REPUBLISH", {"topic": f"/{PK}/${{who}}/user/get", "topicType": 1})
    for speed in (99.5, 120.5, 100.0, 130.0):
        world.post(speed)
    found = [(d.topic, json.loads(d.payload)) for d in world.sent if d.topic.endswith("/user/get")]
    assert found == [(f"/{PK}/{DN}/user/get", {"who": DN, "speed": speed}) for speed in (120.5, 130.0)]
    assert (world.engine.counts[number].hits, world.engine.counts[number].sent) == (2, 2)


def test_a_rule_that_is_stopped_or_deleted_does_nothing_more(world: World) -> None:
    number = world.rule("REPUBLISH", {"topic": f"/{PK}/{DN}/user/get", "topicType": 1})
    assert world.ask("StopRule", RuleId=number)["Success"]
    world.post(150.0)
    assert world.ask("StartRule", RuleId=number)["Success"]
    assert world.ask("DeleteRule", RuleId=number)["Success"]
    world.post(151.0)
    assert [d for d in world.sent if d.topic.endswith("/user/get")] == []
    assert world.ask("GetRule", RuleId=number)["Code"] == "iot.rule.NotFoundRule"


def test_a_rule_without_an_action_is_not_started_and_bad_sql_is_refused_with_its_place(world: World) -> None:
    made = world.ask("CreateRule", Name="r", ProductKey=PK, Select="*", ShortTopic="+/user/update", TopicType="1")
    assert world.ask("StartRule", RuleId=made["RuleId"])["Code"] == "iot.rule.NullForwardDestForRule"
    refused = world.ask("UpdateRule", RuleId=made["RuleId"], Where="a >")
    assert refused["Code"] == "iot.messagebroker.IncorrectRuleSql"
    assert "Where, line 1, column 4" in refused["ErrorMessage"]
    action = {"RuleId": made["RuleId"], "Type": "REPUBLISH", "Configuration": '{"topic": "/+/x/user/get"}'}
    assert world.ask("CreateRuleAction", **action)["Code"] == "iot.rule.ParseRuleActionConfigError"
    assert world.ask("CreateRuleAction", **action | {"Type": "FAX"})["Code"] == "iot.rule.IncorrentRuleActionType"


def test_an_output_goes_to_a_consumer_group(world: World) -> None:
    put: list[ForGroup] = []
    world.platform.events.subscribe(ForGroup, put.append, before_ack=True)
    number = world.rule("AMQP", {"groupId": "DEFAULT_GROUP"})
    nobody = '{"groupId": "nobody"}'
    assert world.ask("CreateRuleAction", RuleId=number, Type="AMQP", Configuration=nobody)["Success"]
    world.post(101.0)
    assert [(each.group_id, json.loads(each.body)["speed"]) for each in put] == [("DEFAULT_GROUP", 101.0)]
    counts = world.engine.counts[number]
    assert (counts.sent, counts.failed) == (1, 1)


def test_a_topic_of_a_product_that_the_owner_does_not_see_is_not_published(world: World) -> None:
    number = world.rule("REPUBLISH", {"topic": "/a1subPK0002/${who}/user/get", "topicType": 1})
    world.platform.registry.access_keys["testAccessKeyId"] = AccessKey(
        "testAccessKeyId", "testAccessKeySecret", frozenset({PK})
    )
    world.post(120.0)
    assert [d for d in world.sent if d.topic.endswith("/user/get")] == []
    assert world.engine.counts[number].failed == 1


@contextmanager
def web_server(*statuses: int) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """Answers with these statuses, then always with the last; what was posted is noted."""
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(statuses[min(len(got), len(statuses)) - 1])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook?a=1", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def run_webhook(world: World, url: str, speeds: list[float], until: Any) -> int:
    async def run() -> int:
        number = world.rule("HTTP", {"url": url, "secret": "s3cret"})
        for speed in speeds:
            world.post(speed)
        async with asyncio.timeout(20):
            while not until(world.engine.counts[number]):
                await asyncio.sleep(0.01)
        world.engine.close()
        return number

    return asyncio.run(run())


def test_a_webhook_is_posted_with_a_signature_over_one_connection(world: World) -> None:
    with web_server(200) as (url, got):
        run_webhook(world, url, [101.0, 102.0], lambda counts: counts.sent == 2)
    assert [json.loads(body)["speed"] for _, body in got] == [101.0, 102.0]
    headers, body = got[0]
    expected = hmac.new(b"s3cret", headers["x-jinqiao-timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["x-jinqiao-signature"] == f"sha256={expected}"
    assert headers["x-jinqiao-topic"] == f"/{PK}/{DN}/thing/event/property/post"


@pytest.mark.long
def test_a_webhook_that_fails_is_tried_again_unless_the_client_is_to_blame(world: World) -> None:
    with web_server(503, 200, 404) as (url, got):
        number = run_webhook(world, url, [101.0, 102.0], lambda counts: counts.sent + counts.failed == 2)
    counts = world.engine.counts[number]
    assert (counts.sent, counts.retried, counts.failed) == (1, 1, 1)
    assert [json.loads(body)["speed"] for _, body in got] == [101.0, 101.0, 102.0]


def fleet(bounds: Bounds | None = None, *rules: Rule) -> tuple[Platform, Engine, NotingCarrier]:
    vehicles = np.array([name.encode() for name in names(20)])
    product = simulated_product("a1EV", vehicles, fleet_secret="s")
    platform = Platform(Registry([product], rules=rules))
    carrier = NotingCarrier()
    platform.carried_by(carrier)
    engine = Engine(platform, bounds)
    engine.add_fleet(product, vehicles)
    return platform, engine, carrier


def file_rule(sql: str, topic: str = "/a1EV/${who}/user/get") -> Rule:
    action = RuleAction(1, "REPUBLISH", json.dumps({"topic": topic}))
    return Rule(1, "r", "operator", text=sql, running=True, actions=(action,))


def told(carrier: NotingCarrier) -> list[Downlink]:
    return [each for each in carrier.sent if each.topic.endswith("/user/get")]


def test_rules_run_on_the_columns_of_a_fleet_and_no_more_than_so_many_outputs_a_second() -> None:
    said = crossed(batch(20))
    sql = 'SELECT deviceName() AS who FROM "/a1EV/+/thing/event/property/post"'
    platform, engine, carrier = fleet(Bounds(fleet_outputs_per_s=15), file_rule(sql))
    platform.events.emit(TelemetryBatch, "a1EV", said)
    assert len(told(carrier)) == 15
    assert (engine.counts[1].hits, engine.counts[1].dropped) == (15, 5)
    platform.events.emit(TelemetryBatch, "a1EV", said)
    assert len(told(carrier)) == 15
    engine.tick()
    platform.events.emit(TelemetryBatch, "a1EV", said)
    assert len(told(carrier)) == 30


STATUS = 'SELECT status, offlineReasonCode AS why, deviceName AS who FROM "/as/mqtt/status/a1EV/+"'


def simulated(platform: Platform) -> None:
    platform.parts.presence.simulator_connected(
        Principal("simulator", "simulator", "simulator", 60, auto_subscribed=True)
    )


def test_rules_hear_of_each_vehicle_that_loses_its_network_and_has_it_again() -> None:
    platform, engine, carrier = fleet(None, file_rule(STATUS))
    simulated(platform)
    presence = platform.parts.presence
    presence.vehicles_changed("a1EV", np.array([3, 4], np.int32), 1_000, online=False)
    presence.vehicles_changed("a1EV", np.array([4], np.int32), 2_000, online=True)
    assert [json.loads(each.payload) for each in told(carrier)] == [
        {"status": "offline", "why": 400, "who": names(20)[3]},
        {"status": "offline", "why": 400, "who": names(20)[4]},
        {"status": "online", "why": None, "who": names(20)[4]},
    ]
    assert engine.counts[1].hits == 3


def test_an_area_that_goes_at_once_is_taken_a_slice_at_a_time_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jinqiao.gateway.rules.statuses._AT_ONCE", 5)
    platform, engine, carrier = fleet(Bounds(fleet_outputs_per_s=30), file_rule(STATUS))
    simulated(platform)
    later: list[Any] = []
    platform.parts.errands.begin(lambda _, act: later.append(act))
    presence, every = platform.parts.presence, np.arange(20, dtype=np.int32)
    presence.vehicles_changed("a1EV", every, 1_000, online=False)
    presence.vehicles_changed("a1EV", every[:1], 2_000, online=True)
    assert told(carrier) == []
    for _ in range(100):
        if later:
            later.pop(0)()
    found = [(body["status"], body["who"]) for body in (json.loads(each.payload) for each in told(carrier))]
    assert found == [*(("offline", name) for name in names(20)), ("online", names(20)[0])]
    presence.vehicles_changed("a1EV", every[1:], 3_000, online=True)
    for _ in range(100):
        if later:
            later.pop(0)()
    assert (len(told(carrier)), engine.counts[1].dropped) == (30, 10)


def test_rules_of_the_registry_file_run_and_a_wrong_one_is_refused_with_line_and_column(tmp_path: Path) -> None:
    text = (ACCEPTANCE / "registry.yaml").read_text()
    good = tmp_path / "registry.yaml"
    for each in ACCEPTANCE.iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes())
    rules = f"rules:\n  - name: fast\n    sql: '{FAST}'\n    actions: [{{type: AMQP, groupId: DEFAULT_GROUP}}]\n"
    good.write_text(text + rules)
    (rule,) = load_registry(good, judge=EngineJudge()).rules
    assert (rule.sql, rule.running, rule.of_file) == (FAST, True, True)
    good.write_text(text + rules.replace("SELECT", "SELEKT").replace("groupId", "groupid"))
    with pytest.raises(RegistryError) as refused:
        load_registry(good, judge=EngineJudge())
    lines = str(refused.value)
    assert "line 1, column 1 of the statement" in lines
    assert "unknown 'groupid'" in lines
    assert f"registry.yaml:{len(text.splitlines()) + 3}:" in lines


def test_a_kept_rule_runs_again_after_a_restart(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    first = World()
    attach(first.platform, storage)
    number = first.rule("REPUBLISH", {"topic": f"/{PK}/{DN}/user/get", "topicType": 1})
    storage.close()
    second = CloudWorld()
    attach(second.platform, Storage(tmp_path))
    engine = Engine(second.platform)
    World.post(second, 140.0)  # type: ignore[arg-type]
    assert engine.counts[number].sent == 1
    assert [json.loads(d.payload)["speed"] for d in second.sent if d.topic.endswith("/user/get")] == [140.0]


def test_an_output_becomes_a_point_of_line_protocol(world: World) -> None:
    async def run() -> None:
        with web_server(204) as (url, got):
            settings = {"url": url, "measurement": "fast cars", "tags": ["who"], "token": "t"}
            number = world.rule("INFLUXDB", settings)
            world.post(101.5)
            async with asyncio.timeout(20):
                while not world.engine.counts[number].sent:
                    await asyncio.sleep(0.01)
            world.engine.close()
            ((headers, body),) = got
            assert body.decode() == f"fast\\ cars,who={DN} speed=101.5 {world.now_ms}"
            assert headers["authorization"] == "Token t"

    asyncio.run(run())


def test_outputs_become_rows_of_parquet_files_in_the_data_folder(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    world = World(tmp_path)

    async def run() -> int:
        number = world.rule("PARQUET", {"folder": "speeds"})
        for speed in (101.5, 102.0):
            world.post(speed)
        world.engine.close()
        return number

    number = asyncio.run(run())
    assert world.engine.counts[number].sent == 2
    (file,) = (tmp_path / "rules" / "speeds").iterdir()
    rows = parquet.read_table(file).to_pylist()
    assert [(row["who"], row["speed"], row["device_name"]) for row in rows] == [(DN, 101.5, DN), (DN, 102.0, DN)]
    answer = world.ask("CreateRuleAction", RuleId=number, Type="PARQUET", Configuration='{"folder": "../x"}')
    assert answer["Code"] == "iot.rule.ParseRuleActionConfigError"

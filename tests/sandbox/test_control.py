"""`/control` of a run, over HTTP: as a test of a start-up's product uses it."""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from jinqiao.sandbox.run.own_gateway import PRODUCT_KEY
from support import peers
from support.control import Controller
from support.programs import Program

pytestmark = pytest.mark.program

Start = Callable[..., Program]

POSTS = f"/sys/{PRODUCT_KEY}/+/thing/event/property/post"
SCENARIO = """\
name: bench
start: 2026-11-23T07:00+08:00
duration: 10 min
place: jinqiao
weather: {ambient: 10 degC}
fleets:
  - {name: movers, count: 3, models: {bmw-ix3-2021: 1}, agenda: {cycle: WLTC}, initial_soc: 0.5,
     telemetry: {driving: 1 s, charging: 10 s, parked: 1 min, detail: 5 s}}
  - {name: sleepers, count: 4, models: {bmw-i3-edrive35l-2022: 1}, agenda: commuter, initial_soc: 0.5}
charging_stations:
  - {name: Hub, at: [31.2497, 121.5957], site_limit: 200 kW,
     connectors: [{kind: dc, power: 120 kW, count: 2}, {kind: ac, power: 7 kW}]}
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "bench.yaml"
    path.write_text(SCENARIO)
    return path


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    """A run that several tests share: each leaves it paused."""
    path = tmp_path_factory.mktemp("bench") / "bench.yaml"
    path.write_text(SCENARIO)
    program = Program("run", str(path), "--seed", "7", "--mqtt-port", "0", "-q", "--paused")
    client = Controller(program.ready)
    yield client
    client.close()
    program.interrupt()
    program.finish()


@pytest.fixture
def run(start: Start, scenario: Path) -> Iterator[Callable[..., tuple[Program, Controller]]]:
    """Start a run that begins paused, with a client."""
    clients: list[Controller] = []

    def begin(*more: str) -> tuple[Program, Controller]:
        program = start("run", str(scenario), "--seed", "7", "--mqtt-port", "0", "-q", "--paused", *more)
        clients.append(Controller(program.ready))
        return program, clients[-1]

    yield begin
    for client in clients:
        client.close()


Run = Callable[..., tuple[Program, Controller]]


def test_a_paused_run_stands_at_second_0_until_it_is_told_to_go(run: Run) -> None:
    program, client = run()
    state = client.get("/state")
    assert (state["state"], state["elapsed_s"], state["published"]) == ("paused", 0, {})
    assert (state["time"], state["time_ms"]) == ("2026-11-23T07:00:00+08:00", 1_795_388_400_000)
    assert (state["scenario"], state["seed"], state["towns"], state["speed"]) == ("bench", 7, 1, 1.0)
    vehicles = state["vehicles"]
    assert (vehicles["total"], vehicles["driving"], vehicles["parked"], vehicles["offline"]) == (7, 3, 4, 0)
    time.sleep(1.5)
    assert client.get("/state") == state
    assert client.post("/resume")["state"] == "running"
    deadline = time.monotonic() + 60
    while client.get("/state")["elapsed_s"] < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    paused = client.post("/pause")
    assert (paused["state"], paused["elapsed_s"] >= 2) == ("paused", True)
    time.sleep(1.2)
    assert client.get("/state")["elapsed_s"] == paused["elapsed_s"]
    assert client.post("/stop")["state"] == "finished"
    code, lines, errors = program.finish()
    assert code == 130, errors
    assert lines[-1]["summary"]["ended"] == "interrupted"


def test_an_advance_ends_where_it_was_to_and_not_before_all_has_been_forwarded(run: Run) -> None:
    _, client = run("--app-password", "pw", "--control-token", "open-sesame")
    assert client.token == "open-sesame"
    heard: list[paho.MQTTMessage] = []
    subscribed: queue.SimpleQueue[int] = queue.SimpleQueue()
    listener = paho.Client(CallbackAPIVersion.VERSION2, client_id="listener")
    listener.username_pw_set("app", "pw")
    listener.on_connect = lambda it, *_: it.subscribe(POSTS, 0)
    listener.on_subscribe = lambda *_: subscribed.put(1)
    listener.on_message = lambda *arguments: heard.append(arguments[-1])
    listener.connect("127.0.0.1", client.ready["mqtt_port"])
    listener.loop_start()
    subscribed.get(timeout=30)
    state = client.advance("30 s")
    assert (state["state"], state["elapsed_s"]) == ("paused", 30)
    count = state["published"]["property_post"]
    assert count > 90
    deadline = time.monotonic() + 30
    while len(heard) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(heard) == count  # nothing was left out, and the clock stands
    listener.disconnect()
    listener.loop_stop()


NETWORK = "network: [{on: all, profile: 4g-city}, {on: movers, outage: {at: 2 min, for: 30 s}, backlog: late}]\n"


@pytest.mark.parametrize("more", ["", NETWORK])
def test_however_it_is_led_to_its_end_a_run_says_the_same(run: Run, start: Start, scenario: Path, more: str) -> None:
    """With pauses, advances and questions on the way; and it ends as a run that nobody controls."""
    scenario.write_text(SCENARIO + more)
    straight = start("run", str(scenario), "--seed", "7", "--mqtt-port", "0", "-q", "--speed", "max")
    program, client = run()
    for turn in range(40):
        client.advance(f"{1 + turn % 7} s")
        for vehicle in client.get("/vehicles")["vehicles"]:
            client.get(f"/vehicles/{vehicle['vin']}")
    client.post("/speed", {"speed": "max"})
    client.post("/resume")
    client.post("/pause")
    state = client.advance("1 h")
    assert (state["state"], state["elapsed_s"], state["time"]) == ("finished", 600, "2026-11-23T07:10:00+08:00")
    code, lines, errors = program.finish()
    assert code == 0, errors
    _, expected, _ = straight.finish()
    for name in ("sha256", "published", "fleets", "ended", "simulated_s"):
        assert lines[-1]["summary"][name] == expected[-1]["summary"][name], name


def test_a_vehicle_in_an_outage_is_offline_until_it_is_back(run: Run) -> None:
    _, client = run()
    vin = client.get("/vehicles?limit=1")["vehicles"][0]["vin"]
    client.advance("10 s")
    client.post("/faults", {"fault": "outage", "on": vin, "for": "1 min"})
    assert client.get(f"/vehicles/{vin}")["online"] is False
    assert client.get("/state")["vehicles"]["offline"] == 1
    client.advance("30 s")
    assert [one["vin"] for one in client.get("/vehicles")["vehicles"] if not one["online"]] == [vin]
    client.advance("5 min")
    assert client.get(f"/vehicles/{vin}")["online"] is True
    assert client.get("/state")["vehicles"]["offline"] == 0


def test_vehicles_are_listed_page_by_page_and_by_what_they_do(run: Run) -> None:
    _, client = run()
    client.advance("90 s")
    page = client.get("/vehicles")
    assert (len(page["vehicles"]), page["next"]) == (7, None)
    assert set(page["vehicles"][0]) == {
        *("vin", "fleet", "model", "town", "state", "online", "soc", "speed", "longitude", "latitude")
    }
    assert [one["vin"] for one in client.get("/vehicles?state=driving")["vehicles"]] == [
        one["vin"] for one in page["vehicles"] if one["fleet"] == "movers"
    ]
    assert len(client.get("/vehicles?fleet=sleepers&town=Jinqiao")["vehicles"]) == 4
    vins, after = [], ""
    while True:
        found = client.get(f"/vehicles?limit=2{after}")
        vins += [one["vin"] for one in found["vehicles"]]
        if found["next"] is None:
            break
        after = f"&after={found['next']}"
    assert vins == [one["vin"] for one in page["vehicles"]]
    one = client.get(f"/vehicles/{vins[0]}")
    assert (one["fleet"], one["model"], one["town"], one["online"]) == ("movers", "bmw-ix3-2021", "Jinqiao", True)
    signals = one["signals"]
    assert (signals["StateOfCharge"], signals["VehicleSpeed"]) == (one["soc"], one["speed"])
    assert signals["GeoLocation"]["Longitude"] == one["longitude"]
    assert one["time_ms"] == client.get("/state")["time_ms"]


def test_a_vehicle_shows_what_it_reports(run: Run) -> None:
    """The last post of a driving car and its signals, a moment after it, are the same."""
    _, client = run("--app-password", "pw")
    posts: queue.SimpleQueue[Any] = queue.SimpleQueue()
    subscribed: queue.SimpleQueue[int] = queue.SimpleQueue()
    listener = paho.Client(CallbackAPIVersion.VERSION2, client_id="listener")
    listener.username_pw_set("app", "pw")
    vin = client.get("/vehicles?limit=1")["vehicles"][0]["vin"]
    listener.on_connect = lambda it, *_: it.subscribe(POSTS.replace("+", vin), 0)
    listener.on_subscribe = lambda *_: subscribed.put(1)
    listener.on_message = lambda *arguments: posts.put(json.loads(arguments[-1].payload)["params"])
    listener.connect("127.0.0.1", client.ready["mqtt_port"])
    listener.loop_start()
    subscribed.get(timeout=30)
    client.advance("10 s")
    now = client.get(f"/vehicles/{vin}")
    reported = {}
    while not reported.get("StateOfCharge") or reported["StateOfCharge"]["time"] < now["time_ms"]:
        reported |= posts.get(timeout=30)
    listener.disconnect()
    listener.loop_stop()
    fresh = {name: one["value"] for name, one in reported.items() if one["time"] == now["time_ms"]}
    assert len(fresh) > 10
    assert {name: now["signals"][name] for name in fresh} == fresh


def test_stations_show_their_connectors(run: Run) -> None:
    _, client = run()
    (station,) = client.get("/stations")["stations"]
    assert (station["name"], station["town"], station["site_limit_kw"]) == ("Hub", "Jinqiao", 200.0)
    assert (station["queue"], station["power_kw"]) == (0, 0.0)
    assert [(one["kind"], one["power_kw"], one["vin"]) for one in station["connectors"]] == [
        *[("dc", 120.0, None)] * 2,
        ("ac", 7.0, None),
    ]
    assert station["longitude"] == pytest.approx(121.5957, abs=0.01)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "pointer", "expected"),
    [
        ("POST", "/advance", {"for": "30"}, 400, "/for", "a duration in s, min, h or d"),
        ("POST", "/advance", {"for": 30}, 400, "/for", "a duration"),
        ("POST", "/advance", {"for": "0 s"}, 400, "/for", "a whole number of seconds from 1 s"),
        ("POST", "/advance", {"for": "1.5 s"}, 400, "/for", "a whole number of seconds"),
        ("POST", "/advance", {}, 400, "/for", "with its unit"),
        ("POST", "/advance", {"fro": "30 s"}, 400, "/fro", "did you mean 'for'?"),
        ("POST", "/advance", b"{", 400, "", "JSON"),
        ("POST", "/advance", [1], 400, "", "an object"),
        ("POST", "/speed", {"speed": "quick"}, 400, "/speed", "or 'max'"),
        ("POST", "/speed", {"speed": 0}, 400, "/speed", "from 0.001 to 100000"),
        ("POST", "/speed", {"speed": True}, 400, "/speed", "a number"),
        ("POST", "/speed", b'{"speed": NaN}', 400, "", "JSON"),
        ("POST", "/pause", {"now": 1}, 400, "/now", "no body"),
        ("GET", "/vehicles?limt=2", None, 400, "/limt", "did you mean 'limit'?"),
        ("GET", "/vehicles?limit=0", None, 400, "/limit", "at least 1"),
        ("GET", "/vehicles?limit=1&limit=2", None, 400, "/limit", "once"),
        ("GET", "/vehicles?state=sleeping", None, 400, "/state", "'parked', 'driving', 'charging' or 'queueing'"),
        ("GET", "/vehicles?fleet=mover", None, 400, "/fleet", "did you mean 'movers'?"),
        ("GET", "/vehicles?town=Paris", None, 400, "/town", "Jinqiao"),
        ("GET", "/vehicles?after=X", None, 400, "/after", "VIN"),
        ("GET", "/state?verbose=1", None, 400, "/verbose", "no parameters"),
        ("GET", "/vehicles/LBV0", None, 404, "/vin", "the VIN of a vehicle"),
        ("GET", "/stat", None, 404, "", "did you mean '/control/state'?"),
        ("GET", "", None, 404, "", "openapi.json"),
        ("GET", "/pause", None, 405, "", "POST"),
        ("PUT", "/state", {}, 405, "", "GET"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(
    bench: Controller, method: str, path: str, body: object, status: int, pointer: str, expected: str
) -> None:
    found, answer = bench.ask(method, path, body)
    assert (found, answer["error"]["pointer"]) == (status, pointer)
    assert expected in answer["error"]["expected"]
    assert set(answer["error"]) == {"pointer", "found", "expected"}
    if status == 405:
        assert bench.headers["allow"] == expected
    assert bench.get("/state")["state"] == "paused"


def test_only_who_shows_the_token_is_answered(bench: Controller) -> None:
    for token in ("", "x", bench.token[:-1], bench.token + "x"):
        stranger = Controller(bench.ready, token)
        status, answer = stranger.ask("GET", "/state")
        assert (status, answer["error"]["pointer"]) == (401, "")
        assert stranger.headers["www-authenticate"] == "Bearer"
        status, document = stranger.ask("GET", "/openapi.json")
        assert (status, document["openapi"]) == (200, "3.1.0")
        stranger.close()


def test_a_client_that_vanishes_in_an_advance_leaves_the_run_paused_and_usable(run: Run, scenario: Path) -> None:
    scenario.write_text(SCENARIO.replace("duration: 10 min", "duration: 300 d"))
    _, client = run("--vehicles", "700")
    body = b'{"for": "200 d"}'
    with socket.create_connection(client.address) as vanishing:
        vanishing.sendall(
            b"POST /control/advance HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %s\r\ncontent-length: %d\r\n\r\n%s"
            % (client.token.encode(), len(body), body)
        )
        deadline = time.monotonic() + 60
        while client.get("/state")["elapsed_s"] == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert client.get("/state")["state"] == "running"
        status, answer = client.ask("POST", "/advance", {"for": "1 s"})
        assert (status, answer["error"]["pointer"]) == (409, "")
        assert "under way" in answer["error"]["found"]
    while (state := client.get("/state"))["state"] != "paused" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert state["state"] == "paused"
    assert client.advance("2 s")["elapsed_s"] == state["elapsed_s"] + 2


def test_a_pause_ends_an_advance_of_somebody_else(run: Run, scenario: Path) -> None:
    scenario.write_text(SCENARIO.replace("duration: 10 min", "duration: 300 d"))
    _, client = run("--vehicles", "700")
    answers: list[Any] = []
    other = Controller(client.ready)
    advancing = threading.Thread(target=lambda: answers.append(other.advance("200 d")))
    advancing.start()
    deadline = time.monotonic() + 60
    while client.get("/state")["elapsed_s"] == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    client.post("/pause")
    advancing.join(60)
    (answer,) = answers
    assert (answer["state"], 0 < answer["elapsed_s"] < 200 * 86_400) == ("paused", True)
    other.close()


def test_many_clients_at_once_are_all_answered(bench: Controller) -> None:
    answers: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()

    def ask(number: int) -> None:
        mine = Controller(bench.ready)
        for _ in range(5):
            answers.put(mine.ask(*(("GET", "/vehicles"), ("POST", "/advance", {"for": "1 s"}))[number % 2]))
        mine.close()

    clients = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    before = bench.get("/state")["elapsed_s"]
    for each in clients:
        each.start()
    for each in clients:
        each.join(60)
    statuses = [answers.get_nowait()[0] for _ in range(60)]
    assert set(statuses) <= {200, 409}
    advanced = bench.get("/state")["elapsed_s"] - before
    assert advanced == statuses.count(200) - 30  # the other half listed vehicles
    assert advanced >= 1


def test_a_run_that_publishes_elsewhere_is_controlled_on_a_port_of_its_own(
    start: Start, scenario: Path, tmp_path: Path
) -> None:
    with peers.mosquitto(tmp_path, "fleet", "pw") as port:
        url = f"mqtt://fleet:pw@127.0.0.1:{port}"
        program = start("run", str(scenario), "--broker", url, "--seed", "7", "-q", "--paused", "--http-port", "0")
        client = Controller(program.ready)
        assert client.get("/state")["elapsed_s"] == 0
        state = client.advance("30 s")
        assert (state["elapsed_s"], state["published"]["property_post"] > 90) == (30, True)
        stranger = Controller(client.ready, "wrong")
        assert stranger.ask("GET", "/state")[0] == 401
        stranger.close()
        assert client.advance("10 min")["state"] == "finished"
        client.close()
        code, lines, errors = program.finish()
    assert (code, lines[-1]["summary"]["ended"]) == (0, "finished"), errors

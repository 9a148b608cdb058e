"""Commanding simulated cars as a customer does: a stock MQTT client, cloud calls, a whole run behind them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jinqiao.gateway.platform.devices.ota import Firmware
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import OPERATOR
from jinqiao.gateway.platform.registry.file import load_registry
from jinqiao.sandbox.product import PRODUCT_KEY
from jinqiao.sandbox.run.console import NoTable
from jinqiao.sandbox.run.options import RunOptions
from jinqiao.sandbox.run.running import Running as Run
from jinqiao.sandbox.run.session import run
from jinqiao.simulator.commands.refusals import Refusal
from jinqiao.simulator.scenario import load_scenario
from jinqiao.simulator.software import FACTORY_VERSION
from jinqiao.simulator.world import World
from support import peers
from support.back_end import BackEnd, back_end
from support.files import serving_files
from support.gateway import running_gateway
from support.openapi import Caller
from support.programs import Program

pytestmark = pytest.mark.program

SEED = 7
LIMIT = "charging:ChargeLimit"
ALL_BUT_POSTS = ("/sys/{}/+/thing/service/#", "/sys/{}/+/thing/config/#", "/sys/{}/+/thing/property/#")

#: Two cars that drive on the shared connection, one that drives on its own, two that sleep all night.
SCENARIO = """\
name: commanded
start: 2026-11-23T03:00+08:00
duration: 3 h
place: jinqiao
weather: {ambient: 10 degC}
fleets:
  - {name: drivers, count: 2, models: {bmw-i4-edrive40-2022: 1}, agenda: {cycle: US06}, initial_soc: 0.8,
     telemetry: {driving: 1 s, charging: 10 s, parked: 1 min}}
  - {name: alone, count: 1, models: {bmw-i4-edrive40-2022: 1}, agenda: {cycle: US06}, initial_soc: 0.8,
     telemetry: {driving: 1 s, charging: 10 s, parked: 1 min}, connection: per_vehicle}
  - {name: sleepers, count: 2, models: {bmw-i3-edrive35l-2022: 1}, agenda: {commuter: {leaves_home: 07:42}},
     initial_soc: 0.6, telemetry: {driving: 1 s, charging: 10 s, parked: 5 min}}
charging_stations: []
"""

#: One that drives for ten minutes without end, one that sleeps.
NIGHT = """\
name: night
start: 2026-11-23T03:00+08:00
duration: 1 h
place: jinqiao
weather: {ambient: 10 degC}
fleets:
  - {name: drivers, count: 1, models: {bmw-i4-edrive40-2022: 1}, agenda: {cycle: US06}, initial_soc: 0.8,
     telemetry: {driving: 10 s, charging: 10 s, parked: 1 min}}
  - {name: sleepers, count: 1, models: {bmw-i3-edrive35l-2022: 1}, agenda: {commuter: {leaves_home: 07:42}},
     initial_soc: 0.6, telemetry: {driving: 10 s, charging: 10 s, parked: 5 min}}
charging_stations: []
"""


def write_scenario(folder: Path) -> Path:
    path = folder / "commanded.yaml"
    path.write_text(SCENARIO)
    return path


def vins(scenario: Path) -> list[str]:
    """The same seed gives the same cars."""
    return [vin.decode() for vin in World(load_scenario(scenario), seed=SEED).fleet.vins.tolist()]


@dataclass
class Running:
    """A run at speed 1, its back end, and its cars by what they do."""

    app: BackEnd
    cloud: Callable[..., dict[str, Any]]
    driving: str
    own: str
    asleep: str

    def set(self, device: str, params: Any) -> dict[str, Any]:
        """Set properties; the reply."""
        self.app.drain()
        self.app.tell(device, "thing/service/property/set", request(params))
        found: dict[str, Any] = self.app.wait_on(f"{device}/thing/service/property/set_reply")
        return found

    def call(self, device: str, service: str, params: Any) -> dict[str, Any]:
        self.app.drain()
        self.app.tell(device, f"thing/service/{service}", request(params))
        found: dict[str, Any] = self.app.wait_on(f"{device}/thing/service/{service}_reply")
        return found


def request(params: Any, request_id: str = "1001") -> dict[str, Any]:
    return {"id": request_id, "version": "1.0", "params": params}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    scenario = write_scenario(tmp_path_factory.mktemp("commanded"))
    cars = vins(scenario)
    program = Program("run", str(scenario), "--seed", str(SEED), "--mqtt-port", "0", "-q")
    try:
        ready = program.ready
        login = (ready["app_user"], ready["app_password"])
        with back_end(ready["mqtt_port"], *login, PRODUCT_KEY) as app:
            app.follow(*(topic.format(PRODUCT_KEY) for topic in ALL_BUT_POSTS))
            app.follow(f"/sys/{PRODUCT_KEY}/+/thing/event/property/post", f"/shadow/update/{PRODUCT_KEY}/+")
            cloud = Caller(ready["http_port"], login)

            def call(action: str, device: str, **arguments: Any) -> dict[str, Any]:
                return cloud(action, ProductKey=PRODUCT_KEY, DeviceName=device, **arguments)

            yield Running(app, call, driving=cars[0], own=cars[2], asleep=cars[3])
        program.interrupt()
        code, lines, errors = program.finish()
        assert code == 130, errors
        assert "Traceback" not in errors
        assert lines[-1]["summary"]["published"]["property_set_reply"] > 0
        assert lines[-1]["summary"]["not_sent"] == 0
    finally:
        if program.process.poll() is None:
            program.process.kill()
        program.process.communicate()


# Over MQTT.


@pytest.mark.parametrize("which", ["driving", "own", "asleep"])
def test_a_property_set_is_answered_and_shows_in_the_next_post(running: Running, which: str) -> None:
    device = getattr(running, which)
    for limit in (77, 78):
        reply = running.set(device, {LIMIT: limit})
        assert (reply["code"], reply["id"], reply["data"]) == (200, "1001", {})
        running.app.wait_for_value(device, LIMIT, limit)


def test_a_car_on_the_way_is_not_unlocked(running: Running) -> None:
    def is_moving(topic: str, content: Any) -> bool:
        return running.driving in topic and content.get("params", {}).get("VehicleSpeed", {}).get("value", 0) > 5

    running.app.wait(is_moving, 40)
    reply = running.call(running.driving, "Unlock", {})
    assert reply["code"] == Refusal.DRIVING.code
    assert "driv" in reply["message"]
    reply = running.set(running.driving, {"body:Locked": 0, LIMIT: 55})
    assert reply["code"] == Refusal.DRIVING.code
    running.app.tell(running.driving, "thing/service/property/get", request(["body:Locked", LIMIT]))
    data = running.app.wait_on(f"{running.driving}/thing/service/property/get_reply")["data"]
    assert data["body:Locked"] == 1
    assert data[LIMIT] != 55  # all or none


def test_a_parked_car_warms_up_and_says_so(running: Running) -> None:
    assert running.call(running.asleep, "StartClimate", {"Target": 24.0})["code"] == 200
    running.app.wait_for_value(running.asleep, "climate:TargetTemperature", 24.0)
    assert running.call(running.asleep, "StopClimate", {})["code"] == 200


GARBAGE = [
    b"",
    b"not json",
    b"\xff" * 100,
    b"[" * 10_000 + b"]" * 10_000,
    b'{"id":"1","params":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}",
    b'{"id":"1","params":{"charging:ChargeLimit":NaN}}',
    b'{"id":"1","params":{"charging:ChargeLimit":1e999}}',
    b'{"id":{},"params":{"charging:ChargeLimit":60}}',
    b'{"id":"1","params":{"charging:ChargeLimit":"60"}}',
    b'{"id":"1","params":{"charging:ChargeLimit":600}}',
    b'{"id":"1","params":{"charging:ChargeLimit":60,"NoSuchThing":1}}',
    b'{"id":"1","params":{"VehicleSpeed":60.0}}',
    b'{"id":"1","params":["charging:ChargeLimit"]}',
    b'{"id":"1","params":{"charging:ChargeLimit":60}' + b" " * 300_000 + b"}",
    b" " * 900_000,
]


def test_garbage_changes_nothing_and_is_answered_by_code(running: Running) -> None:
    device = running.asleep
    assert running.set(device, {LIMIT: 91})["code"] == 200
    running.app.drain()
    for payload in GARBAGE:
        for path in ("thing/service/property/set", "thing/service/NoSuchService", "thing/config/push"):
            running.app.tell(device, path, payload)
        for topic in (f"/shadow/get/{PRODUCT_KEY}/{device}", f"/ota/device/upgrade/{PRODUCT_KEY}/{device}"):
            running.app.client.publish(topic, payload)
        time.sleep(0.2)  # a car takes fifty messages a second
    time.sleep(1.1)
    running.app.tell(device, "thing/service/property/get", request([LIMIT], "last"))
    codes = []
    while True:
        reply = running.app.wait(lambda topic, _: f"/{device}/" in topic and topic.endswith("_reply"))
        if reply["id"] == "last":
            break
        if "method" not in reply:  # the platform's own replies have one
            codes.append(reply["code"])
    assert reply["data"] == {LIMIT: 91}
    assert len(codes) == 3 * (len(GARBAGE) - 2)  # those beyond the platform's limit reach nobody
    assert set(codes) == {460, 5159, 5161, 6207}


# As cloud calls.


def test_cloud_calls_reach_the_car_and_see_its_answers(running: Running) -> None:
    cloud, device = running.cloud, running.asleep
    assert cloud("GetDeviceStatus", device)["Data"]["Status"] == "ONLINE"
    running.app.drain()
    assert cloud("SetDeviceProperty", device, Items=json.dumps({LIMIT: 64}))["Success"]
    running.app.wait_for_value(device, LIMIT, 64)
    assert cloud("InvokeThingService", device, Identifier="SetChargeLimit", Args='{"Limit": 65}')["Success"]
    running.app.wait_for_value(device, LIMIT, 65)
    for target in (device, running.own):
        result = cloud("InvokeThingService", target, Identifier="RequestDiagnostics", Args="{}")
        found = json.loads(result["Data"]["Result"])
        assert found["DtcCount"] == 0
        assert 80 < found["StateOfHealth"] <= 100


def test_a_synchronous_call_that_the_car_refuses_fails_with_its_reason(running: Running) -> None:
    answer = running.cloud("InvokeThingService", running.driving, Identifier="ClearDtc", Args="{}")
    assert not answer["Success"]
    assert str(Refusal.DRIVING.code) in answer["ErrorMessage"]


def test_a_desired_property_is_fulfilled_reported_and_taken_back(running: Running) -> None:
    for device, limit in ((running.asleep, 83), (running.own, 84)):
        running.app.drain()
        answer = running.cloud("SetDeviceDesiredProperty", device, Items=json.dumps({LIMIT: limit}), Versions="{}")
        assert answer["Success"], answer
        running.app.wait_for_value(device, LIMIT, limit)
        deadline = time.monotonic() + 10
        while running.cloud("QueryDeviceDesiredProperty", device)["Data"]["List"]["DesiredPropertyInfo"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_the_shadows_wish_is_fulfilled_and_reported(running: Running) -> None:
    device = running.asleep
    running.app.drain()
    wish = {"method": "update", "state": {"desired": {LIMIT: 58}}, "version": 1}
    assert running.cloud("UpdateDeviceShadow", device, ShadowMessage=json.dumps(wish))["Success"]
    running.app.wait_on(f"/shadow/update/{PRODUCT_KEY}/{device}")
    running.app.wait_for_value(device, LIMIT, 58)
    shadow = json.loads(running.cloud("GetDeviceShadow", device)["ShadowMessage"])
    assert shadow["payload"]["state"] == {"reported": {LIMIT: 58}}


def test_a_pushed_configuration_changes_how_often_a_car_reports(running: Running) -> None:
    device, content = running.asleep, b'{"telemetry": {"parked": 1}}'
    with serving_files({"config": content}) as url:
        params = {"configId": "1", "configSize": len(content), "getType": "file", "url": f"{url}/ranges/config"}
        params |= {"sign": hashlib.sha256(content).hexdigest(), "signMethod": "Sha256"}
        running.app.drain()
        running.app.tell(device, "thing/config/push", {**request(params), "method": "thing.config.push"})
        assert running.app.wait_on(f"{device}/thing/config/push_reply")["code"] == 200
    for _ in range(6):  # three seconds of both groups, where it was five minutes
        running.app.wait_on(f"{device}/thing/event/property/post", 5)


# Firmware, as fast as it goes.

IMAGE = bytes(range(256)) * 4_000


async def upgrade(folder: Path, row: int, failure: int = 0) -> tuple[list[dict[str, Any]], dict[str, Any], Run]:
    """Offer firmware to one car of a run at `--speed max`: what it said, what the cloud knows at the end, the run."""
    scenario = folder / "night.yaml"
    scenario.write_text(NIGHT)
    asked_for = RunOptions(scenario=scenario, speed=None, seed=SEED, mqtt_port=0, http_port=0, quiet=True)
    said: list[dict[str, Any]] = []
    known: dict[str, Any] = {}

    with serving_files({"image": IMAGE}) as url:

        async def ready(running: Run) -> None:
            assert running.gateway is not None
            running.world.fleet.ota_failure[row] = failure
            device = running.world.fleet.vins[row].decode()
            options, ports = running.options, running.gateway.ports
            login = (options.app_user, options.app_password)
            app = BackEnd(ports["mqtt_port"], *login, PRODUCT_KEY)
            await asyncio.to_thread(app.follow, f"/ota/device/progress/{PRODUCT_KEY}/{device}")
            await asyncio.to_thread(app.follow, f"/ota/device/inform/{PRODUCT_KEY}/{device}")
            cloud = Caller(ports["http_port"], login)

            def offer() -> None:
                sign = hashlib.sha256(IMAGE).hexdigest()
                firmware = cloud(
                    "CreateOTAFirmware",
                    ProductKey=PRODUCT_KEY,
                    DestVersion="2.0.0",
                    FirmwareUrl=f"{url}/ranges/image",
                    FirmwareSize=str(len(IMAGE)),
                    FirmwareSign=sign,
                    SignMethod="SHA256",
                )
                identifier = firmware["Data"]["FirmwareId"]
                task = {"TargetSelection": "SPECIFIC", "TargetDeviceName.1": device}
                # Known from the start: the car has not informed of it.
                task["SrcVersion.1"] = FACTORY_VERSION
                assert cloud("CreateOTAStaticUpgradeJob", ProductKey=PRODUCT_KEY, FirmwareId=identifier, **task)[
                    "Success"
                ]

            await asyncio.to_thread(offer)
            known.update(app=app, cloud=cloud, device=device)

        async def settled(_: Run) -> None:
            await asyncio.sleep(0.2)
            known["app"].close()
            said.extend(content for _, content in known["app"].drain())
            asked = {"ProductKey": PRODUCT_KEY, "DeviceName": known["device"]}
            known["detail"] = (await asyncio.to_thread(known["cloud"], "QueryDeviceDetail", **asked))["Data"]

        ended = await run(asked_for, NoTable(), ready, settled)
    assert ended.fault is None
    assert ended.running is not None
    return said, known["detail"], ended.running


@pytest.mark.asyncio
async def test_a_car_is_upgraded_over_the_air(tmp_path: Path) -> None:
    said, detail, night = await upgrade(tmp_path, row=1)
    first, *progress, last = (message["params"] for message in said)
    assert [step["step"] for step in progress] == [str(percent) for percent in range(10, 101, 10)]
    assert last == {"version": "2.0.0"} != first
    assert detail["FirmwareVersion"] == "2.0.0"
    assert night.world.software_version(1) == "2.0.0"
    assert night.summary.published["ota_progress"] == 10


@pytest.mark.asyncio
@pytest.mark.parametrize("failure", [-1, -2, -3, -4])
async def test_an_upgrade_that_is_to_fail_fails_at_its_step(tmp_path: Path, failure: int) -> None:
    said, detail, night = await upgrade(tmp_path, row=1, failure=failure)
    steps = [message["params"]["step"] for message in said if "step" in message["params"]]
    assert steps[-1] == str(failure)
    assert detail["FirmwareVersion"] != "2.0.0"
    assert night.world.software_version(1) != "2.0.0"


@pytest.mark.asyncio
async def test_a_car_that_drives_all_the_time_is_not_upgraded(tmp_path: Path) -> None:
    said, _, night = await upgrade(tmp_path, row=0)
    steps = [message["params"]["step"] for message in said if "step" in message["params"]]
    assert steps[-1] == "100"
    assert night.world.software_version(0) != "2.0.0"


# Elsewhere.


def test_cars_on_a_plain_broker_obey_too(tmp_path: Path) -> None:
    scenario = write_scenario(tmp_path)
    scenario.write_text(SCENARIO.replace(", connection: per_vehicle", ""))  # mosquitto knows no device
    cars = vins(scenario)
    with peers.mosquitto(tmp_path, "fleet", "pw") as port:
        broker = ["--broker", f"mqtt://fleet:pw@127.0.0.1:{port}", "--for", "60s", "--seed", str(SEED), "-q"]
        program = Program("run", str(scenario), *broker)
        assert program.ready
        with back_end(port, "fleet", "pw", PRODUCT_KEY) as app:
            app.follow(f"/sys/{PRODUCT_KEY}/+/thing/#", f"/sys/{PRODUCT_KEY}/+/rrpc/response/+")
            for device, limit in ((cars[0], 71), (cars[3], 72)):
                app.tell(device, "thing/service/property/set", request({LIMIT: limit}))
                assert app.wait_on(f"{device}/thing/service/property/set_reply")["code"] == 200
                app.wait_for_value(device, LIMIT, limit)
            app.tell(cars[0], "rrpc/request/77", {**request({}), "method": "thing.service.ReadDtc"})
            assert app.wait_on("/rrpc/response/77")["data"] == {"Codes": []}
        program.interrupt()
        code, lines, errors = program.finish()
    assert code == 130, errors
    assert lines[-1]["summary"]["published"]["property_set_reply"] == 2


REGISTRY = """\
products:
  - product_key: a1realPK001
    name: real
    devices:
      - {device_name: car1, device_secret: secret0123456789abcdef}
      - {device_name: car2, device_secret: secret9876543210fedcba}
applications:
  - {username: backend, password: change-me, products: [a1realPK001]}
access_keys:
  - {id: testAccessKeyId, secret: testAccessKeySecret}
"""


def test_devices_of_another_platform_tell_their_version_ask_what_is_wished_and_obey(tmp_path: Path) -> None:
    path, scenario = tmp_path / "devices.yaml", write_scenario(tmp_path)
    path.write_text(REGISTRY)
    platform = Platform(load_registry(path))
    with (
        running_gateway(platform) as gateway,
        back_end(gateway.ports["mqtt_port"], "backend", "change-me", "a1realPK001") as app,
    ):
        app.follow("/sys/a1realPK001/+/thing/#", "/ota/device/#")
        cloud = Caller(gateway.ports["http_port"])
        asked = {"ProductKey": "a1realPK001", "DeviceName": "car2"}
        assert cloud("SetDeviceDesiredProperty", **asked, Items=json.dumps({LIMIT: 73}), Versions="{}")["Success"]
        where = f"mqtt://127.0.0.1:{gateway.ports['mqtt_port']}"
        program = Program("run", str(scenario), "--broker", where, "--devices", str(path), "--seed", str(SEED), "-q")
        assert program.ready["product_key"] == "a1realPK001"
        app.wait_on("car2/thing/property/desired/delete")
        app.wait_for_value("car2", LIMIT, 73)
        assert cloud("QueryDeviceDetail", **asked)["Data"]["FirmwareVersion"]
        result = cloud("InvokeThingService", **asked, Identifier="ReadDtc", Args="{}")
        assert json.loads(result["Data"]["Result"]) == {"Codes": []}
        device = platform.registry.device("a1realPK001", "car1")
        assert device is not None
        platform.operations.firmware.offer(OPERATOR, device, Firmware("9.9", 10, "http://127.0.0.1:9/gone", ""))
        assert app.wait_on("/ota/device/progress/a1realPK001/car1")["params"]["step"] == "10"
        program.interrupt()
        code, _, errors = program.finish()
    assert code == 130, errors

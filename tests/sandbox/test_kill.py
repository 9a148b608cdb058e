"""kill -9 of `jinqiao serve --data` in the middle of its work: whatever was acknowledged is there after the restart."""

from __future__ import annotations

import http.client
import json
import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from jinqiao.wire.alink.signature import client_content, sign
from support.openapi import Caller
from support.programs import Program

REGISTRY = Path(__file__).parent.parent / "golden" / "acceptance" / "registry.yaml"
PK, DN = "a1carPK0001", "tbox001"
REPORTER, REPORTER_SECRET = "tbox002", "secret0123456789tbox02"
#: The figure asks for twenty; five tell the same on a user's machine, sooner.
KILLS = 20 if os.environ.get("CI") == "true" else 5
EACH = 200


class Ledger:
    """What the server has acknowledged so far."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        #: Version of the shadow's wishes, and what each version of the desired property is.
        self.wished = 0
        self.desired = 0
        self.desired_values: dict[int, int] = {}
        #: Version of what the reporting device's shadow was told by the device itself.
        self.reported = 0


def work(port: int, ledger: Ledger, kill_number: int) -> None:
    """Register devices, wish by shadow and by desired property, until the server is gone."""
    call = Caller(port)
    try:
        for n in range(EACH):
            name = f"d{kill_number}-{n}"
            ledger.secrets[name] = call("RegisterDevice", ProductKey=PK, DeviceName=name)["Data"]["DeviceSecret"]
            version = kill_number * 1_000 + n + 1
            message = {"method": "update", "state": {"desired": {"n": version}}, "version": version}
            assert call("UpdateDeviceShadow", ProductKey=PK, DeviceName=DN, ShadowMessage=message)["Success"]
            ledger.wished = version
            value = 50 + n % 50
            told = call("SetDeviceDesiredProperty", ProductKey=PK, DeviceName=DN, Items={"ChargeLimit": value})
            ledger.desired = json.loads(told["Data"]["Versions"])["ChargeLimit"]
            ledger.desired_values[ledger.desired] = value
    except (OSError, http.client.HTTPException):
        return  # killed, perhaps in the middle of an answer


def reporter(port: int, ledger: Ledger, kill_number: int) -> paho.Client:
    """A device that reports to its shadow, each time the last report has been replied to."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="c|_ss=1|", reconnect_on_failure=False)
    password = sign("hmacmd5", REPORTER_SECRET, client_content("c", REPORTER, PK))
    client.username_pw_set(f"{REPORTER}&{PK}", password)
    version = kill_number * 1_000

    def report() -> None:
        nonlocal version
        version += 1
        message = {"method": "update", "state": {"reported": {"n": version}}, "version": version}
        client.publish(f"/shadow/update/{PK}/{REPORTER}", json.dumps(message))

    def replied(_client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        payload = json.loads(message.payload)["payload"]
        if payload["status"] == "success":
            ledger.reported = payload["version"]
        time.sleep(0.06)  # the shadow takes twenty a second
        report()

    client.on_connect = lambda *_: report()
    client.on_message = replied
    client.connect("127.0.0.1", port, 60)
    client.loop_start()
    return client


def check(port: int, ledger: Ledger, names: set[str]) -> None:
    call = Caller(port)
    for name in names:
        found = call("QueryDeviceDetail", ProductKey=PK, DeviceName=name)
        assert found["Data"]["DeviceSecret"] == ledger.secrets[name]
    # The one request that was under way when the server went may have been done or not.
    assert shadow_of(call, DN, "desired") in {ledger.wished, ledger.wished + 1}
    assert shadow_of(call, REPORTER, "reported") >= ledger.reported
    found = call("QueryDeviceDesiredProperty", ProductKey=PK, DeviceName=DN, **{"Identifier.1": "ChargeLimit"})
    (row,) = found["Data"]["List"]["DesiredPropertyInfo"]
    assert row["Version"] in {ledger.desired, ledger.desired + 1}
    if row["Version"] == ledger.desired:
        assert int(row["Value"]) == ledger.desired_values[ledger.desired]


def shadow_of(call: Caller, device_name: str, section: str) -> int:
    shadow = json.loads(call("GetDeviceShadow", ProductKey=PK, DeviceName=device_name)["ShadowMessage"])
    found: int = shadow["payload"]["state"][section]["n"]
    return found


def test_kill_loses_nothing_that_was_acknowledged(start: Callable[..., Program], tmp_path: Path) -> None:
    moments = random.Random(5)
    ledger = Ledger()
    ports = ("--mqtt-port", "0", "--http-port", "0")
    checked: set[str] = set()
    for kill_number in range(KILLS):
        program = start("serve", "--registry", str(REGISTRY), "--data", str(tmp_path), *ports)
        ready = program.ready
        if kill_number:
            check(ready["http_port"], ledger, ledger.secrets.keys() - checked)
            checked = set(ledger.secrets)
        device = reporter(ready["mqtt_port"], ledger, kill_number)
        worker = threading.Thread(target=work, args=(ready["http_port"], ledger, kill_number))
        worker.start()
        until(lambda before=ledger.desired: ledger.desired > before)  # type: ignore[misc]
        time.sleep(moments.uniform(0.0, 0.3))
        program.process.kill()
        program.process.wait()
        worker.join()
        device.loop_stop()
        assert len(ledger.secrets) - len(checked) < EACH, "the server was through before it was killed"
    ready = start("serve", "--registry", str(REGISTRY), "--data", str(tmp_path), *ports).ready
    check(ready["http_port"], ledger, set(ledger.secrets))
    assert ledger.reported


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)

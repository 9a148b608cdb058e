"""A device that speaks bytes of its own, against `jinqiao serve` with a script: up, down, and a synchronous service."""

from __future__ import annotations

import json
import queue
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from jinqiao.sandbox.cli import app
from jinqiao.wire.alink.signature import client_content, sign
from support.openapi import Caller
from support.programs import Program

ACCEPTANCE = Path(__file__).parent.parent / "golden" / "acceptance"
PK, DN, SECRET = "rawPK", "raw001", "rawsecret"
S = f"/sys/{PK}/{DN}"

#: Frames: command, id (four bytes), one byte of value. Written with the names that the platform's own scripts have.
SCRIPT = """
POST, SET, POST_REPLY, SET_REPLY, UNLOCK = range(5)

def rawDataToProtocol(raw):
    number = str(int.from_bytes(raw[1:5], "big"))
    if raw[0] == POST:
        params = {"StateOfCharge": raw[5]}
        return {"method": "thing.event.property.post", "id": number, "version": "1.0", "params": params}
    if raw[0] == UNLOCK:
        return {"id": number, "code": 200, "data": {"Result": raw[5], "Message": "open"}}
    return {"id": number, "code": 200 if raw[5] else 460, "data": {}}

def protocolToRawData(message):
    number = int(message["id"]).to_bytes(4, "big")
    if "code" in message:
        return bytes([POST_REPLY]) + number + bytes([message["code"] == 200])
    if message["method"] == "thing.service.property.set":
        return bytes([SET]) + number + bytes([message["params"]["ChargeLimit"]])
    if message["method"] == "thing.service.Unlock":
        return bytes([UNLOCK]) + number + bytes([message["params"]["Door"]])
    raise KeyError(message["method"])
"""


def connected(port: int) -> tuple[paho.Client, queue.Queue[tuple[str, bytes]]]:
    heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="c|_ss=1,ext=1|")
    client.username_pw_set(f"{DN}&{PK}", sign("hmacmd5", SECRET, client_content("c", DN, PK)))
    online: queue.Queue[bool] = queue.Queue()
    client.on_connect = lambda *_: online.put(True)
    client.on_message = lambda _c, _u, message: heard.put((message.topic, message.payload))
    client.connect("127.0.0.1", port, 60)
    client.loop_start()
    assert online.get(timeout=10)
    return client, heard


def test_a_device_of_bytes(start: Callable[..., Program], tmp_path: Path) -> None:
    shutil.copy(ACCEPTANCE / "tsl.json", tmp_path)
    (tmp_path / "converter.py").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "registry.yaml").write_text(
        f"products:\n  - product_key: {PK}\n    name: Bytes\n    thing_model: tsl.json\n    raw_script: converter.py\n"
        f"    devices: [{{device_name: {DN}, device_secret: {SECRET}}}]\n"
        "access_keys: [{id: testAccessKeyId, secret: testAccessKeySecret}]\n",
        encoding="utf-8",
    )
    data = str(tmp_path / "data")
    ports = ("--mqtt-port", "0", "--http-port", "0")
    program = start("serve", "--registry", str(tmp_path / "registry.yaml"), "--data", data, *ports)
    ready = program.ready
    call = Caller(ready["http_port"])
    device, heard = connected(ready["mqtt_port"])

    device.publish(f"{S}/thing/model/up_raw", b"\0\0\0\0\x2a\x50")
    assert heard.get(timeout=10) == (f"{S}/thing/model/up_raw_reply", b"\2\0\0\0\x2a\1")
    rows = call("QueryDevicePropertyStatus", ProductKey=PK, DeviceName=DN)["Data"]["List"]["PropertyStatusInfo"]
    assert next(row["Value"] for row in rows if row["Identifier"] == "StateOfCharge") == "80"

    answer = call("SetDeviceProperty", ProductKey=PK, DeviceName=DN, Items={"ChargeLimit": 90})
    number = int(answer["Data"]["MessageId"]).to_bytes(4)
    assert heard.get(timeout=10) == (f"{S}/thing/model/down_raw", b"\1" + number + b"\x5a")
    device.publish(f"{S}/thing/model/down_raw_reply", b"\3" + number + b"\0")

    def unlock(_client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        device.publish(message.topic, message.payload[:5] + b"\7")

    device.on_message = unlock
    answer = call("InvokeThingService", ProductKey=PK, DeviceName=DN, Identifier="Unlock", Args={"Door": 1})
    assert json.loads(answer["Data"]["Result"]) == {"Result": 7, "Message": "open"}

    arguments = {"Identifier": "StartClimate", "Args": {"Target": 20.0, "Minutes": 5}}
    refused = call("InvokeThingService", ProductKey=PK, DeviceName=DN, **arguments)
    assert refused["ErrorMessage"] == "26010 KeyError: 'thing.service.StartClimate'"
    device.disconnect()
    device.loop_stop()
    program.interrupt()
    assert program.finish_text()[0] == 0
    told = CliRunner().invoke(app, ["log", "--data", data, "--device", f"{PK}/{DN}", "--json"], catch_exceptions=False)
    codes = [json.loads(line)["code"] for line in told.stdout.splitlines()]
    assert codes == [460, 26010]

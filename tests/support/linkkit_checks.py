"""The vendor's Python device SDK against a running sandbox; run by that SDK's own interpreter, not by the tests' one.

    python linkkit_checks.py MQTT_PORT HTTP_PORT

One JSON object a check, `{"check", "ok", "detail"}`; exit status 0 only if all are ok. The registry is that of
`golden/acceptance`. The other side of each check is a cloud call, as a customer's back end makes it.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from linkkit import linkkit

from support.openapi import Caller

MQTT_PORT, HTTP_PORT = int(sys.argv[1]), int(sys.argv[2])
ACCEPTANCE = Path(__file__).resolve().parent.parent / "golden" / "acceptance"
PK, DN, SECRET = "a1carPK0001", "tbox001", "secret0123456789abcdef"
SUB = ("a1subPK0001", "subdev001", "subsecret0123456789001")
WHO = {"ProductKey": PK, "DeviceName": DN}
EVENTS = [name for name in dir(linkkit.LinkKit) if name.startswith("on_")]
PATIENCE_S = 8.0

failures = 0
cloud = Caller(HTTP_PORT)


def check(name: str, ok: object, detail: object = None) -> None:
    global failures
    failures += not ok
    print(json.dumps({"check": name, "ok": bool(ok), "detail": detail}, default=repr), flush=True)


class Device:
    """A LinkKit object that remembers what it was told."""

    def __init__(self, product_key: str, device_name: str, secret: str, tsl: str | None = None, **more: Any) -> None:
        self.topic = f"/sys/{product_key}/{device_name}/"
        self.told: list[tuple[str, tuple[Any, ...]]] = []
        self.news = threading.Condition()
        self.answer: Callable[..., None] | None = None
        names = {"product_key": product_key, "device_name": device_name, "device_secret": secret}
        self.kit = linkkit.LinkKit(host_name="cn-shanghai", **names, **more)
        self.kit.config_mqtt(port=MQTT_PORT, endpoint="127.0.0.1", secure="", keep_alive=60)
        for event in EVENTS:
            setattr(self.kit, event, lambda *what, event=event: self._tell(event, what))
        if not more:
            self.kit.thing_setup(tsl)
        self.kit.connect_async()

    def _tell(self, event: str, what: tuple[Any, ...]) -> None:
        with self.news:
            self.told.append((event, what))
            self.news.notify_all()
        if event == "on_thing_call_service" and self.answer is not None:
            self.answer(*what)

    def hears(self, event: str, match: Callable[[tuple[Any, ...]], object] = bool, wait_s: float = PATIENCE_S) -> Any:
        """What the first such event told, seen already or to come; None if it does not come."""
        end = time.monotonic() + wait_s
        with self.news:
            while True:
                for name, what in self.told:
                    if name == event and match(what):
                        return what
                if (left := end - time.monotonic()) <= 0:
                    return None
                self.news.wait(left)

    def connects(self, wait_s: float = PATIENCE_S) -> bool:
        return self.hears("on_connect", lambda _: True, wait_s) is not None

    def replied(self, event: str, request: tuple[Any, Any]) -> Any:
        return self.hears(event, lambda what: str(what[0]) == str(request[1]))


def posts(car: Device) -> None:
    now = int(time.time() * 1000)
    every_type = {
        "VehicleSpeed": {"value": 63.2, "time": now}, "StateOfCharge": 81, "BatteryVoltage": 402.75, "Ignition": 1,
        "ChargeState": 2, "SoftwareLabel": "3.1.0", "LastTripTime": str(now), "TirePressure": [2.4, 2.4, 2.5, 2.5],
        "GeoLocation": {"Longitude": 121.58, "Latitude": 31.24, "Altitude": 12.5, "CoordinateSystem": 1},
        "battery:MaxCellVoltage": 4.112,
    }  # fmt: skip
    told = car.replied("on_thing_prop_post", car.kit.thing_post_property(every_type))
    check("every data type is accepted", told and told[1] == 200 and not told[2], told)
    told = car.replied("on_thing_prop_post", car.kit.thing_post_property({"NoSuch": 1, "StateOfCharge": "many"}))
    check(
        "bad values are named, code 200", told and told[1] == 200 and set(told[2]) == {"NoSuch", "StateOfCharge"}, told
    )
    rows = cloud("QueryDevicePropertyStatus", **WHO)["Data"]["List"]["PropertyStatusInfo"]
    last = {row["Identifier"]: row.get("Value") for row in rows}
    check("the cloud sees the last good values", (last["VehicleSpeed"], last["StateOfCharge"]) == ("63.2", "81"), last)
    car.kit.thing_trigger_event(("Collision", {"Level": 2, "Acceleration": -9.5}))
    told = car.hears("on_thing_event_post", lambda what: what[0] == "Collision")
    check("an event is answered", told and told[2] == 200, told)


def downlinks(car: Device) -> None:
    cloud("SetDeviceProperty", **WHO, Items={"DoorLock": 1})
    told = car.hears("on_thing_prop_changed", lambda what: what[0] == {"DoorLock": 1})
    check("a property set arrives", told is not None, told)

    def answer(identifier: str, request_id: str, _: Any, __: Any) -> None:
        data = {"Result": 7, "Message": "open"} if identifier == "Unlock" else {"Accepted": 1}
        car.kit.thing_answer_service(identifier, request_id, 200, data)

    car.answer = answer
    cloud("InvokeThingService", **WHO, Identifier="StartClimate", Args={"Target": 22.0, "Minutes": 10})
    told = car.hears("on_thing_call_service", lambda what: what[0] == "StartClimate")
    check("an asynchronous service arrives", told and told[2] == {"Target": 22.0, "Minutes": 10}, told)
    result = cloud("InvokeThingService", **WHO, Identifier="Unlock", Args={"Door": 1})
    output = json.loads((result.get("Data") or {}).get("Result") or "{}")
    check("a synchronous service returns its output", output == {"Result": 7, "Message": "open"}, result)


def shadow(car: Device) -> None:
    def reply(version: int) -> Any:
        return car.hears("on_thing_shadow_get", lambda what: what[0].get("version") == version)

    car.kit.thing_update_shadow({"speed": 30}, 1)
    told = reply(1)
    check("a shadow update is answered", told and told[0]["payload"]["status"] == "success", told)
    wish = {"method": "update", "state": {"desired": {"mode": "sport"}}, "version": 2}
    cloud("UpdateDeviceShadow", **WHO, ShadowMessage=wish, DeltaUpdate="true")
    told = car.hears("on_thing_shadow_get", lambda what: what[0].get("method") == "control")
    check("a wish of the cloud arrives", told and told[0]["payload"]["state"]["desired"] == {"mode": "sport"}, told)


def tags(car: Device) -> None:
    told = car.replied("on_thing_device_info_update", car.kit.thing_update_tags({"vin": "LSV0000000000001"}))
    check("tags are taken", told and told[1] == 200, told)
    check("the cloud sees the tags", "LSV0000000000001" in cloud("QueryDeviceProp", **WHO)["Props"])


def firmware(car: Device) -> None:
    car.kit.ota_report_version(None, "1.0.0")
    end = time.monotonic() + PATIENCE_S
    while (
        version := cloud("QueryDeviceDetail", **WHO)["Data"]["FirmwareVersion"]
    ) != "1.0.0" and time.monotonic() < end:
        time.sleep(0.05)
    check("the informed version is known", version == "1.0.0", version)
    image = {"FirmwareUrl": "https://example.invalid/f.bin", "FirmwareSize": 14, "FirmwareSign": "ab" * 32}
    made = cloud("CreateOTAFirmware", ProductKey=PK, DestVersion="1.1.0", SignMethod="SHA256", **image)["Data"]
    target = {"TargetSelection": "SPECIFIC", "TargetDeviceName.1": DN, "SrcVersion.1": "1.0.0"}
    cloud("CreateOTAStaticUpgradeJob", ProductKey=PK, FirmwareId=made["FirmwareId"], **target)
    told = car.hears("on_ota_message_arrived", lambda what: what[0] == 1)
    check("an upgrade is pushed", told and told[1] == "1.1.0", told)
    car.kit.query_ota_firmware()
    told = car.hears("on_ota_message_arrived", lambda what: what[0] == 2)
    check("an upgrade can be asked for", told and told[1] == "1.1.0", told)


def messages(car: Device) -> None:
    topic = f"/{PK}/{DN}/user/get"
    _, message_id = car.kit.subscribe_topic(topic)
    told = car.hears("on_subscribe_topic", lambda what: what[0] == message_id)
    check("a custom topic is granted", told and 128 not in told[1], told)
    cloud("Pub", ProductKey=PK, TopicFullName=topic, MessageContent=base64.b64encode(b"hello").decode(), Qos=1)
    told = car.hears("on_topic_message", lambda what: what[0] == topic)
    check("Pub reaches the device", told and told[1] == b"hello", told)
    custom = f"/{PK}/{DN}/user/rrpc"
    car.kit.subscribe_rrpc_topic(custom)
    car.hears("on_subscribe_rrpc_topic")
    answers: list[dict[str, Any]] = []
    asked = {"Topic": custom, "RequestBase64Byte": base64.b64encode(b"ping").decode(), "Timeout": 5000}
    caller = threading.Thread(target=lambda: answers.append(cloud("RRpc", **WHO, **asked)))
    caller.start()
    told = car.hears("on_topic_rrpc_message")
    if told:
        car.kit.thing_answer_rrpc(told[0], "pong")
    caller.join()
    pong = base64.b64encode(b"pong").decode()
    check("RRpc on a custom topic", answers and answers[0].get("PayloadBase64Byte") == pong, answers)


def gateway() -> None:
    gate = Device("a1gatePK001", "gw001", "gwsecret0123456789abcd")
    check("a gateway connects", gate.connects())
    sub = {"ProductKey": SUB[0], "DeviceName": SUB[1]}
    told = gate.replied("on_gateway_register_subdev_reply", gate.kit.gateway_register_subdev([list(SUB[:2])]))
    check("a sub-device's secret is told", told and told[2][0]["deviceSecret"] == SUB[2], told)
    told = gate.replied("on_gateway_add_subdev_topo_reply", gate.kit.gateway_add_subdev_topo([list(SUB)]))
    check("a sub-device is added", told and told[1] == 200, told)
    told = gate.replied("on_gateway_login_subdev_reply", gate.kit.gateway_login_subdev([list(SUB)]))
    check("a sub-device logs in", told and told[1] == 200, told)
    check("a sub-device is online", cloud("GetDeviceStatus", **sub)["Data"]["Status"] == "ONLINE")
    cloud("SetDeviceProperty", **sub, Items={"SampleSeconds": 60})
    topic = f"/sys/{SUB[0]}/{SUB[1]}/thing/service/property/set"
    told = gate.hears("on_topic_message", lambda what: what[0] == topic)
    check(
        "a property set reaches the sub-device", told and json.loads(told[1])["params"] == {"SampleSeconds": 60}, told
    )
    told = gate.replied("on_gateway_logout_subdev_reply", gate.kit.gateway_logout_subdev([list(SUB)]))
    check("a sub-device logs out", told and told[1] == 200, told)


def registration() -> None:
    product_key, product_secret = "a1dynPK0001", "dynprodsecret012345678"
    dyn = Device(product_key, "dyn001", "", product_secret=product_secret, auth_type="register")
    told = dyn.hears("on_device_dynamic_register", lambda _: True)
    check("dynamic registration tells the secret", told and told[1] == "dynsecret0123456789001", told)
    fresh = "nwl" + uuid.uuid4().hex[:8]
    unlisted = Device(product_key, fresh, "", product_secret=product_secret, auth_type="regnwl")
    told = unlisted.hears("on_device_dynamic_register_nwl_reply", lambda _: True)
    check("registration without a list gives a token", told and told[0] == 0 and told[3], told)
    if told:
        again = Device(product_key, fresh, "", client_id=told[1], username=told[2], password=told[3])
        check("the token logs in", again.connects())


def logins() -> None:
    check("a wrong secret does not connect", not Device(PK, "tbox002", "not-the-secret").connects(1.5))
    first = Device(PK, "tbox003", "secret0123456789tbox03")
    check("a first login connects", first.connects())
    check("a second login connects", Device(PK, "tbox003", "secret0123456789tbox03").connects())
    check("a second login puts the first out", first.hears("on_disconnect", lambda _: True) is not None)


def main() -> None:
    car = Device(PK, DN, SECRET, str(ACCEPTANCE / "tsl.json"))
    check("a device connects", car.connects())
    for of_the_car in (posts, downlinks, shadow, tags, firmware, messages):
        of_the_car(car)
    for apart in (gateway, registration, logins):
        apart()


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        check("nothing breaks", False, repr(error))
    sys.stdout.flush()
    os._exit(1 if failures else 0)  # the SDK leaves threads behind

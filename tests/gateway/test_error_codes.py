"""The platform's table of device-side codes (document 120329), each provoked once, and those nobody can provoke here.

A code is seen in the reply, on `/ext/error` of the gateway, or in the device log; `Desk.seen` gathers all three.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from jinqiao.base.errors import JinqiaoError
from jinqiao.gateway.broker.policy import Downlink, Login, Principal
from jinqiao.gateway.platform.converters.base import ConverterError
from jinqiao.gateway.platform.registry.accounts import OPERATOR
from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.signature import client_content, registration_content, sign
from support.cloud_world import DN, PK, CloudWorld

GATEWAY, SUB, DYN = ("a1gatePK001", "gw001"), ("a1subPK0001", "subdev001"), ("a1dynPK0001", "dyn001")
TABLE = {
    *(200, 400, 401, 403, 427, 428, 429, 460, 500, 520, 521, 522, 5005, 5159, 5160, 5161),
    *(6100, 6104, 6106, 6200, 6201, 6203, 6204, 6205, 6206, 6207, 6208, 6250, 6280, 6287, 6288, 6289, 6292),
    *(6300, 6301, 6302, 6304, 6306, 6307, 6308, 6309, 6310, 6311, 6312, 6313, 6314, 6316, 6317, 6318, 6320, 6321),
    *(6322, 6323, 6324, 6325, 6326, 6328, 6329, 6356, 6357, 6400, 6401, 6402, 6450, 6452, 6600, 6619, 6661),
    *(6710, 6713, 6760, 9112, 9200, 9201, 9236, 9320, 9321, 9324, 1901, 1902, 1903, 1904, 1905, 1950, 1951),
    *(26001, 26002, 26006, 26007, 26010),
}
#: What has no cause in a platform that is one process with its thing models in memory.
ELSEWHERE = {
    "the vendor's services do not reach one another": {
        5159,
        5161,
        6313,
        6661,
        1901,
        1902,
        1903,
        1904,
        1905,
        1950,
        1951,
    },
    "a thing model that is wrong is refused when it is loaded": {6314, 6316, 6317, 6318, 6323, 6329},
    "a topic that cannot be parsed is nobody's, and refused as 9236": {6203},
    "parameters that do not fit have 460": {9321},
    "a device that does not exist cannot ask for firmware": {9112},
    "the throttle of a tenant; a device's own is 9324, a service's 429": {6452},
}


class Desk(CloudWorld):
    """The acceptance platform, and every code that it has given."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: list[int] = []

    @property
    def seen(self) -> set[int]:
        errors = [json.loads(sent.payload)["code"] for sent in self.sent if sent.topic.startswith("/ext/error/")]
        return {*self.replies, *errors, *(entry.code for entry in self.platform.log)}

    def ask(self, who: tuple[str, str], suffix: str, params: Any, *, method: Any = "m", root: str = "sys") -> None:
        principal = self.platform.parts.presence.peer_of(self.device(*who)) or self.connect(*who)
        between = "/" if root == "sys" else "/combine/"
        topic = f"/{root}/{who[0]}/{who[1]}{between}{suffix}"
        self.send(principal, topic, json.dumps({"id": "1", "params": params, "method": method}).encode())

    def send(self, principal: Principal, topic: str, payload: bytes) -> None:
        for answer in self.hear(principal, topic, payload):
            try:
                self.replies.append(json.loads(answer.payload)["code"])
            except (ValueError, KeyError):
                continue

    def hear(self, principal: Principal, topic: str, payload: bytes) -> tuple[Downlink, ...]:
        if not self.platform.may_publish(principal, topic):
            return ()
        return tuple(self.platform.receive(principal, topic, payload))

    def refused(self, **changes: Any) -> None:
        """A login that is refused."""
        password = sign("hmacmd5", self.device().secret, client_content("c", DN, PK)).encode()
        login = {"client_id": "c||", "username": f"{DN}&{PK}", "password": password, **changes}
        with pytest.raises(JinqiaoError):
            self.platform.authenticate(Login(protocol_level=4, clean_session=True, keep_alive_s=60, **login))

    def register(self, **changes: str) -> None:
        form = {"productKey": DYN[0], "deviceName": DYN[1], "random": "r", "signMethod": "hmacsha1"} | changes
        content = registration_content(form["deviceName"], form["productKey"], "r")
        form.setdefault("sign", sign("hmacsha1", "dynprodsecret012345678", content))
        self.replies.append(self.post("/auth/register/device", urlencode(form))["code"])

    def convert(self, converter: Any) -> None:
        self.platform.registry.products[PK] = replace(self.device().product, converter=converter)


class Fixed:
    """A converter that makes one thing of everything, or fails with one code."""

    def __init__(self, message: dict[str, Any] | None = None, raw: bytes = b"", code: int = 0) -> None:
        self.message, self.raw, self.code = message, raw, code

    def raw_data_to_protocol(self, _: bytes) -> dict[str, Any]:
        if self.code:
            raise ConverterError(self.code, TEXT[self.code])
        assert self.message is not None
        return self.message

    def protocol_to_raw_data(self, _: dict[str, Any]) -> bytes:
        return self.raw


def names(who: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"productKey": who[0], "deviceName": who[1], **more}


def signed(
    who: tuple[str, str] = SUB, secret: str = "subsecret0123456789001", method: str = "hmacSha1"
) -> dict[str, Any]:
    signature = sign("hmacsha1", secret, client_content("c", who[1], who[0], "1"))
    return names(who, clientId="c", timestamp="1", signMethod=method, sign=signature)


def post(value: dict[str, Any]) -> Callable[[Desk], None]:
    return lambda desk: desk.ask((PK, DN), "thing/event/property/post", value)


def ask(suffix: str, params: Any, who: tuple[str, str] = (PK, DN), **more: Any) -> Callable[[Desk], None]:
    return lambda desk: desk.ask(who, suffix, params, **more)


def bind(desk: Desk) -> None:
    desk.ask(GATEWAY, "thing/topo/add", [signed()])


def log_in(desk: Desk) -> None:
    bind(desk)
    desk.ask(GATEWAY, "login", signed(), root="ext/session")


def steps(*each: Callable[[Desk], object]) -> Callable[[Desk], None]:
    def run(desk: Desk) -> None:
        for step in each:
            step(desk)

    return run


def session(suffix: str, params: Any) -> Callable[[Desk], None]:
    return ask(suffix, params, GATEWAY, root="ext/session")


def raw(converter: Any) -> Callable[[Desk], None]:
    def run(desk: Desk) -> None:
        desk.convert(converter)
        desk.send(desk.connect(), f"/sys/{PK}/{DN}/thing/model/up_raw", b"\1")

    return run


def unlock(desk: Desk, answer: dict[str, Any]) -> None:
    device = desk.connect(ext=1)
    waiting = desk.wait("InvokeThingService", Identifier="Unlock", Args={"Door": 1})
    desk.say(device, desk.sent[-1].topic, json.dumps(answer).encode())
    waiting.finish()


def invoke(identifier: str, arguments: dict[str, Any], expected: int) -> Callable[[Desk], None]:
    def run(desk: Desk) -> None:
        desk.connect()
        said = desk.call("InvokeThingService", Identifier=identifier, Args=arguments)["ErrorMessage"]
        desk.replies += [expected] if TEXT[expected] in said else []

    return run


def set_property(desk: Desk) -> None:
    desk.call("SetDeviceProperty", Items={"ChargeLimit": 80})


def disable(who: tuple[str, str] = (PK, DN)) -> Callable[[Desk], None]:
    return lambda desk: desk.platform.parts.provisioning.set_disabled(desk.device(*who), True)


def fail(desk: Desk) -> None:
    class Broken:
        def refused_properties(self, *_: Any) -> None:
            raise RuntimeError("a fault of ours")

    desk.platform.registry.products[PK] = replace(desk.device().product, thing_model=Broken())  # type: ignore[arg-type]
    post({"StateOfCharge": 1})(desk)


def with_limit(name: str, value: int, then: Callable[[Desk], None]) -> Callable[[Desk], None]:
    def run(desk: Desk) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(f"jinqiao.gateway.platform.{name}", value)
            then(desk)

    return run


POSITION = {"Longitude": 121.5, "Latitude": 31.2, "Altitude": 4.0, "CoordinateSystem": 1}
MANY = {f"p{n}": 1 for n in range(201)}
EVENTS = {f"E{n}": {"value": {}} for n in range(21)}
UPLOAD = {"fileName": "a", "fileSize": 600, "conflictStrategy": "overwrite", "initUid": "u"}

PROVOKED: dict[int, Callable[[Desk], None]] = {
    200: post({"StateOfCharge": 80}),
    400: steps(lambda desk: desk.connect(), lambda desk: desk.connect()),
    401: lambda desk: desk.refused(username=None),
    403: with_limit("provisioning.MOST_DEVICES", 0, ask("thing/sub/register", [names((SUB[0], "fresh"))], GATEWAY)),
    427: steps(log_in, lambda desk: desk.connect(*SUB)),
    428: with_limit("uplinks.sub_sessions.MOST_BOUND", 0, log_in),
    429: steps(bind, *[session("batch_login", {"deviceList": [signed()] * 50})] * 5),
    460: post([]),  # type: ignore[arg-type]
    500: fail,
    520: steps(bind, session("logout", names(SUB))),
    521: steps(log_in, lambda desk: desk.platform.parts.provisioning.forget(desk.device(*SUB))),
    522: steps(log_in, disable(SUB)),
    5005: ask("thing/sub/register", [names(("nobody", "x"))], GATEWAY),
    5160: ask("thing/event/NoSuch/post", {}),
    6100: ask("thing/topo/add", [names((SUB[0], "nobody"), clientId="c", timestamp="1", sign="")], GATEWAY),
    6104: ask("thing/property/desired/get", list(MANY)),
    6106: post(MANY),
    6200: lambda desk: desk.send(desk.connect(), f"/sys/{PK}/{DN}/thing/model/up_raw", b"\1"),
    6201: steps(lambda desk: desk.convert(Fixed()), lambda desk: desk.connect(), set_property),
    6204: steps(disable(), lambda desk: desk.refused()),
    6205: lambda desk: unlock(desk, {"id": "1", "code": 500, "data": {}}),
    6206: invoke("NoSuch", {}, 6206),
    6207: lambda desk: desk.send(desk.connect(), f"/sys/{PK}/{DN}/thing/event/property/post", b'{"id":"1"'),
    6208: steps(lambda desk: desk.connect(), disable(), set_property),
    6250: ask("thing/list/found", [names(("nobody", "x"))], GATEWAY),
    6280: ask("thing/list/found", [names((SUB[0], "not a name"))], GATEWAY),
    6287: steps(bind, session("login", signed(secret="wrong"))),
    6288: ask("thing/sub/register", [names((PK, "fresh"))], GATEWAY),
    6289: steps(lambda desk: desk.connect(*DYN), lambda desk: desk.register()),
    6292: lambda desk: desk.register(signMethod="rot13"),
    6300: ask("thing/event/property/post", {}, method=5),
    6301: ask("thing/event/property/history/post", {}),
    6302: invoke("StartClimate", {"Target": 20.0}, 6302),
    6304: post({"GeoLocation": {**POSITION, "Depth": 1}}),
    6306: post({"StateOfCharge": 80.5}),
    6307: post({"VehicleSpeed": "fast"}),
    6308: post({"Ignition": True}),
    6309: post({"ChargeState": 9}),
    6310: post({"SoftwareLabel": "x" * 65}),
    6311: post({"LastTripTime": 1_795_333_508_123}),
    6312: post({"GeoLocation": {"Longitude": 121.5}}),
    6320: post({"NoSuch": 1}),
    6321: post({"": 1}),
    6322: post({"Odometer": -1.0}),
    6324: post({"TirePressure": [1.0] * 5}),
    6325: post({"TirePressure": ["flat"]}),
    6326: post({"StateOfCharge": {"value": 80, "time": 2**50}}),
    6328: post({"TirePressure": 2.4}),
    6356: ask("thing/event/property/pack/post", {"events": EVENTS}, GATEWAY),
    6357: ask("thing/event/property/pack/post", {"subDevices": [{"identity": names(SUB)}] * 21}, GATEWAY),
    6400: with_limit("uplinks.sub_devices.MOST_BOUND", 0, bind),
    6401: session("login", signed()),
    6402: ask("thing/topo/add", [signed(GATEWAY, "gwsecret0123456789abcd")], GATEWAY),
    6450: raw(Fixed({"id": "1"})),
    6600: lambda desk: desk.register(sign="00"),
    6619: steps(bind, ask("thing/sub/register", [names(SUB)], (PK, DN))),
    6710: ask("thing/config/get", {"configScope": "product", "getType": "file"}),
    6713: steps(
        lambda desk: desk.platform.operations.configuration.set(OPERATOR, PK, b"{}", enabled=False),
        ask("thing/config/get", {"configScope": "product", "getType": "file"}),
    ),
    6760: with_limit("devices.uploads.DEVICE_QUOTA", 599, ask("thing/file/upload/mqtt/init", UPLOAD)),
    9200: set_property,
    9201: steps(lambda desk: desk.platform.disconnected(desk.connect()), set_property),
    9236: lambda desk: desk.send(desk.connect(), f"/sys/{PK}/tbox002/thing/event/property/post", b"{}"),
    9320: lambda desk: desk.send(desk.connect(), f"/sys/{PK}/{DN}/thing/event/property/post", b"x" * 300_000),
    9324: lambda desk: desk.platform.throttled(desk.connect(), "t"),
    26001: raw(Fixed(code=26001)),
    26002: raw(Fixed(code=26002)),
    26006: raw(Fixed(code=26006)),
    26007: raw(Fixed(code=26007)),
    26010: raw(Fixed(code=26010)),
}


def test_every_code_is_provoked_or_told_why_not() -> None:
    elsewhere = [code for codes in ELSEWHERE.values() for code in codes]
    assert PROVOKED.keys() | set(elsewhere) == TABLE
    assert not PROVOKED.keys() & set(elsewhere)
    assert len(elsewhere) == len(set(elsewhere))


@pytest.mark.parametrize("code", PROVOKED)
def test_the_code_is_given(code: int) -> None:
    desk = Desk()
    PROVOKED[code](desk)
    # A value that a post does not take is named in the reply's data, by the code's text; the log has the code.
    assert code in desk.seen
    if code != 200:
        texts = [entry.message for entry in desk.platform.log if entry.code == code]
        assert all(texts)


def test_two_hundred_sub_devices_a_second_are_let_in_and_no_more() -> None:
    desk = Desk()
    bind(desk)
    for _ in range(5):
        desk.ask(GATEWAY, "batch_login", {"deviceList": [signed()] * 50}, root="ext/session")
    assert desk.replies[1:].count(429) == 1
    desk.now_ms += 1_000
    desk.ask(GATEWAY, "batch_login", {"deviceList": [signed()] * 50}, root="ext/session")
    assert desk.replies[-1] != 429

"""Alink requests and replies, to the letter of what official SDKs send and expect."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.platform.events import EventAccepted, PropertiesAccepted, Refused
from jinqiao.gateway.platform.parts import Parts
from jinqiao.gateway.platform.registry.devices import ListedDevices
from jinqiao.gateway.platform.registry.registry import Device, Product, Registry
from jinqiao.gateway.platform.uplinks.properties import AHEAD_MS, post_event, post_properties, tell_time
from jinqiao.gateway.platform.uplinks.uplink import Uplink, reply
from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.requests import described, method_of, parse_request
from jinqiao.wire.alink.thing_model import ThingModel

NOW_MS = 1_795_333_508_413
S = "/sys/a1carPK0001/tbox001"
POST = f"{S}/thing/event/property/post"
SPEED = {"type": "float", "specs": {"min": "0", "max": "300"}}
LEVEL = {"type": "int", "specs": {"min": "1", "max": "3"}}
TSL = {
    "properties": [{"identifier": "speed", "dataType": SPEED}, {"identifier": "soc", "dataType": {"type": "int"}}],
    "events": [{"identifier": "collision", "outputData": [{"identifier": "level", "dataType": LEVEL}]}],
    "functionBlocks": [
        {
            "functionBlockId": "battery",
            "events": [{"identifier": "Overheat", "outputData": [{"identifier": "level", "dataType": LEVEL}]}],
        }
    ],
}
PRODUCT = Product("a1carPK0001", "T-Box", ThingModel(TSL), ListedDevices({"tbox001": "secret"}))
DEVICE = Device(PRODUCT, "tbox001", "secret")


class Heard:
    """The parts of a platform whose clock stands still, and what they told."""

    def __init__(self) -> None:
        self.parts = Parts.assemble(Registry([PRODUCT]), lambda: NOW_MS, "none")
        self.records: list[tuple[str, int, str]] = []
        self.taken: dict[str, Any] = {}
        self.parts.events.subscribe(Refused, self._refused)
        self.parts.events.subscribe(PropertiesAccepted, self._properties)
        self.parts.events.subscribe(EventAccepted, self._event)

    def _refused(self, event: Refused) -> None:
        assert (event.product_key, event.device_name) == ("a1carPK0001", "tbox001")
        self.records.append((event.topic, event.code, event.message))

    def _properties(self, event: PropertiesAccepted) -> None:
        self.taken = {name: value for name, value in event.params.items() if name not in event.refused}

    def _event(self, event: EventAccepted) -> None:
        self.taken = {"event": event.identifier, "output": event.output, "time": event.time_ms}


def send(handler: Any, topic: str, payload: bytes | str, *variables: str) -> tuple[list[Any], Heard]:
    house = Heard()
    raw = payload.encode() if isinstance(payload, str) else payload
    return list(handler(Uplink(DEVICE, topic, variables, raw, house.parts, lambda *_: ()))), house


def post(payload: bytes | str) -> dict[str, Any]:
    """Post properties and return the reply's JSON."""
    (answer,), _ = send(post_properties, POST, payload)
    assert answer.topic == f"{POST}_reply"
    document: dict[str, Any] = json.loads(answer.payload)
    return document


def event(params: Any, identifier: str = "collision") -> tuple[dict[str, Any], Heard]:
    topic = f"{S}/thing/event/{identifier}/post"
    (answer,), house = send(post_event, topic, json.dumps({"id": "2", "params": params}), identifier)
    return json.loads(answer.payload), house


def test_the_reply_that_satisfies_all_clients() -> None:
    (answer,), house = send(post_properties, POST, '{"id":"1","version":"1.0","params":{"speed":42.5},"sys":{"ack":1}}')
    assert answer.payload == (
        b'{"code":200,"data":{},"id":"1","message":"success","method":"thing.event.property.post","version":"1.0"}'
    )
    assert not house.records


@pytest.mark.parametrize(
    "payload",
    [
        '{"id": "1", "version": "1.0", "params": {"speed": 42.5, "soc": {"value": 80, "time": 1795333508413}}, '
        '"method": "thing.event.property.post"}',
        '{"id":"1|exp-topic|/sys/a1carPK0001/tbox001/thing/event/property/post_reply","version":"1.0",'
        '"params":{"speed":42.5},"method":"thing.event.property.post"}',
        '{"id":"1","version":"1.0","params":{"speed":42.5},"sys":{"ack":1}}',
        '{"id":"1","version":"1.0","params":{"speed": 0},"method":""}',
    ],
    ids=["py", "npm", "C4", "empty method"],
)
def test_posts_as_the_official_sdks_send_them(payload: str) -> None:
    answer = post(payload)
    assert (answer["code"], answer["data"], answer["id"]) == (200, {}, json.loads(payload)["id"])


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        ('"1"', "1"),
        ('"001"', "001"),
        ('""', ""),
        ("7", "7"),
        ("-7", "-7"),
        ("4294967295", "4294967295"),
        ('"金\\n"', "金\n"),
    ],
)
def test_the_id_comes_back_as_text(sent: str, echoed: str) -> None:
    assert post(f'{{"id":{sent},"params":{{}}}}')["id"] == echoed


def test_an_unknown_property_is_named_and_the_code_stays_200() -> None:
    (answer,), house = send(post_properties, POST, '{"id":"1","params":{"LightSwitch":1,"speed":1}}')
    assert answer.payload == (
        b'{"code":200,"data":{"LightSwitch":"tsl parse: params not exist"},"id":"1","message":"success",'
        b'"method":"thing.event.property.post","version":"1.0"}'
    )
    assert house.records == [(POST, 6320, "LightSwitch: tsl parse: params not exist")]


def test_a_wrong_value_is_named_too() -> None:
    assert post('{"id":"1","params":{"soc":"many"}}')["data"] == {"soc": TEXT[6306]}


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", 6207),
        (b"\x00\x01\x02", 6207),
        (b"\xff\xfe{}", 6207),
        (b"speed=1", 6207),
        (b"[]", 6207),
        (b'"text"', 6207),
        (b"null", 6207),
        (b'{"id":"1","params":{"speed":NaN}}', 6207),
        (b'{"id":"1","params":{"speed":Infinity}}', 6207),
        (b'{"id":"1","params":{"speed":1e999}}', 6207),
        (b'{"id":"1","params":{"speed":"\\ud800"}}', 6207),
        (b'{"id":"1","params":' + b"[" * 10_000 + b"]" * 10_000 + b"}", 6207),
        (b'{"id":"1","params":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}", 6207),
        (b"{}", 460),
        (b'{"id":"1"}', 460),
        (b'{"params":{"speed":1}}', 460),
        (b'{"id":null,"params":{"speed":1}}', 460),
        (b'{"id":true,"params":{"speed":1}}', 460),
        (b'{"id":{},"params":{"speed":1}}', 460),
        (b'{"id":"1","params":[]}', 460),
        (b'{"id":"1","params":"{}"}', 460),
        (b'{"id":"1","params":{},"method":5}', 6300),
        (orjson.dumps({"id": "1", "params": {f"p{i}": 1 for i in range(201)}}), 6106),
    ],
)
def test_what_cannot_be_acted_upon_is_answered_by_code_and_logged(payload: bytes, code: int) -> None:
    (answer,), house = send(post_properties, POST, payload)
    document = json.loads(answer.payload)
    assert (document["code"], document["message"], document["data"]) == (code, TEXT[code], {})
    assert set(document) == {"code", "data", "id", "message", "method", "version"}
    assert [record[1] for record in house.records] == [code]


def test_200_properties_are_not_too_many() -> None:
    answer = post(orjson.dumps({"id": "1", "params": {f"p{i}": 1 for i in range(200)}}))
    assert answer["code"] == 200
    assert len(answer["data"]) == 200


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    assert post('{"id":"1","id":"2","params":{"soc":"x","soc":5}}') == {**post('{"id":"2","params":{}}'), "data": {}}


@pytest.mark.parametrize(
    ("system", "replied"),
    [('{"ack":0}', False), ('{"ack":1}', True), ("{}", True), ("null", True), ("[]", True), ('{"ack":"0"}', True)],
)
def test_sys_ack_0_asks_for_no_reply(system: str, replied: bool) -> None:
    answers, house = send(post_properties, POST, f'{{"id":"1","sys":{system},"params":{{"soc":"x"}}}}')
    assert bool(answers) is replied
    assert len(house.records) == 1  # what is refused is logged all the same


@pytest.mark.parametrize(("ahead_ms", "refused"), [(0, False), (AHEAD_MS, False), (AHEAD_MS + 1, True)])
def test_a_value_from_beyond_tomorrow_is_refused(ahead_ms: int, refused: bool) -> None:
    answer = post(orjson.dumps({"id": "1", "params": {"soc": {"value": 1, "time": NOW_MS + ahead_ms}}}))
    assert answer["data"] == ({"soc": TEXT[6326]} if refused else {})


@pytest.mark.parametrize(
    "params", [{"level": 2}, {"value": {"level": 2}}, {"value": {"level": 2}, "time": NOW_MS}, {}], ids=str
)
def test_events_come_in_two_shapes(params: Any) -> None:
    answer, house = event(params)
    assert answer == {
        "code": 200,
        "data": {},
        "id": "2",
        "message": "success",
        "method": "thing.event.collision.post",
        "version": "1.0",
    }
    assert not house.records


def test_an_event_of_a_module() -> None:
    answer, _ = event({"value": {"level": 2}}, "battery:Overheat")
    assert (answer["code"], answer["method"]) == (200, "thing.event.battery:Overheat.post")


@pytest.mark.parametrize(
    ("params", "identifier", "code", "data"),
    [
        ({"level": 1}, "unknown", 5160, {}),
        ({"level": 1}, "post", 5160, {}),
        ({"level": 1}, "Overheat", 5160, {}),
        (None, "collision", 460, {}),
        ([1], "collision", 460, {}),
        ({"value": 3}, "collision", 460, {}),
        ({"value": {"level": 1}, "time": "now"}, "collision", 6326, {}),
        ({"value": {"level": 1}, "time": NOW_MS + 2 * AHEAD_MS}, "collision", 6326, {}),
        ({"level": 9}, "collision", 200, {"level": TEXT[6306]}),
        ({"value": {"level": 1, "more": 1}}, "collision", 200, {"more": TEXT[6320]}),
    ],
)
def test_refused_events(params: Any, identifier: str, code: int, data: dict[str, str]) -> None:
    answer, house = event(params, identifier)
    assert (answer["code"], answer["data"]) == (code, data)
    assert len(house.records) == 1


def test_the_clock_answers_in_text() -> None:
    topic = "/ext/ntp/a1carPK0001/tbox001/request"
    (answer,), _ = send(tell_time, topic, '{"deviceSendTime":"1795333812578"}')
    assert answer.topic == "/ext/ntp/a1carPK0001/tbox001/response"
    assert answer.payload == (
        b'{"deviceSendTime":"1795333812578","serverRecvTime":"1795333508413","serverSendTime":"1795333508413"}'
    )


@pytest.mark.parametrize(("payload", "code"), [("", 6207), ("[]", 6207), ("{}", 460), ('{"deviceSendTime":[]}', 460)])
def test_a_clock_question_that_is_none_gets_no_answer(payload: str, code: int) -> None:
    answers, house = send(tell_time, "/ext/ntp/a1carPK0001/tbox001/request", payload)
    assert answers == []
    assert [record[1] for record in house.records] == [code]


def test_methods_come_from_topics() -> None:
    assert method_of(f"{S}/thing/service/property/set") == "thing.service.property.set"
    assert method_of(f"{S}/thing/event/battery:Overheat/post") == "thing.event.battery:Overheat.post"


def test_every_code_can_be_replied() -> None:
    for code, text in TEXT.items():
        assert json.loads(reply(POST, "1", code).payload)["message"] == text


def test_the_log_names_a_few_and_counts_the_rest() -> None:
    line = described({f"p{i}": 6320 for i in range(7)})
    assert line.startswith("p0: tsl parse: params not exist; p1: ")
    assert line.endswith("; and 2 more")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "params", "sys", "ack", "method", "value", "time", "speed", "level"]), inner
        )
    ),
    max_leaves=12,
)
PAYLOADS = st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))


@given(PAYLOADS)
def test_handlers_are_total(payload: bytes) -> None:
    parse_request(payload)
    for handler, topic, variables in (
        (post_properties, POST, ()),
        (post_event, f"{S}/thing/event/collision/post", ("collision",)),
        (tell_time, "/ext/ntp/a1carPK0001/tbox001/request", ()),
    ):
        answers, _ = send(handler, topic, payload, *variables)
        for answer in answers:
            document = json.loads(answer.payload)
            assert answer.payload == orjson.dumps(document)  # compact, and nothing else
            assert type(document.get("id", "")) is str

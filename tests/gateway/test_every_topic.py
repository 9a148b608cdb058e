"""What holds for every row of the table: any payload is answered by code, and nothing else happens."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.gateway.platform.uplinks.table import HANDLERS
from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.topics import TOPICS, Direction, Topic
from jinqiao.wire.mqtt.packets import Publish, Subscribe
from support.alink_house import DN, PK, SUB_DN, SUB_PK, World
from support.examples import examples
from support.sandbox import Sandbox

HANDLED = [row for row in TOPICS if row.pattern in HANDLERS and Direction.UP in row.direction]
ANSWERED = [row for row in HANDLED if row.replies and row.kind not in {"raw_up", "file_upload", "file_download"}]
#: The others that a device publishes, and by kind where those are answered that have answers of a form of their own.
OTHERS = [row for row in TOPICS if Direction.UP in row.direction and row not in ANSWERED]
OWN_ANSWERS = {
    "raw_up": f"/sys/{PK}/{DN}/thing/model/up_raw_reply",
    "file_upload": f"/sys/{PK}/{DN}/thing/file/upload/mqtt/{{step}}_reply",
    "file_download": f"/sys/{PK}/{DN}/thing/file/download_reply",
    "shadow_update": f"/shadow/get/{PK}/{DN}",
    "ntp_request": f"/ext/ntp/{PK}/{DN}/response",
}


def topic_of(row: Topic) -> str:
    named = row.pattern.replace("{pk}", PK).replace("{dn}", DN).replace("{*}", "x").replace("{event}", "collision")
    return re.sub(r"\{\w+\}", "x1", named)


def own_answers(row: Topic) -> set[str]:
    """Topics on which a row without an ordinary reply may be answered: one or none."""
    topic = OWN_ANSWERS.get(row.kind)
    return set() if topic is None else {topic.format(step=row.pattern.rsplit("/", 1)[-1])}


# fmt: off
NAMES = [
    "productKey", "deviceName", "clientId", "timestamp", "sign", "signMethod", "signmethod", "properties",
    "events", "subDevices", "identity", "value", "time", "attrKey", "attrValue", "version", "module", "step",
    "desc", "taskId", "status", "progress", "statusDetails", "reported", "desired", "method", "state", "fileName",
    "fileSize", "conflictStrategy", "uploadId", "offset", "bSize", "deviceList", "proxieds", "random",
    "configScope", "getType", "p", "model", "logLevel", "logContent", "speed", "collision", "fileInfo",
    "fileBlock", "streamId", "size", "ficMode", "ficValue", "initUid",
]
# fmt: on
VALUES = [
    PK,
    DN,
    SUB_PK,
    SUB_DN,
    "hmacSha1",
    "update",
    "$next",
    "product",
    "file",
    "crc64",
    "1",
    "null",
    1,
    0,
    -1,
    2**70,
]
LEAVES = st.none() | st.booleans() | st.integers(-5, 300) | st.floats() | st.sampled_from(VALUES) | st.text(max_size=4)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=examples(600))
@given(st.sampled_from(HANDLED), JSON, st.sampled_from(["1", 5, None, [1]]))
def test_any_params_are_answered_by_a_code(row: Topic, params: Any, identifier: Any) -> None:
    world = World()
    device = world.connect()
    payload = json.dumps({"id": identifier, "version": "1.0", "params": params}).encode()
    answers = world.say(device, topic_of(row), payload)
    for answer in answers:
        if row in ANSWERED:
            body = json.loads(answer.payload)
            assert body["code"] in TEXT
            assert body["message"] == TEXT[body["code"]]
            assert answer.topic == f"{topic_of(row)}_reply"
    if row in ANSWERED:
        assert len(answers) == 1
    else:
        assert len(answers) <= 1
        assert {answer.topic for answer in answers} <= own_answers(row)
    json.dumps(world.state(PK, DN).dump())


@pytest.mark.parametrize("row", HANDLED, ids=lambda row: row.pattern)
@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"id":"1","params":NaN}',
        b"[" * 10_000 + b"]" * 10_000,
        b'{"id":"1","params":' + b'{"a":' * 900 + b"1" + b"}" * 901,
        b'{"id":"1","params":{"a":1},"params":[]}',
        b'{"id":"' + b"x" * 5_000 + b'","params":[]}',
    ],
    ids=["empty", "cut", "no-utf8", "list", "null", "nan", "deep-list", "deep-object", "twice", "long-id"],
)
def test_no_payload_hurts(row: Topic, payload: bytes) -> None:
    world = World()
    device = world.connect()
    answers = world.say(device, topic_of(row), payload)
    if row in ANSWERED:
        (answer,) = answers
        body = json.loads(answer.payload)
        assert body["code"] in TEXT
        if body["code"] != 200:
            assert [entry.code for entry in world.platform.log] == [body["code"]]
    else:
        assert {answer.topic for answer in answers} <= own_answers(row)
    assert world.kinds_kept() in ([], ["tags"])


@pytest.mark.parametrize("row", HANDLED, ids=lambda row: row.pattern)
def test_300_kilobytes_are_dropped_and_logged(row: Topic) -> None:
    world = World()
    device = world.connect()
    assert world.say(device, topic_of(row), b'{"id":"1","params":"' + b"x" * 300_000 + b'"}') == []
    assert [entry.code for entry in world.platform.log] == [9320]


@pytest.mark.parametrize("row", ANSWERED, ids=lambda row: row.pattern)
def test_no_reply_where_none_is_wanted(row: Topic) -> None:
    world = World()
    assert world.say(world.connect(), topic_of(row), b'{"id":"1","params":{},"sys":{"ack":0}}') == []


@pytest.mark.parametrize("row", OTHERS, ids=lambda row: row.pattern)
def test_what_has_no_reply_is_forwarded_as_it_came_and_counted_once(row: Topic) -> None:
    sandbox = Sandbox()
    application, device = sandbox.application(), sandbox.device(parameters="_ss=0")
    application.send(Subscribe(1, (("#", 1),)))
    application.received()
    payload = b'{"id": "1",  "version":"1.0","params":{"x1":1}}'
    device.send(Publish(topic_of(row), payload))
    forwarded, *answers = application.messages()
    assert (forwarded.topic, forwarded.payload) == (topic_of(row), payload)
    assert sandbox.broker.counters.received == {row.kind: 1}
    assert {answer.topic for answer in answers} <= own_answers(row)
    assert sum(sandbox.broker.counters.published.values()) == len(answers) <= 1
    assert device.received() == [], "it subscribed to nothing and asked for nothing to be pushed"
    assert sandbox.world.kinds_kept() == []


@pytest.mark.parametrize("row", [row for row in OTHERS if row not in HANDLED], ids=lambda row: row.pattern)
def test_what_the_platform_does_not_handle_leaves_nothing_in_its_log(row: Topic) -> None:
    world = World()
    device = world.connect()
    assert not world.platform.handles(topic_of(row))
    assert world.say(device, topic_of(row), b"\xff{") == []
    assert list(world.platform.log) == []


def test_every_answer_of_its_own_is_given_for_a_good_request() -> None:
    """So that the tests above would see one on another topic."""
    requests = {
        "shadow_update": {"method": "get"},
        "ntp_request": {"deviceSendTime": "1"},
        "raw_up": {},
        "file_upload": {"id": "1", "params": {}},
        "file_download": {},
    }
    assert set(requests) == set(OWN_ANSWERS)
    for kind, request in requests.items():
        row = next(row for row in OTHERS if row.kind == kind)
        world = World()
        (answer,) = world.say(world.connect(), topic_of(row), request)
        assert {answer.topic} == own_answers(row)

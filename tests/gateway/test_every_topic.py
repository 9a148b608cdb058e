"""What holds for every row of the table: any payload is answered by code, and nothing else happens."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.gateway.platform.codes import TEXT
from jinqiao.gateway.platform.topics import TOPICS, Direction, Topic
from support.alink_house import DN, PK, SUB_DN, SUB_PK, World
from support.examples import examples

HANDLED = [row for row in TOPICS if row.handler is not None and Direction.UP in row.direction]
ANSWERED = [row for row in HANDLED if row.replies and row.kind not in {"raw_up", "file_upload", "file_download"}]


def topic_of(row: Topic) -> str:
    named = row.pattern.replace("{pk}", PK).replace("{dn}", DN).replace("{*}", "x").replace("{event}", "collision")
    return re.sub(r"\{\w+\}", "x1", named)


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
    json.dumps(world.platform.state(PK, DN).dump())


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

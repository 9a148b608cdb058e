"""A statement on the columns of a fleet makes what it makes of each message by itself."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.signals import SIGNALS
from jinqiao.gateway.rules.language.hits import Hits
from jinqiao.gateway.rules.language.message import Message
from jinqiao.gateway.rules.language.posts import FleetPosts
from jinqiao.gateway.rules.language.statement import Statement, parse
from jinqiao.wire.mqtt.topics import matches
from support.rules import conditions, expressions
from support.telemetry import NOW_MS, batch, crossed, names, posted

COUNT = 9
PRODUCT = "a1JinqiaoEV"
TOPIC = f"/{PRODUCT}/+/thing/event/property/post"


def posts(group: str = "core", turn: int = 0, kind: str = "property_post") -> FleetPosts:
    said = crossed(batch(COUNT, turn, group), kind)
    return FleetPosts(
        said,
        PRODUCT,
        np.array([name.encode() for name in names(COUNT)]),
        "CustomCategory",
        np.full(COUNT, NOW_MS + 7, np.int64) + np.arange(COUNT),
        np.arange(COUNT, dtype=np.int64) + 1_234_567_890_123_456_700,
        lambda name: f"id of {name}",
        _tags,
    )


def body(of: FleetPosts, row: int) -> bytes:
    """The message as JSON, its values from the post that the vehicle itself would send."""
    name = of.name(row)
    values = {
        "deviceType": "CustomCategory",
        "iotId": f"id of {name}",
        "requestId": "1",
        "checkFailedData": {},
        "productKey": PRODUCT,
        "gmtCreate": NOW_MS + 7 + row,
        "deviceName": name,
        "items": posted(of.said.batch, row),
    }
    return orjson.dumps(values)


def one_by_one(statement: Statement, of: FleetPosts) -> tuple[list[int], list[Any]]:
    """Rows and results of each message, which is evaluated from its bytes."""
    rows, results = [], []
    for row in range(len(of)):
        name = names(COUNT)[row]
        topic = f"/{PRODUCT}/{name}/thing/event/property/post"
        number, made_ms = str(1_234_567_890_123_456_700 + row), NOW_MS + 7 + row
        message = Message(topic, body(of, row), None, number, PRODUCT, name, made_ms, partial(_tags, name))
        found = statement.evaluate(message) if matches(statement.topic, topic) else None
        if found is not None:
            rows.append(row)
            results.append(found)
    return rows, results


def _tags(name: str) -> dict[str, str]:
    return {"last": name[-1]}


def texts(results: list[Any]) -> list[bytes]:
    """What consumers would get: 5.0 is not 5 here."""
    return [orjson.dumps(result) for result in results]


def check(statement: Statement, of: FleetPosts) -> Hits:
    hits = statement.on_columns(of)
    rows, results = one_by_one(statement, of)
    assert hits.rows.tolist() == rows
    assert texts(hits.results()) == texts(results)
    return hits


@pytest.mark.parametrize("group", ["core", "detail"])
@given(
    fields=st.lists(st.one_of(expressions(), conditions()), min_size=1, max_size=4),
    where=conditions(),
    turn=st.integers(0, 3),
)
def test_every_statement_makes_of_columns_what_it_makes_of_messages(
    group: str, fields: list[str], where: str, turn: int
) -> None:
    check(parse(f'SELECT {", ".join(fields)} FROM "{TOPIC}" WHERE {where}'), posts(group, turn))


@pytest.mark.parametrize(
    "sql",
    [
        f'SELECT * FROM "{TOPIC}"',
        f'SELECT * FROM "{TOPIC}" WHERE items.VehicleSpeed.value > 80',
        f'SELECT *, deviceName() as d FROM "{TOPIC}" WHERE items.VehicleSpeed.value > 80',
        f'SELECT thingPropertyFlatMap() FROM "{TOPIC}" WHERE items.VehicleSpeed.value > 80',
        f"SELECT thingPropertyFlatMap('GeoLocation') FROM \"{TOPIC}\"",
        f'SELECT payload() as p, to_base64(*) as b FROM "{TOPIC}"',
        f"SELECT timestamp('HH:mm:ss.SSS') as t, messageId() as m, topic(2) as n FROM \"{TOPIC}\"",
        f"SELECT 1 as one FROM \"{TOPIC}\" WHERE items.VehicleSpeed.value > 0 AND attribute('last') = '3'",
        f"SELECT 1 as one FROM \"{TOPIC}\" WHERE items.VehicleSpeed.value > 0 OR attribute('last') = '3'",
        f'SELECT "$" as everything FROM "{TOPIC}" WHERE deviceName() like \'%4\'',
        f'SELECT items as i, items.GeoLocation as g FROM "{TOPIC}"',
        'SELECT deviceName() as d FROM "/+/+/thing/event/property/post"',
        f'SELECT deviceName() as d FROM "/{PRODUCT}/#"',
        'SELECT deviceName() as d FROM "/other/+/thing/event/property/post"',
        f'SELECT deviceName() as d FROM "/{PRODUCT}/+/thing/event/E/post"',
        f'SELECT deviceName() as d FROM "/{PRODUCT}/{names(5)[4]}/thing/event/property/post"',
        f'SELECT deviceName() as d FROM "/{PRODUCT}/{names(5)[4]}/#" WHERE items.Heading.value >= 0',
        f'SELECT deviceName() as d FROM "/{PRODUCT}/nobody/thing/event/property/post"',
    ],
)
@pytest.mark.parametrize("group", ["core", "detail"])
def test_whole_messages_functions_of_a_message_and_topics(sql: str, group: str) -> None:
    check(parse(sql), posts(group))


def test_hits_are_the_rows_of_the_condition() -> None:
    of = posts()
    hits = parse(f'SELECT items.VehicleSpeed.value as v FROM "{TOPIC}" WHERE items.VehicleSpeed.value > 80').on_columns(
        of
    )
    speeds = of.said.batch.signals["speed"] / 10
    assert 0 < len(hits) < COUNT
    assert hits.results() == [{"v": float(speed)} for speed in speeds[speeds > 80]]


def test_the_rendered_body_is_what_payload_shows() -> None:
    of = posts()
    rendered = FleetPosts(
        of.said,
        of.product_key,
        of.device_names,
        "x",
        of.generated_ms,
        of.message_ids,
        of.iot_id,
        of.tags,
        lambda row: b"%d" % row,
    )
    assert parse(f'SELECT payload() as p FROM "{TOPIC}"').on_columns(rendered).results()[3] == {"p": "3"}


def test_other_telemetry_is_no_post() -> None:
    assert len(parse(f'SELECT * FROM "{TOPIC}"').on_columns(posts(kind="protobuf_sample"))) == 0


def test_the_columns_know_every_property_of_the_thing_model() -> None:
    of = posts()
    for signal in SIGNALS.group("core"):
        member = f".{signal.member}" if signal.member else ""
        index = f"[{signal.index}]" if signal.index is not None else ""
        statement = parse(f'SELECT items.{signal.property}.value{member}{index} as v FROM "{TOPIC}"')
        assert len(check(statement, of)) == COUNT
        assert statement.on_columns(of).results()[0] != {"v": None}

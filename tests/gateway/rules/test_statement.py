"""What a statement makes of a message. The examples are facts of the platform's pages on SQL and functions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import RuleError
from jinqiao.gateway.rules.language.message import Message
from jinqiao.gateway.rules.language.statement import parse, parse_parts
from support.rules import conditions, expressions

SENSOR = {"temperature": 40.5, "humidity": 65, "location": "here", "color": "red", "siren": "off", "isTest": True}


def message(values: Any, **more: Any) -> Message:
    given: dict[str, Any] = {
        "topic": "/pk/dev1/user/update",
        "message_id": "1234567890123456789",
        "product_key": "pk",
        "device_name": "dev1",
        "generated_ms": 1543373798943,
    }
    return Message(body=orjson.dumps(values), **given | more)


def value(expression: str, values: Any = None, **more: Any) -> Any:
    """What an expression is on a message with these values."""
    found = parse(f'SELECT {expression} AS x FROM "/pk/+/user/update"').evaluate(message(values or {}, **more))
    assert isinstance(found, dict)
    return found["x"]


def test_a_condition_chooses_messages_and_aliases_name_the_fields() -> None:
    statement = parse(
        'SELECT temperature as t, deviceName() as deviceName, location FROM "/pk/+/user/update" WHERE temperature > 38'
    )
    assert statement.topic == "/pk/+/user/update"
    assert statement.evaluate(message(SENSOR)) == {"t": 40.5, "deviceName": "dev1", "location": "here"}
    assert statement.evaluate(message(SENSOR | {"temperature": 38})) is None


def test_values_that_the_platform_made_are_taken_as_they_are() -> None:
    statement = parse('SELECT items.T.value FROM "/pk/+/thing/event/property/post" WHERE items.T.value >= 1')
    made = Message("/pk/dev1/thing/event/property/post", b"", {"items": {"T": {"value": 1, "time": 2}}})
    assert statement.evaluate(made) == {"items.T.value": 1}


def test_the_whole_message_and_more() -> None:
    assert parse('SELECT *, 1 as a FROM "/x"').evaluate(message({"a": 2, "b": 3})) == {"a": 1, "b": 3}
    assert parse('SELECT 1 as a, * FROM "/x"').evaluate(message({"a": 2, "b": 3})) == {"a": 2, "b": 3}
    assert parse('SELECT * FROM "/x"').passes_through
    assert not parse('SELECT *, 1 as a FROM "/x"').passes_through


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ('"a[0]"', {"v": 0}),
        ('"$.a[0]"', {"v": 0}),
        ('".a[0]"', [{"v": 0}]),
        ('"a[1].v"', 1),
        ('"$.a[1].v"', 1),
        ('".a[1].v"', [1]),
        ("a[1].v", 1),
        ('"a[3]"', None),
        ('".a[3]"', None),
        ("a.b", None),
        ('"a[0][0]"', None),
        ("m:A.value", 5),
        ('"two words"', 6),
        ("text[0]", None),
        ("text.x", None),
    ],
)
def test_paths(path: str, found: Any) -> None:
    values = {"a": [{"v": 0}, {"v": 1}, {"v": 2}], "m:A": {"value": 5}, "two words": 6, "text": "abc"}
    assert value(path, values) == found


def test_a_path_through_a_payload_that_is_an_array() -> None:
    assert value('"[1].b"', [1, {"b": 7}]) == 7


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("color = 'red'", True),
        ("color <> 'red'", False),
        ("color != 'red'", False),
        ("color = 'red' AND siren = 'on'", False),
        ("color = 'red' OR siren = 'on'", True),
        ("color = 'blue' AND siren = 'off' OR isTest", True),
        ("color = 'blue' AND (siren = 'off' OR isTest)", False),
        ("isTest", True),
        ("humidity", False),
        ("4 + 5 = 9", True),
        ("5 - 4 = 1", True),
        ("20 / 4 = 5", True),
        ("5 * 4 = 20", True),
        ("20 % 6 = 2", True),
        ("2 + 3 * 4 = 14", True),
        ("(2 + 3) * 4 = 20", True),
        ("10 - 4 - 3 = 3", True),
        ("5 < 6 and 5 <= 5 and 6 > 5 and 6 >= 6", True),
        ("humidity in (1, 65)", True),
        ("humidity not in (1, 2)", True),
        ("color in ('red','blue')", True),
        ("isTest in (1)", False),
        ("color like '%ed'", True),
        ("color like 're%'", True),
        ("color like 'r%d'", True),
        ("color like 'e'", False),
        ("color not like '%blue%'", True),
        ("color like 'r_d'", False),
        ("not color = 'red'", False),
        ("missing is null", True),
        ("color is not null", True),
        ("deviceName() in ('dev1', 'dev2')", True),
    ],
)
def test_conditions(condition: str, holds: bool) -> None:
    found = parse(f'SELECT * FROM "/x" WHERE {condition}').evaluate(message(SENSOR))
    assert (found is not None) is holds


@pytest.mark.parametrize(
    "condition",
    [
        "missing = missing",
        "missing <> 1",
        "missing < 1",
        "missing in (1)",
        "missing not in (1)",
        "missing like '%'",
        "missing not like 'x'",
        "humidity like '%'",
        "humidity = '65'",
        "humidity > '1'",
        "isTest = 1",
        "isTest < 2",
        "false < true",
        "1 / 0 > 0",
        "1 % 0 = 1",
        "location + 1 = 1",
        "null",
    ],
)
def test_null_and_values_of_another_type_make_no_condition_true(condition: str) -> None:
    assert parse(f'SELECT * FROM "/x" WHERE {condition}').evaluate(message(SENSOR)) is None


def test_values_of_two_types_differ() -> None:
    assert parse("SELECT * FROM \"/x\" WHERE humidity <> '65' AND isTest <> 1").evaluate(message(SENSOR)) is not None


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("CASE col WHEN 1 THEN 'Y' WHEN 0 THEN 'N' ELSE '' END", "Y"),
        ("CASE col WHEN 2 THEN 'Y' ELSE '' END", ""),
        ("CASE col WHEN 2 THEN 'Y' END", None),
        ("CASE WHEN col > 5 THEN 'high' WHEN col > 0 THEN 'low' END", "low"),
        ("CASE none WHEN null THEN 1 ELSE 2 END", 2),
        ("-col", -1),
        ("- -col", 1),
        ("1 / 3", 1 / 3),
        ("6 / 3", 2),
        ("0.1 + 0.2", 0.1 + 0.2),
        ("1e308 * 10", None),
        ("none + 1", None),
        ("true + 1", None),
        ("col = 1", True),
        ("'it\\'s' ", "it's"),
        ("'it''s' ", "it's"),
        ("'a\\nb'", "a\\nb"),
        ("null", None),
        ("TRUE", True),
    ],
)
def test_expressions(expression: str, found: Any) -> None:
    got = value(expression, {"col": 1})
    assert got == found
    assert type(got) is type(found)


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("abs(-3)", 3),
        ("asin(1)", 1.5707963267948966),
        ("asin(2)", None),
        ("concat(t, 'a')", "Texta"),
        ("concat(n, 'a')", "5a"),
        ("concat(true, 1.5)", "true1.5"),
        ("concat(none, 'a')", None),
        ("cos(0)", 1),
        ("cosh(0)", 1),
        ("cosh(1000)", None),
        ("crypto(t, 'MD5')", "9dffbf69ffba8bc38bc4e01abf4b1675"),
        ("crypto('abc', 'sha1')", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("crypto(none, 'SHA-256')", None),
        ("deviceName()", "dev1"),
        ("DEVICENAME()", "dev1"),
        ("endswith(t, 'xt')", True),
        ("endswith(n, '5')", None),
        ("exp(0)", 1),
        ("floor(-1.5)", -2),
        ("floor(t)", None),
        ("log(100)", 2),
        ("log(8, 2)", 3),
        ("log(0)", None),
        ("log(8, 1)", None),
        ("lower(t)", "text"),
        ("messageId()", "1234567890123456789"),
        ("mod(20, 6)", 2),
        ("mod(-7, 3)", -1),
        ("mod(7, 0)", None),
        ("nanvl(none, 9)", 9),
        ("nanvl(n, 9)", 5),
        ("power(2, 10)", 1024),
        ("power(-8, 0.5)", None),
        ("power(10, 400)", None),
        ("productKey()", "pk"),
        ("replace(t, 'T', 't')", "text"),
        ("replace(n, '5', 't')", None),
        ("sin(0) + sinh(0) + tan(0) + tanh(0)", 0),
        ("substring('012345', 0)", "012345"),
        ("substring('012345', 2)", "2345"),
        ("substring('012345', 2.745)", "2345"),
        ("substring(123, 2)", "3"),
        ("substring('012345', -1)", "012345"),
        ("substring(true, 1.2)", None),
        ("substring('012345', 1, 3)", "12"),
        ("substring('012345', -50, 50)", "012345"),
        ("substring('012345', 3, 1)", ""),
        ("timestamp()", 1543373798943),
        ("timestamp('yyyy-MM-dd\\'T\\'HH:mm:ss\\'Z\\'')", "2018-11-28T10:56:38Z"),
        ("timestamp_utc('yyyy-MM-dd\\'T\\'HH:mm:ss\\'Z\\'')", "2018-11-28T02:56:38Z"),
        ("timestamp_utc('yy/M/d h:m:s.SSS')", "18/11/28 2:56:38.943"),
        ("topic()", "/pk/dev1/user/update"),
        ("topic(1)", "pk"),
        ("topic(2)", "dev1"),
        ("topic(5)", None),
        ("topic(0)", None),
        ("upper(t)", "TEXT"),
        ("attribute('place')", "yard"),
        ("attribute('none')", None),
    ],
)
def test_functions(call: str, found: Any) -> None:
    got = value(call, {"t": "Text", "n": 5}, tags=lambda: {"place": "yard"})
    assert got == found
    assert type(got) is type(found)


def test_what_is_random_is_another_each_time() -> None:
    statement = parse('SELECT rand() as r, newuuid() as u FROM "/x"')
    one, other = statement.evaluate(message({})), statement.evaluate(message({}))
    assert isinstance(one, dict)
    assert isinstance(other, dict)
    assert 0 <= one["r"] < 1
    assert len(one["u"]) == 36
    assert one["u"] != other["u"]


def test_properties_become_members_of_the_result() -> None:
    post = {
        "items": {
            "Power": {"value": "On", "time": 1},
            "Position": {"value": {"latitude": 39.9, "longitude": 116.38}, "time": 1},
            "Other": {"value": 1, "time": 1},
        }
    }
    statement = parse('SELECT thingPropertyFlatMap(\'Power\', "Position") FROM "/x"')
    assert statement.evaluate(message(post)) == {
        "Power": "On",
        "Position_latitude": 39.9,
        "Position_longitude": 116.38,
    }
    everything = parse('SELECT thingPropertyFlatMap() FROM "/x"').evaluate(message(post))
    assert isinstance(everything, dict)
    assert everything["Other"] == 1
    assert parse('SELECT thingPropertyFlatMap() FROM "/x"').evaluate(message({})) == {}


def test_a_payload_that_is_not_json() -> None:
    raw = Message("/pk/dev1/user/raw", b"\x01\xff", device_name="dev1")
    assert parse('SELECT * FROM "/x"').evaluate(raw) == b"\x01\xff"
    assert parse("SELECT * FROM \"/x\" WHERE deviceName() = 'dev1'").evaluate(raw) == b"\x01\xff"
    assert parse("SELECT * FROM \"/x\" WHERE deviceName() = 'dev2'").evaluate(raw) is None
    assert parse('SELECT to_base64(*) as b, to_hex(*) as h, deviceName() as d FROM "/x"').evaluate(raw) == {
        "b": "Af8=",
        "h": "01ff",
        "d": "dev1",
    }
    assert parse("SELECT payload('base64') as p, payload() as t FROM \"/x\"").evaluate(raw) == {
        "p": "Af8=",
        "t": "\x01�",
    }
    for sql in ('SELECT a FROM "/x"', 'SELECT *, deviceName() as d FROM "/x"', 'SELECT * FROM "/x" WHERE a is null'):
        assert parse(sql).evaluate(raw) is None


def test_json_that_is_no_object_passes_as_it_is() -> None:
    assert parse('SELECT * FROM "/x"').evaluate(Message("/x", b"[1, 2]")) == b"[1, 2]"


def test_no_text_grows_without_bound() -> None:
    long = {"t": "x" * 200_000}
    assert value("concat(t, t)", long) is None
    assert value("replace(t, 'x', 'yy')", long) is None
    assert value("replace(t, '', 'yy')", long) is None


KEYS = st.sampled_from(["items", "VehicleSpeed", "value", "time", "deviceName", "GeoLocation", "x"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(
    fields=st.lists(st.one_of(expressions(), conditions()), min_size=1, max_size=3), where=conditions(), values=VALUES
)
def test_no_message_makes_a_statement_fail_and_every_result_is_json(fields: list[str], where: str, values: Any) -> None:
    statement = parse(f'SELECT {", ".join(fields)}, thingPropertyFlatMap() FROM "/x" WHERE {where}')
    for body in (orjson.dumps(values), b"no JSON", b"", b"\xff", b"1e999", b"[" * 2000):
        result = statement.evaluate(Message("/x", body))
        if not isinstance(result, bytes):
            orjson.dumps(result)


def test_tags_are_asked_for_only_by_a_statement_that_has_them() -> None:
    def tags() -> Mapping[str, str]:
        raise AssertionError

    assert value("deviceName()", {}, tags=tags) == "dev1"


def test_clauses_come_one_by_one() -> None:
    statement = parse_parts("deviceName() as d, a", "/sys/pk/+/thing/event/property/post", "a > 1")
    assert statement == parse('SELECT deviceName() as d, a FROM "/pk/+/thing/event/property/post" WHERE a > 1')
    assert parse_parts("*", "/pk/+/user/#").where is None
    for clauses in (("* FROM x", "/x"), ("*", '/x" WHERE 1'), ("*", "/x", "a b"), ("", "/x")):
        with pytest.raises(RuleError):
            parse_parts(*clauses)


@pytest.mark.program
def test_a_gateway_without_rules_loads_no_parser() -> None:
    code = "import sys, jinqiao.gateway.rules.language.statement; sys.exit('lark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

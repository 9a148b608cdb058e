"""`jinqiao rule try`: a statement at the prompt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jinqiao.base.errors import InputError
from jinqiao.sandbox.cli import app

POST = {"deviceName": "car1", "items": {"VehicleSpeed": {"value": 81.5, "time": 1}}}
FAST = 'SELECT items.VehicleSpeed.value AS v FROM "/pk/+/thing/event/property/post" WHERE items.VehicleSpeed.value > 80'


@pytest.fixture
def post(tmp_path: Path) -> str:
    path = tmp_path / "post.json"
    path.write_text(json.dumps(POST, indent=2))
    return str(path)


def test_the_result_is_a_line_of_json(post: str) -> None:
    done = CliRunner().invoke(app, ["rule", "try", FAST, post])
    assert (done.exit_code, done.stdout, done.stderr) == (0, '{"v":81.5}\n', "1 of 1 messages let through\n")


def test_messages_one_on_each_line() -> None:
    lines = "".join(json.dumps({"items": {"VehicleSpeed": {"value": value}}}) + "\n" for value in (79, 80, 81, 82))
    done = CliRunner().invoke(app, ["rule", "try", FAST, "-"], input=lines)
    assert (done.stdout, done.stderr) == ('{"v":81}\n{"v":82}\n', "2 of 4 messages let through\n")


def test_names_time_and_tags_are_options_or_come_from_the_topic(post: str) -> None:
    sql = (
        "SELECT productKey() AS p, deviceName() AS d, topic() AS t, messageId() AS m, "
        "timestamp_utc('HH:mm') AS h, attribute('place') AS a FROM \"/pk/+/user/#\""
    )
    options = ["--device-name", "car7", "--message-id", "5", "--time-ms", "60000", "--tag", "place=yard=2"]
    done = CliRunner().invoke(app, ["rule", "try", sql, post, *options])
    assert json.loads(done.stdout) == {
        "p": "pk",
        "d": "car7",
        "t": "/pk/car7/user/any",
        "m": "5",
        "h": "00:01",
        "a": "yard=2",
    }
    done = CliRunner().invoke(app, ["rule", "try", sql, post, "--topic", "/pk/car8/user/x"])
    assert json.loads(done.stdout)["d"] == "car8"
    status = 'SELECT productKey() AS p, deviceName() AS d FROM "/as/mqtt/status/+/+"'
    done = CliRunner().invoke(app, ["rule", "try", status, post, "--topic", "/as/mqtt/status/pk/car9"])
    assert json.loads(done.stdout) == {"p": "pk", "d": "car9"}


def test_a_payload_that_is_not_json_passes_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(b"\x01\xff")
    done = CliRunner().invoke(app, ["rule", "try", "SELECT * FROM '/pk/+/user/raw'", str(tmp_path / "raw")])
    assert done.stdout_bytes == b"\x01\xff\n"


def test_an_error_has_a_caret_under_its_place(post: str) -> None:
    done = CliRunner().invoke(app, ["rule", "try", "SELECT a,\n  '锦桥' + flor(b) FROM /x", post])
    assert isinstance(done.exception, InputError)
    assert str(done.exception) == (
        "SQL:2:10: found function flor, expected a function (did you mean 'floor'?)\n"
        "    '锦桥' + flor(b) FROM /x\n"
        "             ^"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--topic", "/other/x"], "is not among those of the statement"),
        (["--tag", "place"], "expected KEY=VALUE"),
    ],
)
def test_options_that_do_not_fit_are_refused(post: str, options: list[str], message: str) -> None:
    done = CliRunner().invoke(app, ["rule", "try", FAST, post, *options])
    assert isinstance(done.exception, InputError)
    assert message in str(done.exception)


def test_a_missing_file_is_named() -> None:
    done = CliRunner().invoke(app, ["rule", "try", FAST, "absent.json"])
    assert isinstance(done.exception, InputError)
    assert "absent.json: No such file" in str(done.exception)

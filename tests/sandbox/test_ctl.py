"""`jinqiao ctl`: what each command asks of the control API, what it prints, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from jinqiao.base.errors import EnvironmentFault, ExpectationFailed, InputError
from jinqiao.sandbox.cli import app
from support.control_fake import TOKEN, ControlFake, control_fake

VIN = "LBVYLPASXN1100446"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlFake]:
    with control_fake() as server:
        monkeypatch.setenv("JINQIAO_CONTROL_URL", server.url)
        monkeypatch.setenv("JINQIAO_CONTROL_TOKEN", TOKEN)
        yield server


def ctl(*words: str) -> Result:
    return CliRunner().invoke(app, ["ctl", *words])


#: Words, the request that they become, and its body.
CALLS: list[tuple[list[str], str, Any]] = [
    (["state"], "GET /state", None),
    (["pause"], "POST /pause", {}),
    (["resume"], "POST /resume", {}),
    (["speed", "10"], "POST /speed", {"speed": 10}),
    (["speed", "max"], "POST /speed", {"speed": "max"}),
    (["advance", "10 min"], "POST /advance", {"for": "10 min"}),
    (["stop"], "POST /stop", {}),
    (["vehicles"], "GET /vehicles", None),
    (["vehicles", "--state", "charging", "--limit", "1"], "GET /vehicles?state=charging&limit=1", None),
    (
        ["vehicles", "--fleet", "taxis", "--town", "A", "--after", VIN],
        f"GET /vehicles?fleet=taxis&town=A&after={VIN}",
        None,
    ),
    (["vehicle", VIN], f"GET /vehicles/{VIN}", None),
    (["stations"], "GET /stations", None),
    (["fault"], "GET /faults", None),
    (["fault", "--end", "3"], "DELETE /faults/3", None),
    (
        ["fault", "cell_overheat", "--on", VIN, "cell=17", "rate=1.5 degC/min", "--for", "2 min"],
        "POST /faults",
        {"fault": "cell_overheat", "on": VIN, "cell": 17, "rate": "1.5 degC/min", "for": "2 min"},
    ),
    (["fault", "lost", "--on", "A", "--on", "B"], "POST /faults", {"fault": "lost", "on": ["A", "B"]}),
    (
        ["command", "StartClimate", "Target=22", "--on", "taxis"],
        "POST /commands",
        {"on": "taxis", "service": "StartClimate", "args": {"Target": 22}},
    ),
    (
        ["command", "StopCharging", "--on", "all"],
        "POST /commands",
        {"on": "all", "service": "StopCharging", "args": {}},
    ),
    (
        ["command", "--set", "charging:ChargeLimit=80", "--set", "x=a=b", "--on", "all"],
        "POST /commands",
        {"on": "all", "set": {"charging:ChargeLimit": 80, "x": "a=b"}},
    ),
    (["labels"], "GET /labels?since=0", None),
    (["labels", "--since", "12"], "GET /labels?since=12", None),
    (["detect", VIN, "cell_overheat"], "POST /detections", {"vehicle": VIN, "fault": "cell_overheat"}),
    (["detect", VIN, "x", "--time", "7"], "POST /detections", {"vehicle": VIN, "fault": "x", "time": 7}),
]


@pytest.mark.parametrize(
    ("words", "request_", "body"), CALLS, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_words_become_a_call_and_its_answer_is_printed(
    fake: ControlFake, words: list[str], request_: str, body: Any
) -> None:
    fake.answer(request_, {"of": "金桥"})
    done = ctl(*words)
    assert (done.exit_code, done.exception) == (0, None)
    assert json.loads(done.stdout) == {"of": "金桥"}
    method, path = request_.split(" ")
    assert fake.asked == [(method, f"/control{path}", body)]


def test_which_run_may_be_said_before_the_command_and_behind_it(
    fake: ControlFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.answer("GET /state", {})
    monkeypatch.setenv("JINQIAO_CONTROL_URL", "http://127.0.0.1:1/elsewhere")
    monkeypatch.setenv("JINQIAO_CONTROL_TOKEN", "another")
    reach = ("--url", fake.url, "--token", TOKEN)
    assert ctl("state", *reach).exit_code == 0
    assert ctl(*reach, "state").exit_code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["fault", "cell_overheat"], "--on is missing"),
        (["fault", "cell_overheat", "--on", "all", "cell"], "'cell' is no parameter, expected NAME=VALUE"),
        (["fault", "cell_overheat", "--on", "all", "cell=1", "cell=2"], "cell is given twice"),
        (["fault", "lost", "--end", "3"], "expected the id of one alone"),
        (["command", "--on", "all"], "either a service or --set"),
        (["command", "StopCharging", "--set", "a=1", "--on", "all"], "either a service or --set"),
    ],
)
def test_what_cannot_be_asked_is_not(fake: ControlFake, words: list[str], says: str) -> None:
    done = ctl(*words)
    assert isinstance(done.exception, InputError)
    assert says in str(done.exception)
    assert fake.asked == []


def test_without_a_run_it_says_where_to_find_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JINQIAO_CONTROL_URL", raising=False)
    monkeypatch.delenv("JINQIAO_CONTROL_TOKEN", raising=False)
    error = ctl("state").exception
    assert isinstance(error, InputError)
    assert "--url (or JINQIAO_CONTROL_URL) and --token (or JINQIAO_CONTROL_TOKEN)" in str(error)


def test_a_run_that_is_gone_is_a_fault_of_the_environment(fake: ControlFake) -> None:
    assert isinstance(ctl("state", "--url", "http://127.0.0.1:1/control").exception, EnvironmentFault)


def test_a_refusal_is_wrong_input(fake: ControlFake) -> None:
    fake.answer("POST /advance", {"error": {"pointer": "/for", "found": "x", "expected": "a time"}}, 400)
    done = ctl("advance", "x")
    assert isinstance(done.exception, InputError)
    assert (str(done.exception), done.stdout) == ("/for: found 'x', expected a time", "")


@pytest.mark.parametrize(
    ("verdict", "fails"), [("passed", False), ("pending", False), ("failed", True), ("not exercised", True)]
)
def test_an_expectation_that_does_not_hold_ends_with_1(fake: ControlFake, verdict: str, fails: bool) -> None:
    found = {"expect": "never(x > 1)", "verdict": verdict, "measured": "x was 2", "line": None}
    fake.answer("POST /expectations", found)
    fake.answer("GET /expectations", {"expectations": [found]})
    for words in (["expect", "never(x > 1)"], ["expect"]):
        done = ctl(*words)
        assert verdict in done.stdout
        assert isinstance(done.exception, ExpectationFailed) == fails
        if fails:
            assert str(done.exception) == f"{verdict}: never(x > 1): x was 2"
    assert fake.asked[0] == ("POST", "/control/expectations", {"expect": "never(x > 1)"})


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1.5 degC", "'", "", "[1", "nul"])
def test_what_is_no_json_is_text(fake: ControlFake, value: str) -> None:
    fake.answer("POST /faults", {})
    ctl("fault", "x", "--on", "all", f"value={value}")
    assert fake.asked[0][2]["value"] == value

"""Options of a run that is controlled, and where it says that it is."""

from __future__ import annotations

from typing import Any

import pytest

from jinqiao.base.errors import InputError
from jinqiao.sandbox.run.asked import control_options
from jinqiao.sandbox.run.control_port import control_url
from jinqiao.sandbox.run.options import RunOptions

REACHABLE = {"paused": False, "linger": False, "reachable": True}
NOWHERE = {**REACHABLE, "reachable": False}


def test_a_token_is_drawn_unless_it_is_given() -> None:
    assert "control_token" not in control_options(None, **REACHABLE)
    assert control_options("s3cret", **REACHABLE)["control_token"] == "s3cret"
    assert RunOptions(scenario=None).control_token != RunOptions(scenario=None).control_token  # type: ignore[arg-type]


@pytest.mark.parametrize("token", ["", "two words", "ü", "x" * 201, "a\n"])
def test_a_token_that_no_header_can_carry_is_refused(token: str) -> None:
    with pytest.raises(InputError, match="--control-token"):
        control_options(token, **REACHABLE)


@pytest.mark.parametrize("option", ["paused", "linger"])
def test_a_run_that_waits_for_somebody_who_cannot_reach_it_is_refused(option: str) -> None:
    with pytest.raises(InputError, match=f"--{option}: expected --http-port"):
        control_options(None, **{**NOWHERE, option: True})
    control_options("s3cret", **NOWHERE)  # of the environment, perhaps


@pytest.mark.parametrize(
    ("mqtt", "http", "expected"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:5/control"),
        ("0.0.0.0", None, "http://127.0.0.1:5/control"),
        ("127.0.0.1", "::", "http://[::1]:5/control"),
        ("127.0.0.1", "10.0.0.1", "http://10.0.0.1:5/control"),
    ],
)
def test_the_address_is_one_that_a_client_can_connect_to(mqtt: str, http: str | None, expected: str) -> None:
    class Port:
        port = 5

    options, port = RunOptions(scenario=None, mqtt_host=mqtt, http_host=http), Port()  # type: ignore[arg-type]
    listening: Any = port
    assert control_url(options, None, listening) == expected
    assert control_url(options, None, None) is None

"""Malformed payloads in a whole run: the same bytes each time, and read by the platform as a stranger's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jinqiao.sandbox.product import PRODUCT_KEY
from support.back_end import back_end
from support.openapi import Caller
from support.programs import Program

SCENARIO = """\
name: malformed
start: 2026-11-23T03:00+08:00
duration: 30 s
seed: 7
place: jinqiao
weather: {{ambient: 10 degC}}
fleets:
  - {{name: cars, count: 4, models: {{bmw-i4-edrive40-2022: 1}}, agenda: {{cycle: US06}}, initial_soc: 0.8,
     telemetry: {{driving: 1 s, charging: 10 s, parked: 1 min}}{connection}}}
  - {{name: samples, count: 2, models: {{bmw-i4-edrive40-2022: 1}}, agenda: {{cycle: US06}}, initial_soc: 0.8,
     telemetry: {{driving: 1 s, charging: 10 s, parked: 1 min, format: protobuf}}}}
charging_stations: []
faults:
  - {{at: 10 s, on: all cars, fault: malformed_payload, kind: {kind}, for: 10 s}}
  - {{at: 15 s, on: 1 of samples, fault: malformed_payload, kind: not_utf8, share: 50 %}}
"""


def scenario(folder: Path, kind: str, *, own: bool = False) -> str:
    path = folder / f"{kind}-{own}.yaml"
    path.write_text(SCENARIO.format(kind=kind, connection=", connection: per_vehicle" if own else ""))
    return str(path)


@pytest.mark.long
def test_the_same_seed_spoils_the_same_messages_at_any_speed_and_over_any_connection(
    tmp_path: Path, start: Callable[..., Program]
) -> None:
    found: list[dict[str, Any]] = []
    for own, speed in ((False, "max"), (False, "30"), (True, "max")):
        program = start("run", scenario(tmp_path, "truncated", own=own), "--mqtt-port", "0", "--speed", speed, "-q")
        ready = program.ready
        if speed == "30":
            with back_end(ready["mqtt_port"], ready["app_user"], ready["app_password"], PRODUCT_KEY) as app:
                app.follow(f"/sys/{PRODUCT_KEY}/+/thing/event/property/post")
                code, lines, errors = program.finish()
        else:
            code, lines, errors = program.finish()
        assert code == 0, errors
        found.append(lines[-1]["summary"])
    assert len({summary["sha256"] for summary in found}) == 1
    assert {summary["published"]["malformed"] for summary in found} == {found[0]["published"]["malformed"]}
    assert found[0]["published"]["malformed"] > 40  # ten seconds of four cars, and more


@pytest.mark.long
@pytest.mark.parametrize("own", [False, True])
def test_a_client_hears_what_is_malformed_and_the_platform_takes_what_is_good_of_it(
    tmp_path: Path, start: Callable[..., Program], own: bool
) -> None:
    program = start("run", scenario(tmp_path, "wrong_type", own=own), "--mqtt-port", "0", "--speed", "1", "-q")
    ready = program.ready
    user, password = ready["app_user"], ready["app_password"]
    with back_end(ready["mqtt_port"], user, password, PRODUCT_KEY) as app:
        app.follow(f"/sys/{PRODUCT_KEY}/+/thing/event/property/post")
        heard = app.wait(lambda _, content: type(content) is dict and _spoilt(content), 60)
        name = _spoilt(heard)
        call = Caller(ready["http_port"], key=(user, password))
        listed = call("QueryDevice", ProductKey=PRODUCT_KEY, PageSize=50, CurrentPage=1)["Data"]["DeviceInfo"]
        for device in listed:
            values = call("QueryDevicePropertyStatus", ProductKey=PRODUCT_KEY, DeviceName=device["DeviceName"])
            known = {one["Identifier"]: one.get("Value") for one in values["Data"]["List"]["PropertyStatusInfo"]}
            assert known.get(name) != "n/a"
    program.interrupt()
    code, lines, _ = program.finish()
    assert code == 130
    assert lines[-1]["summary"]["published"]["malformed"]


def _spoilt(post: dict[str, Any]) -> str:
    """The property of a post whose value is a text that is no value; empty for none."""
    return next((name for name, entry in post.get("params", {}).items() if entry.get("value") == "n/a"), "")

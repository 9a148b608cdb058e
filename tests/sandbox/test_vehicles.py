"""`jinqiao vehicles`: of a scenario as it starts, and of a running sandbox by cloud calls."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.sandbox import cloud_calls
from jinqiao.sandbox.cli import app
from jinqiao.sandbox.cloud_calls import CloudCalls
from jinqiao.sandbox.product import PRODUCT_KEY
from support.programs import Program


def jinqiao(*arguments: str | Path) -> str:
    return CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False).stdout


def test_vehicles_of_a_scenario_are_those_that_a_run_with_the_same_seed_drives(
    start: Callable[..., Program], tmp_path: Path
) -> None:
    rows = json.loads(jinqiao("vehicles", "two-cars", "--seed", "5", "--json"))
    assert [(row["model"], row["fleet"], row["state"], row["soc_percent"]) for row in rows] == [
        ("bmw-i4-edrive40-2022", "dynamometer", "driving", 80.0),
        ("bmw-i3-edrive35l-2022", "commuters", "parked", 60.0),
    ]
    drive = tmp_path / "drive.mcap"
    options = ("--speed", "max", "--for", "120s", "--mqtt-port", "0", "-q", "--record", str(drive))
    assert start("run", "two-cars", "--seed", "5", *options).finish()[0] == 0
    jinqiao("convert", drive, tmp_path / "drive.csv")
    text = "".join(table.read_text() for table in tmp_path.glob("drive*.csv"))
    assert {row["vin"] for row in rows} == set(re.findall('"([A-Z0-9]{17})"', text))


def test_the_list_is_as_long_as_was_asked_and_says_how_many_there_are() -> None:
    shown = jinqiao("vehicles", "jinqiao-morning", "--vehicles", "30", "--most", "7")
    assert len([line for line in shown.splitlines() if "bmw-" in line]) == 7
    assert "7 of 30" in shown


def test_the_list_says_the_town_where_there_are_several() -> None:
    rows = json.loads(jinqiao("vehicles", "two-cars", "--towns", "3", "--json"))
    towns = ["Jinqiao", "Beijing", "Guangzhou"]
    assert [(row["town"], row["fleet"]) for row in rows] == [
        (town, fleet) for town in towns for fleet in ("dynamometer", "commuters")
    ]
    assert len({row["vin"] for row in rows}) == 6
    shown = jinqiao("vehicles", "two-cars", "--towns", "3").splitlines()
    assert "town" in shown[0]
    assert "Guangzhou" in "".join(shown)
    assert "town" not in jinqiao("vehicles", "two-cars").splitlines()[0]


def test_more_towns_than_vehicles_are_refused() -> None:
    with pytest.raises(InputError, match="found 2 vehicles in 3 towns, expected at least one in each"):
        jinqiao("vehicles", "jinqiao-morning", "--towns", "3", "--vehicles", "2")


class FakeCloud:
    """123 cars, of which the second has said nothing yet."""

    def __init__(self, host: str, port: int, key: tuple[str, str]) -> None:
        assert (host, port, key) == ("127.0.0.1", 8081, ("app", "pw"))

    def __call__(self, action: str, **parameters: str) -> dict[str, Any]:
        assert parameters["ProductKey"] == PRODUCT_KEY
        if action == "QueryDevice":
            page, size = int(parameters["CurrentPage"]), int(parameters["PageSize"])
            names = [f"VIN{number:03}" for number in range(123)][(page - 1) * size : page * size]
            return {"Data": {"DeviceInfo": [{"DeviceName": name, "Nickname": "a nickname"} for name in names]},
                    "Total": 123}  # fmt: skip
        silent = parameters["DeviceName"] == "VIN001"
        if action == "QueryDeviceProp":
            town = ', "town": "Beijing"' if parameters["DeviceName"] == "VIN002" else ""
            return {"Props": "" if silent else f'{{"model": "bmw-ix3-2021", "fleet": "taxis"{town}}}'}
        state = {"Identifier": "VehicleState", **({} if silent else {"Value": "2"})}
        soc = {"Identifier": "StateOfCharge", **({} if silent else {"Value": "55.5"})}
        return {"Data": {"List": {"PropertyStatusInfo": [state, soc]}}}


def test_vehicles_of_a_running_sandbox_are_asked_for_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud_calls, "CloudCalls", FakeCloud)
    rows = json.loads(jinqiao("vehicles", "--password", "pw", "--http-port", "8081", "--json"))
    assert [row["vin"] for row in rows] == [f"VIN{number:03}" for number in range(123)]
    assert rows[0] == {
        "vin": "VIN000",
        "model": "bmw-ix3-2021",
        "fleet": "taxis",
        "state": "charging",
        "soc_percent": 55.5,
    }
    assert rows[2]["town"] == "Beijing"
    assert rows[1] == {"vin": "VIN001", "model": "a nickname", "fleet": "", "state": "", "soc_percent": None}
    assert "51 of 123" in jinqiao("vehicles", "--password", "pw", "--http-port", "8081", "--most", "51")


def test_without_a_scenario_the_password_of_a_sandbox_is_asked_for() -> None:
    with pytest.raises(InputError, match="--password"):
        jinqiao("vehicles")


def test_a_sandbox_that_is_not_there_and_one_that_refuses_are_named(start: Callable[..., Program]) -> None:
    ready = start("run", "two-cars", "--app-password", "pw", "--mqtt-port", "0", "-q").ready
    port = ready["http_port"]
    assert CloudCalls("127.0.0.1", port, ("app", "pw"))("GetThingModelTsl", ProductKey=PRODUCT_KEY)["Success"]
    with pytest.raises(EnvironmentFault, match=r"GetThingModelTsl at .*: SignatureDoesNotMatch"):
        CloudCalls("127.0.0.1", port, ("app", "wrong"))("GetThingModelTsl", ProductKey=PRODUCT_KEY)
    with pytest.raises(EnvironmentFault, match=r"GetDeviceStatus at .*: iot\.\S*: "):
        CloudCalls("127.0.0.1", port, ("app", "pw"))("GetDeviceStatus", ProductKey=PRODUCT_KEY, DeviceName="none")
    with pytest.raises(EnvironmentFault, match="refused"):
        CloudCalls("127.0.0.1", 9, ("app", "pw"))("GetThingModelTsl")

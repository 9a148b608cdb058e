"""Lists of products and devices by cloud calls, and what a simulated car says of itself there."""

from __future__ import annotations

import json

import numpy as np
import pytest

from jinqiao.gateway.platform.registry.about import About, CarColumns
from support.cloud_world import PK, CloudWorld
from support.fleet_world import FLEET, NAMES, NOW_MS, Fleet


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet()
    fleet.simulator_comes()
    return fleet


def test_devices_are_listed_page_by_page_each_once(fleet: Fleet) -> None:
    listed: list[str] = []
    for page in (1, 2, 3):
        answer = fleet.call("QueryDevice", ProductKey=FLEET, CurrentPage=page, PageSize=30)
        assert (answer["Total"], answer["PageCount"], answer["Page"], answer["PageSize"]) == (70, 3, page, 30)
        listed += [device["DeviceName"] for device in answer["Data"]["DeviceInfo"]]
    assert sorted(listed) == sorted(name.decode() for name in NAMES)
    assert fleet.call("QueryDevice", ProductKey=FLEET, CurrentPage=4, PageSize=30)["Data"]["DeviceInfo"] == []
    assert len(fleet.call("QueryDevice", ProductKey=FLEET)["Data"]["DeviceInfo"]) == 10


@pytest.mark.parametrize("wrong", [{"PageSize": 51}, {"PageSize": 0}, {"CurrentPage": 0}])
def test_a_page_that_cannot_be_is_refused(fleet: Fleet, wrong: dict[str, int]) -> None:
    assert fleet.call("QueryDevice", ProductKey=FLEET, **wrong)["Code"] == "iot.common.InvalidPageParams"


def test_products_are_those_that_the_caller_sees(fleet: Fleet) -> None:
    data = fleet.call("QueryProductList", CurrentPage=1, PageSize=10)["Data"]
    assert data["Total"] == 1
    (product,) = data["List"]["ProductInfo"]
    assert (product["ProductKey"], product["DeviceCount"], product["NodeType"]) == (FLEET, 70, 0)
    assert fleet.call("QueryDevice", ProductKey="a1others000")["Code"] == "iot.prod.NotExistedProduct"


@pytest.mark.parametrize(
    ("row", "nickname", "tags"),
    [
        (0, "BMW iX3 2021, taxis 001", {"model": "bmw-ix3-2021", "battery_kwh": "74", "fleet": "taxis"}),
        (59, "BYD Han 2022, taxis 060", {"model": "byd", "fleet": "taxis"}),
        (61, "BYD Han 2022, commuters 002", {"model": "byd", "fleet": "commuters"}),
    ],
)
def test_a_simulated_car_says_its_model_and_fleet(fleet: Fleet, row: int, nickname: str, tags: dict[str, str]) -> None:
    who = {"ProductKey": FLEET, "DeviceName": NAMES[row].decode()}
    assert fleet.call("QueryDeviceDetail", **who)["Data"]["Nickname"] == nickname
    assert json.loads(fleet.call("QueryDeviceProp", **who)["Props"]) == tags


def test_where_towns_run_a_simulated_car_says_which_one_is_its_own() -> None:
    parts = [("taxis", 2), ("vans", 1), ("taxis", 1), ("vans", 1)]
    cars = CarColumns.of(parts, [{"name": "X"}], np.zeros(5, np.int16), [("Jinqiao", 3), ("Beijing", 2)])
    assert cars.about(1, 0) == About("X, taxis 002, Jinqiao", {"fleet": "taxis", "town": "Jinqiao"})
    assert cars.about(3, 0) == About("X, taxis 001, Beijing", {"fleet": "taxis", "town": "Beijing"})
    assert cars.about(4, 0) == About("X, vans 001, Beijing", {"fleet": "vans", "town": "Beijing"})


def test_a_simulated_car_is_online_since_its_simulator_is(fleet: Fleet) -> None:
    who = {"ProductKey": FLEET, "DeviceName": NAMES[5].decode()}
    detail = fleet.call("QueryDeviceDetail", **who)["Data"]
    assert detail["Status"] == "ONLINE"
    assert detail["IpAddress"] == "127.0.0.1"
    times = {detail[name] for name in ("UtcCreate", "UtcActive", "UtcOnline")}
    assert times == {"2026-11-22T07:45:08.000Z"}
    assert {detail[name] for name in ("GmtCreate", "GmtActive", "GmtOnline")} == {"2026-11-22 15:45:08"}
    assert fleet.call("GetDeviceStatus", **who)["Data"] == {"Status": "ONLINE", "Timestamp": NOW_MS}
    (listed,) = fleet.call("BatchQueryDeviceDetail", ProductKey=FLEET, **{"DeviceName.1": who["DeviceName"]})["Data"][
        "Data"
    ]
    assert listed == {name: detail[name] for name in listed}


def test_ones_own_devices_are_listed_with_what_is_noted() -> None:
    world = CloudWorld()
    world.call("RegisterDevice", ProductKey=PK, DeviceName="new", Nickname="金")
    listed = world.call("QueryDevice", ProductKey=PK, PageSize=50)["Data"]["DeviceInfo"]
    (new,) = [device for device in listed if device["DeviceName"] == "new"]
    assert (new["Nickname"], new["DeviceStatus"]) == ("金", "UNACTIVE")
    assert new["UtcCreate"]

"""Tags by cloud calls, and devices that are found by them: listed ones, and fleets that keep theirs in columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.openapi.cloud import Cloud
from jinqiao.gateway.openapi.http import Request, Response
from jinqiao.gateway.platform.devices.tag_index import TagIndex
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.about import CarColumns
from jinqiao.gateway.platform.registry.accounts import AccessKey
from jinqiao.gateway.platform.registry.fleet_devices import FleetDevices, simulated_product
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.gateway.storage.keeper import attach
from jinqiao.gateway.storage.sqlite import Storage
from support.carrier import NotingCarrier
from support.cloud_world import DN, PK, CloudWorld
from support.openapi import ACCESS_KEY, signed_query

OTHER = "tbox002"


@pytest.fixture
def world() -> CloudWorld:
    return CloudWorld()


def found(world: CloudWorld, **tags: str) -> list[str]:
    return [row["DeviceName"] for row in searched(world, **tags)["Data"]["SimpleDeviceInfo"]]


def searched(world: CloudWorld, **tags: str) -> dict[str, Any]:
    wanted = {}
    for n, (key, value) in enumerate(tags.items(), 1):
        wanted |= {f"Tag.{n}.TagKey": key, f"Tag.{n}.TagValue": value}
    return world.read(world.dispatch("QueryDeviceByTags", **wanted))


def test_tags_are_saved_overwritten_deleted_and_found(world: CloudWorld) -> None:
    assert world.call("SaveDeviceProp", Props='{"colour":"red","doors":4}')["Success"] is True
    assert world.call("SaveDeviceProp", Props='{"colour":"blue"}')["Success"] is True
    assert json.loads(world.call("QueryDeviceProp")["Props"]) == {"colour": "blue", "doors": "4"}
    assert found(world, colour="blue") == [DN]
    assert found(world, colour="red") == []
    world.call("SaveDeviceProp", ProductKey=PK, DeviceName=OTHER, Props='{"colour":"blue"}')
    assert found(world, colour="blue") == [DN, OTHER]
    assert found(world, colour="blue", doors="4") == [DN]
    assert world.call("DeleteDeviceProp", PropKey="colour")["Success"] is True
    assert world.call("DeleteDeviceProp", PropKey="colour")["Success"] is True
    assert found(world, colour="blue") == [OTHER]
    assert [row.kind for row in world.kept] == ["tags"] * 4


def test_what_a_device_tags_itself_is_found_too(world: CloudWorld) -> None:
    device = world.connect()
    update = {"id": "1", "params": [{"attrKey": "vin", "attrValue": "LSV1"}]}
    world.say(device, f"/sys/{PK}/{DN}/thing/deviceinfo/update", json.dumps(update).encode())
    assert found(world, vin="LSV1") == [DN]
    world.call("DeleteDevice")
    assert found(world, vin="LSV1") == []


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ("", "iot.device.NullDevicePropertiesString"),
        ("{", "iot.device.InvalidFormattedDevicePropertiesString"),
        ("[]", "iot.device.InvalidFormattedDevicePropertiesString"),
        ("{}", "iot.device.NoneDeviceProperties"),
        ('{"a b":"1"}', "iot.device.InvalidFormattedDevicePropertyKey"),
        ('{"a":""}', "iot.device.InvalidFormattedDevicePropertyKey"),
        (json.dumps({"a": "x" * 5_120}), "iot.device.LongDevicePropertiesString"),
        (json.dumps({f"k{n}": "" for n in range(101)}), "iot.device.TooManyDevicePropertiesPerTime"),
    ],
)
def test_tags_that_cannot_be_are_refused_all_together(world: CloudWorld, props: str, expected: str) -> None:
    assert world.call("SaveDeviceProp", Props=props)["Code"] == expected
    assert world.state().tags == {}


def test_a_device_has_a_hundred_tags_at_most(world: CloudWorld) -> None:
    for first in (0, 50):
        world.call("SaveDeviceProp", Props=json.dumps({f"k{n}": "v" for n in range(first, first + 50)}))
    assert world.call("SaveDeviceProp", Props='{"one":"more"}')["Code"] == "iot.device.TooManyDevicePropertiesPerTime"
    assert world.call("SaveDeviceProp", Props='{"k1":"w"}')["Success"] is True


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, "MissingParameter"),
        ({"Tag.1.TagKey": "a"}, "MissingParameter"),
        ({f"Tag.{n}.{part}": str(n) for n in range(11) for part in ("TagKey", "TagValue")}, "InvalidParameter"),
        ({f"Tag.{n}.{part}": "a" for n in range(2) for part in ("TagKey", "TagValue")}, "InvalidParameter"),
        ({"Tag.1.TagKey": "a", "Tag.1.TagValue": "b", "PageSize": 51}, "iot.common.InvalidPageParams"),
    ],
)
def test_searches_that_cannot_be_are_refused(world: CloudWorld, wanted: dict[str, Any], expected: str) -> None:
    assert world.read(world.dispatch("QueryDeviceByTags", **wanted))["Code"] == expected


def test_tags_that_were_kept_are_found_again(tmp_path: Path) -> None:
    for round_ in range(2):
        world, storage = CloudWorld(), Storage(tmp_path)
        attach(world.platform, storage)
        if not round_:
            world.call("SaveDeviceProp", Props='{"colour":"red"}')
        assert found(world, colour="red") == [DN]
        storage.close()


Index = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), max_size=3)


@given(st.lists(st.tuples(st.sampled_from(["p/1", "p/2", "q/1"]), Index | st.none()), max_size=12), Index)
def test_the_index_finds_what_a_search_of_all_finds(
    changes: list[tuple[str, dict[str, str] | None]], wanted: Any
) -> None:
    index, tags = TagIndex(), {}
    for identity, value in changes:
        index.put(identity, value)
        tags[identity] = value or {}
    for product in "pq" if wanted else "":
        there = {i.partition("/")[2] for i, t in tags.items() if i[0] == product and wanted.items() <= t.items()}
        assert set(index.find(product, wanted)) == there
        assert set(index.of_product(product)) == {i[2:] for i, t in tags.items() if i[0] == product and t}


# Fleets.

FLEET = "a1JinqiaoEV"
NAMES = np.array([b"LBV%014d" % (99 - number) for number in range(70)], "S17")
CARS = CarColumns.of(
    [("taxis", 60), ("commuters", 10)],
    [{"name": "BMW iX3 2021", "model": "ix3", "battery_kwh": "74"}, {"name": "BYD Han 2022", "model": "han"}],
    np.arange(70) % 2,
)


class Fleet:
    """A simulated fleet beside listed devices; who calls sees the fleet alone."""

    def __init__(self) -> None:
        product = simulated_product(FLEET, NAMES, fleet_secret="s", cars=CARS)
        key = AccessKey(*ACCESS_KEY, frozenset({FLEET}))
        others = simulated_product("a1others000", NAMES[:1], fleet_secret="s", cars=CARS)
        self.platform = Platform(Registry([product, others], access_keys=[key]))
        self.platform.carried_by(NotingCarrier())
        self.cloud = Cloud(self.platform)

    def dispatch(self, action: str, **arguments: Any) -> Any:
        return self.cloud.dispatch(Request("POST", "/", signed_query(action, arguments)))

    def read(self, response: Any) -> dict[str, Any]:
        assert isinstance(response, Response)
        body: dict[str, Any] = json.loads(response.body)
        return body

    def call(self, action: str, row: int, **arguments: Any) -> dict[str, Any]:
        return self.read(self.dispatch(action, ProductKey=FLEET, DeviceName=NAMES[row].decode(), **arguments))


def names(rows: Any) -> list[str]:
    return sorted(NAMES[row].decode() for row in rows)


def all_found(fleet: Fleet, /, **tags: str) -> list[str]:
    rows: list[str] = []
    wanted = {f"Tag.{n}.{m}": v for n, (k, t) in enumerate(tags.items()) for m, v in (("TagKey", k), ("TagValue", t))}
    for page in range(1, 9):
        answer = fleet.read(fleet.dispatch("QueryDeviceByTags", **wanted, CurrentPage=page, PageSize=20))
        rows += [row["DeviceName"] for row in answer["Data"]["SimpleDeviceInfo"]]
        assert {row["ProductKey"] for row in answer["Data"]["SimpleDeviceInfo"]} <= {FLEET}
    assert answer["Total"] == len(rows)
    return rows


def test_cars_are_found_by_what_they_left_the_factory_with() -> None:
    fleet = Fleet()
    assert all_found(fleet, fleet="commuters") == names(range(60, 70))
    assert all_found(fleet, model="ix3", fleet="taxis") == names(range(0, 60, 2))
    assert all_found(fleet, battery_kwh="74") == names(range(0, 70, 2))
    assert all_found(fleet, name="BMW iX3 2021") == []
    assert all_found(fleet, town="Beijing") == []


def test_tags_that_were_set_since_count_instead_of_the_factorys() -> None:
    fleet = Fleet()
    fleet.call("SaveDeviceProp", 3, Props='{"fleet":"mine","colour":"red"}')
    assert all_found(fleet, fleet="mine") == names([3])
    assert all_found(fleet, fleet="taxis", model="han") == names(r for r in range(1, 60, 2) if r != 3)
    assert all_found(fleet, model="han", colour="red") == names([3])
    fleet.call("DeleteDeviceProp", 5, PropKey="model")
    assert all_found(fleet, model="han") == names(r for r in range(1, 70, 2) if r != 5)
    assert "model" not in json.loads(fleet.call("QueryDeviceProp", 5)["Props"])
    fleet.call("SaveDeviceProp", 5, Props='{"model":"ix3"}')
    assert all_found(fleet, model="ix3", fleet="taxis") == names([*range(0, 60, 2), 5])


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 4)), max_size=3),
    st.lists(st.tuples(st.sampled_from(["t", "u"]), st.integers(1, 4)), max_size=3),
    st.dictionaries(st.sampled_from(["fleet", "town", "model", "x"]), st.sampled_from("abtuxy"), min_size=1),
    st.dictionaries(st.integers(0, 7), st.dictionaries(st.sampled_from(["fleet", "model"]), st.sampled_from("abx"))),
)
def test_on_columns_the_same_cars_are_found_as_one_by_one(
    fleets: Any, towns: Any, wanted: dict[str, str], own: dict[int, dict[str, str]]
) -> None:
    models = [{"name": "one", "model": "x"}, {"name": "two", "model": "y", "x": "x"}]
    vins = np.array([b"%03d" % (7 * n % 8) for n in range(8)], "S3")
    cars = CarColumns.of(fleets, models, np.arange(8) // 3 % 2, towns)
    devices = FleetDevices(vins, fleet_secret="s", cars=cars)
    tags = {vins[row].decode(): value for row, value in own.items()}
    there = [
        name for name in sorted(devices) if wanted.items() <= {**devices.about(name).tags, **tags.get(name, {})}.items()
    ]
    assert [name.decode() for name in devices.tagged(wanted, tags).tolist()] == there

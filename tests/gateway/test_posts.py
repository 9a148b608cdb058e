"""Posts of many values: history, batch and pack."""

from __future__ import annotations

from typing import Any

import pytest

from jinqiao.gateway.platform.devices.state import Timed
from support.alink_house import DN, NOW_MS, PK, SUB_DN, SUB_PK, S, World

OWN = {"productKey": PK, "deviceName": DN}
SUB = {"productKey": SUB_PK, "deviceName": SUB_DN}
LATE = NOW_MS + 25 * 3_600_000


@pytest.fixture
def world() -> World:
    return World()


def gateway(world: World) -> Any:
    world.platform.parts.topology.put(f"{PK}/{DN}", world.device(SUB_PK, SUB_DN))
    return world.connect()


def last(world: World, product_key: str = PK, device_name: str = DN) -> dict[str, Timed]:
    return world.state(product_key, device_name).properties.last


def test_a_single_post_is_remembered_value_by_value(world: World) -> None:
    device = world.connect()
    params = {"speed": 42.5, "soc": {"value": 80, "time": 1_795_333_508_413}, "nonsense": 1, "Counter": "x"}
    world.request(device, "thing/event/property/post", params)
    assert last(world) == {"speed": Timed(42.5, NOW_MS), "soc": Timed(80, 1_795_333_508_413)}
    # What is older comes too late.
    world.request(device, "thing/event/property/post", {"soc": {"value": 1, "time": 5}})
    assert last(world)["soc"].value == 80
    assert world.kinds_kept() == []


def test_a_batch_as_the_c_sdk_sends_it(world: World) -> None:
    message = (
        '{"id":"3","version":"1.0","params":{"properties":{"speed":[{"value":1.5,"time":1524448722000}]},'
        '"events":{"collision":[{"value":{"level":1},"time":1524448722000}]}},"sys":{"ack":1}}'
    )
    body = world.ask(world.connect(), f"{S}/thing/event/property/batch/post", message)
    assert (body["code"], body["data"], body["method"]) == (200, {}, "thing.event.property.batch.post")
    assert last(world) == {"speed": Timed(1.5, 1_524_448_722_000)}


@pytest.mark.parametrize(
    ("params", "code", "data"),
    [
        ([], 460, {}),
        ({"properties": []}, 460, {}),
        ({"properties": {"speed": 1}}, 6301, {}),
        ({"properties": {f"p{n}": [] for n in range(201)}}, 6106, {}),
        ({"properties": {"speed": [{"value": 1}] * 201}}, 6106, {}),
        ({"events": {"nothing": [{"value": {}}]}}, 5160, {}),
        ({"events": {"collision": [5]}}, 200, {"collision": "request parameter error"}),
        ({"properties": {"nothing": [{"value": 1}]}}, 200, {"nothing": "tsl parse: params not exist"}),
        (
            {"properties": {"speed": [{"value": 1, "time": LATE}]}},
            200,
            {"speed": "tsl parse: time must be milliseconds, at most 24 hours ahead"},
        ),
        ({}, 200, {}),
    ],
)
def test_batches_that_do_not_fit(world: World, params: Any, code: int, data: Any) -> None:
    body = world.request(world.connect(), "thing/event/property/batch/post", params)
    assert (body["code"], body["data"]) == (code, data)
    assert last(world) == {}


def test_history_of_a_gateway_and_its_sub_device(world: World) -> None:
    params = [
        {
            "identity": OWN,
            "properties": [{"speed": {"value": 1.5, "time": 1}}, {"speed": {"value": 2.5, "time": 2}}],
            "events": [{"collision": {"value": {"level": 1}, "time": 1}}],
        },
        {
            "identity": SUB,
            "properties": [{"Temperature": {"value": 20.5, "time": 3}, "speed": {"value": 1, "time": 3}}],
        },
    ]
    body = world.request(gateway(world), "thing/event/property/history/post", params)
    assert (body["code"], body["data"]) == (200, {"speed": "tsl parse: params not exist"})
    assert last(world) == {"speed": Timed(2.5, 2)}
    assert last(world, SUB_PK, SUB_DN) == {"Temperature": Timed(20.5, 3)}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, 6301),
        ([], 460),
        ([5], 460),
        ([{"properties": []}], 460),
        ([{"identity": {"productKey": PK, "deviceName": "nobody"}}], 6100),
        ([{"identity": {"productKey": PK, "deviceName": "gw2"}, "properties": [{"speed": {"value": 1}}]}], 6401),
        ([{"identity": OWN, "properties": {}}], 6301),
        ([{"identity": OWN, "properties": [1]}], 460),
        ([{"identity": OWN, "properties": [{f"p{n}": 1 for n in range(201)}]}], 6106),
        ([{"identity": OWN, "properties": [{"speed": 1.5}] * 201}], 460),
        ([{"identity": OWN, "properties": [{"speed": 1.5}], "events": [{"nothing": {"value": {}}}]}], 5160),
    ],
)
def test_histories_that_are_refused(world: World, params: Any, code: int) -> None:
    assert world.request(world.connect(), "thing/event/property/history/post", params)["code"] == code
    assert last(world) == {}


def test_a_pack_of_a_gateway(world: World) -> None:
    params = {
        "properties": {"speed": {"value": 3.5, "time": 7}},
        "events": {"collision": {"value": {"level": 1}, "time": 7}},
        "subDevices": [
            {
                "identity": SUB,
                "properties": {"Temperature": {"value": 5.5, "time": 7}},
                "events": {"Low": {"value": {"Millivolts": 3_000}, "time": 7}},
            }
        ],
    }
    body = world.request(gateway(world), "thing/event/property/pack/post", params)
    assert (body["code"], body["data"], body["method"]) == (200, {}, "thing.event.property.pack.post")
    assert last(world) == {"speed": Timed(3.5, 7)}
    assert last(world, SUB_PK, SUB_DN) == {"Temperature": Timed(5.5, 7)}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"properties": []}, 460),
        ({"properties": {"nothing": {"value": 1}}}, 6320),
        ({"properties": {"soc": {"value": "many"}}}, 6306),
        ({"properties": {f"p{n}": 1 for n in range(201)}}, 6106),
        ({"events": {f"e{n}": 1 for n in range(21)}}, 6356),
        ({"events": {"nothing": {"value": {}}}}, 5160),
        ({"events": {"collision": {"value": {"level": "x"}}}}, 6306),
        ({"events": {"collision": {"value": {"level": 1}, "time": LATE}}}, 6326),
        ({"subDevices": [{"identity": SUB}] * 21}, 6357),
        ({"subDevices": [{"identity": {"productKey": SUB_PK, "deviceName": "other"}}]}, 6401),
        ({"subDevices": [{"identity": {"productKey": SUB_PK, "deviceName": "nobody"}}]}, 6100),
        ({"subDevices": [{"identity": SUB, "properties": {"Temperature": {"value": "warm"}}}]}, 6322),
        ({"subDevices": {}}, 6301),
    ],
)
def test_one_failure_fails_the_whole_pack(world: World, change: Any, code: int) -> None:
    params = {"properties": {"speed": {"value": 3.5}}, **change}
    assert world.request(gateway(world), "thing/event/property/pack/post", params)["code"] == code
    assert last(world) == last(world, SUB_PK, SUB_DN) == {}

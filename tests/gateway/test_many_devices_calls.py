"""Cloud calls on many devices: registered in batches, listed by status, counted, given nicknames, reset."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.openapi.arguments import Arguments
from jinqiao.gateway.openapi.parameters import read_row
from jinqiao.gateway.platform.products.batches import MOST_BATCHES
from jinqiao.gateway.platform.registry.accounts import AccessKey
from jinqiao.gateway.platform.registry.record import iot_id
from support.cloud_world import DN, PK, CloudWorld
from support.fleet_world import FLEET, NAMES, Fleet
from support.products import NEW, Kept, ask, made


@pytest.fixture
def world() -> CloudWorld:
    return CloudWorld()


def listed(name: str, values: list[str], member: str = "") -> dict[str, str]:
    return {f"{name}.{n}{member}": value for n, value in enumerate(values, 1)}


# Lists of objects.


@given(st.lists(st.dictionaries(st.sampled_from(["A", "B"]), st.text(min_size=1)), max_size=12), st.integers(0, 99))
def test_a_list_of_objects_is_read_in_its_order(objects: list[dict[str, str]], seed: int) -> None:
    pairs = [(f"Row.{n}.{key}", value) for n, one in enumerate(objects, 1) for key, value in one.items()]
    pairs = pairs[seed % (len(pairs) + 1) :] + pairs[: seed % (len(pairs) + 1)]
    noise = {"Row.x.A": "1", "Row.1": "1", "Row.1.C": "1", "Rows.1.A": "1", "Row.1.A.B": "1"}
    args = Arguments(read_row("Row.N{A,B}"), {**noise, **dict(pairs)}, None, None, int)  # type: ignore[arg-type]
    assert args.structures("Row", "A", "B") == [one for one in objects if one]


# Batches.


def test_names_are_checked_then_registered(world: CloudWorld) -> None:
    names = ["c1", "c2", "c3"]
    key = made(world)
    batch = ask(world, "BatchCheckDeviceNames", ProductKey=key, **listed("DeviceName", names))["Data"]["ApplyId"]
    who = {"ProductKey": key, "ApplyId": batch}
    assert ask(world, "QueryBatchRegisterDeviceStatus", **who)["Data"]["Status"] == "CHECK_SUCCESS"
    assert ask(world, "QueryPageByApplyId", ApplyId=batch)["Total"] == 0
    assert ask(world, "RegisterDevice", ProductKey=key, DeviceName="c2")["Success"]  # quicker than the batch
    assert ask(world, "BatchRegisterDeviceWithApplyId", **who)["Data"]["ApplyId"] == batch
    data = ask(world, "QueryBatchRegisterDeviceStatus", **who)["Data"]
    assert (data["Status"], data["ValidList"]["Name"], data["InvalidList"]["Name"]) == (
        "CREATE_SUCCESS",
        ["c1", "c3"],
        ["c2"],
    )
    page = ask(world, "QueryPageByApplyId", ApplyId=batch, PageSize=1, CurrentPage=2)
    assert (page["Total"], page["PageCount"], page["Page"]) == (2, 2, 2)
    (row,) = page["ApplyDeviceList"]["ApplyDeviceInfo"]
    assert row["DeviceName"] == "c3"
    assert row["DeviceSecret"] == world.device(key, "c3").secret
    assert row["IotId"] == iot_id(key, "c3")
    again = ask(world, "BatchRegisterDeviceWithApplyId", **who)
    assert again["Code"] == "iot.device.CreateDeviceTaskIsRunning"


def test_names_come_with_nicknames(world: CloudWorld) -> None:
    key = made(world)
    entries = {
        **listed("DeviceNameList", ["c1", "c2"], ".DeviceName"),
        "DeviceNameList.2.DeviceNickname": "金",
    }
    batch = ask(world, "BatchCheckDeviceNames", ProductKey=key, **entries)["Data"]["ApplyId"]
    ask(world, "BatchRegisterDeviceWithApplyId", ProductKey=key, ApplyId=batch)
    nicknames = [
        ask(world, "QueryDeviceInfo", ProductKey=key, DeviceName=name)["Data"]["Nickname"] for name in ("c1", "c2")
    ]
    assert nicknames == ["", "金"]


def test_names_that_cannot_be_are_named(world: CloudWorld) -> None:
    names = [DN, "a/b", "ok", "twice", "twice"]
    answer = ask(world, "BatchCheckDeviceNames", ProductKey=PK, **listed("DeviceName", names))
    assert (answer["Success"], answer["Code"]) == (False, "iot.device.InvalidDeviceNameExisted")
    data = answer["Data"]
    assert "ApplyId" not in data
    assert data["InvalidDeviceNameList"]["InvalidDeviceName"] == ["a/b"]
    assert data["RepeatedDeviceNameList"]["RepeatDevieNameList"] == [DN, "twice"]
    assert [row["DeviceName"] for row in data["InvalidDetailList"]["InvalidDetailList"]] == ["a/b", DN, "twice"]
    assert not world.kept
    assert ask(world, "BatchCheckDeviceNames", ProductKey=PK)["Code"] == "iot.device.NoneDeviceNameElement"


def test_devices_with_random_names(world: CloudWorld) -> None:
    key = made(world)
    batch = ask(world, "BatchRegisterDevice", ProductKey=key, Count=120)["Data"]["ApplyId"]
    assert ask(world, "QueryProduct", ProductKey=key)["Data"]["DeviceCount"] == 120
    page = ask(world, "QueryPageByApplyId", ApplyId=batch, PageSize=50, CurrentPage=3)
    assert len(page["ApplyDeviceList"]["ApplyDeviceInfo"]) == 20
    for count in (0, 10_001, "x"):
        answer = ask(world, "BatchRegisterDevice", ProductKey=key, Count=count)
        assert answer["Code"] == "iot.device.DeviceCountExceeded"
    assert ask(world, "QueryPageByApplyId", ApplyId=batch, PageSize=51)["Code"] == "iot.common.InvalidPageParams"


class Loop:
    """Calls what is to be called later when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def later(self, _: float, act: Callable[[], object]) -> None:
        self.waiting.append(act)

    def turn(self) -> None:
        waiting, self.waiting = self.waiting, []
        for act in waiting:
            act()


def test_a_batch_keeps_nobody_waiting(world: CloudWorld) -> None:
    loop = Loop()
    key = made(world)
    world.platform.parts.errands.begin(loop.later)
    batch = ask(world, "BatchRegisterDevice", ProductKey=key, Count=2_000)["Data"]["ApplyId"]
    who = {"ProductKey": key, "ApplyId": batch}
    turns, between = 0, set()
    while ask(world, "QueryBatchRegisterDeviceStatus", **who)["Data"]["Status"] == "CREATE":
        between.add(len(world.platform.registry.products[key].devices))
        loop.turn()
        turns += 1
    assert turns > 2
    assert len(between) > 2
    assert len(world.platform.registry.products[key].devices) == 2_000


def test_a_batch_goes_on_where_the_platform_ended(tmp_path: Path) -> None:
    kept, loop = Kept(tmp_path), Loop()
    key = kept.ask("CreateProduct", **NEW)["ProductKey"]
    kept.platform.parts.errands.begin(loop.later)
    batch = kept.ask("BatchRegisterDevice", ProductKey=key, Count=500)["Data"]["ApplyId"]
    while not len(kept.platform.registry.products[key].devices):
        loop.turn()
    begun = set(kept.platform.registry.products[key].devices)
    assert len(begun) < 500
    kept = kept.again()
    who = {"ProductKey": key, "ApplyId": batch}
    assert kept.ask("QueryBatchRegisterDeviceStatus", **who)["Data"]["Status"] == "CREATE"
    kept.platform.parts.batches.resume()
    data = kept.ask("QueryBatchRegisterDeviceStatus", **who)["Data"]
    assert (data["Status"], len(data["ValidList"]["Name"]), data["InvalidList"]["Name"]) == ("CREATE_SUCCESS", 500, [])
    assert begun < set(kept.platform.registry.products[key].devices)
    assert len(kept.platform.registry.products[key].devices) == 500


def test_so_many_batches_of_an_account_are_remembered(world: CloudWorld) -> None:
    world.platform.registry.access_keys["other"] = AccessKey("other", "s")
    first = ask(world, "BatchRegisterDevice", ProductKey=PK, Count=1)["Data"]["ApplyId"]
    for _ in range(MOST_BATCHES - 1):
        assert ask(world, "BatchRegisterDevice", ProductKey=PK, Count=1)["Success"]
    assert ask(world, "QueryPageByApplyId", ApplyId=first)["Total"] == 1
    assert ask(world, "BatchRegisterDevice", ProductKey=PK, Count=1)["Success"]
    assert ask(world, "QueryPageByApplyId", ApplyId=first)["Code"] == "iot.device.DeviceApplyIsNotFound"


# Listed and counted.


def by_status(world: Any, key: str, status: int, **page: Any) -> tuple[int, list[str]]:
    answer = ask(world, "QueryDeviceByStatus", ProductKey=key, Status=status, **page)
    return answer["Total"], [row["DeviceName"] for row in answer["Data"]["SimpleDeviceInfo"]]


def test_devices_are_listed_by_their_status(world: CloudWorld) -> None:
    key = made(world)
    for name in ("a", "b", "c", "d", "e"):
        ask(world, "RegisterDevice", ProductKey=key, DeviceName=name)
    first, second = world.connect(key, "a"), world.connect(key, "b")
    assert (by_status(world, key, 0), by_status(world, key, 1)) == ((3, ["c", "d", "e"]), (2, ["a", "b"]))
    world.platform.disconnected(second)
    ask(world, "DisableThing", ProductKey=key, DeviceName="d")
    assert by_status(world, key, 1) == (1, ["a"])
    assert by_status(world, key, 3) == (1, ["b"])
    assert by_status(world, key, 8) == (1, ["d"])
    assert by_status(world, key, 0, PageSize=1, CurrentPage=2) == (2, ["e"])
    (row,) = ask(world, "QueryDeviceByStatus", ProductKey=key, Status=1)["Data"]["SimpleDeviceInfo"]
    assert (row["Status"], row["IotId"], row["DeviceSecret"]) == (
        "ONLINE",
        iot_id(key, "a"),
        world.device(key, "a").secret,
    )
    world.platform.disconnected(first)
    ask(world, "DeleteDevice", ProductKey=key, DeviceName="a")
    assert [by_status(world, key, status)[0] for status in (0, 1, 3, 8)] == [2, 0, 1, 1]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"Status": 2}, "InvalidParameter"),
        ({"Status": 1, "PageSize": 51}, "iot.common.InvalidPageParams"),
        ({"Status": 1, "CurrentPage": 0}, "iot.common.InvalidPageParams"),
        ({}, "MissingParameter"),
    ],
)
def test_a_list_by_status_that_cannot_be(world: CloudWorld, wrong: dict[str, int], code: str) -> None:
    assert ask(world, "QueryDeviceByStatus", ProductKey=PK, **wrong)["Code"] == code


def statistics(world: Any, **which: Any) -> tuple[int, int, int]:
    data = ask(world, "QueryDeviceStatistics", **which)["Data"]
    return data["deviceCount"], data["activeCount"], data["onlineCount"]


def test_devices_are_counted(world: CloudWorld) -> None:
    key = made(world)
    for name in ("a", "b", "c"):
        ask(world, "RegisterDevice", ProductKey=key, DeviceName=name)
    principal = world.connect(key, "a")
    world.connect(key, "b")
    assert statistics(world, ProductKey=key) == (3, 2, 2)
    world.platform.disconnected(principal)
    assert statistics(world, ProductKey=key) == (3, 2, 1)
    ask(world, "DisableThing", ProductKey=key, DeviceName="b")
    assert statistics(world, ProductKey=key) == (3, 2, 0)
    everywhere = sum(len(product.devices) for product in world.platform.registry.products.values())
    assert statistics(world) == (everywhere, 2, 0)
    group = ask(world, "CreateDeviceGroup", GroupName="all_of_them")["Data"]["GroupId"]
    devices = {
        "Device.1.ProductKey": key,
        "Device.1.DeviceName": "a",
        "Device.2.ProductKey": PK,
        "Device.2.DeviceName": DN,
    }
    assert ask(world, "BatchAddDeviceGroupRelations", GroupId=group, **devices)["Success"]
    assert statistics(world, GroupId=group) == (2, 1, 0)
    assert statistics(world, GroupId=group, ProductKey=key) == (1, 1, 0)


def test_counts_are_there_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    assert kept.ask("DisableThing", ProductKey=PK, DeviceName="tbox002")["Success"]
    kept.platform.parts.records.note_online(kept.platform.registry.device(PK, DN))  # type: ignore[arg-type]
    kept = kept.again()
    data = kept.ask("QueryDeviceStatistics", ProductKey=PK)["Data"]
    assert (data["activeCount"], data["onlineCount"]) == (1, 0)
    assert [row["DeviceName"] for row in _rows(kept, 8)] == ["tbox002"]
    assert [row["DeviceName"] for row in _rows(kept, 3)] == [DN]


def _rows(kept: Kept, status: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = kept.ask("QueryDeviceByStatus", ProductKey=PK, Status=status)["Data"][
        "SimpleDeviceInfo"
    ]
    return rows


def test_simulated_cars_are_online_with_their_simulator() -> None:
    fleet = Fleet()

    def counts() -> tuple[int, int, int]:
        data = fleet.call("QueryDeviceStatistics", ProductKey=FLEET)["Data"]
        return data["deviceCount"], data["activeCount"], data["onlineCount"]

    def online(page: int) -> tuple[int, list[str]]:
        which = {"ProductKey": FLEET, "Status": 1, "PageSize": 50, "CurrentPage": page}
        answer = fleet.call("QueryDeviceByStatus", **which)
        return answer["Total"], [row["DeviceName"] for row in answer["Data"]["SimpleDeviceInfo"]]

    assert counts() == (70, 0, 0)
    fleet.simulator_comes()
    assert counts() == (70, 70, 70)
    everybody = sorted(name.decode() for name in NAMES)
    assert (online(1)[1] + online(2)[1], online(1)[0]) == (everybody, 70)
    assert fleet.call("DisableThing", ProductKey=FLEET, DeviceName=everybody[3])["Success"]
    assert counts() == (70, 70, 69)
    assert (online(1)[1] + online(2)[1], online(1)[0]) == (everybody[:3] + everybody[4:], 69)
    assert fleet.call("QueryDeviceByStatus", ProductKey=FLEET, Status=3)["Total"] == 0
    assert fleet.call("QueryDeviceByStatus", ProductKey=FLEET, Status=0)["Total"] == 0
    assert fleet.call("BatchRegisterDevice", ProductKey=FLEET, Count=1)["Code"] == "iot.device.CreateDeviceFailed"
    assert fleet.call("ResetThing", ProductKey=FLEET, DeviceName=everybody[0])["Code"] == "iot.device.ResetThingFailed"


# Nicknames.


def nicknamed(*entries: tuple[str, str, str]) -> dict[str, str]:
    fields = ("ProductKey", "DeviceName", "Nickname")
    return {
        f"DeviceNicknameInfo.{n}.{field}": value
        for n, entry in enumerate(entries, 1)
        for field, value in zip(fields, entry, strict=True)
        if value
    }


def nickname_of(world: CloudWorld, name: str) -> str:
    found: str = ask(world, "QueryDeviceInfo", ProductKey=PK, DeviceName=name)["Data"]["Nickname"]
    return found


def test_nicknames_are_given_and_taken_away(world: CloudWorld) -> None:
    assert ask(world, "BatchUpdateDeviceNickname", **nicknamed((PK, DN, "金"), (PK, "tbox002", "two")))["Success"]
    assert (nickname_of(world, DN), nickname_of(world, "tbox002")) == ("金", "two")
    by_id = {"DeviceNicknameInfo.1.IotId": iot_id(PK, DN)}
    assert ask(world, "BatchUpdateDeviceNickname", **by_id)["Success"]
    assert nickname_of(world, DN) == ""


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        (nicknamed((PK, DN, "x"), (PK, "none", "x")), "iot.device.NotExistedDevice"),
        (nicknamed((PK, DN, "x"), ("a1none00001", DN, "x")), "iot.prod.NotExistedProduct"),
        (nicknamed((PK, DN, "x"), (PK, "", "x")), "iot.device.NullDeviceName"),
        (nicknamed((PK, DN, "x"), (PK, "tbox002", "y" * 65)), "iot.check.InvalidFormattedParameter"),
        (nicknamed(*[(PK, DN, "x")] * 101), "InvalidParameter"),
        ({"DeviceNicknameInfo.1.IotId": "none"}, "iot.device.InvalidIoTId"),
        ({"DeviceNicknameInfo.1": "x"}, "MissingParameter"),
    ],
)
def test_nicknames_are_given_all_or_none(world: CloudWorld, entries: dict[str, str], code: str) -> None:
    assert ask(world, "BatchUpdateDeviceNickname", **entries)["Code"] == code
    assert nickname_of(world, DN) == ""
    assert not world.kept


def test_a_nickname_is_given_to_ones_own_devices_alone(world: CloudWorld) -> None:
    world.platform.registry.access_keys["testAccessKeyId"] = AccessKey(
        "testAccessKeyId", "testAccessKeySecret", frozenset({"a1subPK0001"})
    )
    for who in (nicknamed((PK, DN, "x")), {"DeviceNicknameInfo.1.IotId": iot_id(PK, DN)}):
        answer = ask(world, "BatchUpdateDeviceNickname", **who)
        assert answer["Code"] in {"iot.prod.NotExistedProduct", "iot.device.InvalidIoTId"}
    assert "secret0123" not in json.dumps(ask(world, "QueryDeviceStatistics"))
    assert statistics(world)[0] == len(world.platform.registry.products["a1subPK0001"].devices)
    assert not world.kept


# Reset.


def test_a_device_is_reset_to_what_it_was_before_it_came(world: CloudWorld) -> None:
    world.connect()
    assert world.call("GetDeviceStatus")["Data"]["Status"] == "ONLINE"
    assert world.call("ResetThing")["Success"]
    assert world.closed == [f"{PK}/{DN}"]
    assert world.call("GetDeviceStatus")["Data"]["Status"] == "UNACTIVE"
    assert world.call("QueryDeviceDetail")["Data"]["UtcActive"] == ""
    assert statistics(world, ProductKey=PK)[1:] == (0, 0)
    assert world.connect()

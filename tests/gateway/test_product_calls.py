"""Products by cloud calls: made, changed and deleted, each by its account, and kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.openapi.http import Request
from jinqiao.gateway.platform.events import ProductChanged
from jinqiao.gateway.platform.operations.products import MOST_PRODUCTS
from jinqiao.gateway.platform.registry.accounts import AccessKey
from jinqiao.gateway.platform.registry.registry import Application
from jinqiao.gateway.storage.registry import load_kept, take_over
from jinqiao.gateway.storage.sqlite import Storage
from support.cloud_world import ACCEPTANCE, DN, NOW_MS, PK, CloudWorld
from support.openapi import ACCESS_KEY, signed_query
from support.products import NEW, Kept, ask, made


@pytest.fixture
def world() -> CloudWorld:
    return CloudWorld()


def restrict(world: CloudWorld, *products: str) -> None:
    keys = world.platform.registry.access_keys
    keys[ACCESS_KEY[0]] = replace(keys[ACCESS_KEY[0]], products=frozenset(products))


def test_a_product_is_made_with_an_empty_thing_model_and_kept(world: CloudWorld) -> None:
    answer = ask(world, "CreateProduct", **NEW, Description="fast", NetType="CELLULAR")
    key, data = answer["ProductKey"], answer["Data"]
    assert key.startswith("a1")
    assert len(key) == 11
    assert (data["ProductKey"], data["ProductName"], data["DataFormat"], data["NodeType"]) == (key, "Charger_1", 1, 0)
    assert len(data["ProductSecret"]) == 32
    (row,) = [row for row in world.kept if row.kind == "product"]
    assert (row.key, row.value["validation"], row.value["tsl"]["properties"]) == (key, "weak", [])
    whole = ask(world, "QueryProduct", ProductKey=key)["Data"]
    assert {name: whole[name] for name in data} == data
    assert (whole["Description"], whole["NetType"], whole["ValidateType"], whole["DeviceCount"]) == ("fast", 6, 1, 0)
    assert whole["GmtCreate"] == NOW_MS
    assert ask(world, "RegisterDevice", ProductKey=key, DeviceName="c1")["Success"]
    assert ask(world, "QueryProduct", ProductKey=key)["Data"]["DeviceCount"] == 1


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"ProductName": "abc"}, "iot.prod.InvalidFormattedProductName"),
        ({"ProductName": "金"}, "iot.prod.InvalidFormattedProductName"),
        ({"ProductName": "a-b-c"}, "iot.prod.InvalidFormattedProductName"),
        ({"ProductName": "x" * 31}, "iot.prod.InvalidFormattedProductName"),
        ({"ProductName": ""}, "iot.prod.NullProductName"),
        ({"NodeType": 2}, "iot.prod.InvalidNodeType"),
        ({"AliyunCommodityCode": "free"}, "iot.prod.InvalidAliyunCommodityCode"),
        ({"ValidateType": 3}, "InvalidParameter"),
        ({"DataFormat": 2}, "InvalidParameter"),
        ({"NetType": "5G"}, "InvalidParameter"),
        ({"AuthType": "x509"}, "InvalidParameter"),
        ({"Id2": "true"}, "InvalidParameter"),
        ({"Description": "x" * 101}, "iot.prod.LongProductDesc"),
    ],
)
def test_what_cannot_be_a_product_is_refused(world: CloudWorld, wrong: dict[str, Any], code: str) -> None:
    before = dict(world.platform.registry.products)
    answer = ask(world, "CreateProduct", **{**NEW, **wrong})
    assert answer["Code"] == code
    assert world.platform.registry.products == before
    assert not world.kept


def test_chinese_characters_count_twice(world: CloudWorld) -> None:
    assert made(world, ProductName="金桥")
    assert ask(world, "CreateProduct", **{**NEW, "ProductName": "金" * 16})["Code"] == (
        "iot.prod.InvalidFormattedProductName"
    )


def test_a_name_is_taken_once_among_those_that_the_key_sees(world: CloudWorld) -> None:
    made(world)
    assert ask(world, "CreateProduct", **NEW)["Code"] == "iot.prod.AlreadyExistedProductName"
    restrict(world)
    assert made(world)  # who does not see the other one is not told that it is there


def test_a_restricted_key_sees_what_it_makes_from_then_on(world: CloudWorld) -> None:
    restrict(world, "a1subPK0001")
    key = made(world)
    assert ask(world, "QueryProduct", ProductKey=key)["Success"]
    assert ask(world, "QueryProduct", ProductKey=PK)["Code"] == "iot.prod.NotExistedProduct"
    listed = ask(world, "QueryProductList", CurrentPage=1, PageSize=10)["Data"]
    assert {row["ProductKey"] for row in listed["List"]["ProductInfo"]} == {"a1subPK0001", key}
    world.platform.registry.access_keys["other"] = AccessKey("other", "s", frozenset({PK}))
    query = signed_query("QueryProduct", {"ProductKey": key}, key=("other", "s"))
    assert world.read(world.cloud.dispatch(Request("POST", "/", query)))["Code"] == "iot.prod.NotExistedProduct"


def test_an_application_that_makes_a_product_hears_it(world: CloudWorld) -> None:
    world.platform.registry.applications["backend"] = Application("backend", "pw", frozenset({PK}))
    query = signed_query("CreateProduct", NEW, key=("backend", "pw"))
    key = world.read(world.cloud.dispatch(Request("POST", "/", query)))["ProductKey"]
    assert world.platform.registry.applications["backend"].products == {PK, key}
    assert "*" in world.carrier.reconsidered  # the broker asks again what it may subscribe


def test_a_product_gets_another_name_for_devices_that_are_there(world: CloudWorld) -> None:
    principal = world.connect()
    assert ask(world, "UpdateProduct", ProductKey=PK, ProductName="Renamed", Description="d")["Success"]
    assert principal.subject.device.product.name == "Renamed"
    assert world.call("QueryDeviceDetail")["Data"]["ProductName"] == "Renamed"
    assert ask(world, "QueryProduct", ProductKey=PK)["Data"]["Description"] == "d"
    assert ask(world, "UpdateProduct", ProductKey=PK, ProductName="Renamed")["Success"]
    assert (
        ask(world, "UpdateProduct", ProductKey=PK, ProductName="no")["Code"] == "iot.prod.InvalidFormattedProductName"
    )


def test_a_product_with_devices_is_not_deleted(world: CloudWorld) -> None:
    assert ask(world, "DeleteProduct", ProductKey=PK)["Code"] == "iot.prod.UpdateProductFailed"
    key = made(world)
    assert ask(world, "RegisterDevice", ProductKey=key, DeviceName="c1")["Success"]
    assert ask(world, "DeleteProduct", ProductKey=key)["Success"] is False
    assert ask(world, "DeleteDevice", ProductKey=key, DeviceName="c1")["Success"]
    assert ask(world, "DeleteProduct", ProductKey=key)["Success"]
    assert ask(world, "QueryProduct", ProductKey=key)["Code"] == "iot.prod.NotExistedProduct"
    assert world.kept[-1] == ("product", key, {"deleted": True}, "")


def test_what_cannot_be_kept_has_not_happened(world: CloudWorld) -> None:
    def fail(_: object) -> None:
        raise EnvironmentFault("disk full")

    world.platform.events.subscribe(ProductChanged, fail, before_ack=True)
    before = dict(world.platform.registry.products)
    assert ask(world, "CreateProduct", **NEW)["Code"] == "iot.system.SystemException"
    assert ask(world, "UpdateProduct", ProductKey=PK, ProductName="Renamed")["Code"] == "iot.system.SystemException"
    assert world.platform.registry.products == before
    assert before[PK].name != "Renamed"


def test_an_account_has_only_so_many_products(world: CloudWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_PRODUCTS == 1_000
    monkeypatch.setattr("jinqiao.gateway.platform.operations.products.MOST_PRODUCTS", 2)
    restrict(world)
    assert made(world, ProductName="one_1")
    assert made(world, ProductName="two_2")
    assert ask(world, "CreateProduct", **NEW)["Code"] == "iot.prod.ProductCountExceedMax"


# On the disk.


def test_products_are_there_again(tmp_path: Path) -> None:
    first = Kept(tmp_path)
    key = first.ask("CreateProduct", **NEW, Description="fast")["ProductKey"]
    secret = first.ask("QueryProduct", ProductKey=key)["Data"]["ProductSecret"]
    for file in (ACCEPTANCE / "registry.yaml", None):
        first = first.again(file)
        data = first.ask("QueryProduct", ProductKey=key)["Data"]
        assert (data["ProductSecret"], data["Description"], data["GmtCreate"]) == (secret, "fast", NOW_MS)


def test_what_a_file_names_stays_changed_and_deleted_until_the_file_says_something_else(tmp_path: Path) -> None:
    file = tmp_path / "registry.yaml"
    text = (
        "products:\n"
        "- {product_key: a1first0001, name: First}\n"
        "- {product_key: a1second001, name: Second}\n"
        f"access_keys: [{{id: {ACCESS_KEY[0]}, secret: {ACCESS_KEY[1]}}}]\n"
    )
    file.write_text(text, encoding="utf-8")
    kept = Kept(tmp_path / "data", file)
    assert kept.ask("UpdateProduct", ProductKey="a1first0001", ProductName="Renamed")["Success"]
    assert kept.ask("DeleteProduct", ProductKey="a1second001")["Success"]
    kept = kept.again(file)
    assert kept.platform.registry.products["a1first0001"].name == "Renamed"
    assert "a1second001" not in kept.platform.registry.products
    file.write_text(text.replace("First", "Other").replace("Second", "Back"), encoding="utf-8")
    kept = kept.again(file)
    assert kept.platform.registry.products["a1first0001"].name == "Other"
    assert kept.platform.registry.products["a1second001"].name == "Back"


def test_an_owner_still_sees_its_products_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "registry.yaml"
    file.write_text(
        "products: [{product_key: a1first0001, name: First}]\n"
        f"access_keys: [{{id: {ACCESS_KEY[0]}, secret: {ACCESS_KEY[1]}, products: []}}]\n",
        encoding="utf-8",
    )
    kept = Kept(tmp_path / "data", file)
    key = kept.ask("CreateProduct", **NEW)["ProductKey"]
    for again in (file, None):
        kept = kept.again(again)
        listed = kept.ask("QueryProductList", CurrentPage=1, PageSize=10)["Data"]["List"]["ProductInfo"]
        assert [row["ProductKey"] for row in listed] == [key]


def test_a_running_server_and_a_command_see_each_others_products(tmp_path: Path) -> None:
    server = Kept(tmp_path)
    key = server.ask("CreateProduct", **NEW)["ProductKey"]
    command = Storage(tmp_path)
    assert load_kept(command).products[key].record.created_ms == NOW_MS
    command.delete_product(key)
    take_over(server.platform, server.storage)
    assert server.ask("QueryProduct", ProductKey=key)["Code"] == "iot.prod.NotExistedProduct"
    command.close()


def test_with_a_product_goes_what_is_kept_of_it(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    key = kept.ask("CreateProduct", **NEW)["ProductKey"]
    assert kept.ask("PublishThingModel", ProductKey=key, ModelVersion="1.0")["Success"]
    assert kept.ask("BatchRegisterDevice", ProductKey=key, Count=1)["Success"]
    (name,) = kept.platform.registry.products[key].devices
    assert kept.ask("DeleteDevice", ProductKey=key, DeviceName=name)["Success"]
    assert kept.ask("DeleteProduct", ProductKey=key)["Success"]
    left = [(row.kind, row.value) for row in kept.storage.rows() if row.product_key == key]
    assert left == [("product", {"deleted": True})]
    assert DN in kept.platform.registry.products[PK].devices  # type: ignore[operator]

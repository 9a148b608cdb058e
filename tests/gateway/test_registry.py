"""Registry files are read strictly and wrong ones explained; a simulated fleet costs little."""

from __future__ import annotations

import hashlib
import hmac
import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jinqiao.base.errors import RegistryError
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import AccessKey
from jinqiao.gateway.platform.registry.file import load_registry
from jinqiao.gateway.platform.registry.fleet_devices import FleetDevices, simulated_product
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.wire.alink.topics import RESERVED_KEYS

GOOD = """\
products:
  - product_key: a1carPK0001
    name: T-Box
    thing_model: tsl.json
    devices:
      - {device_name: tbox001, device_secret: secret0123456789abcdef}
      - {device_name: tbox002, device_secret: another}
  - product_key: a1gatePK001
    name: Gateway
    thing_model: tsl.json
    node_type: gateway
    product_secret: product-secret
    dynamic_registration: true
access_keys:
  - {id: testAccessKeyId, secret: testAccessKeySecret}
applications:
  - {username: app, password: pw, products: [a1carPK0001]}
consumer_groups:
  - {id: group-1, products: [a1carPK0001, a1gatePK001]}
"""

TSL: dict[str, Any] = {
    "properties": [
        {"identifier": "Speed", "accessMode": "r", "dataType": {"type": "float", "specs": {"min": "0", "max": "300"}}}
    ]
}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    (tmp_path / "tsl.json").write_text(json.dumps(TSL), encoding="utf-8")

    def writer(text: str) -> Path:
        path = tmp_path / "registry.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return writer


def problems(path: Path) -> list[str]:
    with pytest.raises(RegistryError) as caught:
        load_registry(path)
    return [str(problem).removeprefix(f"{path.parent}/") for problem in caught.value.problems]


def test_a_registry_is_looked_up_by_name(write: Any) -> None:
    registry = load_registry(write(GOOD))
    device = registry.device("a1carPK0001", "tbox001")
    assert device is not None
    assert (device.secret, device.identity) == ("secret0123456789abcdef", "a1carPK0001/tbox001")
    assert list(device.product.thing_model.properties) == ["Speed"]
    assert registry.device("a1carPK0001", "tbox003") is None
    assert registry.device("a1nonePK001", "tbox001") is None
    gateway = registry.product("a1gatePK001")
    assert gateway is not None
    assert (gateway.node_type, gateway.secret, gateway.dynamic_registration) == ("gateway", "product-secret", True)
    application = registry.application("app")
    assert application is not None
    assert application.products == {"a1carPK0001"}
    assert registry.access_keys == {"testAccessKeyId": AccessKey("testAccessKeyId", "testAccessKeySecret")}
    assert registry.consumer_groups["group-1"].products == {"a1carPK0001", "a1gatePK001"}
    assert not registry.anonymous


def test_the_plain_profile_needs_no_products(write: Any) -> None:
    registry = load_registry(write("anonymous: true\ndeny_subscribe: [test/nosubscribe]\nproducts: []\n"))
    assert registry.anonymous
    assert registry.deny_subscribe == {"test/nosubscribe"}


def test_secrets_are_not_printed(write: Any) -> None:
    registry = load_registry(write(GOOD))
    shown = repr([registry.product("a1gatePK001"), registry.device("a1carPK0001", "tbox001"), registry.applications])
    assert "secret0123456789abcdef" not in shown
    assert "product-secret" not in shown
    assert "pw" not in shown


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("product_key: a1gatePK001", "product_key: a1carPK0001"),
            ":8:18: products.1.product_key: 'a1carPK0001' appears twice",
        ),
        (
            ("device_name: tbox002", "device_name: tbox001"),
            ":7:23: products.0.devices.1.device_name: 'tbox001' appears twice",
        ),
        (("products: [a1carPK0001]}", "products: [a1carPK001]}"), "(did you mean 'a1carPK0001'?)"),
        (
            ("[a1carPK0001, a1gatePK001]", "[x]"),
            ":19:30: consumer_groups.0.products.0: no product 'x' in this registry",
        ),
        (("thing_model: tsl.json", "thing_model: tls.json"), ":4:18: products.0.thing_model: no file 'tls.json'"),
        (("device_name: tbox001", "device_nam: tbox001"), "unknown key 'device_nam' (did you mean 'device_name'?)"),
        (("product_key: a1carPK0001", "product_key: sys"), "'sys' is the root of system topics"),
        (
            ("product_key: a1carPK0001", "product_key: a/b"),
            "products.0.product_key: found 'a/b', expected text of the form",
        ),
        (("device_name: tbox001", "device_name: 'a+b'"), "products.0.devices.0.device_name: found 'a+b'"),
        (("device_name: tbox001", "device_name: 17"), "found 17, expected text"),
        (("username: app", "username: a&b"), "applications.0.username: found 'a&b'"),
        (("dynamic_registration: true", "dynamic_registration: often"), "found 'often', expected true or false"),
    ],
)
def test_a_wrong_registry_names_the_place(write: Any, change: tuple[str, str], expected: str) -> None:
    found = problems(write(GOOD.replace(*change)))
    assert any(expected in problem for problem in found), found


def test_all_problems_are_told_at_once(write: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{\n "properties": [\n  {"identifier": "Speed"}\n ]\n}', encoding="utf-8")
    text = GOOD.replace("thing_model: tsl.json", "thing_model: bad.json", 1).replace("tbox002", "tbox001")
    found = problems(write(text.replace("products: [a1carPK0001]}", "products: [nobody]}")))
    assert [problem.split(":")[0] for problem in found] == ["registry.yaml", "registry.yaml", "bad.json"]
    assert "bad.json:3:3: properties.0.dataType: key 'dataType' is missing" in found[2]


def test_system_roots_are_the_first_levels_of_the_topic_table() -> None:
    from jinqiao.wire.alink.topics import TOPICS

    roots = {row.pattern.split("/")[1] for row in TOPICS} - {"{pk}"}
    assert roots | {"as"} == RESERVED_KEYS


def vins(n: int) -> Any:
    return np.array([f"LBV{i:014d}" for i in range(n)], dtype="S17")


def test_fleet_secrets_are_derived_and_differ() -> None:
    devices = FleetDevices(vins(50), fleet_secret="fleet")
    expected = hmac.new(b"fleet", b"LBV00000000000007", hashlib.sha256).hexdigest()[:32]
    assert devices.secret("LBV00000000000007") == expected
    assert len({devices.secret(name) for name in devices}) == len(devices) == 50
    assert FleetDevices(vins(50)[::-1], fleet_secret="fleet").secret("LBV00000000000007") == expected


@pytest.mark.parametrize(
    "name", ["", "LBV", "LBV00000000000050", "LBV00000000000007x", "LBV0000000000000é", "a\0b", "\0"]
)
def test_a_fleet_knows_only_its_own(name: str) -> None:
    assert FleetDevices(vins(50), fleet_secret="fleet").secret(name) is None


def test_a_name_may_not_stand_twice_in_a_fleet() -> None:
    with pytest.raises(ValueError, match="twice"):
        FleetDevices(np.array([b"a", b"b", b"a"]), fleet_secret="fleet")


def test_a_fleet_of_100_000_takes_less_than_100_bytes_a_device() -> None:
    names = vins(100_000)
    simulated_product("warmup", names[:1], fleet_secret="fleet")
    tracemalloc.start()
    try:
        registry = Registry([simulated_product("ev", names, fleet_secret="fleet")])
        assert registry.device("ev", "LBV00000000099999") is not None
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 100 * len(names)


def test_a_product_without_a_thing_model_is_an_ev(tmp_path: Path) -> None:
    path = tmp_path / "registry.yaml"
    path.write_text("products:\n  - {product_key: a1evPK00001, name: EV, devices: []}\n")
    product = load_registry(path).product("a1evPK00001")
    assert product is not None
    assert "battery:PackVoltage" in product.thing_model.properties


def test_a_fleets_version_is_known_until_a_vehicle_informs_of_another() -> None:
    product = simulated_product("ev", vins(2), fleet_secret="fleet", factory_versions={"default": "1.0.0"})
    platform = Platform(Registry([product]))
    first, second = (platform.registry.device("ev", name) for name in product.devices)
    assert first is not None
    assert second is not None
    platform.parts.states.of(first).versions.update(default="2.0.0", radio="7")
    assert platform.parts.states.versions(first) == {"default": "2.0.0", "radio": "7"}
    assert platform.parts.states.versions(second) == {"default": "1.0.0"}
    assert platform.parts.states.known(second) is None


def test_a_thing_model_of_several_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    feature = '{"identifier": "A", "dataType": {"type": "int"}}'
    default = (
        f'{{"properties": [{feature}], "functionBlocks": [{{"functionBlockId": "b"}}, {{"functionBlockId": "c"}}]}}'
    )
    (tmp_path / "a.json").write_text(default)
    (tmp_path / "b.json").write_text(f'{{"functionBlockId": "b", "properties": [{feature}]}}')
    path = tmp_path / "registry.yaml"
    path.write_text("products:\n  - {product_key: pk, name: P, thing_model: [a.json, b.json]}\n")
    assert list(load_registry(path).products["pk"].thing_model.properties) == ["A", "b:A"]
    assert "a.json, b.json: refers to the modules 'c', which are in none of its files" in caplog.text
    path.write_text("products:\n  - {product_key: pk, name: P, thing_model: [a.json, none.json]}\n")
    with pytest.raises(RegistryError, match=r"registry.yaml:2:\d+: products.0.thing_model.1: no file 'none.json'"):
        load_registry(path)


def test_keys_and_applications_have_products_or_all(tmp_path: Path) -> None:
    path = tmp_path / "registry.yaml"
    path.write_text(
        "products: [{product_key: pk, name: P}]\n"
        "access_keys:\n"
        "  - {id: a, secret: s}\n"
        "  - {id: b, secret: s, products: [pk]}\n"
        "  - {id: c, secret: s, products: [], read_only: true}\n"
        "applications:\n"
        "  - {username: d, password: p}\n"
        "  - {username: e, password: p, products: [kept]}\n"
    )
    registry = load_registry(path, known=["kept"])  # a product of the data folder
    assert {name: key.products for name, key in registry.all_keys.items()} == {
        "a": None,
        "b": {"pk"},
        "c": frozenset(),
        "d": None,
        "e": {"kept"},
    }
    assert {name for name, key in registry.all_keys.items() if key.account.read_only} == {"c"}
    with pytest.raises(RegistryError, match=r":8:\d+: applications.1.products.0: no product 'kept' in this registry"):
        load_registry(path)
    path.write_text("access_keys: [{id: b, secret: s, products: [nopk]}]\n")
    with pytest.raises(RegistryError, match=r"access_keys.0.products.0: no product 'nopk'"):
        load_registry(path)

"""Raw data: products with and without a converter."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jinqiao.base.errors import RegistryError
from jinqiao.gateway.broker.policy import Principal
from jinqiao.gateway.platform.converters import script_converter
from jinqiao.gateway.platform.converters.base import Converter, ConverterError
from jinqiao.gateway.platform.converters.layout import Field, Layout
from jinqiao.gateway.platform.converters.script_converter import ScriptConverter
from jinqiao.gateway.platform.downlinks import convert_down, request_downlink
from jinqiao.gateway.platform.registry.file import load_registry
from jinqiao.gateway.platform.registry.fleet_devices import simulated_product
from support.alink_house import PK, S, World

UP_RAW = f"{S}/thing/model/up_raw"
LAYOUT = Layout([Field("speed", "u16", scale=0.1), Field("soc", "u8"), Field("Counter", "i32", offset=-5)])


@pytest.fixture
def world() -> World:
    return World()


def converted(world: World, converter: Converter) -> Principal:
    product = world.device().product
    world.platform.registry.products[PK] = replace(product, converter=converter)
    return world.connect()


@pytest.mark.parametrize("raw", [b"\0\1\2", b"\1\2\3", b""])
def test_without_a_converter_the_answer_says_so(world: World, raw: bytes) -> None:
    (answer,) = world.say(world.connect(), UP_RAW, raw)
    assert answer.topic == f"{UP_RAW}_reply"
    assert json.loads(answer.payload) == {
        "code": 6200,
        "data": {},
        "id": "0",
        "message": "product has no script",
        "method": "thing.model.up_raw",
        "version": "1.0",
    }
    assert [entry.code for entry in world.platform.log] == [6200]


def test_raw_data_of_simulated_vehicles_is_for_subscribers(world: World) -> None:
    """A car with a connection of its own sends its CAN frames as any device would; nobody converts them."""
    product = world.device().product
    world.platform.registry.products[PK] = replace(product, raw_is_forwarded=True)
    assert list(world.say(world.connect(), UP_RAW, b"\x0a\x11")) == []
    assert list(world.platform.log) == []
    names = np.array([b"LBVYLPAS7N1100193"])
    assert simulated_product("a1JinqiaoEV", names, fleet_secret="s").raw_is_forwarded


def test_a_declared_frame_is_a_post_and_its_answer_a_frame(world: World) -> None:
    device = converted(world, LAYOUT)
    frame = bytes.fromhex("00 0000002a 01a9 50 00000064")
    (answer,) = world.say(device, UP_RAW, frame)
    assert (answer.topic, answer.payload) == (f"{UP_RAW}_reply", bytes.fromhex("02 0000002a 00"))
    last = {name: timed.value for name, timed in world.platform.parts.states.last_values(world.device()).items()}
    assert last == {"speed": pytest.approx(42.5), "soc": 80, "Counter": 95}


@pytest.mark.parametrize("frame", ["", "00", "05 00000001 00", "00 00000001 00", "00 00000001 01a9 50 00000064 00"])
def test_a_frame_that_is_none_is_26010(world: World, frame: str) -> None:
    (answer,) = world.say(converted(world, LAYOUT), UP_RAW, bytes.fromhex(frame))
    assert json.loads(answer.payload)["code"] == 26010
    assert [entry.code for entry in world.platform.log] == [26010]


def test_a_property_set_becomes_a_frame() -> None:
    request = {"id": "42", "method": "thing.service.property.set", "params": {"speed": 42.5, "Counter": 95}}
    assert convert_down(LAYOUT, json.dumps(request).encode()) == bytes.fromhex("01 0000002a 01a9 00 00000064")
    assert LAYOUT.raw_data_to_protocol(bytes.fromhex("03 0000002a 00"))["code"] == 200
    for bad in ({"params": {"speed": 1e9}}, {"params": 5}, {"method": "thing.service.x", "params": {}}):
        with pytest.raises(ConverterError):
            convert_down(LAYOUT, json.dumps({**request, **bad}).encode())


@pytest.mark.parametrize("fields", [[], [Field("speed", "u12")]])
def test_a_layout_without_sense_is_refused(fields: list[Field]) -> None:
    with pytest.raises(ValueError, match="formats u8"):
        Layout(fields)


class Fixed:
    """A converter that makes one and the same of everything."""

    def __init__(self, message: dict[str, Any], raw: bytes = b"ok") -> None:
        self.message, self.raw = message, raw

    def raw_data_to_protocol(self, _: bytes) -> dict[str, Any]:
        return self.message

    def protocol_to_raw_data(self, _: dict[str, Any]) -> bytes:
        return self.raw


def test_events_come_as_raw_data_too(world: World) -> None:
    message = {"id": "1", "method": "thing.event.collision.post", "params": {"level": 2}}
    (answer,) = world.say(converted(world, Fixed(message)), UP_RAW, b"x")
    assert answer.payload == b"ok"
    assert len(world.platform.log) == 0


@pytest.mark.parametrize(
    ("message", "code"),
    [({}, 6450), ({"method": 5}, 6450), ({"method": "thing.topo.add"}, 6300), ({"method": "thing.model.up_raw"}, 6300)],
)
def test_a_method_that_cannot_be_meant(world: World, message: dict[str, Any], code: int) -> None:
    (answer,) = world.say(converted(world, Fixed(message)), UP_RAW, b"x")
    assert json.loads(answer.payload)["code"] == code


def test_a_converter_that_makes_nothing_is_6201() -> None:
    with pytest.raises(ConverterError) as caught:
        convert_down(Fixed({}, b""), b"{}")
    assert caught.value.code == 6201


def test_a_product_with_a_converter_is_asked_in_bytes(world: World) -> None:
    request = b'{"id":"42","method":"thing.service.property.set","params":{"soc":80}}'
    house = world.platform.parts
    plain = request_downlink(house.calls, world.device(), "thing/service/property/set", request, qos=1)
    assert (plain.topic, plain.payload, plain.qos) == (f"{S}/thing/service/property/set", request, 1)
    converted(world, LAYOUT)
    made = convert_down(LAYOUT, request)
    raw = request_downlink(house.calls, world.device(), "thing/service/property/set", request, raw=made)
    assert raw.topic == f"{S}/thing/model/down_raw"
    assert raw.payload[:5] == bytes.fromhex("01 0000002a")


# Scripts.

SCRIPT = """
print("hello")  # not an answer

def raw_data_to_protocol(raw):
    if raw == b"loop":
        while True: pass
    if raw == b"die":
        import os; os._exit(3)
    if raw == b"fail":
        raise KeyError("no such frame")
    if raw == b"list":
        return [1]
    if raw == b"set":
        return {"method": {1}}
    if raw == b"big":
        return {"method": "x" * 2_000_000}
    if raw == b"write":
        import tempfile; tempfile.TemporaryFile().write(b"x" * 100_000)
    return {"id": "9", "method": "thing.event.property.post", "params": {"soc": raw[0]}}

def protocolToRawData(message):
    return message["code"].to_bytes(2, "big") if "code" in message else "text"
"""


@pytest.fixture
def script(tmp_path: Path) -> Iterator[ScriptConverter]:
    path = tmp_path / "converter.py"
    path.write_text(SCRIPT, encoding="utf-8")
    converter = ScriptConverter(path)
    yield converter
    converter.close()


def test_a_script_converts_both_ways(world: World, script: ScriptConverter) -> None:
    device = converted(world, script)
    for _ in range(2):
        (answer,) = world.say(device, UP_RAW, b"\x50")
        assert answer.payload == (200).to_bytes(2)
    assert world.platform.parts.states.last_values(world.device())["soc"].value == 80


def code_of(script: ScriptConverter, raw: bytes) -> int:
    with pytest.raises(ConverterError) as caught:
        script.raw_data_to_protocol(raw)
    return caught.value.code


def test_what_a_script_does_wrong_has_a_code_and_ends_nothing(script: ScriptConverter) -> None:
    assert [code_of(script, raw) for raw in (b"fail", b"list", b"set", b"write")] == [26010, 26007, 26007, 26010]
    with pytest.raises(ConverterError) as caught:
        script.protocol_to_raw_data({"no": "code"})
    assert caught.value.code == 26007
    assert script.raw_data_to_protocol(b"\1")["params"] == {"soc": 1}


@pytest.mark.parametrize("raw", [b"loop", b"die", b"big"])
def test_a_script_that_hangs_or_dies_rests_and_comes_back(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "converter.py"
    path.write_text(SCRIPT, encoding="utf-8")
    skipped = [0.0]
    script = ScriptConverter(path, clock=lambda: time.monotonic() + skipped[0])
    try:
        assert script.raw_data_to_protocol(b"\1")["params"] == {"soc": 1}
        assert code_of(script, raw) == 26010
        before = time.monotonic()
        assert code_of(script, b"\1") == 26010
        assert time.monotonic() - before < 0.15  # a call may take 0.2 s: none was made
        skipped[0] = 60
        assert script.raw_data_to_protocol(b"\1")["params"] == {"soc": 1}
    finally:
        script.close()


def test_scripts_that_are_none(tmp_path: Path) -> None:
    for name, text, code in (("none.py", None, 26001), ("broken.py", "def", 26002), ("empty.py", "", 26006)):
        if text is not None:
            (tmp_path / name).write_text(text, encoding="utf-8")
        script = ScriptConverter(tmp_path / name)
        assert code_of(script, b"\1") == code
        script.close()


@pytest.mark.parametrize(
    ("name", "text", "refusal"),
    [
        ("decode.js", "function rawDataToProtocol(bytes) { return {}; }", "decode.js:1:1: a script in JavaScript"),
        ("decode.py", "x = 1\nfunction rawDataToProtocol(bytes) {}", "decode.py:2:1: SyntaxError"),
        ("broken.py", "x = 1\n\ndef raw_data_to_protocol(raw:\n", "broken.py:3:1: SyntaxError"),
        ("fails.py", "import os\nraw_data_to_protocol = nothing_like_it\n", "fails.py:2:1: NameError"),
        ("nothing.py", "x = 1\n", "nothing.py:1:1: no function raw_data_to_protocol and none protocol_to_raw_data"),
        ("half.py", "def rawDataToProtocol(raw): return {}\n", "half.py:1:1: no function protocol_to_raw_data"),
        ("values.py", "rawDataToProtocol = protocolToRawData = 5\n", "values.py:1:1: no function raw_data_to_protocol"),
        ("forever.py", "while True: pass\n", "forever.py:1:1: the script took too long"),
    ],
)
def test_a_script_that_cannot_work_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, refusal: str
) -> None:
    monkeypatch.setattr(script_converter, "START_S", 1.5)
    (tmp_path / name).write_text(text, encoding="utf-8")
    path = tmp_path / "registry.yaml"
    path.write_text(f"products:\n  - {{product_key: a, name: A, raw_script: {name}}}\n", encoding="utf-8")
    with pytest.raises(RegistryError) as caught:
        load_registry(path)
    assert f"{tmp_path}/{refusal}" in str(caught.value)


def test_converters_of_a_registry_file(tmp_path: Path) -> None:
    (tmp_path / "converter.py").write_text(SCRIPT, encoding="utf-8")
    path = tmp_path / "registry.yaml"
    path.write_text(
        "products:\n"
        "  - {product_key: a, name: A, raw_script: converter.py}\n"
        "  - {product_key: b, name: B, raw_layout: [{identifier: soc, format: u8}]}\n",
        encoding="utf-8",
    )
    products = load_registry(path).products
    assert isinstance(products["a"].converter, ScriptConverter)
    assert isinstance(products["b"].converter, Layout)
    path.write_text(
        "products:\n"
        "  - {product_key: a, name: A, raw_script: nothing.py, raw_layout: [{identifier: soc, format: u8}]}\n"
        "  - {product_key: b, name: B, raw_layout: [{identifier: soc, format: u9}]}\n",
        encoding="utf-8",
    )
    with pytest.raises(RegistryError, match=r"raw_layout\.0\.format"):
        load_registry(path)
    path.write_text("products:\n  - {product_key: a, name: A, raw_script: nothing.py}\n", encoding="utf-8")
    with pytest.raises(RegistryError, match=r"no file 'nothing\.py'"):
        load_registry(path)

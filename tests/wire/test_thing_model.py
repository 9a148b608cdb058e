"""The thing model: what it accepts, how a wrong one is explained, and the EV's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from jinqiao.base.errors import RegistryError
from jinqiao.base.signals import SIGNALS
from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.ev_features import MODULES
from jinqiao.wire.alink.ev_thing_model import ev_thing_model, ev_tsl, ev_tsl_document
from jinqiao.wire.alink.thing_model import ThingModel, refused_parameters
from jinqiao.wire.alink.thing_model_file import load_thing_model, load_thing_models
from jinqiao.wire.alink.tsl_schema import DataType
from jinqiao.wire.alink.tsl_types import compile_type

DOCS = Path(__file__).parents[2] / "docs"
ACCEPTANCE_TSL = Path(__file__).parents[1] / "golden" / "acceptance" / "tsl.json"

INT = {"type": "int", "specs": {"min": "-5", "max": "100", "step": "1"}}
FLOAT = {"type": "float", "specs": {"min": "0", "max": "300"}}
DOUBLE = {"type": "double", "specs": {"min": "-180", "max": "180"}}
BOOL = {"type": "bool", "specs": {"0": "off", "1": "on"}}
ENUM = {"type": "enum", "specs": {"1": "WGS_84", "2": "GCJ_02"}}
TEXT_8 = {"type": "text", "specs": {"length": "8"}}
DATE = {"type": "date", "specs": {}}
STRUCT = {
    "type": "struct",
    "specs": [{"identifier": "Level", "dataType": INT}, {"identifier": "Note", "dataType": TEXT_8}],
}
ARRAY = {"type": "array", "specs": {"size": "2", "item": {"type": "float"}}}
STRUCTS = {"type": "array", "specs": {"size": "2", "item": STRUCT}}


def check_of(data_type: dict[str, Any], *, ranges: bool = True) -> Any:
    adapter: TypeAdapter[Any] = TypeAdapter(DataType)
    return compile_type(adapter.validate_python(data_type), ranges=ranges)


@pytest.mark.parametrize(
    ("data_type", "value", "code"),
    [
        (INT, -5, 0),
        (INT, 100, 0),
        (INT, 101, 6306),
        (INT, -6, 6306),
        (INT, 1.0, 6306),
        (INT, True, 6306),
        (INT, "1", 6306),
        (INT, None, 6306),
        ({"type": "int"}, 2**31 - 1, 0),
        ({"type": "int"}, 2**31, 6306),
        (FLOAT, 42.5, 0),
        (FLOAT, 42, 0),
        (FLOAT, 300.1, 6307),
        (FLOAT, True, 6307),
        (FLOAT, float("nan"), 6307),
        (FLOAT, "42.5", 6307),
        (DOUBLE, 121.58, 0),
        (DOUBLE, 181, 6322),
        (DOUBLE, [], 6322),
        (BOOL, 0, 0),
        (BOOL, 1, 0),
        (BOOL, 2, 6308),
        (BOOL, True, 6308),
        (BOOL, "1", 6308),
        (ENUM, 2, 0),
        (ENUM, 3, 6309),
        (ENUM, "2", 6309),
        (TEXT_8, "12345678", 0),
        (TEXT_8, "123456789", 6310),
        (TEXT_8, "金桥", 0),
        (TEXT_8, "金桥桥", 6310),
        (TEXT_8, 5, 6310),
        (DATE, "1795333508413", 0),
        (DATE, 1795333508413, 6311),
        (DATE, "yesterday", 6311),
        (DATE, "", 6311),
        (DATE, "٣", 6311),
        (STRUCT, {"Level": 1, "Note": "x"}, 0),
        (STRUCT, {"Level": 1}, 6312),
        (STRUCT, {"Level": 1, "Note": "x", "More": 1}, 6304),
        (STRUCT, {"Level": "1", "Note": "x"}, 6306),
        (STRUCT, [1, "x"], 6312),
        (ARRAY, [1.5, 2], 0),
        (ARRAY, [], 0),
        (ARRAY, [1, 2, 3], 6324),
        (ARRAY, [1, "2"], 6325),
        (ARRAY, 1, 6328),
        (STRUCTS, [{"Level": 1, "Note": "x"}], 0),
        (STRUCTS, [{"Level": 1}], 6312),
    ],
)
def test_values_and_codes(data_type: dict[str, Any], value: Any, code: int) -> None:
    assert check_of(data_type)(value) == code


@pytest.mark.parametrize(
    ("data_type", "value"),
    [(INT, 101), (FLOAT, 300.1), (ENUM, 9), (TEXT_8, "123456789"), (STRUCT, {"Level": 999, "Note": "x" * 99})],
)
def test_weak_validation_looks_at_the_type_alone(data_type: dict[str, Any], value: Any) -> None:
    assert check_of(data_type)(value)
    assert not check_of(data_type, ranges=False)(value)
    assert check_of(data_type, ranges=False)(None)


def test_without_validation_anything_fits_but_a_wrong_time() -> None:
    model = ThingModel(json.loads(ACCEPTANCE_TSL.read_text(encoding="utf-8")), validation="none")
    odd = {"VehicleSpeed": "fast", "NoSuch": [1], "StateOfCharge": {"value": None, "time": 5}}
    assert model.refused_properties(odd, 10) == {}
    assert model.refused_properties({"NoSuch": {"value": 1, "time": 11}}, 10) == {"NoSuch": 6326}
    assert refused_parameters(model.events["Collision"].output, {"Anything": object()}) == {}
    assert refused_parameters(model.services["Unlock"].input, {"Door": "front"}) == {}
    assert model.properties["ChargeLimit"].check("full") == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["Level", "Note", "x"]), inner),
    max_leaves=8,
)


@given(JSON, st.sampled_from([INT, FLOAT, DOUBLE, BOOL, ENUM, TEXT_8, DATE, STRUCT, ARRAY, STRUCTS]))
def test_a_check_is_total_and_each_code_has_a_text(value: Any, data_type: dict[str, Any]) -> None:
    code = check_of(data_type)(value)
    assert code == 0 or code in TEXT


MODEL: dict[str, Any] = {
    "schema": "https://iotx-tsl.oss-ap-southeast-1.aliyuncs.com/schema.json",
    "profile": {"version": "1.0", "productKey": "pk"},
    "properties": [
        {"identifier": "Speed", "accessMode": "r", "dataType": FLOAT},
        {"identifier": "Place", "accessMode": "r", "dataType": STRUCT},
    ],
    "events": [
        {"identifier": "post", "type": "info", "outputData": []},
        {"identifier": "Crash", "type": "alert", "outputData": [{"identifier": "Level", "dataType": INT}]},
    ],
    "services": [
        {"identifier": "set", "callType": "async", "inputData": [], "outputData": []},
        {"identifier": "get", "callType": "async", "inputData": ["Speed"], "outputData": []},
        {"identifier": "Unlock", "callType": "sync", "inputData": [{"identifier": "Door", "dataType": ENUM}]},
    ],
    "functionBlocks": [
        {
            "functionBlockId": "battery",
            "functionBlockName": "Battery",
            "properties": [{"identifier": "Heater", "accessMode": "rw", "dataType": BOOL}],
            "events": [{"identifier": "Overheat", "type": "alert", "outputData": []}],
            "services": [{"identifier": "Heat", "callType": "async", "inputData": [], "outputData": []}],
        }
    ],
}


def test_members_of_a_module_are_addressed_with_its_id() -> None:
    model = ThingModel(MODEL)
    assert list(model.properties) == ["Speed", "Place", "battery:Heater"]
    assert list(model.events) == ["Crash", "battery:Overheat"]
    assert list(model.services) == ["Unlock", "battery:Heat"]
    assert model.properties["battery:Heater"].access == "rw"
    assert model.services["Unlock"].call_type == "sync"
    assert json.loads(model.tsl_json) == MODEL


def test_a_file_of_one_module_is_a_thing_model_too() -> None:
    block = MODEL["functionBlocks"][0]
    assert list(ThingModel(block).properties) == ["battery:Heater"]


def test_a_module_that_is_only_listed_adds_nothing() -> None:
    listed = {**MODEL, "functionBlocks": [{"functionBlockId": "x", "functionBlockName": "X", "productKey": "pk"}]}
    assert list(ThingModel(listed).properties) == ["Speed", "Place"]


def test_refused_properties_are_named_with_their_codes() -> None:
    params = {
        "Speed": {"value": 42.5, "time": 1_000},
        "Place": {"Level": 1, "Note": "x"},
        "battery:Heater": 2,
        "Heater": 1,
        "battery:Speed": 1,
    }
    refused = ThingModel(MODEL).refused_properties(params, latest_ms=1_000)
    assert refused == {"battery:Heater": 6308, "Heater": 6320, "battery:Speed": 6320}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"value": 1, "time": 1_000}, 0),
        ({"value": 1}, 0),
        ({"value": 1, "time": 1_001}, 6326),
        ({"value": 1, "time": -1}, 6326),
        ({"value": 1, "time": "1000"}, 6326),
        ({"value": 1, "time": 1.5}, 6326),
        ({"value": 1, "time": None}, 6326),
        ({"value": "x", "time": 1}, 6307),
        ({"time": 1}, 6307),
    ],
)
def test_a_value_may_carry_its_time(value: Any, code: int) -> None:
    assert ThingModel(MODEL).refused_properties({"Speed": value}, latest_ms=1_000).get("Speed", 0) == code


def test_refused_parameters_of_an_event() -> None:
    event = ThingModel(MODEL).events["Crash"]
    assert refused_parameters(event.output, {"Level": 3}) == {}
    assert refused_parameters(event.output, {"Level": "3", "More": 1}) == {"Level": 6306, "More": 6320}


# Files.


def lines(path: Path) -> list[str]:
    with pytest.raises(RegistryError) as caught:
        load_thing_model(path)
    return [str(problem).removeprefix(f"{path.parent}/") for problem in caught.value.problems]


def test_a_model_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "tsl.json"
    path.write_text("\ufeff" + json.dumps(MODEL), encoding="utf-8")
    assert list(load_thing_model(path).properties) == ["Speed", "Place", "battery:Heater"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "tsl.json:1:1: no thing model: found nothing, expected properties, events, services"),
        (
            '{"objects": [], "commands": [], "events": []}',
            "no thing model: found objects, commands, events",
        ),
        ('{"Properties": [{"identifier": "A"}]}', "names are written small: 'properties', not 'Properties'"),
        ('{"Success": true, "Data": {"TslStr": "{}"}}', "the text in Data.TslStr is the thing model"),
        ('{"Data": {"ThingModelJson": "{}"}}', "export the TSL"),
        ('{"profile": {"productKey": "pk"}}', "no thing model: found profile"),
    ],
)
def test_a_file_without_a_thing_model_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "tsl.json"
    path.write_text(text, encoding="utf-8")
    [told] = lines(path)
    assert problem in told


def test_a_thing_model_without_features_is_one(tmp_path: Path) -> None:
    """Gateways of the field have none of their own."""
    path = tmp_path / "tsl.json"
    path.write_text('{"profile": {"productKey": "pk"}, "properties": [], "events": [], "services": []}')
    assert load_thing_model(path).properties == {}


@pytest.mark.parametrize("kind", ["int", "float", "double"])
def test_an_empty_range_is_refused_with_its_place(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "tsl.json"
    path.write_text(one(f'{{"type": "{kind}", "specs": {{"min": "10", "max": "1"}}}}'), encoding="utf-8")
    [told] = lines(path)
    assert told.startswith("tsl.json:2:")
    assert "the range is empty: min 10 is above max 1" in told
    path.write_text(one(f'{{"type": "{kind}", "specs": {{"min": "1", "max": "1"}}}}'), encoding="utf-8")
    load_thing_model(path)


@pytest.mark.parametrize("where", ["alone", "listed"])
def test_a_modules_id_has_thirty_characters_at_most(tmp_path: Path, where: str) -> None:
    path = tmp_path / "tsl.json"
    for length in (30, 31):
        block = {"functionBlockId": "m" * length, "properties": []}
        document = {**block, "profile": {}} if where == "alone" else {"functionBlocks": [block]}
        path.write_text(json.dumps(document), encoding="utf-8")
        if length == 30:
            load_thing_model(path)
        else:
            assert ["functionBlockId" in told and told.startswith("tsl.json:1:") for told in lines(path)] == [True]


def test_a_model_of_several_files(tmp_path: Path) -> None:
    whole = {**MODEL, "functionBlocks": [{"functionBlockId": "battery"}, {"functionBlockId": "body"}]}
    files = {"default.json": whole, "battery.json": MODEL["functionBlocks"][0]}
    for name, document in files.items():
        (tmp_path / name).write_text(json.dumps(document), encoding="utf-8")
    paths = [tmp_path / name for name in files]
    for order in (paths, paths[::-1]):
        model = load_thing_models(order)
        assert list(model.properties) == ["Speed", "Place", "battery:Heater"]
        assert model.hollow == ["body"]  # named, and in none of the files
    assert load_thing_model(paths[0]).hollow == ["battery", "body"]
    for twice, told in ((paths[0], "a second default module"), (paths[1], "module 'battery' appears in two files")):
        with pytest.raises(RegistryError, match=told):
            load_thing_models([*paths, twice])
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    with pytest.raises(RegistryError) as caught:
        load_thing_models([tmp_path / "broken.json", tmp_path / "broken.json"])
    assert len(caught.value.problems) == 2


def one(data_type: str, *, identifier: str = "A", access: str = "r") -> str:
    """The text of a model with one property."""
    head = f'{{"identifier": "{identifier}", "accessMode": "{access}"'
    return f'{{"properties": [\n\t{head}, "dataType": {data_type}}}\n]}}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "tsl.json:1:2: not JSON: "),
        ('{"properties":\n [}', "tsl.json:2:3: not JSON: "),
        ("[" * 100_000, "tsl.json:1:1: not JSON: nested too deep"),
        ("[]", "tsl.json:1:1: "),
        ('{"properties": [],\n "properties": []}', "tsl.json:2:2: "),
        (one('{"type": "date"}', identifier="set"), "tsl.json:2:17: properties.0.identifier: 'set' is reserved"),
        (one('{"type": "date"}', identifier="A b"), "properties.0.identifier: found 'A b'"),
        (one('{"type": "date"}', access="x"), "tsl.json:2:36: properties.0.accessMode: found 'x'"),
        (one('{"type": "long"}'), "tsl.json:2:53: properties.0.dataType: "),
        (one('{"type": "int", "specs": {"min": "a"}}'), "specs.min: found 'a', expected a number as text"),
        (one('{"type": "int", "specs": {"min": NaN}}'), "tsl.json:2:"),
        (one('{"type": "bool", "specs": {"2": "x"}}'), "a bool has the values '0' and '1'"),
        (one('{"type": "struct", "specs": []}'), "properties.0.dataType.specs: "),
        (one('{"type": "array", "specs": {"size": "513", "item": {"type": "int"}}}'), "specs.size: found '513'"),
        (json.dumps({"properties": MODEL["properties"] * 2}), "identifier 'Speed' appears twice"),
        ('{"functionBlocks": [{"functionBlockName": "x"}]}', "a function block without functionBlockId"),
    ],
)
def test_a_wrong_model_names_the_place(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "tsl.json"
    path.write_text(text, encoding="utf-8")
    assert any(expected in line for line in lines(path)), lines(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert lines(tmp_path / "none.json") == ["none.json: no such file"]
    (tmp_path / "latin.json").write_bytes(b'{\n"a": "\xe9"}')
    assert lines(tmp_path / "latin.json") == ["latin.json:2:1: not UTF-8 text"]


# The EV.

#: What subscribers rely on: identifier → type, unit, step, access. `*` marks members and elements of one property.
PROMISED = """
VehicleState enum
VehicleSpeed float km/h 0.1
Odometer double km 0.001
GearPosition enum
StateOfCharge float % 0.1
RemainingRange float km 0.1
GeoLocation.Longitude double deg 0.000001
GeoLocation.Latitude double deg 0.000001
GeoLocation.Altitude double m 0.1
GeoLocation.CoordinateSystem enum
Heading float deg 0.1
AmbientTemperature float degC 0.1
AlarmLevel enum
powertrain:MotorSpeed float rpm 1
powertrain:MotorTorque float Nm 0.1
powertrain:MotorPower float kW 0.01
powertrain:AcceleratorPedal float % 0.1
powertrain:BrakePedal float % 0.1
battery:PackVoltage float V 0.1
battery:PackCurrent float A 0.1
battery:PackPower float kW 0.01
battery:CellVoltageMax float V 0.001
battery:CellVoltageMin float V 0.001
battery:CellTemperatureMax float degC 0.1
battery:CellTemperatureMin float degC 0.1
battery:StateOfHealth float % 0.01
battery:InsulationResistance float kOhm 1
charging:PlugState enum
charging:ChargingState enum
charging:ChargePower float kW 0.01
charging:EnergyCharged double kWh 0.001
charging:MinutesToLimit float min 1
charging:ChargeLimit int % 1 rw
climate:CabinTemperature float degC 0.1
climate:TargetTemperature float degC 0.5 rw
climate:HvacPower float kW 0.01
body:Locked bool rw
body:DoorsOpen int
body:TirePressure[4] float kPa 1
diagnostics:DtcCount int
diagnostics:AuxBatteryVoltage float V 0.01
""".strip().splitlines()

ENUMERATIONS = {
    "VehicleState": {"0": "parked", "1": "driving", "2": "charging", "3": "queueing", "4": "offline-logging"},
    "GearPosition": {"0": "P", "1": "R", "2": "N", "3": "D"},
    "GeoLocation.CoordinateSystem": {"1": "WGS_84", "2": "GCJ_02"},
    "charging:PlugState": {"0": "unplugged", "1": "plugged AC", "2": "plugged DC"},
}


def described(tsl: dict[str, Any]) -> dict[str, tuple[dict[str, Any], str]]:
    """Address → data type and access; members as `X.Y`, elements as `X[n]`."""
    result: dict[str, tuple[dict[str, Any], str]] = {}
    for module in (tsl, *tsl["functionBlocks"]):
        prefix = f"{module['functionBlockId']}:" if "functionBlockId" in module else ""
        for feature in module["properties"]:
            address, data_type = prefix + feature["identifier"], feature["dataType"]
            if data_type["type"] == "struct":
                result |= {f"{address}.{m['identifier']}": (m["dataType"], "r") for m in data_type["specs"]}
            elif data_type["type"] == "array":
                result[f"{address}[{data_type['specs']['size']}]"] = (data_type["specs"]["item"], "r")
            else:
                result[address] = (data_type, feature["accessMode"])
    return result


@pytest.mark.parametrize("row", PROMISED)
def test_every_promised_property_is_there(row: str) -> None:
    address, kind, *rest = row.split()
    data_type, access = described(ev_tsl())[address]
    specs = data_type["specs"]
    assert data_type["type"] == kind
    assert access == ("rw" if rest[-1:] == ["rw"] else "r")
    if rest and rest[0] != "rw":
        assert (specs["unit"], float(specs["step"])) == (rest[0], float(rest[1]))
    assert specs == ENUMERATIONS.get(address, specs)


def test_every_signal_that_a_cloud_sees_has_a_place() -> None:
    found = {address.partition("[")[0] for address in described(ev_tsl())}
    assert found == {s.identifier.partition("[")[0] for s in SIGNALS.values() if s.identifier}


def test_specs_are_text_and_modules_are_named() -> None:
    for data_type, _ in described(ev_tsl()).values():
        assert all(type(value) is str for value in data_type["specs"].values())
    blocks = ev_tsl()["functionBlocks"]
    assert {block["functionBlockId"]: block["functionBlockName"] for block in blocks} == dict(MODULES)
    assert all(block["properties"] for block in blocks)


def test_events_and_services_of_the_ev() -> None:
    model = ev_thing_model("ev")
    outputs = {address: list(event.output) for address, event in model.events.items()}
    assert outputs["TripFinished"] == ["DistanceKm", "DurationS", "EnergyKwh", "RegeneratedKwh"]
    assert outputs["ChargingFinished"] == ["EnergyKwh", "DurationS", "StartSoc", "EndSoc", "StopReason"]
    assert outputs["diagnostics:DtcReported"] == ["Code", "Status"]
    assert outputs["battery:ThermalWarning"] == ["Level", "MaxTemperature"]
    assert {address: event.type for address, event in model.events.items()} == {
        "TripFinished": "info",
        "ChargingStarted": "info",
        "ChargingFinished": "info",
        "Collision": "alert",
        "battery:ThermalWarning": "alert",
        "diagnostics:DtcReported": "error",
    }
    calls = {address: service.call_type for address, service in model.services.items()}
    asynchronous = ["Lock", "Unlock", "StartClimate", "StopClimate", "StartCharging", "StopCharging", "SetChargeLimit"]
    assert [a for a, call in calls.items() if call == "async"] == [*asynchronous, "HonkAndFlash"]
    assert [a for a, call in calls.items() if call == "sync"] == ["RequestDiagnostics", "ReadDtc", "ClearDtc"]
    assert list(model.services["StartClimate"].input) == ["Target"]
    assert list(model.services["SetChargeLimit"].input) == ["Limit"]


def test_generated_features_cover_the_modules_properties() -> None:
    for module in (ev_tsl(), *ev_tsl()["functionBlocks"]):
        own = [p["identifier"] for p in module["properties"]]
        post, (set_, get) = module["events"][0], module["services"][:2]
        assert (post["identifier"], set_["identifier"], get["identifier"]) == ("post", "set", "get")
        assert [p["identifier"] for p in post["outputData"]] == get["inputData"] == own
        writable = [p["identifier"] for p in module["properties"] if p["accessMode"] == "rw"]
        assert [p["identifier"] for p in set_["inputData"]] == writable


def test_the_checked_in_thing_model_is_current() -> None:
    """After a change of the signals: python -m jinqiao.wire.alink.ev_thing_model > docs/thing-model-ev.json"""
    assert (DOCS / "thing-model-ev.json").read_text(encoding="utf-8") == ev_tsl_document()


def test_the_ev_model_names_its_product() -> None:
    assert ev_tsl("a1carPK0001")["link"] == "/sys/a1carPK0001/${deviceName}/thing/"
    assert ev_thing_model("a1carPK0001").tsl["profile"]["productKey"] == "a1carPK0001"

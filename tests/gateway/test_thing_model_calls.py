"""Thing models by cloud calls: a draft is edited, published, and from then on devices are judged by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jinqiao.gateway.platform.products.models import MOST_VERSIONS
from jinqiao.wire.alink.ev_thing_model import ev_tsl
from support.cloud_world import ACCEPTANCE, NOW_MS, CloudWorld
from support.fleet_world import FLEET, Fleet
from support.products import NEW, Kept, ask, made

TSL = json.loads((ACCEPTANCE / "tsl.json").read_text(encoding="utf-8"))
SPEED = {
    "identifier": "Speed",
    "name": "speed",
    "dataType": "FLOAT",
    "rwFlag": "READ_ONLY",
    "dataSpecs": {"dataType": "FLOAT", "min": "0", "max": "250", "step": "0.1", "unit": "km/h"},
}
LOCK = {
    "identifier": "Lock",
    "dataType": "BOOL",
    "rwFlag": "READ_WRITE",
    "dataSpecsList": [
        {"dataType": "BOOL", "name": "open", "value": 0},
        {"dataType": "BOOL", "name": "shut", "value": 1},
    ],
}
CRASH = {
    "identifier": "Crash",
    "eventName": "crash",
    "eventType": "ALERT_EVENT_TYPE",
    "outputdata": [{"identifier": "Force", "dataType": "DOUBLE", "dataSpecs": {"dataType": "DOUBLE", "max": "99"}}],
}
HONK = {
    "identifier": "Honk",
    "serviceName": "honk",
    "callType": "SYNC",
    "inputParams": [{"identifier": "Times", "dataType": "INT"}],
    "outputParams": [],
}


@pytest.fixture
def world() -> CloudWorld:
    return CloudWorld()


def create(world: Any, key: str, block: str = "", **features: list[Any]) -> dict[str, Any]:
    more = {"FunctionBlockId": block, "FunctionBlockName": "a module"} if block else {}
    return ask(world, "CreateThingModel", ProductKey=key, ThingModelJson=json.dumps(features), **more)


def shown(world: Any, action: str, key: str, **more: Any) -> dict[str, Any]:
    data = ask(world, action, ProductKey=key, **more)["Data"]
    document: dict[str, Any] = json.loads(data["ThingModelJson" if "ThingModelJson" in data else "TslStr"])
    return document


def names(document: dict[str, Any]) -> dict[str, list[str]]:
    kinds = ("properties", "events", "services")
    return {kind: [feature["identifier"] for feature in document[kind]] for kind in kinds}


EMPTY = {"properties": [], "events": [], "services": []}
ALL = {"properties": ["Speed", "Lock"], "events": ["Crash"], "services": ["Honk"]}


def test_a_draft_is_no_devices_business_until_it_is_published(world: CloudWorld) -> None:
    key = made(world)
    ask(world, "RegisterDevice", ProductKey=key, DeviceName="c1")
    principal = world.connect(key, "c1")
    topic = f"/sys/{key}/c1/thing/event/property/post"

    def post() -> Any:
        world.say(principal, topic, b'{"id":"1","params":{"Speed":42.5}}')
        return world.state(key, "c1").properties.last.get("Speed")

    assert create(world, key, properties=[SPEED, LOCK], events=[CRASH], services=[HONK])["Success"]
    assert names(shown(world, "QueryThingModel", key)) == ALL
    assert names(shown(world, "QueryThingModelPublished", key)) == EMPTY
    assert post() is None
    assert ask(world, "PublishThingModel", ProductKey=key, ModelVersion="1.0", Description="first")["Success"]
    assert post().value == 42.5  # of the connection that was there before
    published = shown(world, "QueryThingModelPublished", key)
    assert names(published) == ALL
    assert published["_ppk"] == {"description": "first", "version": "1.0"}
    assert list(published) == sorted(published)
    tsl = shown(world, "GetThingModelTslPublished", key)
    assert [event["identifier"] for event in tsl["events"]] == ["post", "Crash"]
    assert [service["identifier"] for service in tsl["services"]] == ["set", "get", "Honk"]
    assert tsl["services"][0]["inputData"] == [
        {"identifier": "Lock", "name": "", "dataType": {"type": "bool", "specs": {"0": "open", "1": "shut"}}}
    ]
    rows = ask(world, "QueryDevicePropertyStatus", ProductKey=key, DeviceName="c1")["Data"]["List"][
        "PropertyStatusInfo"
    ]
    assert [(row["Identifier"], row.get("Value"), row["Unit"]) for row in rows] == [
        ("Speed", "42.5", "km/h"),
        ("Lock", None, ""),
    ]


def test_what_is_shown_can_be_given_to_another_product(world: CloudWorld) -> None:
    one, two = made(world), made(world, ProductName="Charger_2")
    create(world, one, properties=[SPEED, LOCK], events=[CRASH], services=[HONK])
    assert create(world, two, **{kind: shown(world, "QueryThingModel", one)[kind] for kind in EMPTY})["Success"]
    assert shown(world, "GetThingModelTsl", two)["properties"] == shown(world, "GetThingModelTsl", one)["properties"]
    assert ask(world, "PublishThingModel", ProductKey=one, ModelVersion="1")["Success"]
    three = made(world, ProductName="Charger_3")
    copy = {"SourceProductKey": one, "SourceModelVersion": "1", "TargetProductKey": three}
    assert ask(world, "CopyThingModel", **copy)["Success"]
    document = shown(world, "GetThingModelTsl", three)
    assert names(shown(world, "QueryThingModel", three)) == ALL
    assert document["profile"]["productKey"] == three


def test_a_feature_is_changed_and_taken_away(world: CloudWorld) -> None:
    key = made(world)
    create(world, key, properties=[SPEED, LOCK], events=[CRASH], services=[HONK])

    def update(identifier: str, feature: dict[str, Any]) -> dict[str, Any]:
        text = json.dumps({"properties": [feature]})
        return ask(world, "UpdateThingModel", ProductKey=key, Identifier=identifier, ThingModelJson=text)

    assert update("Speed", {**SPEED, "identifier": "Velocity"})["Success"]
    assert names(shown(world, "QueryThingModel", key))["properties"] == ["Velocity", "Lock"]
    assert update("Speed", SPEED)["Code"] == "iot.tsl.InvalidThingModel"
    assert update("Velocity", {**SPEED, "identifier": "Lock"})["Code"] == "iot.tsl.InvalidThingModel"
    assert ask(world, "DeleteThingModel", ProductKey=key, **{"PropertyIdentifier.1": "Lock"})["Success"]
    assert names(shown(world, "QueryThingModel", key))["properties"] == ["Velocity"]
    assert ask(world, "DeleteThingModel", ProductKey=key, **{"ServiceIdentifier.1": "Honk"})["Success"]
    assert ask(world, "DeleteThingModel", ProductKey=key)["Success"]
    assert names(shown(world, "QueryThingModel", key)) == EMPTY


def test_modules_are_edited_each_by_itself(world: CloudWorld) -> None:
    key = made(world)
    assert create(world, key, "battery", properties=[SPEED])["Success"]
    assert create(world, key, "battery", properties=[LOCK])["Success"]
    assert create(world, key, "body", services=[HONK])["Success"]
    whole = shown(world, "QueryThingModel", key)
    assert [(each["functionBlockId"], each["functionBlockName"]) for each in whole["functionBlocks"]] == [
        ("battery", "a module"),
        ("body", "a module"),
    ]
    module = shown(world, "QueryThingModel", key, FunctionBlockId="battery")
    assert (module["identifier"], names(module)["properties"]) == ("battery", ["Speed", "Lock"])
    assert ask(world, "PublishThingModel", ProductKey=key, ModelVersion="1")["Success"]
    model = world.platform.registry.products[key].thing_model
    assert set(model.properties) == {"battery:Speed", "battery:Lock"}
    assert set(model.services) == {"body:Honk"}
    renamed = {"FunctionBlockId": "body", "FunctionBlockName": "bodywork"}
    assert ask(world, "UpdateThingModel", ProductKey=key, **renamed)["Success"]
    gone = {"FunctionBlockId": "battery", "PropertyIdentifier.1": "Lock"}
    assert ask(world, "DeleteThingModel", ProductKey=key, **gone)["Success"]
    assert names(shown(world, "QueryThingModel", key, FunctionBlockId="battery"))["properties"] == ["Speed"]
    assert ask(world, "DeleteThingModel", ProductKey=key, FunctionBlockId="battery")["Success"]
    (left,) = shown(world, "QueryThingModel", key)["functionBlocks"]
    assert left["functionBlockName"] == "bodywork"
    answer = ask(world, "QueryThingModel", ProductKey=key, FunctionBlockId="none")
    assert answer["Code"] == "InvalidParameter"


@pytest.mark.parametrize("document", [TSL, ev_tsl("a1other0001")], ids=["acceptance", "ev"])
def test_a_tsl_document_is_imported_and_comes_back(world: CloudWorld, document: dict[str, Any]) -> None:
    key = made(world)
    assert ask(world, "ImportThingModelTsl", ProductKey=key, TslStr=json.dumps(document))["Success"]
    back = shown(world, "GetThingModelTsl", key)
    for kind, identifiers in names(document).items():
        assert set(identifiers) <= set(names(back)[kind])
    assert back["properties"] == document["properties"]
    assert ask(world, "PublishThingModel", ProductKey=key)["Success"]
    assert world.platform.registry.products[key].thing_model.validation == "weak"
    again = made(world, ProductName="Charger_2")
    assert ask(world, "ImportThingModelTsl", ProductKey=again, TslStr=json.dumps(back))["Success"]
    assert json.loads(json.dumps(shown(world, "GetThingModelTsl", again)).replace(again, key)) == back
    simple = shown(world, "GetThingModelTslPublished", key, Simple="true")
    assert set(simple["properties"][0]) == {"identifier", "dataType"}


def test_one_module_is_imported_into_a_draft(world: CloudWorld) -> None:
    key = made(world)
    create(world, key, properties=[SPEED])
    more = {"FunctionBlockId": "car", "FunctionBlockName": "the car"}
    assert ask(world, "ImportThingModelTsl", ProductKey=key, TslStr=json.dumps(TSL), **more)["Success"]
    assert names(shown(world, "QueryThingModel", key))["properties"] == ["Speed"]
    module = shown(world, "GetThingModelTsl", key, FunctionBlockId="car")
    assert module["properties"] == TSL["properties"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "line 1, column 2"),
        ("[]", "a thing model is a JSON object"),
        ("{}", "found nothing, expected properties, events, services"),
        ('{"ThingModelJson": "{}"}', "found ThingModelJson"),
        (
            '{"properties": [{"identifier": "A", "dataType": {"type": "int", "specs": {"min": "x"}}}]}',
            "properties[0] (A).dataType.specs.min: found 'x'",
        ),
        ('{"properties": [{"identifier": "time", "dataType": {"type": "date"}}]}', "properties[0] (time).identifier"),
        (
            '{"properties": [], "functionBlocks": [{"functionBlockId": "b", "events": [{"identifier": "!"}]}]}',
            "functionBlocks[0] (b).events[0] (!).identifier",
        ),
        ('{"properties": [{"identifier": "A"}]}', "properties[0] (A).dataType"),
        ('{"properties": [5]}', "properties[0]"),
    ],
)
def test_a_bad_document_is_refused_with_the_place(world: CloudWorld, text: str, why: str) -> None:
    key = made(world)
    kept = len(world.kept)
    answer = ask(world, "ImportThingModelTsl", ProductKey=key, TslStr=text)
    assert answer["Code"] in {"iot.tsl.InvalidThingModel", "iot.check.InvalidFormattedParameter"}
    assert why in answer["ErrorMessage"]
    assert len(world.kept) == kept


@pytest.mark.parametrize(
    ("features", "why"),
    [
        ({"properties": [{**SPEED, "dataType": "REAL"}]}, "properties[0] (Speed).dataType: found 'REAL'"),
        (
            {"properties": [LOCK, {**SPEED, "dataSpecs": {"min": "9", "max": "1"}}]},
            "properties[1] (Speed).dataSpecs: the range is empty",
        ),
        ({"properties": [SPEED] * 2}, "'Speed' appears twice"),
        ({"properties": [{**LOCK, "identifier": f"P{n}"} for n in range(11)]}, "at most 10 features in one call"),
        ({"services": [{**HONK, "inputParams": [{"identifier": "T"}]}]}, "services[0] (Honk).inputParams[0] (T)"),
        ({"properties": [{**SPEED, "identifier": "Known"}]}, "'Known' exists already"),
    ],
)  # fmt: skip
def test_a_bad_feature_is_refused_with_the_place(world: CloudWorld, features: dict[str, Any], why: str) -> None:
    key = made(world)
    assert create(world, key, properties=[{**LOCK, "identifier": "Known"}])["Success"]
    answer = create(world, key, **features)
    assert answer["Code"] == "iot.tsl.InvalidThingModel"
    assert why in answer["ErrorMessage"]
    assert names(shown(world, "QueryThingModel", key))["properties"] == ["Known"]


def test_versions_are_listed_latest_first_and_the_oldest_goes(world: CloudWorld) -> None:
    key = made(world)
    create(world, key, properties=[SPEED])
    for number in range(MOST_VERSIONS + 2):
        world.now_ms = NOW_MS + number
        assert ask(world, "PublishThingModel", ProductKey=key, ModelVersion=f"1.{number}")["Success"]
        if number == 1:
            create(world, key, properties=[LOCK])
    listed = ask(world, "ListThingModelVersion", ProductKey=key)["Data"]["ModelVersions"]
    assert [row["ModelVersion"] for row in listed] == [f"1.{n}" for n in range(MOST_VERSIONS + 1, 1, -1)]
    assert listed[0]["GmtCreate"] == world.now_ms
    assert names(shown(world, "QueryThingModel", key, ModelVersion="1.2"))["properties"] == ["Speed", "Lock"]
    assert ask(world, "GetThingModelTsl", ProductKey=key, ModelVersion="1.1")["Code"] == "iot.tsl.VersionNotFound"


@pytest.mark.parametrize("version", ["1_0", "1" * 17, "版"])
def test_a_version_that_cannot_be_is_refused(world: CloudWorld, version: str) -> None:
    key = made(world)
    assert ask(world, "PublishThingModel", ProductKey=key, ModelVersion=version)["Code"] == "iot.tsl.InvalidVersion"


def test_a_version_is_published_once(world: CloudWorld) -> None:
    key = made(world)
    assert ask(world, "PublishThingModel", ProductKey=key, ModelVersion="1.0")["Success"]
    assert ask(world, "PublishThingModel", ProductKey=key, ModelVersion="1.0")["Code"] == "iot.tsl.InvalidVersion"


def test_a_draft_does_not_grow_without_end(world: CloudWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jinqiao.gateway.platform.operations.thing_models.MOST_BYTES", 4_000)
    key = made(world)
    assert create(world, key, properties=[SPEED])["Success"]
    many = [{**SPEED, "identifier": f"P{n}"} for n in range(10)]
    answer = create(world, key, properties=many)
    assert "bytes" in answer["ErrorMessage"]
    assert names(shown(world, "QueryThingModel", key))["properties"] == ["Speed"]


def test_the_model_of_simulated_cars_is_as_their_run_says() -> None:
    fleet = Fleet()
    for action, more in {
        "CreateThingModel": {"ThingModelJson": "{}"},
        "UpdateThingModel": {"ThingModelJson": json.dumps({"properties": [SPEED]})},
        "DeleteThingModel": {},
        "ImportThingModelTsl": {"TslStr": json.dumps(TSL)},
        "PublishThingModel": {},
        "UpdateProduct": {"ProductName": "mine_all"},
        "DeleteProduct": {},
    }.items():
        assert fleet.call(action, ProductKey=FLEET, **more)["Code"] == "iot.prod.UpdateProductFailed", action
    data = fleet.call("QueryThingModelPublished", ProductKey=FLEET)["Data"]
    assert "VehicleSpeed" in names(json.loads(data["ThingModelJson"]))["properties"]


def test_drafts_and_versions_are_there_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    key = kept.ask("CreateProduct", **NEW)["ProductKey"]

    def add(feature: dict[str, Any]) -> None:
        json_text = json.dumps({"properties": [feature]})
        assert kept.ask("CreateThingModel", ProductKey=key, ThingModelJson=json_text)["Success"]

    add(SPEED)
    assert kept.ask("PublishThingModel", ProductKey=key, ModelVersion="1.0", Description="first")["Success"]
    add(LOCK)
    kept = kept.again()
    (row,) = kept.ask("ListThingModelVersion", ProductKey=key)["Data"]["ModelVersions"]
    assert row == {"ModelVersion": "1.0", "Description": "first", "GmtCreate": NOW_MS}
    assert list(kept.platform.registry.products[key].thing_model.properties) == ["Speed"]
    draft = json.loads(kept.ask("QueryThingModel", ProductKey=key)["Data"]["ThingModelJson"])
    assert names(draft)["properties"] == ["Speed", "Lock"]
    assert kept.ask("PublishThingModel", ProductKey=key, ModelVersion="1.1")["Success"]
    kept = kept.again(None)
    assert list(kept.platform.registry.products[key].thing_model.properties) == ["Speed", "Lock"]

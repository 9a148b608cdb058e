"""ThingModelJson and TSL say the same: what TSL allows comes back, what is wrong is refused with its place."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.wire.alink.ev_thing_model import ev_tsl
from jinqiao.wire.alink.thing_model_json import features_from_json, json_of_module, json_words
from jinqiao.wire.alink.tsl_document import (
    GENERATED,
    ModelError,
    as_module,
    compiled,
    empty_tsl,
    place_of,
    simplified,
    with_generated,
)
from jinqiao.wire.alink.tsl_schema import RESERVED, Tsl

identifiers = st.from_regex(r"[A-Za-z0-9_]{1,50}", fullmatch=True).filter(lambda name: name not in RESERVED)
bounds = st.none() | st.integers(-(10**6), 10**6).map(str) | st.floats(-1e6, 1e6).map(repr)


@st.composite
def numbers(draw: Any, kinds: Any = ("int", "float", "double")) -> dict[str, Any]:
    low, high = draw(bounds), draw(bounds)
    if low is not None and high is not None and float(low) > float(high):
        low, high = high, low
    specs = {"min": low, "max": high, "step": draw(bounds), "unit": draw(st.none() | st.text(max_size=5))}
    specs = {name: value for name, value in specs.items() if value is not None}
    return {"type": draw(st.sampled_from(kinds)), **({"specs": specs} if specs or draw(st.booleans()) else {})}


names = st.text(max_size=8)
bools = st.dictionaries(st.sampled_from(["0", "1"]), names).map(lambda specs: {"type": "bool", "specs": specs})
enums = st.dictionaries(st.from_regex(r"-?[0-9]{1,10}", fullmatch=True), names, min_size=1, max_size=5).map(
    lambda specs: {"type": "enum", "specs": specs}
)
texts = st.integers(0, 10_240).map(lambda length: {"type": "text", "specs": {"length": str(length)}}) | st.just(
    {"type": "text"}
)
dates = st.just({"type": "date", "specs": {}})
simple = numbers() | bools | enums | texts | dates


def parameters(kind: st.SearchStrategy[dict[str, Any]], least: int = 0) -> st.SearchStrategy[list[dict[str, Any]]]:
    one = st.fixed_dictionaries({"identifier": identifiers, "name": names, "dataType": kind})
    return st.lists(one, min_size=least, max_size=3, unique_by=lambda each: each["identifier"])


structs = parameters(simple, 1).map(lambda members: {"type": "struct", "specs": members})
arrays = st.builds(
    lambda size, item: {"type": "array", "specs": {"size": str(size), "item": item}},
    st.integers(1, 512),
    numbers() | texts | structs,
)
types = simple | structs | arrays


def features(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    one = st.fixed_dictionaries(
        {
            "identifier": identifiers.filter(lambda name: name not in GENERATED),
            "name": names,
            "required": st.booleans(),
            "desc": names,
            **more,
        }
    )
    return st.lists(one, max_size=3, unique_by=lambda each: each["identifier"])


modules = st.fixed_dictionaries(
    {
        "properties": features(accessMode=st.sampled_from(["r", "rw", "w"]), dataType=types),
        "events": features(type=st.sampled_from(["info", "alert", "error"]), outputData=parameters(types)),
        "services": features(
            callType=st.sampled_from(["async", "sync"]), inputData=parameters(types), outputData=parameters(types)
        ),
    }
)


@given(modules)
def test_what_tsl_allows_comes_back(module: dict[str, Any]) -> None:
    there = json.loads(json.dumps(json_of_module(module, "pk")))
    back = features_from_json(there)
    assert Tsl.model_validate(back) == Tsl.model_validate(module)
    for name, listed in module.items():
        for feature, other in zip(listed, back[name], strict=True):
            kept = {"identifier", "name", "required", "desc"}
            assert {key: feature[key] for key in kept} == {key: other[key] for key in kept}
    assert json_of_module(back, "pk") == json_of_module(json.loads(json.dumps(back)), "pk")


@given(modules)
def test_whole_documents_can_be_compiled_and_say_the_same(module: dict[str, Any]) -> None:
    model = compiled(with_generated(module, "pk"), "strong")
    back = compiled(with_generated(features_from_json(json_of_module(module, "pk")), "pk"), "strong")
    assert model.properties.keys() == back.properties.keys()
    assert model.events.keys() == back.events.keys()
    assert {name: (s.call_type, list(s.input)) for name, s in model.services.items()} == {
        name: (s.call_type, list(s.input)) for name, s in back.services.items()
    }
    assert as_module(model.tsl) == as_module(with_generated(module, "pk"))


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["INT", "STRUCT", "ARRAY", "ENUM"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "properties",
                    "events",
                    "services",
                    "identifier",
                    "dataType",
                    "dataSpecs",
                    "dataSpecsList",
                    "size",
                    "childDataType",
                    "rwFlag",
                    "value",
                    "min",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    anything | st.dictionaries(st.sampled_from(["properties", "events", "services"]), st.lists(anything, max_size=2))
)
def test_whatever_comes_is_read_or_refused(document: Any) -> None:
    with suppress(ModelError):
        compiled(with_generated(features_from_json(document), "pk"), "strong")


@given(st.dictionaries(st.sampled_from(["properties", "events", "functionBlocks"]), anything))
def test_whatever_tsl_comes_is_read_or_refused(document: Any) -> None:
    with suppress(ModelError):
        compiled(with_generated(document, "pk"), "strong")


def test_the_words_are_those_of_the_platforms_own_sample() -> None:
    """Members as in the sample of CreateThingModel, with values of our own."""
    sample = {
        "properties": [
            {
                "custom": True,
                "dataSpecsList": [
                    {
                        "childDataType": "TEXT",
                        "dataSpecs": {"custom": True, "dataType": "TEXT", "length": 20},
                        "dataType": "STRUCT",
                        "identifier": "Ccid",
                        "name": "SIM",
                    }
                ],
                "dataType": "STRUCT",
                "identifier": "Info",
                "rwFlag": "READ_ONLY",
            },
            {
                "dataSpecs": {
                    "childDataType": "INT",
                    "dataType": "ARRAY",
                    "size": 1,
                    "dataSpecs": {"dataType": "INT", "max": "65535", "min": "0", "step": "1", "unit": "ppm"},
                },
                "dataType": "ARRAY",
                "identifier": "Air",
                "rwFlag": "READ_WRITE",
            },
        ]
    }
    info, air = features_from_json(sample)["properties"]
    assert info["dataType"]["specs"] == [
        {"identifier": "Ccid", "name": "SIM", "dataType": {"type": "text", "specs": {"length": "20"}}}
    ]
    assert air["accessMode"] == "rw"
    specs = {"min": "0", "max": "65535", "step": "1", "unit": "ppm"}
    assert air["dataType"] == {"type": "array", "specs": {"size": "1", "item": {"type": "int", "specs": specs}}}


SPEED = {"identifier": "Speed", "dataType": "FLOAT"}
PARAMETER = {"identifier": "p", "dataType": "ENUM"}


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"properties": [SPEED, {**SPEED, "dataType": "REAL"}]}, "properties[1] (Speed).dataType: found 'REAL'"),
        ({"properties": [{**SPEED, "rwFlag": "rw"}]}, "properties[0] (Speed).rwFlag: found 'rw'"),
        ({"properties": [{"dataType": "INT"}]}, "properties[0].identifier"),
        ({"properties": {}}, "properties: expected a list"),
        ({"properties": [{**SPEED, "identifier": "set"}]}, "'set' is generated"),
        ({"events": [{"identifier": "E", "eventType": "info"}]}, "events[0] (E).eventType"),
        (
            {"services": [{"identifier": "S", "inputParams": [{**PARAMETER, "dataSpecsList": [1]}]}]},
            "services[0] (S).inputParams[0] (p).dataSpecsList[0]",
        ),
        ([], "expected a JSON object"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(document: Any, place: str) -> None:
    with pytest.raises(ModelError) as refused:
        features_from_json(document)
    assert place in str(refused.value)


@pytest.mark.parametrize(
    ("specs", "place"),
    [
        ({"min": "x"}, "properties[0] (Speed).dataSpecs.min: found 'x', expected a number as text"),
        ({"min": "2", "max": "1"}, "properties[0] (Speed).dataSpecs: the range is empty"),
    ],
)
def test_what_tsl_does_not_allow_is_named_with_its_place_in_this_form(specs: Any, place: str) -> None:
    document = {"properties": [{**SPEED, "dataSpecs": specs}]}
    with pytest.raises(ModelError) as refused:
        compiled(with_generated(features_from_json(document), "pk"), "strong")
    assert json_words(str(refused.value)).startswith(place)


def test_places_name_features_and_no_types() -> None:
    document = {"properties": [{"identifier": "A", "dataType": {"type": "int", "specs": {"min": "x"}}}]}
    assert place_of(document, ("properties", 0, "dataType", "int", "specs", "min")) == (
        "properties[0] (A).dataType.specs.min"
    )


def test_every_module_has_what_the_platform_generates() -> None:
    assert [e["identifier"] for e in empty_tsl("pk")["events"]] == ["post"]
    whole = ev_tsl("pk")
    again = with_generated(whole, "pk")
    again["functionBlocks"] = [
        {name: block[name] for name in block if name != "productKey"} for block in again["functionBlocks"]
    ]
    assert again == whole


def test_a_simplified_model_has_identifiers_and_types_alone() -> None:
    simple = simplified(ev_tsl("pk"))
    assert set(simple["properties"][0]) == {"identifier", "dataType"}
    assert {key for service in simple["services"] for key in service} == {"identifier", "inputData", "outputData"}
    assert compiled(simple, "strong").properties.keys() == compiled(ev_tsl("pk"), "strong").properties.keys()

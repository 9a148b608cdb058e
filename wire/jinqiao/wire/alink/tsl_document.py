"""Thing models as TSL documents that are edited: the features that the platform generates, modules, places in errors.

Every module has the event `post` and the services `set` and `get`, which follow from its properties.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .thing_model import FEATURES, ThingModel, Validation

__all__ = [
    "GENERATED",
    "SCHEMA",
    "ModelError",
    "as_module",
    "compiled",
    "empty_tsl",
    "generated_event",
    "generated_services",
    "is_generated",
    "place_of",
    "simplified",
    "with_generated",
]

Json = dict[str, Any]

SCHEMA = "https://iotx-tsl.oss-ap-southeast-1.aliyuncs.com/schema.json"
#: Identifiers of generated features.
GENERATED = frozenset({"post", "set", "get"})


class ModelError(ValueError):
    """A document that is no thing model; the text names the place."""


def empty_tsl(product_key: str) -> Json:
    """The thing model of a product for which nobody has defined one."""
    return with_generated({}, product_key)


def as_module(tsl: Mapping[str, Any]) -> Json:
    """A document's own features, without the generated ones and without what is below it."""
    if type(tsl) is not dict:
        raise ModelError("a thing model is a JSON object")
    module: Json = {}
    for name in FEATURES:
        features = tsl.get(name, [])
        if type(features) is not list:
            raise ModelError(f"{name}: found {type(features).__name__}, expected a list")
        module[name] = [feature for feature in features if not is_generated(feature)]
    return module


def is_generated(feature: Any) -> bool:
    """Whether it is one of the features that the platform generates."""
    identifier = feature.get("identifier") if type(feature) is dict else None
    return type(identifier) is str and identifier in GENERATED


def with_generated(tsl: Mapping[str, Any], product_key: str) -> Json:
    """The whole document of this product: each module with its generated features and methods.

    What generated features and heads the document has is not looked at. Raises ModelError where it has not even the
    form of a thing model; whether its features are right is for `compiled` to say.
    """
    whole = _module(tsl, "", product_key)
    blocks = tsl.get("functionBlocks") or []
    if type(blocks) is not list or any(type(block) is not dict for block in blocks):
        raise ModelError("functionBlocks: expected a list of objects")
    if blocks:
        whole["functionBlocks"] = [
            {
                "functionBlockId": block.get("functionBlockId"),
                "functionBlockName": block.get("functionBlockName", ""),
                "productKey": product_key,
                **_module(block, str(block.get("functionBlockId", "")), product_key),
            }
            for block in blocks
        ]
    return whole


def compiled(tsl: Mapping[str, Any], validation: Validation) -> ThingModel:
    """The thing model of a document; raises ModelError with the first thing that is wrong, and its place."""
    from pydantic import ValidationError  # brought along by the first model that is compiled

    try:
        model = ThingModel(tsl, validation=validation)
    except ValidationError as refused:
        error = refused.errors(include_url=False, include_input=False)[0]
        why = str(error["msg"]).removeprefix("Value error, ")
        raise ModelError(f"{place_of(tsl, error['loc'])}: {why}") from refused
    return model


def place_of(document: Any, place: Sequence[str | int]) -> str:
    """`properties[0] (Speed).dataType.specs.min`: where a schema's error is in a document.

    A type's name is a part of a schema's place, and of no document's.
    """
    text, here = "", document
    for step in place:
        if isinstance(step, int):
            here = here[step] if isinstance(here, list) and step < len(here) else None
            name = here.get("identifier") or here.get("functionBlockId") if isinstance(here, dict) else None
            text += f"[{step}]" + (f" ({name})" if isinstance(name, str) else "")
            continue
        if isinstance(here, dict) and step not in here and here.get("type") == step:
            continue
        here = here.get(step) if isinstance(here, dict) else None
        text += f".{step}" if text else step
    return text or "the document"


def simplified(tsl: Mapping[str, Any]) -> Json:
    """Identifiers and data types alone, for who develops a device."""
    simple: Json = {}
    for name in FEATURES:
        simple[name] = [_simple(feature) for feature in tsl.get(name, ())]
    if blocks := tsl.get("functionBlocks"):
        simple["functionBlocks"] = [
            {"functionBlockId": block.get("functionBlockId"), **simplified(block)} for block in blocks
        ]
    return simple


def _simple(feature: Any) -> Any:
    if not isinstance(feature, Mapping):
        return feature  # an input of the generated `get`
    kept = {name: feature[name] for name in ("identifier", "dataType") if name in feature}
    for name in ("inputData", "outputData"):
        if name in feature:
            kept[name] = [_simple(parameter) for parameter in feature[name]]
    return kept


def _module(tsl: Mapping[str, Any], block: str, product_key: str) -> Json:
    module = as_module(dict(tsl))
    prefix = f"{block}:" if block else ""
    properties = [p for p in module["properties"] if isinstance(p, dict) and "identifier" in p and "dataType" in p]
    return {
        "schema": SCHEMA,
        "link": f"/sys/{product_key}/${{deviceName}}/thing/",
        "profile": {"version": "1.0", "productKey": product_key},
        "properties": module["properties"],
        "events": [generated_event(properties), *_with_method(module["events"], f"thing.event.{prefix}{{}}.post")],
        "services": [*generated_services(properties), *_with_method(module["services"], f"thing.service.{prefix}{{}}")],
    }


def _with_method(features: Iterable[Any], method: str) -> list[Any]:
    return [
        {**feature, "method": method.format(feature.get("identifier"))} if type(feature) is dict else feature
        for feature in features
    ]


def generated_event(properties: Sequence[Mapping[str, Any]]) -> Json:
    """`post`, by which a device reports its properties."""
    return {
        "identifier": "post",
        "name": "post",
        "type": "info",
        "required": True,
        "desc": "Property post",
        "method": "thing.event.property.post",
        "outputData": [_parameter(feature) for feature in properties],
    }


def generated_services(properties: Sequence[Mapping[str, Any]]) -> list[Json]:
    """`set` and `get`."""
    service: Json = {"callType": "async", "required": True}
    return [
        {
            "identifier": "set",
            "name": "set",
            **service,
            "desc": "Property set",
            "method": "thing.service.property.set",
            "inputData": [_parameter(feature) for feature in properties if feature.get("accessMode") in {"rw", "w"}],
            "outputData": [],
        },
        {
            "identifier": "get",
            "name": "get",
            **service,
            "desc": "Property get",
            "method": "thing.service.property.get",
            "inputData": [feature["identifier"] for feature in properties],
            "outputData": [_parameter(feature) for feature in properties],
        },
    ]


def _parameter(feature: Mapping[str, Any]) -> Json:
    return {name: feature.get(name, "") for name in ("identifier", "name", "dataType")}

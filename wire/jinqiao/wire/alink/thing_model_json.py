"""The other form of a thing model: ThingModelJson, in which cloud calls define and show features (document 150457).

It says the same as TSL with other words: data types in capitals, `rwFlag`, `eventType`; the values of an enumeration
and the members of a struct are `dataSpecsList`, everything else about a type is `dataSpecs`. Here both are plain JSON
values; what TSL allows is for `tsl_document.compiled` to judge, after the words are translated. Members of events and
services are named as in documentation that we recall, so their TSL names are read, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from .tsl_document import GENERATED, ModelError

__all__ = ["features_from_json", "json_of_module", "json_words"]

Json = dict[str, Any]

_TYPES: Mapping[str, str] = MappingProxyType(
    {name.upper(): name for name in ("int", "float", "double", "bool", "enum", "text", "date", "struct", "array")}
)
_ACCESS = MappingProxyType({"READ_ONLY": "r", "READ_WRITE": "rw", "WRITE_ONLY": "w"})
_EVENTS = MappingProxyType(
    {"INFO_EVENT_TYPE": "info", "ALERT_EVENT_TYPE": "alert", "ERROR_EVENT_TYPE": "error"},
)
_CALLS = MappingProxyType({"ASYNC": "async", "SYNC": "sync"})
#: What a number's type may say; as they are in TSL.
_SPECS = ("min", "max", "step", "unit", "unitName", "precise", "defaultValue")
#: Words of TSL in the place of an error → those of this form.
_WORDS = MappingProxyType(
    {"accessMode": "rwFlag", "inputData": "inputParams", "callType": "callType", "desc": "description"}
)


def json_words(place: str) -> str:
    """A place in a TSL document in the words of this form."""
    for word, other in _WORDS.items():
        place = place.replace(f".{word}", f".{other}")
    outputs = "outputParams" if place.startswith("services") else "outputdata"
    place = place.replace(".outputData", f".{outputs}").replace(".dataType.specs[", ".dataSpecsList[")
    return place.replace(".dataType.specs", ".dataSpecs").replace(".specs", ".dataSpecs")


# From TSL.


def json_of_module(module: Mapping[str, Any], product_key: str) -> Json:
    """Properties, events and services of one module of a TSL document; without those that the platform generates."""

    def listed(name: str, shown: Callable[[Mapping[str, Any], str], Json]) -> list[Json]:
        features = module.get(name, ())
        return [shown(feature, product_key) for feature in features if feature["identifier"] not in GENERATED]

    return {
        "events": listed("events", _event_json),
        "productKey": product_key,
        "properties": listed("properties", _property_json),
        "services": listed("services", _service_json),
    }


def _feature_json(feature: Mapping[str, Any], product_key: str) -> Json:
    json = {
        "custom": True,
        "identifier": feature["identifier"],
        "productKey": product_key,
        "required": bool(feature.get("required", False)),
    }
    if feature.get("desc"):
        json["description"] = feature["desc"]
    if feature.get("extendConfig"):
        json["extendConfig"] = feature["extendConfig"]
    return json


def _property_json(feature: Mapping[str, Any], product_key: str) -> Json:
    access = _word_of(_ACCESS, feature.get("accessMode", "r"))
    named = {"name": feature.get("name", ""), "rwFlag": access}
    return dict(sorted({**_feature_json(feature, product_key), **named, **_type_json(feature["dataType"])}.items()))


def _event_json(feature: Mapping[str, Any], product_key: str) -> Json:
    json = {
        **_feature_json(feature, product_key),
        "eventName": feature.get("name", ""),
        "eventType": _word_of(_EVENTS, feature.get("type", "info")),
        "outputdata": _parameters_json(feature.get("outputData", ()), "PARAM_OUTPUT"),
    }
    return dict(sorted(json.items()))


def _service_json(feature: Mapping[str, Any], product_key: str) -> Json:
    json = {
        **_feature_json(feature, product_key),
        "serviceName": feature.get("name", ""),
        "callType": _word_of(_CALLS, feature.get("callType", "async")),
        "inputParams": _parameters_json(feature.get("inputData", ()), "PARAM_INPUT"),
        "outputParams": _parameters_json(feature.get("outputData", ()), "PARAM_OUTPUT"),
    }
    return dict(sorted(json.items()))


def _parameters_json(parameters: Sequence[Any], direction: str) -> list[Json]:
    json = []
    for order, parameter in enumerate(p for p in parameters if isinstance(p, Mapping)):
        about = {"identifier": parameter["identifier"], "name": parameter.get("name", ""), "custom": True}
        place = {"direction": direction, "paraOrder": order}
        json.append(dict(sorted({**about, **place, **_type_json(parameter["dataType"])}.items())))
    return json


def _type_json(data_type: Mapping[str, Any]) -> Json:
    kind, specs = str(data_type["type"]).upper(), data_type.get("specs")
    return {"dataType": kind, **_specs_json(kind, specs)}


def _specs_json(kind: str, specs: Any) -> Json:
    own = {"custom": True, "dataType": kind}
    if kind in {"BOOL", "ENUM"}:
        values = [{**own, "name": name, "value": _number_of(key)} for key, name in (specs or {}).items()]
        return {"dataSpecsList": values}
    if kind == "STRUCT":
        return {"dataSpecsList": [_member_json(member) for member in specs]}
    if kind == "ARRAY":
        item = str(specs["item"]["type"]).upper()
        child = _specs_json(item, specs["item"].get("specs"))
        return {"dataSpecs": {**own, "childDataType": item, "size": specs["size"], **child}}
    names = ("length",) if kind == "TEXT" else () if kind == "DATE" else _SPECS
    return {"dataSpecs": {**own, **{name: specs[name] for name in names if specs and specs.get(name) is not None}}}


def _member_json(member: Mapping[str, Any]) -> Json:
    data_type = member["dataType"]
    kind = str(data_type["type"]).upper()
    about = {"identifier": member["identifier"], "name": member.get("name", ""), "dataType": "STRUCT"}
    return dict(sorted({**about, "childDataType": kind, **_specs_json(kind, data_type.get("specs"))}.items()))


def _number_of(key: str) -> int | str:
    """The number that a key is, where it is written as numbers are."""
    digits = key.removeprefix("-")
    return int(key) if digits.isdigit() and str(int(key)) == key else key


def _word_of(words: Mapping[str, str], value: str) -> str:
    return next(word for word, known in words.items() if known == value)


# To TSL.


def features_from_json(json: Any) -> Json:
    """Properties, events and services of a document of this form, as TSL has them; raises ModelError with the place."""
    if type(json) is not dict:
        raise ModelError("ThingModelJson: expected a JSON object")
    readers: tuple[tuple[str, Callable[[Json, str], Json]], ...] = (
        ("properties", _property),
        ("events", _event),
        ("services", _service),
    )
    features: Json = {}
    for name, read in readers:
        listed = _list(json, name, "")
        features[name] = [read(_object(one, place := _at(name, n, one)), place) for n, one in enumerate(listed)]
    return features


def _property(json: Json, place: str) -> Json:
    feature = _feature(json, place, "name")
    feature["accessMode"] = _word(json, "rwFlag", _ACCESS, place, "READ_ONLY")
    return {**feature, "dataType": _type(json, "dataType", place)}


def _event(json: Json, place: str) -> Json:
    feature = _feature(json, place, "eventName")
    feature["type"] = _word(json, "eventType", _EVENTS, place, "INFO_EVENT_TYPE")
    named = "outputData" if "outputData" in json else "outputdata"
    return {**feature, "outputData": _parameters(json, named, place)}


def _service(json: Json, place: str) -> Json:
    feature = _feature(json, place, "serviceName")
    feature["callType"] = _word(json, "callType", _CALLS, place, "ASYNC")
    inputs = _parameters(json, "inputParams", place)
    return {**feature, "inputData": inputs, "outputData": _parameters(json, "outputParams", place)}


def _feature(json: Json, place: str, named: str) -> Json:
    identifier = json.get("identifier")
    if type(identifier) is not str:
        raise ModelError(f"{place}.identifier: expected a text")
    if identifier in GENERATED:
        raise ModelError(f"{place}.identifier: {identifier!r} is generated by the platform")
    feature: Json = {
        "identifier": identifier,
        "name": _text(json, named if named in json else "name", place),
        "required": json.get("required") is True,
        "desc": _text(json, "description", place),
    }
    if json.get("extendConfig"):
        feature["extendConfig"] = json["extendConfig"]
    return feature


def _parameters(json: Json, name: str, place: str) -> list[Json]:
    parameters = []
    for n, one in enumerate(_list(json, name, place)):
        at = _at(f"{place}.{name}", n, one)
        parameter = _object(one, at)
        about = {"identifier": parameter.get("identifier"), "name": _text(parameter, "name", at)}
        parameters.append({**about, "dataType": _type(parameter, "dataType", at)})
    return parameters


def _type(json: Json, named: str, place: str) -> Json:
    """The type that `named` says, with what stands beside it."""
    kind = _word(json, named, _TYPES, place)
    if kind in {"bool", "enum"}:
        return {"type": kind, "specs": _values(json, place)}
    if kind == "struct":
        return {"type": kind, "specs": _members(json, place)}
    specs = _object(json.get("dataSpecs", {}), f"{place}.dataSpecs")
    if kind == "array":
        item = _type(specs, "childDataType", f"{place}.dataSpecs")
        return {"type": kind, "specs": {"size": _as_text(specs.get("size")), "item": item}}
    if kind == "date":
        return {"type": kind, "specs": {}}
    names = ("length",) if kind == "text" else _SPECS
    kept = {name: _as_text(specs[name]) for name in names if specs.get(name) is not None}
    return {"type": kind, "specs": kept}


def _values(json: Json, place: str) -> Json:
    named = "childEnumSpecsList" if "childEnumSpecsList" in json else "dataSpecsList"
    values: Json = {}
    for n, one in enumerate(_list(json, named, place)):
        at = f"{place}.{named}[{n}]"
        entry = _object(one, at)
        key = entry.get("value")
        if type(key) not in {int, str}:
            raise ModelError(f"{at}.value: expected a whole number")
        if str(key) in values:
            raise ModelError(f"{at}.value: {key} appears twice")
        values[str(key)] = _text(entry, "name", at)
    return values


def _members(json: Json, place: str) -> list[Json]:
    members = []
    for n, one in enumerate(_list(json, "dataSpecsList", place)):
        at = _at(f"{place}.dataSpecsList", n, one)
        member = _object(one, at)
        if member.get("childDataType") in {"STRUCT", "ARRAY"}:
            raise ModelError(f"{at}.childDataType: a member of a struct has a simple type")
        about = {"identifier": member.get("identifier"), "name": _text(member, "name", at)}
        members.append({**about, "dataType": _type(member, "childDataType", at)})
    return members


def _at(name: str, n: int, one: Any) -> str:
    identifier = one.get("identifier") if type(one) is dict else None
    return f"{name}[{n}]" + (f" ({identifier})" if type(identifier) is str else "")


def _object(value: Any, place: str) -> Json:
    if type(value) is not dict:
        raise ModelError(f"{place}: expected an object")
    return value


def _list(json: Json, name: str, place: str) -> list[Any]:
    value = json.get(name)
    if value is None:
        return []
    if type(value) is not list:
        raise ModelError(f"{place}.{name}: expected a list".removeprefix("."))
    return value


def _text(json: Json, name: str, place: str) -> str:
    value = json.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise ModelError(f"{place}.{name}: expected a text")
    return value


def _as_text(value: Any) -> Any:
    """Numbers are texts in TSL."""
    return str(value) if type(value) in {int, float} else value


def _word(json: Json, name: str, words: Mapping[str, str], place: str, default: str | None = None) -> str:
    value = json.get(name, default)
    if type(value) is not str or value not in words:
        raise ModelError(f"{place}.{name}: found {str(value)[:50]!r}, expected one of {', '.join(words)}")
    return words[value]

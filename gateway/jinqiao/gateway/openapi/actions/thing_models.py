"""Actions on thing models: a draft is edited in either form, published, and looked at again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from jinqiao.gateway.platform.operations.things import as_text
from jinqiao.gateway.platform.products.models import ModelVersion
from jinqiao.wire.alink.thing_model_json import json_of_module
from jinqiao.wire.alink.tsl_document import simplified

from ..action import action
from ..arguments import Arguments
from ..errors import ApiError

__all__ = [
    "copy_thing_model",
    "create_thing_model",
    "delete_thing_model",
    "get_thing_model_tsl",
    "get_thing_model_tsl_published",
    "import_thing_model_tsl",
    "list_thing_model_version",
    "publish_thing_model",
    "query_thing_model",
    "query_thing_model_published",
    "update_thing_model",
]

Tsl = Mapping[str, Any]
_DRAFT = ModelVersion("", "", 0, {})
#: Features to be removed, by the kind of them.
_REMOVED = {
    "properties": "PropertyIdentifier",
    "events": "EventIdentifier",
    "services": "ServiceIdentifier",
}


@action(
    "CreateThingModel",
    "ProductKey! ThingModelJson! FunctionBlockId FunctionBlockName",
    "",
)
def create_thing_model(args: Arguments) -> dict[str, Any]:
    """Adds features to the draft."""
    product, json = args.product(), _json(args, "ThingModelJson")
    args.operations.thing_models.add(args.account, product, json, *_block(args))
    return {}


@action(
    "UpdateThingModel",
    "ProductKey! Identifier ThingModelJson FunctionBlockId FunctionBlockName",
    "",
)
def update_thing_model(args: Arguments) -> dict[str, Any]:
    """Puts one feature in the place of another, or gives a module another name."""
    product, identifier = args.product(), args.text("Identifier", "")
    json = _json(args, "ThingModelJson") if args.text("ThingModelJson", "") else None
    args.operations.thing_models.replace(args.account, product, json, identifier, *_block(args))
    return {}


@action(
    "DeleteThingModel",
    "ProductKey! PropertyIdentifier.N EventIdentifier.N ServiceIdentifier.N FunctionBlockId",
    "",
)
def delete_thing_model(args: Arguments) -> dict[str, Any]:
    """Takes features away from the draft; all of a module, or of the product, where none is named."""
    names = {kind: args.list(parameter) for kind, parameter in _REMOVED.items()}
    args.operations.thing_models.remove(args.account, args.product(), names, args.text("FunctionBlockId", ""))
    return {}


@action(
    "ImportThingModelTsl",
    "ProductKey! TslStr! FunctionBlockId FunctionBlockName",
    "",
)
def import_thing_model_tsl(args: Arguments) -> dict[str, Any]:
    """Puts a TSL document in the place of the draft."""
    product, tsl = args.product(), _json(args, "TslStr")
    args.operations.thing_models.import_tsl(args.account, product, tsl, *_block(args))
    return {}


@action(
    "PublishThingModel",
    "ProductKey! ModelVersion Description",
    "",
)
def publish_thing_model(args: Arguments) -> dict[str, Any]:
    """Without a version it is called by the time, as the platform's own are."""
    version = args.text("ModelVersion", "") or str(args.now_ms())
    description = args.text("Description", "")
    args.operations.thing_models.publish(args.account, args.product(), version, description)
    return {}


@action(
    "CopyThingModel",
    "SourceProductKey! SourceModelVersion! TargetProductKey!",
    "",
)
def copy_thing_model(args: Arguments) -> dict[str, Any]:
    """The draft of one product becomes what was published of another."""
    find = args.operations.devices.product
    source = find(args.account, args.text("SourceProductKey"))
    target = find(args.account, args.text("TargetProductKey"))
    args.operations.thing_models.copy(args.account, source, args.text("SourceModelVersion"), target)
    return {}


@action(
    "QueryThingModel",
    "ProductKey! ModelVersion FunctionBlockId",
    "ProductKey Data{ThingModelJson}",
)
def query_thing_model(args: Arguments) -> dict[str, Any]:
    """The draft, or a version of what was published."""
    tsl, version = _draft_or_version(args)
    return _as_json(args, tsl, version)


@action(
    "QueryThingModelPublished",
    "ProductKey! ModelVersion FunctionBlockId",
    "ProductKey Data{ThingModelJson}",
)
def query_thing_model_published(args: Arguments) -> dict[str, Any]:
    """What devices are judged by, or a former version."""
    found = args.operations.thing_models.published(args.account, args.product(), args.text("ModelVersion", ""))
    return _as_json(args, *found)


@action(
    "GetThingModelTsl",
    "ProductKey! ModelVersion FunctionBlockId Simple",
    "Data{TslStr TslUri}",
)
def get_thing_model_tsl(args: Arguments) -> dict[str, Any]:
    """The whole document of the draft or a version, or one module of it."""
    return _as_tsl(args, _draft_or_version(args)[0])


@action(
    "GetThingModelTslPublished",
    "ProductKey! ModelVersion FunctionBlockId Simple",
    "Data{TslStr TslUri}",
)
def get_thing_model_tsl_published(args: Arguments) -> dict[str, Any]:
    """The same of what devices are judged by, or a former version."""
    found = args.operations.thing_models.published(args.account, args.product(), args.text("ModelVersion", ""))
    return _as_tsl(args, found[0])


@action(
    "ListThingModelVersion",
    "ProductKey!",
    "Data{ModelVersions[ModelVersion Description GmtCreate]}",
)
def list_thing_model_version(args: Arguments) -> dict[str, Any]:
    """Latest first."""
    rows = [
        {"ModelVersion": version.version, "Description": version.description, "GmtCreate": version.created_ms}
        for version in args.operations.thing_models.versions(args.account, args.product())
    ]
    return {"Data": {"ModelVersions": rows}}


def _draft_or_version(args: Arguments) -> tuple[Tsl, ModelVersion]:
    product, version = args.product(), args.text("ModelVersion", "")
    if version:
        return args.operations.thing_models.published(args.account, product, version)
    return args.operations.thing_models.draft(args.account, product), _DRAFT


def _as_json(args: Arguments, tsl: Tsl, version: ModelVersion) -> dict[str, Any]:
    key, block = args.product().key, args.text("FunctionBlockId", "")
    module = _module(tsl, block)
    json = json_of_module(module, key)
    if block:
        json |= {"identifier": block, "name": module.get("functionBlockName", "")}
    elif blocks := tsl.get("functionBlocks"):
        names = ("functionBlockId", "functionBlockName")
        json["functionBlocks"] = [{"productKey": key, **{n: each.get(n, "") for n in names}} for each in blocks]
    if version.version:
        json["_ppk"] = {"description": version.description, "version": version.version}
    return {"ProductKey": key, "Data": {"ThingModelJson": as_text(dict(sorted(json.items())))}}


def _as_tsl(args: Arguments, tsl: Tsl) -> dict[str, Any]:
    block = args.text("FunctionBlockId", "")
    shown = _module(tsl, block)
    return {"Data": {"TslStr": as_text(simplified(shown) if args.flag("Simple") else shown), "TslUri": ""}}


def _module(tsl: Tsl, block: str) -> Tsl:
    if not block:
        return tsl
    for module in tsl.get("functionBlocks", ()):
        if module.get("functionBlockId") == block:
            found: Tsl = module
            return found
    raise ApiError("InvalidParameter", f"no module {block[:50]!r} in the thing model.")


def _block(args: Arguments) -> tuple[str, str]:
    block, name = args.text("FunctionBlockId", ""), args.text("FunctionBlockName", "")
    if name and not block:
        raise ApiError("InvalidParameter", "FunctionBlockName needs FunctionBlockId.")
    return block, name


def _json(args: Arguments, name: str) -> Any:
    """A document as text; what is no JSON is refused with the place."""
    try:
        return orjson.loads(args.text(name))
    except orjson.JSONDecodeError as error:
        why = f"{name} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        raise ApiError("iot.check.InvalidFormattedParameter", why) from None

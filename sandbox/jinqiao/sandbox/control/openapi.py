"""The OpenAPI 3.1 document of the calls, made from their table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from pydantic import TypeAdapter

from .call import Call

__all__ = ["document"]

_ABOUT = """\
The clock, the vehicles and the faults of a run, and what is expected of the product under test.

Times are simulated. A refused request says in `error` where the mistake is (`pointer`, RFC 6901), what was found there
and what fits.
"""
_ERROR = {
    "type": "object",
    "description": "What was found at `pointer`, and what is expected there.",
    "properties": {
        "error": {
            "type": "object",
            "properties": {"pointer": {"type": "string"}, "found": {}, "expected": {"type": "string"}},
            "required": ["pointer", "found", "expected"],
        }
    },
    "required": ["error"],
}
_REF = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)\}")


def document(calls: Sequence[Call]) -> dict[str, Any]:
    """The document of these calls."""
    schemas: dict[str, Any] = {"Error": _ERROR}
    paths: dict[str, Any] = {}
    for call in calls:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Jinqiao control", "version": version("jinqiao"), "description": _ABOUT},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "`control_token` of the ready line."}
            },
        },
    }


def _operation(call: Call, schemas: dict[str, Any]) -> dict[str, Any]:
    summary, _, more = call.doc.partition("\n\n")
    refuses = {400: "the request does not fit", **({} if call.is_open else {401: "no token, or a wrong one"})}
    refuses |= call.refuses
    operation: dict[str, Any] = {
        "operationId": call.name,
        "summary": summary,
        "responses": {
            str(call.status): {"description": "done", "content": _content(_schema(call.answer, schemas))},
            **{
                str(status): {"description": why, "content": _content({"$ref": _REF.format(model="Error")})}
                for status, why in sorted(refuses.items())
            },
        },
    }
    if more:
        operation["description"] = more
    if call.is_open:
        operation["security"] = []
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(call.path)
    ]
    if call.query is not None:
        parameters += _query(call.query.model_json_schema(ref_template=_REF))
    if parameters:
        operation["parameters"] = parameters
    if call.body is not None:
        schema = call.schema() if call.schema is not None else _schema(call.body, schemas)
        schemas |= schema.pop("$defs", {})
        operation["requestBody"] = {"required": True, "content": _content(schema, call.example)}
    return operation


def _query(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "description": about.pop("description", ""), "schema": about}
        for name, about in schema["properties"].items()
    ]


def _schema(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """A type's schema; its parts, and itself if it has a name, go among the components."""
    schema = TypeAdapter(kind).json_schema(ref_template=_REF)
    schemas |= schema.pop("$defs", {})
    name = schema.get("title")
    if name is None:
        return schema
    schemas[name] = schema
    return {"$ref": _REF.format(model=name)}


def _content(schema: dict[str, Any], example: Any = None) -> dict[str, Any]:
    return {"application/json": {"schema": schema, **({} if example is None else {"example": example})}}

"""Responses as JSON or XML, by the request's `Format`: RPC v1 defaults to XML, ACS3 to JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

import orjson

from .http import Request, Response

__all__ = ["response", "wants_xml"]

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def wants_xml(request: Request, parameters: Mapping[str, str]) -> bool:
    """Whether the caller is to be answered in XML."""
    named = parameters.get("Format", "").upper()
    if named in {"JSON", "XML"}:
        return named == "XML"
    accept = request.headers.get("accept", "")
    return "x-acs-action" not in request.headers and "json" not in accept


def response(status: int, root: str, body: Mapping[str, Any], *, xml: bool) -> Response:
    """`body` in the wanted form; `root` is the outer element, `{Action}Response` or `Error`."""
    if xml:
        text = "<?xml version='1.0' encoding='UTF-8'?>" + "".join(_element(root, body))
        return Response(status, text.encode(), "application/xml; charset=utf-8")
    return Response(status, orjson.dumps(body))


def _element(name: str, value: Any) -> Iterator[str]:
    """Lists are repeated elements of one name."""
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _element(name, item)
        return
    yield f"<{name}>"
    yield from _content(value)
    yield f"</{name}>"


def _content(value: Any) -> Iterable[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _element(name, inner)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif value is not None:
        yield escape(_printable(str(value)), {"\r": "&#13;"})  # a bare one is read as a newline


def _printable(text: str) -> str:
    """Without the characters that XML 1.0 § 2.2 cannot hold."""
    return _UNPRINTABLE.sub("", text)

"""What turns a product's raw bytes into Alink and back, whatever it is made of."""

from __future__ import annotations

from typing import Any, Protocol

import orjson

from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.json_values import compact

__all__ = ["Converter", "ConverterError", "encoded", "to_raw"]


class ConverterError(Exception):
    """A converter did not do its work; `code` is the platform's (26001 and its like), `line` the script's, or 0."""

    def __init__(self, code: int, message: str, *, line: int = 0) -> None:
        super().__init__(message)
        self.code, self.line = code, line


class Converter(Protocol):
    """What the platform's scripts do; both raise ConverterError."""

    def raw_data_to_protocol(self, raw: bytes) -> dict[str, Any]:
        """A device's bytes as an Alink message."""

    def protocol_to_raw_data(self, message: dict[str, Any]) -> bytes:
        """An Alink message (a request, or a reply) as the device's bytes."""


def encoded(message: dict[str, Any]) -> bytes:
    """A converted message as Alink's bytes; ConverterError where it holds what JSON cannot."""
    try:
        return compact(message)
    except TypeError as error:  # such as a number beyond 64 bits
        raise ConverterError(26007, f"{TEXT[26007]}: {error}") from error


def to_raw(converter: Converter, payload: bytes) -> bytes:
    """Alink's bytes as the device's; raises ConverterError."""
    return converter.protocol_to_raw_data(orjson.loads(payload))

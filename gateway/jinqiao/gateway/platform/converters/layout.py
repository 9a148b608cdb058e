"""A declared converter: which bytes of a raw frame are which property, as a table instead of a script.

Frame: command (1 byte), id (4 bytes, big-endian), then the fields. Commands are those of the platform's own sample
script: 0 property post, 1 property set, 2 reply to a post, 3 reply to a set.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .base import ConverterError

__all__ = ["Field", "Layout"]

_HEAD = struct.Struct(">BI")
_POST, _SET, _POST_REPLY, _SET_REPLY = range(4)

#: Number formats of a field, big-endian.
FORMATS = {"u8": "B", "i8": "b", "u16": "H", "i16": "h", "u32": "I", "i32": "i", "f32": "f", "f64": "d"}

#: The platform's code for a script that fails on its input.
_FAILED = 26010


@dataclass(frozen=True, slots=True)
class Field:
    """One property: value = number on the wire × scale + offset, a whole number where scale and offset are whole."""

    identifier: str
    format: str
    scale: float = 1
    offset: float = 0


class Layout:
    """A converter for frames of fixed fields; ValueError for an invalid format."""

    def __init__(self, fields: Sequence[Field]) -> None:
        unknown = [field.format for field in fields if field.format not in FORMATS]
        if unknown or not fields:
            raise ValueError(f"fields have one of the formats {', '.join(FORMATS)}, found {unknown}")
        self.fields = tuple(fields)
        self._body = struct.Struct(">" + "".join(FORMATS[field.format] for field in fields))

    def raw_data_to_protocol(self, raw: bytes) -> dict[str, Any]:
        """A frame of the device as an Alink message."""
        if len(raw) < _HEAD.size:
            raise ConverterError(_FAILED, f"{len(raw)} bytes, a frame begins with {_HEAD.size}")
        command, number = _HEAD.unpack_from(raw)
        if command == _SET_REPLY and len(raw) == _HEAD.size + 1:
            return {"id": str(number), "version": "1.0", "code": 200 if raw[-1] == 0 else 500, "data": {}}
        if command != _POST or len(raw) != _HEAD.size + self._body.size:
            raise ConverterError(_FAILED, f"command {command} with {len(raw)} bytes is not a frame of this product")
        values = self._body.unpack_from(raw, _HEAD.size)
        params = {
            field.identifier: value * field.scale + field.offset
            for field, value in zip(self.fields, values, strict=True)
        }
        return {"id": str(number), "version": "1.0", "method": "thing.event.property.post", "params": params}

    def protocol_to_raw_data(self, message: dict[str, Any]) -> bytes:
        """A reply or a property set as a frame; fields that a set does not name are 0."""
        identifier = str(message.get("id", "0"))
        number = int(identifier) % 2**32 if identifier.isascii() and identifier.isdigit() else 0
        if "code" in message:
            return _HEAD.pack(_POST_REPLY, number) + bytes([0 if message["code"] == 200 else 1])
        params = message.get("params")
        if message.get("method") != "thing.service.property.set" or type(params) is not dict:
            raise ConverterError(_FAILED, "only property sets have a frame")
        return _HEAD.pack(_SET, number) + self._packed(params)

    def _packed(self, params: dict[str, Any]) -> bytes:
        values = []
        for field in self.fields:
            number = (params.get(field.identifier, field.offset) - field.offset) / field.scale
            values.append(number if field.format.startswith("f") else round(number))
        try:
            return self._body.pack(*values)
        except struct.error as error:
            raise ConverterError(_FAILED, str(error)) from error

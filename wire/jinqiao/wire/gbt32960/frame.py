"""One frame: start, command, reply, VIN, encryption, length, data, check code (GB/T 32960.3, 6.2, table 2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from operator import xor
from typing import Any

from jinqiao.base.errors import InputError
from jinqiao.base.words import did_you_mean

from .commands import COMMANDS, EDITIONS, ENCRYPTION, REPLIES, Edition, RealTime
from .cursor import Cursor, Fault
from .forms import Form, Text, Time

__all__ = ["HEAD", "USUAL_PORT", "Frame", "as_json", "check_code", "decode_frame", "encode_frame", "plausible_head"]

#: The mirrored platform's own default for its GB/T 32960 gateway; the standard names no port.
USUAL_PORT = 8999

#: Bytes before the data, and the most there can be in all: the length is a u16, the check code stands last.
HEAD = 24
MOST = HEAD + 0xFFFF + 1
_VIN_AT, _LENGTH_AT = 4, 22
_STARTS = {edition.start: edition for edition in EDITIONS.values()}
_COMMAND_NAMES = {code: name for name, code in COMMANDS.items()}
_REPLY_NAMES = {code: name for name, code in REPLIES.items()}
_ENCRYPTION_NAMES = {code: name for name, code in ENCRYPTION.items()}
#: Commands of which nothing is known but that they may be there: reserved and the terminal's own (6.3.1, table 3).
_RESERVED = frozenset({*range(0x0C, 0xFF)})


@dataclass(frozen=True, slots=True)
class Frame:
    """`command` and `reply` are names, or hexadecimal where the edition has none; `data` is what the command carries.

    `data` is bytes where it cannot be read (encrypted, reserved). `faults` lists what in the data could not be read.
    """

    edition: str
    command: str
    vin: str
    data: Mapping[str, Any] | bytes = field(default_factory=dict)
    reply: str = "command"
    encryption: str = "none"
    faults: tuple[Fault, ...] = ()

    def answer(self, reply: str, **data: Any) -> Frame:
        """What a platform says to it: the same command, the time kept, the rest removed (2016, B.3.3.2)."""
        time = {"time": self.data["time"]} if isinstance(self.data, Mapping) and "time" in self.data else {}
        return replace(self, reply=reply, data={**time, **data}, encryption="none", faults=())

    @property
    def is_command(self) -> bool:
        return self.reply == "command"


def check_code(data: bytes) -> int:
    """BCC: exclusive or of all bytes from the command to the last of the data."""
    return reduce(xor, data, 0)


def encode_frame(frame: Frame) -> bytes:
    """The bytes of a frame; InputError names the field that has none."""
    edition = EDITIONS.get(frame.edition)
    if edition is None:
        raise InputError(f"edition: found {frame.edition!r}, expected one of {', '.join(EDITIONS)}")
    if len(frame.vin) > 17 or not frame.vin.isascii():
        raise InputError(f"vin: found {frame.vin!r}, expected 17 ASCII characters")
    data = frame.data if isinstance(frame.data, bytes) else _encode_data(edition, frame)
    if len(data) > 0xFFFF:
        raise InputError(f"data: found {len(data)} bytes, expected at most 65535: send it in several frames")
    codes = (_code("command", frame.command, COMMANDS), _code("reply", frame.reply, REPLIES))
    body = b"".join(
        (
            bytes(codes),
            frame.vin.encode().ljust(17, b"\0"),
            bytes((_code("encryption", frame.encryption, ENCRYPTION),)),
            len(data).to_bytes(2, "big"),
            data,
        )
    )
    return edition.start + body + bytes((check_code(body),))


def _code(what: str, name: str, codes: Mapping[str, int]) -> int:
    try:
        return codes[name] if name in codes else int(name, 16) & 0xFF
    except ValueError:
        raise InputError(f"{what}: no {what} {name!r}{did_you_mean(name, codes)}") from None


def _encode_data(edition: Edition, frame: Frame) -> bytes:
    assert not isinstance(frame.data, bytes)
    if not frame.is_command and "result" not in frame.data:
        return Time().encode(frame.data["time"], "time") if "time" in frame.data else b""
    if frame.command not in edition.data:
        raise InputError(f"command: found {frame.command!r}, which edition {edition.name} does not have")
    form = edition.data[frame.command]
    return b"" if form is None else form.encode(frame.data, frame.command)


def plausible_head(data: bytes, at: int = 0) -> bool:
    """Whether a frame may begin here: start, known command, reply and encryption, printable VIN."""
    head = data[at : at + HEAD]
    return (
        len(head) == HEAD
        and head[:2] in _STARTS
        and (head[2] in _COMMAND_NAMES or head[2] in _RESERVED)
        and head[3] in _REPLY_NAMES
        and all(0x20 <= byte < 0x7F for byte in head[_VIN_AT : _VIN_AT + 17].rstrip(b"\0"))
        and head[21] in _ENCRYPTION_NAMES
    )


def decode_frame(data: bytes) -> Frame:
    """The frame these bytes are; Fault (offset, found, expected) when they are none.

    Data that cannot be read whole does not spoil a frame: what was read stays, `faults` lists the rest.
    """
    edition = _STARTS.get(data[:2])
    if edition is None:
        raise Fault(0, "start", data[:2].hex() or "nothing", " or ".join(start.hex() for start in _STARTS))
    if len(data) < HEAD + 1:
        raise Fault(len(data), "frame", f"{len(data)} bytes", f"at least {HEAD + 1}")
    length = int.from_bytes(data[_LENGTH_AT:HEAD], "big")
    if HEAD + length + 1 != len(data):
        raise Fault(_LENGTH_AT, "length", str(length), f"{len(data) - HEAD - 1}, the bytes of data there are")
    found, expected = data[-1], check_code(data[2:-1])
    if found != expected:
        raise Fault(len(data) - 1, "check code", f"{found:02x}", f"{expected:02x}")
    vin = data[_VIN_AT : _VIN_AT + 17]
    if not all(0x20 <= byte < 0x7F for byte in vin.rstrip(b"\0")):
        raise Fault(_VIN_AT, "VIN", vin.hex(), "17 ASCII characters")
    frame = Frame(
        edition=edition.name,
        command=_COMMAND_NAMES.get(data[2], f"{data[2]:02X}"),
        vin=Text(17).decode(Cursor(vin), "vin"),
        reply=_REPLY_NAMES.get(data[3], f"{data[3]:02X}"),
        encryption=_ENCRYPTION_NAMES.get(data[21], f"{data[21]:02X}"),
    )
    content, faults = _decode_data(edition, frame, Cursor(data, HEAD, len(data) - 1))
    return replace(frame, data=content, faults=faults)


def _decode_data(edition: Edition, frame: Frame, cursor: Cursor) -> tuple[Mapping[str, Any] | bytes, tuple[Fault, ...]]:
    rest = cursor.data[cursor.at : cursor.end]
    if frame.encryption != "none":
        return rest, ()
    if not frame.is_command and frame.command != "activation_answer":
        return _decoded(None if not rest else _TIME_ONLY, cursor)
    if frame.command not in edition.data:
        fault = Fault(2, "command", frame.command, f"one of edition {edition.name}: {', '.join(edition.data)}")
        return rest, (fault,) if int(COMMANDS.get(frame.command, 0)) else ()
    return _decoded(edition.data[frame.command], cursor)


class _TimeOnly:
    def encode(self, value: Any, path: str) -> bytes:
        return Time().encode(value["time"], path)

    def decode(self, cursor: Cursor, path: str) -> dict[str, Any]:
        return {"time": Time().decode(cursor, path)}


_TIME_ONLY = _TimeOnly()


def _decoded(form: Form | None, cursor: Cursor) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    found: dict[str, Any] = {}
    try:
        if isinstance(form, RealTime):
            form.decode_into(found, cursor, "data")
        elif form is not None:
            found = form.decode(cursor, "data")
        if cursor.at < cursor.end:
            raise Fault(cursor.at, "data", f"{cursor.end - cursor.at} bytes more", "its end")
    except Fault as fault:
        return found, (fault,)
    return found, ()


def as_json(frame: Frame) -> dict[str, Any]:
    """A frame as values that JSON knows: times in ISO 8601, bytes in hexadecimal."""
    told = {
        "edition": frame.edition,
        "command": frame.command,
        "reply": frame.reply,
        "vin": frame.vin,
        "encryption": frame.encryption,
        "data": frame.data,
        **({"faults": [str(fault) for fault in frame.faults]} if frame.faults else {}),
    }
    plain: dict[str, Any] = json.loads(json.dumps(told, default=_plain))
    return plain


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else bytes(value).hex()

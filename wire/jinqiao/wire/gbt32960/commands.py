"""What each command carries, both editions (GB/T 32960.3-2016 and -2025, 6.3 and 7)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinqiao.base.errors import InputError
from jinqiao.base.words import did_you_mean

from .cursor import Cursor, Fault
from .forms import Blob, Choice, Count, Form, Number, Record, Text, Time
from .items import ITEMS_2016, ITEMS_2025, OWN_DATA, SIGNATURE, Item

__all__ = ["COMMANDS", "EDITIONS", "ENCRYPTION", "REPLIES", "SIGNATURE_FORM", "Edition", "RealTime"]

#: Command byte by name.
COMMANDS: Mapping[str, int] = {
    "login": 0x01,
    "real_time": 0x02,
    "reissue": 0x03,
    "logout": 0x04,
    "platform_login": 0x05,
    "platform_logout": 0x06,
    "heartbeat": 0x07,
    "time_sync": 0x08,
    "activation": 0x09,
    "activation_answer": 0x0A,
    "key_sync": 0x0B,
}
#: The reply byte: FE marks a command, everything else answers one; 05 to 07 came with the edition of 2025.
REPLIES: Mapping[str, int] = {
    "ok": 0x01,
    "error": 0x02,
    "vin_double": 0x03,
    "vin_unknown": 0x04,
    "signature": 0x05,
    "structure": 0x06,
    "decryption": 0x07,
    "command": 0xFE,
}
ENCRYPTION: Mapping[str, int] = {"none": 1, "rsa": 2, "aes": 3, "sm2": 4, "sm4": 5, "abnormal": 0xFE, "invalid": 0xFF}

SERIAL = Number(2, marks=False)
ICCID = Text(20)
_ENCRYPTION_FORM = Choice({code: name for name, code in ENCRYPTION.items()})

#: Algorithm 02 is RSA: the signature stands in R, S is empty.
SIGNATURE_FORM = Record({"algorithm": Choice({1: "sm2", 2: "rsa", 3: "ecc"}), "r": Blob(), "s": Blob()})


#: How many packs, how many managements, how long a number is.
_COUNT = Count()


@dataclass(frozen=True, slots=True)
class PackNumbers2016:
    """Number of subsystems, length of a pack's number, and the numbers; a mark in place of a count is the value."""

    def encode(self, value: Any, path: str) -> bytes:
        length = max((len(number) for number in value), default=0) if not isinstance(value, str) else 0
        if length > _COUNT.most:
            raise InputError(f"{path}: found a number of {length} characters, expected {_COUNT.most} at most")
        numbers = b"" if isinstance(value, str) else b"".join(Text(length).encode(number, path) for number in value)
        return _COUNT.encode(value, path) + bytes((length,)) + numbers

    def decode(self, cursor: Cursor, path: str) -> list[str] | str:
        count, length = _COUNT.decode(cursor, path), _COUNT.decode(cursor, path)
        if isinstance(count, str):
            return count
        if isinstance(length, str):
            return length
        return [Text(length).decode(cursor, path) for _ in range(count)]


@dataclass(frozen=True, slots=True)
class PackNumbers2025:
    """Number of battery managements, packs of each, then every pack's number of 24 characters; marks as in 2016."""

    number = Text(24)

    def encode(self, value: Any, path: str) -> bytes:
        if isinstance(value, str):
            return _COUNT.encode(value, path)
        counts = b"".join(_COUNT.encode(packs, path) for packs in value)
        listed = (pack for packs in value if not isinstance(packs, str) for pack in packs)
        return _COUNT.encode(value, path) + counts + b"".join(self.number.encode(pack, path) for pack in listed)

    def decode(self, cursor: Cursor, path: str) -> list[list[str] | str] | str:
        managements = _COUNT.decode(cursor, path)
        if isinstance(managements, str):
            return managements
        counts = [_COUNT.decode(cursor, path) for _ in range(managements)]
        return [
            count if isinstance(count, str) else [self.number.decode(cursor, path) for _ in range(count)]
            for count in counts
        ]


#: An item's name, and its number from the second of a kind on; own data have their type in their name.
_NAMED = re.compile(r"(own_[0-9A-F]{2}|.+?)(?:_([0-9]+))?")


@dataclass(frozen=True, slots=True)
class RealTime:
    """Time of collection, then items by name in the order given; in 2025 a signature may stand last.

    The value: `{"time": …, "vehicle": {…}, …}`; own data is `{"own_80": bytes}`. A second item of a kind is kept as
    `cells_2`, a third as `cells_3`. An unknown one ends the reading with a Fault: its length is not written in it.
    """

    items: Mapping[int, Item]
    signed: bool

    def encode(self, value: Any, path: str) -> bytes:
        types = {item.name: kind for kind, item in self.items.items()}
        parts = [Time().encode(value["time"], f"{path}.time")]
        for given, content in value.items():
            named = _NAMED.fullmatch(given)
            name = given if named is None else named[1]
            if name in types:
                parts.append(bytes((types[name],)) + self.items[types[name]].form.encode(content, given))
            elif name.startswith("own_") and 0x80 <= int(name[4:], 16) <= 0xFE:
                parts.append(bytes((int(name[4:], 16),)) + OWN_DATA.encode(content, given))
            elif name == "signature" and self.signed:
                parts.append(bytes((SIGNATURE,)) + SIGNATURE_FORM.encode(content, given))
            elif given != "time":
                raise InputError(f"{path}: no item {given!r}{did_you_mean(given, types)} in this edition")
        return b"".join(parts)

    def decode(self, cursor: Cursor, path: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.decode_into(found, cursor, path)
        return found

    def decode_into(self, found: dict[str, Any], cursor: Cursor, path: str) -> None:
        """The same, keeping what was read before a Fault."""
        found["time"] = Time().decode(cursor, f"{path}.time")
        seen: Counter[int] = Counter()
        while cursor.at < cursor.end:
            at = cursor.at
            kind = cursor.number(1, path)
            name, form = self._item(kind, at, cursor.end)
            seen[kind] += 1
            if seen[kind] > 1:
                name = f"{name}_{seen[kind]}"
            found[name] = form.decode(cursor, name)

    def _item(self, kind: int, at: int, end: int) -> tuple[str, Form]:
        item = self.items.get(kind)
        if item is not None:
            return item.name, item.form
        if 0x80 <= kind <= 0xFE:
            return f"own_{kind:02X}", OWN_DATA
        if kind == SIGNATURE and self.signed:
            return "signature", SIGNATURE_FORM
        known = ", ".join(f"{known:02X}" for known in self.items)
        own = "80-FE" + (", FF" if self.signed else "")
        lost = f"the {end - at} bytes from here to the end of the frame are not read"
        raise Fault(at, "item", f"{kind:02X}", f"one of {known}, {own}; {lost}")


@dataclass(frozen=True, slots=True)
class Edition:
    """One edition: the start of its frames, and what each command carries (None: nothing)."""

    name: str
    start: bytes
    items: Mapping[int, Item]
    data: Mapping[str, Form | None]


_LOGOUT = Record({"time": Time(), "serial": SERIAL})
_PLATFORM_LOGIN = Record(
    {"time": Time(), "serial": SERIAL, "username": Text(12), "password": Text(20), "encryption": _ENCRYPTION_FORM}
)


def _commands(packs: Form, real_time: RealTime, **more: Form | None) -> dict[str, Form | None]:
    return {
        "login": Record({"time": Time(), "serial": SERIAL, "iccid": ICCID, "packs": packs}),
        "real_time": real_time,
        "reissue": real_time,
        "logout": _LOGOUT,
        "platform_login": _PLATFORM_LOGIN,
        "platform_logout": _LOGOUT,
        "heartbeat": None,
        "time_sync": None,
        **more,
    }


_RESULT = Choice({1: "ok", 2: "error"})
_INFORMATION = Choice({1: "ok", 2: "chip_used", 3: "vin_double"})
_ACTIVATION = Record(
    {"time": Time(), "chip": Text(16), "public_key": Blob(), "vin": Text(17), "signature": SIGNATURE_FORM}
)
_KEY_SYNC = Record({"encryption": _ENCRYPTION_FORM, "key": Blob(), "from": Time(), "until": Time()})

EDITIONS: Mapping[str, Edition] = {
    "2016": Edition("2016", b"\x23\x23", ITEMS_2016, _commands(PackNumbers2016(), RealTime(ITEMS_2016, signed=False))),
    "2025": Edition(
        "2025",
        b"\x24\x24",
        ITEMS_2025,
        _commands(
            PackNumbers2025(),
            RealTime(ITEMS_2025, signed=True),
            activation=_ACTIVATION,
            activation_answer=Record({"result": _RESULT, "information": _INFORMATION}),
            key_sync=_KEY_SYNC,
        ),
    ),
}

"""Messages that are not what they should be: a vehicle's own post or sample, spoilt in one of many ways.

What becomes of a message depends on it and on one number, its key, alone: the same message is always spoilt the same.
The other properties of a post stay as they were, so that whoever takes what is good of it can be seen to do so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import orjson

from jinqiao.base.keyed import GAMMA, MASK, mix
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import Publish

__all__ = ["KIND", "MALFORMED", "NUMBERS", "WAYS", "Malformed", "spoilt"]

#: What messages that are spoilt are counted as: no kind of topic, since some are on none.
KIND = "malformed"

Malformed: TypeAlias = Literal[
    "truncated",
    "empty",
    "not_utf8",
    "nan",
    "null",
    "wrong_type",
    "out_of_range",
    "huge_number",
    "unknown_property",
    "duplicate_key",
    "deep_nesting",
    "missing_params",
    "wrong_id",
    "wrong_method",
    "wrong_version",
    "wrong_time",
    "wrong_topic",
    "oversize",
]

MALFORMED: tuple[Malformed, ...] = get_args(Malformed)
#: What stands for each in a column of vehicles; 0 is none.
NUMBERS: Mapping[Malformed, int] = MappingProxyType({kind: number for number, kind in enumerate(MALFORMED, 1)})

#: Bytes of a payload that the platform takes (limits), and how far above it an oversize one is at most.
_MOST_BYTES, _ABOVE = 262_144, 4_096
#: Deeper than any JSON reader of ours goes, and most of others.
_DEPTH = 2_000
#: A field of protobuf that no schema here has, length-delimited and varint (number << 3 | wire type).
_UNKNOWN_TEXT, _UNKNOWN_NUMBER = b"\xfa\xff\x03", b"\xf8\xff\x03"
#: A varint that does not end within the ten bytes that it may have.
_ENDLESS = b"\xff" * 11

#: What stands where something will be that is no JSON; no vehicle says it.
_MARK = "~here~"

Document: TypeAlias = dict[str, Any]


class _Draw:
    """Numbers of one message, one after the other."""

    __slots__ = ("_at", "_key")

    def __init__(self, key: int) -> None:
        self._key, self._at = key, 0

    def below(self, count: int) -> int:
        """A whole number from 0 to `count` - 1."""
        self._at = (self._at + GAMMA) & MASK
        return mix(self._at ^ self._key) * count >> 64


class Way(NamedTuple):
    """How a message is spoilt: `about` says it in a line; of a post `alink` makes another payload, of a protobuf sample
    `protobuf`, None where that has no sense there. Either is None where `topic` makes another topic.

    `code` is the platform's for such a post in its device log, 200 where it takes the post as it is; 6307 stands for
    the code of whatever type the value has.
    """

    about: str
    code: int
    alink: Callable[[bytes, _Draw], bytes] | None = None
    protobuf: Callable[[bytes, _Draw], bytes] | None = None
    topic: Callable[[str], str] | None = None


def spoilt(kind: int, packet: bytes, key: int, *, protobuf: bool = False) -> bytes | None:
    """A whole QoS 0 PUBLISH of a post or sample, spoilt in the way that `kind` numbers; None where the way is not one
    for its form.

    `key` is what is drawn from, 64 bits.
    """
    edges = frame(packet, 0)
    assert edges is not None  # it is whole
    at = edges[0] + 2
    end = at + int.from_bytes(packet[at - 2 : at], "big")
    topic, payload = packet[at:end].decode(), packet[end:]
    way = WAYS[MALFORMED[kind - 1]]
    if way.topic is not None:
        return encode(Publish(way.topic(topic), payload))
    change = way.protobuf if protobuf else way.alink
    return None if change is None else encode(Publish(topic, change(payload, _Draw(key))))


# The payload as bytes.


def _truncated(payload: bytes, draw: _Draw) -> bytes:
    return payload[: 1 + draw.below(max(len(payload) - 1, 1))]


def _empty(_: bytes, __: _Draw) -> bytes:
    return b""


def _not_utf8(payload: bytes, draw: _Draw) -> bytes:
    at = draw.below(len(payload))
    return payload[:at] + b"\xff" + payload[at + 1 :]


# A post.


def _changing(change: Callable[[Document, _Draw], None]) -> Callable[[bytes, _Draw], bytes]:
    """A way that changes the document."""

    def way(payload: bytes, draw: _Draw) -> bytes:
        document = orjson.loads(payload)
        change(document, draw)
        return orjson.dumps(document)

    return way


def _writing(text: Callable[[_Draw], bytes]) -> Callable[[bytes, _Draw], bytes]:
    """A way that writes, for the value of a property, what no JSON encoder does."""

    def way(payload: bytes, draw: _Draw) -> bytes:
        document = orjson.loads(payload)
        entry, name = _entry(document, draw)
        entry[name] = _MARK
        return orjson.dumps(document).replace(b'"' + _MARK.encode() + b'"', text(draw))

    return way


def _entry(document: Document, draw: _Draw) -> tuple[Document, str]:
    """Where the value of a drawn property stands: a number, if there is one among them."""
    params = document["params"]
    names = list(params)
    numeric = [name for name in names if type(_value(params[name])) in (int, float)] or names
    name = numeric[draw.below(len(numeric))]
    entry = params[name]
    return (entry, "value") if type(entry) is dict and "value" in entry else (params, name)


def _value(entry: Any) -> Any:
    return entry["value"] if type(entry) is dict and "value" in entry else entry


def _set(value: Callable[[Any, _Draw], Any]) -> Callable[[bytes, _Draw], bytes]:
    """A way that gives a drawn property another value."""

    def change(document: Document, draw: _Draw) -> None:
        entry, name = _entry(document, draw)
        entry[name] = value(entry[name], draw)

    return _changing(change)


def _unknown_property(document: Document, draw: _Draw) -> None:
    document["params"][f"Unheard{draw.below(10_000):04d}"] = {"value": draw.below(100)}


def _wrong_time(document: Document, draw: _Draw) -> None:
    names = list(document["params"])
    name = names[draw.below(len(names))]
    document["params"][name] = {"value": _value(document["params"][name]), "time": "yesterday"}


def _duplicate_key(payload: bytes, draw: _Draw) -> bytes:
    """A property twice: its own value, and behind all others another."""
    document = orjson.loads(payload)
    names = list(document["params"])
    name = names[draw.below(len(names))]
    document["params"][_MARK] = 0
    again = orjson.dumps(name) + b":" + orjson.dumps({"value": 10**9 + draw.below(100)})
    return orjson.dumps(document).replace(orjson.dumps(_MARK) + b":0", again)


def _without(name: str, value: Any = None) -> Callable[[bytes, _Draw], bytes]:
    """A way that gives a member of the document another value, or takes it away."""

    def change(document: Document, _: _Draw) -> None:
        if value is None:
            del document[name]
        else:
            document[name] = value

    return _changing(change)


def _oversize(document: Document, draw: _Draw) -> None:
    document["params"]["Padding"] = {"value": "x" * (_MOST_BYTES + 1 + draw.below(_ABOVE))}


# A sample.


def _behind(more: bytes) -> Callable[[bytes, _Draw], bytes]:
    return lambda payload, _: payload + more


def _zeros(payload: bytes, _: _Draw) -> bytes:
    return bytes(len(payload))


def _fat(payload: bytes, draw: _Draw) -> bytes:
    size = _MOST_BYTES + 1 + draw.below(_ABOVE)
    length = bytes((size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14))
    return payload + _UNKNOWN_TEXT + length + b"x" * size


def _misspelt(topic: str) -> str:
    """The last level as somebody in a hurry writes it: a topic that nobody has."""
    head, _, last = topic.rpartition("/")
    return f"{head}/{last[:-2]}{last[-1]}{last[-2]}"


WAYS: Mapping[Malformed, Way] = MappingProxyType(
    {
        "truncated": Way("The payload is cut off somewhere.", 6207, _truncated, _truncated),
        "empty": Way("There is no payload.", 6207, _empty, _empty),
        "not_utf8": Way("A byte of it is 0xff, which no text has.", 6207, _not_utf8, _not_utf8),
        "nan": Way("A value is NaN, which is no JSON.", 6207, _writing(lambda _: b"NaN")),
        "null": Way("A value is null; a sample is nothing but zeros.", 6307, _set(lambda _, __: None), _zeros),
        "wrong_type": Way(
            "A value is a text in the place of a number; a field of a sample has another wire type.",
            6307,
            _set(lambda value, _: 7 if type(value) is str else "n/a"),
            _behind(b"\x0a\x02\xff\xff"),
        ),
        "out_of_range": Way(
            "A value is far outside of its range.", 6307, _set(lambda _, draw: 10**9 + draw.below(1_000)), None
        ),
        "huge_number": Way(
            "A value has 400 digits; a number of a sample never ends.",
            6207,
            _writing(lambda draw: b"%d" % (1 + draw.below(9)) + b"0" * 399),
            _behind(_UNKNOWN_NUMBER + _ENDLESS),
        ),
        "unknown_property": Way(
            "There is a property, or field, that the thing model does not have.",
            6320,
            _changing(_unknown_property),
            _behind(_UNKNOWN_NUMBER + b"\x2a"),
        ),
        "duplicate_key": Way("A property comes twice, with different values.", 6307, _duplicate_key),
        "deep_nesting": Way(
            f"A value is a list within a list, {_DEPTH:,} times.",
            6207,
            _writing(lambda _: b"[" * _DEPTH + b"]" * _DEPTH),
        ),
        "missing_params": Way("There are no `params`.", 460, _without("params")),
        "wrong_id": Way("The message's id is a list.", 460, _without("id", ["1"])),
        "wrong_method": Way("The method is a number.", 6300, _without("method", 404)),
        "wrong_version": Way("The version is one of the future.", 200, _without("version", "9.9")),
        "wrong_time": Way("The time of a value is a text.", 6326, _changing(_wrong_time)),
        "wrong_topic": Way("The topic is misspelt: it is nobody's.", 9236, topic=_misspelt),
        "oversize": Way(
            f"The payload is larger than the {_MOST_BYTES:,} bytes that the platform takes.",
            9320,
            _changing(_oversize),
            _fat,
        ),
    }
)

"""The simulated clock's start: an ISO 8601 date and time with its zone, `2026-11-23T07:00+08:00`."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from jinqiao.base.words import Refused, show

__all__ = ["Start", "parse_start"]

_PATTERN = (
    "^20[0-9]{2}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)? ?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ]([0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?)?")
_EXAMPLE = "2026-11-23T07:00+08:00"


def parse_start(value: object) -> dt.datetime:
    """A moment with its zone, from a text or as it is; raises Refused."""
    wanted = f"expected a date and time with its zone, from 2000 to 2099, like {_EXAMPLE}"
    if isinstance(value, dt.datetime):
        moment: dt.datetime | None = value
    else:
        moment = _parse(value) if isinstance(value, str) and re.fullmatch(_PATTERN[1:-1], value) else None
    local = isinstance(value, str) and _LOCAL.fullmatch(value)
    if local or (moment is not None and moment.tzinfo is None):
        raise Refused(f"found {str(value)!r} without a zone, {wanted}")
    # Two digits carry the year in the frames of GB/T 32960, so no other century can be simulated.
    if moment is None or not 2000 <= moment.year <= 2099:
        raise Refused(f"found {show(value)}, {wanted}")
    return moment


def _parse(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text.upper().replace(" +", "+").replace(" -", "-").replace(" Z", "Z"))
    except ValueError:  # the 31st of November
        return None


Start = Annotated[
    dt.datetime,
    PlainValidator(parse_start),
    WithJsonSchema({"type": "string", "title": "ISO 8601 with zone", "pattern": _PATTERN, "examples": [_EXAMPLE]}),
]

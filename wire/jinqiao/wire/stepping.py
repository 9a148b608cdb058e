"""The end of a step, asked and answered between the simulator and its gateway on the connection that there is.

Like `crossing`, a packet of type 15, which MQTT 3.1.1 reserves, with another flag. The simulator's is empty; its place
among the other packets says what belongs to the step. The gateway answers with an empty one as soon as those listeners
that hold the clock have taken everything so far, behind all that they said before. Until then it reports, a few times a
second, whom it waits for: JSON with `missing`, names, and `behind`, names with the number of messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from jinqiao.base.errors import ProtocolError

from .mqtt.fields import remaining_length

__all__ = ["FIRST_BYTE", "STEP_ENDS", "Held", "read_held", "report_of"]

FIRST_BYTE = 0xF1
#: The packet without a body: a question from the simulator, the final answer from the gateway.
STEP_ENDS = bytes((FIRST_BYTE, 0))


@dataclass(frozen=True, slots=True)
class Held:
    """What holds a step: listeners that are not there, and how many messages others have not finished, at least one."""

    missing: tuple[str, ...] = ()
    behind: tuple[tuple[str, int], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.behind)


def report_of(held: Held) -> bytes:
    """The packet that reports it."""
    body = orjson.dumps({"missing": held.missing, "behind": dict(held.behind)}) if held else b""
    return bytes((FIRST_BYTE,)) + remaining_length(len(body)) + body


def read_held(body: bytes) -> Held:
    """What a packet with this body reports; nothing is the answer. Raises ProtocolError for what is no report."""
    if not body:
        return Held()
    try:
        found: dict[str, Any] = orjson.loads(body)
        return Held(tuple(found["missing"]), tuple((name, int(count)) for name, count in found["behind"].items()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProtocolError("a report about the end of a step that cannot be read") from error

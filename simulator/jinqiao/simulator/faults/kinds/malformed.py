"""Faults of what a vehicle's messages say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from jinqiao.wire.render.malformed import MALFORMED, NUMBERS, Malformed

from ...language.fields import Share, optional
from ..base import KIND, Breakable, LastingFault, Rows, fault

__all__ = ["MalformedPayload"]

#: YAML reads the way that is called null as nothing.
Way = Annotated[
    Malformed,
    BeforeValidator(lambda written: "null" if written is None else written),
    WithJsonSchema({"enum": [*MALFORMED, None]}),
]


@fault
class MalformedPayload(LastingFault):
    """Posts leave as something that is not one, or only in part; see [below](#malformed-payloads) for the ways."""

    fault: Literal["malformed_payload"] = KIND
    way: Way = Field(alias="kind", description="In which way.")
    share: Share = optional("100 %", "Of how many of its posts and samples.")

    def begin(self, world: Breakable, rows: Rows) -> None:
        world.messages.begin(rows, malformed=NUMBERS[self.way], malformed_share=self.share)

    def end(self, world: Breakable, rows: Rows) -> None:
        world.messages.end(rows, malformed=NUMBERS[self.way], malformed_share=self.share)

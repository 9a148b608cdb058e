"""Faults of a vehicle's control units: trouble codes, updates that fail."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from jinqiao.base.words import Refused, did_you_mean

from ...dtc import CODES
from ...language.fields import WholeNumber
from ..base import KIND, Breakable, FaultSpec, LastingFault, Rows, fault

__all__ = ["OtaFailure", "TroubleCode"]


@fault
class OtaFailure(LastingFault):
    """The next software update fails at this step."""

    fault: Literal["ota_failure"] = KIND
    step: Annotated[WholeNumber, Field(ge=-4, le=-1)] = Field(
        description="As the platform numbers them: -1 upgrade, -2 download, -3 verification, -4 installation."
    )

    def begin(self, world: Breakable, rows: Rows) -> None:
        world.fleet.ota_failure[rows] = self.step

    def end(self, world: Breakable, rows: Rows) -> None:
        world.fleet.ota_failure[rows] = 0


def _is_code(code: str) -> str:
    if code not in CODES:
        raise Refused(f"found {code!r}, expected a trouble code that this car knows{did_you_mean(code, CODES)}")
    return code


@fault
class TroubleCode(FaultSpec):
    """A control unit stores a diagnostic trouble code, and keeps it until it is cleared."""

    fault: Literal["dtc"] = KIND
    code: Annotated[str, AfterValidator(_is_code), WithJsonSchema({"enum": list(CODES)})] = Field(
        strict=True, description="SAE J2012 code, like P0A80."
    )

    def begin(self, world: Breakable, rows: Rows) -> None:
        for row in rows.tolist():
            world.store_dtc(row, self.code)

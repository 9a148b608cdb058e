"""Commands about the vehicle's own diagnosis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..dtc import DtcStatus

if TYPE_CHECKING:
    from ..town import Town

__all__ = ["clear_dtc", "read_dtc", "request_diagnostics"]

Values = Mapping[str, float]


def request_diagnostics(town: Town, row: int, _: Values) -> dict[str, Any]:
    """A short self-test: what the control units know now."""
    town.look_after(row)
    health = town.fleet.health(row)
    return {
        "DtcCount": int(town.fleet.dtc_count[row]),
        "AuxBatteryVoltage": round(health.aux_voltage_v, 2),
        "StateOfHealth": round(health.state_of_health * 100.0, 2),
        "InsulationResistance": round(health.insulation_kohm),
        "SoftwareVersion": town.software.version(row),
    }


def read_dtc(town: Town, row: int, _: Values) -> dict[str, Any]:
    return {"Codes": [dtc.code for dtc in town.dtcs.of(row)]}


def clear_dtc(town: Town, row: int, _: Values) -> dict[str, Any]:
    """Forget every stored code; each is reported as cleared. A fault that is still there stores its own again."""
    cleared = town.dtcs.clear(row)
    town.diagnosis.forget_codes(row)
    for dtc in cleared:
        town.announce(row, "diagnostics:DtcReported", Code=dtc.code, Status=int(DtcStatus.CLEARED))
    if cleared:
        town.changed.append(row)
    return {"Cleared": len(cleared)}

"""Who says what when: one table for each side. Everything that moves a charge on is here.

A phase repeats its messages, each in its period, until it hears what it waits for; some work may have to be done before
the next phase (`work_s`). What has not been heard for its time ends the charge with the error message of that side.

The order is that of GB/T 27930-2015, 9 and figure 3. Its times of waiting (5 s in handshake and parameters, 1 s for BCL
and CCS, 60 s for readiness, 10 s at the end) and the work are from general knowledge of such charges, not checked
against the text of the standard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .messages import Side

__all__ = ["PHASES", "START", "TESTED", "Next", "Phase"]


@dataclass(frozen=True, slots=True)
class Next:
    """The phase to come, after some seconds of work."""

    phase: str
    work_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Phase:
    """`says` is repeated; `hears` leads on; `within_s` is the longest silence for each awaited message.

    What is heard is a message's name, with `:AA` where its first byte says so; `stop` is the wish to end the charge.
    `lasts_s` ends a phase by itself.
    """

    says: tuple[str, ...] = ()
    hears: Mapping[str, Next] = field(default_factory=dict)
    within_s: Mapping[str, float] = field(default_factory=dict)
    lasts_s: float | None = None
    #: First byte of what is said, where one message has two meanings.
    result: int = 0x00


#: How long the error message and the statistics are repeated.
ERROR_S, STATISTICS_S = 2.0, 2.0

CHARGER: Mapping[str, Phase] = {
    # Between the handshake and the identification the charger tests its own insulation.
    "handshake": Phase(("CHM",), {"BHM": Next("identify", 3.0)}),
    "identify": Phase(("CRM",), {"BRM": Next("identified", 0.8)}, {"BRM": 5.0}),
    "identified": Phase(("CRM",), {"BCP": Next("parameters", 1.0)}, {"BCP": 5.0}, result=0xAA),
    "parameters": Phase(("CTS", "CML"), {"BRO:AA": Next("ready", 1.2)}, {"BRO:AA": 60.0}),
    "ready": Phase(("CRO",), {"BCL": Next("charging")}, {"BCL": 5.0}, result=0xAA),
    "charging": Phase(("CCS",), {"BST": Next("stopping"), "stop": Next("stopping")}, {"BCL": 1.0, "BCS": 5.0}),
    "stopping": Phase(("CST",), {"BSD": Next("statistics", 0.2)}, {"BSD": 10.0}),
    "statistics": Phase(("CSD",), lasts_s=STATISTICS_S),
    "failed": Phase(("CEM",), lasts_s=ERROR_S),
    "over": Phase(),
}
BMS: Mapping[str, Phase] = {
    "asleep": Phase((), {"CHM": Next("handshake", 1.0)}),
    "handshake": Phase(("BHM",), {"CRM": Next("identify")}, {"CRM": 30.0}),
    "identify": Phase(("BRM",), {"CRM:AA": Next("parameters", 0.3)}, {"CRM:AA": 5.0}),
    "parameters": Phase(("BCP",), {"CML": Next("ready", 1.5)}, {"CML": 5.0}),
    "ready": Phase(("BRO",), {"CRO:AA": Next("charging", 0.5)}, {"CRO:AA": 60.0}, result=0xAA),
    "charging": Phase(("BCL", "BCS", "BSM"), {"CST": Next("stopping"), "stop": Next("stopping")}, {"CCS": 1.0}),
    "stopping": Phase(("BST",), {"CST": Next("statistics", 0.2)}, {"CST": 5.0}),
    "statistics": Phase(("BSD",), {"CSD": Next("over", 1.5)}, {"CSD": 10.0}),
    "failed": Phase(("BEM",), lasts_s=ERROR_S),
    "over": Phase(),
}
PHASES: Mapping[Side, Mapping[str, Phase]] = {"charger": CHARGER, "bms": BMS}
START: Mapping[Side, str] = {"charger": "handshake", "bms": "asleep"}
#: Who enters which phase when the test of the insulation is done.
TESTED: tuple[Side, str] = ("charger", "identify")

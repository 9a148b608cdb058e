"""The table of forms, for the documentation: what can be expected, what is looked at, when it is not exercised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["FORMS", "Form"]

Kind = Literal["vehicles", "fleets", "traffic", "car", "product"]


@dataclass(frozen=True, slots=True)
class Form:
    """One form: how it is written, an example that is one, what it says, and what makes it `not exercised`."""

    kind: Kind
    written: str
    example: str
    meaning: str
    idle: str


_NOBODY = "no vehicle that it is about reported all of its signals"
_UNKNOWN = "not all vehicles that it is about have reported"

FORMS = (
    Form(
        "vehicles",
        "`never(CONDITION)`",
        "never(battery:CellTemperatureMax > 60 degC)",
        "In no sample of any vehicle the condition holds.",
        _NOBODY,
    ),
    Form(
        "vehicles",
        "`always(CONDITION)`, or the condition alone",
        "always(StateOfCharge of taxis > 5 %)",
        "In every sample of every vehicle it holds.",
        _NOBODY,
    ),
    Form(
        "vehicles",
        "`eventually(CONDITION) [within TIME]`",
        "eventually(charging and StateOfCharge >= 80 % of taxis) within 2 h",
        "In a sample of some vehicle it holds; with `within`, no later than that after the start, or after its phase"
        " began.",
        _NOBODY,
    ),
    Form(
        "fleets",
        "`count(CONDITION) OP N`",
        "eventually(count(charging) > 20)",
        "How many vehicles the condition holds for. Alone it is `always`.",
        _UNKNOWN,
    ),
    Form(
        "fleets",
        "`mean` `sum` `min` `max` `pNN(SIGNAL) OP VALUE`",
        "at 30 min: mean(StateOfCharge of commuters) between 40 % and 80 %",
        "A statistic over the last value of each vehicle; p95 is the smallest value that 95 % do not exceed. Alone it"
        " is `always`.",
        _UNKNOWN,
    ),
    Form(
        "fleets",
        "`count(event NAME) OP N`",
        "count(event ChargingFinished) >= 5",
        "How many events there were at the end of the run, or within a phase. In `eventually` at any moment.",
        "its phase did not come",
    ),
    Form(
        "fleets",
        "`sum(event NAME.Output) OP VALUE`",
        "sum(event ChargingFinished.EnergyKwh of taxis) >= 10 kWh",
        "The sum of a number that these events carry.",
        "its phase did not come",
    ),
    Form(
        "traffic",
        "`published(KIND) OP N`",
        "published(event_post) >= 3",
        "Messages of a kind that vehicles sent, whatever became of them.",
        "never",
    ),
    Form(
        "traffic",
        "`delivered(KIND) OP SHARE`",
        "delivered(property_post) >= 99.9 %",
        "The share of them that reached the platform.",
        "none was sent",
    ),
    Form(
        "traffic",
        "`latency STATISTIC OP TIME`",
        "latency p99 < 50 ms",
        "How long messages take to the platform.",
        "nothing was measured",
    ),
    Form(
        "traffic",
        "`reply(SERVICE) within TIME [for SHARE]`",
        "reply(StartClimate) within 2 s for 99 %",
        "Calls of a service are answered in time, all of them or a share. A refusal is an answer.",
        "the service was never called",
    ),
    Form(
        "car",
        "`consumption [of WHO] OP VALUE`",
        "consumption of taxis between 13 kWh/100km and 24 kWh/100km",
        "Energy out of the packs, less what braking returned, per distance, from the start to the end.",
        "nobody drove",
    ),
    Form(
        "car",
        "`physics`",
        "physics",
        "Nothing that no car can do is in what cars truly are: the rules of `--check`.",
        "nothing was reported",
    ),
    Form(
        "product",
        "`after FAULT: REACTION within TIME [for SHARE]`",
        "after cell_overheat: StopCharging within 60 s for 95 %",
        "After each fault of this kind the product does something about that vehicle in time. A reaction is a service"
        " (`StopCharging`), `set PROPERTY`, a cloud call that names the vehicle (`call(InvokeThingService)`), or a"
        " publish on one of its topics (`topic(alarm)`: what follows `/user/`).",
        "no such fault began, or the time of none was over",
    ),
    Form(
        "product",
        "`detects FAULT: precision OP SHARE, recall OP SHARE, latency pNN OP TIME`",
        "detects cell_overheat: precision >= 90 %, recall >= 80 %, latency p90 <= 60 s",
        "How good the product's detections of this fault are, one or more of the three.",
        "there was no such fault and no detection of it, or a figure that has nothing to count",
    ),
)

"""`network:` of a scenario: what lies between which vehicles and the platform."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator

from jinqiao.base.quantity import (
    DIMENSIONS,
    QuantityError,
    parse_data_rate_bps,
    parse_delay_s,
    parse_duration_s,
    parse_share,
)
from jinqiao.base.words import Refused, did_you_mean, one_of, show

from ..distribution import DELAY, Distribution, distribution_pattern, parse_distribution
from ..faults.kinds.network import Outage
from ..language.fields import Model, WholeNumber, optional
from ..language.selection import Selected
from .outage import OutageSpec
from .profiles import PROFILES, Profile

__all__ = ["MOST_LOSS", "Backlog", "NetworkSpec"]

#: More is no network: TCP does not get through, and its sender gives up.
MOST_LOSS = 0.5
#: Messages that a car keeps while it is offline, unless its entry says otherwise: ten minutes of one a second.
KEPT = 600
#: An hour of one a second: more than the memory of a T-Box for this, and of this machine for a fleet of them.
MOST_KEPT = 3600
#: The keep-alive that the platform advises for fleets behind a mobile network, and what it allows.
KEEP_ALIVE_S, SHORTEST_KEEP_ALIVE_S, LONGEST_KEEP_ALIVE_S = 300.0, 30.0, 1200.0

Backlog = Literal["history", "late", "none"]


def _profile(value: object) -> Profile:
    if isinstance(value, Profile):
        return value
    if not isinstance(value, str) or value not in PROFILES:
        near = did_you_mean(value, PROFILES) if isinstance(value, str) else ""
        raise Refused(f"found {show(value)}, expected a network: {one_of(list(PROFILES))}{near}")
    return PROFILES[value]


def _loss(value: object) -> float:
    share = parse_share(value)
    if share > MOST_LOSS:
        raise QuantityError(
            f"found {show(value)}, expected at most {MOST_LOSS:.0%}: what loses more is an outage (outage: {{…}})"
        )
    return share


def _bandwidth(value: object) -> float:
    rate = parse_data_rate_bps(value)
    if not 1e3 <= rate <= 1e11:
        raise QuantityError(f"found {show(value)}, expected from 1 kbit/s to 100 Gbit/s")
    return rate


def _keep_alive(value: object) -> float:
    seconds = parse_duration_s(value)
    if not SHORTEST_KEEP_ALIVE_S <= seconds <= LONGEST_KEEP_ALIVE_S:
        expected = f"expected from {SHORTEST_KEEP_ALIVE_S:g} s to {LONGEST_KEEP_ALIVE_S:g} s, as the platform allows"
        raise QuantityError(f"found {show(value)}, {expected}")
    return seconds


def _jitter(value: object) -> float:
    seconds = parse_delay_s(value)
    if not 0 <= seconds <= DELAY.high:
        raise QuantityError(f"found {show(value)}, expected from 0 ms to {DELAY.high:g} s")
    return seconds


def _latency(value: object) -> Distribution:
    found = value if isinstance(value, Distribution) else parse_distribution(value, DELAY)
    lowest = min(found.arguments) if found.family in ("constant", "uniform", "choice", "triangular") else 0.0
    if found.family in ("normal", "lognormal"):
        lowest = found.arguments[0]
    if lowest < 0 or max(found.arguments) > DELAY.high:
        raise QuantityError(f"found {show(value)}, expected from 0 ms to {DELAY.high:g} s")
    return found


def _delay_schema(title: str, **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "title": title, "pattern": DIMENSIONS["delay"].pattern, **more})


Network = Annotated[Profile, PlainValidator(_profile), WithJsonSchema({"enum": list(PROFILES)})]
Latency = Annotated[
    Distribution,
    PlainValidator(_latency),
    WithJsonSchema(
        {
            "type": "string",
            "title": "distribution of a delay (ms, s)",
            "pattern": distribution_pattern(DELAY),
            "examples": ["80 ms", DELAY.example],
        }
    ),
]
Jitter = Annotated[float, BeforeValidator(_jitter), _delay_schema("delay (ms, s)", examples=["20 ms"])]
Loss = Annotated[
    float,
    BeforeValidator(_loss),
    WithJsonSchema(
        {
            "title": f"share (0 to {MOST_LOSS:g}, or %)",
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": MOST_LOSS},
                {"type": "string", "pattern": "^[0-9]+([.][0-9]+)?( *%)?$"},
            ],
            "examples": ["0.5 %"],
        }
    ),
]
Bandwidth = Annotated[
    float,
    BeforeValidator(_bandwidth),
    WithJsonSchema(
        {
            "type": "string",
            "title": "data rate (kbit/s, Mbit/s, Gbit/s)",
            "pattern": DIMENSIONS["data rate"].pattern,
            "examples": ["2 Mbit/s"],
        }
    ),
]

KeepAlive = Annotated[
    float,
    BeforeValidator(_keep_alive),
    WithJsonSchema(
        {
            "type": "string",
            "title": "duration (s, min, h, d)",
            "pattern": DIMENSIONS["duration"].pattern,
            "examples": ["60 s"],
        }
    ),
]


class NetworkSpec(Model):
    """What some vehicles have for a network. Where several entries name a vehicle, each key counts as last written.

    A profile sets latency, jitter, loss and bandwidth; these keys beside it, or in a later entry, replace one of them.
    """

    model_config = ConfigDict(json_schema_extra={"minProperties": 2})

    on: Selected = Field(description="Whose: [N of | N % | any | all] [state] [fleet]; who fits is decided once.")
    profile: Network | None = optional(None, "A network with latency, loss and bandwidth of its own.")
    latency: Latency | None = optional(
        None, "How long a message takes, one way; a distribution is drawn for each message."
    )
    jitter: Jitter | None = optional(None, "How much a message's latency differs at most, to either side.")
    loss: Loss | None = optional(
        None, "Share of lost packets. MQTT runs over TCP, which sends them again: loss makes messages late."
    )
    bandwidth: Bandwidth | None = optional(None, "What fits; a message waits until the one before has been sent.")

    outage: OutageSpec | None = optional(None, "When or where they have no network.")
    backlog: Backlog | None = optional(
        None,
        "What becomes of messages that were to be sent without a network: history posts, late posts, or nothing;"
        " history without it.",
    )
    keep: WholeNumber | None = optional(
        None, f"How many messages are kept for then; the oldest go first. {KEPT} without it.", ge=1, le=MOST_KEPT
    )
    keep_alive_s: KeepAlive | None = optional(
        None,
        "MQTT keep-alive: after one and a half of it the platform knows that a silent vehicle is gone; 300 s without"
        " it.",
        alias="keep_alive",
    )

    @model_validator(mode="after")
    def _says_something(self) -> NetworkSpec:
        if all(getattr(self, name) is None for name in type(self).model_fields if name != "on"):
            names = [field.alias or name for name, field in type(self).model_fields.items() if name != "on"]
            raise Refused(f"found nothing beside on, expected {one_of(names)}")
        return self

    def timed_outage(self) -> Outage | None:
        """The outage of this entry as a fault, if it has a time."""
        outage = self.outage
        if outage is None or (outage.at_s is None and outage.between is None):
            return None
        return Outage.model_construct(
            fault="outage", at_s=outage.at_s, between=outage.between, on=self.on, for_s=outage.for_s
        )

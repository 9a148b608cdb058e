"""Which vehicles of a fleet send their raw CAN frames beside their telemetry."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from jinqiao.base.words import Refused
from jinqiao.vehicles.can.message import BUSES, Bus

from .fields import Model, WholeNumber, optional

__all__ = ["MAX_CAN_VEHICLES", "CanSpec"]

#: A vehicle's frames are some 9 kB a second; a broker on the same machine carries some thousand of them.
MAX_CAN_VEHICLES = 10_000


def _each_once(buses: tuple[Bus, ...]) -> tuple[Bus, ...]:
    for bus in buses:
        if buses.count(bus) > 1:
            raise Refused(f"found {bus!r} twice, expected each bus once")
    return buses


class CanSpec(Model):
    """Raw CAN: protobuf CanBatch, one a second and bus, while the vehicle is awake."""

    vehicles: WholeNumber = Field(
        ge=1, le=MAX_CAN_VEHICLES, description="How many of the fleet, from its first; at most all are."
    )
    buses: Annotated[tuple[Bus, ...], Field(min_length=1), AfterValidator(_each_once)] = optional(
        list(BUSES), "Which buses."
    )

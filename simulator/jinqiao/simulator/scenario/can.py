"""Which vehicles of a fleet send their raw CAN frames beside their telemetry."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from jinqiao.base.words import Refused
from jinqiao.vehicles.can.message import BUSES, Bus

from ..language.fields import Model, WholeNumber, optional

__all__ = ["MAX_CAN_VEHICLES", "BusName", "CanSpec"]

#: The buses of the car, and the one it shares with a DC charger (GB/T 27930) while it is plugged in.
BusName = Literal[Bus, "charger"]

#: A vehicle's frames are some 9 kB a second; a broker on the same machine carries some thousand of them.
MAX_CAN_VEHICLES = 10_000


def _each_once(buses: tuple[BusName, ...]) -> tuple[BusName, ...]:
    for bus in buses:
        if buses.count(bus) > 1:
            raise Refused(f"found {bus!r} twice, expected each bus once")
    return buses


class CanSpec(Model):
    """Raw CAN: protobuf CanBatch, one a second and bus, while the vehicle is awake."""

    vehicles: WholeNumber = Field(
        ge=1, le=MAX_CAN_VEHICLES, description="How many of the fleet, from its first; at most all are."
    )
    buses: Annotated[tuple[BusName, ...], Field(min_length=1), AfterValidator(_each_once)] = optional(
        list(BUSES), "Which buses; charger: GB/T 27930 while on the cable of a DC station."
    )

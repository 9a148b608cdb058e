"""What all agendas say of themselves in a scenario."""

from __future__ import annotations

from typing import ClassVar

from pydantic import model_validator

from jinqiao.base.words import Refused

from ..language.fields import Model, Share, optional

__all__ = ["AgendaSpec", "clock"]


class AgendaSpec(Model):
    """What all agendas have: when a driver looks for a charger, and how full the car leaves it."""

    kind: ClassVar[str]
    #: Whether its vehicles look for public stations by themselves; all do where they would not reach their destination.
    seeks_stations: ClassVar[bool] = False
    #: What else a reader of docs/agendas.md should know: the figures that are no options.
    story: ClassVar[str] = ""

    charge_below: Share = optional(0.25, "State of charge below which the car goes charging.")
    charge_to: Share = optional(0.8, "State of charge at which charging ends.")

    @model_validator(mode="after")
    def _charging_gains(self) -> AgendaSpec:
        if self.charge_to <= self.charge_below:
            raise Refused(f"found charge_to {self.charge_to:g}, expected more than charge_below, {self.charge_below:g}")
        return self


def clock(second_of_day: float) -> str:
    """A time of day as a scenario writes it: 07:15."""
    hours, minutes = divmod(round(second_of_day / 60.0), 60)
    return f"{hours:02d}:{minutes:02d}"

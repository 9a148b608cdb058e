"""Faults of sensors: only what is reported changes, on every road on which it is told; the car goes on as it is."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from jinqiao.base.words import Refused

from ...language.fields import Interval, optional
from ...language.measured import ADDRESSES, Amount, ClockOffset, ClockRate, Drift, SignalAddress, Size
from ...reported.layers import Kind
from ..base import KIND, Breakable, LastingFault, Rows, fault

__all__ = [
    "ClockSkew",
    "SensorDrift",
    "SensorDropout",
    "SensorFaultSpec",
    "SensorNoise",
    "SensorOffset",
    "SensorSpike",
    "SensorStuck",
]


class SensorFaultSpec(LastingFault):
    """A signal of the thing model is told wrong. Faults of one signal meet as `reported/layers.py` says."""

    alters: ClassVar[Kind]

    signal: SignalAddress = Field(description="The signal, by its name in the thing model.")

    def amount(self) -> float:
        """How much, in the signal's unit."""
        return 0.0

    def chance(self) -> float:
        """In a second."""
        return 0.0

    def begin(self, world: Breakable, rows: Rows) -> None:
        signal = ADDRESSES[self.signal].name
        world.reported.begin(self, self.alters, signal, rows, self.amount(), self.chance())

    def end(self, world: Breakable, rows: Rows) -> None:
        world.reported.end(self, self.alters, ADDRESSES[self.signal].name, rows)


@fault
class SensorStuck(SensorFaultSpec):
    """A signal stays what it was when the fault began."""

    alters = "stuck"

    fault: Literal["sensor_stuck"] = KIND


@fault
class SensorOffset(SensorFaultSpec):
    """A signal is off by a constant amount, within its range."""

    alters = "offset"

    fault: Literal["sensor_offset"] = KIND
    offset: Amount = Field(description="By how much, in the signal's unit.")

    def amount(self) -> float:
        return self.offset


@fault
class SensorDrift(SensorFaultSpec):
    """A signal runs away from the truth, as far as its range goes."""

    alters = "drift"

    fault: Literal["sensor_drift"] = KIND
    rate: Drift = Field(description="How fast, in the signal's unit per time, like 0.5 degC/min; in the label per s.")

    def amount(self) -> float:
        return self.rate


@fault
class SensorNoise(SensorFaultSpec):
    """A signal trembles: normal noise, drawn anew in each second."""

    alters = "noise"

    fault: Literal["sensor_noise"] = KIND
    sd: Size = Field(description="Its standard deviation, in the signal's unit.")

    def amount(self) -> float:
        return self.sd


@fault
class SensorSpike(SensorFaultSpec):
    """A signal jumps for a second, now and then; a vehicle that reports seldom shows few of the jumps."""

    alters = "spike"

    fault: Literal["sensor_spike"] = KIND
    size: Amount = Field(description="How far, up or down, in the signal's unit.")
    every: Interval = Field(description="How often: one in this time on average.")

    def amount(self) -> float:
        return self.size

    def chance(self) -> float:
        return 1.0 / self.every


@fault
class SensorDropout(SensorFaultSpec):
    """A signal is missing: no property of it in posts and samples (of one with parts, none of them), `invalid` in
    GB/T 32960, no answer to testers; on CAN, which has no word for it, it stays as it was.
    """

    alters = "dropout"

    fault: Literal["sensor_dropout"] = KIND


@fault
class ClockSkew(LastingFault):
    """The vehicle's own clock is wrong, and so are the times of its posts, samples, events, CAN and GB/T 32960; what it
    says still comes when it comes. Labels and recordings have the true time.
    """

    fault: Literal["clock_skew"] = KIND
    offset_s: ClockOffset = optional("0 s", "By how much it is ahead, or behind: 90 s, -2 h.", alias="offset")
    rate: ClockRate = optional("0 s/h", "By how much more in a time: 2 s/h; in the label per s.")

    @model_validator(mode="after")
    def _wrong(self) -> ClockSkew:
        if not (self.offset_s or self.rate):
            raise Refused("expected offset: or rate:, and not 0")
        return self

    def begin(self, world: Breakable, rows: Rows) -> None:
        world.reported.skew(self, rows, self.offset_s, self.rate)

    def end(self, world: Breakable, rows: Rows) -> None:
        world.reported.set_right(self, rows)

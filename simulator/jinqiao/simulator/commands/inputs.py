"""The values a command carries: each input with its range, read from whatever the network sent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jinqiao.base.signals import SIGNALS
from jinqiao.base.words import did_you_mean, one_of, show

from .refusals import Refusal, Refused

__all__ = ["LIMIT", "LOCKED", "TARGET", "Input", "read_all"]


@dataclass(frozen=True, slots=True)
class Input:
    """One number or switch: from `low` to `high` in whole steps of `step`; optional where it may be left out."""

    name: str
    kind: Literal["int", "float", "bool"]
    low: float
    high: float
    step: float
    unit: str
    optional: bool = False

    @property
    def wanted(self) -> str:
        """What a refusal says is expected."""
        if self.kind == "bool":
            return "0 or 1"
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.low:g} to {self.high:g}{unit} in steps of {self.step:g}"

    def read(self, value: Any) -> float:
        """The value as a number; Refused with what was found where it is none of these."""
        if isinstance(value, bool) and self.kind != "bool":
            number = math.nan
        else:
            number = float(value) if isinstance(value, (bool, int, float)) and abs(value) < 1e9 else math.nan
        if not (self.low <= number <= self.high and number % self.step == 0):  # nan is never in a range
            raise Refused(Refusal.BAD_ARGUMENT, f"{self.name}: found {show(value)}, expected {self.wanted}")
        return number


def read_all(inputs: tuple[Input, ...], arguments: Mapping[str, Any]) -> dict[str, float]:
    """Every input that `arguments` holds, by name; Refused where one is missing, wrong, or nobody's."""
    known = {one.name: one for one in inputs}
    for name in arguments:
        if name not in known:
            expected = one_of(list(known)) if known else "no arguments"
            raise Refused(
                Refusal.BAD_ARGUMENT,
                f"found argument {show(name)}, expected {expected}{did_you_mean(str(name), known)}",
            )
    for one in inputs:
        if one.name not in arguments and not one.optional:
            raise Refused(Refusal.BAD_ARGUMENT, f"{one.name} is missing, expected {one.wanted}")
    return {name: known[name].read(value) for name, value in arguments.items()}


_LIMIT = SIGNALS["charge_limit"]
LIMIT = Input("Limit", "int", _LIMIT.low, _LIMIT.high, 1.0, "%")
#: 28 degC is the warmest set point that makers' climate controls offer between "low" and "high".
_TARGET = SIGNALS["target_temperature"]
TARGET = Input("Target", "float", _TARGET.low, _TARGET.high, 0.5, "degC", optional=True)
LOCKED = Input("Locked", "bool", 0.0, 1.0, 1.0, "")

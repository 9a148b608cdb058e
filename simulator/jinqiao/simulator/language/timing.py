"""When a step of a scenario happens: at a moment, at a drawn one, or when something becomes true of a vehicle."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, model_validator

from jinqiao.base.words import Refused

from ..conditions.trigger import When
from .fields import Model, Offset, Span, WholeNumber, optional

__all__ = ["ONE_TIME", "Timed"]

#: What an editor is shown of it.
ONE_TIME: Any = {"oneOf": [{"required": [key]} for key in ("at", "between", "when")]}


class Timed(Model):
    """One of `at`, `between` and `when`, and whether it happens again.

    With `when` a step acts on each vehicle by itself, whenever what it waits for becomes true of it again.
    """

    model_config = ConfigDict(json_schema_extra={"allOf": [ONE_TIME]})

    at_s: Offset | None = optional(None, "When, from the scenario's start.", alias="at")
    between: tuple[Offset, Offset] | None = optional(None, "Or at a moment drawn between these two.")
    when: When | None = optional(None, "Or when this becomes true of a vehicle: a condition, an event, another step.")
    repeat_s: Span | None = optional(
        None,
        "Again every so often; with when: where it is true so long after the last time.",
        alias="repeat",
    )
    times: WholeNumber | None = optional(None, "How often at most; with when: for each vehicle.", ge=1, le=1_000_000)
    once: bool = optional(False, "With when: for each vehicle only the first time.", strict=True)

    @model_validator(mode="after")
    def _one_time(self) -> Timed:
        given = [name for name in ("at_s", "between", "when") if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(name.removesuffix("_s") for name in given) or "neither"
            raise Refused(f"found {found}, expected one of at:, between: and when:")
        if self.between is not None and self.between[0] >= self.between[1]:
            raise Refused("between: the second time is not after the first")
        if self.once and self.when is None:
            raise Refused("found once: without when:, expected it with when: only")
        if self.once and (self.repeat_s is not None or self.times is not None):
            raise Refused("found once: beside repeat: or times:, expected one of them")
        if self.times is not None and self.when is None and self.repeat_s is None:
            raise Refused("found times: without repeat:, expected how often it is repeated: repeat: 10 min")
        return self

    @property
    def most_times(self) -> int | None:
        """How often at most: in all, or with `when` for each vehicle; None without a limit."""
        if self.when is not None:
            return 1 if self.once else self.times
        return 1 if self.repeat_s is None else self.times

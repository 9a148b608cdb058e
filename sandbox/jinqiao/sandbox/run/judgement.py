"""The judgement of a run: what is expected of it and of the product under test, and what came of that."""

from __future__ import annotations

from typing import Literal

from jinqiao.base.telemetry import Step
from jinqiao.simulator.expectations import Verdict

__all__ = ["Judgement", "Reaction", "Via"]

#: What a product under test does about a fault: a command to the vehicle, a cloud call that names it, a publish on one
#: of its custom topics.
Reaction = Literal["command", "call", "topic"]
Via = Literal["http", "mqtt"]


class Judgement:
    """There in every run; it costs an attribute test a step where nothing is expected."""

    def __bool__(self) -> bool:
        """Whether anything is expected, so that `take` has work to do."""
        return False

    def take(self, step: Step) -> None:
        """Look at a step; called by the loop after each."""

    def command_given(self, row: int, name: str, time_ms: int) -> None:
        """The product gave vehicle `row` a command: a service's name, or the identifier of a property it set."""

    def reacted(self, row: int, kind: Reaction, name: str, time_ms: int) -> None:
        """The product reacted about vehicle `row`: a command, a cloud call (its Action), or a topic it published on."""

    def replied(self, row: int, service: str, after_s: float, code: int) -> None:
        """Vehicle `row` answered a service call after `after_s` with `code`."""

    def detect(self, vin: str, fault: str, time_ms: int | None, via: Via) -> None:
        """The product detected `fault` in a vehicle, at `time_ms` or now. A wrong one is scored, never refused."""

    def ask(self, text: str) -> Verdict:
        """Judge an expectation over the past that is kept. Raises BodyError for what is not one."""
        raise NotImplementedError

    def verdicts(self, *, final: bool = False) -> list[Verdict]:
        """What came of each expectation so far, in the order of the scenario; at the end with `final`."""
        return []

"""What flows between the rooms: a `Batch` and an `Event` go down to the gateway, a `Command` comes back.

A command is answered by an `Outcome`: what it did, or why the car refused.

Nothing else passes from the simulator to the gateway, so either can be replaced by a recording.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Batch", "Command", "Event", "EventType", "Outcome"]

EventType = Literal["info", "alert", "error"]


@dataclass(frozen=True, slots=True)
class Batch:
    """One telemetry sample of m vehicles at one simulated instant.

    `time_ms` is simulated UTC; `vehicles` holds row numbers of the fleet, shape (m,), int32, strictly rising;
    `signals` maps a name of the signal table to an array of shape (m,) in that signal's unit; `group` names the
    telemetry group, so that all batches of a group carry the same signals.
    """

    time_ms: int
    group: str
    vehicles: NDArray[np.int32]
    signals: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.vehicles)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened once to one vehicle: a trip finished, a plug went in, a fault was stored.

    `identifier` is the thing model's (with `module:` where it has one); `output` maps its output identifiers to values.
    """

    time_ms: int
    vehicle: int
    identifier: str
    output: Mapping[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Command:
    """What the cloud asks of one vehicle: a property set (`kind` "set") or a service call (`kind` "service")."""

    vehicle: int
    kind: Literal["set", "service"]
    identifier: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command: `code` 200 if the car obeys, otherwise a refusal's code with its reason in `message`.

    `output` maps the service's output identifiers to values.
    """

    code: int = 200
    message: str = "success"
    output: Mapping[str, Any] = field(default_factory=dict)

"""An action of the OpenAPI: its name, its parameters, its answer, and the function behind it.

    @action("GetDeviceStatus", "device!", "Data{Status Timestamp}")
    def get_device_status(args: Arguments) -> dict[str, Any]: ...

In a row of parameters `!` marks what is mandatory and `.N` a list; `device` stands for `IotId`, or `ProductKey` with
`DeviceName`. The row is not only documentation: what is mandatory is looked for before the function runs, and a
function can read no parameter that its row does not name. Parameters of a call that are not in the row, such as
IotInstanceId, are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .arguments import Arguments
from .parameters import Parameter, read_row
from .pending import Pending

__all__ = ["ACTIONS", "VERSION", "Action", "Run", "action"]

#: The API's version, a parameter or header of each call.
VERSION = "2018-01-20"

#: What the platform's read-only policy (AliyunIOTReadOnlyAccess) allows, by the beginnings of names.
_READING = ("Query", "List", "Get", "BatchGet", "BatchQuery")

Run = Callable[[Arguments], Mapping[str, Any] | Pending]


@dataclass(frozen=True, slots=True)
class Action:
    """One row of the table; `parameters` and `answer` are also what the documentation shows."""

    name: str
    parameters: str
    run: Run
    answer: str
    #: The row, read.
    known: Mapping[str, Parameter]

    @property
    def reads(self) -> bool:
        """Whether it changes nothing, so that an access key that only reads may call it."""
        return self.name.startswith(_READING)


#: All actions, by name. `actions/` holds them, one file a group.
ACTIONS: dict[str, Action] = {}


def action(name: str, parameters: str, answer: str) -> Callable[[Run], Run]:
    """Make the function an action."""

    def register(run: Run) -> Run:
        if name in ACTIONS:
            raise ValueError(f"there are two actions {name}")
        ACTIONS[name] = Action(name, parameters, run, answer, read_row(parameters))
        return run

    return register

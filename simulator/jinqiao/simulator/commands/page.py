"""docs/commands.md, written from the table: `python -m jinqiao.simulator.commands.page > docs/commands.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..dtc import CODES
from .inputs import Input
from .refusals import Refusal
from .table import ANYTIME, PROPERTIES, SERVICES, CommandRow

__all__ = ["commands_page"]

_HEAD = """# Commands of the simulated cars

The properties that the cloud can set on a simulated vehicle, and the services it can call. A command either has a
physical effect, visible in later telemetry, or is refused with a code and a reason; it is never executed in part. If
one property of a set is refused, the whole set is. Generated from the table of commands by
`python -m jinqiao.simulator.commands.page`.
"""

_SCENARIO = """
## From a scenario

```yaml
commands:
  - {at: 15 min, on: parked commuters, service: StartClimate, args: {Target: 22}}
  - {at: 50 min, on: charging, set: {charging:ChargeLimit: 80}}
  - {at: 1 h, on: 3 of taxis, service: StopCharging}
```

`on` is `[N of | N % | any | all] [parked | driving | charging | queueing] [fleet]`: `any` is one vehicle; without an
amount, all of them are addressed. The vehicles are chosen at the time of the command; where several towns run, in each
of them. The run's summary counts outcomes by code. `scenarios/remote-control.yaml` is a runnable example.

## Limits

- A driver who is charging at a station during a trip of his own leaves when he wants; a command cannot hold him for
  more than 15 minutes.
- Horn and lamps draw no energy, and no signal shows the horn.
- `Lock` on a car whose driver has just got out shows once he has left, 14 seconds after arrival.
- While software is being installed (see OTA), the vehicle is silent and executes no commands.
"""


def commands_page() -> str:
    """The whole page."""
    return "".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    for title, kind, table in (("Properties", "property", PROPERTIES), ("Services", "service", SERVICES)):
        yield f"\n## {title}\n\n| {kind} | input | what it does | output | refused with |\n"
        yield "|---|---|---|---|---|\n"
        yield from _rows(table)
    yield "\n## Codes\n\n"
    yield f"Any command may be refused with {' or '.join(str(refusal.code) for refusal in ANYTIME)}.\n\n"
    yield "| code | meaning |\n|---|---|\n| 200 | success |\n"
    yield from (f"| {refusal.code} | {refusal.text} |\n" for refusal in Refusal)
    yield "\n## Trouble codes\n\nWhat `ReadDtc` and the event `diagnostics:DtcReported` contain, after SAE J2012:\n\n"
    yield "| code | name |\n|---|---|\n"
    yield from (f"| {code} | {text} |\n" for code, text in CODES.items())
    yield _SCENARIO


def _rows(table: Mapping[str, CommandRow]) -> Iterator[str]:
    for row in table.values():
        inputs = "<br>".join(_input(one, row) for one in row.inputs)
        outputs = ", ".join(f"`{name}`" for name in row.outputs)
        codes = ", ".join(str(refusal.code) for refusal in row.refusals)
        yield f"| `{row.identifier}` | {inputs} | {row.effect} | {outputs} | {codes} |\n"


def _input(one: Input, row: CommandRow) -> str:
    return one.wanted if row.identifier in PROPERTIES else f"`{one.name}`: {one.wanted}"


if __name__ == "__main__":
    print(commands_page(), end="")

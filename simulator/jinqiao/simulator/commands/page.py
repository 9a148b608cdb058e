"""docs/commands.md, written from the table: `python -m jinqiao.simulator.commands.page > docs/commands.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..dtc import CODES
from .inputs import Input
from .refusals import Refusal
from .table import ANYTIME, PROPERTIES, SERVICES, CommandRow

__all__ = ["commands_page"]

_HEAD = """# Commands of the simulated cars

What the cloud may ask of a simulated vehicle: properties it may set, services it may call. Every command has a physical
effect, which later telemetry shows, or is refused with a code and a reason; nothing is done by half. A set of several
properties is refused whole if one of them is. Written from the table of commands by
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

`on` is `[N of | N % | any | all] [parked | driving | charging | queueing] [fleet]`: `any` is one vehicle, without an
amount all of them are meant. Who fits is decided at that moment. The run's summary counts the outcomes by code. A
runnable example is `scenarios/remote-control.yaml`.

## Limits

- A car with a driver in it who charges at a station for his own trip goes on when the driver wants; a command cannot
  hold him longer than 15 minutes.
- Horn and lamps draw no energy, and the horn is not heard in any signal.
- `Lock` on a car whose driver has just got out shows when he has gone, 14 seconds after the arrival.
- While software is installed (see OTA) the vehicle is silent and executes no command.
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
    yield "\n## Trouble codes\n\nWhat `ReadDtc` and the event `diagnostics:DtcReported` name, by SAE J2012:\n\n"
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

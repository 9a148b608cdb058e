"""docs/faults.md, written from the kinds: `python -m jinqiao.simulator.faults.page > docs/faults.md`."""

from __future__ import annotations

from collections.abc import Iterator

from jinqiao.wire.render.malformed import WAYS, Way

from .base import FaultSpec, LastingFault
from .kinds import KINDS

__all__ = ["faults_page"]

_HEAD = """# Faults

What can break in a scenario. Written from the kinds of fault by `python -m jinqiao.simulator.faults.page`.

```yaml
faults:
  - {at: 5 min, on: 3 of commuters, fault: ota_failure, step: -3, for: 2 h}
  - {between: [10 min, 20 min], on: any driving, fault: dtc, code: P0A80}
  - {when: StateOfCharge < 20 %, on: taxis, fault: auxiliary_battery_low}
```

Each has `at`, a time after the start, or `between` two of them, or `when` something becomes true of a vehicle
([more](triggers.md)), and `on`, which is `[N of | N % | any | all] [parked | driving | charging | queueing] [fleet]`, a
VIN or a list of VINs; who fits is decided when it begins. Those with `for` end after that time, or with the run. Those
that strike a station name it in place of `on`: `{at: 20 min, station: Jinqiao hub, fault: power_cut, for: 10 min}`.
Where several towns run, each has all of them. What truly happens to a vehicle is published as a label on
`/{product}/{device}/user/label`, and goes to every sink that takes labels ([an example](can.md#faults)).

| fault | its own keys | what it does | strikes |
|---|---|---|---|
"""

_WAYS = """
## Malformed payloads

What `malformed_payload` makes of a post, by its `kind`. The platform takes none of these messages on trust: it reads
and refuses them as a real device's, writes what it refuses into the device log, and takes what is good of a post that
is wrong in part. It replies where it cannot read that no reply is asked for, as in all posts of simulated vehicles. The
code is that of the log; where it depends on the type of a value, it is that of a number. A sample of protobuf goes on a
custom topic, which the platform passes on unread.

| kind | what is wrong | of protobuf samples too | code |
|---|---|---|---|
"""


def faults_page() -> str:
    """The whole page."""
    rows = "".join(_row(name, kind) for name, kind in KINDS.items())
    return _HEAD + rows + _WAYS + "".join(_way(name, way) for name, way in WAYS.items())


def _way(name: str, way: Way) -> str:
    samples = "yes" if way.protobuf is not None or way.topic is not None else ""
    return f"| `{name}` | {way.about} | {samples} | {way.code} |\n"


def _row(name: str, kind: type[FaultSpec]) -> str:
    about = " ".join((kind.__doc__ or "").split())
    strikes = "vehicles that send their CAN" if kind.needs_can else "any vehicle"
    if not kind.needs_vehicles:
        strikes = "a station"
    return f"| `{name}` | {'<br>'.join(_keys(kind))} | {about} | {strikes} |\n"


def _keys(kind: type[FaultSpec]) -> Iterator[str]:
    for name, field in kind.model_fields.items():
        if name in FaultSpec.model_fields or name == "fault":
            continue
        if name in LastingFault.model_fields and field.default is None:
            yield "`for`"
        else:
            default = "" if field.is_required() else f" ({field.default} if not said)"
            yield f"`{field.alias or name}`: {field.description}{default}"


if __name__ == "__main__":
    print(faults_page(), end="")

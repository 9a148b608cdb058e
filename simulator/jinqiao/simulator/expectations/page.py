"""docs/expectations.md, written from the forms:
`python -m jinqiao.simulator.expectations.page > docs/expectations.md`.
"""

from __future__ import annotations

from collections.abc import Mapping

from .detections import GRACE_MS
from .evidence import MOST_DETECTIONS
from .forms import FORMS, Form, Kind
from .judge import KEPT_FAILURES

__all__ = ["expectations_page"]

_HEAD = f"""# Expectations

What a scenario demands of a run, and of the product under test. Written from the forms of the language by
`python -m jinqiao.simulator.expectations.page`.

```yaml
phases: [{{name: warm-up, until: 20 min}}, {{name: rush, until: 80 min}}]
expect:
  - never(battery:CellTemperatureMax > 60 degC)
  - at 30 min: mean(StateOfCharge of commuters) between 40 % and 80 %
  - during rush: count(queueing) <= 15
  - after cell_overheat: StopCharging within 60 s for 95 %
  - detects cell_overheat: precision >= 90 %, recall >= 80 %, latency p90 <= 60 s
```

Each has a verdict: **passed**, **failed**, or **not exercised**, which is no pass: there was nothing that could
have failed. Before the end of a run an expectation may be **pending**; what nothing can change any more is decided
at once. The first {KEPT_FAILURES} failures are kept with vehicle, time and value. `jinqiao run` ends with exit code
1 unless all have passed.

In the tables `OP VALUE` is a comparison (`<` `<=` `>` `>=` `==` `!=`) or `between A and B`, both included. A value
has its unit: `60 degC`, `80 %`, `500 ms`. Names are identifiers of the thing model. `[…]` may be left out.
"""

_SECTIONS: Mapping[Kind, str] = {
    "vehicles": """
## Single vehicles

A `CONDITION` is that of `when:` of a fault or a command: comparisons of signals with `and`, `or`, `not` and
parentheses. A state of vehicles (`parked`, `driving`, `charging`, `queueing`) is a condition, and so is a signal
that is on or off (`climate:Active`). `of WHO` is a fleet, in all towns, or a VIN; without it all vehicles are
meant.

It is looked at in every sample that a vehicle takes of any of its signals, with the values that the car truly has,
not those that a broken sensor reports. Signals that are reported less often count as they were last.
""",
    "fleets": """
## Numbers of fleets

The last true values of all vehicles of a fleet, looked at in every second in which one of them reported, from when
all of them have reported once (some 10 s after the start). Comparisons of several numbers are put together with
`and`, `or` and `not`, inside `never`, `always` or `eventually`.
""",
    "traffic": """
## Traffic

Of the whole run, judged at its end. A `KIND` is a kind of topic as in [topics.md](topics.md): `property_post`,
`event_post`, `can_batch`.

- **delivered** is what reached the platform as a message of this kind, of all that vehicles said. What a network
  lost, what an offline vehicle did not keep or has not yet sent, and what is still on its way at the end is not
  delivered; what comes later as a history post is another kind. What could not go because a connection was away
  (`not_sent` in the summary) counts against every kind. A message that came twice counts twice, up to the number
  that was said.
- **latency**: with a `network:` the simulated time from a message's sending to its arrival, of every message that
  arrives, exact to 0.1 %. Without one it is measured: once a step, how long the broker takes to route what was sent
  before. It depends on the machine then, and at `--speed max` on how much is sent at once.
- **reply** counts the calls that reached a vehicle; the time is simulated.
""",
    "car": """
## The cars
""",
    "product": f"""
## The product under test

A fault begins and ends for each vehicle with its labels (`GET /control/labels`,
`/{{product}}/{{device}}/user/label`). A label `end` closes the oldest open `begin` of the same fault, vehicle and
parameters; a label `once` ends where it begins; what never ends lasts to the end of the run.

A **detection** comes from `POST /control/detections` or on `/{{product}}/{{device}}/user/detection`. Its time is
the one it names, otherwise the simulated time at which it came. None is refused; up to {MOST_DETECTIONS:,} are
scored.

- It is *true* when its vehicle has this fault at its time: from the begin to {GRACE_MS // 1000} s after the end,
  both included.
- The first one of a fault is its detection; its latency is its time less the fault's begin. Any further one is a
  *repeat*, neither true nor false.
- All others are *false*: before the fault, after that, of another vehicle, or of one that does not exist.
- Detections are taken in the order of their times, at the same time in the order in which they came. Where a vehicle
  has several faults of the kind, the one that began first and is not yet detected counts.

precision = true / (true + false), recall = detected faults / faults; `latency pNN` is the smallest latency that NN
% of the detected faults do not exceed. A detection of another kind of fault is another detector's.

A reaction counts from the moment the fault begins, in simulated time. A fault whose time is not over when the run
ends, and that saw no reaction, is not counted.
""",
}

_TAIL = """
## When

| before any of the above | looks at |
|---|---|
| `during PHASE:` (conditions, `after`) | what comes from its begin until before its end; a number also as it begins |
| `at TIME:` (conditions, not `eventually`) | what stands so long after the start: the last value of each vehicle |

Asked while a run is paused (`sandbox.expect`, `jinqiao ctl expect`, `POST /control/expectations`) an expectation is
judged over what has happened so far. A run that began with `--paused` keeps its past for that, as much as fits into
256 MB; a verdict over a part of it says from when on.
"""


def expectations_page() -> str:
    """The whole page."""
    return _HEAD + "".join(_section(kind, text) for kind, text in _SECTIONS.items()) + _TAIL


def _section(kind: Kind, text: str) -> str:
    rows = "".join(_row(form) for form in FORMS if form.kind == kind)
    return f"{text}\n| form | what it says | example | not exercised when |\n|---|---|---|---|\n{rows}"


def _row(form: Form) -> str:
    written = form.written.replace("|", "\\|")
    return f"| {written} | {form.meaning} | `{form.example}` | {form.idle} |\n"


if __name__ == "__main__":
    print(expectations_page(), end="")

"""`jinqiao ctl`: a run from a shell, over the control API: its time, its vehicles, its faults, its verdicts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jinqiao.base.errors import ExpectationFailed, InputError

if TYPE_CHECKING:
    from jinqiao.testing.client import ControlClient

__all__ = [
    "advance",
    "command",
    "detect",
    "expect",
    "fault",
    "labels",
    "pause",
    "resume",
    "speed",
    "state",
    "stations",
    "stop",
    "vehicle",
    "vehicles",
]

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="The run's control_url: `jinqiao run` prints it when it is ready.",
        envvar="JINQIAO_CONTROL_URL",
        show_default=False,
    ),
]
Token = Annotated[
    str | None,
    typer.Option("--token", help="The run's control_token.", envvar="JINQIAO_CONTROL_TOKEN", show_default=False),
]
Vin = Annotated[str, typer.Argument(help="A vehicle's VIN.", metavar="VIN", show_default=False)]
On = Annotated[
    list[str] | None,
    typer.Option(
        "--on",
        help="Which vehicles: a selection as in a scenario (taxis, '3 of commuters', 'any charging'), or a VIN; "
        "several VINs by repeating it.",
        metavar="WHO",
        show_default=False,
    ),
]
Given = Annotated[
    list[str] | None, typer.Argument(help="Parameters: NAME=VALUE, as in a scenario.", show_default=False)
]


def state(url: Url = None, token: Token = None) -> None:
    """Print how the run stands: simulated time, speed, how many vehicles do what, what was published.

    \b
    Example:
      export JINQIAO_CONTROL_URL=http://127.0.0.1:8080/control JINQIAO_CONTROL_TOKEN=secret
      jinqiao ctl state | jq -r .time
    """
    with _run(url, token) as run:
        _print(run.get("state"))


def pause(url: Url = None, token: Token = None) -> None:
    """Let the run stand still.

    \b
    Example:
      jinqiao ctl pause
    """
    with _run(url, token) as run:
        _print(run.post("pause"))


def resume(url: Url = None, token: Token = None) -> None:
    """Let the run go on, at the speed that was set.

    \b
    Example:
      jinqiao ctl resume
    """
    with _run(url, token) as run:
        _print(run.post("resume"))


def speed(
    value: Annotated[
        str, typer.Argument(help="Simulated seconds per second, or max.", metavar="SPEED", show_default=False)
    ],
    url: Url = None,
    token: Token = None,
) -> None:
    """Set the run's speed; a run that stands still goes on standing.

    \b
    Example:
      jinqiao ctl speed 10
      jinqiao ctl speed max
    """
    with _run(url, token) as run:
        _print(run.post("speed", body={"speed": _value(value)}))


def advance(
    time: Annotated[
        str, typer.Argument(help="Simulated time, e.g. 30s or '10 min'.", metavar="TIME", show_default=False)
    ],
    url: Url = None,
    token: Token = None,
) -> None:
    """Run for so much simulated time as fast as possible, then stand still; returns when all of it was forwarded.

    \b
    Example:
      jinqiao ctl advance '10 min' | jq .vehicles.charging
    """
    with _run(url, token) as run:
        _print(run.post("advance", body={"for": time}, patient=True))


def stop(url: Url = None, token: Token = None) -> None:
    """End the run as Ctrl-C does: it prints its summary and its verdicts.

    \b
    Example:
      jinqiao ctl stop
    """
    with _run(url, token) as run:
        _print(run.post("stop"))


def vehicles(
    fleet: Annotated[str | None, typer.Option("--fleet", help="Those of this fleet.", show_default=False)] = None,
    state: Annotated[
        str | None,
        typer.Option("--state", help="Those that are: parked, driving, charging, queueing …", show_default=False),
    ] = None,
    town: Annotated[str | None, typer.Option("--town", help="Those of this town.", show_default=False)] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.", show_default=False)] = None,
    after: Annotated[
        str | None,
        typer.Option("--after", help="Those behind this VIN: `next` of the answer before.", show_default=False),
    ] = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """List vehicles: VIN, model, state, charge, position.

    \b
    Example:
      jinqiao ctl vehicles --state charging --limit 1 | jq -r '.vehicles[0].vin'
    """
    with _run(url, token) as run:
        _print(run.get("vehicles", fleet=fleet, state=state, town=town, limit=limit, after=after))


def vehicle(vin: Vin, url: Url = None, token: Token = None) -> None:
    """Print one vehicle with all its signals.

    \b
    Example:
      jinqiao ctl vehicle LBVYLPASXN1100446 | jq '.signals["charging:ChargePower"]'
    """
    with _run(url, token) as run:
        _print(run.get("vehicles", vin))


def stations(url: Url = None, token: Token = None) -> None:
    """List charging stations: what each connector delivers, and how many vehicles wait.

    \b
    Example:
      jinqiao ctl stations | jq '.stations[] | {name, queue}'
    """
    with _run(url, token) as run:
        _print(run.get("stations"))


def fault(
    kind: Annotated[
        str | None,
        typer.Argument(help="The fault, e.g. cell_overheat; without it, faults are listed.", show_default=False),
    ] = None,
    given: Given = None,
    on: On = None,
    for_: Annotated[
        str | None, typer.Option("--for", help="How long it lasts, e.g. '2 min'.", metavar="TIME", show_default=False)
    ] = None,
    end: Annotated[
        str | None, typer.Option("--end", help="End the fault of this id.", metavar="ID", show_default=False)
    ] = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """Inject a fault, end one, or list those that are active and past.

    \b
    Example:
      jinqiao ctl fault cell_overheat --on LBVYLPASXN1100446 cell=17 rate='1.5 degC/min'
      jinqiao ctl fault sensor_stuck --on '5 %' --for '2 min' signal=VehicleSpeed | jq -r .id
      jinqiao ctl fault --end fault-3
      jinqiao ctl fault
    """
    if end is not None and (kind or given or on or for_):
        raise InputError("--end: found a fault to inject beside it, expected the id of one alone")
    with _run(url, token) as run:
        if end is not None:
            _print(run.delete("faults", end))
        elif kind is None:
            _print(run.get("faults"))
        else:
            lasting = {} if for_ is None else {"for": for_}
            _print(run.post("faults", body={"fault": kind, **_who(on), **lasting, **_pairs(given)}))


def command(
    service: Annotated[
        str | None, typer.Argument(help="The service to call, e.g. StartClimate.", show_default=False)
    ] = None,
    given: Given = None,
    on: On = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Set a property instead; may be repeated.", metavar="NAME=VALUE", show_default=False
        ),
    ] = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """Call a service of vehicles, or set their properties, and print what became of it in each.

    \b
    Example:
      jinqiao ctl command StartClimate Target=22 --on LBVYLPASXN1100446
      jinqiao ctl command --set charging:ChargeLimit=80 --on taxis | jq '.outcomes[].code'
    """
    if (service is None) == (not set_):
        raise InputError("jinqiao ctl command: expected either a service or --set NAME=VALUE")
    asked = {"set": _pairs(set_)} if service is None else {"service": service, "args": _pairs(given)}
    with _run(url, token) as run:
        _print(run.post("commands", body={**_who(on), **asked}))


def labels(
    since: Annotated[int, typer.Option("--since", min=0, help="Those with a number above this one.")] = 0,
    url: Url = None,
    token: Token = None,
) -> None:
    """List the ground truth: every fault that began or ended in a vehicle.

    \b
    Example:
      jinqiao ctl labels --since 12
    """
    with _run(url, token) as run:
        _print(run.get("labels", since=since))


def detect(
    vin: Vin,
    fault: Annotated[str, typer.Argument(help="The fault that was detected.", show_default=False)],
    time: Annotated[
        int | None,
        typer.Option("--time", help="When: simulated UTC, ms. Default: now.", metavar="MS", show_default=False),
    ] = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """Report a detection of the product under test, to be scored against the ground truth.

    \b
    Example:
      jinqiao ctl detect LBVYLPASXN1100446 cell_overheat
    """
    body: dict[str, Any] = {"vehicle": vin, "fault": fault, **({} if time is None else {"time": time})}
    with _run(url, token) as run:
        _print(run.post("detections", body=body))


def expect(
    text: Annotated[
        str | None, typer.Argument(help="An expectation; without it, the scenario's are listed.", show_default=False)
    ] = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """Judge an expectation over the run so far, or list the scenario's; exit code 1 when one does not hold.

    \b
    Example:
      jinqiao ctl expect 'never(battery:CellTemperatureMax > 60 degC)'
      jinqiao ctl expect | jq -r '.expectations[] | "\\(.verdict)  \\(.expect)"'
    """
    with _run(url, token) as run:
        if text is None:
            answer = run.get("expectations")
            _print(answer)
            _demand(answer["expectations"])
        else:
            answer = run.post("expectations", body={"expect": text})
            _print(answer)
            _demand([answer])


def _demand(verdicts: Iterable[dict[str, Any]]) -> None:
    """Raises ExpectationFailed that names each that does not hold, and what was measured."""
    bad = [one for one in verdicts if one["verdict"] not in ("passed", "pending")]
    if bad:
        raise ExpectationFailed("\n  ".join(f"{one['verdict']}: {one['expect']}: {one['measured']}" for one in bad))


@contextmanager
def _run(url: str | None, token: str | None) -> Iterator[ControlClient]:
    missing = [name for name, value in (("--url", url), ("--token", token)) if not value]
    if not url or not token:
        names = " and ".join(f"{name} (or JINQIAO_CONTROL_{name[2:].upper()})" for name in missing)
        raise InputError(
            f"{names} is missing: which run?\n  `jinqiao run` prints control_url and control_token when ready"
        )
    from jinqiao.testing.client import ControlClient  # not for --help

    run = ControlClient(url, token)
    try:
        yield run
    finally:
        run.close()


def _print(answer: Any) -> None:
    """One line for a program, more for a person."""
    print(json.dumps(answer, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None), flush=True)


def _who(on: list[str] | None) -> dict[str, Any]:
    if not on:
        raise InputError(
            "--on is missing: which vehicles? expected a VIN, or a selection such as 'all', 'taxis', '5 %'"
        )
    return {"on": on[0] if len(on) == 1 else on}


def _pairs(given: list[str] | None) -> dict[str, Any]:
    pairs = {}
    for one in given or ():
        name, equals, value = one.partition("=")
        if not name or not equals:
            raise InputError(f"{one!r} is no parameter, expected NAME=VALUE, e.g. cell=17")
        if name in pairs:
            raise InputError(f"{one!r}: {name} is given twice")
        pairs[name] = _value(value)
    return pairs


def _value(text: str) -> Any:
    """What is JSON (a number, true, a list) is that; all else is text."""
    try:
        return json.loads(text, parse_constant=_text)
    except ValueError:
        return text


def _text(constant: str) -> str:
    """`NaN` and `Infinity` are no JSON, whatever Python makes of them."""
    return constant

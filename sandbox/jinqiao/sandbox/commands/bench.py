"""`jinqiao bench`: how fast, beside what."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from ..bench.broker import bench_broker
from ..bench.can import bench_can
from ..bench.commands import bench_commands
from ..bench.connections import bench_connections
from ..bench.end_to_end import bench_end_to_end
from ..bench.peers import FASTSIM
from ..bench.physics import bench_physics
from ..bench.render import bench_render
from ..loop import run_async

__all__ = ["app"]

app = typer.Typer(help="Measure this machine: every figure beside a peer's from the same run.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


@app.command("physics")
def physics(
    vehicles: Annotated[int, typer.Option(min=1, max=2_000_000, help="Cars in the fleet.")] = 100_000,
    cycle: Annotated[str, typer.Option(help="Drive cycle, driven once by every car.", metavar="NAME")] = "US06",
    json_: AsJson = False,
) -> None:
    """Vehicle-steps per second of the full car model on one core, beside FASTSim's Rust engine.

    \b
    Example:
      jinqiao bench physics --vehicles 100000 --json
    """
    _tell(bench_physics(vehicles, cycle), as_json=json_)


@app.command("install-fastsim")
def install_fastsim(
    python: Annotated[
        str, typer.Option(help="Interpreter for it: FASTSim 2.1.5 is published for Python 3.9 to 3.12.", metavar="PATH")
    ] = sys.executable,
) -> None:
    """Install FASTSim 2.1.5, the peer of `bench physics`, into an environment of its own.

    \b
    Example:
      jinqiao bench install-fastsim
    """
    FASTSIM.install(python)
    print(FASTSIM.folder)


@app.command("render")
def render(
    vehicles: Annotated[int, typer.Option(min=1, max=1_000_000, help="Posts per batch.")] = 100_000,
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="About how long, for each side.")] = 5.0,
    json_: AsJson = False,
) -> None:
    """Alink property posts rendered per second on one core, beside orjson once per vehicle.

    \b
    Example:
      jinqiao bench render --json
    """
    _tell(bench_render(vehicles, seconds), as_json=json_)


@app.command("can")
def can(
    vehicles: Annotated[int, typer.Option(min=1, max=20_000, help="Buses of the whole-second figure.")] = 1_000,
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="About how long, for each side.")] = 3.0,
    json_: AsJson = False,
) -> None:
    """CAN frames packed per second on one core, counter and checksum included, beside cantools.

    \b
    Example:
      jinqiao bench can --json
    """
    _tell(bench_can(vehicles, seconds), as_json=json_)


@app.command("end-to-end")
def end_to_end(
    vehicles: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Vehicles, each posting once a second.")
    ] = 100_000,
    seconds: Annotated[int, typer.Option(min=5, max=3600, help="How long.")] = 60,
    peer_seconds: Annotated[float, typer.Option(min=1, max=600, help="How long the paho-mqtt client publishes.")] = 5.0,
    json_: AsJson = False,
) -> None:
    """Simulated vehicles through renderer and broker to a subscriber, beside one paho-mqtt client on the same broker.

    \b
    Example:
      jinqiao bench end-to-end --vehicles 100000 --json
    """
    print(f"{vehicles:,} vehicles for {seconds} s, then the peer for {peer_seconds:g} s …", file=sys.stderr)
    _tell(run_async(bench_end_to_end(vehicles, seconds, peer_seconds)), as_json=json_)


@app.command("broker")
def broker(
    seconds: Annotated[float, typer.Option(min=0.2, max=600, help="How long each load lasts.")] = 5.0,
    rounds: Annotated[int, typer.Option(min=1, max=20, help="Floods per broker; the cheapest counts.")] = 3,
    publishers: Annotated[int, typer.Option(min=1, max=15_000, help="Publishers of the fan-out to 100.")] = 1_000,
    json_: AsJson = False,
) -> None:
    """Processor time per message of the embedded broker, beside mosquitto's: floods, permissions, fan-out.

    \b
    Example:
      jinqiao bench broker --json
    """
    print(f"{2 * rounds * 5} floods of {seconds:g} s, then the fan-out …", file=sys.stderr)
    _tell(run_async(bench_broker(seconds, rounds, publishers)), as_json=json_)


@app.command("connections")
def connections(
    connections: Annotated[int, typer.Option(min=1, max=60_000, help="Idle connections.")] = 15_000,
    publishing: Annotated[int, typer.Option(min=1, max=15_000, help="Connections that publish.")] = 2_000,
    seconds: Annotated[float, typer.Option(min=0.5, max=600, help="How long they publish.")] = 5.0,
    # Each is a login of every device, and so is the storm: the platform allows five a minute.
    rounds: Annotated[int, typer.Option(min=1, max=4, help="Rounds per broker; the cheapest counts.")] = 3,
    storm: Annotated[float, typer.Option(min=1, max=20_000, help="Logins begun per second.")] = 1_000.0,
    json_: AsJson = False,
) -> None:
    """Memory and processor time of thousands of authenticated connections, beside mosquitto without authentication.

    \b
    Example:
      jinqiao bench connections --connections 15000 --json
    """
    print(f"{connections:,} logins, then {publishing:,} connections for {seconds:g} s …", file=sys.stderr)
    _tell(run_async(bench_connections(connections, publishing, seconds, rounds, storm)), as_json=json_)


@app.command("commands")
def commands(
    vehicles: Annotated[int, typer.Option(min=1, max=100_000, help="Vehicles, each posting once a second.")] = 1_000,
    commands: Annotated[int, typer.Option(min=10, max=100_000, help="Round trips of each kind.")] = 300,
    json_: AsJson = False,
) -> None:
    """Milliseconds until a simulated car has obeyed: a property set, a cloud call, and beside them the broker alone.

    \b
    Example:
      jinqiao bench commands --json
    """
    print(f"{vehicles:,} vehicles, {commands:,} commands of each kind …", file=sys.stderr)
    _tell(run_async(bench_commands(vehicles, commands)), as_json=json_)


def _tell(figures: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(figures))
        return
    _print(figures)


def _print(figures: dict[str, Any], indent: str = "") -> None:
    for name, value in figures.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            _print(value, indent + "  ")
        else:
            shown = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
            print(f"{indent}{name:<20} {shown}")

"""`jinqiao bench`: how fast, beside what."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Annotated, Any

import typer

from ..bench import amqp_peers
from ..bench.peers import FASTSIM, SUMO
from ..loop import run_async
from .benchmark import Benchmark
from .options import AsOneJson

__all__ = ["all_", "command_of", "install_amqp_clients", "install_fastsim", "install_sumo", "measure_of"]

_BENCHMARKS = "jinqiao.sandbox.bench"


def measure_of(row: Benchmark) -> Callable[..., Any]:
    """The function that measures; imports its module."""
    module, _, function = row.place.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(f"{_BENCHMARKS}.{module}"), function)
    return found


def command_of(row: Benchmark) -> Callable[..., None]:
    """The command of a benchmark: its options and `--json`; measures and prints."""
    measure = measure_of(row)

    def command(*, json_: bool, **options: Any) -> None:
        if row.begins:
            print(row.begins.format(**options), file=sys.stderr)
        found = measure(*(options[option.name] for option in row.options))
        figures = run_async(found) if inspect.iscoroutine(found) else found
        if json_:
            print(json.dumps(figures))
        else:
            _print(figures)

    as_json = Parameter("json_", Parameter.KEYWORD_ONLY, default=False, annotation=AsOneJson)
    signature = Signature([*(option.parameter() for option in row.options), as_json])
    command.__signature__ = signature  # type: ignore[attr-defined] # read by inspect, and so by typer
    command.__doc__ = f"{row.help}\n\n\b\nExample:\n  jinqiao bench {row.name} {row.example}\n"
    return command


def all_() -> None:
    """Run every benchmark with its default options, one after the other.

    Each runs in its own process, so that none inherits memory or warm caches. The first failure stops the run.

    \b
    Example:
      jinqiao bench all
    """
    from ..bench.table import BENCHMARKS  # the table names this module

    for row in BENCHMARKS:
        print(f"\n{row.name}: {row.help}", flush=True)
        done = subprocess.run([sys.executable, "-m", "jinqiao.sandbox.entry", "bench", row.name], check=False)
        if done.returncode:
            raise typer.Exit(done.returncode)


def install_fastsim(
    python: Annotated[
        str,
        typer.Option(
            help="Python interpreter to use: FASTSim 2.1.5 is published for Python 3.9 to 3.12.", metavar="PATH"
        ),
    ] = sys.executable,
) -> None:
    """Install FASTSim 2.1.5, the peer of `bench physics`, into its own environment.

    \b
    Example:
      jinqiao bench install-fastsim
    """
    FASTSIM.install(python)
    print(FASTSIM.folder)


def install_amqp_clients() -> None:
    """Install rhea 3.0.5 and qpid-proton 0.40.0, the peers of `bench amqp`, into environments of their own.

    rhea needs Node.js with npm; qpid-proton a C compiler where there is no wheel for this system.

    \b
    Example:
      jinqiao bench install-amqp-clients
    """
    for folder in amqp_peers.install():
        print(folder)


def install_sumo(
    python: Annotated[str, typer.Option(help="Python interpreter to use.", metavar="PATH")] = sys.executable,
) -> None:
    """Install SUMO 1.28.0, the peer of `bench sumo`, into its own environment.

    \b
    Example:
      jinqiao bench install-sumo
    """
    SUMO.install(python)
    print(SUMO.folder)


def _print(figures: dict[str, Any], indent: str = "") -> None:
    for name, value in figures.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            _print(value, indent + "  ")
        else:
            shown = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
            print(f"{indent}{name:<20} {shown}")

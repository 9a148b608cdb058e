"""A run from its options to its exit code, with its summary."""

from __future__ import annotations

import json
import sys
from typing import Any

import typer

from jinqiao.base.errors import EnvironmentFault, ExpectationFailed

from ..loop import run_async
from ..reporting import text
from ..reporting.facts import Facts
from ..reporting.gather import facts_of
from .announce import announce
from .console import console_for
from .gateway_child import GatewayChild
from .options import RunOptions
from .session import Ended
from .session import run as run_to_the_end

__all__ = ["execute"]


def execute(options: RunOptions, child: GatewayChild | None = None) -> None:
    """Run to the end; prints the summary of what ran and raises the fault that ended the run, if any.

    The summary that was asked for is written whatever ended the run, also before its first second. Raises
    ExpectationFailed when an expectation failed or was never exercised, and typer.Exit with the signal's code when a
    signal ended it, 130 for Ctrl-C.
    """
    ended = run_async(_go(options, child))
    facts = None
    if ended.running is not None:
        facts = facts_of(ended.running, ended.summary, broke=ended.fault is not None)
        for line in [*ended.summary.lines(), *text.lines(facts)]:
            print(line, file=sys.stderr)
    elif ended.exit_code:
        print("interrupted before the first second", file=sys.stderr)
    found = ended.summary.as_json()
    _write(options, found)
    if ended.running is not None and not sys.stdout.isatty():
        print(json.dumps({"summary": found}), flush=True)
    if facts is not None:
        options.reports.write(facts)
    if ended.fault is not None:
        raise ended.fault
    checker = None if ended.running is None else ended.running.checker
    if checker is not None and checker.total:
        kept = len(checker.violations)
        raise ExpectationFailed(
            f"the physics self-check found {checker.total:,} violations; the first {kept} are listed above"
        )
    if facts is not None and facts.bad:
        raise ExpectationFailed(_verdict(facts))
    if ended.exit_code:
        raise typer.Exit(ended.exit_code)


def _verdict(facts: Facts) -> str:
    return f"{len(facts.bad):,} of {len(facts.verdicts):,} expectations do not hold: {facts.words()}"


def _write(options: RunOptions, found: dict[str, Any]) -> None:
    if options.summary is None:
        return
    try:
        options.summary.write_text(json.dumps(found, indent=2) + "\n")
    except OSError as error:
        raise EnvironmentFault(f"--summary: {options.summary} cannot be written: {error.strerror}") from error


async def _go(options: RunOptions, child: GatewayChild | None) -> Ended:
    return await run_to_the_end(options, console_for(quiet=options.quiet), announce, child=child)

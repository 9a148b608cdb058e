"""A run from its options to its exit code, with its summary."""

from __future__ import annotations

import json
import sys

import typer

from jinqiao.base.errors import EnvironmentFault, ExpectationFailed

from ..loop import run_async
from .announce import announce
from .console import console_for
from .options import RunOptions
from .session import Ended
from .session import run as run_to_the_end

__all__ = ["execute"]


def execute(options: RunOptions) -> None:
    """Run to the end; prints the summary of what ran and raises the fault that ended the run, if any.

    Raises typer.Exit with the signal's code when a signal ended it, 130 for Ctrl-C.
    """
    ended = run_async(_go(options))
    if ended.running is not None:
        _report(options, ended)
    elif ended.exit_code:
        print("interrupted before the first second", file=sys.stderr)
    if ended.fault is not None:
        raise ended.fault
    checker = None if ended.running is None else ended.running.checker
    if checker is not None and checker.total:
        kept = len(checker.violations)
        raise ExpectationFailed(
            f"the physics self-check found {checker.total:,} violations; the first {kept} are listed above"
        )
    if ended.exit_code:
        raise typer.Exit(ended.exit_code)


def _report(options: RunOptions, ended: Ended) -> None:
    found = ended.summary.as_json()
    for line in ended.summary.lines():
        print(line, file=sys.stderr)
    if options.summary is not None:
        try:
            options.summary.write_text(json.dumps(found, indent=2) + "\n")
        except OSError as error:
            raise EnvironmentFault(f"--summary: {options.summary} cannot be written: {error.strerror}") from error
    if not sys.stdout.isatty():
        print(json.dumps({"summary": found}), flush=True)


async def _go(options: RunOptions) -> Ended:
    return await run_to_the_end(options, console_for(quiet=options.quiet), announce)

"""`jinqiao validate` and `jinqiao schema`: scenario files, before they are run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from jinqiao.base.errors import InputError

from ..bundled import scenario_file
from .new import write_schema

__all__ = ["schema", "validate"]


def validate(
    files: Annotated[list[Path], typer.Argument(help="Scenario files (YAML).", metavar="FILE", show_default=False)],
    strict: Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")] = False,
) -> None:
    """Check scenario files and report every problem as file:line:column.

    All files are checked. Valid files are listed on stdout; problems and warnings (valid, but probably not meant) go to
    stderr. Exit code 2 if any file is invalid.

    \b
    Example:
      jinqiao validate jinqiao-morning
      jinqiao validate scenarios/*.yaml
    """
    from ..scenario import load_run_scenario  # the whole language: not for --help

    wrong = 0
    for file in files:
        try:
            warnings = load_run_scenario(scenario_file(file)).warnings
        except InputError as error:
            wrong = error.exit_code
            print(error, file=sys.stderr)
            continue
        for problem in warnings:
            print(problem.as_warning(), file=sys.stderr)
        if warnings and strict:
            wrong = InputError.exit_code
        else:
            print(f"{file}: ok")
    if wrong:
        raise typer.Exit(wrong)


def schema(
    where: Annotated[
        Path,
        typer.Argument(
            help="With --write: a folder, or the scenario to write it beside.", metavar="WHERE", show_default=False
        ),
    ] = Path(),
    write: Annotated[bool, typer.Option("--write", help="Write scenario-1.json instead of printing it.")] = False,
) -> None:
    """Print or write the JSON Schema of scenario files, for completion and validation in an editor.

    \b
    Example:
      jinqiao schema --write plans/
      # and as the first line of a scenario there:
      # yaml-language-server: $schema=scenario-1.json
      jinqiao schema > scenario-1.json
    """
    if write:
        print(write_schema(where))
        return
    if where != Path():
        raise InputError(f"found {str(where)!r} without --write, expected: jinqiao schema --write {where}")
    from jinqiao.simulator.scenario import schema_text

    from ..scenario import RunScenario

    sys.stdout.write(schema_text(RunScenario))

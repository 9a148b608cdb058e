"""`jinqiao validate` and `jinqiao schema`: scenario files, before they are run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from jinqiao.base.errors import InputError

__all__ = ["schema", "validate"]


def validate(
    files: Annotated[list[Path], typer.Argument(help="Scenario files (YAML).", metavar="FILE...", show_default=False)],
) -> None:
    """Check scenario files and report every problem as file:line:column.

    All files are checked; a good one is named on stdout, problems go to stderr. Exit code 2 when any file is wrong.

    \b
    Example:
      jinqiao validate scenarios/jinqiao-morning.yaml
      jinqiao validate scenarios/*.yaml
    """
    from ..scenario import load_run_scenario  # the whole language: not for --help

    wrong = 0
    for file in files:
        try:
            load_run_scenario(file)
        except InputError as error:
            wrong = error.exit_code
            print(error, file=sys.stderr)
        else:
            print(f"{file}: ok")
    if wrong:
        raise typer.Exit(wrong)


def schema() -> None:
    """Print the JSON Schema of scenario files, for completion and checks in an editor.

    \b
    Example:
      jinqiao schema > scenario-1.json
      # and as the first line of a scenario:
      # yaml-language-server: $schema=scenario-1.json
    """
    from jinqiao.simulator.scenario import schema_text

    from ..scenario import RunScenario

    sys.stdout.write(schema_text(RunScenario))

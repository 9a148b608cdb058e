"""`jinqiao new`: a first scenario of one's own, with the schema an editor checks it by."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from jinqiao.base.errors import EnvironmentFault, InputError

from ..invoked import program

__all__ = ["new", "write_schema"]

_ENDINGS = (".yaml", ".yml")


def new(
    name: Annotated[
        str, typer.Argument(help="Name or path of the new file; .yaml is added.", metavar="NAME", show_default=False)
    ],
) -> None:
    """Write a commented scenario to start from, and beside it the schema that editors check it against.

    \b
    Example:
      jinqiao new my-fleet
      jinqiao run my-fleet.yaml --for 60s
    """
    path = Path(name) if name.endswith(_ENDINGS) else Path(f"{name}.yaml")
    if path.exists():
        raise InputError(f"{path} exists already; choose another name")
    if not path.resolve().parent.is_dir():
        raise InputError(f"no folder {str(path.parent)!r} to write {path.name!r} into")
    schema = write_schema(path)
    _write(path, resources.files("jinqiao.sandbox").joinpath("starter.yaml").read_text("utf-8"))
    print(path)
    print(f"wrote {path} and {schema}; try: {program()} run {path} --for 60s", file=sys.stderr)


def write_schema(beside: Path) -> Path:
    """Write the schema into a folder, or beside a file; returns where. Raises InputError or EnvironmentFault."""
    from jinqiao.simulator.scenario.schema import SCHEMA_NAME, schema_text

    from ..scenario import RunScenario  # the whole language: not for --help

    folder = beside if beside.is_dir() else beside.parent
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r} to write {SCHEMA_NAME!r} into")
    path = folder / SCHEMA_NAME
    _write(path, schema_text(RunScenario))
    return path


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be written: {error.strerror}") from error

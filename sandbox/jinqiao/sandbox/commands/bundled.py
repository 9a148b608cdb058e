"""`jinqiao scenario`: the scenarios that come with the program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from jinqiao.base.errors import EnvironmentFault, InputError

from ..bundled import bundled_scenario, bundled_scenarios
from ..invoked import program
from .new import write_schema
from .options import AsJson

__all__ = ["copy", "list_"]

#: Begins the line that points an editor to the schema; that of a copy is beside it.
_SCHEMA_LINE = "# yaml-language-server:"


def list_(json_: AsJson = False) -> None:
    """List the bundled scenarios; `jinqiao run NAME` runs one from any folder.

    \b
    Example:
      jinqiao scenario list
    """
    rows = [{"name": name, "about": _about(path), "file": str(path)} for name, path in bundled_scenarios().items()]
    if json_:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table("name", "about", box=None)
    for row in rows:
        table.add_row(row["name"], row["about"])
    Console().print(table)


def copy(
    name: Annotated[str, typer.Argument(help="Name of a bundled scenario.", metavar="NAME", show_default=False)],
    to: Annotated[
        Path | None, typer.Argument(help="File or folder to write to.", metavar="TO", show_default="NAME.yaml")
    ] = None,
) -> None:
    """Copy a bundled scenario so that you can change it, and beside it the schema editors check it against.

    \b
    Example:
      jinqiao scenario copy jinqiao-morning
      jinqiao scenario copy winter my-winter.yaml
    """
    source = bundled_scenario(name)
    target = to if to is not None else Path()
    target = target / source.name if target.is_dir() else target
    if target.exists():
        raise InputError(f"{target} exists already; choose another name, or delete it first")
    schema = write_schema(target)
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    begin = f"{_SCHEMA_LINE} $schema={schema.name}\n"
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(begin + "".join(line for line in lines if not line.startswith(_SCHEMA_LINE)))
    except OSError as error:
        raise EnvironmentFault(f"{target} cannot be written: {error.strerror}") from error
    print(f"{target}: run it with: {program()} run {target}")


def _about(path: Path) -> str:
    """The first sentence of the comment at the head of the file."""
    comment = []
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith(_SCHEMA_LINE):
            comment.append(line.lstrip("# "))
    return " ".join(comment).partition(". ")[0].removesuffix(".")

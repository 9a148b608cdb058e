"""`jinqiao --version`."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["with_version"]


def _print(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # takes longer than the rest of the command line

        print(f"jinqiao {version('jinqiao')}")
        raise typer.Exit


def with_version(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print, is_eager=True)
    ] = False,
) -> None:
    """The options of the program itself."""

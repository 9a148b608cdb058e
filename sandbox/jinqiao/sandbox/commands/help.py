"""How `--help` words options: a flag takes no value, so none is shown; types and defaults in words a user has."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from typer.core import TyperCommand, TyperGroup

__all__ = ["PlainCommand", "PlainGroup"]

_LIST = re.compile(r"list\[(.*)\]")


class PlainCommand(TyperCommand):
    """A command whose help is worded so."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _worded(super().get_params(ctx))


class PlainGroup(TyperGroup):
    """A group whose help is worded so."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _worded(super().get_params(ctx))


def _worded(parameters: list[Any]) -> list[Any]:
    """The same options and arguments; asked for more than once, they are worded once."""
    for parameter in parameters:
        # Of typer's own making, and not in all of its versions: those before show a flag as it is.
        shown = getattr(parameter, "display_type_rich", None)
        if shown is not None and not hasattr(parameter, "worded"):
            parameter.display_type_rich = _type_of(parameter, shown)
            parameter.worded = True
        default = getattr(parameter, "show_default", None)
        if isinstance(default, str):  # would stand in parentheses, like something computed
            parameter.show_default = False
            parameter.help = f"{parameter.help} Default: {default}."
    return parameters


def _type_of(parameter: Any, shown: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    def worded(ctx: Any) -> str | None:
        text = shown(ctx)
        if text is None or getattr(parameter, "is_flag", False):
            return None
        return _LIST.sub(r"\1", text).replace(" range", "").replace("Path", "path")

    return worded

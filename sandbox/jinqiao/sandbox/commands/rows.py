"""What a row of the command table is, and how it becomes a command: its module is imported when it is called.

Help of a group shows the rows alone. So `jinqiao --help` and a command that is small start without the simulator, the
broker and their libraries, which take ten times as long to import as the command line itself.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import typer
from typer.core import TyperCommand

from ..early import imported
from .help import PlainCommand, PlainGroup

__all__ = ["Command", "Group", "app_of"]


def _no_options() -> None:
    """A group does nothing by itself."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: a function with typer's annotations.

    `place` is `module:function`, the module beside this one. `help` is the first paragraph of the function's docstring,
    which a test keeps equal. `work` are modules that the function imports itself, because its help needs none of them.
    """

    name: str
    place: str
    help: str
    work: tuple[str, ...] = field(default=(), kw_only=True)

    def function(self) -> Callable[..., Any]:
        """The command's function; imports its module."""
        module, _, function = self.place.partition(":")
        found: Callable[..., Any] = getattr(importlib.import_module(f".{module}", __package__), function)
        return found

    def _begin(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, called when everything it needs is imported: only then a signal may interrupt it."""

        @functools.wraps(function)
        def begin(*arguments: Any, **options: Any) -> Any:
            for module in self.work:
                importlib.import_module(module, __package__)
            imported()
            return function(*arguments, **options)

        return begin

    def load(self) -> Any:
        """The command, ready to be called (of typer's own class, which is not the same one in all of its versions)."""
        alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
        alone.command(self.name, cls=PlainCommand)(self._begin(self.function()))
        return typer.main.get_command(alone)


@dataclass(frozen=True, slots=True)
class Group:
    """Commands under one word. `callback` has the options of the word itself; most have none."""

    name: str
    help: str
    rows: tuple[Command | Group, ...]
    callback: Callable[..., None] = _no_options

    def load(self) -> Any:
        """The group, ready to be called; none of its commands is imported yet."""
        return typer.main.get_command(app_of(self))


def app_of(group: Group) -> typer.Typer:
    """The program, or part of it, whose commands are the rows of this group."""
    rows = {row.name: row for row in group.rows}

    class Table(_Table):
        pass

    Table.rows = rows
    return typer.Typer(
        name=group.name,
        cls=Table,
        callback=group.callback,
        help=group.help,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        add_completion=False,
    )


class _Table(PlainGroup):
    """A group that lists its rows and loads the one that is called."""

    rows: Mapping[str, Command | Group]

    def __init__(self, **attributes: Any) -> None:
        listed = {name: TyperCommand(name, help=row.help) for name, row in self.rows.items()}
        super().__init__(**attributes | {"commands": listed})

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, _, rest = super().resolve_command(ctx, args)
        return name, None if name is None else self.rows[name].load(), rest
